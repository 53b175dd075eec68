"""The process on the measuring side that owns sessions: starts workers, runs the rounds, keeps what came of them.

Started as `python -m edgebench.board.agent`, locally or through ssh. It says hello and reads one session plan a line.
Once the footprints are taken, and after each invocation, it writes all that was found; after an invocation it waits
for `another` or `stop`. While workers measure it writes only to its spool file: the host sleeps until an invocation is
over. In a long one it hears every half minute, between two blocks, that the agent is still at it.
"""

import argparse
import contextlib
import ctypes
import fcntl
import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

from edgebench.board import files, listing, wire
from edgebench.board.backends import survey
from edgebench.board.outbox import Outbox
from edgebench.board.probe import probe
from edgebench.board.session import Session
from edgebench.board.wire import FilesAsked, FilesState, SensorsAsked, SensorsState, SessionPlan

ROOT_VARIABLE = "EDGEBENCH_SENSORS_ROOT"
"""Environment variable: the tree in which the machine's signals and sensors are read in place of "/".

It is for tests and recorded boards; every energy that was read there says so.
"""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LOCK_PAUSE_S = 0.5


def serve(commands: BinaryIO, outbox: Outbox) -> None:
    """Run the sessions that the host asks for, until it closes the stream."""
    allowed = sorted(os.sched_getaffinity(0))
    runtimes, broken = survey()
    outbox.put(wire.Hello(protocol=wire.PROTOCOL, pid=os.getpid(), facts=probe(), runtimes=runtimes, broken=broken))
    outbox.flush()
    for line in commands:
        try:
            request = wire.decode_request(line)
            if not isinstance(request, SessionPlan):
                outbox.put(_answer(request))
                outbox.flush()
                continue
        except wire.WireError as error:
            outbox.put(wire.Refused(message=str(error)))
            outbox.flush()
            continue
        with outbox.spooling(request.spool):
            _run(request, commands, outbox, allowed)


def _answer(request: FilesAsked | SensorsAsked) -> FilesState | SensorsState:
    if isinstance(request, SensorsAsked):
        return listing.sensors(_root())
    return FilesState(missing=tuple(files.settle(Path(files.FOLDER), request.wanted)))


def _root() -> Path:
    return Path(os.environ.get(ROOT_VARIABLE, "/"))


def _run(plan: SessionPlan, commands: BinaryIO, outbox: Outbox, allowed: list[int]) -> None:
    """Run a session; between invocations the host answers, for the stop rule is its business."""
    most = max(trial.threads for trial in plan.trials)
    if most > len(allowed):
        outbox.put(wire.Refused(message=f"{most} threads asked for: this side may use {len(allowed)} processors"))
        outbox.flush()
        return
    os.sched_setaffinity(0, allowed[:-most] or allowed)
    session = Session(plan, outbox, allowed, _root())
    session.prepare()
    for invocation in itertools.count(plan.first_invocation):
        alive = session.invoke(invocation)
        if commands.readline().strip() != b"another" or not alive:
            return


def main() -> int:
    """Serve the host on standard input and output."""
    parser = argparse.ArgumentParser(prog="edgebench.board.agent", description="Measure what the host asks for.")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    parser.add_argument("--lock", type=Path, help="measure only while this file is locked by us")
    parser.add_argument("--wait", type=float, default=120, help="how many seconds to wait for that lock")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    if arguments.die_with_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    outbox = Outbox(sys.stdout.buffer)
    with contextlib.ExitStack() as stack:
        if arguments.lock is not None and not _locked(stack.enter_context(arguments.lock.open("ab")), arguments.wait):
            outbox.put(wire.Refused(message=f"another session is measuring: {arguments.lock} is locked"))
            outbox.flush()
            return 1
        serve(sys.stdin.buffer, outbox)
    return 0


def _locked(file: BinaryIO, wait_s: float) -> bool:
    """Lock a file, and tell whether that worked: after a lost link the agent before this one may still be measuring."""
    until = time.perf_counter() + wait_s
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.perf_counter() >= until:
            return False
        time.sleep(_LOCK_PAUSE_S)


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
