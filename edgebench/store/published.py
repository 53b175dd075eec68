"""Published measurements of real boards: `edgebench/reference/latency`, read into records.

Beside this program's own runs they are the evidence of claims. What a file there means: docs/published_latency.md.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebench import architectures, tomlfile
from edgebench.errors import UsageError
from edgebench.store import csvfile

Processor = Literal["cpu", "gpu", "npu"]
BoardKind = Literal["embedded", "phone", "pc", "server"]

NO_LICENCE = "none"
"""The licence of a source whose rows may not be shipped: it has derived figures alone."""

SOURCES, BOARDS, NAMES, DERIVED = "sources.toml", "boards.csv", "names.csv", "derived.csv"

_STRICT: Any = {"extra": "forbid", "strict": True}
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BY_FILE = ("source",)  # what the name of a file of rows says


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows come from: `rows` says how one is found there, `version` what stands for the runtime's version.

    `weights` and `warm_up` are of all its rows; None: the source does not say.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    title: str
    url: str
    licence: str  # SPDX, or "none"
    copyright: str
    read: str  # date
    rows: str
    version: str
    weak_points: tuple[str, ...]
    weights: str | None = None
    warm_up: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board as a source names it; `device` is its kind in devices/, where there is one."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    source: str
    board: str  # the short name that rows use
    kind: BoardKind
    device: str | None = None
    processor: str | None = None  # as the source says, where its name does not
    named: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """Which of our models a source means by a name, and why; without a model its rows are left out for that reason.

    `side` is the side of the input where the source states one.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    source: str
    named: str
    side: int | None = None
    model: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One published latency: `statistic` of `runs` calls with `batch` images each. None: the source does not say.

    `settings` is what else was set (cores, layout), `run` the number of a run where a source has several. `doubt` says
    why a figure cannot be what it claims to be.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    source: str
    board: str
    date: str | None = None
    runtime: str
    version: str | None = None
    backend: Processor
    threads: int | None = None
    precision: str | None = None
    batch: int
    statistic: Literal["mean", "inverse throughput", "not stated"]
    runs: int | None = None
    settings: str | None = None
    run: int | None = None
    model: str
    named: str
    latency_s: float
    line: int | None = None  # of the source's file
    note: str | None = None
    doubt: str | None = None

    def __post_init__(self) -> None:
        """Refuse values that no measurement has."""
        if not (math.isfinite(self.latency_s) and self.latency_s > 0):
            raise ValueError(f"latency_s is {self.latency_s}: expected seconds above 0")
        for name in ("batch", "threads", "runs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: expected an integer from 1")
        if self.date is not None and not _DATE.fullmatch(self.date):
            raise ValueError(f"date is {self.date!r}: expected YYYY-MM-DD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A ratio of two measurements of a source whose rows may not be shipped; models as the source names them."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    source: str
    board: str
    runtime: str
    quantity: Literal["latency_ratio", "energy_ratio", "energy_above_idle_ratio"]
    subject: str
    baseline: str
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All that was published of the project's networks; boards by source and short name."""

    sources: dict[str, Source]
    boards: dict[tuple[str, str], Board]
    rows: tuple[Row, ...]
    derived: tuple[Derived, ...]


def folder() -> Path:
    """Return where the published measurements stand."""
    return Path(str(files("edgebench.reference"))) / "latency"


def read(path: Path | None = None) -> Published:
    """Return the published measurements; raise UsageError that names file, line and what was expected."""
    path = path or folder()
    known: dict[str, Source] = tomlfile.read(path / SOURCES, dict[str, Source])
    by_name = {(board.source, board.board): board for board in boards(path)}
    for source, name in by_name:
        _check_source(source, known, f"{path / BOARDS}, board {name}")
    rows = tuple(
        row
        for source in sorted(known)
        if _has_rows(path / f"{source}.csv", known[source])
        for row in _rows(path / f"{source}.csv", source, by_name)
    )
    derived = tuple(_derived(path / DERIVED, known))
    return Published(sources=known, boards=by_name, rows=rows, derived=derived)


def boards(path: Path | None = None) -> tuple[Board, ...]:
    """Return all boards, in the order of their file."""
    path = (path or folder()) / BOARDS
    found: dict[tuple[str, str], Board] = {}
    for line, board in csvfile.lines(path, Board):
        key = (board.source, board.board)
        if key in found:
            raise UsageError(f"{path}, line {line}: {board.board} of {board.source} stands there twice: expected once.")
        found[key] = board
    return tuple(found.values())


def names(path: Path | None = None) -> dict[tuple[str, str, int | None], Name]:
    """Return what the sources' names of models mean, by source, name and side of the input."""
    path = (path or folder()) / NAMES
    found: dict[tuple[str, str, int | None], Name] = {}
    for line, name in csvfile.lines(path, Name):
        key = (name.source, name.named, name.side)
        if key in found:
            raise UsageError(f"{path}, line {line}: {name.named} of {name.source} stands there twice: expected once.")
        if name.model is not None:
            _check_model(name.model, f"{path}, line {line}")
        found[key] = name
    return found


def columns(kind: type[Any]) -> tuple[str, ...]:
    """Return the columns of the file that holds such records; those of rows have their source as the file's name."""
    return csvfile.columns(kind, _BY_FILE if kind is Row else ())


def _has_rows(path: Path, source: Source) -> bool:
    if source.licence != NO_LICENCE:
        return True
    if path.exists():
        raise UsageError(
            f"{path}: holds rows of a source without a licence: expected derived figures alone, {DERIVED}."
        )
    return False


def _rows(path: Path, source: str, boards: dict[tuple[str, str], Board]) -> Iterator[Row]:
    seen: set[Any] = set()
    models: set[str] = set()
    for line, row in csvfile.lines(path, Row, source=source):
        if (source, row.board) not in boards:
            raise UsageError(f"{path}, line {line}: board {row.board!r} is unknown: expected one of {BOARDS}.")
        if row.model not in models:
            _check_model(row.model, f"{path}, line {line}")
            models.add(row.model)
        key = (row.model, row.named, *conditions(row))
        if key in seen:
            raise UsageError(f"{path}, line {line}: measures the same as an earlier line: expected each row once.")
        seen.add(key)
        yield row


def conditions(row: Row) -> tuple[object, ...]:
    """Return all that two measurements must share for their ratio to be one of the models alone."""
    return (
        row.source,
        row.board,
        row.date,
        row.runtime,
        row.version,
        row.backend,
        row.threads,
        row.precision,
        row.batch,
        row.statistic,
        row.runs,
        row.settings,
        row.run,
    )


def _derived(path: Path, known: dict[str, Source]) -> Iterator[Derived]:
    for line, figure in csvfile.lines(path, Derived):
        _check_source(figure.source, known, f"{path}, line {line}")
        if not (math.isfinite(figure.ratio) and figure.ratio > 0):
            raise UsageError(f"{path}, line {line}: ratio is {figure.ratio}: expected a number above 0.")
        yield figure


def _check_source(source: str, known: dict[str, Source], where: str) -> None:
    if source not in known:
        raise UsageError(f"{where}: source {source!r} is unknown: expected one of {', '.join(sorted(known))}.")


def _check_model(spec: str, where: str) -> None:
    """Refuse a specification that is none, or not written as the program writes it: rows are compared by it."""
    try:
        canonical = architectures.name(architectures.parse(spec))
    except UsageError as error:
        raise UsageError(f"{where}: model {spec!r} is none: {error}") from None
    if canonical != spec:
        raise UsageError(f"{where}: model is {spec!r}: expected it as {canonical!r}.")
