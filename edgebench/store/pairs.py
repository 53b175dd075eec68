"""Rows of pairs.csv and backends.csv: ratios between trials of one session, measured in the same rounds."""

from collections.abc import Iterator
from itertools import combinations, groupby

from edgebench.measure import statistics
from edgebench.measure.statistics import Estimate
from edgebench.store.rows import BackendRow, PairRow, TrialRow
from edgebench.store.series import Series

AllSeries = dict[tuple[str, str], Series]

_COLUMNS = {
    "model": "model",
    "backend": "backend",
    "precision": "precision_asked",
    "threads": "threads_asked",
    "batch": "batch",
}


def pairs(rows: tuple[TrialRow, ...], series: AllSeries) -> Iterator[PairRow]:
    """Yield every pair of trials of one session that differ in one thing only, and each session's twins."""
    for _, members in groupby(rows, key=lambda row: row.session):
        usable = [row for row in members if _usable(row)]
        twins = next(
            (_ratio(*_oriented("twin", *two), series) for two in combinations(usable, 2) if _are_twins(*two)), None
        )
        for one, other in combinations(usable, 2):
            by = _differ_in(one, other)
            if by is not None:
                yield _pair(by, *_oriented(by, one, other), series, twins)


def backends(rows: tuple[TrialRow, ...], series: AllSeries) -> Iterator[BackendRow]:
    """Yield the backends of each model of each session, the fastest first; lost ones last, without a ratio."""
    own = [row for row in rows if not row.twin]
    for _, members in groupby(sorted(own, key=_group), key=_group):
        ranked = sorted(members, key=lambda row: (not _usable(row), row.latency_p50_s or 0.0))
        for row in ranked:
            behind = _usable(row) and row is not ranked[0]
            yield _backend(row, _ratio(row, ranked[0], series) if behind else None, best=row is ranked[0])


def _usable(row: TrialRow) -> bool:
    return row.status == "done" and row.invocations > 0


def _group(row: TrialRow) -> tuple[str, str, str, int, int]:
    return row.session, row.model, row.precision_asked, row.threads_asked, row.batch


def _differ_in(one: TrialRow, other: TrialRow) -> str | None:
    """Return the one thing in which two trials differ, "twin" for a trial and its twin, None for more than one.

    Twins serve their session as a whole and stand in no other pair.
    """
    if _are_twins(one, other):
        return "twin"
    different = [by for by, column in _COLUMNS.items() if getattr(one, column) != getattr(other, column)]
    return different[0] if len(different) == 1 and not (one.twin or other.twin) else None


def _are_twins(one: TrialRow, other: TrialRow) -> bool:
    same = all(getattr(one, column) == getattr(other, column) for column in _COLUMNS.values())
    return same and one.twin != other.twin


def _oriented(by: str, one: TrialRow, other: TrialRow) -> tuple[TrialRow, TrialRow]:
    """Return subject and baseline: of two models the one with more mult-adds is the subject, else the slower one."""
    if by == "twin":
        return (one, other) if one.twin else (other, one)
    if by == "model" and one.mult_adds is not None and other.mult_adds is not None:
        return (one, other) if one.mult_adds >= other.mult_adds else (other, one)
    return (one, other) if (one.latency_p50_s or 0) >= (other.latency_p50_s or 0) else (other, one)


def _ratio(subject: TrialRow, baseline: TrialRow, series: AllSeries) -> Estimate | None:
    mine, other = series[subject.session, subject.trial], series[baseline.session, baseline.trial]
    return statistics.latency_ratio(mine.wall_s, other.wall_s)


def _pair(by: str, subject: TrialRow, baseline: TrialRow, series: AllSeries, twins: Estimate | None) -> PairRow:
    wall = _ratio(subject, baseline, series)
    mine, other = series[subject.session, subject.trial], series[baseline.session, baseline.trial]
    cpu = statistics.latency_ratio(mine.cpu_s, other.cpu_s)
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
        mult_adds_ratio=counted,
        transfer=_over(_value(wall), counted),
        transfer_low=_over(wall.low if wall else None, counted),
        transfer_high=_over(wall.high if wall else None, counted),
        twin_ratio=_value(twins),
        twin_ratio_low=twins.low if twins else None,
        twin_ratio_high=twins.high if twins else None,
        flags=" ".join(sorted({*subject.flags.split(), *baseline.flags.split()})),
    )


def _backend(row: TrialRow, behind: Estimate | None, *, best: bool) -> BackendRow:
    done = _usable(row)
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
        ratio_to_best=1.0 if best and done else _value(behind),
        ratio_to_best_low=behind.low if behind else None,
        ratio_to_best_high=behind.high if behind else None,
        best=best and done,
        flags=row.flags,
    )


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _over(value: float | None, divisor: float | None) -> float | None:
    return None if value is None or not divisor else value / divisor
