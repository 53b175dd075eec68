"""Read a CSV file into records; what is wrong with it becomes one sentence with file, line and what was expected."""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from edgebench.errors import UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_EXPECTED = {"literal_error": "one of {expected}", "missing": "a value"}
_PLAIN = {  # pydantic would also take "1_000", " 7" and, for an integer, "1.0"
    int: (re.compile("[0-9]+"), "an integer in plain digits"),
    float: (re.compile("[0-9]+(?:[.][0-9]+)?"), "a number in plain digits"),
}


_FORMULA = re.compile(r"[=+\-@\t\r].")  # what makes a spreadsheet compute a cell of text
_QUOTE = "'"


def shown(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes: one that could be a formula gets a quote before it.

    >>> shown("=HYPERLINK(1)"), shown("-1.5"), shown("mobilenet_v1")
    ("'=HYPERLINK(1)", '-1.5', 'mobilenet_v1')
    """
    return f"{_QUOTE}{text}" if _FORMULA.match(text.lstrip(_QUOTE)) and not _is_number(text) else text


def read_back(cell: str) -> str:
    """Return the text that `shown` made a cell of.

    >>> read_back("'=HYPERLINK(1)"), read_back("'quoted'")
    ('=HYPERLINK(1)', "'quoted'")
    """
    text = cell.removeprefix(_QUOTE)
    return text if shown(text) == cell else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def columns(kind: type[Any], given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the columns of a file of such records: the fields that are not given otherwise."""
    return tuple(field.name for field in fields(kind) if field.name not in given)


def lines(path: Path, kind: type[T], **given: str) -> Iterator[tuple[int, T]]:
    """Yield the number of each line with its record, a dataclass with `__pydantic_config__`; raise UsageError.

    An empty cell is a value that is missing. `given` are fields that have no column.
    """
    from pydantic import TypeAdapter

    adapter: TypeAdapter[T] = TypeAdapter(kind)
    wanted, numbers = columns(kind, given), _numbers(kind)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            if tuple(next(reader, ())) != wanted:
                raise UsageError(f"{path}, line 1: expected the columns {','.join(wanted)}.")
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if len(cells) != len(wanted):
                    raise UsageError(f"{where}: has {len(cells)} cells: expected {len(wanted)}.")
                values = {name: cell for name, cell in zip(wanted, cells, strict=True) if cell}
                _check_numbers(numbers, values, where)
                yield reader.line_num, _record(adapter, {**given, **values}, where)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): expected a CSV file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8: expected a CSV file.") from None
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: is not CSV: {error}.") from None


def _check_numbers(numbers: dict[str, type[Any]], values: dict[str, str], where: str) -> None:
    for name, number in numbers.items():
        plain, expected = _PLAIN[number]
        if name in values and not plain.fullmatch(values[name]):
            raise UsageError(f"{where}: {name} is {values[name]!r}: expected {expected}.")


def _numbers(kind: type[Any]) -> dict[str, type[Any]]:
    """Return the fields that hold numbers, with int or float: X for X | None."""
    found: dict[str, type[Any]] = {}
    for name, hint in get_type_hints(kind).items():
        (one, *others) = [part for part in get_args(hint) or (hint,) if part is not NoneType]
        if not others and one in _PLAIN:
            found[name] = one
    return found


def _record(adapter: "TypeAdapter[T]", values: dict[str, str], where: str) -> T:
    from pydantic import ValidationError

    try:
        return adapter.validate_strings(values, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        context = first.get("ctx", {})
        if "error" in context:  # a record's own check, in its __post_init__
            raise UsageError(f"{where}: {context['error']}.") from None
        column = str(first["loc"][0])
        expected = _EXPECTED.get(first["type"], first["msg"]).format(**context)
        raise UsageError(f"{where}: {column} is {values.get(column, '')!r}: expected {expected}.") from None
