"""Reasons to distrust a figure: pure functions from records to the names of flags (docs/measuring.md)."""

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from edgebench.board.throttle import UNDER_VOLTAGE
from edgebench.board.wire import Block, EnergySource, Footprint, Ready, Signals, Watched
from edgebench.measure import steadiness
from edgebench.measure.series import Medians, Series
from edgebench.measure.statistics import Estimate, half_width

MEANINGS: dict[str, str] = {
    "beats_bound": "it took less time than the hardware allows: the peak known of it, or the measurement, is wrong",
    "clock_moved": "the clocks that were told for the slow and the quick rounds differ by more than 3 %",
    "contended": "something else had the processor: a thread did not run for 5 % of its time, or was often interrupted",
    "contention_sensitive": "the ratio of undisturbed rounds lies further from that of all than half its interval",
    "crowded": "some task, ours or another, waited for a processor for more than 20 % of the rounds' time",
    "drift": "the canary became slower or faster by more than 2 % over the session",
    "emulated": "an emulator computed it: nothing was timed, and its memory is partly the emulator's",
    "governor": "the clock's governor is another than `performance`",
    "intervals_disagree": "the interval and its bootstrap cross-check differ in width by more than a factor of two",
    "invalid_contended": "a thread did not run for more than 20 % of its time in half of the invocations",
    "invalid_memory_pressure": "all tasks waited for memory at some time during the rounds",
    "invalid_paging": "a call waited for the disk",
    "invalid_swapped": "part of a worker that was alone lay on a disk (swap)",
    "invalid_throttled": "the firmware reported throttling during the rounds",
    "no_steady_state": "in half of the invocations calls settled at levels that differ by more than 2 %",
    "not_thermally_steady": "the temperature still rose by more than 2 degrees a minute in the second half",
    "parity": "outputs differ from torch eager by more than the precision explains",
    "partial": "no invocation was completed: figures are of a part of one, without interval",
    "permission": "a sensor of heat, clock or energy is there and may not be read: `list sensors` says what to do",
    "precision": "the runtime computes in another precision than asked for",
    "stolen": "the hypervisor took more than 1 % of the processor's time",
    "threads": "more threads computed during warm-up than asked for",
    "throttled": "the canary's loop fell by more than 3 % in speed from one part of the session to a later one",
    "undervolted": "the supply's voltage fell below what the board needs",
    "unlimited": "the memory limit of the device could not be set",
    "unreliable": "this machine's selftest told trials from themselves more often than its intervals allow",
    "unstable_clock_or_bandwidth": "the canary's slow rounds took more than 10 % longer than its quick ones",
    "unsteady": "the warm-up ended at its cap in at least one invocation",
}
"""What each flag says, in a sentence."""

FORBIDDING = frozenset({"emulated", "parity", "precision", "threads"})
"""Flags beside `invalid_*` that make a figure one of something else than was asked for: INVALID."""

PARITY_TOLERANCE = {"fp32": 1e-3, "fp16": 0.1, "bf16": 0.4, "int8": 1.0}
"""Largest difference from the reference relative to its scale; bf16 in place of fp32 shows as 3e-3.

fp16 and bf16 are allowed twice what torch eager itself loses by computing in them, on drawn weights: of 12 headline
networks 0.001 (LeNet-5) to 0.042 (Inception-v3) in fp16, and 0.0065 (ResNet-18) to 0.18 (Inception-v3) in bf16. What
int8 costs depends on the network and shows in accuracy: on drawn weights three quantisers gave 0.02 for SqueezeNet 1.1
and 0.6 to 0.9 for MobileNetV1. So its tolerance tells outputs of another scale only.
"""

CPU_GAP = 0.05
"""Share of the wall time in which one thread did not run."""

_INVALID_CPU_GAP = 0.2
_INTERRUPTED = 0.2  # share of samples
_NS_A_SWITCH = 10_000_000
"""A sample is interrupted by one switch, a longer one by one in 10 ms: schedulers hand out slices of a few ms.

Calls of 150 ms on a quiet machine hold about one (VGG-16 in the sample run: 0.4 to 1.6), from the kernel's own threads.
"""
_STOLEN = 0.01
_CPU_PRESSURE = 0.2
_CANARY_SPREAD = 1.10  # p90 / p10
_DRIFT = 0.02
_SLOWER_CLOCK = 0.03
_MOVED_CLOCK = 0.03
_CELSIUS_A_MINUTE = 2.0
_FEWEST_WATCHED = 8  # rounds; below it a slope or a spread says nothing
_TREND_CONFIDENCE = 0.999
_MOST_POINTS = 200  # of a trend: every pair of them has a slope
_NS = 1e-9

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def forbidding(flags: Iterable[str]) -> list[str]:
    """Return those flags that make a figure INVALID, in order.

    >>> forbidding(["stolen", "parity", "invalid_throttled"])
    ['invalid_throttled', 'parity']
    """
    return sorted(flag for flag in flags if flag.startswith("invalid_") or flag in FORBIDDING)


def of_start(asked_precision: str, asked_threads: int, starts: Iterable[Ready]) -> list[str]:
    """Return what the start of a trial's workers gives reason to distrust: what they compute, how, and how warm.

    Of `parity`, `precision`, `threads`, `unsteady`, `unlimited`.
    """
    flags = set()
    for ready in starts:
        tolerance = PARITY_TOLERANCE[asked_precision]
        if ready.parity is not None and ready.parity.max_abs_diff > tolerance * ready.parity.scale:
            flags.add("parity")
        if ready.precision_found != asked_precision:
            flags.add("precision")
        if ready.threads_found is not None and ready.threads_found > asked_threads:
            flags.add("threads")
        if not ready.steady:
            flags.add("unsteady")
        if ready.memory_limited is False:
            flags.add("unlimited")
    return sorted(flags)


def of_footprints(taken: Iterable[Footprint]) -> list[str]:
    """Return `invalid_swapped` where the memory of a trial's workers was not all in memory."""
    return ["invalid_swapped"] if any(one.swapped_bytes for one in taken) else []


def of_blocks(threads: int, blocks: Iterable[Block], *, own_cpu: bool = True) -> list[str]:
    """Return what a trial's samples give reason to distrust: `contended`, `invalid_contended`, `invalid_paging`.

    `own_cpu`: the trial computes on the processors whose time was taken; else the gap between clocks is no contention.
    One invocation is enough to be contended. Only where half of them had lost a fifth of the time is it invalid: one of
    ten widens the interval, which is what an interval is for.
    """
    by_invocation: dict[int, list[Block]] = {}
    for block in blocks:
        by_invocation.setdefault(block.invocation, []).append(block)
    taken = by_invocation.values()
    gaps = [_median_gap(of_one) for of_one in taken] if threads == 1 and own_cpu else []
    told = [gap for gap in gaps if gap is not None]
    flags = set()
    if any(gap > CPU_GAP for gap in told) or any(_share_interrupted(of_one) > _INTERRUPTED for of_one in taken):
        flags.add("contended")
    if told and _upper_median(told) > _INVALID_CPU_GAP:
        flags.add("invalid_contended")
    if any(sum(block.major_faults) for of_one in taken for block in of_one):
        flags.add("invalid_paging")
    return sorted(flags)


def of_machine(watched: Iterable[Watched], *, sustained: bool = False) -> list[str]:
    """Return what the machine did during a session that gives reason to distrust all of it.

    Of `clock_moved`, `crowded`, `drift`, `governor`, `invalid_memory_pressure`, `invalid_throttled`,
    `not_thermally_steady`, `stolen`, `throttled`, `undervolted`, `unstable_clock_or_bandwidth`. A signal that is absent
    raises nothing. Throttling does not invalidate a `sustained` run: it is what that run is there to find.
    """
    rounds = sorted(watched, key=lambda one: one.start_ns)
    raised = {
        "clock_moved": _clock_moved([one.clock_hz for one in rounds if one.clock_hz is not None]),
        "crowded": _share([(one.cpu_waiting_ns, one.wall_ns) for one in rounds]) > _CPU_PRESSURE,
        "drift": any(_drifts(rounds, canary) for canary in _canaries(rounds)),
        "governor": any(one.governor not in (None, "performance") for one in rounds),
        "invalid_memory_pressure": any(one.memory_stalled_ns for one in rounds),
        "invalid_throttled": not sustained and any(one.throttled for one in rounds),
        "not_thermally_steady": _warms(rounds),
        "stolen": _share([(one.steal_ns, one.wall_ns) for one in rounds]) > _STOLEN,
        "throttled": _slowed([one.loop_ns for one in rounds]) or (sustained and any(one.throttled for one in rounds)),
        "undervolted": any(UNDER_VOLTAGE in one.throttled_by for one in rounds),
        "unstable_clock_or_bandwidth": any(_spreads(canary) for canary in _canaries(rounds)),
    }
    return sorted(name for name, is_so in raised.items() if is_so)


def of_access(signals: Signals | None, source: EnergySource | None) -> list[str]:
    """Return `permission` where something that was looked for is there, and not for this user."""
    of_energy = source is not None and source.sensor is None and any(one.kind == "forbidden" for one in source.troubles)
    return ["permission"] if of_energy or (signals is not None and signals.forbidden) else []


def of_efficiency(share: float | None) -> list[str]:
    """Return `beats_bound` where a measurement reached more than all that is possible."""
    return ["beats_bound"] if share is not None and share > 1 else []


def shared_processor(found: Collection[str], threads: int, *, own_cpu: bool) -> bool:
    """Tell whether a figure is to be decided on CPU time: one thread that had to share its processor (`contended`).

    The time of several threads is no latency, and that of work elsewhere (not `own_cpu`) was not taken.
    """
    return "contended" in found and threads == 1 and own_cpu


def of_rounds(wall_s: Medians) -> list[str]:
    """Return `no_steady_state` where in half of a trial's invocations rounds settled at levels that differ by > 2 %."""
    tested = [[of_one[r] for r in sorted(of_one)] for of_one in wall_s.values()]
    steps = [steadiness.differ(steadiness.levels(steadiness.thinned(series))) for series in tested]
    return ["no_steady_state"] if steps and 2 * sum(steps) >= len(steps) else []


def of_pair(everything: Estimate, clean: Estimate | None, bootstrap: tuple[float, float] | None) -> list[str]:
    """Return what a ratio's cross-checks give reason to distrust.

    `clean` is the ratio of rounds undisturbed in both trials (`undisturbed`): where it lies further from the ratio of
    all rounds than half of that one's interval the ratio is `contention_sensitive`. `intervals_disagree` where the
    interval and `bootstrap` (`statistics.bootstrap_interval`) differ in width by more than a factor of two.
    """
    width = half_width(everything)
    if width is None:
        return []
    half = math.log1p(width)
    flags = []
    if clean is not None and abs(math.log(clean.value / everything.value)) > half:
        flags.append("contention_sensitive")
    if bootstrap is not None:
        other = math.log(bootstrap[1] / bootstrap[0]) / 2
        if not other / 2 <= half <= 2 * other:
            flags.append("intervals_disagree")
    return flags


def undisturbed(series: Series, watched: Iterable[Watched], *, own_cpu: bool = True) -> Medians:
    """Return a trial's wall medians without disturbed blocks; `watched` are the rounds of its session.

    The ratio of two such pairs rounds that were clean in both.
    """
    looks = rounds_of({block.trial for block in series.blocks}, watched)
    clean: dict[int, dict[int, float]] = {}
    for block in series.blocks:
        if not disturbed(block, looks.get((block.invocation, block.round)), own_cpu=own_cpu):
            of_one = clean.setdefault(block.invocation, {})
            of_one[block.round] = series.wall_s[block.invocation][block.round]
    return clean


def rounds_of(trials: Collection[str], watched: Iterable[Watched]) -> dict[tuple[int, int], Watched]:
    """Return a session's looks at the machine by invocation and round, as far as these trials were measured in them."""
    return {(one.invocation, one.round): one for one in watched if one.trial is None or one.trial in trials}


def disturbed(block: Block, watched: Watched | None, *, own_cpu: bool = True) -> bool:
    """Tell whether a signal that raises a flag was seen in this very block, or in its round."""
    gap = _median_gap([block]) if own_cpu else None
    return (
        (gap is not None and gap > CPU_GAP)
        or _share_interrupted([block]) > _INTERRUPTED
        or any(block.major_faults)
        or disturbed_round(watched)
    )


def disturbed_round(watched: Watched | None) -> bool:
    """Tell whether the machine gave a sign of disturbance in a round; one that was not watched gave none."""
    if watched is None:
        return False
    return bool(
        _share([(watched.steal_ns, watched.wall_ns)]) > _STOLEN
        or _share([(watched.cpu_waiting_ns, watched.wall_ns)]) > _CPU_PRESSURE
        or watched.memory_stalled_ns
        or watched.throttled
    )


def disturbed_samples(block: Block, *, own_cpu: bool = True) -> list[bool]:
    """Tell for each sample of a block whether it was interrupted, lost the processor, or waited for the disk."""
    unknown = [0] * len(block.wall_ns)
    cpu = block.cpu_ns if block.cpu_ns and own_cpu else block.wall_ns
    rows = zip(block.wall_ns, cpu, block.involuntary_switches or unknown, block.major_faults or unknown, strict=True)
    return [switches > 0 or faults > 0 or 1 - cpu_ns / wall_ns > CPU_GAP for wall_ns, cpu_ns, switches, faults in rows]


# --- parts -----------------------------------------------------------------------------------------------------------


def _median_gap(blocks: Iterable[Block]) -> float | None:
    """Return the upper median over samples of the share of wall time without CPU time, None where none was taken."""
    told = [block for block in blocks if block.cpu_ns]
    gaps = [1 - cpu / wall for block in told for cpu, wall in zip(block.cpu_ns, block.wall_ns, strict=True)]
    return _upper_median(gaps) if gaps else None


def _upper_median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _share_interrupted(blocks: Iterable[Block]) -> float:
    """Return the share of samples with one involuntary switch or more, and one in 10 ms of those that are longer."""
    interrupted = [
        switches >= max(1.0, wall / _NS_A_SWITCH)
        for block in blocks
        if block.involuntary_switches
        for switches, wall in zip(block.involuntary_switches, block.wall_ns, strict=True)
    ]
    return sum(interrupted) / len(interrupted) if interrupted else 0.0


def _share(spans: Sequence[tuple[int | None, int]]) -> float:
    """Return part / whole summed over the rounds that tell both; 0 where none does."""
    told = [(part, whole) for part, whole in spans if part is not None and whole > 0]
    return sum(part for part, _ in told) / sum(whole for _, whole in told) if told else 0.0


def _canaries(rounds: Sequence[Watched]) -> list[list[int]]:
    return [[one.loop_ns for one in rounds], [one.stream_ns for one in rounds]]


def _spreads(canary_ns: Sequence[int]) -> bool:
    if len(canary_ns) < _FEWEST_WATCHED:
        return False
    quick, slow = np.quantile(canary_ns, [0.1, 0.9])
    return bool(slow > _CANARY_SPREAD * quick)


def _clock_moved(clocks_hz: Sequence[int]) -> bool:
    if len(clocks_hz) < _FEWEST_WATCHED:
        return False
    slow, quick = np.quantile(clocks_hz, [0.1, 0.9])
    return bool(quick > (1 + _MOVED_CLOCK) * slow)


def _drifts(rounds: Sequence[Watched], canary_ns: Sequence[int]) -> bool:
    """Tell whether a canary's trend over the session is above 2 % and more than its noise explains."""
    if len(rounds) < _FEWEST_WATCHED:
        return False
    times = np.array([one.start_ns for one in rounds], dtype=float) * _NS
    span = float(times[-1] - times[0])
    slope, low, high = _trend(times, np.log(canary_ns))
    return abs(slope) * span > math.log1p(_DRIFT) and (low > 0 or high < 0)


def _slowed(loop_ns: Sequence[int]) -> bool:
    """Tell whether the loop, and so the clock, lost more than 3 % of its speed from one level to a later one."""
    found = steadiness.levels(steadiness.thinned(loop_ns))
    quickest = math.inf
    for level in found:
        if level.value * (1 - _SLOWER_CLOCK) > quickest:
            return True
        quickest = min(quickest, level.value)
    return False


def _warms(rounds: Sequence[Watched]) -> bool:
    """Tell whether the temperature rose by more than 2 C a minute in the second half of the time watched."""
    told = [(one.start_ns * _NS, one.temperature_c) for one in rounds if one.temperature_c is not None]
    half = [(time, celsius) for time, celsius in told if time >= (told[0][0] + told[-1][0]) / 2]
    if len(half) < _FEWEST_WATCHED:
        return False
    times, celsius = np.array(half).T
    slope, low, _ = _trend(times, celsius)
    return slope * 60 > _CELSIUS_A_MINUTE and low > 0


def _trend(times: Floats, values: Floats) -> tuple[float, float, float]:
    """Return the Theil-Sen slope with its 99.9 % interval, of neighbours' medians where there are very many.

    So high since neighbours resemble each other a little, and every session is asked.
    """
    from scipy.stats import theilslopes

    y, x = (steadiness.thinned(list(part), _MOST_POINTS) for part in (values, times))
    found = theilslopes(y, x, _TREND_CONFIDENCE)
    return float(found.slope), float(found.low_slope), float(found.high_slope)
