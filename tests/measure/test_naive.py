"""The usual comparison does what it says: its bootstrap is that of samples, drawn one by one."""

import numpy as np
import pytest

from edgebench.measure.naive import sequential_ratio


def test_value_is_the_ratio_of_medians() -> None:
    """Of one process each, with an interval."""
    found = sequential_ratio([3.0, 1.0, 2.0], [1.0, 1.0, 5.0], seed=0)
    assert (found.value, found.invocations) == (2.0, 1)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 2.0 <= found.high
    assert found == sequential_ratio([3.0, 1.0, 2.0], [1.0, 1.0, 5.0], seed=0)


@pytest.mark.parametrize("n", [1, 2, 31, 60])
def test_bootstrap_is_that_of_samples_drawn_with_replacement(n: int) -> None:
    """Medians drawn through order statistics have the distribution of medians of resamples."""
    generator = np.random.default_rng(n)
    first, second = np.exp(generator.normal(0, 0.1, (2, n)))
    drawn = [np.median(samples[generator.integers(0, n, (20_000, n))], axis=1) for samples in (first, second)]
    low, high = np.quantile(drawn[0] / drawn[1], [0.025, 0.975])
    found = sequential_ratio(first.tolist(), second.tolist(), seed=1)
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)


def test_interval_is_right_for_samples_that_are_independent() -> None:
    """Where its assumption holds it covers the truth: what fails on a real machine is the assumption."""
    generator = np.random.default_rng(4)
    covered = 0
    for first, second in generator.normal(0, 0.05, (500, 2, 300)):
        found = sequential_ratio((1.05 * np.exp(first)).tolist(), np.exp(second).tolist(), seed=0)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 1.05 <= found.high
    assert 0.92 <= covered / 500 <= 0.98
