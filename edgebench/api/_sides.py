"""Two runs that are compared: what was measured of each trial, and what stands between their sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgebench.api._takings import refuse_emulated
from edgebench.api.reading import Result, read
from edgebench.errors import UsageError
from edgebench.judge import compare, context
from edgebench.judge.compare import Compared, usable
from edgebench.judge.trust import Measured
from edgebench.measure import apart
from edgebench.measure.apart import SPREAD, SPREAD_WITHOUT_RULER, Apart, Reading, Spread
from edgebench.measure.plan import RULER, TWIN
from edgebench.measure.series import Medians
from edgebench.measure.statistics import Estimate, latency_ratio
from edgebench.store import calibration
from edgebench.store.calibration import Resolution
from edgebench.store.rows import TrialRow
from edgebench.store.series import Key, Taken, taken
from edgebench.untrusted import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One run of a comparison: its trials by name, what was measured of them, and their sessions' twins."""

    result: Result
    rows: dict[str, TrialRow]
    taken: dict[Key, Taken]
    entry: Resolution | None

    @property
    def at(self) -> datetime:
        """When it was begun."""
        return datetime.fromisoformat(self.result.run.started.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a unit's spread between sessions for two runs, and in words where it comes from."""

    spread: Spread
    said: str


def side_of(folder: Path, match: tuple[str, str] | None) -> Side:
    """Return a run folder as one side of a comparison; `match` reads its first words in names as its second.

    Raise UsageError for a stand-in's run, for one with several sessions of a trial, and for words that no name has.
    """
    result = read(folder)
    refuse_emulated(result)
    rows: dict[str, TrialRow] = {}
    for row in result.summary.trials:
        if row.twin:
            continue
        name = row.trial.replace(*match) if match else row.trial
        if name in rows:
            raise UsageError(f"{folder} measured {plain(name)} in several sessions: expected one of each trial.")
        rows[name] = row
    if match and not any(match[0] in row.trial for row in rows.values()):
        raise UsageError(f"No trial of {folder} has {plain(match[0])!r} in its name: expected one to --match.")
    return Side(
        result=result,
        rows=rows,
        taken=taken(result.run),
        entry=calibration.resolution_beside(result.folder, result.run.started.unit),
    )


def spread_of(before: Side, after: Side) -> Known:
    """Return the spread between sessions that holds for two runs: the unit's own, as far as it is known that far."""
    entry = after.entry
    if entry is None or entry.between_sessions is None or entry.span_s is None:
        return Known(spread=apart.ASSUMED, said="assumed, as no `selftest --aa` of this unit tells its own")
    ruled = SPREAD if entry.between_sessions_ruled is None else entry.between_sessions_ruled
    found = Spread(ruled=ruled, bare=entry.between_sessions)
    said = f"by the selftest of {entry.at[:10]}"
    if abs((after.at - before.at).total_seconds()) <= entry.span_s:
        return Known(spread=found, said=said)
    wider = Spread(ruled=max(ruled, SPREAD), bare=max(found.bare, SPREAD_WITHOUT_RULER))
    minutes = f"{entry.span_s / 60:.0f} minutes"
    return Known(spread=wider, said=f"at least what is assumed of any unit: that {said} saw {minutes} only")


def compared_of(sides: tuple[Side, Side], name: str, spread: Spread, ruler: str | None) -> Compared:
    """Return a trial of two runs with the ratio of its latencies, where both have measured it.

    It is held against the trial `ruler`, where both runs measured that in the same rounds.
    """
    before, after = (side.rows.get(name) for side in sides)
    if before is None or after is None or not (usable(before) and usable(after)):
        return Compared(before=before, after=after)
    both = tuple(zip(sides, (before, after), strict=True))
    against = ruler if ruler is not None and all(_rules(side, row, ruler) for side, row in both) else None
    wall, cpu = (_ratio(both, against, spread, cpu=cpu) for cpu in (False, True))
    twins = [_twins(side, row) for side, row in both]
    measured = Measured(
        wall=apart.estimate(wall) if wall else None,
        cpu=apart.estimate(cpu) if cpu else None,
        twins=compare.worse(twins[0][0], twins[1][0]),
        cpu_twins=compare.worse(twins[0][1], twins[1][1]),
        flags=frozenset((*before.flags.split(), *after.flags.split())),
        threads=max(before.threads_asked, after.threads_asked),
        own_cpu=bool(before.own_cpu and after.own_cpu),
    )
    changed = context.differences(context.of_trial(before), context.of_trial(after), after.trial)
    return Compared(
        before=before,
        after=after,
        taken="apart",
        measured=measured,
        machine=wall.machine if wall else None,
        ruler="null" if wall and wall.machine is not None else None,
        changed=(*changed, *context.clocks(before, after)),
    )


def common_rulers(sides: tuple[Side, Side]) -> tuple[str, ...]:
    """Return the names of the trials of `null` that both runs have beside others; the first of them rules."""
    named = [name for name, row in sides[0].rows.items() if row.backend == RULER and name in sides[1].rows]
    return tuple(named) if len(sides[0].rows) > len(named) else ()


def _rules(side: Side, row: TrialRow, ruler: str) -> bool:
    """Tell whether a trial and its ruler were measured in the same rounds."""
    ruling = side.rows[ruler]
    sessions = {one.name: one.together for one in side.result.run.started.sessions}
    return usable(ruling) and ruling.session == row.session and sessions[row.session]


def _ratio(both: Sequence[tuple[Side, TrialRow]], ruler: str | None, spread: Spread, *, cpu: bool) -> Apart | None:
    """Return the ratio of a trial's latencies on one clock; None where one side has none on it."""
    before, after = (_reading(side, row, ruler, cpu=cpu) for side, row in both)
    return apart.ratio(after, before, spread) if before and after else None


def _reading(side: Side, row: TrialRow, ruler: str | None, *, cpu: bool) -> Reading | None:
    """Return a trial's latency, and against a ruler by its name."""
    trial = _series(side.taken[row.session, row.trial], cpu=cpu)
    if ruler is None:
        return apart.reading(trial, None)
    ruling = side.rows[ruler]
    return apart.reading(trial, _series(side.taken[ruling.session, ruling.trial], cpu=cpu))


def _series(measured: Taken, *, cpu: bool) -> Medians:
    return measured.series.cpu_s if cpu else measured.series.wall_s


def _twins(side: Side, row: TrialRow) -> tuple[Estimate | None, Estimate | None]:
    """Return the A/A' of a trial's session, on the wall clock and in CPU time."""
    pair = next((one for one in side.result.run.started.sessions if one.name == row.session), None)
    twin = next((trial for trial in pair.trials if trial.twin), None) if pair else None
    if twin is None:
        return None, None
    keys = (row.session, twin.id), (row.session, twin.id.removesuffix(TWIN))
    if any(key not in side.taken for key in keys):
        return None, None
    mine, other = (side.taken[key].series for key in keys)
    return latency_ratio(mine.wall_s, other.wall_s), latency_ratio(mine.cpu_s, other.cpu_s)
