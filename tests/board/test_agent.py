"""The agent's pure functions, its outbox, and a session that it serves inside this process."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board import agent, wire
from edgebench.board.agent import Outbox, calls_per_sample, samples_per_block
from edgebench.board.wire import Refused, SessionPlan, TrialPlan

CLOCK_PAIR_S = 52e-9
CALLS_S = st.floats(1e-9, 10)


class Writes(io.BytesIO):
    """A stream that remembers what came with each write."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []

    def write(self, data: Any, /) -> int:
        """Keep a chunk."""
        self.chunks.append(bytes(data))
        return super().write(data)


def one_trial(**options: str) -> SessionPlan:
    """A session of one trial without a twin, of two short rounds."""
    trial = TrialPlan(
        id="a",
        backend="null",
        options=options,
        precision="fp32",
        threads=1,
        batch=1,
        artefact=None,
        inputs=None,
        reference=None,
    )
    return SessionPlan(
        session="s1",
        seed=1,
        trials=(trial,),
        together=True,
        rounds=2,
        first_invocation=0,
        block_s=0.001,
        warm_up_s=0.01,
        warm_up_cap_s=0.01,
        stage_limit_s=60,
        spool=None,
    )


# --- pure functions --------------------------------------------------------------------------------------------------


@given(CALLS_S)
def test_sample_is_long_against_the_clock_and_no_longer_than_needed(call_s: float) -> None:
    """Reading the clock takes at most 1 % of a sample, and with one call fewer it would take more."""
    calls = calls_per_sample(call_s)
    assert calls >= 1
    assert calls * call_s >= 100 * CLOCK_PAIR_S * (1 - 1e-9)
    assert calls == 1 or (calls - 1) * call_s < 100 * CLOCK_PAIR_S * (1 + 1e-9)


@pytest.mark.parametrize(("call_s", "calls"), [(1.0, 1), (5.3e-6, 1), (5.1e-6, 2), (1e-6, 6), (1.5e-7, 35)])
def test_calls_per_sample(call_s: float, calls: int) -> None:
    """The limit lies at 5.2 us, a hundred clock pairs."""
    assert calls_per_sample(call_s) == calls


@given(st.floats(5e-6, 10), st.floats(1e-3, 1))
def test_samples_fill_the_block_and_no_more(sample_s: float, block_s: float) -> None:
    """A block has the fewest samples that fill it: one at least, 200 at most."""
    samples = samples_per_block(sample_s, block_s)
    assert 1 <= samples <= 200
    assert samples == 200 or samples * sample_s >= block_s * (1 - 1e-9)
    assert (samples - 1) * sample_s < block_s


@pytest.mark.parametrize(("sample_s", "samples"), [(0.03, 1), (0.0299, 2), (0.01, 3), (1.0, 1), (0.00015, 200)])
def test_samples_per_block(sample_s: float, samples: int) -> None:
    """A block of 30 ms ends with the sample that completes it."""
    assert samples_per_block(sample_s, 0.03) == samples


# --- outbox ----------------------------------------------------------------------------------------------------------


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


# --- a served session ------------------------------------------------------------------------------------------------


@pytest.fixture
def _own_processors() -> Iterator[None]:
    """Take back the processors that the agent leaves to its workers."""
    allowed = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, allowed)


def serve(*lines: bytes, stream: BinaryIO) -> None:
    """Have the agent read these lines and write to this stream."""
    agent.serve(io.BytesIO(b"".join(lines)), Outbox(stream))


def events(chunk: bytes) -> list[str]:
    """What kinds of records came with a write."""
    return [json.loads(line)["event"] for line in chunk.splitlines()]


@pytest.mark.usefixtures("_own_processors")
def test_nothing_is_written_while_workers_measure() -> None:
    """An invocation reaches the host in one write when it is over, never record by record."""
    stream = Writes()
    serve(wire.encode(one_trial()), b"another\n", b"stop\n", stream=stream)
    invocation = ["ready", "block", "block", "closed", "invocation"]
    assert [events(chunk) for chunk in stream.chunks] == [["hello"], invocation, invocation]


@pytest.mark.usefixtures("_own_processors")
@pytest.mark.parametrize("answers", [[b"stop\n"], [b"\n"], [b"something else\n"], []])
def test_session_ends_unless_another_invocation_is_asked_for(answers: list[bytes]) -> None:
    """Any answer but `another`, and a host that is gone, end the session; nothing is measured that nobody wants."""
    stream = Writes()
    serve(wire.encode(one_trial()), *answers, stream=stream)
    assert len(stream.chunks) == 2


@pytest.mark.usefixtures("_own_processors")
def test_answer_to_a_session_of_lost_trials_is_not_taken_for_a_plan() -> None:
    """When all trials are lost the agent still waits for its answer, so that the next session is not refused."""
    stream = Writes()
    plan = wire.encode(one_trial(work="0"))
    serve(plan, b"stop\n", plan, b"another\n", stream=stream)
    lost = ["lost", "invocation"]
    assert [events(chunk) for chunk in stream.chunks] == [["hello"], lost, lost]


@pytest.mark.usefixtures("_own_processors")
def test_what_is_no_plan_is_refused_and_the_next_one_served() -> None:
    """Garbage and too many threads are answered with one sentence each; the agent stays."""
    stream = Writes()
    plan = one_trial()
    crowd = replace(plan, trials=(replace(plan.trials[0], threads=10_000),))
    serve(b"garbage\n", wire.encode(crowd), wire.encode(plan), b"stop\n", stream=stream)
    hello, garbage, crowded, measured = stream.chunks
    assert events(hello) == ["hello"]
    assert json.loads(garbage)["message"].startswith("no request of protocol 1")
    allowed = len(os.sched_getaffinity(0) | set(json.loads(hello)["facts"]["cpus_allowed"]))
    assert json.loads(crowded)["message"] == f"10000 threads asked for: this side may use {allowed} processors"
    assert events(measured)[-1] == "invocation"


@pytest.mark.usefixtures("_own_processors")
def test_agent_leaves_the_processors_of_its_workers() -> None:
    """While it measures the agent keeps to the processors that no worker uses, as far as there are any."""
    allowed = sorted(os.sched_getaffinity(0))
    stream = Writes()
    serve(wire.encode(one_trial()), b"stop\n", stream=stream)
    ready = json.loads(stream.chunks[1].splitlines()[0])
    assert ready["cpus"] == allowed[-1:]
    assert sorted(os.sched_getaffinity(0)) == (allowed[:-1] or allowed)
