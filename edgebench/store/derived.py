"""Read what was derived from a run: its tables as records, its context; the journal and the samples are not touched.

However many samples a run holds, this takes time and memory by its trials and rounds alone.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from edgebench.errors import UsageError
from edgebench.store.rows import Images

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Convert = Callable[[str], Any]

CONTEXT = "context.json"
TRIALS = "trials.csv"

_TRUTH = {"True": True, "False": False}
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


def run_folders(path: Path) -> tuple[Path, ...]:
    """Return the run folders below a folder, or itself where it is one; raise UsageError when there is none."""
    found = tuple(sorted(one.parent for one in path.rglob(TRIALS)))
    if not found:
        journals = sorted(path.rglob("journal.jsonl"))
        hint = f"make its tables with `edgebench recompute {journals[0].parent}`" if journals else "name one"
        raise UsageError(f"{path} holds no {TRIALS}: expected a run folder, or a folder of such; {hint}.")
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
                    raise UsageError(
                        f"{path}, line {number}: {name} is {cell[:80]!r}: expected another kind of value; make the "
                        f"tables again with `edgebench recompute {path.parent}`."
                    ) from None
        lacking = [name for name in converters if name not in values]
        if lacking:
            raise UsageError(
                f"{path}, line {number}: {lacking[0]} is empty: expected a value; make the tables again with "
                f"`edgebench recompute {path.parent}`."
            )
        yield kind(**values)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    csv.field_size_limit(_MOST_CELL)
    try:
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
    hints = get_type_hints(kind)
    converters: dict[str, Convert] = {}
    empty: dict[str, Any] = {}
    for one in fields(kind):
        kinds = get_args(hints[one.name]) or (hints[one.name],)
        converters[one.name] = _converter(kinds)
        if one.default is not MISSING:
            empty[one.name] = one.default
        elif NoneType in kinds:
            empty[one.name] = None
        elif str in kinds:
            empty[one.name] = ""
    return converters, empty


def _converter(kinds: tuple[Any, ...]) -> Convert:
    if bool in kinds:
        return _TRUTH.__getitem__
    return int if int in kinds else _finite if float in kinds else str


def _finite(text: str) -> float:
    """Return a number; raise ValueError for infinity and for what is no number, which no run writes."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def frame(path: Path, columns: Iterable[str], texts: Iterable[str] = ()) -> "pd.DataFrame":
    """Return some columns of a table, as far as it has them; raise UsageError when it cannot be read.

    Of these, `texts` stay as they are written, such as versions that look like numbers.
    """
    import pandas as pd

    wanted, kinds = set(columns), dict.fromkeys(texts, str)
    try:
        found = pd.read_csv(path, usecols=lambda name: name in wanted, dtype=kinds, low_memory=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): expected a table; make it with `edgebench recompute {path.parent}`."
        ) from None
    return found.replace([math.inf, -math.inf], math.nan)


def context(folder: Path) -> Context:
    """Return what the rows of a run have in common; raise UsageError when its context.json is none."""
    path = folder / CONTEXT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): expected a run's context; make it with `edgebench recompute {folder}`."
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no JSON object: make it again with `edgebench recompute {folder}`.")
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
