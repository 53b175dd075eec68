"""A trial's latency over many runs: a table for a terminal, and as Markdown."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.table import Table

from edgebench import units
from edgebench.report.markdown import literal, table_lines
from edgebench.report.terminal import FLAGGED, add_row, legend, plain_table
from edgebench.store.rows import HistoryRow
from edgebench.untrusted import plain

_NAME = 60
_COLUMNS = ("run", "version", "latency", "flagged")


def table(rows: Iterable[HistoryRow]) -> Table:
    """Return a table with the runs of each trial below its name, oldest first; below it which flags there are."""
    found = list(rows)
    made = plain_table(
        "Latency over runs, with 95 % interval inside each run", "trial, run", "version", "latency>", FLAGGED
    )
    for trial, members in groupby(found, key=_trial):
        add_row(made, trial)
        for row in members:
            add_row(made, f"  {row.started[:16]}", plain(row.runtime_version or "-", 16), _latency(row), _flagged(row))
        made.add_section()
    legend(made, (row.flags or "" for row in found))
    return made


def markdown(rows: Iterable[HistoryRow], left_out: Iterable[str]) -> Iterator[str]:
    """Yield a table for each trial."""
    for trial, members in groupby(rows, key=_trial):
        yield from (f"### {literal(trial)}", "")
        cells = [
            (literal(row.run), literal(row.runtime_version or "-"), _latency(row), literal(row.flags or ""))
            for row in members
        ]
        yield from table_lines(_COLUMNS, cells, right=("latency",))
        yield ""
    yield from (f"- Left out: {literal(one)}" for one in left_out)


def _trial(row: HistoryRow) -> str:
    words = [plain(row.model, _NAME), plain(row.backend, _NAME), row.precision]
    words += [f"x{row.threads}"] if row.threads > 1 else []
    words += [f"batch {row.batch}"] if row.batch > 1 else []
    return f"{' '.join(words)} on {plain(row.unit, _NAME)}"


def _latency(row: HistoryRow) -> str:
    if row.latency_p50_s is None:
        return plain(row.status)
    if row.latency_p50_low_s is None or row.latency_p50_high_s is None:
        return units.seconds(row.latency_p50_s)
    return f"{units.seconds(row.latency_p50_s)} {units.span(row.latency_p50_low_s, row.latency_p50_high_s)}"


def _flagged(row: HistoryRow) -> str:
    return FLAGGED if row.flags else ""
