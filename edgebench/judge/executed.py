"""Two counts of what was executed, set against each other: they are exact, so every difference is one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from edgebench.analysis.executed import Executed, KindExecuted
from edgebench.errors import UsageError
from edgebench.standin.counter.aarch64 import KINDS
from edgebench.standin.counter.tally import Tally

ALL = "all"
"""The first row of every part: all instructions."""

_SAME = ("model", "batch", "device", "cpu", "backend", "precision", "mult_adds")
_LANES = tuple(one.name for one in fields(Tally) if one.name != "instructions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure in both counts: of the whole (`kind` is None) or of a kind of layer."""

    kind: str | None
    what: str
    before: int
    after: int

    @property
    def difference(self) -> int:
        """How much more there is afterwards."""
        return self.after - self.before

    @property
    def ratio(self) -> float | None:
        """How many times as much there is afterwards; None where there was nothing."""
        return self.after / self.before if self.before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between two counts of one model, backend and core; rows that do not differ are kept too."""

    before: Executed
    after: Executed
    rows: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether not one figure differs."""
        return not any(row.difference for row in self.rows)


def compare(before: Sequence[Executed], after: Sequence[Executed]) -> tuple[Difference, ...]:
    """Return the differences between counts that have all but the runtime's version in common, in the first's order.

    Raise UsageError when no two belong together.
    """
    others = {_key(one): one for one in after}
    pairs = [(one, others[_key(one)]) for one in before if _key(one) in others]
    if not pairs:
        raise UsageError(f"The two counts have nothing in common to compare: {_apart(before, after)}.")
    return tuple(Difference(before=one, after=other, rows=tuple(_rows(one, other))) for one, other in pairs)


def _key(one: Executed) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in _SAME)


def _apart(before: Sequence[Executed], after: Sequence[Executed]) -> str:
    """Return the first thing in which the first counts of both differ."""
    if not before or not after:
        return "one of them is empty"
    one, other = before[0], after[0]
    name = next(name for name in _SAME if getattr(one, name) != getattr(other, name))
    return f"{name.replace('_', ' ')} is {getattr(one, name)} in the first and {getattr(other, name)} in the second"


def _rows(before: Executed, after: Executed) -> Iterator[Row]:
    yield from _of_tallies(None, before.tally, after.tally)
    ours, theirs = _by_kind(before.kinds), _by_kind(after.kinds)
    if ours and theirs:
        for kind in dict.fromkeys([*ours, *theirs]):
            yield from _of_tallies(kind, ours.get(kind, Tally()), theirs.get(kind, Tally()))


def _by_kind(kinds: tuple[KindExecuted, ...] | None) -> dict[str, Tally]:
    return {one.kind: one.tally for one in kinds or ()}


def _of_tallies(kind: str | None, before: Tally, after: Tally) -> Iterator[Row]:
    yield Row(kind=kind, what=ALL, before=before.total, after=after.total)
    figures: dict[str, tuple[int, int]] = {
        **{what: (before.of(what), after.of(what)) for what in KINDS},
        **{what: (getattr(before, what), getattr(after, what)) for what in _LANES},
    }
    for what, (one, other) in figures.items():
        if one or other:
            yield Row(kind=kind, what=what, before=one, after=other)
