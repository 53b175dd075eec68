"""Estimators of latency and of ratios of latencies: pure functions on arrays (MEASUREMENT 2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_INVOCATIONS = 5
"""Below it no interval is given: four processes say too little of how processes differ (MEASUREMENT 3.4)."""

CONFIDENCE = 0.95
_PERCENTILE_CONFIDENCE = 0.99

Blocks = Mapping[int, Mapping[int, float]]
"""Block medians in seconds by invocation and round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval over `invocations` processes; no interval below five of them."""

    value: float
    low: float | None
    high: float | None
    invocations: int


def latency(blocks: Blocks) -> Estimate | None:
    """Return the median over invocations of the median over rounds, with a t interval of the log medians.

    The interval is centred on the mean of the logarithms; it is None below `FEWEST_INVOCATIONS`.

    >>> latency({i: {0: 0.010, 1: 0.012, 2: 0.011} for i in range(5)}).value
    0.011
    """
    medians = [float(np.median(list(rounds.values()))) for rounds in blocks.values() if rounds]
    if not medians:
        return None
    low, high = _interval(np.log(medians))
    return Estimate(value=float(np.median(medians)), low=low, high=high, invocations=len(medians))


def latency_ratio(subject: Blocks, baseline: Blocks) -> Estimate | None:
    """Return latency(subject) / latency(baseline) from rounds that measured both, paired round by round.

    The value is the exponential of the mean over invocations of the median log-ratio of their rounds.

    >>> fast = {i: {r: 0.01 + r for r in range(4)} for i in range(5)}
    >>> slow = {i: {r: 2 * (0.01 + r) for r in range(4)} for i in range(5)}
    >>> round(latency_ratio(slow, fast).value, 12)
    2.0
    """
    per_invocation = []
    for invocation in sorted(subject.keys() & baseline.keys()):
        mine, other = subject[invocation], baseline[invocation]
        shared = mine.keys() & other.keys()
        if shared:
            per_invocation.append(float(np.median([np.log(mine[r] / other[r]) for r in shared])))
    if not per_invocation:
        return None
    low, high = _interval(np.array(per_invocation))
    value = float(np.exp(np.mean(per_invocation)))
    return Estimate(value=value, low=low, high=high, invocations=len(per_invocation))


def percentile(samples: Sequence[float], share: float) -> float | None:
    """Return the order statistic that bounds a percentile with 99 % confidence, None when samples are too few.

    The (n - t)th smallest of n, t the largest number with P(Bin(n, 1 - share) <= t) <= 0.01 (MLPerf LoadGen,
    early stopping); with t >= 1 that takes 64 x 10 % and 662 x 1 % of samples.

    >>> percentile(range(63), 0.9) is None, percentile(range(64), 0.9)
    (True, 62)
    """
    from scipy.stats import binom

    n = len(samples)
    beyond = int(binom.ppf(1 - _PERCENTILE_CONFIDENCE, n, 1 - share)) if n else 0
    if n and binom.cdf(beyond, n, 1 - share) > 1 - _PERCENTILE_CONFIDENCE:
        beyond -= 1
    if beyond < 1:
        return None
    return sorted(samples)[n - beyond - 1]


def _interval(logs: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float | None, float | None]:
    from scipy.stats import t

    n = len(logs)
    if n < FEWEST_INVOCATIONS:
        return None, None
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(logs, ddof=1) / np.sqrt(n))
    centre = float(np.mean(logs))
    return float(np.exp(centre - half)), float(np.exp(centre + half))
