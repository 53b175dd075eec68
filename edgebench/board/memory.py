"""What the kernel says of this process: resident memory and the threads that ran. Linux only."""

import re
from pathlib import Path

_KIB = 1024


def status_bytes(text: str, key: str) -> int | None:
    """Return one memory figure of a /proc/PID/status file in bytes, None when it is not there.

    >>> status_bytes("VmHWM:     1024 kB", "VmHWM")
    1048576
    """
    match = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * _KIB if match else None


def read(key: str, process: Path = Path("/proc/self")) -> int:
    """Return one memory figure (VmRSS, VmHWM, RssAnon, RssFile) of a process in bytes."""
    value = status_bytes((process / "status").read_text(), key)
    if value is None:
        raise OSError(f"{process}/status has no {key}: expected a Linux kernel of 4.5 or newer")
    return value


def thread_seconds(process: Path = Path("/proc/self")) -> dict[int, float]:
    """Return the CPU seconds of every living thread of a process by thread id (first field of its schedstat)."""
    spent = {}
    for task in (process / "task").iterdir():
        try:
            spent[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:  # the thread ended, or the kernel keeps no schedstat: a thread not seen is not counted
            continue
    return spent


def active_threads(before: dict[int, float], after: dict[int, float], wall_s: float) -> int:
    """Return how many threads ran for more than 2 % of a span: those that computed, without the idle ones.

    >>> active_threads({1: 0.0}, {1: 0.9, 2: 0.8, 3: 0.001}, 1.0)
    2
    """
    return sum(spent - before.get(thread, 0.0) > 0.02 * wall_s for thread, spent in after.items())
