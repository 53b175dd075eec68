"""Networks measured under the same conditions: a board or unit, a runtime, one setting, and a latency for each."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from edgebench.judge.published import Arithmetic, Pair, age, arithmetic, missing
from edgebench.judge.trust import forbidding
from edgebench.store.published import Processor, Row, conditions
from edgebench.store.rows import TrialRow

RUNS = "runs"
"""The source of what this program measured itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where networks were measured, and how; None: the source does not say.

    `chosen`: the one setting that speaks for this board and runtime. `judged`: it is described well enough for that.
    """

    source: str
    board: str
    runtime: str
    version: str | None
    processor: Processor
    arithmetic: Arithmetic
    precision: str | None
    threads: int | None
    batch: int
    settings: str | None
    chosen: bool
    judged: bool

    @property
    def own(self) -> bool:
        """Whether this program measured there."""
        return self.source == RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """The latency of a call of each network at a place, in seconds."""

    place: Place
    latency_s: Mapping[str, float]


def measured(rows: Iterable[TrialRow]) -> Iterator[Measurements]:
    """Yield what this program measured at each place: networks of all sessions together, as no ratio is taken of them.

    A network that several sessions measured stands with the geometric mean. Twins, layers by themselves, and figures of
    something else than was asked for are left out.
    """
    found: defaultdict[Place, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.latency_p50_s is not None and not (
            row.twin or row.model.startswith("layer:") or forbidding(row.flags.split())
        ):
            found[_own(row)][row.model].append(row.latency_p50_s)
    for place, networks in found.items():
        means = {model: math.exp(fmean(map(math.log, times))) for model, times in networks.items()}
        yield Measurements(place=place, latency_s=means)


def _own(row: TrialRow) -> Place:
    return Place(
        source=RUNS,
        board=row.unit,
        runtime=row.backend,
        version=None,
        processor="gpu" if row.own_cpu is False else "cpu",
        arithmetic="integer" if row.precision_asked.startswith("int") else "float",
        precision=row.precision_asked,
        threads=row.threads_asked,
        batch=row.batch,
        settings=None,
        chosen=True,
        judged=True,
    )


def published(rows: Iterable[Row]) -> tuple[Measurements, ...]:
    """Return every setting of every board with one input a call, as on an edge device; doubtful figures are left out.

    Of each board and runtime one setting is chosen, if possible one that is described well enough to be judged: that of
    the most networks, then the latest, then the fastest.
    """
    settings: defaultdict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row.batch == 1 and row.doubt is None:
            settings[conditions(row)].append(row)
    boards: defaultdict[tuple[object, ...], list[tuple[Row, dict[str, float]]]] = defaultdict(list)
    for members in settings.values():
        boards[_board(members[0])].append((members[0], _latencies(members)))
    return tuple(one for found in boards.values() for one in _of_board(found))


def _board(row: Row) -> tuple[object, ...]:
    return (row.source, row.board, row.runtime, row.backend, arithmetic(row))


def _latencies(rows: Iterable[Row]) -> dict[str, float]:
    """Return the latency of each network; of two builds of one the faster."""
    found: dict[str, float] = {}
    for row in rows:
        found[row.model] = min(row.latency_s, found.get(row.model, math.inf))
    return found


def _of_board(settings: Iterable[tuple[Row, dict[str, float]]]) -> Iterator[Measurements]:
    """Yield the settings of one board and runtime, the chosen one first."""
    ordered = sorted(settings, key=lambda one: fmean(map(math.log, one[1].values())))
    ordered.sort(key=lambda one: age(one[0]), reverse=True)  # sorting keeps the order of what is equal
    ordered.sort(key=lambda one: (not _judged(one[0]), -len(one[1])))
    for number, (row, latencies) in enumerate(ordered):
        yield Measurements(place=_place(row, chosen=number == 0), latency_s=latencies)


def _judged(row: Row) -> bool:
    return not missing(Pair(subject=row, baseline=row))


def _place(row: Row, *, chosen: bool) -> Place:
    return Place(
        source=row.source,
        board=row.board,
        runtime=row.runtime,
        version=row.version,
        processor=row.backend,
        arithmetic=arithmetic(row),
        precision=row.precision,
        threads=row.threads,
        batch=row.batch,
        settings=row.settings,
        chosen=chosen,
        judged=_judged(row),
    )
