"""Trials, the sessions they are put into, and how long those are expected to take."""

import itertools
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.measure.plan import (
    MOST_TRIALS,
    TWIN,
    Files,
    Protocol,
    Session,
    Trial,
    sessions,
    too_large,
    wire_plan,
    worker_bytes,
)

PLENTY = 10**12
LENET = Trial(model="lenet5", backend="onnxruntime")
VARIED: dict[str, object] = {
    "model": "vgg16",
    "backend": "openvino",
    "backend_options": (("work", "1000"),),
    "precision": "int8",
    "threads": 4,
    "batch": 8,
    "twin": True,
}


def trials_of(models: int, each: int = 1) -> list[Trial]:
    """So many models with so many trials each."""
    return [
        Trial(model=f"m{model}", backend="null", threads=threads)
        for model in range(models)
        for threads in range(1, each + 1)
    ]


def plan(trials: list[Trial], available_bytes: int = PLENTY, need_bytes: int = 1) -> list[Session]:
    """The sessions of trials that all need the same memory."""
    return sessions(trials, 100, dict.fromkeys((trial.id for trial in trials), need_bytes), available_bytes)


# --- trials ----------------------------------------------------------------------------------------------------------


def test_id_says_everything_in_one_form() -> None:
    """A trial has one name, complete and readable, the backend as users write it."""
    assert LENET.id == "lenet5|onnxruntime|fp32|threads=1|batch=1"
    null = Trial(model="net", backend="null", backend_options=(("work", "10"), ("sort", "a")), threads=2, twin=True)
    assert null.id == "net|null:work=10,sort=a|fp32|threads=2|batch=1|twin"


def test_ids_differ_where_trials_differ() -> None:
    """Each field is in the name: no two trials that differ anywhere share one."""
    assert VARIED.keys() == {field.name for field in fields(Trial)}
    chosen = itertools.chain.from_iterable(
        itertools.combinations(VARIED.items(), size) for size in range(len(VARIED) + 1)
    )
    trials = [replace(LENET, **dict(changes)) for changes in chosen]  # type: ignore[arg-type]
    assert len({trial.id for trial in trials}) == len(set(trials)) == 2 ** len(VARIED)


def test_long_runs_are_alone() -> None:
    """No trial is measured twice, and none beside another, whatever memory there is."""
    trials = trials_of(3)
    (session,) = sessions(trials, 1, dict.fromkeys((trial.id for trial in trials), 1), PLENTY, alone=True)
    assert (session.trials, session.together) == (tuple(trials), False)


# --- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, MOST_TRIALS])
def test_all_trials_share_a_session_with_the_twin_of_the_first(count: int) -> None:
    """Every ratio among them is paired, and the first is measured twice."""
    trials = trials_of(count)
    (session,) = plan(trials)
    assert session.trials == (*trials, replace(trials[0], twin=True))
    assert session.trials[-1].id == trials[0].id + TWIN
    assert (session.name, session.together) == ("s1", True)


def test_more_trials_are_split_by_model() -> None:
    """Above sixteen a session is a model's, each with a twin, a name and a seed of its own."""
    trials = trials_of(6, each=3)
    planned = plan(trials)
    assert [session.name for session in planned] == ["s1", "s2", "s3", "s4", "s5", "s6"]
    assert len({session.seed for session in planned}) == 6
    for number, session in enumerate(planned):
        mine = trials[3 * number : 3 * number + 3]
        assert session.trials == (*mine, replace(mine[0], twin=True))


def test_model_whose_trials_lie_apart_has_one_session() -> None:
    """A ratio between two trials of a model is paired in whatever order they were asked for."""
    trials = sorted(trials_of(6, each=3), key=lambda trial: trial.threads)
    planned = plan(trials)
    assert [{trial.model for trial in session.trials} for session in planned] == [{f"m{n}"} for n in range(6)]
    assert sum(len(session.trials) - 1 for session in planned) == len(trials)


@given(st.integers(1, 8), st.integers(1, 5))
def test_every_trial_is_in_exactly_one_session(models: int, each: int) -> None:
    """Splitting loses nothing and repeats nothing but the twins."""
    trials = trials_of(models, each)
    planned = plan(trials)
    assert [trial for session in planned for trial in session.trials if not trial.twin] == trials
    assert [sum(trial.twin for trial in session.trials) for session in planned] == [1] * len(planned)


@pytest.mark.parametrize(("available_bytes", "together"), [(1000, True), (999, False), (10_000, True), (300, False)])
def test_workers_live_together_in_seventy_percent_of_the_memory(available_bytes: int, together: bool) -> None:
    """The twin needs memory as well: 200 + 300 + 200 bytes are 70 % of 1000."""
    first, second = trials_of(2)
    (session,) = sessions([first, second], 1, {first.id: 200, second.id: 300}, available_bytes)
    assert session.together is together


def test_sessions_are_judged_one_by_one() -> None:
    """A large model that does not fit does not part the small ones."""
    trials = trials_of(2, each=9)
    needs = {trial.id: 100 if trial.model == "m0" else 1 for trial in trials}
    assert [session.together for session in sessions(trials, 1, needs, 500)] == [False, True]


def test_what_does_not_fit_alone_gets_no_process() -> None:
    """A trial that needs more than there is keeps its place; the others share the memory, and one of them the twin."""
    first, second, third = trials_of(3)
    needs = {first.id: 301, second.id: 100, third.id: 10}
    (session,) = sessions([first, second, third], 1, needs, 300)
    assert session.trials == (first, second, third, replace(second, twin=True))
    assert session.together  # 100 + 10 + 100 bytes are 70 % of 300
    assert too_large(needs, 300) == {first.id}
    assert too_large(needs, 301) == set()


def test_a_session_of_which_nothing_fits_has_no_twin() -> None:
    """Where a session's trials are all left out there is nothing to measure twice."""
    trials = trials_of(2, each=9)
    needs = {trial.id: 100 if trial.model == "m0" else 1 for trial in trials}
    large, small = sessions(trials, 1, needs, 99)
    assert large.trials == tuple(trials[:9])
    assert small.trials == (*trials[9:], replace(trials[9], twin=True))


def test_worker_needs_its_runtime_and_its_weights() -> None:
    """More weights need more memory, more than once; torch more than the others."""
    assert worker_bytes(LENET, 10**8) - worker_bytes(LENET, 0) > 10**8
    assert worker_bytes(replace(LENET, backend="torch"), 0) > worker_bytes(LENET, 0) > 50e6


# --- the agent's copy ------------------------------------------------------------------------------------------------


def test_agent_gets_the_session_as_planned() -> None:
    """The wire has trials in order under their ids, the twin with its original's files, and the protocol's times."""
    null = Trial(model="net", backend="null", backend_options=(("work", "10"),), threads=2, batch=3)
    (session,) = plan([LENET, null])
    files = {LENET.id: Files(artefact="/a.onnx", inputs="/i.npz", reference="/r.npz"), null.id: Files()}
    protocol = Protocol(rounds=6, block_s=0.1, warm_up_s=0.2, warm_up_cap_s=0.3, stage_limit_s=4)
    sent = wire_plan(session, protocol, files, first_invocation=7, spool="/spool")
    assert [trial.id for trial in sent.trials] == [LENET.id, null.id, LENET.id + TWIN]
    assert [trial.twin_of for trial in sent.trials] == [None, None, LENET.id]
    original, other, twin = sent.trials
    assert replace(twin, id=original.id, twin_of=None) == original
    assert (original.artefact, original.inputs, original.reference) == ("/a.onnx", "/i.npz", "/r.npz")
    assert (other.options, other.threads, other.batch, other.artefact) == ({"work": "10"}, 2, 3, None)
    assert (sent.session, sent.seed, sent.together) == (session.name, session.seed, session.together)
    assert (sent.first_invocation, sent.spool, sent.rounds) == (7, "/spool", 6)
    assert (sent.block_s, sent.warm_up_s, sent.warm_up_cap_s, sent.stage_limit_s) == (0.1, 0.2, 0.3, 4)
