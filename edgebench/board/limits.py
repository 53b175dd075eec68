"""Hold a worker to a size of memory, tell how much it took, and whether the kernel killed it for want of memory."""

import contextlib
import re
import secrets
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_JOIN = 'echo 0 2>/dev/null >"$0"; exec "$@"'  # 0: the process that writes


class MemoryGroup:
    """A control group of one worker, of version 2 or 1, where one can be made: for a limit, or to count its memory."""

    def __init__(self, limit_bytes: int | None, root: Path = _GROUPS, *, counted: bool = False) -> None:
        self._asked = limit_bytes is not None
        self._folder = _made(root, limit_bytes) if self._asked or counted else None

    @property
    def entry(self) -> list[str]:
        """Return what stands before the command of a process that joins this group: [] without one.

        A process that is put into a group later has memory already, which stays with the group that it came from.
        """
        return [] if self._folder is None else ["/bin/sh", "-c", _JOIN, str(self._folder / "cgroup.procs")]

    def has(self, pid: int) -> bool:
        """Tell whether a process that lives is in the group."""
        if self._folder is None:
            return False
        try:
            return str(pid) in (self._folder / "cgroup.procs").read_text().split()
        except OSError:
            return False

    def holds(self, pid: int) -> bool | None:
        """Tell whether a process that lives is held to the limit, None without a limit."""
        return self.has(pid) if self._asked else None

    def kills(self) -> int | None:
        """Return how many processes of this group the kernel has killed for want of memory, None without a group."""
        if self._folder is None:
            return None
        for name in ("memory.events", "memory.oom_control"):  # version 2, version 1
            with contextlib.suppress(OSError):
                return oom_kills((self._folder / name).read_text())
        return None

    def peak_bytes(self) -> int | None:
        """Return the most memory that this group ever held, page cache included; None where nobody counts it."""
        if self._folder is None:
            return None
        for name in ("memory.peak", "memory.max_usage_in_bytes"):  # version 2 since Linux 5.19, version 1
            with contextlib.suppress(OSError, ValueError):
                return int((self._folder / name).read_text())
        return None

    def close(self) -> None:
        """Remove the group, which must be empty by then."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def oom_kills(text: str) -> int | None:
    """Return the `oom_kill` counter of memory.events, memory.oom_control or /proc/vmstat, None where it is not kept.

    >>> oom_kills("low 0\\noom 1\\noom_kill 2\\n")
    2
    """
    match = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(match[1]) if match else None


def kills_of_board(proc: Path = Path("/proc")) -> int | None:
    """Return how many processes the kernel of this board has killed for want of memory, None before Linux 4.13."""
    try:
        return oom_kills((proc / "vmstat").read_text())
    except OSError:
        return None


def _made(root: Path, limit_bytes: int | None) -> Path | None:
    """Make a group under the first tree that lets us, and set its limit; swap would only hide that memory is short."""
    name = f"edgebench-{secrets.token_hex(4)}"
    for tree, limits in (
        (root / "memory", ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")),
        (root, ("memory.max", "memory.swap.max")),
    ):
        if not (tree / "cgroup.procs").exists():
            continue
        folder = tree / name
        try:
            folder.mkdir()
            if limit_bytes is not None:
                (folder / limits[0]).write_text(str(limit_bytes))
                with contextlib.suppress(OSError):  # a kernel without swap accounting
                    (folder / limits[1]).write_text(str(limit_bytes) if tree != root else "0")
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        return folder
    return None
