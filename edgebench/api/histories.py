"""Many runs as one table: a trial's latency over dates and versions, from the derived CSV files by pandas."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.api.comparing import run_folders
from edgebench.errors import UsageError
from edgebench.store import csvfile
from edgebench.store.rows import HistoryRow
from edgebench.untrusted import plain

if TYPE_CHECKING:
    import pandas as pd

_MOST_BYTES = 64 * 2**20  # of a context.json or trials.csv, which this program wrote
_TEXT = ("unit", "device", "model", "backend", "precision", "runtime_version", "status", "flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Trials of all runs below a folder, each oldest first; `left_out` tells which runs are not there, and why."""

    rows: tuple[HistoryRow, ...]
    left_out: tuple[str, ...]


_SAME = ("unit", "model", "backend", "precision", "threads", "batch")
_RENAMED = {"precision_asked": "precision", "threads_asked": "threads"}


def history(folder: Path) -> History:
    """Return the trials of all runs below a folder, those of stand-ins left out; raise UsageError without any."""
    import pandas as pd

    tables, left_out = [], []
    for path in run_folders(folder):
        try:
            tables.append(_trials(path))
        except _LeftOutError as left:
            left_out.append(f"{path.name}: {left}.")
    if not tables:
        raise UsageError(f"No run below {folder} can be told: {plain(left_out[0])}")
    whole = pd.concat(tables, ignore_index=True)
    whole = whole.sort_values([*_SAME, "started"], kind="stable").astype(object)
    whole = whole.where(whole.notna(), None)
    return History(rows=tuple(_row(record) for record in whole.to_dict("records")), left_out=tuple(left_out))


def write_parquet(found: History, path: Path) -> None:
    """Write a history as a Parquet file; raise UsageError where pyarrow is not installed, or nothing can be written."""
    from edgebench.store import tables

    try:
        import pyarrow  # noqa: F401 - pandas takes it by its name
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: pip install 'edgebench[parquet]', or take --csv."
        ) from None
    frame = tables.frame(HistoryRow, found.rows).convert_dtypes()
    try:
        frame.to_parquet(path, engine="pyarrow", index=False)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another file.") from error


class _LeftOutError(Exception):
    """A run that has no place in a history."""


def _trials(path: Path) -> "pd.DataFrame":
    """Return the rows of a run, without twins."""
    import pandas as pd

    context = _context(path)
    if context.get("emulated"):
        raise _LeftOutError("it was measured on a stand-in, where nothing is timed")
    wanted = {field.name for field in fields(HistoryRow)} | set(_RENAMED)
    try:
        frame = pd.read_csv(path / "trials.csv", usecols=lambda name: name in wanted or name == "twin")
    except (OSError, ValueError) as error:
        raise _LeftOutError(f"its trials.csv cannot be read, `edgebench recompute` makes it again ({error})") from None
    frame = frame.rename(columns=_RENAMED)
    missing = wanted - set(_RENAMED) - set(frame.columns) - {"started", "run", "edgebench_version"}
    if missing or "twin" not in frame.columns:
        raise _LeftOutError("its trials.csv is of another version, `edgebench recompute` makes it again")
    frame = frame[~frame["twin"]].drop(columns="twin")
    texts = {name: frame[name].map(_read_back, na_action="ignore") for name in _TEXT}
    given = {"started": str(context.get("started")), "run": path.name}
    return frame.assign(**texts, **given, edgebench_version=str(context.get("edgebench_version")))


def _context(path: Path) -> dict[str, Any]:
    try:
        file = path / "context.json"
        if file.stat().st_size > _MOST_BYTES or (path / "trials.csv").stat().st_size > _MOST_BYTES:
            raise _LeftOutError("its files are larger than this program writes them")
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise _LeftOutError("it has no context.json and trials.csv, `edgebench recompute` makes them again") from None
    return found if isinstance(found, dict) else {}


def _read_back(cell: object) -> str:
    return csvfile.read_back(str(cell))


def _row(record: dict[Any, Any]) -> HistoryRow:
    counts = {name: int(record[name]) for name in ("threads", "batch")}
    return HistoryRow(**{field.name: record[field.name] for field in fields(HistoryRow)} | counts)
