"""Joules from readings: exact where they can be, refused where they cannot be known."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.quantities import Joules, Watts, joules, watts
from edgebench.measure.energy import (
    MOST,
    NoEnergyError,
    Span,
    counted,
    estimate,
    fitted,
    integrated,
    modelled,
    per_call,
)

RANGE = joules(262143.999938)
SECOND = Span(start_s=0.0, end_s=1.0)


def line(at_s: Sequence[float], start_w: float, slope: float) -> list[Watts]:
    """Powers on a line."""
    return [watts(start_w + slope * at) for at in at_s]


# --- powers ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.floats(0.01, 0.2), min_size=60, max_size=80),
    st.floats(0.0, 50.0),
    st.floats(-1.0, 1.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 0.2),
)
def test_trapezoids_are_exact_on_linear_power(
    gaps: list[float], level: float, slope: float, after: float, before: float
) -> None:
    """However unevenly it was read, and wherever the window begins and ends between readings."""
    at_s = np.concatenate([[0.0], np.cumsum(gaps)]).tolist()
    window = Span(start_s=after, end_s=at_s[-1] - before)
    if window.seconds < 1.0:
        return
    found = integrated(at_s, line(at_s, 10.0 + level, slope), window)
    middle = (window.start_s + window.end_s) / 2
    assert found.j == pytest.approx((10.0 + level + slope * middle) * window.seconds, rel=1e-9)


def test_windows_side_by_side_add_up() -> None:
    """Cut at any moment, the energies of the parts are that of the whole."""
    at_s = [0.1 * number for number in range(101)]
    power = [watts(3 + math.sin(at)) for at in at_s]
    parts = [integrated(at_s, power, Span(start_s=a, end_s=b)) for a, b in ((0.33, 4.71), (4.71, 9.2))]
    whole = integrated(at_s, power, Span(start_s=0.33, end_s=9.2))
    assert (parts[0] + parts[1]).j == pytest.approx(whole.j, rel=1e-12)


@pytest.mark.parametrize(
    ("at_s", "said"),
    [
        ([0.0, 0.2, 0.4, 0.6, 0.8], "do not cover"),
        ([0.1, 0.3, 0.5, 0.7, 1.0], "do not cover"),
        ([], "do not cover"),
        ([0.0, 0.1, 0.2, 0.8, 0.9, 1.0], "no reading for 0.6 s of a window of 1 s"),
        ([-5.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "no reading for 5.1 s"),
    ],
)
def test_window_that_was_not_read_throughout_has_no_energy(at_s: list[float], said: str) -> None:
    """Nothing is extrapolated, and a hole is not bridged."""
    with pytest.raises(NoEnergyError, match=said):
        integrated(at_s, line(at_s, 5.0, 0.0), SECOND)


# --- counters --------------------------------------------------------------------------------------------------------


@given(st.floats(0, 262143), st.floats(0.5, 300.0), st.integers(11, 40))
def test_wrap_is_right_once(start_j: float, power_w: float, readings: int) -> None:
    """A counter read ten times a second tells what was used, wherever it passes its range."""
    at_s = [0.1 * number for number in range(readings)]
    told = [joules((start_j + power_w * at) % RANGE.j) for at in at_s]
    found = counted(at_s, told, RANGE, SECOND)
    assert found.j == pytest.approx(power_w, rel=1e-6)


def test_wrap_that_nobody_may_have_seen_is_refused() -> None:
    """Once readings lie so far apart that the range could have been passed, the difference says nothing."""
    limit_s = RANGE.j / MOST.w
    rise = [joules(1.0), joules(2.0)]
    assert counted([0.0, 0.99 * limit_s], rise, RANGE, Span(start_s=0.0, end_s=0.99 * limit_s)) == joules(1.0)
    with pytest.raises(NoEnergyError, match="may wrap unseen"):
        counted([0.0, limit_s], rise, RANGE, Span(start_s=0.0, end_s=limit_s))


@pytest.mark.parametrize(
    ("told", "wraps_at", "said"),
    [
        ([5.0, 4.0], None, "the counter fell, and where it begins again is not known"),
        ([5.0, 5.0], RANGE, "stood still for 1 s"),
        ([5.0, 5000.0], RANGE, "rose by 4995 J in 1 s: more than 2000 W"),
        ([200000.0, 5.0], RANGE, "more than 2000 W"),  # it was set back: no wrap
    ],
)
def test_counter_that_cannot_be_believed_is_refused(told: list[float], wraps_at: Joules | None, said: str) -> None:
    """A fall without a range, no rise at all, and a rise beyond any machine."""
    with pytest.raises(NoEnergyError, match=said):
        counted([0.0, 1.0], [joules(value) for value in told], wraps_at, SECOND)


# --- above idle ------------------------------------------------------------------------------------------------------


def test_known_load_is_recovered_under_noisy_idle() -> None:
    """2 W above an idle power that wanders by 10 % and is read with noise: 20 mJ a call of 10 ms, within 1 %."""
    generator = np.random.default_rng(11)
    above, totals = {}, {}
    for invocation in range(10):
        at_s = np.arange(0.0, 12.0, 0.05)
        wander = 0.3 * np.sin(2 * np.pi * (at_s / 37 + generator.random()))
        loaded = (at_s >= 4.0) & (at_s < 8.0)
        power = 3.0 + wander + 2.0 * loaded + generator.normal(0, 0.1, len(at_s))
        read = [watts(float(one)) for one in power]
        windows = [Span(start_s=start, end_s=start + 3.5) for start in (0.2, 4.2, 8.2)]
        before, load, after = (integrated(at_s.tolist(), read, window) for window in windows)
        one = per_call(load, windows[1], 350, before.per(3.5), after.per(3.5))
        above[invocation], totals[invocation] = one.above_idle, one.total
    found, total = estimate(above), estimate(totals)
    assert found is not None
    assert total is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(0.020, rel=0.01)
    assert found.low < 0.020 < found.high
    assert total.value > 2 * found.value


@pytest.mark.parametrize(("before_w", "after_w", "moved"), [(4.0, 4.0, False), (4.0, 4.09, False), (4.0, 4.2, True)])
def test_idle_power_that_moved_is_told(before_w: float, after_w: float, moved: bool) -> None:
    """By more than 5 % of what the load adds, from before it to after it."""
    found = per_call(joules(12.0), Span(start_s=0.0, end_s=2.0), 4, watts(before_w), watts(after_w))
    assert found.idle_moved is moved
    assert found.total == joules(3.0)


def test_energy_above_idle_may_be_nothing() -> None:
    """A load that draws no more than idling has none, and less than none is not cut off."""
    found = per_call(joules(7.0), Span(start_s=0.0, end_s=2.0), 10, watts(4.0), watts(4.0))
    assert found.above_idle.j == pytest.approx(-0.1)


def test_interval_is_over_invocations() -> None:
    """Five give one, four do not; none give nothing."""
    values = dict(enumerate(map(joules, (1.0, 1.1, 0.9, 1.0, 1.0))))
    found = estimate(values)
    assert found is not None
    assert found.low == pytest.approx(0.9122, abs=1e-4)
    assert found.high == pytest.approx(1.0878, abs=1e-4)
    four = estimate({number: values[number] for number in range(4)})
    assert four is not None
    assert four.low is None
    assert estimate({}) is None


# --- the model -------------------------------------------------------------------------------------------------------


def test_model_finds_the_line_that_made_the_powers() -> None:
    """Idle and slope within their errors, and the noise as its residual."""
    generator = np.random.default_rng(5)
    utilisation = np.tile([0.0, 0.25, 0.5, 1.0], 50)
    power = [watts(float(one)) for one in 2.7 + 3.4 * utilisation + generator.normal(0, 0.05, len(utilisation))]
    model = fitted(utilisation.tolist(), power)
    assert model.idle.w == pytest.approx(2.7, abs=0.02)
    assert model.slope.w == pytest.approx(3.4, abs=0.03)
    assert model.residual_sd.w == pytest.approx(0.05, rel=0.15)
    assert (model.windows, model.lowest, model.highest) == (200, 0.0, 1.0)


def test_model_tells_the_energy_of_a_call() -> None:
    """One of two processors for 10 ms: half of the slope on top of idle, with the intervals of textbooks.

    Four windows at 0, 0, 0.5 and 0.5: their mean is 0.25, and the sum of squared differences from it 4 x 0.25^2.
    """
    model = fitted([0.0, 0.0, 0.5, 0.5], [watts(2.0), watts(2.2), watts(4.0), watts(4.2)])
    total, above = modelled(model, call_s=0.010, cpu_s=0.010, cores=2)
    assert [total.value, above.value] == pytest.approx([0.041, 0.020])
    assert total.low is not None
    assert above.low is not None
    half = 4.3027 * model.residual_sd.w * 0.010
    assert total.value - total.low == pytest.approx(half * math.sqrt(1 + 1 / 4 + 0.25**2 / 0.25), rel=1e-4)
    assert above.value - above.low == pytest.approx(half * 0.5 / math.sqrt(0.25), rel=1e-4)
    assert total.invocations == above.invocations == 3


@pytest.mark.slow
@pytest.mark.parametrize("windows", [4, 9, 30])
def test_intervals_of_a_model_cover(windows: int) -> None:
    """A new window's power, and what the true slope adds, each lie in 95 % of 4000 models' intervals."""
    generator = np.random.default_rng(windows)
    utilisation = np.resize([0.02, 1.0, 0.02, 0.5], windows)
    covered = np.zeros(2)
    for _ in range(4000):
        noise = generator.normal(0, 0.05, windows + 1)
        model = fitted(utilisation.tolist(), [watts(float(one)) for one in 2.7 + 3.4 * utilisation + noise[:-1]])
        at = float(generator.uniform(model.lowest, model.highest))
        told = modelled(model, call_s=1.0, cpu_s=at * 4, cores=4)
        covered += [
            one.low <= truth <= one.high
            for one, truth in zip(told, (2.7 + 3.4 * at + noise[-1], 3.4 * at), strict=True)
        ]
    assert all(0.935 <= share <= 0.965 for share in covered / 4000)


@pytest.mark.parametrize(
    ("utilisation", "power", "said"),
    [
        ([0.0, 0.5, 1.0], [2.0, 3.0, 4.0], "3 windows make no line"),
        ([0.5] * 4, [2.0, 3.0, 4.0, 5.0], "all windows have one utilisation"),
        ([0.0, 0.1, 0.5, 1.0], [4.0, 3.9, 3.0, 2.0], "expected both above 0"),
    ],
)
def test_windows_that_make_no_model_are_refused(utilisation: list[float], power: list[float], said: str) -> None:
    """Too few, all alike, or a load that takes power away."""
    with pytest.raises(NoEnergyError, match=said):
        fitted(utilisation, [watts(one) for one in power])


def test_model_says_nothing_beyond_what_it_was_fitted_on() -> None:
    """A line through idle and half load is not drawn on to full load."""
    model = fitted([0.0, 0.0, 0.5, 0.5], [watts(2.0), watts(2.2), watts(4.0), watts(4.2)])
    with pytest.raises(NoEnergyError, match=r"0 to 0\.5: 1 lies beyond"):
        modelled(model, call_s=0.010, cpu_s=0.020, cores=2)
