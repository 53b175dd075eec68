"""Draw the charts of a page: records in, Vega-Lite out, its colours by name so that light, dark and paper share it.

Every text of a run reaches a chart as a value of its data, never as the name of a field or as part of an expression.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgebench.report.page import axes
from edgebench.report.page.axes import Quantity
from edgebench.report.page.colours import coloured
from edgebench.report.page.document import Chart

if TYPE_CHECKING:
    import altair as alt

_DAYS_MS = 5 * 24 * 3600 * 1000  # from here on the time of day is left out
_UNDER_TITLE = 26  # pixels between a chart and its legend, so that the title of the y axis has room
_TYPE = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A figure with its interval in a row of a chart; `shown` is the figure as text."""

    row: str
    series: str
    x: float
    low: float | None
    high: float | None
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A point in a plane, its interval vertical; `label` is written above it and `below` below it.

    `name` and `shown` are told when it is pointed at.
    """

    series: str
    x: float
    y: float
    name: str
    shown: str
    low: float | None = None
    high: float | None = None
    label: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A vertex of the line of a series; of a band its lower and upper edge. A line is broken between its pieces."""

    series: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    piece: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a bar."""

    row: str
    part: str
    x: float
    shown: str


def intervals(name: str, says: str, dots: Sequence[Dot], quantity: Quantity) -> Chart:
    """Return figures with their intervals on one logarithmic axis, a row a name, its series one below the other."""
    import altair as alt

    rows, series = _distinct(one.row for one in dots), _distinct(one.series for one in dots)
    ends = [end for one in dots for end in (one.low, one.high, one.x) if end is not None and end > 0]
    colour, shape = coloured(series)
    across = alt.Y("row:N", sort=rows, axis=alt.Axis(title=None, labelColor="var(--ink)"), scale=_bands())
    offset = alt.YOffset("series:N", sort=series)
    shared = {"y": across, "color": colour, **({"yOffset": offset} if len(series) > 1 else {})}
    x = alt.X("x:Q", **axes.logarithm(ends, quantity, room=1.5))
    base = alt.Chart(alt.NamedData(name="rows"))
    hints = _hints(row="model", series="setting", shown="value")
    layers = alt.layer(
        base.mark_rule(strokeWidth=2.5, opacity=0.55, strokeCap="round").encode(
            x=alt.X("low:Q", **axes.logarithm(ends, quantity, room=1.5)), x2="high:Q", tooltip=hints, **shared
        ),
        base.mark_point(filled=True, size=64, opacity=1).encode(x=x, shape=shape, tooltip=hints, **shared),
        base.mark_text(align="left", dx=9, fontSize=11, color="var(--muted)").encode(
            x=alt.X("end:Q", **axes.logarithm(ends, quantity, room=1.5)),
            text="brief:N",
            **{key: value for key, value in shared.items() if key != "color"},
        ),
    )
    values = [
        {**asdict(one), "end": one.high if one.high is not None else one.x, "brief": one.shown.partition(" [")[0]}
        for one in dots
    ]
    return _chart(name, says, layers, {"rows": values}, height=len(rows) * (13 * len(series) + 11))


def plane(  # noqa: PLR0913 - what is drawn, layer by layer
    name: str,
    says: str,
    spots: Sequence[Spot],
    quantities: tuple[Quantity, Quantity],
    *,
    lines: Sequence[Stroke] = (),
    limits: Sequence[Spot] = (),
    logarithmic: tuple[bool, bool] = (True, True),
) -> Chart:
    """Return points in a plane, with lines through each series, and `limits`: short strokes that stand under points."""
    import altair as alt

    series = _distinct([*(spot.series for spot in spots), *(line.series for line in lines)])
    colour, shape = coloured(series, offset=_UNDER_TITLE)
    placed: list[Spot | Stroke] = [*spots, *lines, *limits]
    xs = [one.x for one in placed]
    ys = [end for one in placed for end in (one.y, one.low, one.high) if end is not None]
    x = alt.X("x:Q", **axes.axis(xs, quantities[0], logarithmic=logarithmic[0]))
    y = alt.Y("y:Q", **axes.axis(ys, quantities[1], logarithmic=logarithmic[1]))
    low = alt.Y("low:Q", **axes.axis(ys, quantities[1], logarithmic=logarithmic[1]))
    hints = _hints(name="what", series="setting", shown="value")
    points = alt.Chart(alt.NamedData(name="spots"))
    drawn = []
    if any(one.low is not None for one in lines):
        bands = alt.Chart(alt.NamedData(name="lines"))
        drawn.append(bands.mark_area(opacity=0.18).encode(x=x, y=low, y2="high:Q", color=colour))
    if lines:
        fits = alt.Chart(alt.NamedData(name="lines"))
        drawn.append(fits.mark_line(strokeWidth=1.5, opacity=0.7).encode(x=x, y=y, color=colour))
    if limits:
        below = alt.Chart(alt.NamedData(name="limits"))
        ticks = below.mark_tick(orient="horizontal", size=16, thickness=2, color="var(--ink)")
        drawn.append(ticks.encode(x=x, y=y, tooltip=hints[::2]))
    if any(one.low is not None for one in spots):
        drawn.append(points.mark_rule(opacity=0.5, strokeWidth=1.5).encode(x=x, y=low, y2="high:Q", color=colour))
    if spots:
        marks = points.mark_point(filled=True, size=56, opacity=0.9)
        drawn.append(marks.encode(x=x, y=y, color=colour, shape=shape, tooltip=hints))
    for field, away in (("label", -11), ("below", 13)):
        if any(getattr(one, field) for one in spots):
            written = points.mark_text(dy=away, fontSize=11, color="var(--muted)", limit=140)
            drawn.append(written.encode(x=x, y=y, text=f"{field}:N"))
    data = {"spots": [*map(asdict, spots)], "lines": [*map(asdict, lines)], "limits": [*map(asdict, limits)]}
    return _chart(name, says, alt.layer(*drawn), data, height=320)


def bars(name: str, says: str, slices: Sequence[Slice], quantity: Quantity, marks: Sequence[Dot] = ()) -> Chart:
    """Return bars of parts from zero on, and `marks`: strokes across them, such as a highest total."""
    import altair as alt

    rows, parts = _distinct(one.row for one in slices), _distinct(one.part for one in slices)
    colour, _ = coloured(parts, "part:N")
    y = alt.Y("row:N", sort=rows, axis=alt.Axis(title=None, labelColor="var(--ink)"), scale=_bands())
    totals = [sum(one.x for one in slices if one.row == row) for row in rows] + [one.x for one in marks]
    axis = axes.plain(quantity)
    if quantity.unit == "mebibytes":
        axis = axes.plain(quantity, values=axes.binary_ticks(max(totals)))
    hints = _hints(row="what", part="part", shown="value")
    drawn = [
        alt.Chart(alt.NamedData(name="slices"))
        .mark_bar(height=alt.RelativeBandSize(band=0.7))
        .encode(
            x=alt.X("x:Q", stack="zero", axis=axis),
            y=y,
            color=colour,
            order=alt.Order("place:Q"),
            tooltip=hints,
        )
    ]
    if marks:
        ticks = alt.Chart(alt.NamedData(name="marks")).mark_tick(thickness=2.5, size=18, color="var(--ink)")
        drawn.append(
            ticks.encode(
                x=alt.X("x:Q", axis=axis),
                y=y,
                tooltip=_hints(row="what", shown="value"),
            )
        )
    values = [{**asdict(one), "place": parts.index(one.part)} for one in slices]
    data = {"slices": values, "marks": [*map(asdict, marks)]}
    return _chart(name, says, alt.layer(*drawn), data, height=len(rows) * 26)


def course(  # noqa: PLR0913 - what is drawn, and how tall and wide
    name: str,
    says: str,
    strokes: Sequence[Stroke],
    quantities: tuple[Quantity, Quantity],
    *,
    height: int,
    until: float | None = None,
    events: Sequence[Spot] = (),
) -> Chart:
    """Return a quantity over time, linear on both axes: a line a series, the band between its edges, and `events`.

    Charts with the same `until` can stand below each other: their axes begin at round 1 and end there.
    """
    import altair as alt

    series = _distinct(one.series for one in strokes)
    colour, _ = coloured(series)
    rounds = alt.Scale(nice=False) if until is None else alt.Scale(nice=False, domain=[1, until])
    x = alt.X("x:Q", axis=axes.plain(quantities[0]), scale=rounds)
    scale, axis = alt.Scale(zero=False), axes.plain(quantities[1], ticks=3, minExtent=64)
    base = alt.Chart(alt.NamedData(name="strokes"))
    drawn = []
    if any(one.low is not None for one in strokes):
        low = alt.Y("low:Q", scale=scale, axis=axis)
        drawn.append(base.mark_area(opacity=0.2).encode(x=x, y=low, y2="high:Q", color=colour, detail="piece:N"))
    hints = [
        alt.Tooltip("x:Q", title=quantities[0].title, format=".3~r"),
        alt.Tooltip("y:Q", title=quantities[1].title),
    ]
    line = base.mark_line(strokeWidth=1.5)
    drawn.append(
        line.encode(x=x, y=alt.Y("y:Q", scale=scale, axis=axis), color=colour, detail="piece:N", tooltip=hints)
    )
    if events:
        upright = alt.Chart(alt.NamedData(name="events")).mark_rule(color="var(--warn)", strokeWidth=2, opacity=0.6)
        drawn.append(upright.encode(x=x, tooltip=_hints(shown="seen")))
    data = {"strokes": [*map(asdict, strokes)], "events": [*map(asdict, events)]}
    return _chart(name, says, alt.layer(*drawn), data, height=height)


def dates(name: str, says: str, spots: Sequence[Spot], quantity: Quantity) -> Chart:
    """Return a quantity over dates, `x` in milliseconds since 1970: a line a series through its points."""
    import altair as alt

    series = _distinct(one.series for one in spots)
    colour, shape = coloured(series, offset=_UNDER_TITLE)
    ends = [end for one in spots for end in (one.y, one.low, one.high) if end is not None and end > 0]
    vertical = axes.logarithm(ends, quantity)
    spent_ms = max(one.x for one in spots) - min(one.x for one in spots)
    days = alt.Axis(
        title=None, labelOverlap=True, tickCount=5, format="%d %b %Y" if spent_ms > _DAYS_MS else "%d %b %H:%M"
    )
    x = alt.X("x:T", axis=days, scale=alt.Scale(type="utc", padding=16))
    y = alt.Y("y:Q", **vertical)
    base = alt.Chart(alt.NamedData(name="spots"))
    hints = _hints(name="what", series="setting", shown="value")
    layers = alt.layer(
        base.mark_line(strokeWidth=1.5, opacity=0.6).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=2, opacity=0.5).encode(x=x, y=alt.Y("low:Q", **vertical), y2="high:Q", color=colour),
        base.mark_point(filled=True, size=56, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=hints),
    )
    return _chart(name, says, layers, {"spots": [*map(asdict, spots)]}, height=260)


def _hints(**titles: str) -> "list[alt.Tooltip]":
    """Return what is told when a mark is pointed at: fields with what stands before them."""
    import altair as alt

    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _chart(
    name: str, says: str, drawn: "alt.LayerChart | alt.FacetChart", data: Mapping[str, Any], *, height: int
) -> Chart:
    """Return a chart with its data; Altair checks how it is drawn, and is not shown the data, which takes long."""
    spec = drawn.properties(width="container", height=max(height, 60)).to_dict()
    spec["datasets"] = {key: values for key, values in data.items() if values}
    spec["config"] = _CONFIG
    spec["description"] = says
    spec["background"] = "transparent"
    return Chart(name=name, says=says, spec=spec)


_CONFIG: Mapping[str, Any] = {
    # To a screen reader the picture is one, with a sentence and a table: its parts have no roles.
    "aria": False,
    "mark": {"aria": False},
    "font": _TYPE,
    "view": {"stroke": None},
    "axis": {
        "aria": False,
        "domain": False,
        "ticks": False,
        "gridColor": "var(--grid)",
        "labelColor": "var(--muted)",
        "labelFontSize": 12,
        "labelLimit": 260,
        "labelPadding": 6,
        "titleColor": "var(--muted)",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    },
    "axisY": {  # its title lies above it, where it can be read
        "labelLimit": 260,
        "titleAlign": "left",
        "titleAnchor": "end",
        "titleAngle": 0,
        "titleX": 0,
        "titleY": -12,
    },
    "legend": {
        "aria": False,
        "orient": "top",
        "columns": 4,
        "title": None,
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "labelLimit": 220,
        "symbolSize": 90,
    },
}


def _bands() -> "alt.Scale":
    import altair as alt

    return alt.Scale(paddingInner=0.35, paddingOuter=0.2)


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
