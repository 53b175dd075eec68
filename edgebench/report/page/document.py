"""What a page holds, whatever it becomes: sections with sentences, charts and the rows that these were drawn from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from edgebench import units
from edgebench.untrusted import plain

Row = TypeVar("Row")

MOST_NAME = 120
"""Characters of a name that are shown; what is longer keeps its beginning and its end, the CSV file all of it."""

_TAIL = 24
_ENOUGH = 10**7  # characters that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its text, and the number it is sorted by; None: it is sorted as text, and an empty one comes last.

    `link` is a relative address that was made by `linked`, where the cell leads somewhere.
    """

    text: str
    key: float | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column by its heading; figures stand to the right."""

    name: str
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that a figure was drawn from, or that are read by themselves.

    `source` is the file of the run folder that they come from; None: of several run folders.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture as Vega-Lite, and what it shows in a sentence, for those who do not see it.

    Its colours are names of `colours.PRINTED`: variables of the page's style sheet.
    """

    name: str
    says: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One question with its answer: sentences, charts, and the rows behind them.

    A section without charts and tables says what is missing. `open`: its tables are to be read, not only looked up.
    """

    name: str
    title: str
    says: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One of the questions that the first screen answers; `more` says how many sentences were left out."""

    title: str
    says: tuple[str, ...]
    more: int = 0
    warns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole page. `answer` is the table of the first screen, and `beyond` how many rows of it stand further below."""

    title: str
    under: str
    headline: str
    answer: Table | None
    beyond: int
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]


def text(value: object) -> Cell:
    """Return a cell of text, empty for None."""
    return Cell(text="" if value is None else str(value))


def linked(shown_text: str, path: str) -> Cell:
    """Return a cell that leads to a file beside the page, given by its relative path.

    >>> linked("a run", "host/100%?.csv").link
    './host/100%25%3F.csv'
    """
    return Cell(text=shown_text, link=address(path))


def address(path: str) -> str:
    """Return the address of a file by its relative path: a path is never taken for a scheme."""
    return f"./{quote(path)}"


def seconds(value: float | None) -> Cell:
    """Return a cell of a span."""
    return _number(value, units.seconds(value))


def count(value: float | None) -> Cell:
    """Return a cell of a count such as mult-adds."""
    return _number(value, units.count(value))


def size(value: float | None) -> Cell:
    """Return a cell of bytes."""
    return _number(value, units.size(value))


def energy(value: float | None) -> Cell:
    """Return a cell of joules."""
    return _number(value, units.energy(value))


def ratio(value: float | None) -> Cell:
    """Return a cell of a ratio."""
    return _number(value, units.ratio(value))


def digits(value: float | None) -> Cell:
    """Return a cell of a plain number with three significant digits."""
    return _number(value, units.digits(value))


def whole(value: int | None) -> Cell:
    """Return a cell of a whole number.

    >>> whole(12)
    Cell(text='12', key=12.0, link=None)
    """
    return _number(value, str(value))


def share(value: float | None) -> Cell:
    """Return a cell of a share in per cent.

    >>> share(0.123)
    Cell(text='12.3 %', key=0.123, link=None)
    """
    return _number(value, "" if value is None else f"{100 * value:.1f} %")


def between(low: float | None, high: float | None) -> Cell:
    """Return a cell of an interval of seconds, sorted by its width relative to its middle.

    >>> between(0.00834, 0.00851).text
    '[8.34, 8.51]'
    """
    if low is None or high is None:
        return Cell(text="")
    return Cell(text=units.span(low, high), key=(high - low) / (high + low) if high + low else 0.0)


def _number(value: float | None, shown: str) -> Cell:
    return Cell(text="") if value is None else Cell(text=shown, key=float(value))


def shown(given: str) -> str:
    r"""Return a text of anybody's on one line of printable characters; of a long one its beginning and its end.

    A long one is told from others like it by four digits of its SHA-256.

    >>> shown("a\nnet"), len(shown("n" * 10_000))
    ('a net', 120)
    """
    if len(given) <= MOST_NAME and given.isprintable():
        return given
    line = plain(given, _ENOUGH)
    if len(line) <= MOST_NAME:
        return line
    mark = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:4]
    middle = f"... ({len(given)} characters, {mark}) ..."
    return f"{line[: MOST_NAME - _TAIL - len(middle)]}{middle}{line[-_TAIL:]}"


def shown_row(row: Row) -> Row:
    """Return a record whose texts are all fit to be shown; sentences, `reason`, may be longer than names."""
    assert is_dataclass(row)
    unfit = {
        one.name: plain(value, _MOST_REASON) if one.name.endswith("reason") else shown(value)
        for one in fields(row)
        if isinstance(value := getattr(row, one.name), str)
        if len(value) > MOST_NAME or not value.isprintable()
    }
    return replace(row, **unfit) if unfit else row  # type: ignore[type-var]  # asserted above


_MOST_REASON = 600
