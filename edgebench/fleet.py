"""Several units at once: one process of the command line a unit, side by side."""

import contextlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the command of one unit ended, and what it printed."""

    status: int
    printed: bytes


def run(commands: Mapping[str, Sequence[str]], say: Callable[[str], None]) -> dict[str, Outcome]:
    """Run a command for each unit at the same time and return how they ended, by unit.

    `say` gets every line that one writes to standard error, with the unit before it. KeyboardInterrupt interrupts
    them all and waits until they have ended in order.
    """
    with contextlib.ExitStack() as stack:
        outputs = {unit: stack.enter_context(tempfile.TemporaryFile()) for unit in commands}
        processes = {
            unit: subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=outputs[unit], stderr=subprocess.PIPE)
            for unit, command in commands.items()
        }
        threads = [
            threading.Thread(target=_relay, args=(unit, process.stderr, say)) for unit, process in processes.items()
        ]
        for thread in threads:
            thread.start()
        try:
            _wait(processes)
        except KeyboardInterrupt:
            for process in processes.values():
                process.send_signal(signal.SIGINT)
            _wait(processes)
        for thread in threads:
            thread.join()
        return {unit: _outcome(process, outputs[unit]) for unit, process in processes.items()}


def _relay(unit: str, lines: IO[bytes] | None, say: Callable[[str], None]) -> None:
    assert lines is not None
    with lines:
        for line in lines:
            say(f"{unit}: {line.decode(errors='replace').rstrip()}")


def _wait(processes: "Mapping[str, subprocess.Popen[bytes]]") -> None:
    for process in processes.values():
        process.wait()


def _outcome(process: "subprocess.Popen[bytes]", output: IO[bytes]) -> Outcome:
    output.seek(0)
    return Outcome(status=process.returncode, printed=output.read())
