"""The outbox: what reaches the host and the spool, and when."""

import io
import os
from pathlib import Path

import pytest

from edgebench.board import wire
from edgebench.board.outbox import Outbox
from edgebench.board.wire import Alive, Refused
from tests.board.serving import Writes


def test_outbox_writes_to_the_stream_only_when_flushed() -> None:
    """Records wait until `flush` and leave as one write, in order, once."""
    stream = Writes()
    outbox = Outbox(stream)
    records = [Refused(message=str(number)) for number in range(3)]
    for record in records:
        outbox.put(record)
    assert stream.chunks == []
    outbox.flush()
    assert stream.chunks == [b"".join(wire.encode(record) for record in records)]
    outbox.flush()
    assert stream.getvalue() == stream.chunks[0]


def test_spool_has_a_record_at_once_and_only_in_its_session(tmp_path: Path) -> None:
    """The spool is ahead of the stream, is appended to, and ends with its context."""
    spool = tmp_path / "spool"
    spool.write_bytes(b"before\n")
    outbox = Outbox(io.BytesIO())
    outbox.put(Refused(message="outside"))
    with outbox.spooling(str(spool)):
        outbox.put(Refused(message="inside"))
        assert spool.read_bytes() == b"before\n" + wire.encode(Refused(message="inside"))
    outbox.put(Refused(message="outside"))
    assert spool.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("path", ["/dev/full", "/nowhere/spool", None])
def test_stream_is_all_there_is_without_a_spool(path: str | None) -> None:
    """A full disk, a folder that is missing or no spool at all cost nothing on the stream."""
    stream = io.BytesIO()
    outbox = Outbox(stream)
    with outbox.spooling(path):
        outbox.put(Refused(message="1"))
        outbox.put(Refused(message="2"))
    outbox.flush()
    assert stream.getvalue().count(b"\n") == 2


def test_host_that_is_gone_is_no_reason_to_stop() -> None:
    """A broken pipe is not raised: the spool has the records."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as stream:  # unbuffered: closing it does not raise either
        outbox = Outbox(stream)
        outbox.put(Refused(message="1"))
        outbox.flush()
        outbox.beat(0)


def test_word_of_life_goes_past_what_waits(tmp_path: Path) -> None:
    """After the silence that is allowed one line goes out; records still wait, and the spool has nothing of it."""
    stream = Writes()
    outbox = Outbox(stream)
    with outbox.spooling(str(tmp_path / "spool")):
        outbox.put(Refused(message="1"))
        outbox.beat(0)
        assert stream.chunks == [wire.encode(Alive())]
        outbox.flush()
    assert stream.chunks[1] == (tmp_path / "spool").read_bytes() == wire.encode(Refused(message="1"))


def test_agent_that_was_heard_keeps_silent() -> None:
    """Nothing is written as long as the host has heard of the agent lately, by whatever it wrote."""
    stream = Writes()
    outbox = Outbox(stream)
    outbox.beat()
    outbox.flush()
    outbox.beat()
    assert stream.chunks == [b""]
