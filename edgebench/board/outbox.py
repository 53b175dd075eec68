"""What the agent has to say: into the spool at once, onto the wire when no worker measures."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgebench.board import wire
from edgebench.board.wire import Event

_SETTLE_S = 0.01  # by then a host on this machine has read the line and sleeps again


class Outbox:
    """Records on their way to the host: into the spool at once, onto the wire when no worker measures."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        self._spool: BinaryIO | None = None
        self._spoke_s = time.perf_counter()

    @contextlib.contextmanager
    def spooling(self, path: str | None) -> Iterator[None]:
        """Keep a copy of every record in a file; without one (None, or a full disk) the stream is all there is."""
        with contextlib.ExitStack() as stack:
            if path is not None:
                with contextlib.suppress(OSError):
                    Path(path).parent.mkdir(exist_ok=True)
                    self._spool = stack.enter_context(Path(path).open("ab", buffering=0))
            yield
        self._spool = None

    def put(self, record: Event) -> None:
        """Keep a record until the next `flush`."""
        line = wire.encode(record)
        self._waiting.append(line)
        if self._spool is not None:
            try:
                whole = self._spool.write(line) == len(line)
            except OSError:
                whole = False
            if not whole:  # a full disk on the board: the host still gets the record
                self._spool = None

    def flush(self) -> None:
        """Write what waits to the host; a host that is gone is no reason to stop (the spool has it all)."""
        lines, self._waiting = self._waiting, []
        self._write(b"".join(lines))

    def beat(self, after_s: float = wire.HEARTBEAT_S) -> None:
        """Tell the host that the agent lives, if it has heard nothing for `after_s` seconds; records go on waiting."""
        if time.perf_counter() - self._spoke_s >= after_s:
            self._write(wire.encode(wire.Alive()))
            time.sleep(_SETTLE_S)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(data)
            self._stream.flush()
        self._spoke_s = time.perf_counter()
