"""What became slower, faster or was lost, at known ratios."""

from dataclasses import fields, replace
from typing import Any

import pytest

from edgebench.judge import compare
from edgebench.judge.compare import Compared, ComparedRow, Known, Outcome
from edgebench.judge.trust import Measured
from edgebench.measure.statistics import Estimate
from edgebench.store.rows import TrialRow

DRIFT = frozenset({"drift"})
LEVEL = Estimate(value=1.0, low=0.995, high=1.005, invocations=10)


def trial(**given: Any) -> TrialRow:
    """Return a trial that was measured; what is not given is empty."""
    row = {
        **dict.fromkeys(field.name for field in fields(TrialRow)),
        "trial": "m|ncnn|fp32|threads=1|batch=1",
        "unit": "my-board",
        "model": "m",
        "backend": "ncnn",
        "precision_asked": "fp32",
        "threads_asked": 1,
        "batch": 1,
        "twin": False,
        "status": "done",
        "emulated": False,
        "invocations": 5,
        "latency_p50_s": 0.01,
        "flags": "",
    }
    return TrialRow(**{**row, **given})


def compared(value: float, half: float | None = 0.01, **given: Any) -> Compared:
    """Return a trial that takes `value` times as long as before, with an interval of so much to either side."""
    bounds = (None, None) if half is None else (value / (1 + half), value * (1 + half))
    wall = Estimate(value=value, low=bounds[0], high=bounds[1], invocations=10)
    return Compared(before=trial(), after=trial(), measured=Measured(wall=wall, **given))


def row(one: Compared, known: Known | None = None, fail_above: float | None = 0.0) -> ComparedRow:
    """Return the row of the only thing compared."""
    (found,) = compare.rows([one], known or Known(), fail_above)
    return found


@pytest.mark.parametrize(
    ("value", "half", "outcome", "fails"),
    [
        (1.05, 0.01, Outcome.SLOWER, True),
        (0.95, 0.01, Outcome.FASTER, False),
        (1.05, 0.06, Outcome.LEVEL, False),
        (1.005, 0.001, Outcome.LEVEL, False),
        (1.05, None, Outcome.OPEN, False),
    ],
)
def test_a_difference_is_outside_its_interval_and_what_can_be_told(
    value: float, half: float | None, outcome: Outcome, fails: bool
) -> None:
    """Slower and faster exclude 1 and lie 1 % from it at least; nothing without an interval is told."""
    found = row(compared(value, half))
    assert (found.outcome, found.fails) == (outcome, fails)


def test_the_units_resolution_bounds_what_is_called_a_difference() -> None:
    """On a unit that resolves 3 % nothing below 6 % is one, however narrow its interval."""
    assert row(compared(1.05, 0.001), Known(resolution=0.03)).outcome == Outcome.LEVEL
    assert row(compared(1.07, 0.001), Known(resolution=0.03)).outcome == Outcome.SLOWER


@pytest.mark.parametrize(("value", "fails"), [(1.05, False), (1.055, False), (1.08, True)])
def test_a_gate_asks_for_the_whole_interval(value: float, fails: bool) -> None:
    """What is slower fails a gate at 5 % where all of its interval lies above that."""
    found = row(compared(value, 0.01), fail_above=0.05)
    assert (found.outcome, found.fails) == (Outcome.SLOWER, fails)


def test_a_gate_fails_what_it_cannot_judge_only_when_asked() -> None:
    """With `noisy` one row that could not be judged fails, and so does a comparison without any that could."""
    level, noisy = row(compared(1.0)), row(compared(1.2, flags=DRIFT))
    new = row(Compared(before=None, after=trial()))
    assert not compare.failed([level, noisy])
    assert compare.failed([level, noisy], noisy=True)
    assert not compare.failed([level, new], noisy=True)
    assert compare.failed([new], noisy=True)


def test_no_gate_fails_nothing() -> None:
    """Without a gate what is slower is only said."""
    found = row(compared(1.5), fail_above=None)
    assert (found.outcome, found.fails) == (Outcome.SLOWER, False)


def test_many_rows_are_judged_together() -> None:
    """A difference that one row alone would tell is not told among twenty: one of them would be by chance."""
    alone = compared(1.02, 0.018)
    assert row(alone).outcome == Outcome.SLOWER
    found = compare.rows([alone, *[compared(1.0)] * 19], Known(), 0.0)
    assert {one.outcome for one in found} == {Outcome.LEVEL}
    assert (found[0].low or 0) > 1


def test_a_row_has_the_interval_that_decided_it() -> None:
    """Alone it is the row's own, with others that are open a wider one, and one that noise forbids has none."""
    alone = row(compared(1.2))
    assert (alone.decided_low, alone.decided_high) == (alone.low, alone.high)
    first, *_, last = compare.rows([compared(1.2), *[compared(1.0)] * 3, compared(1.2, flags=DRIFT)], Known(), 0.0)
    assert (first.decided_low or 0) < (first.low or 0) < (first.high or 9) < (first.decided_high or 0)
    assert (last.decided_low, last.decided_high) == (None, None)


def test_what_a_gate_lets_pass_says_why() -> None:
    """Widened by an A/A' that leaves 4 % open, 8 % more excludes 1 but not 1.05: slower, and no failure at 5 %."""
    twins = Estimate(value=1.0, low=1 / 1.04, high=1.04, invocations=10)
    found = row(compared(1.08, flags=DRIFT, twins=twins), fail_above=0.05)
    assert (found.outcome, found.fails) == (Outcome.SLOWER, False)
    assert found.low == pytest.approx(1.08 / 1.01)
    assert found.decided_low == pytest.approx(1.08 / 1.01 / 1.04)
    assert (
        "excludes 1. It was widened by what the session's A/A' leaves open. Against 5 %: Flagged: drift" in found.reason
    )


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"flags": frozenset({"parity"})}, Outcome.INVALID),
        ({"flags": frozenset({"drift"})}, Outcome.NOISY),
        ({"flags": frozenset({"drift"}), "twins": LEVEL}, Outcome.SLOWER),
        ({"flags": frozenset({"governor"})}, Outcome.SLOWER),
    ],
)
def test_a_disturbed_machine_has_no_regressions(given: dict[str, Any], outcome: Outcome) -> None:
    """A flag forbids a difference, or asks for twins that came out level."""
    found = row(compared(1.05, **given))
    assert found.outcome == outcome
    assert found.fails is (outcome is Outcome.SLOWER)


def test_a_unit_that_told_trials_from_themselves_tells_nothing() -> None:
    """Where the selftest found too many differences that do not exist every row is noisy."""
    assert row(compared(1.5), Known(reliable=False)).outcome == Outcome.NOISY


@pytest.mark.parametrize(
    ("before", "after", "outcome", "said"),
    [
        (trial(), None, Outcome.MISSING, "Only the first run has it."),
        (None, trial(), Outcome.NEW, "Only the second run has it."),
        (
            trial(),
            trial(status="lost", stage="load", reason="killed", latency_p50_s=None),
            Outcome.LOST,
            "It was measured before; now it is lost at load (killed).",
        ),
        (trial(status="unsupported"), trial(), Outcome.WAS_LOST, "It was unsupported before; now it is measured."),
        (trial(status="lost"), trial(status="unfinished"), Outcome.NOT_MEASURED, "It was lost before, and now is"),
    ],
)
def test_what_is_not_on_both_sides_is_a_row_too(
    before: TrialRow | None, after: TrialRow | None, outcome: Outcome, said: str
) -> None:
    """New, missing and lost trials are told as such, with how they ended, and fail no gate."""
    found = row(Compared(before=before, after=after))
    assert (found.outcome, found.fails, found.ratio) == (outcome, False, None)
    assert found.reason.startswith(said)


def test_the_worse_of_two_sessions_twins_counts() -> None:
    """A session without twins, twins that exclude 1, then the wider ones: whichever says less."""
    wide = Estimate(value=1.0, low=0.97, high=1.03, invocations=5)
    off = Estimate(value=1.02, low=1.01, high=1.03, invocations=5)
    assert compare.worse(LEVEL, wide) == compare.worse(wide, LEVEL) == wide
    assert compare.worse(wide, off) == off
    assert compare.worse(off, None) is None


@pytest.mark.parametrize("rivals", [0, 1, 19])
@pytest.mark.parametrize(("half", "fail_above"), [(0.03, 0.0), (0.03, 0.05), (0.001, 0.0)])
@pytest.mark.parametrize("given", [{}, {"flags": frozenset({"drift"}), "twins": replace(LEVEL, low=0.97, high=1.03)}])
def test_the_smallest_slowdown_that_is_told_is_one(
    rivals: int, half: float, fail_above: float, given: dict[str, Any]
) -> None:
    """From `slower_from` on a row is slower, from `fails_from` on it fails, and not before, beside rows without any."""

    def first(value: float) -> ComparedRow:
        return compare.rows([compared(value, half, **given), *[compared(1.0)] * rivals], Known(), fail_above)[0]

    told = first(1.0)
    assert told.slower_from is not None
    assert told.fails_from is not None
    assert first(told.slower_from * 1.0001).outcome == Outcome.SLOWER
    assert first(told.slower_from * 0.9999).outcome in (Outcome.LEVEL, Outcome.NOISY)
    assert [first(told.fails_from * near).fails for near in (1.0001, 0.9999)] == [True, False]


@pytest.mark.parametrize(
    ("one", "known"),
    [
        (compared(1.0, flags=frozenset({"parity"})), Known()),
        (compared(1.0, flags=frozenset({"drift"})), Known()),
        (compared(1.0), Known(reliable=False)),
        (compared(1.0, None), Known()),
        (Compared(before=trial(), after=None), Known()),
    ],
)
def test_what_cannot_be_decided_tells_no_slowdown(one: Compared, known: Known) -> None:
    """However large it were: an invalid row, a noisy one, one without an interval or without its other side."""
    assert (row(one, known).slower_from, row(one, known).fails_from) == (None, None)


def test_without_a_gate_nothing_fails_from_anywhere() -> None:
    """What would be slower is told all the same."""
    found = row(compared(1.0), fail_above=None)
    assert found.slower_from == pytest.approx(1.01)
    assert found.fails_from is None


def test_time_on_a_shared_processor_is_cpu_time() -> None:
    """A contended single thread is decided on CPU time, and its row shows that ratio."""
    cpu = Estimate(value=1.08, low=1.07, high=1.09, invocations=10)
    one = compared(1.06, 0.03, cpu=cpu, flags=frozenset({"contended"}), cpu_twins=LEVEL)
    found = row(one)
    assert (found.outcome, found.decided_on, found.ratio) == (Outcome.SLOWER, "cpu time", 1.08)
