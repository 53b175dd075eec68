"""Rows of pairs.csv and backends.csv: ratios between trials of one session, measured in the same rounds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal

from edgebench.measure import flags, statistics
from edgebench.measure.heat import Throttling
from edgebench.measure.plan import RULER
from edgebench.measure.series import Medians
from edgebench.measure.statistics import Advice, Components, Estimate
from edgebench.store import energy
from edgebench.store.energy import TrialEnergy
from edgebench.store.rows import BackendRow, PairRow, TrialRow
from edgebench.store.series import Key, Taken

AllTaken = Mapping[Key, Taken]
Energies = Mapping[Key, TrialEnergy]
Interval = tuple[float, float] | tuple[None, None]

_NO_INTERVAL = (None, None)
_TARGET = 0.01
"""What the advised plan is for: an interval of 1 % to either side."""

By = Literal["backend", "precision", "threads", "batch", "model"]
"""The one thing in which the trials of a pair differ, twins apart."""

COLUMNS: dict[By, str] = {
    "model": "model",
    "backend": "backend",
    "precision": "precision_asked",
    "threads": "threads_asked",
    "batch": "batch",
}
"""In which column of a trial each of these stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ratio:
    """Latencies and CPU times of a subject over those of its baseline."""

    wall: Estimate | None
    cpu: Estimate | None


_NO_RATIO = _Ratio(wall=None, cpu=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joules:
    """Energies of a subject over those of its baseline, from one rung and rail; in total and above idle."""

    total: Estimate | None = None
    above_idle: Estimate | None = None
    rung: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    """What else the rounds of a pair say of its ratio: other intervals, what it varies with, undisturbed rounds."""

    one_process: Interval
    bootstrap: Interval
    components: Components | None
    advice: Advice | None
    rounds: int
    clean_rounds: int
    clean: Estimate | None
    flags: tuple[str, ...]


def pairs(rows: tuple[TrialRow, ...], taken: AllTaken, energies: Energies) -> Iterator[PairRow]:
    """Yield every pair of trials of one session that differ in one thing only, and each session's twins.

    Emulated rows make none: nothing of theirs can be compared.
    """
    for _, members in groupby(rows, key=lambda row: row.session):
        usable = [row for row in members if _usable(row)]
        twins = next(
            (_ratio(*_oriented("twin", *two), taken) for two in combinations(usable, 2) if _are_twins(*two)), _NO_RATIO
        )
        for one, other in combinations(usable, 2):
            by = _differ_in(one, other)
            if by is not None:
                subject, baseline = _oriented(by, one, other)
                joules = _energies(subject, baseline, energies)
                yield _pair(by, subject, baseline, taken, twins, joules)


def backends(rows: tuple[TrialRow, ...], taken: AllTaken) -> Iterator[BackendRow]:
    """Yield the backends of each model of each session, the fastest first; those without a ratio last.

    These were lost, or their flags make their figures INVALID. A ruler is no runtime: it stands behind all that are
    one. Emulated rows have no rank.
    """
    own = [row for row in rows if not row.twin and not row.emulated]
    for _, members in groupby(sorted(own, key=_group), key=_group):
        ranked = sorted(members, key=_rank)
        best = ranked[0]
        for row in ranked:
            behind = _ranks(row) and row is not best
            yield _backend(row, _ratio(row, best, taken).wall if behind else None, best=row is best and _ranks(row))


def throttled(rows: Iterable[TrialRow]) -> str | None:
    """Return in words when the first of some trials was held back, and by what; None where none was."""
    told = [(row.throttled_at_s, row.throttled_by) for row in rows if row.throttled_at_s is not None]
    if not told:
        return None
    at_s, causes = min(told, key=lambda one: one[0])
    return Throttling(at_s=at_s, causes=(causes,) if causes else ()).said


def _usable(row: TrialRow) -> bool:
    return row.status == "done" and row.invocations > 0 and not row.emulated


def _ranks(row: TrialRow) -> bool:
    """Tell whether a trial has a latency, and one of what was asked for."""
    return _usable(row) and not flags.forbidding(row.flags.split())


def _rank(row: TrialRow) -> tuple[bool, bool, bool, float]:
    return not _usable(row), not _ranks(row), row.backend == RULER, row.latency_p50_s or 0.0


def _group(row: TrialRow) -> tuple[str, str, str, int, int]:
    return row.session, row.model, row.precision_asked, row.threads_asked, row.batch


def _differ_in(one: TrialRow, other: TrialRow) -> str | None:
    """Return the one thing in which two trials differ, "twin" for a trial and its twin, None for more than one.

    Twins serve their session as a whole and stand in no other pair.
    """
    if _are_twins(one, other):
        return "twin"
    different = [by for by, column in COLUMNS.items() if getattr(one, column) != getattr(other, column)]
    return different[0] if len(different) == 1 and not (one.twin or other.twin) else None


def _are_twins(one: TrialRow, other: TrialRow) -> bool:
    same = all(getattr(one, column) == getattr(other, column) for column in COLUMNS.values())
    return same and one.twin != other.twin


def _oriented(by: str, one: TrialRow, other: TrialRow) -> tuple[TrialRow, TrialRow]:
    """Return subject and baseline: of two models the one with more mult-adds is the subject, else the slower one."""
    if by == "twin":
        return (one, other) if one.twin else (other, one)
    if by == "model" and one.mult_adds is not None and other.mult_adds is not None:
        return (one, other) if one.mult_adds >= other.mult_adds else (other, one)
    return (one, other) if (one.latency_p50_s or 0) >= (other.latency_p50_s or 0) else (other, one)


def _ratio(subject: TrialRow, baseline: TrialRow, taken: AllTaken) -> _Ratio:
    mine, other = (taken[row.session, row.trial].series for row in (subject, baseline))
    return _Ratio(
        wall=statistics.latency_ratio(mine.wall_s, other.wall_s), cpu=statistics.latency_ratio(mine.cpu_s, other.cpu_s)
    )


def _pair(by: str, subject: TrialRow, baseline: TrialRow, taken: AllTaken, twins: _Ratio, joules: _Joules) -> PairRow:
    ratio = _ratio(subject, baseline, taken)
    wall, cpu = ratio.wall, ratio.cpu
    checks = _checks(wall, taken[subject.session, subject.trial], taken[baseline.session, baseline.trial])
    found = {*subject.flags.split(), *baseline.flags.split(), *checks.flags}
    counted = None
    if by == "model" and subject.mult_adds is not None and baseline.mult_adds:
        counted = subject.mult_adds / baseline.mult_adds
    return PairRow(
        session=subject.session,
        by=by,
        subject=subject.trial,
        baseline=baseline.trial,
        subject_model=subject.model,
        baseline_model=baseline.model,
        subject_backend=subject.backend,
        baseline_backend=baseline.backend,
        same_inputs=subject.inputs == baseline.inputs,
        precision=subject.precision_asked,
        threads=subject.threads_asked,
        batch=subject.batch,
        invocations=wall.invocations if wall else 0,
        latency_ratio=_value(wall),
        latency_ratio_low=wall.low if wall else None,
        latency_ratio_high=wall.high if wall else None,
        cpu_ratio=_value(cpu),
        cpu_ratio_low=cpu.low if cpu else None,
        cpu_ratio_high=cpu.high if cpu else None,
        decided_on=_decided_on(subject, baseline, found, cpu),
        one_process_ratio_low=checks.one_process[0],
        one_process_ratio_high=checks.one_process[1],
        bootstrap_ratio_low=checks.bootstrap[0],
        bootstrap_ratio_high=checks.bootstrap[1],
        process_sd=checks.components.process_sd if checks.components else None,
        round_sd=checks.components.round_sd if checks.components else None,
        advised_invocations=checks.advice.invocations if checks.advice else None,
        advised_rounds=checks.advice.rounds if checks.advice else None,
        rounds=checks.rounds,
        clean_rounds=checks.clean_rounds,
        clean_ratio=_value(checks.clean),
        mult_adds_ratio=counted,
        transfer=_over(_value(wall), counted),
        transfer_low=_over(wall.low if wall else None, counted),
        transfer_high=_over(wall.high if wall else None, counted),
        twin_ratio=_value(twins.wall),
        twin_ratio_low=twins.wall.low if twins.wall else None,
        twin_ratio_high=twins.wall.high if twins.wall else None,
        twin_cpu_ratio=_value(twins.cpu),
        twin_cpu_ratio_low=twins.cpu.low if twins.cpu else None,
        twin_cpu_ratio_high=twins.cpu.high if twins.cpu else None,
        energy_ratio=_value(joules.total),
        energy_ratio_low=joules.total.low if joules.total else None,
        energy_ratio_high=joules.total.high if joules.total else None,
        energy_above_idle_ratio=_value(joules.above_idle),
        energy_above_idle_ratio_low=joules.above_idle.low if joules.above_idle else None,
        energy_above_idle_ratio_high=joules.above_idle.high if joules.above_idle else None,
        energy_rung=joules.rung,
        throttled=throttled((subject, baseline)),
        flags=" ".join(sorted(found)),
    )


def _energies(subject: TrialRow, baseline: TrialRow, energies: Energies) -> _Joules:
    """Return the ratios of two energies that one sensor measured in the same invocations."""
    mine, other = (energies.get((row.session, row.trial)) for row in (subject, baseline))
    if mine is None or other is None or mine.rung is None or (mine.rung, mine.rail) != (other.rung, other.rail):
        return _Joules()
    total = energy.ratio(mine.total_j, other.total_j)
    above = energy.ratio(mine.above_idle_j, other.above_idle_j)
    return _Joules(total=total, above_idle=above, rung=mine.rung if total else None)


def _decided_on(subject: TrialRow, baseline: TrialRow, found: set[str], cpu: Estimate | None) -> str:
    """Return the clock that a verdict takes: CPU time where single threads had to share their processor."""
    most, own_cpu = max(subject.threads_asked, baseline.threads_asked), bool(subject.own_cpu and baseline.own_cpu)
    shared = flags.shared_processor(found, most, own_cpu=own_cpu)
    return "cpu time" if shared and cpu is not None and cpu.low is not None else "wall"


def _checks(wall: Estimate | None, subject: Taken, baseline: Taken) -> _Checks:
    mine, other = subject.series.wall_s, baseline.series.wall_s
    my_clean = flags.undisturbed(subject.series, subject.watched, own_cpu=subject.own_cpu)
    its_clean = flags.undisturbed(baseline.series, baseline.watched, own_cpu=baseline.own_cpu)
    clean = statistics.latency_ratio(my_clean, its_clean)
    bootstrap = statistics.bootstrap_interval(mine, other)
    found = statistics.components(mine, other)
    middle = _median_invocation(mine, other)
    return _Checks(
        one_process=(None if middle is None else statistics.sign_interval(mine, other, middle)) or _NO_INTERVAL,
        bootstrap=bootstrap or _NO_INTERVAL,
        components=found,
        advice=_advice(found, subject, baseline) if found else None,
        rounds=sum(map(len, statistics.log_ratios(mine, other))),
        clean_rounds=sum(map(len, statistics.log_ratios(my_clean, its_clean))),
        clean=clean,
        flags=tuple(flags.of_pair(wall, clean, bootstrap)) if wall else (),
    )


def _advice(found: Components, subject: Taken, baseline: Taken) -> Advice | None:
    """Return the plan that these two alone would take; None for paced calls, whose rounds last as long as they like."""
    if subject.paced or baseline.paced:
        return None
    start_s = subject.starts.seconds() + baseline.starts.seconds()
    return statistics.advised(found, _TARGET, start_s, subject.round_s + baseline.round_s)


def _median_invocation(subject: Medians, baseline: Medians) -> int | None:
    """Return the invocation whose ratio is the median, of two the one with the lower ratio."""
    ratios = {}
    for invocation in subject.keys() & baseline.keys():
        own = statistics.latency_ratio({0: subject[invocation]}, {0: baseline[invocation]})
        if own is not None:
            ratios[invocation] = own.value
    ranked = sorted(ratios, key=lambda invocation: (ratios[invocation], invocation))
    return ranked[(len(ranked) - 1) // 2] if ranked else None


def _backend(row: TrialRow, behind: Estimate | None, *, best: bool) -> BackendRow:
    return BackendRow(
        session=row.session,
        model=row.model,
        precision=row.precision_asked,
        threads=row.threads_asked,
        batch=row.batch,
        backend=row.backend,
        status=row.status,
        latency_p50_s=row.latency_p50_s,
        latency_p50_low_s=row.latency_p50_low_s,
        latency_p50_high_s=row.latency_p50_high_s,
        efficiency=row.efficiency,
        ratio_to_best=1.0 if best else _value(behind),
        ratio_to_best_low=behind.low if behind else None,
        ratio_to_best_high=behind.high if behind else None,
        best=best,
        flags=row.flags,
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _over(value: float | None, divisor: float | None) -> float | None:
    return None if value is None or not divisor else value / divisor
