"""A bounded load of our own: a process that is busy now and then on the processor that measures.

Started as `python -m edgebench.board.neighbour --seconds 60 --cpu 1 --seed 7`. It is busy for a second and idle for one
and a half, both in the mean and exponential; it ends by itself after its time, and with the process that started it.
"""

import argparse
import contextlib
import ctypes
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from edgebench.board.child import SAFE_PATH

LONGEST_S = 4 * 3600.0
"""Longer than any selftest; a load that outlives its purpose would spoil other people's measurements."""

_BUSY_S, _IDLE_S = 1.0, 1.5
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def spans(seed: int) -> Iterator[tuple[float, float]]:
    """Yield seconds to be busy and seconds to be idle, without end; a seed replays them.

    >>> next(spans(7)) == next(spans(7))
    True
    """
    generator = random.Random(f"neighbour {seed}")
    while True:
        yield generator.expovariate(1 / _BUSY_S), generator.expovariate(1 / _IDLE_S)


def disturb(seconds: float, seed: int) -> None:
    """Be busy and idle in turn, for so many seconds in all."""
    end = time.perf_counter() + seconds
    for busy_s, idle_s in spans(seed):
        until = min(end, time.perf_counter() + busy_s)
        while time.perf_counter() < until:
            pass
        rest = end - time.perf_counter()
        if rest <= 0:
            return
        time.sleep(min(idle_s, rest))


@contextlib.contextmanager
def started(seconds: float, cpu: int, seed: int) -> "Iterator[subprocess.Popen[bytes]]":
    """Have a neighbour on a processor for so many seconds, or until the context ends.

    Raise ChildProcessError in the end if it could not do what it was asked for: then nobody was disturbed.
    """
    command = [sys.executable, "-m", "edgebench.board.neighbour"]
    process = subprocess.Popen(
        [*command, "--seconds", str(seconds), "--cpu", str(cpu), "--seed", str(seed)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **SAFE_PATH},
    )
    try:
        yield process
        if process.poll():
            raise ChildProcessError(f"the neighbour on processor {cpu} ended by itself ({process.returncode})")
    finally:
        process.kill()
        process.wait()


def main() -> int:
    """Load one processor for a while."""
    parser = argparse.ArgumentParser(prog="edgebench.board.neighbour", description="Be busy now and then.")
    parser.add_argument("--seconds", type=float, required=True, help="when to end")
    parser.add_argument("--cpu", type=int, required=True, help="the processor to load")
    parser.add_argument("--seed", type=int, required=True, help="what replays the spans")
    arguments = parser.parse_args()
    if not 0 < arguments.seconds <= LONGEST_S:
        parser.error(f"{arguments.seconds:g} seconds asked for: expected more than 0, {LONGEST_S:g} at most")
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.alarm(math.ceil(arguments.seconds) + 1)  # ends the process whatever it does by then
    try:
        os.sched_setaffinity(0, {arguments.cpu})
    except OSError:
        parser.error(f"processor {arguments.cpu} asked for: there is none that this process may use")
    disturb(arguments.seconds, arguments.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
