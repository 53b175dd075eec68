"""The transport to an agent on a board that `devices setup` has prepared."""

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebench import units
from edgebench.board.files import FOLDER, PART, sha256
from edgebench.board.wire import FileName, FilesAsked, FilesState, Hello, encode
from edgebench.errors import DeviceUnreachableError, EdgebenchError, LostTrialError
from edgebench.measure.link import UNREACHED, WORK, BoardCommandFailed, Link, advice
from edgebench.measure.transport import AgentMissingError, Connection, started

_FILES = f"{WORK}/{FOLDER}"
_SPOOLS = f"{WORK}/spool"
# onnxruntime writes a file of its own under the cache folder: it too has to stay in ours.
_AGENT = (
    f'cd {WORK} && exec env XDG_CACHE_HOME="$PWD/cache" PYTHONPATH=lib PYTHONSAFEPATH=1 '
    "venv/bin/python -u -m edgebench.board.agent --lock agent.lock"
)
_STOP_S = 10
_SPOOL = re.compile(r"(s[0-9]{1,6})\.jsonl")
_MOST_SPOOL_BYTES = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """A board behind a link."""

    link: Link

    @contextlib.contextmanager
    def agent(self) -> Iterator[tuple[Connection, Hello]]:
        """Start the agent on the board; it outlives a lost connection until its invocation is over."""
        try:
            with started(self.link.command(["sh", "-c", _AGENT]), self.link.host) as (connection, hello):
                connection.before_end = functools.partial(self._kill, hello.pid)
                yield connection, hello
        except AgentMissingError as missing:
            raise DeviceUnreachableError(f"{str(missing).rstrip('.')}; {_way(missing, self.link.host)}.") from missing

    def place(self, connection: Connection, path: Path) -> str:
        """Copy a file under its content's name, unless it is there; what a broken copy left is gone on with.

        Raise LostTrialError when it does not arrive.
        """
        content = sha256(path)
        file = FileName(sha256=content, name=path.name)
        failure = "it has another content there"
        for afresh in (False, True):
            if not _missing(connection, file):
                break
            try:
                self._copy(path, f"{_FILES}/{content}", afresh=afresh)
            except BoardCommandFailed as failed:  # no room, or what lies there is no beginning of this file
                failure = str(failed)
        if _missing(connection, file):
            size = units.size(path.stat().st_size)
            raise LostTrialError(f"{path.name} ({size}) could not be copied to {self.link.host}: {failure}.")
        return f"{FOLDER}/{content}/{path.name}"

    def spool(self, folder: Path, session: str) -> str:
        """Return a file in the board's work folder, named after the run."""
        return f"spool/{folder.name}-{session}.jsonl"

    def recover(self, folder: Path, connection: Connection | None) -> None:
        """Fetch the run's spools, when no agent but ours is on the board: an agent waits for the one before it."""
        with contextlib.nullcontext() if connection is not None else self.agent():
            for session in self._spooled(folder):
                spool = f"{WORK}/{self.spool(folder, session)}"
                with contextlib.suppress(BoardCommandFailed):  # half a spool is read as far as it goes
                    self.link.fetch(["cat", "--", spool], folder / f"spool-{session}.jsonl", _MOST_SPOOL_BYTES)
                    self.link.run(["rm", "-f", "--", spool])

    def _spooled(self, folder: Path) -> list[str]:
        """Return the sessions of a run that the board has spools of; a name that is none of ours is left alone."""
        try:
            names = self.link.run(["ls", "-1", "--", f"{WORK}/spool"]).decode(errors="replace").splitlines()
        except BoardCommandFailed:  # nothing was ever measured on this board
            return []
        found = [_SPOOL.fullmatch(name.removeprefix(f"{folder.name}-")) for name in names]
        return [match[1] for match in found if match]

    def clear(self, folder: Path, session: str) -> None:
        """Delete the spool on the board; one that stays there by a lost connection does no harm."""
        with contextlib.suppress(EdgebenchError, BoardCommandFailed):
            self.link.transfer([("rm", f"{WORK}/{self.spool(folder, session)}")])

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(EdgebenchError, BoardCommandFailed):  # gone already, or out of reach
            self.link.run(["kill", str(pid)], limit_s=_STOP_S)

    def _copy(self, path: Path, folder: str, *, afresh: bool) -> None:
        part = f"{folder}/{path.name}{PART}"
        self.link.run(["mkdir", "-p", "--", folder])
        if afresh:
            self.link.run(["rm", "-f", "--", part])
        self.link.run(["touch", "--", part])  # reput goes on after the bytes that are there, if only none
        self.link.transfer([("reput", str(path), part)])


def _missing(connection: Connection, file: FileName) -> bool:
    connection.send(encode(FilesAsked(wanted=(file,))))
    answer = connection.receive()
    if not isinstance(answer, FilesState):
        raise DeviceUnreachableError(f"The agent answered {answer.event!r} to a question for files: set it up again.")
    return file.sha256 in answer.missing


def _way(missing: AgentMissingError, host: str) -> str:
    """Return what to do where no agent could be started: a board that ssh does not reach cannot be set up either."""
    if missing.status != UNREACHED:
        return f"set the board up with `edgebench devices setup --host {host}`"
    return "; ".join(advice(str(missing))) or f"see whether `ssh {host}` reaches it"
