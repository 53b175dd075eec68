"""The usual comparison, for contrast: one model after the other, medians, a bootstrap of independent samples."""

from collections.abc import Sequence

import numpy as np

from edgebench.measure.statistics import CONFIDENCE, Estimate

_RESAMPLES = 2000

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def sequential_ratio(samples_a: Sequence[float], samples_b: Sequence[float], seed: int) -> Estimate:
    """Return median(a) / median(b) with the percentile bootstrap's interval over samples, at least one each.

    The interval takes every sample for independent of the others, and one process for all.

    >>> sequential_ratio([2.0] * 9, [1.0] * 9, seed=0).low
    2.0
    """
    generator = np.random.default_rng(seed)
    ratios = _medians(samples_a, generator) / _medians(samples_b, generator)
    low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    value = float(np.median(samples_a) / np.median(samples_b))
    return Estimate(value=value, low=float(low), high=float(high), invocations=1)


def _medians(samples: Sequence[float], generator: np.random.Generator) -> Floats:
    """Return the medians of 2000 resamples, drawn exactly: of n indices drawn, only the middle ones are needed.

    The middle of n uniform numbers follows a beta distribution, and the next one above it, given that, another.
    """
    ordered = np.sort(np.asarray(samples, dtype=float))
    n = len(ordered)
    lower = (n + 1) // 2
    middle = generator.beta(lower, n - lower + 1, _RESAMPLES)
    medians: Floats = ordered[np.minimum((middle * n).astype(int), n - 1)]
    if n % 2:
        return medians
    above = middle + (1 - middle) * generator.beta(1, n - lower, _RESAMPLES)
    upper: Floats = ordered[np.minimum((above * n).astype(int), n - 1)]
    return (medians + upper) / 2
