"""The section on printed accuracy against measured latency."""

from collections.abc import Iterator, Sequence

from edgebench import units
from edgebench.judge.fronts import LEAST_NETWORKS, Front
from edgebench.report.explained import setting as place_name
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Spot, Stroke
from edgebench.report.page.document import Cell, Column, Section, Table
from edgebench.report.page.material import Material, some
from edgebench.report.page.trials import LATENCY

_MOST_LABELS = 12


def accuracy(material: Material) -> Section:
    """Return printed accuracy against measured latency at the places where enough networks were measured."""
    title = "Printed accuracy against measured latency"
    if not material.fronts:
        return Section(
            name="accuracy",
            title=title,
            says=(
                f"A front needs {LEAST_NETWORKS} networks with a printed ImageNet accuracy in one setting; this run "
                f"has {material.printed}. `edgebench run --suite mobile` measures such networks, and "
                "`edgebench claims --front` shows those of published measurements.",
            ),
        )
    spots = [one for front in material.fronts for one in _spots(front, named=front is material.fronts[0])]
    lines = [
        Stroke(series=place_name(front.place), x=one.latency_s, y=one.accuracy.top1)
        for front in material.fronts
        for one in sorted(front.networks, key=lambda network: network.latency_s)
        if one.by_latency
    ]
    chart = charts.plane(
        "accuracy",
        f"Printed top-1 accuracy against measured latency, {len(spots)} networks, and the front of each place.",
        spots,
        (LATENCY, Quantity(title="top-1 accuracy as printed (%)", unit="plain")),
        lines=lines,
        logarithmic=(True, False),
    )
    says = (
        "Accuracy is what the authors of the networks print; nothing was trained or tested here. A line joins the "
        "networks that no other of its setting beats in both.",
        *_moved(material.fronts),
    )
    return Section(name="accuracy", title=title, says=says, charts=(chart,), tables=(_accuracy_table(material.fronts),))


def _spots(front: Front, *, named: bool) -> Iterator[Spot]:
    """Yield the networks of a front; `named` ones bear their names, where they are few."""
    for one in front.networks:
        yield Spot(
            series=place_name(front.place),
            x=one.latency_s,
            y=one.accuracy.top1,
            name=one.model,
            shown=f"{one.accuracy.top1:.1f} %, {units.seconds(one.latency_s)}",
            label=one.model if named and len(front.networks) <= _MOST_LABELS else "",
        )


def _moved(fronts: Sequence[Front]) -> Iterator[str]:
    """Yield which networks are worth their mult-adds and not their latency, or the other way round."""
    for front in fronts:
        only_counted = [one.model for one in front.networks if one.by_mult_adds and not one.by_latency]
        only_timed = [one.model for one in front.networks if one.by_latency and not one.by_mult_adds]
        told = [f"{some(only_counted, 4)} by mult-adds alone"] if only_counted else []
        told += [f"{some(only_timed, 4)} by latency alone"] if only_timed else []
        if told:
            yield f"{place_name(front.place)}: on the front stand {' and '.join(told)}."


def _accuracy_table(fronts: Sequence[Front]) -> Table:
    return Table(
        name="accuracy",
        title="Rows: printed accuracy and latency",
        columns=(
            Column(name="Setting"),
            Column(name="Model"),
            Column(name="Top-1", number=True),
            Column(name="Mult-adds", number=True),
            Column(name="Latency", number=True),
            Column(name="On the front by"),
            Column(name="Accuracy printed by"),
        ),
        rows=tuple(
            (
                document.text(place_name(front.place)),
                document.text(one.model),
                Cell(text=f"{one.accuracy.top1:.1f} %", key=one.accuracy.top1),
                document.count(one.mult_adds),
                document.seconds(one.latency_s),
                document.text(
                    " and ".join(
                        name for name, on in (("mult-adds", one.by_mult_adds), ("latency", one.by_latency)) if on
                    )
                ),
                document.text(one.accuracy.source),
            )
            for front in fronts
            for one in front.networks
        ),
        source="trials.csv",
    )
