"""The protocol as a whole on the scripted machine: what it says of trials whose work is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgebench.judge.verdict import Decision, Measured, Verdict, at_least, at_most, equal, faster
from edgebench.measure import flags, heat, outliers, stopping
from edgebench.measure.naive import sequential_ratio
from edgebench.measure.series import Series
from edgebench.measure.statistics import (
    ASSURANCE,
    Estimate,
    advised,
    autocorrelation,
    components,
    half_width,
    latency,
    latency_ratio,
    percentile,
)
from tests.measure.machine import Recording, Script, Shape, dicts, pooled, record

A_AND_TWIN = (0.010, 0.010)
FIVE_PER_CENT = (0.0105, 0.010)
DRIFTING = Script(drift_sd=0.05, memory_s=1.0, noise_sd=0.01)
QUIET = Script(noise_sd=0.003, process_sd=0.002)


def ratios(recording: Recording, subject: int = 0, baseline: int = 1) -> list[Estimate]:
    """The protocol's ratio of two trials in every session."""
    mine, other = recording.medians_s(subject), recording.medians_s(baseline)
    found = [latency_ratio(dicts(one), dicts(two)) for one, two in zip(mine, other, strict=True)]
    return [estimate for estimate in found if estimate is not None]


def usual(recording: Recording, sessions: int) -> list[Estimate]:
    """What the usual protocol makes of the same samples: one trial in the first half, the other in the second."""
    half, end = recording.shape.invocations // 2, recording.shape.invocations
    return [
        sequential_ratio(
            pooled(recording, session, 0, range(half)), pooled(recording, session, 1, range(half, end)), session
        )
        for session in range(sessions)
    ]


def missed(estimates: Sequence[Estimate], truth: float) -> float:
    """The share of intervals that do not hold the truth."""
    return float(np.mean([not inside(estimate, truth) for estimate in estimates]))


def inside(estimate: Estimate, truth: float) -> bool:
    """Tell whether an interval holds the truth."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


# --- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_s", [0.2, 1.0, 5.0])
def test_trial_against_itself_on_a_drifting_machine(memory_s: float) -> None:
    """A model differs from itself in 2 to 8 of 100 sessions, where the usual protocol says so in over 30."""
    recording = record(replace(DRIFTING, memory_s=memory_s), Shape(work_s=A_AND_TWIN), sessions=1000, seed=11)
    assert 0.02 <= missed(ratios(recording), 1.0) <= 0.08
    assert missed(usual(recording, 300), 1.0) > 0.3


@pytest.mark.parametrize("invocations", [5, 10, 20])
@pytest.mark.slow
def test_interval_covers_the_truth_where_processes_differ(invocations: int) -> None:
    """With 1 % between processes 93 to 97 of 100 intervals hold the truth; one process for all does not do."""
    shape = Shape(work_s=FIVE_PER_CENT, invocations=invocations)
    recording = record(Script(process_sd=0.01, noise_sd=0.01), shape, sessions=1500, seed=invocations)
    assert 0.03 <= missed(ratios(recording), 1.05) <= 0.07
    latencies = [latency(dicts(medians)) for medians in recording.medians_s(0)]
    assert 0.03 <= missed([one for one in latencies if one is not None], 0.0105) <= 0.07
    within_one_process = [
        sequential_ratio(pooled(recording, session, 0, [0]), pooled(recording, session, 1, [0]), session)
        for session in range(200)
    ]
    assert missed(within_one_process, 1.05) > 0.3


def test_interval_covers_the_truth_where_processes_are_of_two_kinds() -> None:
    """One process in five slower by 3 %: the t interval of ten still holds the ratio 92 times in 100 or more."""
    script = Script(noise_sd=0.005, slow_share=0.2, slow_by=0.03)
    recording = record(script, Shape(work_s=FIVE_PER_CENT), sessions=1500, seed=5)
    assert missed(ratios(recording), 1.05) <= 0.08


def test_difference_of_five_per_cent_is_found() -> None:
    """On the drifting machine all but a few intervals of two trials 5 % apart exclude 1."""
    recording = record(DRIFTING, Shape(work_s=FIVE_PER_CENT), sessions=300, seed=3)
    assert missed(ratios(recording), 1.0) > 0.99


def test_linear_drift_cancels() -> None:
    """A machine that becomes slower by a fifth over the session leaves the ratio as it is, and spoils the usual one."""
    recording = record(Script(trend=math.log(1.2)), Shape(work_s=FIVE_PER_CENT), sessions=20, seed=3)
    assert all(abs(estimate.value / 1.05 - 1) < 0.001 for estimate in ratios(recording))
    assert all(abs(estimate.value / 1.05 - 1) > 0.05 for estimate in usual(recording, 20))


def test_throttling_half_way_leaves_the_ratio() -> None:
    """A processor that is slower by a third from the middle of a session on has the ratio it had before."""
    recording = record(Script(step=0.33, noise_sd=0.003), Shape(work_s=FIVE_PER_CENT), sessions=20, seed=3)
    assert all(abs(estimate.value / 1.05 - 1) < 0.005 for estimate in ratios(recording))
    assert all(estimate.value < 0.9 for estimate in usual(recording, 20))


def test_run_that_is_throttled_half_way_is_invalid_and_keeps_what_came_before() -> None:
    """Whatever its ratio: minute and cause stand in the verdict, and both latencies of the first half hold."""
    script = replace(QUIET, step=0.33, throttled_by=("soft temperature limit",))
    recording = record(script, Shape(work_s=(0.525, 0.500)), sessions=20, seed=3)
    for session, ratio in enumerate(ratios(recording)):
        seen = recording.watched(session)
        held = heat.throttling(seen)
        assert held is not None
        assert held.said == "in minute 3: soft temperature limit"
        found = Measured(wall=ratio, flags=frozenset(flags.of_machine(seen)), throttled=held.said)
        decision = faster(found, None)
        assert decision.verdict is Verdict.INVALID
        assert decision.reason == f"Flagged: invalid_throttled; throttled {held.said}."
        for trial, work_s in enumerate(recording.shape.work_s):
            kept = heat.before_throttling(recording.series(session, trial), seen)
            assert {invocation: len(rounds) for invocation, rounds in kept.items()} == dict.fromkeys(range(5), 10)
            told = latency(kept)
            assert told is not None
            assert inside(told, work_s) or abs(told.value / work_s - 1) < 0.005


def test_records_give_what_the_arrays_do() -> None:
    """The same session as blocks, through the series, has the same ratio: rounding to nanoseconds apart."""
    recording = record(DRIFTING, Shape(work_s=FIVE_PER_CENT), sessions=2, seed=3)
    for session, expected in enumerate(ratios(recording)):
        subject, baseline = (recording.series(session, trial) for trial in (0, 1))
        found = latency_ratio(subject.wall_s, baseline.wall_s)
        assert found is not None
        assert found.invocations == expected.invocations == 10
        assert math.isclose(found.value, expected.value, rel_tol=1e-6)


# --- stopping and planning -------------------------------------------------------------------------------------------


def bare(medians: np.ndarray[tuple[int, ...], np.dtype[np.float64]], invocations: int) -> Series:
    """A series of so many invocations, without the blocks behind its medians."""
    return Series(wall_s=dicts(medians[:invocations]), cpu_s={}, samples_s=(), blocks=(), partial=False)


@pytest.mark.slow
def test_stopping_at_the_target_keeps_the_level() -> None:
    """Sessions that end as soon as they are narrow enough still hold the truth 92 times in 100."""
    shape = Shape(work_s=FIVE_PER_CENT, invocations=40, samples=1)
    recording = record(Script(process_sd=0.01, noise_sd=0.005), shape, sessions=1000, seed=8)
    covered, ends = 0, []
    for subject, baseline in zip(recording.medians_s(0), recording.medians_s(1), strict=True):
        end = next(
            n
            for n in range(1, 41)
            if n == 40 or stopping.narrow_enough({"a": bare(subject, n), "b": bare(baseline, n)}, 0.01)
        )
        ends.append(end)
        found = latency_ratio(dicts(subject[:end]), dicts(baseline[:end]))
        assert found is not None
        covered += inside(found, 1.05)
    assert covered / len(ends) >= 0.92
    assert min(ends) == 5
    assert 8 <= np.median(ends) <= 12


@pytest.mark.parametrize(("process_sd", "block_sd"), [(0.01, 0.005), (0.01, 0.03), (0.0, 0.02), (0.003, 0.01)])
def test_components_are_those_of_the_machine(process_sd: float, block_sd: float) -> None:
    """What processes and rounds contribute is found: both trials of a ratio vary, so by sqrt(2) of one's spread."""
    script = Script(process_sd=process_sd, block_sd=block_sd)
    recording = record(script, Shape(work_s=A_AND_TWIN, invocations=40, samples=1), sessions=100, seed=2)
    pairs = zip(recording.medians_s(0), recording.medians_s(1), strict=True)
    found = [one for one in (components(dicts(a), dicts(b)) for a, b in pairs) if one is not None]
    assert len(found) == 100
    assert np.mean([one.round_sd for one in found]) == pytest.approx(math.sqrt(2) * block_sd, rel=0.03)
    variance = float(np.mean([one.process_sd**2 for one in found]))
    assert variance == pytest.approx(2 * process_sd**2, rel=0.1, abs=(0.2 * block_sd) ** 2)


@pytest.mark.parametrize(("process_sd", "block_sd"), [(0.01, 0.005), (0.004, 0.03), (0.0, 0.04)])
def test_advice_reaches_the_target(process_sd: float, block_sd: float) -> None:
    """Measured as advised from a long session, sessions are as narrow as wanted about as often as promised."""
    script = Script(process_sd=process_sd, block_sd=block_sd)
    before = record(script, Shape(work_s=A_AND_TWIN, invocations=200, samples=1), sessions=1, seed=2)
    known = components(dicts(before.medians_s(0)[0]), dicts(before.medians_s(1)[0]))
    assert known is not None
    plan = advised(known, target=0.01, start_s=1.0, round_s=0.06)
    assert plan is not None
    shape = Shape(work_s=A_AND_TWIN, invocations=plan.invocations, rounds=plan.rounds, samples=1)
    widths = [half_width(one) for one in ratios(record(script, shape, sessions=400, seed=4))]
    narrow = float(np.mean([width is not None and width <= 0.01 for width in widths]))
    assert ASSURANCE - 0.15 <= narrow <= ASSURANCE + 0.19
    assert np.median([width for width in widths if width is not None]) > 0.006  # and not by measuring far too much


# --- flags and percentiles -------------------------------------------------------------------------------------------


def flagged(recording: Recording, session: int = 0) -> set[str]:
    """All flags that a session of two trials on one thread gives reason for, but those of the start."""
    watched = recording.watched(session)
    both = [recording.series(session, trial) for trial in (0, 1)]
    of_trials = [flags.of_blocks(1, one.blocks) + flags.of_rounds(one.wall_s) for one in both]
    everything = latency_ratio(both[0].wall_s, both[1].wall_s)
    subject, baseline = (flags.undisturbed(one, watched) for one in both)
    clean = latency_ratio(subject, baseline)
    assert everything is not None
    return {*flags.of_machine(watched), *of_trials[0], *of_trials[1], *flags.of_pair(everything, clean, None)}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (QUIET, set()),
        (replace(QUIET, process_sd=0.02), set()),  # processes may differ: that is what the interval is of
        (replace(QUIET, slow_share=0.3, slow_by=0.05), set()),
        (replace(QUIET, start_c=45.0, warming_c_per_s=0.005, governor="performance"), set()),
        (replace(QUIET, trend=0.03), {"drift"}),
        (replace(QUIET, trend=0.10), {"drift", "throttled"}),
        (replace(QUIET, trend=-0.05), {"drift"}),
        (replace(QUIET, trend=0.015), set()),
        (replace(QUIET, step=0.05), {"drift", "throttled"}),
        (replace(QUIET, step=0.15), {"drift", "throttled", "unstable_clock_or_bandwidth"}),
        (replace(QUIET, step=0.01), set()),
        (replace(QUIET, throttle_events=1), {"invalid_throttled"}),
        (replace(QUIET, drift_sd=0.08, memory_s=0.05), {"unstable_clock_or_bandwidth"}),
        (replace(QUIET, settling=0.5, settling_by=0.04), {"no_steady_state"}),
        (replace(QUIET, settling=0.5, settling_by=0.01), set()),
        (replace(QUIET, steal=0.02), {"stolen"}),
        (replace(QUIET, steal=0.005), set()),
        (replace(QUIET, memory_stalled=0.001), {"invalid_memory_pressure"}),
        (replace(QUIET, faults=1), {"invalid_paging"}),
        (replace(QUIET, governor="ondemand"), {"governor"}),
        (replace(QUIET, start_c=45.0, warming_c_per_s=0.05), {"not_thermally_steady"}),
    ],
)
def test_flags_at_known_truth(script: Script, expected: set[str]) -> None:
    """Each disturbance raises its own flags in every session, and a quiet machine none."""
    recording = record(script, Shape(work_s=FIVE_PER_CENT), sessions=3, seed=21)
    assert [flagged(recording, session) for session in range(3)] == [expected] * 3


@pytest.mark.parametrize(
    ("slice_s", "expected"),
    [
        (0.003, {"contended"}),  # a tenth of the time, a slice in nearly every call
        (0.012, {"contended", "invalid_contended"}),  # two fifths
    ],
)
def test_preemption_is_contention(slice_s: float, expected: set[str]) -> None:
    """A neighbour on the same processor shows in the gap between wall and CPU time."""
    script = replace(QUIET, slice_s=slice_s, period_s=0.031)
    recording = record(script, Shape(work_s=(0.042, 0.040)), sessions=3, seed=4)
    assert [flagged(recording, session) & expected for session in range(3)] == [expected] * 3


def test_ratio_that_depends_on_who_was_disturbed() -> None:
    """A neighbour that meets the longer calls alone shifts their ratio: the undisturbed rounds give another one."""
    recording = record(QUIET, Shape(work_s=FIVE_PER_CENT), sessions=1, seed=4)
    wall = recording.wall_s.copy()
    wall[:, :, :6, 0] *= 1.1  # six rounds of ten, subject only
    switches = np.where(wall > recording.wall_s, 1, recording.switches)
    assert "contention_sensitive" not in flagged(recording)
    assert {"contention_sensitive", "contended"} <= flagged(replace(recording, wall_s=wall, switches=switches))


def test_outliers_are_what_the_neighbour_did() -> None:
    """Calls that a neighbour interrupted are outliers, and the signals say so of nearly all of them."""
    script = replace(QUIET, slice_s=0.003, period_s=0.050)
    series = record(script, Shape(work_s=FIVE_PER_CENT, samples=6), sessions=1, seed=4).series(0, 0)
    samples = {i: series.samples_s[60 * i : 60 * (i + 1)] for i in range(10)}
    found = outliers.classified(samples)
    assert found.samples == 600
    assert found.severe_high > 60  # calls of 10 ms meet a slice in every 47 ms of CPU time
    share = outliers.coinciding(series.blocks, [])
    assert share is not None
    assert share > 0.9


@pytest.mark.parametrize(("share", "invocations"), [(0.9, 4), (0.95, 7), (0.99, 40)])
def test_percentiles_of_a_wandering_machine_take_more_samples(share: float, invocations: int) -> None:
    """Enough samples when they are independent are too few when each resembles the one before."""
    shape = Shape(work_s=A_AND_TWIN, invocations=invocations, rounds=10, samples=2)
    white = record(Script(noise_sd=0.01), shape, sessions=1, seed=4).series(0, 0)
    wandering = record(replace(DRIFTING, memory_s=5.0), shape, sessions=1, seed=4).series(0, 0)
    assert autocorrelation(white.wall_s) < 0.1
    assert autocorrelation(wandering.wall_s) > 0.5
    assert percentile(white.samples_s, share, autocorrelation(white.wall_s)) is not None
    assert percentile(wandering.samples_s, share, autocorrelation(wandering.wall_s)) is None


# --- verdicts --------------------------------------------------------------------------------------------------------


def measured(recording: Recording, session: int = 0, threads: int = 1) -> Measured:
    """Trials 0 and 1 of a session whose trial 2 is the twin of trial 1."""
    series = [recording.series(session, trial) for trial in range(3)]
    return Measured(
        wall=latency_ratio(series[0].wall_s, series[1].wall_s),
        cpu=latency_ratio(series[0].cpu_s, series[1].cpu_s),
        twins=latency_ratio(series[2].wall_s, series[1].wall_s),
        cpu_twins=latency_ratio(series[2].cpu_s, series[1].cpu_s),
        flags=frozenset(flagged(recording, session)),
        threads=threads,
    )


def with_twin(ratio: float, base_s: float = 0.010, **counts: int) -> Shape:
    """A session of a trial with this ratio to the next, which is measured twice."""
    return Shape(work_s=(ratio * base_s, base_s, base_s), **counts)


NOISY_PROCESSES = Script(process_sd=0.04)
Judge = Callable[[Measured], Decision]


@pytest.mark.parametrize(
    ("script", "ratio", "judge", "expected"),
    [
        (QUIET, 0.74, lambda found: at_most(found, 0.74), "HOLDS"),
        (QUIET, 0.90, lambda found: at_most(found, 0.74), "DOES NOT HOLD"),
        (NOISY_PROCESSES, 0.777, lambda found: at_most(found, 0.74), "INCONCLUSIVE"),
        (QUIET, 9.0, lambda found: at_least(found, 9.0), "HOLDS"),
        (QUIET, 9.0, lambda found: at_least(found, 27.2), "DOES NOT HOLD"),
        (NOISY_PROCESSES, 9.0, lambda found: at_least(found, 9.45), "INCONCLUSIVE"),
        (QUIET, 1.0, lambda found: equal(found, 0.02), "HOLDS"),
        (QUIET, 1.05, lambda found: equal(found, 0.02), "DOES NOT HOLD"),
        (NOISY_PROCESSES, 1.0, lambda found: equal(found, 0.02), "INCONCLUSIVE"),
        (QUIET, 0.95, lambda found: faster(found, 0.005), "HOLDS"),
        (QUIET, 1.05, lambda found: faster(found, 0.005), "DOES NOT HOLD"),
        (QUIET, 0.995, lambda found: faster(found, 0.005), "INCONCLUSIVE"),
        (replace(QUIET, throttle_events=1), 0.74, lambda found: at_most(found, 0.74), "INVALID"),
        (replace(QUIET, faults=3), 0.74, lambda found: at_most(found, 0.74), "INVALID"),
        (replace(QUIET, trend=0.1), 0.74, lambda found: at_most(found, 0.74), "HOLDS"),  # pairing dealt with it
        (replace(QUIET, trend=0.1, process_sd=0.05), 0.74, lambda found: at_most(found, 0.74), "NOISY"),
        (
            replace(QUIET, settling=0.5, settling_by=0.5, process_sd=0.04),
            1.05,
            lambda found: faster(found, None),
            "NOISY",
        ),
    ],
)
def test_verdict_at_known_truth(script: Script, ratio: float, judge: Judge, expected: str) -> None:
    """Each verdict is reached where it is the right one."""
    recording = record(script, with_twin(ratio), sessions=2, seed=30)
    assert [judge(measured(recording, session)).text for session in range(2)] == [expected] * 2


def test_neighbour_on_the_processor_is_judged_around_by_cpu_time() -> None:
    """One thread that has to share: right verdicts on CPU time, that say so; with several threads the twins decide."""
    script = replace(QUIET, slice_s=0.004, period_s=0.050)
    recording = record(script, with_twin(1.05, base_s=0.020), sessions=30, seed=1)
    contended = [found for found in (measured(recording, s) for s in range(30)) if "contended" in found.flags]
    assert len(contended) >= 27
    texts = [at_most(found, 1.0, margin=0.02).text for found in contended]
    assert texts.count("DOES NOT HOLD (CPU time)") >= 0.85 * len(texts)
    assert set(texts) <= {"DOES NOT HOLD (CPU time)", "NOISY (CPU time)", "NOISY"}
    for found in contended:
        twins = found.twins
        assert twins is not None
        width = half_width(twins)
        assert width is not None
        on_two = at_most(replace(found, threads=2), 1.0, margin=0.02)
        assert on_two.on == "wall"
        assert (on_two.verdict is Verdict.NOISY) is (not inside(twins, 1.0) or width > 0.02)


def test_false_verdicts_are_rare() -> None:
    """At a truth that lies on the threshold one of the two verdicts is given in 1 to 10 of 100 sessions, not more."""
    recording = record(Script(process_sd=0.01), Shape(work_s=FIVE_PER_CENT, samples=1), sessions=1000, seed=12)
    found = [at_most(Measured(wall=one), 1.0, margin=0.05).verdict for one in ratios(recording)]
    decided = [verdict for verdict in found if verdict is not Verdict.INCONCLUSIVE]
    assert 0.02 <= len(decided) / len(found) <= 0.08


def test_needed_invocations_decide() -> None:
    """An INCONCLUSIVE session says how many invocations would decide it, and they mostly do."""
    script = Script(process_sd=0.02, noise_sd=0.005)
    first = record(script, Shape(work_s=(0.0104, 0.010)), sessions=40, seed=13)
    open_ones = [at_most(Measured(wall=one), 1.0, margin=0.03) for one in ratios(first)]
    needed = [one.needed_invocations for one in open_ones if one.verdict is Verdict.INCONCLUSIVE]
    enough = int(np.median([one for one in needed if one is not None]))
    assert enough > 10
    again = record(script, Shape(work_s=(0.0104, 0.010), invocations=enough), sessions=200, seed=14)
    decided = [at_most(Measured(wall=one), 1.0, margin=0.03).verdict for one in ratios(again)]
    assert decided.count(Verdict.DOES_NOT_HOLD) > 0.5 * len(decided)
    assert decided.count(Verdict.HOLDS) < 0.03 * len(decided)
