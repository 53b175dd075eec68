"""How often measuring is wrong where the truth is known: the share of intervals that miss it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.measure import naive, statistics
from edgebench.measure.series import Series
from edgebench.measure.statistics import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Ratios of one pair of trials in many sessions, whose true value is `truth`.

    `own` by wall time, `cpu` by CPU time; `usual`: from the same samples, the first trial's from the first half of each
    session and the second's from the second half, medians and bootstrap, as if one had run after the other.
    """

    truth: float
    own: tuple[Estimate, ...]
    cpu: tuple[Estimate, ...]
    usual: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many of `sessions` intervals excluded a value; the rate has a 95 % interval (Clopper and Pearson)."""

    sessions: int
    excluded: int
    rate_low: float
    rate_high: float

    @property
    def rate(self) -> float:
        """The share that excluded it."""
        return self.excluded / self.sessions


def check(pairs: Sequence[tuple[Series, Series]], truth: float = 1.0) -> Check:
    """Return what the sessions of a pair (subject, baseline), one item each, say of their ratio."""
    return Check(
        truth=truth,
        own=_told(statistics.latency_ratio(subject.wall_s, baseline.wall_s) for subject, baseline in pairs),
        cpu=_told(statistics.latency_ratio(subject.cpu_s, baseline.cpu_s) for subject, baseline in pairs),
        usual=tuple(_usual(subject, baseline, seed) for seed, (subject, baseline) in enumerate(pairs)),
    )


def tally(estimates: Sequence[Estimate], value: float) -> Tally:
    """Return how many intervals exclude a value; estimates without an interval exclude nothing.

    >>> tally([Estimate(value=1.02, low=1.01, high=1.03, invocations=5)], 1.0).excluded
    1
    """
    from scipy.stats import binomtest

    excluded = sum(
        one.low is not None and one.high is not None and not one.low <= value <= one.high for one in estimates
    )
    bounds = binomtest(excluded, len(estimates)).proportion_ci()
    return Tally(sessions=len(estimates), excluded=excluded, rate_low=float(bounds.low), rate_high=float(bounds.high))


def resolution(estimates: Sequence[Estimate], truth: float = 1.0) -> float:
    """Return the 95th percentile of the distance from the truth: what is smaller is within this machine's noise."""
    return float(np.quantile([abs(one.value / truth - 1) for one in estimates], 0.95))


def median_half_width(estimates: Sequence[Estimate]) -> float:
    """Return the median over the sessions of half an interval's width, relative to the estimate."""
    return float(
        np.median([(one.high - one.low) / 2 / one.value for one in estimates if one.low is not None and one.high])
    )


def _told(estimates: Iterable[Estimate | None]) -> tuple[Estimate, ...]:
    return tuple(one for one in estimates if one is not None)


def _usual(subject: Series, baseline: Series, seed: int) -> Estimate:
    first, second = _halves(subject)[0], _halves(baseline)[1]
    return naive.sequential_ratio(first, second, seed)


def _halves(series: Series) -> tuple[list[float], list[float]]:
    """Return the samples of the first and the second half of a session's invocations, in seconds of a call."""
    numbers = sorted({block.invocation for block in series.blocks})
    first = set(numbers[: len(numbers) // 2])
    halves: tuple[list[float], list[float]] = ([], [])
    for block in series.blocks:
        halves[block.invocation not in first].extend(wall / block.calls * 1e-9 for wall in block.wall_ns)
    return halves
