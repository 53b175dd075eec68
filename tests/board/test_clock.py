"""The steady state test on windows whose truth is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.clock import is_steady

Window = np.ndarray[tuple[int], np.dtype[np.int64]]

CALL_NS = 1_000_000
SAMPLES = 64


def window(values: Any) -> Window:
    """Samples as a worker has them: whole nanoseconds."""
    return np.asarray(np.round(values), dtype=np.int64)


def noisy(seed: int, spread: float, trend: float = 0.0) -> Window:
    """Samples around one millisecond with log-normal noise, slower by `trend` at the window's beginning."""
    generator = np.random.default_rng(seed)
    drift = np.linspace(trend, 0, SAMPLES)
    return window(CALL_NS * np.exp(generator.normal(0, spread, SAMPLES) + drift))


@pytest.mark.parametrize(
    ("samples", "steady"),
    [
        ([100] * 8, True),
        ([1000, 1001] * 8, True),
        ([1009] * 8 + [1000] * 8, True),  # 0.9 %
        ([1011] * 8 + [1000] * 8, False),  # 1.1 %, and the last four parts show no noise that excused it
        ([1000] * 8 + [1011] * 8, False),  # getting slower is no rest either
        ([1500] + [1000] * 15, False),  # the first call of two: its part's median lies 25 % off
        ([5000] + [1000] * 63, True),  # one slow sample of eight does not move a median
        ([1010, 990, 1010, 990, 1020, 980, 1020, 980], True),
        ([0] * 8, True),  # a clock too coarse for the call
    ],
)
def test_known_windows(samples: list[int], steady: bool) -> None:
    """Halves that agree within 1 %, or within the noise of the last four medians, are steady; others are not."""
    assert is_steady(window(samples)) is steady


@pytest.mark.parametrize("calls", [2, 5, 20, 60])
@pytest.mark.parametrize("excess", [0.2, 0.88, 3.0])
def test_decaying_warm_up_is_refused(excess: float, calls: int) -> None:
    """A network that approaches its speed exponentially is not steady in the window where it does."""
    index = np.arange(8 * calls)
    assert not is_steady(window(CALL_NS * (1 + excess * np.exp(-index / (2 * calls)))))


def test_end_of_the_warm_up_is_accepted() -> None:
    """The same decay is steady once the window lies behind it."""
    index = np.arange(SAMPLES)
    assert is_steady(window(CALL_NS * (1 + 0.88 * np.exp(-(index + 200) / 20))))


def test_noise_alone_is_rest() -> None:
    """A wandering machine is not told from a warm network: 3 % of noise without a trend passes nine times in ten."""
    assert sum(is_steady(noisy(seed, 0.03)) for seed in range(500)) >= 450


def test_noise_does_not_hide_a_warm_up() -> None:
    """A trend of 30 % stands out of 1 % of noise every time."""
    assert not any(is_steady(noisy(seed, 0.01, trend=0.3)) for seed in range(200))


@given(st.integers(0, 2**32), st.sampled_from([0.001, 0.01, 0.1]), st.sampled_from([0.0, 0.02, 0.3]))
def test_order_within_a_part_does_not_matter(seed: int, spread: float, trend: float) -> None:
    """Only the medians of the eight parts count, not how the samples lie inside a part."""
    samples = noisy(seed, spread, trend)
    shuffled = np.random.default_rng(seed).permuted(samples.reshape(8, -1), axis=1).ravel()
    assert is_steady(window(shuffled)) is is_steady(samples)


@given(st.integers(0, 2**32), st.sampled_from([0.001, 0.01, 0.1]), st.integers(2, 1000))
def test_scale_of_time_does_not_matter(seed: int, spread: float, factor: int) -> None:
    """A network `factor` times slower with the same relative noise gets the same answer."""
    samples = noisy(seed, spread, trend=0.02)
    assert is_steady(window(samples * factor)) is is_steady(samples)
