"""The answer in words: what a run says, before any table. Pure functions from rows to sentences."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from edgebench import units
from edgebench.judge import together
from edgebench.judge.compare import UNTESTED, ComparedRow, Known, Outcome
from edgebench.judge.together import Standing
from edgebench.judge.verdict import TARGET
from edgebench.measure.flags import MEANINGS, forbidding
from edgebench.store import layers
from edgebench.store.rows import LayerRow, PairRow, TrialRow
from edgebench.store.tables import Summary

WORTH_SAYING = 1.2
"""Below this ratio of mult-adds a pair of models has no consequences to judge (docs/claims.md)."""

_MOST_NAMES = 5
_FINE = 2 * TARGET  # a wider A/A' lets no verdict of a disturbed session stand by itself (judge.trust)
_ALONE = " (each layer alone)"
_TOLD_APART = frozenset({"beats_bound"})
"""Flags that have a sentence of their own for each trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run says, by the question it answers.

    `fastest`: the backends of each model; `pair`: what became of the widest ratio of mult-adds; `checked`: the A/A';
    `inside`: how often it answers right, and what layers take; `circumstances`: energy, long runs,
    throttling; `distrusted`: what was lost, cannot be, or is flagged.
    """

    fastest: tuple[str, ...]
    pair: tuple[str, ...]
    checked: tuple[str, ...]
    inside: tuple[str, ...]
    circumstances: tuple[str, ...]
    distrusted: tuple[str, ...]


def answer(summary: Summary, known: Known = UNTESTED) -> Answer:
    """Return what was found: fastest backends and the widest pair; the check; what was lost or is flagged.

    `known` is what the unit's selftest tells of differences there.
    """
    return Answer(
        fastest=tuple(_fastest(together.standings(summary.trials, summary.pairs, known))),
        pair=tuple(_headline_pair(summary.pairs)),
        checked=(*_twins(summary.pairs), *_checked(summary.trials)),
        inside=(*_accuracy(summary), *_layers(summary.layers)),
        circumstances=(*_energy(summary.trials), *_sustained(summary.trials), *_throttled(summary.trials)),
        distrusted=(
            *_not_measured(summary.trials),
            *_impossible(summary.trials),
            *_distrusted(summary.trials),
            *_distrusted_pairs(summary),
        ),
    )


def sentences(summary: Summary, known: Known = UNTESTED) -> Iterator[str]:
    """Yield what was found, the most important first: fastest backends, the widest pair, the check, what was lost."""
    found = answer(summary, known)
    yield from (*found.fastest, *found.pair, *found.checked, *found.inside, *found.circumstances, *found.distrusted)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of ratios as text, empty when there is none.

    >>> interval(1.234, 1.301)
    ' [1.23, 1.30]'
    """
    return "" if low is None or high is None else f" [{units.digits(low)}, {units.digits(high)}]"


def apart(low: float | None, high: float | None) -> bool:
    """Tell whether an interval of a ratio excludes 1: whether the two really differ."""
    return low is not None and high is not None and not low <= 1 <= high


def _fastest(standings: Iterable[Standing]) -> Iterator[str]:
    for one in standings:
        without = [_invalid(row) for row in one.invalid]
        if one.best is None:
            yield f"{one.invalid[0].model} has no fastest backend: {', '.join(without)}."
            continue
        told = [*map(behind, one.behind), *without]
        best = one.best
        setting = f"{best.precision_asked}, {_plural(best.threads_asked, 'thread')}"
        setting += f", batch {best.batch}" * (best.batch > 1)
        first = f"{best.model}: {best.backend} takes {units.seconds(best.latency_p50_s)} ({setting})"
        yield f"{first}; {', '.join(told)}." if told else f"{first}."


def _invalid(row: TrialRow) -> str:
    flags = ", ".join(forbidding(row.flags.split()))
    return f"{row.backend} takes {units.seconds(row.latency_p50_s)}, INVALID ({flags})"


def _checked(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield for each model on a stand-in which backends gave which outputs."""
    done = [row for row in rows if row.emulated and row.status == "done"]
    for (model, unit), members in groupby(done, key=lambda row: (row.model, row.unit)):
        found = ", ".join(f"{row.backend}{_threads(row.threads_asked)} {_difference(row)}" for row in members)
        yield f"{model} ran on {unit}, which is emulated; largest difference from the reference outputs: {found}."


def _difference(row: TrialRow) -> str:
    """Return how far outputs lie from the reference, as a share of its largest value."""
    if row.parity_max_abs_diff is None or row.parity_scale is None:
        return "has no reference"
    return f"{row.parity_max_abs_diff / row.parity_scale:.1e} of their scale" if row.parity_scale else "scale is 0"


def behind(row: ComparedRow) -> str:
    """Return a backend with its ratio to the fastest one, and what `compare` says of it where that is not "slower"."""
    if row.ratio is None:
        return f"{row.backend} {units.seconds(row.latency_after_s)} (not in the same rounds)"
    bounds = interval(row.low, row.high)
    clock = "CPU time" if row.decided_on == "cpu time" else ""
    if row.outcome == Outcome.LEVEL:
        return f"{row.backend} level with it{bounds}{f' ({clock})' * bool(clock)}"
    doubts = ", ".join(word for word in (_DOUBTS.get(row.outcome, ""), clock) if word)
    return f"{row.backend} {units.ratio(row.ratio)}{bounds}{f' ({doubts})' * bool(doubts)}"


_DOUBTS: dict[str, str] = {
    Outcome.FASTER: "faster in the rounds they share",
    Outcome.NOISY: "noisy",
    Outcome.INVALID: "INVALID",
    Outcome.OPEN: "no interval",
}


def _headline_pair(rows: Iterable[PairRow]) -> Iterator[str]:
    """Yield how the first model compares with the one furthest from it in mult-adds, on the same inputs if it can.

    What is decided on CPU time is none of it: CPU time is not latency.
    """
    everything = [row for row in rows if row.decided_on == "wall" and not forbidding(row.flags.split())]
    first = next((row.baseline_model for row in everything if row.by == "twin"), None)
    worth = [row for row in everything if row.by == "model" and (row.mult_adds_ratio or 0) >= WORTH_SAYING]
    by_model = [row for row in worth if first in (row.subject_model, row.baseline_model)] or worth
    alike = [row for row in by_model if row.same_inputs] or by_model
    if not alike:
        return
    widest = max(alike, key=lambda row: row.mult_adds_ratio or 0)
    times = [
        f"{units.ratio(row.latency_ratio)}{interval(row.latency_ratio_low, row.latency_ratio_high)} "
        f"in {row.subject_backend}{_threads(row.threads)}"
        for row in alike
        if (row.subject_model, row.baseline_model) == (widest.subject_model, widest.baseline_model)
    ]
    yield (
        f"{widest.subject_model} has {units.ratio(widest.mult_adds_ratio)} the mult-adds of {widest.baseline_model}; "
        f"its latency is {', '.join(times)}."
    )


def _twins(rows: Iterable[PairRow]) -> Iterator[str]:
    for row in rows:
        if row.by != "twin":
            continue
        bounds = interval(row.latency_ratio_low, row.latency_ratio_high)
        name = f"{row.baseline_model} in {row.baseline_backend}"
        if row.latency_ratio_low is None or row.latency_ratio_high is None:
            verdict = "too few invocations to judge"
        elif apart(row.latency_ratio_low, row.latency_ratio_high):
            verdict = "it was called different from itself: distrust small differences of this run"
        else:
            unseen = max(row.latency_ratio_high, 1 / row.latency_ratio_low) - 1
            verdict = "as it should be"
            if unseen > _FINE:
                verdict += f", but a difference below {100 * unseen:.2g} % would not show"
        yield f"Check: {name} against itself is {units.digits(row.latency_ratio)}{bounds}: {verdict}."


def _accuracy(summary: Summary) -> Iterator[str]:
    """Yield how many images each model answered rightly in every backend and precision, and which images those are."""
    images = summary.images
    own = [row for row in summary.trials if not row.twin]
    of = "" if images is None else f" of {Path(images.path).name}"
    right = [row for row in own if row.top1 is not None]
    for (model, number), members in groupby(right, key=lambda row: (row.model, row.images)):
        found = ", ".join(
            f"{row.backend} {row.precision_asked}{_threads(row.threads_asked)} {units.share(row.top1)} "
            f"{units.share_span(row.top1_low or 0.0, row.top1_high or 0.0)}"
            for row in members
        )
        yield f"{model}, top-1 of {number} images{of} (95 %, Wilson): {found}."
    if images is not None and any(row.precision_asked == "int8" for row in own):
        yield (
            f"int8 was calibrated on {images.calibrating} other images of them, drawn by a fixed seed; "
            "accuracy is of none of these."
        )
    for row in own:
        if row.images_reason is not None:
            yield f"{row.model} in {row.backend}{_threads(row.threads_asked)} has no accuracy: {row.images_reason}."


def _layers(rows: Iterable[LayerRow]) -> Iterator[str]:
    """Yield which share of the time the kind of layer with the most mult-adds takes in each backend."""
    for model, members in groupby(layers.kinds(rows), key=lambda one: one.model):
        found = list(members)
        widest = found[0].kind
        told = ", ".join(
            f"{units.share(one.time_share)} in {backend_of(one.trial)}{_ALONE * (one.source != 'runtime')}"
            for one in found
            if one.kind == widest
        )
        yield f"{widest} has {units.share(found[0].mult_adds_share)} of the mult-adds of {model}; of the time: {told}."


def backend_of(trial: str) -> str:
    """Return the backend of a trial by its name, with its precision where that is not fp32, and its threads.

    A long name that was shortened, and so has lost its parts, comes back whole.

    >>> backend_of("lenet5|onnxruntime|int8|threads=2|batch=1")
    'onnxruntime int8 on 2 threads'
    """
    _, *parts = trial.rsplit("|", 4)
    if len(parts) != 4:
        return trial
    backend, precision, threads, _ = parts
    number = threads.removeprefix("threads=")
    return f"{backend}{f' {precision}' * (precision != 'fp32')}{'' if number == '1' else f' on {number} threads'}"


def _energy(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield where the energy comes from, and why there is none where it was asked for."""
    own = [row for row in rows if not row.twin]
    for pedigree, members in groupby(
        sorted((row for row in own if row.energy_rung is not None), key=_pedigree), key=_pedigree
    ):
        first = next(members)
        rate = f", read {first.energy_rate_hz:.3g} times a second" if first.energy_rate_hz is not None else ""
        window = f", in windows of {units.seconds(first.energy_window_s)}" if first.energy_window_s is not None else ""
        yield f"Energy is from {pedigree}{rate}{window}; idle takes {units.power(first.energy_idle_w)}."
    without = [row for row in own if row.energy_rung is None and row.energy_reason is not None]
    for reason, lacking in groupby(without, key=lambda row: row.energy_reason):
        names = [f"{row.model} in {row.backend}" for row in lacking]
        whose = "" if len(names) == len(own) else f" of {_some(names)}"
        yield (
            f"Energy{whose} was not measured, so none is given: {reason}. The table has CPU time, which is only a "
            "proxy; `edgebench list sensors` says what can be done."
        )


def _pedigree(row: TrialRow) -> str:
    return f"{row.energy_rung} ({row.energy_sensor}: {row.energy_rail})"


def _sustained(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield what became of the latency of each long run."""
    for row in rows:
        if row.burst_p50_s is None or row.sustained_p50_s is None or row.sustained_after_s is None:
            continue
        ending = "it stays there" if row.sustained_reached else "it had not come to rest"
        yield (
            f"{row.model} in {row.backend}{_threads(row.threads_asked)}: burst {units.seconds(row.burst_p50_s)}, "
            f"sustained {units.seconds(row.sustained_p50_s)} "
            f"({units.ratio(row.sustained_p50_s / row.burst_p50_s)}) after {units.clock_time(row.sustained_after_s)}; "
            f"{ending}."
        )


def _throttled(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield when the processor was held back, by what, and what was measured before that."""
    held = [row for row in rows if row.throttled_at_s is not None and not row.twin]
    moments = sorted({(row.throttled_at_s or 0.0, row.throttled_by or "cause not told") for row in held})
    for at_s, causes in moments[:1]:
        kept = [
            f"{row.model} in {row.backend} {units.seconds(row.latency_before_throttling_s)} "
            f"({_plural(row.rounds_before_throttling or 0, 'round')})"
            for row in held
            if row.latency_before_throttling_s is not None
        ]
        before = f" Before that: {_some(kept)}." if kept else " Nothing was measured before that."
        yield f"The processor was held back in minute {int(at_s // 60) + 1}: {causes}.{before}"


def _not_measured(rows: Iterable[TrialRow]) -> Iterator[str]:
    for row in rows:
        if row.status != "done" and not row.twin:
            stage = f" at stage {row.stage}" if row.stage else ""
            name = f"{row.model} in {row.backend}{_threads(row.threads_asked)}"
            yield f"{name}: {row.status}{stage}: {(row.reason or '').rstrip('.')}."


def _impossible(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield what beat its bound: an error of the model of the hardware, or of the measurement."""
    for row in rows:
        if row.efficiency is not None and row.efficiency > 1 and not row.twin:
            name = f"{row.model} in {row.backend}{_threads(row.threads_asked)}"
            peak = "the probe's peak" if row.bound_from == "probe" else "the description's peak"
            yield (
                f"{name} took less than its bound, an efficiency of {row.efficiency:.2f}: {peak} or the measurement is "
                "wrong (flag beats_bound)."
            )


def _distrusted(rows: Iterable[TrialRow]) -> Iterator[str]:
    """Yield each flag with the trials that have it and what it means."""
    started = [row for row in rows if row.latency_p50_s is not None or row.flags]
    flagged: dict[str, list[str]] = {}
    for row in started:
        for flag in sorted(set(row.flags.split()) - _TOLD_APART):
            name = f"{row.model} in {row.backend}{_threads(row.threads_asked)}"
            flagged.setdefault(flag, []).append(f"{name} (twin)" if row.twin else name)
    for flag, names in sorted(flagged.items()):
        everywhere = len(names) == len(started) > 1
        yield f"Flag {flag}{_meaning(flag)}: {'all trials' if everywhere else _some(names)}."


def _distrusted_pairs(summary: Summary) -> Iterator[str]:
    """Yield each flag that pairs have and no trial has."""
    known = {flag for row in summary.trials for flag in row.flags.split()}
    flagged: dict[str, list[str]] = {}
    for row in summary.pairs:
        for flag in row.flags.split():
            if flag not in known:
                flagged.setdefault(flag, []).append(_pair_name(row))
    for flag, names in sorted(flagged.items()):
        yield f"Flag {flag}{_meaning(flag)}: {_some(names)}."


def _pair_name(row: PairRow) -> str:
    """Return a pair by what its trials differ in."""
    if row.by == "model":
        return f"{row.subject_model} / {row.baseline_model} in {row.subject_backend}{_threads(row.threads)}"
    if row.by == "backend":
        return f"{row.subject_backend} / {row.baseline_backend} for {row.subject_model}{_threads(row.threads)}"
    if row.by == "twin":
        return f"{row.baseline_model} in {row.baseline_backend} against itself"
    return f"{row.subject} / {row.baseline}"


def _meaning(flag: str) -> str:
    return f" ({MEANINGS[flag]})" if flag in MEANINGS else ""


def _some(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names) if rest <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {rest} more"


def _threads(number: int) -> str:
    return "" if number == 1 else f" on {number} threads"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
