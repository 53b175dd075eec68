"""The colours of charts: names that the page's style sheet fills, for light, dark and paper; and those of a picture."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebench.report.page.document import Chart

if TYPE_CHECKING:
    import altair as alt

SERIES = 8
"""Colours that are told apart; a ninth series takes the first one again, with another shape."""

_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
_NAMES = frozenset({"datasets", "domain", "sort"})  # keys of a chart that hold a run's own texts

PRINTED: Mapping[str, str] = {
    # Okabe and Ito's colours for the colour-blind, their yellow left out: on white it is not seen.
    "var(--series-1)": "#0072b2",
    "var(--series-2)": "#d55e00",
    "var(--series-3)": "#009e73",
    "var(--series-4)": "#cc79a7",
    "var(--series-5)": "#e69f00",
    "var(--series-6)": "#56b4e9",
    "var(--series-7)": "#000000",
    "var(--series-8)": "#767676",
    "var(--ink)": "#1b1f24",
    "var(--muted)": "#57606a",
    "var(--grid)": "#e4e7eb",
    "var(--accent)": "#0b5cad",
    "var(--warn)": "#b3261e",
    "var(--surface)": "#ffffff",
}
"""The names that stand for colours in a chart, with the colours of a picture in a file of its own."""


def coloured(series: Sequence[str], field: str = "series:N", offset: int = 8) -> "tuple[alt.Color, alt.Shape]":
    """Return the encodings of series by colour and by shape; one alone needs no legend."""
    import altair as alt

    colours = [f"var(--series-{number % SERIES + 1})" for number in range(len(series))]
    shapes = [_SHAPES[(number + number // SERIES) % len(_SHAPES)] for number in range(len(series))]
    legend: Any = alt.Legend(title=None, offset=offset) if len(series) > 1 else None
    return (
        alt.Color(field, scale=alt.Scale(domain=list(series), range=colours), legend=legend),
        alt.Shape(field, scale=alt.Scale(domain=list(series), range=shapes), legend=legend),
    )


def printed(chart: Chart, width: int = 720) -> str:
    """Return a chart as JSON of Vega-Lite with colours in it, so many pixels wide: for a picture in a file."""
    spec = {**chart.spec, "width": width, "background": PRINTED["var(--surface)"]}
    spec["config"] = {**spec["config"], "font": "sans-serif"}
    return json.dumps(_replaced(spec))


def _replaced(value: Any) -> Any:
    """Return colours for their names, wherever these stand alone: in no name of a model."""
    if isinstance(value, dict):
        return {key: inner if key in _NAMES else _replaced(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner) for inner in value]
    return PRINTED.get(value, value) if isinstance(value, str) else value
