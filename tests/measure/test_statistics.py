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

from edgebench.measure.quantiles import median_variance, robust_sd
from edgebench.measure.statistics import (
    ASSURANCE,
    Components,
    Estimate,
    advised,
    at_level,
    autocorrelation,
    bootstrap_interval,
    components,
    effective_samples,
    fewest_invocations,
    half_width,
    latency,
    latency_ratio,
    log_sd,
    percentile,
    sign_interval,
)

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
    assert same(latency(constant(medians)), math.exp(np.mean(logs)), low, high)
    assert same(latency_ratio(constant(medians), constant([1.0] * invocations)), math.exp(np.mean(logs)), low, high)


def test_medians_are_taken_over_rounds_first() -> None:
    """One disturbed round of three moves neither figure."""
    quiet = {i: {0: 0.010, 1: 0.011, 2: 0.012} for i in range(5)}
    disturbed = {i: {**rounds, 2: 9.0} for i, rounds in quiet.items()}
    assert latency(disturbed) == latency(quiet)
    assert same(latency_ratio(disturbed, quiet), 1.0, 1.0, 1.0)


def test_latency_is_the_centre_of_its_interval() -> None:
    """The geometric mean over processes: an odd one of five moves it by a fifth of its logarithm, and widens it."""
    found = latency(constant([0.010, 0.010, 0.010, 0.010, 0.020]))
    assert found is not None
    assert math.isclose(found.value, 0.010 * 2 ** (1 / 5))
    assert found.low is not None
    assert found.high is not None
    assert math.isclose(found.low * found.high, found.value**2)
    assert found.low < 0.010
    assert found.high > 0.015


@given(series(6, 3))
def test_latency_lies_inside_its_interval(blocks: Blocks) -> None:
    """Whatever was measured."""
    found = latency(blocks)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)


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


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.9975])
def test_level_of_an_interval_may_be_changed_afterwards(confidence: float) -> None:
    """An interval at another level is the one that would have been estimated at it."""
    subject = constant([0.01, 0.011, 0.012, 0.0105, 0.0101, 0.0099])
    baseline = constant([0.01] * 6)
    now, direct = latency_ratio(subject, baseline), latency_ratio(subject, baseline, confidence=confidence)
    assert now is not None
    changed = at_level(now, confidence)
    assert same(changed, *figures(direct))
    assert changed.confidence == confidence
    assert same(at_level(changed, 0.95), *figures(now))


def test_estimate_without_an_interval_has_none_at_any_level() -> None:
    """Four processes have no interval, no half-width and no spread, whatever is asked."""
    few = Estimate(value=2.0, low=None, high=None, invocations=4)
    assert figures(at_level(few, 0.5)) == (2.0, None, None)
    assert half_width(few) is None
    assert log_sd(few) is None


def test_spread_of_the_invocations_is_found_again_from_their_interval() -> None:
    """The standard deviation of log-ratios 0, 1, 2, 3 and 4 % is sqrt(2.5) %."""
    found = latency_ratio(constant([math.exp(k / 100) for k in range(5)]), constant([1.0] * 5))
    assert found is not None
    assert log_sd(found) == pytest.approx(math.sqrt(2.5) / 100)
    assert half_width(found) == pytest.approx(math.exp(T_4 * math.sqrt(2.5) / 100 / math.sqrt(5)) - 1)


# --- diagnosis of one process, and cross-check ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "first"),
    [(5, None), (6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (20, 6), (40, 14)],  # as tables of the sign test have it
)
def test_sign_interval_is_between_order_statistics(rounds: int, first: int | None) -> None:
    """From the kth smallest to the kth largest ratio; five rounds give none."""
    ratios = [1 + k / 100 for k in range(1, rounds + 1)]
    shuffled = np.random.default_rng(rounds).permutation(ratios).tolist()
    found = sign_interval({3: dict(enumerate(shuffled))}, {3: dict.fromkeys(range(rounds), 1.0)}, 3)
    if first is None:
        assert found is None
    else:
        assert found == pytest.approx((1 + first / 100, 1 + (rounds + 1 - first) / 100))


def test_sign_interval_is_of_one_process() -> None:
    """Other invocations do not enter it; of one that was not measured there is none."""
    quick, slow = dict.fromkeys(range(6), 1.0), dict.fromkeys(range(6), 2.0)
    assert sign_interval({0: slow, 1: quick}, {0: quick, 1: quick}, 0) == (2.0, 2.0)
    assert sign_interval({0: slow}, {0: quick}, 1) is None


def test_sign_interval_covers_the_ratio_of_one_process() -> None:
    """Ten rounds: 1 - 2 x 11 / 1024 of its intervals hold the median, whatever the distribution of rounds."""
    generator = np.random.default_rng(5)
    covered, processes = 0, 3000
    for rounds in 1.05 * np.exp(0.01 * generator.standard_t(2, (processes, 10))):
        found = sign_interval(blocks_of(rounds[None]), {0: dict.fromkeys(range(10), 1.0)}, 0)
        assert found is not None
        covered += found[0] <= 1.05 <= found[1]
    assert covered / processes == pytest.approx(1 - 22 / 1024, abs=0.008)


def test_bootstrap_is_replayed_from_its_seed() -> None:
    """The same seed gives the same interval, another seed nearly the same; four processes give none."""
    blocks = blocks_of(np.exp(np.random.default_rng(3).normal(0, 0.02, (10, 10))))
    ones = blocks_of(np.ones((10, 10)))
    first, other = bootstrap_interval(blocks, ones, seed=1), bootstrap_interval(blocks, ones, seed=2)
    assert first == bootstrap_interval(blocks, ones, seed=1)
    assert first != other
    assert first is not None
    assert first == pytest.approx(other, rel=0.002)
    assert bootstrap_interval({i: blocks[i] for i in range(4)}, ones) is None


def test_bootstrap_draws_invocations_and_rounds() -> None:
    """Where only processes differ it is narrower than the t interval by what ten of them lack; rounds widen it."""
    generator = np.random.default_rng(8)
    ones = blocks_of(np.ones((10, 10)))
    processes = np.exp(generator.normal(0, 0.01, (10, 1)) * np.ones((10, 10)))
    shares = []
    for logs in (np.log(processes), np.log(processes) + generator.normal(0, 0.05, (10, 10))):
        bootstrap, interval = (
            bootstrap_interval(blocks_of(np.exp(logs)), ones),
            latency_ratio(blocks_of(np.exp(logs)), ones),
        )
        assert bootstrap is not None
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        shares.append(math.log(bootstrap[1] / bootstrap[0]) / math.log(interval.high / interval.low))
    assert shares[0] == pytest.approx(1.96 / 2.262 * math.sqrt(9 / 10), abs=0.05)
    assert shares[1] > 1


# --- planning --------------------------------------------------------------------------------------------------------


def test_median_of_few_values_varies_as_its_integral_says() -> None:
    """Variances of medians of normal values, integrated over their order statistics: within 2 %."""
    integrals = {3: 0.4487, 4: 0.2982, 5: 0.2868, 6: 0.2147, 7: 0.2104, 8: 0.1682, 9: 0.1661, 10: 0.1383, 20: 0.0734}
    for values, variance in integrals.items():
        assert median_variance(values) == pytest.approx(variance, rel=0.02)
    assert median_variance(400) == pytest.approx(math.pi / 2 / 400, rel=0.01)


@pytest.mark.parametrize("values", [2, 3, 5, 8, 10, 20])
def test_deviation_from_the_median_estimates_the_spread(values: int) -> None:
    """Without bias for normal values, however few; one wild value of ten barely moves it."""
    normal = np.random.default_rng(values).normal(0, 1, (5000, values))
    assert np.mean([robust_sd(row) for row in normal.tolist()]) == pytest.approx(1, abs=0.025)
    assert robust_sd([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 900.0]) < 0.5


def test_components_take_five_processes() -> None:
    """Four tell too little of how processes differ; rounds that are all equal leave all of it to the processes."""
    values = np.exp(np.array([0.0, 0.01, 0.02, 0.03, 0.04]))[:, None] * np.ones((5, 6))
    ones = blocks_of(np.ones((5, 6)))
    assert components({i: blocks_of(values)[i] for i in range(4)}, ones) is None
    found = components(blocks_of(values), ones)
    assert found is not None
    assert found.process_sd == pytest.approx(math.sqrt(2.5) / 100)
    assert found.round_sd == pytest.approx(0, abs=1e-12)


def test_rounds_that_explain_everything_leave_nothing_to_processes() -> None:
    """A component is zero rather than the root of a negative number."""
    values = np.exp(np.random.default_rng(4).normal(0, 0.03, (5, 6)))
    values /= np.median(values, axis=1, keepdims=True)
    found = components(blocks_of(values), blocks_of(np.ones((5, 6))))
    assert found is not None
    assert found.process_sd == 0.0
    assert found.round_sd > 0.01


@pytest.mark.parametrize(("log_sd_of_one", "target"), [(0.01, 0.01), (0.03, 0.01), (0.05, 0.02)])
def test_planned_number_of_invocations_is_as_narrow_as_often_as_promised(log_sd_of_one: float, target: float) -> None:
    """Four of five sessions reach the half-width, and one invocation less is too few for that."""
    needed = fewest_invocations(log_sd_of_one, math.log1p(target))
    assert needed is not None
    narrow = []
    for invocations in (needed, needed - 1):
        logs = np.random.default_rng(9).normal(0, log_sd_of_one, (4000, invocations))
        widths = [
            half_width(one) for one in (latency(constant(row)) for row in np.exp(logs).tolist()) if one is not None
        ]
        narrow.append(float(np.mean([width is not None and width <= target for width in widths])))
    assert narrow[0] >= ASSURANCE - 0.02
    assert narrow[0] > narrow[1]
    assert narrow[1] < ASSURANCE + 0.02


def test_plan_never_asks_for_less_than_an_interval_takes() -> None:
    """Five invocations at least, and None where ten thousand would not do."""
    assert fewest_invocations(0.0, 0.01) == 5
    assert fewest_invocations(1e-9, 0.01) == 5
    assert fewest_invocations(0.01, 0.0) is None
    assert fewest_invocations(10.0, 0.001) is None


def test_advice_buys_what_is_cheap() -> None:
    """Rounds where they vary and processes are dear to start; processes where those vary, or are for nothing."""
    rounds_vary = Components(process_sd=0.002, round_sd=0.05)
    processes_vary = Components(process_sd=0.02, round_sd=0.005)
    dear = advised(rounds_vary, target=0.01, start_s=10.0, round_s=0.1)
    free = advised(rounds_vary, target=0.01, start_s=0.0, round_s=0.1)
    many = advised(processes_vary, target=0.01, start_s=1.0, round_s=0.1)
    assert dear is not None
    assert free is not None
    assert many is not None
    assert dear.rounds > free.rounds
    assert dear.invocations < free.invocations
    assert many.rounds == 10
    assert many.invocations == fewest_invocations(math.hypot(0.02, 0.005 * 0.372), math.log(1.01))
    assert dear.seconds == pytest.approx(dear.invocations * (10 + 0.1 * dear.rounds))


def test_advice_is_near_the_optimum_of_kalibera_and_jones() -> None:
    """Where many invocations are needed: rounds = sqrt(start / round x variance of a round's median / of a process)."""
    found = advised(Components(process_sd=0.02, round_sd=0.2), target=0.005, start_s=2.0, round_s=0.05)
    assert found is not None
    optimum = math.sqrt(2.0 / 0.05 * math.pi / 2) * 0.2 / 0.02
    assert optimum / 1.5 <= found.rounds <= 1.5 * optimum


def test_advice_says_when_there_is_none() -> None:
    """A target that ten thousand invocations do not reach has no plan."""
    assert advised(Components(process_sd=1.0, round_sd=0.1), target=0.001, start_s=1.0, round_s=0.1) is None


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


@pytest.mark.parametrize(("share", "fewest"), [(0.9, 64), (0.95, 130), (0.99, 662)])
@pytest.mark.parametrize("rho", [0.2, 0.5, 0.9])
def test_samples_that_resemble_each_other_count_for_fewer(share: float, fewest: int, rho: float) -> None:
    """n (1 - rho) / (1 + rho) of them must reach the minimum; the bound leaves out the same share above."""
    enough = math.ceil(fewest * (1 + rho) / (1 - rho) - 1e-6)
    samples = list(range(enough))
    assert effective_samples(enough, rho) == fewest
    assert percentile(samples[:-1], share, rho) is None
    found = percentile(samples, share, rho)
    assert found is not None
    assert found == enough - 1 - enough // fewest  # one in `fewest` lies above
    assert percentile(samples, share) is not None


def test_percentile_bounds_the_truth_with_its_confidence() -> None:
    """In 99 of 100 sets of samples the figure lies above the true percentile, or on it."""
    generator = np.random.default_rng(6)
    for share, n in ((0.9, 64), (0.9, 500), (0.95, 130), (0.99, 1000)):
        found = [percentile(samples, share) for samples in generator.random((1500, n)).tolist()]
        above = np.mean([one is not None and one >= share for one in found])
        assert above >= 0.985


def test_autocorrelation_is_that_of_the_process() -> None:
    """AR(1) medians have the coefficient they were made with, white ones none, falling ones a negative one."""
    for correlation in (0.0, 0.5, 0.9):
        logs = wandering(1, 4000, correlation, spread=0.05).reshape(100, 40)
        assert autocorrelation(blocks_of(np.exp(logs))) == pytest.approx(correlation, abs=0.05)
    assert autocorrelation({0: {r: 1.0 + r % 2 for r in range(40)}}) < -0.9


def test_autocorrelation_counts_how_processes_differ() -> None:
    """Rounds of one process resemble each other where processes are of several speeds."""
    generator = np.random.default_rng(2)
    processes = generator.normal(0, 0.05, (40, 1)) + generator.normal(0, 0.005, (40, 10))
    assert autocorrelation(blocks_of(np.exp(processes))) > 0.7


def test_autocorrelation_of_nothing_is_zero() -> None:
    """Equal medians, or fewer than three, resemble nothing."""
    assert autocorrelation({}) == 0.0
    assert autocorrelation({0: {0: 1.0, 1: 2.0}}) == 0.0
    assert autocorrelation({0: dict.fromkeys(range(9), 0.1)}) == 0.0
