"""Steps in a series of rounds: the exact segmentation against all there are, and against known truths."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.measure.steadiness import SHORTEST, Level, differ, levels, thinned

SERIES = st.lists(st.floats(0.5, 2.0), min_size=1, max_size=11)


def cost(series: list[float], cuts: tuple[int, ...]) -> float:
    """What the segmentation minimises, for segments that begin at these positions."""
    n = len(series)
    logs = np.log(series)
    parts = [logs[first:end] for first, end in pairwise((*cuts, n))]
    if n >= 2 * SHORTEST and min(len(part) for part in parts) < SHORTEST:
        return math.inf
    error = sum(float(np.abs(part - np.median(part)).sum()) for part in parts)
    return 4 * math.log(n) / n * len(parts) + math.log(error + n * 0.001)


@given(SERIES)
def test_no_other_segmentation_is_better(series: list[float]) -> None:
    """Exact: of all ways to cut a short series none costs less."""
    n = len(series)
    found = tuple(level.first for level in levels(series))
    others = [(0, *cuts) for k in range(n // SHORTEST) for cuts in combinations(range(1, n), k)]
    assert cost(series, found) <= min(cost(series, cuts) for cuts in others or [(0,)]) + 1e-9


@given(SERIES, st.floats(1e-6, 1e6))
def test_levels_cover_the_series_and_scale_with_it(series: list[float], factor: float) -> None:
    """Every round belongs to one level, and time's unit does not matter."""
    found = levels(series)
    assert [position for level in found for position in range(level.first, level.last + 1)] == list(range(len(series)))
    scaled = levels([factor * value for value in series])
    assert len(scaled) == len(found) or math.isclose(
        cost(series, tuple(level.first for level in scaled)), cost(series, tuple(level.first for level in found))
    )


def test_levels_of_a_series_without_noise() -> None:
    """Steps up, down and up again, each where it is."""
    series = [1.0] * 5 + [1.3] * 4 + [1.0] * 6 + [2.0] * 3
    assert levels(series) == (
        Level(first=0, last=4, value=1.0),
        Level(first=5, last=8, value=pytest.approx(1.3)),  # type: ignore[arg-type]
        Level(first=9, last=14, value=1.0),
        Level(first=15, last=17, value=pytest.approx(2.0)),  # type: ignore[arg-type]
    )


def test_two_slow_rounds_are_no_level() -> None:
    """A disturbance of one or two rounds does not make a step; three rounds do."""
    for disturbed, steps in ((1, False), (2, False), (3, True)):
        series = [1.0] * 6 + [1.5] * disturbed + [1.0] * 6
        assert differ(levels(series)) is steps


@pytest.mark.parametrize("spread", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("rounds", [6, 10, 20])
def test_noise_is_no_step(spread: float, rounds: int) -> None:
    """Of 300 series without a step two in a hundred at most are said to have one."""
    noise = np.random.default_rng(rounds).normal(0, spread, (300, rounds))
    assert np.mean([differ(levels(series)) for series in np.exp(noise).tolist()]) <= 0.02


@pytest.mark.parametrize(("step", "found"), [(0.01, 0.0), (0.05, 1.0)])
def test_step_is_found_in_noise(step: float, found: float) -> None:
    """Half a per cent of noise hides no step of 5 %; one of 1 % is found to be below what counts."""
    logs = np.random.default_rng(1).normal(0, 0.005, (200, 10))
    logs[:, 5:] += math.log1p(step)
    assert np.mean([differ(levels(series)) for series in np.exp(logs).tolist()]) == pytest.approx(found, abs=0.01)


def test_short_series_have_one_level() -> None:
    """Fewer than twice three rounds cannot show a step; no round has no level."""
    assert levels([]) == ()
    assert not differ(())
    assert levels([1.0, 1.0, 9.0]) == (Level(first=0, last=2, value=1.0),)
    assert len(levels([1.0, 1.0, 9.0, 9.0, 9.0])) == 1
    assert len(levels([1.0, 1.0, 1.0, 9.0, 9.0, 9.0])) == 2


def test_thinning_keeps_what_is_short_and_the_course_of_what_is_long() -> None:
    """Up to a hundred values stay as they are; of more, neighbours give their medians."""
    assert thinned([3.0, 1.0, 2.0]) == [3.0, 1.0, 2.0]
    assert thinned([]) == []
    long = thinned([float(value) for value in range(1000)])
    assert len(long) == 100
    assert long == sorted(long)
    assert long[0] == 4.5
