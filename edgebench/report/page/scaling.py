"""The section on how a network scales: latency and mult-adds against width and resolution, with exponents."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgebench import units
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Spot, Stroke
from edgebench.report.page.document import Cell, Chart, Column, Section, Table
from edgebench.report.page.material import Material, Naming, distinct, some
from edgebench.report.page.power_law import power_law
from edgebench.report.page.trials import LATENCY, latency
from edgebench.store.rows import TrialRow

_LEAST_VALUES = 3
_MOST_LINES = 12
_MOST_SENTENCES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """A network at one width and resolution in one setting."""

    family: str  # with all parameters but the one that is scaled
    setting: str
    value: float
    row: TrialRow


def scaling(material: Material) -> Section:
    """Return how latency and mult-adds grow with width and with resolution, where a run has three values of one."""
    title = "Scaling in width and resolution"
    drawn, rows, says = [], [], []
    for parameter, of in (("width", _width), ("resolution", _resolution)):
        groups = _scaled(material, parameter, of)
        if groups:
            drawn.append(_scaling_chart(parameter, groups))
            says += list(_exponents(parameter, groups))
            rows += [_scaling_row(parameter, one) for group in groups for one in group]
    if not drawn:
        return Section(
            name="scaling",
            title=title,
            says=(
                "An exponent needs one network at three widths or three resolutions in one setting, such as "
                "`edgebench run --model mobilenet_v1 --model mobilenet_v1:width=0.75 --model mobilenet_v1:width=0.5`; "
                "this run has none.",
            ),
        )
    names = ("Parameter", "Network", "Setting")
    figures = ("Value", "Mult-adds", "Latency", "95 % interval")
    table = Table(
        name="scaling",
        title="Rows: scaled networks",
        columns=(*(Column(name=name) for name in names), *(Column(name=name, number=True) for name in figures)),
        rows=tuple(rows),
        source="trials.csv",
    )
    return Section(name="scaling", title=title, says=tuple(says), charts=tuple(drawn), tables=(table,))


def _scaled(material: Material, parameter: str, of: Callable[[TrialRow], float | None]) -> list[list[_Scaled]]:
    naming = Naming(material.own)
    groups: defaultdict[tuple[str, str], list[_Scaled]] = defaultdict(list)
    for row in material.timed:
        value = of(row)
        if row.mult_adds and value is not None:
            family, setting = _without(row, parameter), naming.setting(row)
            groups[family, setting].append(_Scaled(family=family, setting=setting, value=value, row=row))
    return [group for group in groups.values() if len({one.value for one in group}) >= _LEAST_VALUES]


def _parameters(model: str) -> tuple[str, dict[str, str]]:
    """Return the architecture of a model and its parameters, as they are written.

    >>> _parameters("mobilenet_v1:width=0.5,resolution=160")
    ('mobilenet_v1', {'width': '0.5', 'resolution': '160'})
    """
    architecture, _, text = model.partition(":")
    return architecture, {key: value for key, _, value in (item.partition("=") for item in text.split(",") if item)}


def _width(row: TrialRow) -> float | None:
    """Return the width multiplier of a network: that of all architectures is 1 where none is written."""
    return _plain_number(_parameters(row.model)[1].get("width", "1"))


def _resolution(row: TrialRow) -> float | None:
    """Return the side of a square input: of x=1x3x224x224 that is 224."""
    sides = (row.inputs or "").partition("=")[2].split("x")
    return _plain_number(sides[-1]) if len(sides) == 4 and sides[-1] == sides[-2] else None


def _plain_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _without(row: TrialRow, parameter: str) -> str:
    """Return a model without the parameter that is scaled; of other widths, the resolution counts and vice versa."""
    architecture, given = _parameters(row.model)
    kept = [f"{key}={value}" if value else key for key, value in given.items() if key != parameter]
    if parameter == "width" and "resolution" not in given and (side := _resolution(row)) is not None:
        kept.append(f"resolution={side:g}")
    return f"{architecture}:{','.join(kept)}" if kept else architecture


def _series(one: _Scaled) -> str:
    return f"{one.family} in {one.setting}"


def _scaling_chart(parameter: str, groups: Sequence[Sequence[_Scaled]]) -> Chart:
    spots = [
        Spot(
            series=_series(one),
            x=one.value,
            y=one.row.latency_p50_s or 0.0,
            low=one.row.latency_p50_low_s,
            high=one.row.latency_p50_high_s,
            name=one.row.model,
            shown=f"{units.count(one.row.mult_adds)} mult-adds, {latency(one.row)}",
        )
        for group in groups[:_MOST_LINES]
        for one in group
    ]
    lines = []
    for group in groups[:_MOST_LINES]:
        fit = power_law([(one.value, one.row.latency_p50_s or 0.0) for one in group])
        ends = (min(one.value for one in group), max(one.value for one in group))
        lines += [Stroke(series=_series(group[0]), x=end, y=fit.at(end)) for end in ends if fit is not None]
    return charts.plane(
        f"scaling-{parameter}",
        f"Latency against {parameter}, both logarithmic, with fitted lines.",
        spots,
        (Quantity(title=parameter, unit="plain"), LATENCY),
        lines=lines,
    )


def _exponents(parameter: str, groups: Sequence[Sequence[_Scaled]]) -> Iterator[str]:
    for family in distinct(group[0].family for group in groups):
        members = [group for group in groups if group[0].family == family]
        told = []
        for group in members:
            fit = power_law([(one.value, one.row.latency_p50_s or 0.0) for one in group])
            if fit is not None:
                told.append(f"{group[0].setting} {units.digits(fit.exponent)} (R2 {units.digits(fit.r2)})")
        counted = power_law([(one.value, float(one.row.mult_adds or 0)) for one in members[0]])
        if counted is not None and told:
            yield (
                f"{family}: mult-adds grow as {parameter} to the power of {units.digits(counted.exponent)}, latency: "
                f"{some(told, _MOST_SENTENCES)}; {len(members[0])} values."
            )


def _scaling_row(parameter: str, one: _Scaled) -> tuple[Cell, ...]:
    return (
        document.text(parameter),
        document.text(one.family),
        document.text(one.setting),
        Cell(text=f"{one.value:g}", key=one.value),
        document.count(one.row.mult_adds),
        document.seconds(one.row.latency_p50_s),
        document.between(one.row.latency_p50_low_s, one.row.latency_p50_high_s),
    )
