"""Talk to an agent, wherever it runs: a record a line both ways."""

import contextlib
import functools
import os
import select
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING, Annotated, Protocol, cast

from edgebench import untrusted
from edgebench.board import wire
from edgebench.board.wire import Event, Hello, Refused
from edgebench.errors import DeviceUnreachableError

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

_TAIL_BYTES = 2000
_STOP_S = 10
_GREETING_LIMIT_S = 180.0  # an agent may wait two minutes for the one before it
_MOST_NOISE_LINES = 200
_CHUNK_BYTES = 2**20


class LinkLost(Exception):  # noqa: N818 - an event, not a mistake
    """The stream ended or made no sense; the message says how."""


class AgentMissingError(DeviceUnreachableError):
    """No agent said hello; `status` is how the process that leads to it ended, None when it did not."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Transport(Protocol):
    """A way to a measuring side: this machine, or a board behind ssh."""

    def agent(self) -> "AbstractContextManager[tuple[Connection, Hello]]":
        """Start an agent and end it afterwards; raise DeviceUnreachableError when none answers."""

    def place(self, connection: "Connection", path: Path) -> str:
        """Have a file on the measuring side and return its path there."""

    def spool(self, folder: Path, session: str) -> str:
        """Return the file on the measuring side into which the agent copies what it measures in a session."""

    def recover(self, folder: Path, connection: "Connection | None") -> None:
        """Bring the spools of a run folder's sessions into that folder, as far as there are any.

        Without a connection an agent that was lost may still be writing: wait until it has ended.
        """

    def clear(self, folder: Path, session: str) -> None:
        """Delete the spool of a session that has been received whole."""


class Connection:
    """An agent that answers; reading sleeps until a line has come."""

    def __init__(self, process: "subprocess.Popen[bytes]", stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self.before_end: Callable[[], None] | None = None
        """What ends the agent itself when `end` reaches no further than the process that leads to it."""

    def send(self, line: bytes) -> None:
        """Send one line to the agent; a broken pipe shows at the next `receive`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def receive(self, limit_s: float | None = None) -> Event:
        """Return the agent's next record; raise LinkLost when there is none, or none in `limit_s` seconds."""
        return decode(self._line(limit_s, "word"))

    def greeting(self, limit_s: float = _GREETING_LIMIT_S) -> Event:
        """Return the agent's first record, after what a login shell may print before it.

        Raise LinkLost when none comes in `limit_s` seconds.
        """
        deadline = perf_counter() + limit_s
        for _ in range(_MOST_NOISE_LINES):
            line = self._line(deadline - perf_counter(), "hello")
            if line.startswith(b"{"):
                break
        return decode(line)

    def _line(self, limit_s: float | None, awaited: str) -> bytes:
        """Return the next line; sleeps in poll(2) meanwhile."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = None if limit_s is None else perf_counter() + limit_s
        while not self._lines:
            left_ms = None if deadline is None else max(0, 1000 * (deadline - perf_counter()))
            if not poll.poll(left_ms):
                raise LinkLost(f"no {awaited} from it within {limit_s:g} s")
            chunk = os.read(descriptor, _CHUNK_BYTES)
            if not chunk:
                raise LinkLost(self._ending())
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                self._lines.append(bytes(self._rest) + line)
                self._rest.clear()
            self._rest += rest
            if len(self._rest) >= wire.MAX_LINE_BYTES:
                raise LinkLost(f"the agent sent a line of more than {wire.MAX_LINE_BYTES} bytes")
        return self._lines.popleft()

    @property
    def status(self) -> int | None:
        """Return how the process that leads to the agent ended, None while it runs."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        """Tell whether the process that leads to the agent still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask the agent to end, which ends its workers first, and wait for it; does nothing a second time."""
        if self.alive:
            if self.before_end is not None:
                self.before_end()
            self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _ending(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        length = self._stderr.seek(0, 2)
        self._stderr.seek(max(0, length - _TAIL_BYTES))
        last = self._stderr.read().decode(errors="replace").strip().splitlines()
        words = f"; its last words: {last[-1]}" if last else ""
        return f"the agent ended ({_status(self._process.returncode)}){words}"


def decode(line: bytes) -> Event:
    """Return the record in a line; raise LinkLost when a field is missing, unknown or of another type."""
    from pydantic import ValidationError

    try:
        return cast("Event", _validator().validate_json(line))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise LinkLost(f"the agent sent no record of this protocol: {first['loc']} {first['msg']}") from error


@functools.cache
def _validator() -> "SchemaValidator":
    from pydantic import Discriminator

    return untrusted.validator(Annotated[Event, Discriminator("event")])


@contextlib.contextmanager
def started(command: Sequence[str], where: str) -> Iterator[tuple[Connection, Hello]]:
    """Start an agent by a command and end it afterwards, whatever happened in between; `where` names it in errors."""
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for the host, which then ends the agent in order
        )
        connection = Connection(process, stderr)
        try:
            yield connection, _greeting(connection, where)
        finally:
            connection.end()


def _greeting(connection: Connection, where: str) -> Hello:
    try:
        hello = connection.greeting()
    except LinkLost as lost:
        raise AgentMissingError(f"No agent could be started on {where}: {lost}.", connection.status) from lost
    if isinstance(hello, Refused):
        raise DeviceUnreachableError(f"The agent on {where} refused: {hello.message}.")
    if not isinstance(hello, Hello) or hello.protocol != wire.PROTOCOL:
        raise DeviceUnreachableError(
            f"The agent on {where} speaks another protocol than this host ({wire.PROTOCOL}): set the device up again."
        )
    return hello


def _status(code: int | None) -> str:
    if code is None:
        return "still running, but its stream is closed"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
