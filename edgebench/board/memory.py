"""What the kernel says of this process: resident memory and the threads that ran. Linux only."""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024
_RESET_PEAK = b"5"  # proc_pid_clear_refs(5), since Linux 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a process has mapped, in bytes; None where this kernel does not tell.

    Proportional: a page that n processes share counts as an n-th in each. `unique_bytes` nobody else has.
    """

    proportional_bytes: int | None = None
    anonymous_bytes: int | None = None
    file_bytes: int | None = None
    unique_bytes: int | None = None
    swapped_bytes: int | None = None


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


def parse_mapped(text: str) -> Mapped:
    """Return the sums over a /proc/PID/smaps file, or the figures of its smaps_rollup, which has each once.

    Kernels before 5.3 do not tell anonymous from file-backed pages here.

    >>> parse_mapped("Pss: 8 kB\\nPrivate_Clean: 1 kB\\nPrivate_Dirty: 2 kB\\nPss: 4 kB\\n").proportional_bytes
    12288
    """
    sums: dict[str, int] = defaultdict(int)
    for key, kib in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE):
        sums[key] += int(kib) * _KIB
    unique = [sums[key] for key in ("Private_Clean", "Private_Dirty") if key in sums]
    return Mapped(
        proportional_bytes=sums.get("Pss"),
        anonymous_bytes=sums.get("Pss_Anon"),
        file_bytes=sums.get("Pss_File"),
        unique_bytes=sum(unique) if unique else None,
        swapped_bytes=sums.get("Swap"),
    )


def mapped(process: Path = Path("/proc/self")) -> Mapped:
    """Return what a process has mapped; the kernel walks all of it, which takes milliseconds."""
    for name in ("smaps_rollup", "smaps"):  # the first since Linux 4.14
        try:
            return parse_mapped((process / name).read_text())
        except OSError:
            continue
    return Mapped()


def reset_peak(process: Path = Path("/proc/self")) -> bool:
    """Have the high-water mark of resident memory (VmHWM) begin anew; tell whether the kernel did."""
    try:
        descriptor = os.open(process / "clear_refs", os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(descriptor, _RESET_PEAK) == len(_RESET_PEAK)
    except OSError:
        return False
    finally:
        os.close(descriptor)


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
