"""What published measurements say of two models: on how many boards the ratio of their latencies is as asked.

They have no interval, so their answer is "k of n boards", never a verdict. Which rows are compared, which of them vote
and which vote a board has: docs/published_latency.md.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from edgebench.errors import UsageError
from edgebench.store.published import Board, BoardKind, Processor, Row, conditions

Relation = Literal["above", "at_least", "at_most", "between"]
Arithmetic = Literal["float", "integer"]

_HOLDS: Mapping[Relation, Callable[[float, float | None, float | None], bool]] = {
    "above": lambda ratio, low, _: low is not None and ratio > low,
    "at_least": lambda ratio, low, _: low is not None and ratio >= low,
    "at_most": lambda ratio, _, high: high is not None and ratio <= high,
    "between": lambda ratio, low, high: low is not None and high is not None and low <= ratio <= high,
}
_BOUNDS: Mapping[Relation, tuple[bool, bool]] = {
    "above": (True, False),
    "at_least": (True, False),
    "at_most": (False, True),
    "between": (True, True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a ratio; only `above` leaves its bound out. A tie is neither faster nor slower.

    >>> Asked(relation="above", low=1.0).holds(1.0), Asked(relation="at_least", low=1.0).holds(1.0)
    (False, True)
    """

    relation: Relation
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that the relation does not have, or lacks, or that are the wrong way round."""
        if (self.low is not None, self.high is not None) != _BOUNDS[self.relation]:
            raise ValueError(f"{self.relation} has low={self.low} and high={self.high}")
        if not all(math.isfinite(bound) for bound in (self.low, self.high) if bound is not None):
            raise ValueError(f"{self.relation} has a bound that is no number: {self.low}, {self.high}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.relation} has low={self.low} above high={self.high}")

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio is as asked."""
        return _HOLDS[self.relation](ratio, self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models measured under the same conditions."""

    subject: Row
    baseline: Row

    @property
    def ratio(self) -> float:
        """Return the ratio of latencies, subject / baseline."""
        return self.subject.latency_s / self.baseline.latency_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one board says with one runtime: each model at its own best among the pairs of one set-up."""

    source: str
    board: str
    runtime: str
    backend: Processor
    arithmetic: Arithmetic
    subject: Row
    baseline: Row

    @property
    def ratio(self) -> float:
        """Return the ratio of the best latencies, subject / baseline."""
        return self.subject.latency_s / self.baseline.latency_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Ratios of all pairs of rows, those that do not vote too; `board_median` is the median of the boards' medians."""

    rows: int
    boards: int
    holding: int
    median: float
    board_median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What boards of one kind of processor say: `holding` of `boards`, median and range of their votes.

    A board counts once for each runtime. `unjudged` says why pairs did not vote, and how many; one pair may have more
    than one reason. `rows` are all pairs, for the eye.
    """

    backend: Processor
    arithmetic: Arithmetic
    asked: Asked
    holding: int
    boards: int
    median: float | None
    low: float | None
    high: float | None
    votes: tuple[Vote, ...]
    rows: Spread
    unjudged: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """Return the answer as it is printed everywhere."""
        return f"{self.holding} of {self.boards} boards" if self.boards else "no board can be judged"


def answers(rows: Iterable[Row], subject: str, baseline: str, asked: Asked) -> tuple[Answer, ...]:
    """Return the answer of each kind of processor and arithmetic of which there are rows, CPUs first."""
    found: defaultdict[tuple[Processor, Arithmetic], list[Pair]] = defaultdict(list)
    for pair in pairs(rows, subject, baseline):
        found[pair.subject.backend, arithmetic(pair.subject)].append(pair)
    return tuple(_answer(found[kind], asked) for kind in sorted(found))


def pairs(rows: Iterable[Row], subject: str, baseline: str) -> tuple[Pair, ...]:
    """Return the rows of two models, by specification, that were measured under the same conditions.

    Where a source has two builds of a model, each makes a pair.
    """
    if subject == baseline:
        raise UsageError(f"Found {subject} on both sides of a ratio: expected two models.")
    found: defaultdict[tuple[object, ...], tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for row in rows:
        if row.model in (subject, baseline):
            found[conditions(row)][row.model == baseline].append(row)
    return tuple(
        Pair(subject=above, baseline=below)
        for subjects, baselines in found.values()
        for above in subjects
        for below in baselines
    )


def missing(pair: Pair) -> tuple[str, ...]:
    """Return why a pair cannot be judged; empty when it votes.

    Threads are asked of CPUs alone: on a GPU or NPU they are those of the host.
    """
    row = pair.subject
    reasons = {
        "no precision": row.precision is None,
        "no threads": row.threads is None and row.backend == "cpu",
        "no version": row.version is None,
        "doubtful": row.doubt is not None or pair.baseline.doubt is not None,
    }
    return tuple(reason for reason, given in reasons.items() if given)


def on(rows: Iterable[Row], boards: Mapping[tuple[str, str], Board], kinds: Collection[BoardKind]) -> tuple[Row, ...]:
    """Return the rows of boards of these kinds."""
    return tuple(row for row in rows if boards[row.source, row.board].kind in kinds)


def votes(pairs: Iterable[Pair]) -> tuple[Vote, ...]:
    """Return one vote for each board and runtime that has a pair to judge, in alphabetical order."""
    found: defaultdict[tuple[str, str, str, Processor, Arithmetic], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if not missing(pair):
            row = pair.subject
            found[row.source, row.board, row.runtime, row.backend, arithmetic(row)].append(pair)
    return tuple(_vote(found[board]) for board in sorted(found))


def arithmetic(row: Row) -> Arithmetic:
    """Tell integer from floating point; what a source leaves open is the latter, its default.

    The names of integer precisions are int8 and w8a8, w8a16 (weights and activations), with what follows them.
    """
    return "integer" if (row.precision or "").startswith(("int", "w8", "w4")) else "float"


def spread(pairs: Sequence[Pair], asked: Asked) -> Spread:
    """Return how the ratios of pairs, at least one, are spread."""
    boards: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for pair in pairs:
        boards[pair.subject.source, pair.subject.board].append(pair.ratio)
    ratios = [pair.ratio for pair in pairs]
    return Spread(
        rows=len(pairs),
        boards=len(boards),
        holding=sum(map(asked.holds, ratios)),
        median=median(ratios),
        board_median=median(map(median, boards.values())),
        low=min(ratios),
        high=max(ratios),
    )


def _answer(pairs: Sequence[Pair], asked: Asked) -> Answer:
    said = votes(pairs)
    ratios = [vote.ratio for vote in said]
    reasons = Counter(reason for pair in pairs for reason in missing(pair))
    return Answer(
        backend=pairs[0].subject.backend,
        arithmetic=arithmetic(pairs[0].subject),
        asked=asked,
        holding=sum(map(asked.holds, ratios)),
        boards=len(said),
        median=median(ratios) if ratios else None,
        low=min(ratios, default=None),
        high=max(ratios, default=None),
        votes=said,
        rows=spread(pairs, asked),
        unjudged=tuple(sorted(reasons.items())),
    )


def _vote(pairs: Sequence[Pair]) -> Vote:
    """Return the vote of one board and runtime: each model's best time over threads, cores and runs of one set-up."""
    chosen = _setup(pairs)
    row = chosen[0].subject
    return Vote(
        source=row.source,
        board=row.board,
        runtime=row.runtime,
        backend=row.backend,
        arithmetic=arithmetic(row),
        subject=_best([pair.subject for pair in chosen]),
        baseline=_best([pair.baseline for pair in chosen]),
    )


def _setup(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """Return the pairs of the set-up that a user would take: smallest batch, then latest version, then fastest."""
    batch = min(pair.subject.batch for pair in pairs)
    pairs = [pair for pair in pairs if pair.subject.batch == batch]
    latest = max(age(pair.subject) for pair in pairs)
    setups: defaultdict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if age(pair.subject) == latest:
            setups[pair.subject.precision or "", pair.subject.statistic].append(pair)
    return min(setups.items(), key=lambda setup: (_speed(setup[1]), setup[0]))[1]


def age(row: Row) -> tuple[str, list[int], str]:
    """Return what sorts rows of one board and runtime from the oldest to the latest: date, then version."""
    version = row.version or ""
    return (row.date or "", [int(digits) for digits in re.findall("[0-9]+", version)], version)


def _speed(pairs: Sequence[Pair]) -> float:
    """Return the product of both models' best times, so that neither weighs more."""
    subject, baseline = _best([pair.subject for pair in pairs]), _best([pair.baseline for pair in pairs])
    return subject.latency_s * baseline.latency_s


def _best(rows: Iterable[Row]) -> Row:
    return min(rows, key=lambda row: (row.latency_s, str(row)))  # the text makes ties unambiguous
