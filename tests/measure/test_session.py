"""Sessions from end to end: a real agent on this machine, real workers of the null backend."""

import itertools
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest

from edgebench.board import order
from edgebench.board.wire import (
    Block,
    Closed,
    Event,
    Footprint,
    InvocationDone,
    Lost,
    Ready,
    SessionPlan,
    Watched,
    encode,
)
from edgebench.errors import UsageError
from edgebench.measure.local import Local
from edgebench.measure.plan import TWIN, Files, Protocol, Session, Trial, sessions, wire_plan
from edgebench.measure.session import Progress, another, drive
from edgebench.measure.transport import Connection, LinkLost

T = TypeVar("T")

PROTOCOL = Protocol(
    invocations=2,
    rounds=4,
    block_s=0.003,
    warm_up_s=0.05,
    warm_up_cap_s=0.1,
    stage_limit_s=60,
    footprints=0,
    watch=False,
)
SEED = 20261122
"""With it the twin starts before its original in the first invocation."""
SMALL, LARGE = "3000", "6000"
SLOW = "6000000"
"""Multiplications that take 0.1 s; only calls above 0.05 s are slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A session that was driven to its end, and all that came of it."""

    plan: SessionPlan
    records: list[Event]
    progress: list[Progress]
    spool: bytes

    def of(self, kind: type[T]) -> list[T]:
        """Return the records of one kind in the order they came."""
        return [record for record in self.records if isinstance(record, kind)]


def planned(*works: str, together: bool = True) -> Session:
    """A session of one trial for each amount of work, and the twin of the first."""
    trials = [Trial(model=f"net{work}", backend="null", backend_options=(("work", work),)) for work in works]
    needs = {trial.id: 1 for trial in trials}
    return sessions(trials, SEED, needs, available_bytes=10**9 if together else 1)[0]


def measure(
    session: Session,
    spool: Path,
    protocol: Protocol = PROTOCOL,
    first_invocation: int = 0,
    connection: Connection | None = None,
) -> Measured:
    """Drive a session until its invocations are done, on an agent of its own unless one is given."""
    if connection is None:
        with Local().agent() as (own, _):
            return measure(session, spool, protocol, first_invocation, own)
    files = {trial.id.removesuffix(TWIN): Files() for trial in session.trials}
    plan = wire_plan(session, protocol, files, first_invocation, str(spool))
    records: list[Event] = []
    progress: list[Progress] = []

    def more(state: Progress) -> bool:
        progress.append(state)
        return another(protocol, state, len(progress), protocol.budget_s, lambda: False)

    drive(connection, plan, records.append, more)
    return Measured(plan=plan, records=records, progress=progress, spool=spool.read_bytes())


def by(records: Iterable[Block], key: Callable[[Block], int]) -> dict[int, list[Block]]:
    """Group blocks, each group in the order in which they were measured."""
    ordered = sorted(records, key=lambda block: (key(block), block.start_ns))
    return {value: list(group) for value, group in itertools.groupby(ordered, key)}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Two trials and the twin of the first, two invocations of four rounds, numbered from 3 on."""
    return measure(planned(SMALL, LARGE), tmp_path_factory.mktemp("pair") / "spool", first_invocation=3)


@pytest.fixture(scope="module")
def alternating(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The same trials where they do not fit into the memory together."""
    return measure(planned(SMALL, LARGE, together=False), tmp_path_factory.mktemp("alternating") / "spool")


@pytest.fixture(params=["pair", "alternating"])
def either(request: pytest.FixtureRequest) -> Measured:
    """A session either way."""
    found: Measured = request.getfixturevalue(request.param)
    return found


# --- what a session leaves -------------------------------------------------------------------------------------------


def test_every_trial_has_a_block_in_every_round(either: Measured) -> None:
    """Nothing is left out: one block for each trial, round and invocation, and no more."""
    expected = itertools.product(
        (record.invocation for record in either.of(InvocationDone)),
        range(PROTOCOL.rounds),
        (trial.id for trial in either.plan.trials),
    )
    found = [(block.invocation, block.round, block.trial) for block in either.of(Block)]
    assert sorted(found) == sorted(expected)


def test_every_worker_is_fresh_and_accounted_for(either: Measured) -> None:
    """Each trial starts once and ends in order once an invocation; none is lost."""
    workers = sorted(
        itertools.product((one.invocation for one in either.progress), (one.id for one in either.plan.trials))
    )
    assert sorted((record.invocation, record.trial) for record in either.of(Ready)) == workers
    assert sorted((record.invocation, record.trial) for record in either.of(Closed)) == workers
    assert either.of(Lost) == []


def test_invocations_are_numbered_from_the_first_asked_for(pair: Measured, alternating: Measured) -> None:
    """A session that goes on where another stopped does not use its numbers again."""
    assert [record.invocation for record in pair.of(InvocationDone)] == [3, 4]
    assert [record.invocation for record in alternating.of(InvocationDone)] == [0, 1]
    assert {record.invocation for record in pair.of(Ready)} == {3, 4}


def test_invocation_ends_with_its_record(either: Measured) -> None:
    """The last record of an invocation says so: what comes after belongs to the next."""
    numbers = [record.invocation for record in either.records if isinstance(record, (Ready, Block, Closed))]
    assert numbers == sorted(numbers)
    each = 3 * (1 + PROTOCOL.rounds + 1)  # ready, blocks, closed
    done = [index for index, record in enumerate(either.records) if isinstance(record, InvocationDone)]
    assert done == [each, 2 * each + 1]
    assert all(record.seconds > 0 for record in either.of(InvocationDone))


def test_orders_are_those_of_the_seed(pair: Measured) -> None:
    """Who measured when can be replayed from the recorded seed, workers' starts too."""
    ids = [trial.id for trial in pair.plan.trials]
    for invocation, blocks in by(pair.of(Block), lambda block: block.invocation).items():
        orders = order.round_orders(len(ids), PROTOCOL.rounds, pair.plan.seed, invocation)
        assert [block.trial for block in blocks] == [ids[index] for one in orders for index in one]
        assert [(block.round, block.position) for block in blocks] == list(
            itertools.product(range(PROTOCOL.rounds), range(len(ids)))
        )
        starts = order.start_order(len(ids), pair.plan.seed, invocation)
        assert [ready.trial for ready in pair.of(Ready) if ready.invocation == invocation] == [ids[i] for i in starts]


def test_blocks_do_not_overlap(either: Measured) -> None:
    """One worker at a time: a block begins when the one before it is over."""
    blocks = sorted(either.of(Block), key=lambda block: block.start_ns)
    for before, after in itertools.pairwise(blocks):
        assert after.start_ns >= before.start_ns + (before.priming_ns or 0) + sum(before.wall_ns)


def test_twin_has_blocks_like_its_original(either: Measured) -> None:
    """A and A' differ in nothing but the process: equal calls a sample and samples a block, all session long."""
    original, *_, twin = either.plan.trials
    assert twin.twin_of == original.id
    shapes = {
        trial.id: {(block.calls, len(block.wall_ns)) for block in either.of(Block) if block.trial == trial.id}
        for trial in (original, twin)
    }
    assert shapes[original.id] == shapes[twin.id]
    assert len(shapes[twin.id]) == 1


def test_blocks_are_primed_and_complete(either: Measured) -> None:
    """A short call has its priming call apart, and every sample all its figures."""
    for block in either.of(Block):
        assert block.priming_ns is not None
        lengths = {len(block.wall_ns), len(block.cpu_ns), len(block.involuntary_switches), len(block.major_faults)}
        assert len(lengths) == 1


def test_spool_is_the_stream(either: Measured) -> None:
    """The spool holds every record of the session, byte for byte as the host got it, so that a lost link loses none."""
    assert either.spool == b"".join(encode(record) for record in either.records)


def test_alternating_trials_do_not_interleave(alternating: Measured) -> None:
    """Where memory is short a worker is closed before the next one starts."""
    for invocation in (0, 1):
        kept = [
            record
            for record in alternating.records
            if isinstance(record, (Ready, Block, Closed)) and record.invocation == invocation
        ]
        kinds = [[record.event for record in group] for _, group in itertools.groupby(kept, lambda one: one.trial)]
        assert kinds == [["ready", *["block"] * PROTOCOL.rounds, "closed"]] * 3
        assert {record.position for record in kept if isinstance(record, Block)} == {0}


def test_host_hears_of_the_session_between_invocations(pair: Measured) -> None:
    """Progress comes once an invocation, with the trials alive and a clock that only goes on."""
    assert [one.invocation for one in pair.progress] == [3, 4]
    assert [one.alive for one in pair.progress] == [3, 3]
    assert 0 < pair.progress[0].elapsed_s < pair.progress[1].elapsed_s
    assert [one.last_s for one in pair.progress] == [one.seconds for one in pair.of(InvocationDone)]


# --- what ends one ---------------------------------------------------------------------------------------------------

ONCE = Protocol(
    invocations=1,
    rounds=2,
    block_s=0.001,
    warm_up_s=0.01,
    warm_up_cap_s=0.01,
    stage_limit_s=60,
    footprints=0,
    watch=False,
)


def test_the_machine_is_looked_at_and_memory_taken_before_anything_is_timed(tmp_path: Path) -> None:
    """Signals come first, then each trial alone so many times, then rounds, each with what the machine was like."""
    watched = measure(planned(SMALL, LARGE), tmp_path / "spool", replace(ONCE, footprints=2, watch=True))
    events = [record.event for record in watched.records]
    assert events[:6] == ["signals"] + ["footprint"] * 4 + ["footprints"]
    assert events[6:] == ["ready"] * 3 + (["block"] * 3 + ["watched"]) * 2 + ["closed"] * 3 + ["invocation"]
    taken = [(record.trial, record.repeat) for record in watched.of(Footprint)]
    assert sorted(taken) == sorted((trial.id, repeat) for trial in watched.plan.trials[:2] for repeat in range(2))
    assert [record.round for record in watched.of(Watched)] == [0, 1]


def test_agent_serves_one_session_after_another(tmp_path: Path) -> None:
    """`stop` ends a session, not the agent; a session whose trials are all lost ends by itself and spoils nothing."""
    with Local().agent() as (connection, _):
        broken = measure(planned("0"), tmp_path / "1", connection=connection)
        whole = measure(planned(SMALL), tmp_path / "2", ONCE, connection=connection)
    assert [record.event for record in broken.records] == ["lost", "lost", "invocation"]
    assert broken.progress == []
    assert [record.event for record in whole.records] == ["ready"] * 2 + ["block"] * 4 + ["closed"] * 2 + ["invocation"]


def test_lost_trial_is_one_record_and_the_others_complete(tmp_path: Path) -> None:
    """What killed a worker would kill it again: its trial is not started in later invocations."""
    mixed = measure(planned(SMALL, "0"), tmp_path / "spool")
    bad = mixed.plan.trials[1].id
    assert [(lost.trial, lost.invocation, lost.stage) for lost in mixed.of(Lost)] == [(bad, 0, "load")]
    assert len(mixed.of(Block)) == 2 * PROTOCOL.invocations * PROTOCOL.rounds
    assert [one.alive for one in mixed.progress] == [2, 2]


def test_plan_that_cannot_be_measured_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """More threads than processors is a wrong use, told before anything starts."""
    trial = Trial(model="net", backend="null", threads=10_000)
    session = sessions([trial], SEED, {trial.id: 1}, available_bytes=10**9)[0]
    with pytest.raises(UsageError, match=r"The agent refused session s1: 10000 threads asked for"):
        measure(session, tmp_path / "spool")


def test_agent_that_dies_in_a_session_loses_the_link(tmp_path: Path) -> None:
    """The host is not left waiting."""
    with Local().agent() as (connection, hello):
        os.kill(hello.pid, signal.SIGKILL)
        with pytest.raises(LinkLost, match=r"the agent ended \(signal 9\)"):
            measure(planned(SMALL), tmp_path / "spool", connection=connection)


def test_slow_calls_take_part_in_every_second_pair_of_rounds_and_are_not_primed(tmp_path: Path) -> None:
    """A call above 50 ms costs too much for ten rounds and a priming call; the fast trial beside it has them all."""
    mixed = measure(planned(SMALL, SLOW), tmp_path / "spool", replace(ONCE, rounds=4))
    fast, slow = mixed.plan.trials[0].id, mixed.plan.trials[1].id
    assert next(ready.call_s for ready in mixed.of(Ready) if ready.trial == slow) > 0.05
    rounds = {trial.id: [b.round for b in mixed.of(Block) if b.trial == trial.id] for trial in mixed.plan.trials}
    assert rounds == {fast: [0, 1, 2, 3], slow: [0, 1], fast + TWIN: [0, 1, 2, 3]}
    assert {(b.priming_ns, b.calls, len(b.wall_ns)) for b in mixed.of(Block) if b.trial == slow} == {(None, 1, 1)}
    assert all(b.priming_ns is not None for b in mixed.of(Block) if b.trial != slow)


# --- the stop rule ---------------------------------------------------------------------------------------------------


def progress(completed: int = 1, elapsed_s: float = 0.0) -> Progress:
    """What is known after so many invocations of ten seconds each."""
    return Progress(session="s1", invocation=completed - 1, elapsed_s=elapsed_s, last_s=10.0, alive=2)


@pytest.mark.parametrize(
    ("room_s", "completed", "elapsed_s", "goes_on"),
    [
        (None, 1, 1e9, True),
        (None, 4, 0.0, True),
        (None, 5, 0.0, False),  # all that were planned
        (100.0, 2, 89.0, True),  # ten seconds and a tenth of them fit
        (100.0, 2, 89.01, False),
        (100.0, 5, 10.0, False),
    ],
)
def test_session_goes_on_until_it_is_complete_or_its_time_would_be_overrun(
    room_s: float | None, completed: int, elapsed_s: float, goes_on: bool
) -> None:
    """Another invocation starts when some are missing and one a tenth longer than the last still fits."""
    found = another(Protocol(), progress(completed, elapsed_s), completed, room_s, lambda: False)
    assert found is goes_on


@pytest.mark.parametrize(
    ("completed", "narrow", "goes_on"), [(4, True, True), (5, True, False), (5, False, True), (40, False, False)]
)
def test_session_with_a_target_ends_when_it_is_met(completed: int, narrow: bool, goes_on: bool) -> None:
    """The target counts from five invocations on, and at forty it is given up."""
    assert another(Protocol(target=0.01), progress(completed), completed, None, lambda: narrow) is goes_on
