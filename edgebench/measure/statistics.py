"""Estimators of latency and of ratios of latencies: pure functions on arrays (docs/measuring.md, Estimates)."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from edgebench.measure.quantiles import chi_square, left_out, median_variance, robust_sd, student
from edgebench.measure.series import Medians

FEWEST_INVOCATIONS = 5
"""Below it no interval is given: four processes say too little of how processes differ.

Processes of one model had medians 0.5 % apart (standard deviation of 36) and of another 1.6 % (of 18), where a process
knows its own to 0.1 %.
"""

CONFIDENCE = 0.95

ASSURANCE = 0.8
"""How often a planned interval becomes as narrow as planned (Kupper and Hafner 1989: 0.5 where nobody asks)."""

FEWEST_ROUNDS = 6
"""A sign interval of fewer rounds does not reach 95 %."""

_RESAMPLES = 2000
_MOST_INVOCATIONS = 10_000
_ROUNDS = (10, 14, 20, 28, 40, 56, 80, 114, 160, 226, 320, 400)  # even, sqrt(2) apart: cost is flat around its least

Blocks = Medians


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its interval over `invocations` processes; no interval below five of them."""

    value: float
    low: float | None
    high: float | None
    invocations: int
    confidence: float = CONFIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Of what the log-ratio of two trials varies: standard deviations between processes, and of one round in a process.

    `process_sd` is 0 where the rounds alone explain how the invocations differ.
    """

    process_sd: float
    round_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The plan that reaches a target soonest, and the seconds it takes."""

    invocations: int
    rounds: int
    seconds: float


# --- estimates and their intervals -----------------------------------------------------------------------------------


def latency(blocks: Blocks) -> Estimate | None:
    """Return the geometric mean over invocations of the median over rounds, with a t interval of the log medians.

    >>> round(latency({i: {0: 0.010, 1: 0.012, 2: 0.011} for i in range(5)}).value, 12)
    0.011
    """
    logs = [math.log(median(rounds.values())) for rounds in blocks.values() if rounds]
    return _estimate(logs, CONFIDENCE) if logs else None


def latency_ratio(subject: Blocks, baseline: Blocks, *, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return latency(subject) / latency(baseline) from rounds that measured both, paired round by round.

    The value is the exponential of the mean over invocations of the median log-ratio of their rounds.

    >>> fast = {i: {r: 0.01 + r for r in range(4)} for i in range(5)}
    >>> slow = {i: {r: 2 * (0.01 + r) for r in range(4)} for i in range(5)}
    >>> round(latency_ratio(slow, fast).value, 12)
    2.0
    """
    ratios = log_ratios(subject, baseline)
    return _estimate([median(logs) for logs in ratios], confidence) if ratios else None


def at_level(estimate: Estimate, confidence: float) -> Estimate:
    """Return an estimate with its t interval at another level of confidence.

    >>> narrow = at_level(Estimate(value=1.0, low=0.5, high=2.0, invocations=10), 0.9)
    >>> round(narrow.high, 3)
    1.754
    """
    if estimate.low is None or estimate.high is None:
        return Estimate(value=estimate.value, low=None, high=None, invocations=estimate.invocations)
    freedom = estimate.invocations - 1
    before = math.log(estimate.high / estimate.low) / 2
    half = before * student(confidence, freedom) / student(estimate.confidence, freedom)
    centre = math.sqrt(estimate.low * estimate.high)
    return Estimate(
        value=estimate.value,
        low=centre * math.exp(-half),
        high=centre * math.exp(half),
        invocations=estimate.invocations,
        confidence=confidence,
    )


def half_width(estimate: Estimate) -> float | None:
    """Return by how much an interval reaches beyond its centre, relative to it; None without an interval.

    >>> round(half_width(Estimate(value=2.0, low=2 / 1.01, high=2 * 1.01, invocations=5)), 6)
    0.01
    """
    if estimate.low is None or estimate.high is None:
        return None
    return math.sqrt(estimate.high / estimate.low) - 1


def log_sd(estimate: Estimate) -> float | None:
    """Return the standard deviation of the invocations' logarithms that an interval was made of, None without one."""
    width = half_width(estimate)
    if width is None:
        return None
    n = estimate.invocations
    return math.log1p(width) * math.sqrt(n) / student(estimate.confidence, n - 1)


def sign_interval(subject: Blocks, baseline: Blocks, invocation: int) -> tuple[float, float] | None:
    """Return the 95 % sign interval of the ratio in one invocation, None below six rounds: it is of this process only.

    From the kth smallest to the kth largest log-ratio, k the largest with P(Bin(rounds, 1/2) < k) <= 2.5 %.

    >>> low, high = sign_interval({0: {r: 1.0 + r for r in range(10)}}, {0: dict.fromkeys(range(10), 1.0)}, 0)
    >>> round(low, 12), round(high, 12)
    (2.0, 9.0)
    """
    from scipy.stats import binom

    if invocation not in subject.keys() & baseline.keys():
        return None
    logs = sorted(_paired(subject, baseline, invocation))
    rounds = len(logs)
    outside = int(np.sum(binom.cdf(np.arange(rounds), rounds, 0.5) <= (1 - CONFIDENCE) / 2))
    if outside < 1:
        return None
    return math.exp(logs[outside - 1]), math.exp(logs[rounds - outside])


def bootstrap_interval(subject: Blocks, baseline: Blocks, seed: int = 0) -> tuple[float, float] | None:
    """Return the interval of a ratio by a hierarchical percentile bootstrap; None below five invocations.

    A cross-check of the t interval. 2000 times: so many invocations are drawn as there are, and of each drawn one so
    many rounds as it has.
    """
    ratios = log_ratios(subject, baseline)
    if len(ratios) < FEWEST_INVOCATIONS:
        return None
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(ratios), (_RESAMPLES, len(ratios)))
    medians = np.empty(drawn.shape)
    for number, logs in enumerate(ratios):
        here = drawn == number
        rounds = generator.integers(0, len(logs), (int(here.sum()), len(logs)))
        medians[here] = np.median(np.array(logs)[rounds], axis=1)
    low, high = np.quantile(medians.mean(axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(np.exp(low)), float(np.exp(high))


def log_ratios(subject: Blocks, baseline: Blocks) -> list[list[float]]:
    """Return the log-ratios of the rounds that measured both trials: one list an invocation that has any."""
    shared = sorted(subject.keys() & baseline.keys())
    found = [_paired(subject, baseline, invocation) for invocation in shared]
    return [logs for logs in found if logs]


# --- planning --------------------------------------------------------------------------------------------------------


def components(subject: Blocks, baseline: Blocks) -> Components | None:
    """Return the variance components of a ratio (Kalibera and Jones 2013), None below five invocations.

    The spread of rounds is taken from their median absolute deviations; what it does not explain of the spread of the
    invocations' medians is between processes.
    """
    ratios = [logs for logs in log_ratios(subject, baseline) if len(logs) > 1]
    if len(ratios) < FEWEST_INVOCATIONS:
        return None
    round_sd = fmean(robust_sd(logs) for logs in ratios)
    between = _sd([median(logs) for logs in ratios]) ** 2
    within = round_sd**2 * fmean(median_variance(len(logs)) for logs in ratios)
    return Components(process_sd=math.sqrt(max(0.0, between - within)), round_sd=round_sd)


def advised(found: Components, target: float, start_s: float, round_s: float) -> Advice | None:
    """Return the cheapest plan whose interval has the target half-width, with the assurance of 4 in 5.

    `target` is relative (0.01: 1 %), `start_s` what an invocation costs before its first round, `round_s` a round.
    None where no plan of ten thousand invocations reaches it. Where neither the least number of invocations nor of
    rounds binds this is Kalibera and Jones' sqrt(start / round x variance of a round / variance of a process).
    """
    plans = []
    for rounds in _ROUNDS:
        spread = math.sqrt(found.process_sd**2 + found.round_sd**2 * median_variance(rounds))
        invocations = fewest_invocations(spread, math.log1p(target))
        if invocations is not None:
            seconds = invocations * (start_s + rounds * round_s)
            plans.append(Advice(invocations=invocations, rounds=rounds, seconds=seconds))
    return min(plans, key=lambda plan: plan.seconds, default=None)


def fewest_invocations(log_sd: float, log_half_width: float, confidence: float = CONFIDENCE) -> int | None:
    """Return how many invocations it takes until an interval is that narrow in 4 of 5 sessions; None beyond 10 000.

    `log_sd` is the standard deviation of one invocation's log-ratio.

    >>> fewest_invocations(0.01, 0.01)
    8
    """
    numbers = range(FEWEST_INVOCATIONS, _MOST_INVOCATIONS + 1)
    at = bisect_left(numbers, True, key=lambda n: _assured_half(log_sd, n, confidence) <= log_half_width)
    return numbers[at] if at < len(numbers) else None


# --- percentiles -----------------------------------------------------------------------------------------------------


def percentile(samples: Sequence[float], share: float, autocorrelation: float = 0.0) -> float | None:
    """Return the order statistic that bounds a percentile with 99 % confidence, None when samples are too few.

    The (n - t)th smallest of n, t the largest number with P(Bin(n, 1 - share) <= t) <= 0.01 (MLPerf LoadGen,
    early stopping); with t >= 1 that takes 64 x 10 % and 662 x 1 % of samples. Samples that follow one another count
    for n (1 - rho) / (1 + rho), rho their `autocorrelation`, and the same share of all samples is left out above.

    >>> percentile(range(63), 0.9) is None, percentile(range(64), 0.9)
    (True, 62)
    >>> percentile(range(127), 0.9, 1 / 3) is None, percentile(range(128), 0.9, 1 / 3)
    (True, 125)
    """
    n = len(samples)
    effective = effective_samples(n, autocorrelation)
    beyond = left_out(effective, share)
    if beyond < 1:
        return None
    return sorted(samples)[n - n * beyond // effective - 1]


def effective_samples(samples: int, autocorrelation: float) -> int:
    """Return how many independent samples so many are worth; a negative autocorrelation makes them no more.

    >>> effective_samples(300, 0.5), effective_samples(300, -0.2)
    (100, 300)
    """
    rho = min(max(autocorrelation, 0.0), 1.0)
    return math.floor(samples * (1 - rho) / (1 + rho) + 1e-9)


def autocorrelation(blocks: Blocks) -> float:
    """Return the lag-1 autocorrelation of the log block medians in the order in which they were measured.

    Processes follow one another in it, so that what they differ by counts. 0 where all are equal or fewer than three.

    >>> autocorrelation({0: {0: 1.0, 1: 1.0, 2: 2.0, 3: 2.0}})
    0.25
    """
    logs = np.log([blocks[i][r] for i in sorted(blocks) for r in sorted(blocks[i])])
    deviations = logs - logs.mean() if len(logs) else logs
    total = float(np.sum(deviations**2))
    if len(logs) < 3 or total == 0:
        return 0.0
    return float(np.sum(deviations[1:] * deviations[:-1])) / total


# --- parts -----------------------------------------------------------------------------------------------------------


def _paired(subject: Blocks, baseline: Blocks, invocation: int) -> list[float]:
    mine, other = subject[invocation], baseline[invocation]
    return [math.log(mine[r] / other[r]) for r in mine if r in other]


def _estimate(logs: Sequence[float], confidence: float) -> Estimate:
    n, centre = len(logs), fmean(logs)
    low = high = None
    if n >= FEWEST_INVOCATIONS:
        half = student(confidence, n - 1) * _sd(logs) / math.sqrt(n)
        low, high = math.exp(centre - half), math.exp(centre + half)
    return Estimate(value=math.exp(centre), low=low, high=high, invocations=n, confidence=confidence)


def _sd(values: Sequence[float]) -> float:
    return math.dist(values, [fmean(values)] * len(values)) / math.sqrt(len(values) - 1)


def _assured_half(log_sd: float, invocations: int, confidence: float) -> float:
    spread = log_sd * math.sqrt(chi_square(ASSURANCE, invocations - 1) / (invocations - 1))
    return student(confidence, invocations - 1) * spread / math.sqrt(invocations)
