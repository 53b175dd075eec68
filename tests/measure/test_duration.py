"""How long sessions are expected to take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.measure.duration import (
    Timing,
    expected_seconds,
    footprint_seconds,
    guessed,
    invocation_seconds,
)
from edgebench.measure.plan import Protocol, Session, Trial

FEW = Protocol(footprints=0)


def session(models: int = 2) -> Session:
    """A session of so many trials and the twin of the first."""
    trials = [Trial(model=f"m{number}", backend="null") for number in range(models)]
    twin = Trial(model="m0", backend="null", twin=True)
    return Session(name="s1", seed=1, together=True, trials=(*trials, twin))


def timings(models: int = 2, start_s: float = 0.5, call_s: float = 0.01) -> dict[str, Timing]:
    """The same timing for each trial."""
    alike = Timing(start_s=start_s, call_s=call_s)
    return {trial.id: alike for trial in session(models).trials}


def expected(protocol: Protocol, models: int = 2, **given: float) -> float:
    """The seconds expected for a session of trials that are all alike."""
    return expected_seconds([session(models)], protocol, timings(models, **given))


@given(st.integers(1, 40), st.floats(1e-5, 2))
def test_expected_time_is_proportional_to_the_invocations(invocations: int, call_s: float) -> None:
    """Each invocation costs the same."""
    once = expected(Protocol(invocations=1, footprints=0), call_s=call_s)
    assert expected(Protocol(invocations=invocations, footprints=0), call_s=call_s) == pytest.approx(invocations * once)


@given(st.floats(0, 100), st.integers(1, 20))
def test_expected_time_keeps_to_the_budget(budget_s: float, invocations: int) -> None:
    """A budget bounds it and changes nothing below."""
    free = expected(Protocol(invocations=invocations))
    assert expected(Protocol(invocations=invocations, budget_s=budget_s)) == min(free, budget_s)


def test_expected_time_grows_with_what_is_asked_for() -> None:
    """More rounds, more models, slower calls and slower starts take longer."""
    usual = expected(FEW)
    assert expected(Protocol(footprints=0, rounds=20)) > usual
    assert expected(FEW, models=3) > usual
    assert expected(FEW, call_s=0.04) > usual
    assert expected(FEW, start_s=2.0) == pytest.approx(usual + 5 * 3 * 1.5)


def test_energy_takes_a_window_of_load_and_one_of_rest_for_each_trial() -> None:
    """Of 2.4 s each, and one more of rest; the twin has none."""
    assert expected(Protocol(footprints=0, energy=True)) == pytest.approx(expected(FEW) + 5 * (2 * 2 + 1) * 2.4)


def test_long_run_takes_as_long_as_it_may() -> None:
    """For each trial, beside its start and warm-up."""
    long = expected(Protocol(invocations=1, footprints=0, sustained_s=600.0))
    assert 3 * 600.0 < long < 3 * 610.0


def test_a_session_that_may_end_early_is_expected_to_last_as_long_as_it_may() -> None:
    """With a target the plan tells the most it can take."""
    assert expected(Protocol(target=0.01, most_invocations=12, footprints=0)) == pytest.approx(
        expected(Protocol(invocations=12, footprints=0))
    )


def test_a_paced_block_lasts_a_second() -> None:
    """Ten rounds of a camera's second take ten seconds a trial, of ten calls at 2 Hz five times as long."""
    at_30 = expected(Protocol(invocations=1, footprints=0, pace_hz=30.0))
    at_2 = expected(Protocol(invocations=1, footprints=0, pace_hz=2.0))
    assert at_30 > 3 * 10
    assert at_2 - at_30 == pytest.approx(3 * 10 * 4)


def test_footprints_are_taken_of_each_trial_but_not_of_its_twin() -> None:
    """A trial is started, and called twenty times: fewer when that takes more than a second, three times at least."""
    assert footprint_seconds(session(2), timings(2)) == pytest.approx(2 * (0.5 + 20 * 0.01))
    assert footprint_seconds(session(1), timings(1, call_s=0.2)) == pytest.approx(0.5 + 1.0)
    assert footprint_seconds(session(1), timings(1, call_s=2.0)) == pytest.approx(0.5 + 6.0)
    added = expected(Protocol(footprints=3)) - expected(FEW)
    assert added == pytest.approx(3 * footprint_seconds(session(2), timings(2)))


def test_what_was_measured_before_comes_before_the_formula() -> None:
    """A warm-up of known length counts as it is."""
    known = {trial.id: Timing(start_s=1.0, call_s=0.01, warm_up_s=7.0, told=True) for trial in session(1).trials}
    difference = invocation_seconds(session(1), FEW, known) - invocation_seconds(
        session(1), FEW, {name: Timing(start_s=1.0, call_s=0.01) for name in known}
    )
    assert difference == pytest.approx(2 * (7.0 - (0.2 + 1.25 * 0.5)))


def test_a_guess_knows_the_runtime_and_the_weights() -> None:
    """torch starts later than onnxruntime, and half a gigabyte of weights is not loaded at once."""
    light = {name: guessed(Trial(model="m", backend=name), 0, 0.01) for name in ("torch", "onnxruntime")}
    assert light["torch"].start_s > light["onnxruntime"].start_s
    heavy = guessed(Trial(model="m", backend="onnxruntime"), 400_000_000, 0.01)
    assert heavy.start_s - light["onnxruntime"].start_s == pytest.approx(1.0)
    assert not heavy.told
