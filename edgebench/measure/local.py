"""The transport to an agent on this machine: nothing is copied, and the spools lie in the run folder."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebench.board.wire import Hello
from edgebench.measure.transport import Connection, started


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """This machine; an agent here ends when the process that started it does. `lock` keeps two sessions apart.

    An agent waits `wait_s` seconds for the lock.
    """

    lock: Path | None = None
    wait_s: float = 120

    @contextlib.contextmanager
    def agent(self) -> Iterator[tuple[Connection, Hello]]:
        """Start an agent in a process of its own."""
        # -P: nothing is imported from the folder in which the user stands.
        command = [sys.executable, "-P", "-m", "edgebench.board.agent", "--die-with-parent"]
        command += ["--lock", str(self.lock), "--wait", str(self.wait_s)] if self.lock is not None else []
        with started(command, "this machine") as (connection, hello):
            yield connection, hello

    def place(self, connection: Connection, path: Path) -> str:
        """Return the file's own path."""
        return str(path)

    def spool(self, folder: Path, session: str) -> str:
        """Return a file in the run folder."""
        return str(folder / f"spool-{session}.jsonl")

    def recover(self, folder: Path, connection: Connection | None) -> None:
        """Do nothing: the spools are where they belong."""

    def clear(self, folder: Path, session: str) -> None:
        """Delete the spool."""
        (folder / f"spool-{session}.jsonl").unlink(missing_ok=True)
