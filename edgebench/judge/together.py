"""The trials of one run set against each other: each against the quickest of those that differ in one thing; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgebench.judge import compare, consequences
from edgebench.judge.compare import Compared, ComparedRow, Known, Outcome, usable
from edgebench.judge.trust import Measured
from edgebench.measure.flags import forbidding
from edgebench.measure.plan import RULER
from edgebench.store.pairs import COLUMNS, By
from edgebench.store.rows import PairRow, TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Trials of a session that differ in one thing alone: the one that all others are set against, and these."""

    against: TrialRow
    compared: tuple[Compared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the backends of one model and setting stand to the fastest of them.

    `best` is None where no figure is one of what was asked for. `behind` are those that have a latency, the quickest
    first, each with what `compare --by backend` says of it; `invalid` those whose flags make their figures INVALID.
    """

    best: TrialRow | None
    behind: tuple[ComparedRow, ...]
    invalid: tuple[TrialRow, ...]


def groups(
    trials: Iterable[TrialRow], pairs: Iterable[PairRow], by: By, known: Known, baseline: str | None = None
) -> Iterator[Group]:
    """Yield the groups of trials that differ in `by` alone, as far as one of each has a latency.

    All are set against the quickest whose flags do not make it INVALID, or the one that has `baseline`. Twins stand
    in none; nor does a ruler beside runtimes, which is none.
    """
    paired = {(pair.session, frozenset((pair.subject, pair.baseline))): pair for pair in pairs if pair.by == by}
    found: dict[tuple[object, ...], list[TrialRow]] = {}
    for row in trials:
        if not row.twin:
            found.setdefault(_others(row, by), []).append(row)
    for whole in found.values():
        runtimes = [row for row in whole if row.backend != RULER]
        members = runtimes or whole if by == "backend" and baseline != RULER else whole
        against = _against(members, by, baseline)
        if against is not None:
            compared = (
                _paired(against, row, paired.get((row.session, frozenset((against.trial, row.trial)))), known)
                for row in members
                if row is not against
            )
            yield Group(against=against, compared=tuple(compared))


def standings(trials: Iterable[TrialRow], pairs: Iterable[PairRow], known: Known) -> tuple[Standing, ...]:
    """Return how the backends of each model and setting stand, all told from the fastest together."""
    rows = list(trials)
    found = sorted(groups(rows, pairs, "backend", known), key=lambda group: _others(group.against, "backend"))
    judged = iter(compare.rows([one for group in found for one in group.compared], known, None))
    return tuple(_standing(group, [next(judged) for _ in group.compared]) for group in found)


def _standing(group: Group, judged: Sequence[ComparedRow]) -> Standing:
    measured = [group.against, *(one.after for one in group.compared if one.after is not None and usable(one.after))]
    invalid = tuple(row for row in measured if _is_invalid(row))
    without = {row.trial for row in invalid}
    told = [row for row in judged if row.outcome != Outcome.LOST and row.after not in without]
    valid = not _is_invalid(group.against)
    return Standing(
        best=group.against if valid else None,
        behind=tuple(sorted(told, key=lambda row: row.latency_after_s or 0.0)) if valid else (),
        invalid=invalid,
    )


def _is_invalid(row: TrialRow) -> bool:
    return bool(forbidding(row.flags.split()))


def _others(row: TrialRow, by: By) -> tuple[object, ...]:
    return row.session, *(getattr(row, column) for name, column in COLUMNS.items() if name != by)


def _against(members: Sequence[TrialRow], by: By, baseline: str | None) -> TrialRow | None:
    done = [row for row in members if usable(row)]
    if baseline is not None:
        return next((row for row in done if str(getattr(row, COLUMNS[by])) == baseline), None)
    return min(done, key=lambda row: (_is_invalid(row), row.latency_p50_s or 0.0), default=None)


def _paired(before: TrialRow, after: TrialRow, pair: PairRow | None, known: Known) -> Compared:
    if pair is None:
        return Compared(before=before, after=after, taken="together", measured=Measured(wall=None))
    measured = consequences.measured_of(pair, known.reliable)
    measured = replace(measured, flags=measured.flags.union(before.flags.split(), after.flags.split()))
    if pair.subject != after.trial:
        measured = consequences.turned(measured)
    return Compared(before=before, after=after, taken="together", measured=measured)
