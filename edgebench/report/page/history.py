"""The page of many runs: each model's latency over dates and versions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebench import units
from edgebench.report.page import charts, document
from edgebench.report.page.charts import Spot
from edgebench.report.page.document import Card, Cell, Chart, Column, Document, Section, Table
from edgebench.report.page.material import some
from edgebench.report.page.trials import LATENCY

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "unit",
    "model",
    "backend",
    "precision_asked",
    "threads_asked",
    "batch",
    "twin",
    "status",
    "runtime_version",
    "latency_p50_s",
    "latency_p50_low_s",
    "latency_p50_high_s",
    "mult_adds",
    "emulated",
    "flags",
)
"""The columns of trials.csv that are read; with them come `run`, `started` (UTC, ISO 8601) and `edgebench_version`."""

TEXTS = ("unit", "model", "backend", "precision_asked", "runtime_version", "flags")
"""Those of them that hold words."""

_SETTING = ("unit", "model", "backend", "precision_asked", "threads_asked", "batch")
_MOST_PICTURES = 24
_MOST_LINES = 12
_MOST_MOVED = 8
_MOST_LEFT_OUT = 5
_DATE = 16  # 2026-11-22T10:15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """The newest latency of a setting against the first one: as a ratio, and whether their intervals are disjoint."""

    model: str
    setting: str
    ratio: float
    apart: bool
    versions: tuple[str, str]


def page(rows: "pd.DataFrame", title: str, left_out: Sequence[str] = ()) -> Document:
    """Return the page of all trials of many runs that have a latency: `COLUMNS`, `run`, `started` and versions.

    `left_out` says of each run that could not be read why.
    """
    timed = rows.loc[rows["latency_p50_s"] > 0].sort_values("started", kind="stable")
    timed = timed.assign(series=_series(timed))
    moves = list(_moves(timed))
    runs = rows.drop_duplicates("run")
    models = list(dict.fromkeys(timed["model"]))
    return Document(
        title=title,
        under=_under(runs),
        headline=_headline(runs, models, moves),
        answer=_moved(moves),
        beyond=0,
        cards=tuple(_cards(rows, left_out)),
        sections=(
            *(_model(timed, model, number) for number, model in enumerate(models[:_MOST_PICTURES])),
            _all(timed, len(models)),
            _runs(rows),
        ),
    )


def _under(runs: "pd.DataFrame") -> str:
    started = sorted(runs["started"])
    several = list(dict.fromkeys(runs["unit"].dropna()))
    span = f"{_date(started[0])} to {_date(started[-1])} UTC" if started else "no date"
    return f"{len(runs)} runs · {some([document.shown(str(one)) for one in several], 4)} · {span}"


def _headline(runs: "pd.DataFrame", models: list[str], moves: list[_Move]) -> str:
    first = f"{len(models)} models were timed in {len(runs)} runs"
    if not moves:
        return f"{first}; none of them twice in one setting, so nothing can have moved."
    apart = sum(one.apart for one in moves)
    if not apart:
        return f"{first}. No newest interval lies apart from the first one of its setting."
    again = f"{apart} of {len(moves)} settings that were timed again moved"
    return f"{first}. {again}: their newest interval lies apart from the first."


def _moved(moves: list[_Move]) -> Table | None:
    """Return the settings that moved most, of those whose intervals lie apart."""
    found = sorted((one for one in moves if one.apart), key=lambda one: -abs(math.log(one.ratio)))
    if not found:
        return None
    names = (("Model", False), ("Setting", False), ("Newest / first", True), ("Runtime", False))
    return Table(
        name="answer",
        title="What moved most between the first and the newest run",
        columns=tuple(Column(name=name, number=number) for name, number in names),
        rows=tuple(
            (
                document.text(one.model),
                document.text(one.setting),
                document.ratio(one.ratio),
                document.text(" to ".join(dict.fromkeys(one.versions))),
            )
            for one in found[:_MOST_MOVED]
        ),
    )


def _cards(rows: "pd.DataFrame", left_out: Sequence[str]) -> Iterator[Card]:
    yield Card(
        title="How sure",
        says=(
            "Intervals are of 95 % within a run. Runs of different times were not measured in turns, so a ratio "
            "between them is not paired: the machine, its clock and its neighbours differ too.",
            "To compare two versions fairly, measure both in one session.",
        ),
    )
    flagged = rows.loc[rows["flags"].fillna("") != ""]
    lost = rows.loc[rows["status"] != "done"]
    against = [f"{len(flagged)} of {len(rows)} rows are flagged; the tables say with what."] if len(flagged) else []
    against += (
        [f"{len(lost)} of {len(rows)} rows were not measured to their end and have no latency."] if len(lost) else []
    )
    emulated = rows["emulated"].astype(str) == "True"
    against += [f"{int(emulated.sum())} rows are of stand-ins, which are never timed."] if emulated.any() else []
    yield Card(
        title="What not to trust", says=tuple(against) or ("No row is flagged and none was lost.",), warns=bool(against)
    )
    if left_out:
        more = [f"{len(left_out) - _MOST_LEFT_OUT} more."] if len(left_out) > _MOST_LEFT_OUT else []
        yield Card(title="Runs left out", says=(*left_out[:_MOST_LEFT_OUT], *more), warns=True)


def _moves(timed: "pd.DataFrame") -> Iterator[_Move]:
    for key, members in timed.groupby(list(_SETTING), sort=False):
        if members["run"].nunique() > 1:
            first, last = members.iloc[0], members.iloc[-1]
            yield _Move(
                model=str(key[1]),
                setting=str(last["series"]),
                ratio=float(last["latency_p50_s"] / first["latency_p50_s"]),
                apart=bool(
                    last["latency_p50_low_s"] > first["latency_p50_high_s"]
                    or last["latency_p50_high_s"] < first["latency_p50_low_s"]
                ),
                versions=(_version(first), _version(last)),
            )


def _version(row: "pd.Series[Any]") -> str:
    return document.shown(_text(row["runtime_version"]) or "unknown")


def _series(timed: "pd.DataFrame") -> list[str]:
    """Return the backend of each row with whatever else tells the rows of all runs apart."""
    forms = {"precision_asked": "{}", "threads_asked": "x{}", "batch": "batch {}", "unit": "on {}"}
    several = [name for name in forms if timed[name].nunique() > 1]
    columns = zip(timed["backend"], *(timed[name].map(forms[name].format) for name in several), strict=True)
    return [" ".join(map(str, parts)) for parts in columns]


def _model(timed: "pd.DataFrame", model: str, number: int) -> Section:
    """Return one model over dates."""
    rows = timed.loc[timed["model"] == model]
    lines = list(dict.fromkeys(rows["series"]))
    shown = set(lines[:_MOST_LINES])
    spots = [_spot(row) for _, row in rows.iterrows() if row["series"] in shown]
    says = [f"The picture leaves out {len(lines) - len(shown)} settings."] if len(lines) > len(shown) else []
    chart: tuple[Chart, ...] = (
        charts.dates(f"model-{number}", f"Latency over dates, {len(rows)} rows, a line a setting.", spots, LATENCY),
    )
    if rows["run"].nunique() == 1:
        chart, says = (), ["Timed in one run so far, so there is no course to draw."]
    return Section(
        name=f"model-{number}",
        title=model,
        says=tuple(says),
        charts=chart,
        tables=(_table(rows, f"rows-{number}", "Rows: latencies over dates"),),
    )


def _spot(row: "pd.Series[Any]") -> Spot:
    import pandas as pd

    return Spot(
        series=row["series"],
        x=float(pd.Timestamp(row["started"]).timestamp() * 1000),
        y=float(row["latency_p50_s"]),
        low=_number(row["latency_p50_low_s"]),
        high=_number(row["latency_p50_high_s"]),
        name=f"{_date(row['started'])} UTC",
        shown=f"{units.seconds(float(row['latency_p50_s']))}, version {_version(row)}",
    )


def _all(timed: "pd.DataFrame", models: int) -> Section:
    left_out = f" The pictures are of the first {_MOST_PICTURES} of {models} models." if models > _MOST_PICTURES else ""
    return Section(
        name="all",
        title="All rows",
        says=(f"Every latency of every run, the oldest first.{left_out}",),
        tables=(_table(timed, "all", "All latencies"),),
        open=True,
    )


def _table(rows: "pd.DataFrame", name: str, title: str) -> Table:
    columns = (
        Column(name="Started (UTC)"),
        Column(name="Model"),
        Column(name="Backend"),
        Column(name="Version"),
        Column(name="Precision"),
        Column(name="Threads", number=True),
        Column(name="Batch", number=True),
        Column(name="Unit"),
        Column(name="Latency", number=True),
        Column(name="95 % interval", number=True),
        Column(name="Flags"),
        Column(name="Rows"),
    )
    body = tuple(_line(row) for _, row in rows.iterrows())
    return Table(name=name, title=title, columns=columns, rows=body)


def _line(row: "pd.Series[Any]") -> tuple[Cell, ...]:
    return (
        document.text(_date(row["started"])),
        document.text(row["model"]),
        document.text(row["backend"]),
        document.text(_text(row["runtime_version"])),
        document.text(row["precision_asked"]),
        document.whole(int(row["threads_asked"])),
        document.whole(int(row["batch"])),
        document.text(row["unit"]),
        document.seconds(float(row["latency_p50_s"])),
        document.between(_number(row["latency_p50_low_s"]), _number(row["latency_p50_high_s"])),
        document.text(_text(row["flags"])),
        document.linked("trials.csv", f"{row['path']}/trials.csv"),
    )


def _runs(rows: "pd.DataFrame") -> Section:
    """Return a table of the runs themselves."""
    body = []
    for run, members in rows.groupby("run", sort=False):
        first = members.iloc[0]
        body.append(
            (
                document.text(_date(first["started"])),
                document.text(str(run)),
                document.text(first["unit"]),
                document.text(first["edgebench_version"]),
                document.whole(len(members)),
                document.whole(int((members["status"] == "done").sum())),
                document.whole(int((members["flags"].fillna("") != "").sum())),
                document.linked("trials.csv", f"{first['path']}/trials.csv"),
            )
        )
    words, figures = ("Started (UTC)", "Run", "Unit", "edgebench"), ("Trials", "Done", "Flagged")
    numbers = (Column(name=name, number=True) for name in figures)
    columns = (*(Column(name=name) for name in words), *numbers, Column(name="Rows"))
    table = Table(name="runs", title="All runs", columns=columns, rows=tuple(sorted(body, key=lambda row: row[0].text)))
    return Section(name="runs", title="Runs", tables=(table,), open=True)


def _date(started: Any) -> str:
    return document.shown(str(started)[:_DATE].replace("T", " "))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return None if value != value else float(value)  # noqa: PLR0124 - NaN alone differs from itself
