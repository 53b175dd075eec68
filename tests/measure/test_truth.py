"""How often intervals miss a known truth."""

import pytest

from edgebench.board.wire import Block
from edgebench.measure import truth
from edgebench.measure.series import Series, series
from edgebench.measure.statistics import Estimate


def estimate(value: float, low: float | None, high: float | None) -> Estimate:
    """A ratio from ten invocations."""
    return Estimate(value=value, low=low, high=high, invocations=10)


def measured(trial: str, wall_ns: dict[int, tuple[int, ...]]) -> Series:
    """A trial with one block of these samples in each invocation; CPU time is half of the wall time."""
    blocks = [
        Block(
            session="s1",
            invocation=invocation,
            round=0,
            position=0,
            trial=trial,
            start_ns=invocation,
            calls=1,
            priming_ns=None,
            wall_ns=samples,
            cpu_ns=tuple(sample // 2 for sample in samples),
            involuntary_switches=(0,) * len(samples),
            major_faults=(0,) * len(samples),
        )
        for invocation, samples in wall_ns.items()
    ]
    return series(blocks, tuple(wall_ns))


def test_an_interval_without_the_truth_counts_once() -> None:
    """Above and below are excluded, the bounds themselves and an estimate without an interval are not."""
    found = truth.tally(
        [
            estimate(1.02, 1.01, 1.03),
            estimate(0.98, 0.97, 0.99),
            estimate(1.0, 1.0, 1.1),
            estimate(1.0, 0.9, 1.0),
            estimate(1.5, None, None),
        ],
        1.0,
    )
    assert (found.sessions, found.excluded, found.rate) == (5, 2, 0.4)


def test_the_rate_has_the_exact_binomial_interval() -> None:
    """Clopper and Pearson for 2 of 40: published tables give 0.6 % to 16.9 %."""
    found = truth.tally([estimate(1.02, 1.01, 1.03)] * 2 + [estimate(1.0, 0.99, 1.01)] * 38, 1.0)
    assert (round(found.rate_low, 3), round(found.rate_high, 3)) == (0.006, 0.169)


def test_the_resolution_is_the_distance_that_95_percent_keep() -> None:
    """Of 101 sessions that are 0 to 100 thousandths off, 95 % are within 95; a true ratio scales it."""
    around = [estimate(1 + step / 1000, None, None) for step in range(101)]
    assert truth.resolution(around) == pytest.approx(0.095)
    assert truth.resolution([estimate(1.05 * one.value, None, None) for one in around], 1.05) == pytest.approx(0.095)


def test_the_half_width_is_relative_and_of_the_middle_session() -> None:
    """Sessions without an interval have none."""
    found = [estimate(2.0, 1.9, 2.1), estimate(1.0, 0.99, 1.01), estimate(1.0, 0.8, 1.2), estimate(1.0, None, None)]
    assert truth.median_half_width(found) == pytest.approx(0.05)


def test_the_usual_protocol_sees_one_trial_after_the_other() -> None:
    """A machine that becomes slower between the halves of a session deceives it, and not the paired protocol."""
    drifting: dict[int, tuple[int, ...]] = {number: (1000 + 100 * number,) * 20 for number in range(10)}
    found = truth.check([(measured("a|twin", drifting), measured("a", drifting))] * 3)
    assert [(one.value, one.low, one.high) for one in found.own] == [(1.0, 1.0, 1.0)] * 3
    assert [one.value for one in found.cpu] == [1.0] * 3
    assert truth.tally(found.usual, 1.0).excluded == 3
    assert found.usual[0].value == pytest.approx(1200 / 1700)
    assert found.truth == 1.0
