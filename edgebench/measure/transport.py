"""Reach an agent: today in a process of this machine; a record a line both ways."""

import contextlib
import functools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Annotated

from edgebench.board import wire
from edgebench.board.wire import Event, Hello
from edgebench.errors import DeviceUnreachableError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TAIL_BYTES = 2000
_STOP_S = 10


class LinkLost(Exception):  # noqa: N818 - an event, not a mistake
    """The stream ended or made no sense; the message says how."""


class Connection:
    """An agent that answers; reading sleeps until a line has come."""

    def __init__(self, process: "subprocess.Popen[bytes]", stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    def send(self, line: bytes) -> None:
        """Send one line to the agent; a broken pipe shows at the next `receive`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def receive(self) -> Event:
        """Return the agent's next record; raise LinkLost when there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline(wire.MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise LinkLost(self._ending(len(line)))
        return decode(line)

    def end(self) -> None:
        """Ask the agent to end, which ends its workers first, and wait for it; does nothing a second time."""
        if self._process.poll() is None:
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

    def _ending(self, read: int) -> str:
        if read >= wire.MAX_LINE_BYTES:
            return f"the agent sent a line of more than {wire.MAX_LINE_BYTES} bytes"
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
        return _adapter().validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise LinkLost(f"the agent sent no record of this protocol: {first['loc']} {first['msg']}") from error


@functools.cache
def _adapter() -> "TypeAdapter[Event]":
    from pydantic import Discriminator, TypeAdapter

    return TypeAdapter(Annotated[Event, Discriminator("event")])


@contextlib.contextmanager
def local() -> Iterator[tuple[Connection, Hello]]:
    """Start an agent on this machine and end it afterwards, whatever happened in between."""
    command = [sys.executable, "-m", "edgebench.board.agent", "--die-with-parent"]
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
            yield connection, _greeting(connection)
        finally:
            connection.end()


def _greeting(connection: Connection) -> Hello:
    try:
        hello = connection.receive()
    except LinkLost as lost:
        raise DeviceUnreachableError(f"No agent could be started on this machine: {lost}.") from lost
    if not isinstance(hello, Hello) or hello.protocol != wire.PROTOCOL:
        raise DeviceUnreachableError(
            f"The agent speaks another protocol than this host ({wire.PROTOCOL}): set the device up again."
        )
    return hello


def _status(code: int | None) -> str:
    if code is None:
        return "still running, but its stream is closed"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
