"""Hold a worker to a size of memory, and tell whether the kernel killed it for want of memory."""

import contextlib
import re
import secrets
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A control group of one worker, of version 2 or 1, if a limit is asked for and one can be made."""

    def __init__(self, limit_bytes: int | None, root: Path = _GROUPS) -> None:
        self._asked = limit_bytes is not None
        self._folder = None if limit_bytes is None else _made(root, limit_bytes)

    @property
    def held(self) -> bool | None:
        """Tell whether the limit holds, None without a limit."""
        return self._folder is not None if self._asked else None

    def adopt(self, pid: int) -> None:
        """Put a process into the group; what it starts later is in it too."""
        if self._folder is not None:
            (self._folder / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int | None:
        """Return how many processes of this group the kernel has killed for want of memory, None without a group."""
        if self._folder is None:
            return None
        for name in ("memory.events", "memory.oom_control"):  # version 2, version 1
            with contextlib.suppress(OSError):
                return oom_kills((self._folder / name).read_text())
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


def _made(root: Path, limit_bytes: int) -> Path | None:
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
            (folder / limits[0]).write_text(str(limit_bytes))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            continue
        with contextlib.suppress(OSError):  # a kernel without swap accounting
            (folder / limits[1]).write_text(str(limit_bytes) if tree != root else "0")
        return folder
    return None
