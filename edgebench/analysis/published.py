"""Figures that papers, releases and libraries print of networks, and what counting gives in their place.

A source is an entry in `edgebench/reference/figures/sources.toml` and a table beside it, SOURCE.csv; why a figure does
not come out, or is not counted, is a sentence in `reasons.toml`, and its name stands in the row.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from edgebench import tomlfile
from edgebench.analysis import convention, printed
from edgebench.analysis.cost import Cost
from edgebench.analysis.printed import Comparison, Printed, Verdict
from edgebench.errors import UsageError

_SOURCES = "sources.toml"
_REASONS = "reasons.toml"


class Confidence(StrEnum):
    """How sure it is that a source prints a figure."""

    READ = "read"  # in the file that the row names
    RECOUNTED = "recounted"  # quoted without the source at hand, and confirmed by counting
    RECALLED = "recalled"  # quoted without the source at hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who prints figures: a paper, a release, a library."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    title: str
    cite: str
    note: str = ""  # how it prints and counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A printed number of mult-adds or parameters, and what to count for it."""

    printed: Printed
    model: str
    layers: tuple[str, ...]  # count these alone, and those inside them; empty: all
    convention: tuple[str, ...]
    reason: str  # why it does not come out; empty where it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a source prints in one place: facts as they stand there, empty where it prints none."""

    source: str
    id: str
    table: str
    network: str
    variant: str
    resolution: str
    model: str  # the specification of the same network; empty: left out
    mult_adds: Figure | None
    params: Figure | None
    printed_mult_adds: str
    printed_params: str
    top1: str  # per cent
    top5: str
    device: str
    latency_ms: str
    read_in: str
    confidence: Confidence
    left_out: str  # the reason why nothing is counted; empty where a model is
    note: str


class Status(StrEnum):
    """What became of a row."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    NO_COUNT = "no count printed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A figure, counted."""

    figure: Figure
    counted: int
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A row, counted."""

    row: Row
    mult_adds: Outcome | None
    params: Outcome | None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Those of the figures that are printed and counted."""
        return tuple(outcome for outcome in (self.mult_adds, self.params) if outcome is not None)

    @property
    def status(self) -> Status:
        """Whether all of its figures come out, rounded or cut off."""
        if self.row.left_out:
            return Status.LEFT_OUT
        if not self.outcomes:
            return Status.NO_COUNT
        differs = any(outcome.comparison.verdict is Verdict.DIFFERS for outcome in self.outcomes)
        return Status.DIFFERS if differs else Status.REPRODUCED


def sources() -> dict[str, Source]:
    """Return every source by its name, in the order in which they are to be shown."""
    return tomlfile.read(folder() / _SOURCES, dict[str, Source])


def reasons() -> dict[str, str]:
    """Return why figures do not come out, or are not counted: sentences by their names."""
    return tomlfile.read(folder() / _REASONS, dict[str, str])


def rows(source: str) -> tuple[Row, ...]:
    """Return the rows of a source in their order; raise UsageError for one that is none."""
    path = folder() / f"{source}.csv"
    known = reasons()
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file, restval="")
        if lines.fieldnames != list(COLUMNS):
            raise UsageError(f"{path}: the columns are {lines.fieldnames}: expected {', '.join(COLUMNS)}.")
        found = tuple(_row(source, cells, known, f"{path}, line {lines.line_num}") for cells in lines)
    if len({row.id for row in found}) < len(found):
        raise UsageError(f"{path}: two rows have the same id: expected another for each.")
    return found


def models(wanted: Iterable[Row]) -> Iterator[str]:
    """Yield the specification of each network that has to be counted for these rows, each once."""
    figures = (figure for row in wanted for figure in (row.mult_adds, row.params) if figure is not None)
    yield from dict.fromkeys(figure.model for figure in figures)


def reproduce(row: Row, costs: Mapping[str, Cost]) -> Reproduction:
    """Return what counting gives for a row; `costs` holds the cost of each model that the row names."""
    return Reproduction(
        row=row,
        mult_adds=None if row.mult_adds is None else _outcome(row.mult_adds, costs, "operations"),
        params=None if row.params is None else _outcome(row.params, costs, "params"),
    )


def complaints(reproduced: Iterable[Reproduction]) -> Iterator[str]:
    """Yield a sentence for each figure that differs without a reason, and for each that comes out with one."""
    for one in reproduced:
        for name, outcome in (("mult_adds", one.mult_adds), ("params", one.params)):
            if outcome is None:
                continue
            where = f"{one.row.source}/{one.row.id}: {name} {outcome.figure.printed.text}"
            counted = printed.like(outcome.figure.printed, outcome.counted)
            if outcome.comparison.verdict is Verdict.DIFFERS and not outcome.figure.reason:
                yield f"{where} is counted as {counted}: expected the name of a reason in {name}_reason."
            if outcome.comparison.verdict is not Verdict.DIFFERS and outcome.figure.reason:
                yield f"{where} comes out ({counted}): expected no reason."


def folder() -> Path:
    """Return the folder of the data."""
    return Path(str(files("edgebench.reference"))) / "figures"


def _outcome(figure: Figure, costs: Mapping[str, Cost], name: str) -> Outcome:
    counted = convention.figures(_part(costs[figure.model], figure), convention.parse(figure.convention))
    value: int = getattr(counted, name)
    return Outcome(figure=figure, counted=value, comparison=printed.compare(figure.printed, value))


def _part(cost: Cost, figure: Figure) -> Cost:
    if not figure.layers:
        return cost
    wanted = tuple(layer for layer in cost.layers if _inside(layer.name, figure.layers))
    missing = [name for name in figure.layers if not any(_inside(layer.name, (name,)) for layer in wanted)]
    if missing:
        raise UsageError(
            f"{figure.model} has no layer {missing[0]}: expected names as `edgebench count --layers` says."
        )
    return Cost(layers=wanted)


def _inside(layer: str, names: tuple[str, ...]) -> bool:
    return any(layer == name or layer.startswith(f"{name}.") for name in names)


# A row's columns; params_model is given where the parameters are not those of `model`.
COLUMNS = (
    *("id", "table", "network", "variant", "resolution", "mult_adds", "params", "top1", "top5", "device", "latency_ms"),
    *("read_in", "confidence", "model", "layers", "mult_adds_convention", "mult_adds_reason"),
    *("params_model", "params_convention", "params_reason", "left_out", "note"),
)
_NUMBERS = ("resolution", "top1", "top5", "latency_ms")
_FACTS = (  # columns that a row takes as they are
    *("id", "table", "network", "variant", "resolution", "model", "top1", "top5", "device", "latency_ms"),
    *("read_in", "left_out", "note"),
)


def _row(source: str, cells: Mapping[str, str], known: Mapping[str, str], where: str) -> Row:
    _check(cells, known, where)
    facts = {name: cells[name] for name in _FACTS}
    try:
        return Row(
            **facts,
            source=source,
            confidence=Confidence(cells["confidence"]),
            printed_mult_adds=cells["mult_adds"],
            printed_params=cells["params"],
            mult_adds=_figure(cells, "mult_adds", cells["model"]),
            params=_figure(cells, "params", cells["params_model"] or cells["model"]),
        )
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _check(cells: Mapping[str, str], known: Mapping[str, str], where: str) -> None:
    if bool(cells["model"]) == bool(cells["left_out"]):
        raise UsageError(f"{where}: has {'both' if cells['model'] else 'neither'} of model and left_out: expected one.")
    if cells["confidence"] not in set(Confidence):
        raise UsageError(f"{where}: confidence is {cells['confidence']!r}: expected {', '.join(Confidence)}.")
    for column in ("mult_adds_reason", "params_reason", "left_out"):
        if cells[column] and cells[column] not in known:
            raise UsageError(f"{where}: {column} is {cells[column]!r}: expected the name of a sentence in {_REASONS}.")
    for column in _NUMBERS:
        if cells[column] and not cells[column].replace(".", "", 1).isdecimal():
            raise UsageError(f"{where}: {column} is {cells[column]!r}: expected a number.")


def _figure(cells: Mapping[str, str], name: str, model: str) -> Figure | None:
    if not cells[name] or not model:
        return None
    return Figure(
        printed=printed.parse(cells[name]),
        model=model,
        layers=tuple(cells["layers"].split()),
        convention=tuple(cells[f"{name}_convention"].split()),
        reason=cells[f"{name}_reason"],
    )
