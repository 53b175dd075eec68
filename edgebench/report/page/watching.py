"""The section on the circumstances: rounds over time, and what the machine did meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebench import units
from edgebench.measure.flags import MEANINGS
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Spot, Stroke
from edgebench.report.page.document import Cell, Column, Section, Table
from edgebench.report.page.material import Material, some

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "session",
    "invocation",
    "round",
    "trial",
    "complete",
    "start_s",
    "samples",
    "wall_p50_s",
    "major_faults",
    "canary_loop_s",
    "stolen_share",
    "cpu_waiting_share",
    "clock_hz",
    "temperature_c",
    "throttled",
    "throttled_by",
)
"""The columns of rounds.csv that are read."""

MOST_MOMENTS = 240
"""Points of a line over time; more rounds than these are put together."""

_TIME = Quantity(title="rounds in their order", unit="plain")
_NO_TIME = Quantity(title="", unit="plain")  # of charts above the one that says it
_LEAST_DISTURBED = 0.01  # shares below it are the kernel's own work
_CROWDED = 0.2  # as the flag `crowded` has it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signal:
    """A signal of the machine over time: where it stands, what it is called, and what is missing without it."""

    column: str
    name: str
    quantity: Quantity
    absent: str | None


_SIGNALS = (
    _Signal(
        column="canary",
        name="a fixed loop",
        quantity=Quantity(title="fixed loop / its median", unit="plain"),
        absent=None,
    ),
    _Signal(column="clock_hz", name="the clock", quantity=Quantity(title="clock", unit="hertz"), absent="clock"),
    _Signal(
        column="temperature_c",
        name="the temperature",
        quantity=Quantity(title="temperature (C)", unit="plain"),
        absent="temperature",
    ),
    _Signal(
        column="stolen_share",
        name="what a hypervisor took",
        quantity=Quantity(title="taken by hypervisor", unit="share"),
        absent="steal",
    ),
    _Signal(
        column="cpu_waiting_share",
        name="tasks that waited for a processor",
        quantity=Quantity(title="tasks waiting", unit="share"),
        absent="cpu_waiting",
    ),
)


def rounds(material: Material) -> Section:
    """Return rounds over time: latency relative to each trial's own median, and what the machine did meanwhile."""
    title = "Rounds over time"
    moments = over_time(material.rounds)
    if moments is None:
        return Section(name="rounds", title=title, says=("No round was completed, so there is nothing over time.",))
    missing = [signal for signal in _SIGNALS if moments[signal.column].isna().all()]
    there = [signal for signal in _SIGNALS if moments[signal.column].any() and signal not in missing]  # zero is told
    until = _short(moments["order"].max())
    drawn = [
        charts.course(
            "rounds-latency",
            "Latency of rounds relative to each trial's median, over time.",
            _strokes(moments, "middle", "lower", "upper"),
            (_NO_TIME if there else _TIME, Quantity(title="latency / own median", unit="plain")),
            height=180,
            until=until,
            events=_events(moments),
        )
    ]
    for signal in there:
        says = f"{signal.name[0].upper()}{signal.name[1:]} over the same time."
        axes = (_TIME if signal is there[-1] else _NO_TIME, signal.quantity)
        strokes = _strokes(moments, signal.column)
        drawn.append(charts.course(f"rounds-{signal.column}", says, strokes, axes, height=80, until=until))
    return Section(
        name="rounds",
        title=title,
        says=(*_rounds_says(moments, material), *_missing(missing, material)),
        charts=tuple(drawn),
        tables=(_moments_table(moments), *_flag_table(material)),
    )


def over_time(rounds: "pd.DataFrame", most: int = MOST_MOMENTS) -> "pd.DataFrame | None":
    """Return moments in their order: a round each, or several where there are more than `most`.

    `order` counts rounds from 1, `minutes` the time since the first, sessions one after the other; `piece` is one of
    each invocation. `lower`, `middle` and `upper` are the tenths 1, 5 and 9 of block medians, each divided by the
    median of its trial; `canary` is relative to its own median. None: no round was completed.
    """
    import numpy as np
    import pandas as pd

    found = rounds.loc[rounds["complete"].astype(str) == "True"] if "complete" in rounds else rounds
    if found.empty:
        return None
    found = found.reset_index(drop=True)
    found["relative"] = found["wall_p50_s"] / found.groupby(["session", "trial"])["wall_p50_s"].transform("median")
    found["minutes"] = (found["start_s"] + _offsets(found)) / 60
    found["canary"] = _number(found, "canary_loop_s")
    found["canary"] = found["canary"] / found.groupby("session")["canary"].transform("median")
    keys = ["session", "invocation", "round"]
    order = found.groupby(keys, sort=False)["minutes"].transform("min").rank(method="dense").astype(int) - 1
    together = max(1, -(-int(order.max() + 1) // most))
    groups = found.groupby(order // together, sort=True)
    tenths = groups["relative"].quantile(np.array([0.1, 0.5, 0.9])).unstack()
    made: dict[str, Any] = {
        "minutes": groups["minutes"].min(),
        "session": groups["session"].first(),
        "order": order.groupby(order // together).min() + 1,
        "piece": groups["session"].first().astype(str) + groups["invocation"].first().map(" {}".format)
        if together == 1
        else "",
        "rounds": order.groupby(order // together).nunique(),
        "blocks": groups.size(),
        "lower": tenths[0.1],
        "middle": tenths[0.5],
        "upper": tenths[0.9],
        "canary": groups["canary"].median(),
    }
    for column in ("clock_hz", "temperature_c", "stolen_share", "cpu_waiting_share"):
        made[column] = _number(found, column).groupby(order // together).mean()
    made["throttled"] = _number(found, "throttled").groupby(order // together).max()  # stands in all rows of a round
    made["major_faults"] = _number(found, "major_faults").groupby(order // together).sum(min_count=1)
    return pd.DataFrame(made)


def _offsets(found: "pd.DataFrame") -> "pd.Series[float]":
    """Return what to add to `start_s`, so that each session begins where the one before it ended."""
    last = found.groupby("session", sort=False)["start_s"].max()
    longest = found["wall_p50_s"].groupby(found["session"], sort=False).max() * found["samples"].max()
    return found["session"].map((last + longest).cumsum().shift(fill_value=0.0)).astype(float)


def _number(found: "pd.DataFrame", column: str) -> "pd.Series[float]":
    import pandas as pd

    if column not in found:
        return pd.Series(float("nan"), index=found.index)
    return pd.to_numeric(found[column], errors="coerce")


def _strokes(moments: "pd.DataFrame", middle: str, lower: str | None = None, upper: str | None = None) -> list[Stroke]:
    known = moments.dropna(subset=[middle])
    return [
        Stroke(
            series="",
            x=_short(row["order"]),
            y=_short(row[middle]),
            low=None if lower is None else _short(row[lower]),
            high=None if upper is None else _short(row[upper]),
            piece=str(row["piece"]),
        )
        for _, row in known.iterrows()
    ]


def _short(value: Any) -> float:
    return float(f"{float(value):.6g}")


def _rounds_says(moments: "pd.DataFrame", material: Material) -> Iterator[str]:
    blocks, together = int(moments["blocks"].sum()), int(moments["rounds"].max())
    points = "a point is a round" if together == 1 else f"a point is up to {together} rounds"
    spent, number = float(moments["minutes"].max()), int(moments["rounds"].sum())
    yield (
        f"{blocks} blocks in {number} rounds, {spent:.1f} minutes from the first to the last: {points}, the band holds "
        "eight of ten blocks. A block is divided by its trial's own median, so a quiet machine is a flat line at 1."
    )
    disturbed = _disturbances(moments)
    marked = "; upright lines are where the machine was seen to be disturbed" if _events(moments) else ""
    yield (
        f"Seen meanwhile: {', '.join(disturbed)}{marked}."
        if disturbed
        else "No throttling, paging or stolen time was seen."
    )
    if len({row.session for row in material.summary.trials}) > 1:
        yield "Sessions stand one after the other; the time between them is left out."


def _events(moments: "pd.DataFrame") -> list[Spot]:
    """Return the moments at which the machine was seen to be disturbed, with what was seen."""
    seen = {
        "throttling": moments["throttled"] > 0,
        "pages read from disk": moments["major_faults"] > 0,
        "more than 1 % of the time taken by the hypervisor": moments["stolen_share"] > _LEAST_DISTURBED,
        "tasks waiting for a processor for more than 20 % of the time": moments["cpu_waiting_share"] > _CROWDED,
    }
    told = [", ".join(what for what, when in seen.items() if when.iloc[number]) for number in range(len(moments))]
    return [
        Spot(series="", x=_short(order), y=0.0, name="", shown=words)
        for order, words in zip(moments["order"], told, strict=True)
        if words
    ]


def _disturbances(moments: "pd.DataFrame") -> list[str]:
    """Return what was seen how often; `moments` that were disturbed have an upright line of their own."""
    faults = int(moments["major_faults"].fillna(0).sum())
    told = [f"{faults} pages read from disk"] if faults else []
    for column, least, what in (
        ("throttled", 0, "throttling"),
        ("stolen_share", _LEAST_DISTURBED, "more than 1 % of the time taken by the hypervisor"),
        ("cpu_waiting_share", _CROWDED, "tasks waiting for a processor for more than 20 % of the time"),
    ):
        often = int((moments[column] > least).sum())
        if often:
            told.append(f"{what} at {often} of {len(moments)} points")
    return told


def _missing(missing: Sequence[_Signal], material: Material) -> Iterator[str]:
    """Yield which signals are not drawn, with the reason that the machine gave."""
    told = []
    for signal in missing:
        why = material.context.absent.get(signal.absent or "")
        told.append(f"{signal.name}{f' ({why})' if why else ''}")
    if told:
        yield f"Not to be read on this machine, so not drawn: {'; '.join(told)}."


def _moments_table(moments: "pd.DataFrame") -> Table:
    columns = (
        Column(name="Session"),
        Column(name="Minute", number=True),
        Column(name="Blocks", number=True),
        Column(name="Latency / own median", number=True),
        Column(name="Eight of ten"),
        Column(name="Fixed loop", number=True),
        Column(name="Clock", number=True),
        Column(name="Temperature", number=True),
        Column(name="Stolen", number=True),
        Column(name="Waiting", number=True),
        Column(name="Throttled", number=True),
    )
    return Table(
        name="moments",
        title="Rows: rounds over time",
        columns=columns,
        rows=tuple(_moment(row) for _, row in moments.iterrows()),
        source="rounds.csv",
    )


def _moment(row: "pd.Series[Any]") -> tuple[Cell, ...]:
    clock, heat = _known(row["clock_hz"]), _known(row["temperature_c"])
    throttled = _known(row["throttled"])
    return (
        document.text(document.shown(str(row["session"]))),
        Cell(text=f"{row['minutes']:.2f}", key=_short(row["minutes"])),
        document.whole(int(row["blocks"])),
        document.digits(_known(row["middle"])),
        document.text(f"{units.digits(float(row['lower']))} to {units.digits(float(row['upper']))}"),
        document.digits(_known(row["canary"])),
        Cell(text="") if clock is None else Cell(text=units.clock(clock), key=clock),
        Cell(text="") if heat is None else Cell(text=units.celsius(heat), key=heat),
        document.share(_known(row["stolen_share"])),
        document.share(_known(row["cpu_waiting_share"])),
        Cell(text="") if throttled is None else document.whole(int(throttled)),
    )


def _known(value: Any) -> float | None:
    return None if value != value else _short(value)  # noqa: PLR0124 - NaN alone differs from itself


def _flag_table(material: Material) -> Iterator[Table]:
    """Yield a table of the flags with the trials that bear them."""
    bearers: dict[str, list[str]] = {}
    for row in material.summary.trials:
        for flag in row.flags.split():
            bearers.setdefault(flag, []).append(f"{row.model} in {row.backend}{' (twin)' if row.twin else ''}")
    if bearers:
        yield Table(
            name="flags",
            title="Flags: what they mean, and who bears them",
            columns=(
                Column(name="Flag"),
                Column(name="Meaning"),
                Column(name="Trials", number=True),
                Column(name="Which"),
            ),
            rows=tuple(
                (
                    document.text(flag),
                    document.text(MEANINGS.get(flag, "")),
                    document.whole(len(names)),
                    document.text(some(names, 6)),
                )
                for flag, names in sorted(bearers.items())
            ),
            source="trials.csv",
        )
