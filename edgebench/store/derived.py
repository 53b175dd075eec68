"""Read what was derived from a run: its tables as records, its context; the journal and the samples are not touched.

However many samples a run holds, this takes time and memory by its trials and rounds alone.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from edgebench.errors import UsageError
from edgebench.store.folder import TRIALS, run_folders
from edgebench.store.rows import Images
from edgebench.untrusted import plain

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Convert = Callable[[str], Any]

CONTEXT = "context.json"

MOST_BYTES = 64 * 2**20
"""Of a file that is read here."""

_TRUTH = {"True": True, "False": False}
_TRIAL = re.compile(r".+(\|[^|]+){2}\|threads=[0-9]{1,9}\|batch=[0-9]{1,9}(\|twin)?", re.DOTALL)
_POSITIVE = re.compile(
    r"latency_.+|burst_p50_s|sustained_p50_s|(.+_)?ratio(_.+)?|transfer(_.+)?|bound_s|direct_s|batch|threads(_asked)?"
)
"""Numbers above 0: what is divided by, or drawn on a logarithmic axis."""
_COUNT = re.compile(r"mult_adds.*|params|.+_params|invocations|samples|rounds|images")
"""Numbers that are not below 0; all others may have either sign."""
_LARGEST = 1e30  # beyond any span, count or clock; what is computed of such numbers stays finite
_MOST_CELL = 2**20  # characters; Python's own limit is 2**17
_IN_TABLES = ("trials", "sessions", "files", "footprints_s")  # of context.json: what other tables tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all rows of a run have in common. `settings` are all leaves of context.json by their path, as text.

    `absent` tells of each signal of the machine that could not be read why, session by session merged.
    """

    unit: str
    device: str
    started: str
    ended: str | None
    edgebench_version: str
    emulated: bool
    versions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[tuple[str, str], ...] = ()
    images: Images | None = None


def with_tables(path: Path) -> tuple[Path, ...]:
    """Return the run folders below a folder that have tables; raise UsageError when there is none."""
    runs = run_folders(path)
    found = tuple(one for one in runs if (one / TRIALS).is_file())
    if not found:
        raise UsageError(f"{path} holds no {TRIALS}: make the tables of a run with `edgebench recompute {runs[0]}`.")
    return found


def records(path: Path, kind: type[T]) -> tuple[T, ...]:
    """Return the rows of a table as records of `kind`; raise UsageError for what is no such table.

    A column that the file does not have is empty, as in a run of an earlier version; an unknown one is not read.
    """
    return tuple(_records(path, kind))


def _records(path: Path, kind: type[T]) -> Iterator[T]:
    converters, empty = _converters(kind)
    for number, row in _lines(path):
        values = dict(empty)
        for name, convert in converters.items():
            cell = row.get(name)
            if cell:
                try:
                    values[name] = convert(cell)
                except (ValueError, KeyError):
                    raise UsageError(_wrong(path, f"line {number}: {name}", cell)) from None
        lacking = [name for name in converters if name not in values]
        if lacking:
            raise UsageError(_lacking(path, f"line {number}: {lacking[0]}"))
        _check_intervals(values, f"{path}, line {number}")
        yield kind(**values)


def _check_intervals(values: Mapping[str, Any], where: str) -> None:
    """Raise UsageError for an interval of a latency or a ratio that lacks an end, or whose ends are exchanged."""
    for name, low in values.items():
        other = name.replace("_low", "_high")
        if other != name and _POSITIVE.fullmatch(name):
            high = values[other]
            if (low is None) != (high is None) or (low is not None and low > high):
                raise UsageError(
                    f"{where}: {name} and {other} are {low} and {high}: expected both ends of an interval."
                )


def _wrong(path: Path, where: str, cell: str) -> str:
    return (
        f"{path}, {where} is {plain(cell, 80)!r}: expected another kind of value; make the tables again with "
        f"`edgebench recompute {path.parent}`."
    )


def _lacking(path: Path, where: str) -> str:
    return (
        f"{path}, {where} is empty: expected a value; make the tables again with `edgebench recompute {path.parent}`."
    )


def _check_size(path: Path) -> None:
    """Raise UsageError for a file that is larger than this program writes them, OSError for one that is not there."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise UsageError(
            f"{path} has {size} bytes: expected {MOST_BYTES} at most, which no run of this program exceeds."
        )


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    csv.field_size_limit(_MOST_CELL)
    try:
        _check_size(path)
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): expected a table; make it with `edgebench recompute "
            f"{path.parent}`."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV file in UTF-8 ({error}): expected a table of a run.") from None


def _converters(kind: type[Any]) -> tuple[dict[str, Convert], dict[str, Any]]:
    """Return how the text of each field is read, and what stands for those that are empty."""
    converters: dict[str, Convert] = {}
    empty: dict[str, Any] = {}
    known = _kinds(kind)
    for one in fields(kind):
        kinds = known[one.name]
        converters[one.name] = _converter(one.name, kinds)
        if one.default is not MISSING:
            empty[one.name] = one.default
        elif NoneType in kinds:
            empty[one.name] = None
        elif str in kinds:
            empty[one.name] = ""
    return converters, empty


def _kinds(kind: type[Any]) -> dict[str, tuple[Any, ...]]:
    """Return the types that each field may have."""
    return {name: get_args(hint) or (hint,) for name, hint in get_type_hints(kind).items()}


def _converter(name: str, kinds: tuple[Any, ...]) -> Convert:
    if bool in kinds:
        return _TRUTH.__getitem__
    if int in kinds or float in kinds:
        return partial(_number, name, int if int in kinds else float)
    if all(isinstance(kind, str) for kind in kinds):  # a Literal
        return dict(zip(kinds, kinds, strict=True)).__getitem__
    return _trial if name == "trial" else str


def _number(name: str, kind: Callable[[str], float], text: str) -> float:
    """Return a number; raise ValueError for infinity, for a sign, and for what is no number, which no run writes."""
    value = kind(text)
    if not _is_possible(name, value):
        raise ValueError(text)
    return value


def _is_possible(name: str, value: float) -> bool:
    """Tell whether a column of such a name may hold a number; NaN and infinity none may."""
    if not abs(value) <= _LARGEST:
        return False
    if _POSITIVE.fullmatch(name):
        return value >= 1 / _LARGEST
    return value >= 0 or not _COUNT.fullmatch(name)


def _trial(text: str) -> str:
    """Return the name of a trial; raise ValueError for what is none."""
    if not _TRIAL.fullmatch(text):
        raise ValueError(text)
    return text


def frame(path: Path, kind: type[Any], columns: Iterable[str]) -> "pd.DataFrame":
    """Return some columns of a table of records of `kind`, as far as it has them; raise UsageError for a wrong one.

    Texts stay as they are written, such as versions that look like numbers.
    """
    import pandas as pd

    wanted, kinds = set(columns), _kinds(kind)
    try:
        _check_size(path)
        found = pd.read_csv(path, usecols=lambda name: name in wanted, dtype=str, low_memory=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): expected a table; make it with `edgebench recompute {path.parent}`."
        ) from None
    return found.apply(lambda column: _typed(path, column, kinds[str(column.name)]))


def _typed(path: Path, column: "pd.Series[str]", kinds: tuple[Any, ...]) -> "pd.Series[Any]":
    """Return a column of texts as one of what its field holds; raise UsageError for a wrong or a missing value."""
    if NoneType not in kinds and str not in kinds and column.isna().any():
        raise UsageError(_lacking(path, f"a cell of {column.name}"))
    if int in kinds or float in kinds:
        return _numbers(path, column)
    if bool in kinds:
        return _truths(path, column)
    return column if NoneType in kinds else column.fillna("")


def _truths(path: Path, column: "pd.Series[str]") -> "pd.Series[bool]":
    wrong = column[column.notna() & ~column.isin(list(_TRUTH))]
    if not wrong.empty:
        raise UsageError(_wrong(path, str(column.name), str(wrong.iloc[0])))
    return column.map(_TRUTH)


def _numbers(path: Path, column: "pd.Series[str]") -> "pd.Series[float]":
    import pandas as pd

    name = str(column.name)
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column.notna() & ~numbers.map(partial(_is_possible, name)).astype(bool)
    if wrong.any():
        raise UsageError(_wrong(path, name, str(column[wrong].iloc[0])))
    return numbers


def context(folder: Path) -> Context:
    """Return what the rows of a run have in common; raise UsageError when its context.json is none."""
    path = folder / CONTEXT
    try:
        _check_size(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return _context(found)
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply: make it again with `edgebench recompute {folder}`.") from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): expected a run's context; make it with `edgebench recompute {folder}`."
        ) from None
    raise UsageError(f"{path} holds no JSON object: make it again with `edgebench recompute {folder}`.")


def _context(found: Mapping[str, Any]) -> Context:
    sessions = [_mapping(one) for one in _mapping(found.get("signals")).values()]
    absent, present = (
        {signal: text for one in sessions for signal, text in _texts(one.get(key)).items()}
        for key in ("absent", "present")
    )
    kept = {key: value for key, value in found.items() if key not in _IN_TABLES}
    return Context(
        unit=str(found.get("unit", "")),
        device=str(found.get("device", "")),
        started=str(found.get("started", "")),
        ended=None if found.get("ended") is None else str(found["ended"]),
        edgebench_version=str(found.get("edgebench_version", "")),
        emulated=found.get("emulated") is True,
        versions=_texts(found.get("versions")),
        facts=_texts(found.get("facts")),
        absent=absent,
        images=_images(found.get("data")),
        settings=tuple(_leaves({**kept, "signals": {"present": present, "absent": absent}})),
    )


def _images(value: Any) -> Images | None:
    found = _mapping(value)
    path, calibrating = found.get("path"), found.get("calibrating")
    return Images(path=path, calibrating=calibrating) if isinstance(path, str) and type(calibrating) is int else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: _text(one) for key, one in _mapping(value).items()}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf of nested objects with its path; lists stand on one line."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value)
