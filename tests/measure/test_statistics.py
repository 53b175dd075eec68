"""Estimators against computed truths, against simulations of machines whose truth is known, and their symmetries."""

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import ttest_1samp

from edgebench.measure.statistics import Estimate, latency, latency_ratio, percentile

Blocks = dict[int, dict[int, float]]
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

T_4 = 2.7764451052
"""97.5 % quantile of Student's t with four degrees of freedom, from a printed table."""

SECONDS = st.floats(1e-6, 10)


def series(invocations: int, rounds: int) -> st.SearchStrategy[Blocks]:
    """Block medians of one trial."""
    row = st.lists(SECONDS, min_size=rounds, max_size=rounds).map(lambda values: dict(enumerate(values)))
    return st.lists(row, min_size=invocations, max_size=invocations).map(lambda rows: dict(enumerate(rows)))


PAIRS = st.tuples(st.integers(1, 7), st.integers(1, 5)).flatmap(lambda size: st.tuples(series(*size), series(*size)))


def constant(medians: Sequence[float]) -> Blocks:
    """One round an invocation: the medians are what is estimated from."""
    return {invocation: {0: median} for invocation, median in enumerate(medians)}


def figures(estimate: Estimate | None) -> tuple[float, float | None, float | None]:
    """The value and its interval."""
    assert estimate is not None
    return estimate.value, estimate.low, estimate.high


def same(found: Estimate | None, value: float, low: float | None, high: float | None) -> bool:
    """Tell whether an estimate has these figures but for rounding."""
    pairs = zip(figures(found), (value, low, high), strict=True)
    return all(a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)


# --- exact values ----------------------------------------------------------------------------------------------------


def test_interval_of_a_ratio_by_hand() -> None:
    """Five log-ratios 0, 1, 2, 3 and 4 %: their mean is 2 %, their standard deviation sqrt(2.5) %."""
    found = latency_ratio(constant([0.01 * math.exp(k / 100) for k in range(5)]), constant([0.01] * 5))
    half = T_4 * math.sqrt(2.5) / 100 / math.sqrt(5)
    assert same(found, math.exp(0.02), math.exp(0.02 - half), math.exp(0.02 + half))


@pytest.mark.parametrize("invocations", [5, 6, 10, 40])
def test_intervals_are_those_of_scipy(invocations: int) -> None:
    """Both intervals are Student's, of the logarithms, with one degree of freedom less than there are processes."""
    logs = np.random.default_rng(invocations).normal(-4, 0.02, invocations)
    expected = ttest_1samp(logs, 0).confidence_interval(0.95)
    low, high = math.exp(expected.low), math.exp(expected.high)
    medians = [float(median) for median in np.exp(logs)]
    assert same(latency(constant(medians)), float(np.median(medians)), low, high)
    assert same(latency_ratio(constant(medians), constant([1.0] * invocations)), math.exp(np.mean(logs)), low, high)


def test_medians_are_taken_over_rounds_first() -> None:
    """One disturbed round of three moves neither figure."""
    quiet = {i: {0: 0.010, 1: 0.011, 2: 0.012} for i in range(5)}
    disturbed = {i: {**rounds, 2: 9.0} for i, rounds in quiet.items()}
    assert latency(disturbed) == latency(quiet)
    assert same(latency_ratio(disturbed, quiet), 1.0, 1.0, 1.0)


def test_latency_is_a_median_over_processes() -> None:
    """One odd process of five does not move the reported latency, and widens its interval."""
    found = latency(constant([0.010, 0.010, 0.010, 0.010, 0.020]))
    assert found is not None
    assert found.value == 0.010
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.010
    assert found.high > 0.015


@pytest.mark.parametrize(("invocations", "has_interval"), [(1, False), (4, False), (5, True)])
def test_no_interval_below_five_processes(invocations: int, has_interval: bool) -> None:
    """A figure without enough processes behind it stands alone, and says how many there were."""
    blocks = constant([0.01 + 0.001 * k for k in range(invocations)])
    for found in (latency(blocks), latency_ratio(blocks, constant([0.01] * invocations))):
        assert found is not None
        assert found.invocations == invocations
        assert (found.low is not None) is (found.high is not None) is has_interval


def test_nothing_measured_is_no_estimate() -> None:
    """Without a block there is None, never zero; without a shared round there is no ratio."""
    assert latency({}) is None
    assert latency({0: {}}) is None
    assert latency_ratio({}, {}) is None
    assert latency_ratio({0: {0: 1.0}}, {1: {0: 1.0}}) is None
    assert latency_ratio({0: {0: 1.0}}, {0: {1: 1.0}}) is None


def test_rounds_that_one_trial_alone_measured_are_ignored() -> None:
    """Slow trials take part in every second round only, lost ones end early: the ratio is of what both measured."""
    fast = {i: {r: 0.01 * (1 + r) for r in range(4)} for i in range(6)}
    slow = {i: {r: 0.03 * (1 + r) for r in (0, 2)} for i in range(5)}
    found = latency_ratio(slow, fast)
    assert same(found, 3.0, 3.0, 3.0)
    assert found is not None
    assert found.invocations == 5
    alone = {i: {**rounds, 1: 1e3, 7: 1e-3} for i, rounds in slow.items()}
    without = {i: {r: value for r, value in rounds.items() if r != 1} for i, rounds in fast.items()}
    assert latency_ratio(alone, without) == found


# --- symmetries ------------------------------------------------------------------------------------------------------


@given(PAIRS)
def test_swapping_the_trials_inverts_the_ratio(pair: tuple[Blocks, Blocks]) -> None:
    """How much slower A is than B and how much slower B is than A are one statement."""
    value, low, high = figures(latency_ratio(*pair))
    inverse = (None, None) if low is None or high is None else (1 / high, 1 / low)
    assert same(latency_ratio(*reversed(pair)), 1 / value, *inverse)


@given(PAIRS, st.floats(1e-3, 1e3))
def test_scaling_time_scales_the_figures(pair: tuple[Blocks, Blocks], factor: float) -> None:
    """A machine slower by a constant has latencies longer by it and the same ratios; a slower trial, its ratio."""
    subject, baseline = pair
    slower = [{i: {r: factor * s for r, s in rounds.items()} for i, rounds in one.items()} for one in pair]
    assert same(latency_ratio(*slower), *figures(latency_ratio(*pair)))
    for found, original in (
        (latency_ratio(slower[0], baseline), latency_ratio(subject, baseline)),
        (latency(slower[0]), latency(subject)),
    ):
        value, low, high = figures(original)
        scaled = (None, None) if low is None or high is None else (factor * low, factor * high)
        assert same(found, factor * value, *scaled)


@given(PAIRS, st.lists(st.floats(0.5, 2), min_size=35, max_size=35))
def test_what_slows_both_trials_of_a_round_leaves_the_ratio(pair: tuple[Blocks, Blocks], drift: list[float]) -> None:
    """Pairing: drift from round to round, however large, cancels."""
    drifted = [
        {i: {r: s * drift[5 * i + r] for r, s in rounds.items()} for i, rounds in blocks.items()} for blocks in pair
    ]
    assert same(latency_ratio(*drifted), *figures(latency_ratio(*pair)))


@given(PAIRS, st.randoms(use_true_random=False))
def test_order_of_rounds_and_invocations_does_not_matter(pair: tuple[Blocks, Blocks], random: Random) -> None:
    """The figures are those of the set of blocks, whatever order the journal has them in."""

    def shuffled(blocks: Blocks) -> Blocks:
        rows = [(i, dict(random.sample(list(rounds.items()), len(rounds)))) for i, rounds in blocks.items()]
        return dict(random.sample(rows, len(rows)))

    subject, baseline = pair
    assert same(latency_ratio(shuffled(subject), shuffled(baseline)), *figures(latency_ratio(subject, baseline)))
    assert same(latency(shuffled(subject)), *figures(latency(subject)))


@given(series(6, 3))
def test_trial_against_itself_is_one(blocks: Blocks) -> None:
    """A ratio of equal series is one, without width."""
    assert figures(latency_ratio(blocks, blocks)) == (1.0, 1.0, 1.0)


# --- simulations -----------------------------------------------------------------------------------------------------

SESSIONS = 4000
INVOCATIONS = 5


def test_interval_covers_the_truth_at_its_level() -> None:
    """Processes that differ by 1 %, five of them a trial: the 95 % intervals hold the truth 93 to 97 times in 100."""
    generator = np.random.default_rng(20261122)
    size = (SESSIONS, 2, INVOCATIONS)
    process = generator.normal(0, 0.01, (*size, 1))
    rounds = np.exp(process + generator.normal(0, 0.003, (*size, 3)))
    ratios, latencies = 0, 0
    for subject, baseline in rounds:
        ratios += covers(latency_ratio(blocks_of(1.05 * subject), blocks_of(baseline)), 1.05)
        latencies += covers(latency(blocks_of(0.01 * subject)), 0.01)
    assert 0.93 <= ratios / SESSIONS <= 0.97
    assert 0.93 <= latencies / SESSIONS <= 0.97


def test_pairing_keeps_its_level_where_sequential_medians_lose_it() -> None:
    """On a drifting machine a model differs from itself in 2 to 8 of 100 paired sessions, and in over 30 sequential."""
    sessions, rounds = 1000, 10
    drift = wandering(sessions, 2 * INVOCATIONS * rounds, correlation=0.95, spread=0.05)
    slots = drift.reshape(sessions, INVOCATIONS, rounds // 2, 4)
    # The order of two trials: A B, B A.
    first, second = slots[..., [0, 3]], slots[..., [1, 2]]
    paired = 0
    for mine, other in zip(first, second, strict=True):
        found = latency_ratio(
            blocks_of(np.exp(mine.reshape(INVOCATIONS, rounds))), blocks_of(np.exp(other.reshape(INVOCATIONS, rounds)))
        )
        paired += not covers(found, 1.0)
    before, after = np.split(drift, 2, axis=1)
    assert 0.02 <= paired / sessions <= 0.08
    assert np.mean(medians_differ(before, after)) > 0.3


def wandering(sessions: int, samples: int, correlation: float, spread: float) -> Array:
    """Logarithms of a machine's slowness that follow an AR(1) process in its steady state."""
    generator = np.random.default_rng(7)
    settling = 200
    noise = generator.normal(0, spread * math.sqrt(1 - correlation**2), (sessions, settling + samples))
    found: Array = lfilter([1.0], [1.0, -correlation], noise, axis=1)[:, settling:]
    return found


def medians_differ(before: Array, after: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool]]:
    """The usual comparison: medians of two runs, one after the other, as if their samples were independent."""

    def variance(logs: Array) -> Array:
        spread: Array = np.std(logs, axis=1)
        return (1.2533 * spread) ** 2 / logs.shape[1]  # of a median of normal samples

    shift = np.abs(np.median(before, axis=1) - np.median(after, axis=1))
    return shift > 1.96 * np.sqrt(variance(before) + variance(after))


def blocks_of(values: Array) -> Blocks:
    """Block medians from an array of invocations by rounds."""
    return {i: {r: float(value) for r, value in enumerate(row)} for i, row in enumerate(values)}


def covers(estimate: Estimate | None, truth: float) -> bool:
    """Tell whether the interval holds the truth."""
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


# --- percentiles -----------------------------------------------------------------------------------------------------


def largest_t(n: int, tail: Fraction) -> int:
    """The largest t with P(Bin(n, tail) <= t) <= 1 %, in exact arithmetic; -1 when there is none."""
    total, t = Fraction(0), -1
    while True:
        total += math.comb(n, t + 1) * tail ** (t + 1) * (1 - tail) ** (n - t - 1)
        if total > Fraction(1, 100):
            return t
        t += 1


@pytest.mark.parametrize(("share", "fewest"), [(0.9, 64), (0.95, 130), (0.99, 662)])
def test_percentile_takes_a_minimum_of_samples(share: float, fewest: int) -> None:
    """LoadGen's early stopping: p90 takes 64 samples, p95 130, p99 662; with fewer there is no statement."""
    samples = list(range(1000, 1000 + fewest))
    assert percentile(samples, share) == samples[fewest - 2]  # the largest but one
    assert percentile(samples[1:], share) is None
    assert percentile([], share) is None
    assert percentile([1.0], share) is None


@pytest.mark.parametrize("share", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [65, 100, 131, 250, 663, 1000, 1500])
def test_percentile_is_the_order_statistic_of_exact_arithmetic(share: float, n: int) -> None:
    """The (n - t)th smallest sample for the largest t that exact binomial sums allow; None when t is below one."""
    t = largest_t(n, 1 - Fraction(str(share)))
    samples = [float(value) for value in np.random.default_rng(n).permutation(n)]
    assert percentile(samples, share) == (n - t - 1 if t >= 1 else None)


@given(st.lists(SECONDS, min_size=64, max_size=80), st.floats(0.001, 1000))
def test_percentile_is_a_sample_whatever_the_order_and_scale(samples: list[float], factor: float) -> None:
    """No sample is interpolated or dropped: the figure is one of them, in any order and unit."""
    found = percentile(samples, 0.9)
    assert found in samples
    assert percentile(samples[::-1], 0.9) == found
    assert found is not None
    assert percentile([factor * sample for sample in samples], 0.9) == factor * found
