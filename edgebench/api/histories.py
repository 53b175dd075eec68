"""Many runs as one table: a trial's latency over dates and versions, from the derived files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebench import extras
from edgebench.errors import UsageError
from edgebench.store import derived, run_folders
from edgebench.store.csvfile import read_back
from edgebench.store.derived import Context
from edgebench.store.folder import TRIALS
from edgebench.store.rows import HistoryRow
from edgebench.untrusted import plain

_MOST_REASON = 1000  # characters: a path stands in it twice


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Trials of all runs below a folder, each oldest first; `left_out` tells which runs are not there, and why."""

    rows: tuple[HistoryRow, ...]
    left_out: tuple[str, ...]


def history(folder: Path) -> History:
    """Return the trials of all runs below a folder, those of stand-ins left out; raise UsageError without any."""
    rows: list[HistoryRow] = []
    left_out = []
    for path in run_folders(folder):
        try:
            context = derived.context(path)
            if context.emulated:
                left_out.append(f"{path.name}: it was measured on a stand-in, where nothing is timed.")
            else:
                rows.extend(_trials(path, context))
        except UsageError as error:
            left_out.append(f"{path.name}: {error}")
    if not rows:
        why = plain(left_out[0], _MOST_REASON) if left_out else "it has no trial."
        raise UsageError(f"No run below {folder} can be told: {why}")
    return History(rows=tuple(sorted(rows, key=_order)), left_out=tuple(left_out))


def write_parquet(found: History, path: Path) -> None:
    """Write a history as a Parquet file; raise UsageError where pyarrow is not installed, or nothing can be written."""
    from edgebench.store import tables

    try:
        import pyarrow  # noqa: F401 - pandas takes it by its name
    except ImportError:
        raise UsageError(
            f"Parquet needs pyarrow, which is not installed: {extras.way('parquet')}, or take --csv."
        ) from None
    frame = tables.frame(HistoryRow, found.rows).convert_dtypes()
    try:
        frame.to_parquet(path, engine="pyarrow", index=False)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): choose another file.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What is read of a row of trials.csv."""

    unit: str
    device: str
    model: str
    backend: str
    runtime_version: str | None
    precision_asked: str
    threads_asked: int
    batch: int
    twin: bool
    status: str
    latency_p50_s: float | None
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    flags: str


def _trials(path: Path, context: Context) -> Iterator[HistoryRow]:
    """Yield the rows of a run, without twins."""
    for row in derived.records(path / TRIALS, _Row):
        if not row.twin:
            yield HistoryRow(
                started=context.started,
                run=path.name,
                edgebench_version=context.edgebench_version,
                unit=read_back(row.unit),
                device=read_back(row.device),
                model=read_back(row.model),
                backend=read_back(row.backend),
                runtime_version=None if row.runtime_version is None else read_back(row.runtime_version),
                precision=read_back(row.precision_asked),
                threads=row.threads_asked,
                batch=row.batch,
                status=read_back(row.status),
                latency_p50_s=row.latency_p50_s,
                latency_p50_low_s=row.latency_p50_low_s,
                latency_p50_high_s=row.latency_p50_high_s,
                flags=read_back(row.flags) or None,
            )


def _order(row: HistoryRow) -> tuple[str, str, str, str, int, int, str]:
    return row.unit, row.model, row.backend, row.precision, row.threads, row.batch, row.started
