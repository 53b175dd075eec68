"""The section that sets latency beside what is counted: on logarithmic axes, with a fit and the physical bound."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from edgebench import units
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Spot, Stroke
from edgebench.report.page.document import Column, Section, Table
from edgebench.report.page.material import Material, Naming, some
from edgebench.report.page.power_law import Fit, power_law
from edgebench.report.page.thinning import thinned
from edgebench.report.page.trials import LATENCY, latency
from edgebench.store.rows import TrialRow

_MULT_ADDS = Quantity(title="mult-adds of a call", unit="count")
_MOST_LABELS = 12
_NEAR = 0.14  # of the width of a chart: names of models take about so much
_MOST_SENTENCES = 8


def against_mult_adds(material: Material) -> Section:
    """Return latency against mult-adds on logarithmic axes, a line fitted to each setting, and the physical bound."""
    title = "Latency against mult-adds"
    rows = [row for row in material.timed if row.mult_adds]
    if not rows:
        return Section(name="counts", title=title, says=("No trial has both a latency and a count of mult-adds.",))
    naming = Naming(material.own)
    by_setting: defaultdict[str, list[TrialRow]] = defaultdict(list)
    for row in rows:
        by_setting[naming.setting(row)].append(row)
    fits = {name: power_law([_point(row) for row in members]) for name, members in by_setting.items()}
    above, below = _labels(rows)
    spots, bands = thinned([_spot(row, naming, above, below) for row in rows])
    lines = (
        [*bands] if bands else [vertex for name, fit in fits.items() for vertex in _line(name, fit, by_setting[name])]
    )
    chart = charts.plane(
        "counts",
        f"Latency against mult-adds of {len(rows)} trials, both logarithmic.",
        spots,
        (_MULT_ADDS, LATENCY),
        lines=lines,
        limits=[] if bands else _limits(rows),
    )
    says = [*_fitted(fits), *_bounded(rows)]
    if bands:
        says.append(f"{len(rows)} trials are too many to be points: the bands hold eight of ten, the lines the middle.")
    return Section(name="counts", title=title, says=tuple(says), charts=(chart,), tables=(_counts_table(rows, naming),))


def _point(row: TrialRow) -> tuple[float, float]:
    return float((row.mult_adds or 0) * row.batch), row.latency_p50_s or 0.0


_Named = frozenset[tuple[str, float | None]]


def _labels(rows: Sequence[TrialRow]) -> tuple[_Named, _Named]:
    """Return which trials bear the name of their model above and below them; none where there are many models.

    Above stands the slowest trial of a model; where two would touch, the right one stands below its fastest.
    """
    ordered = sorted(rows, key=lambda row: row.latency_p50_s or 0.0)
    slowest, fastest = {row.model: row for row in ordered}, {row.model: row for row in reversed(ordered)}
    if len(slowest) > _MOST_LABELS:
        return frozenset(), frozenset()
    xs = [math.log(_point(row)[0]) for row in rows]
    near, last, above, below = _NEAR * (max(xs) - min(xs)), -math.inf, [], []
    for row in sorted(slowest.values(), key=lambda row: _point(row)[0]):
        x = math.log(_point(row)[0])
        if x - last > near:
            above.append((row.model, row.latency_p50_s))
            last = x
        else:
            below.append((row.model, fastest[row.model].latency_p50_s))
    return frozenset(above), frozenset(below)


def _spot(row: TrialRow, naming: Naming, above: _Named, below: _Named) -> Spot:
    x, y = _point(row)
    return Spot(
        series=naming.setting(row),
        x=x,
        y=y,
        low=row.latency_p50_low_s,
        high=row.latency_p50_high_s,
        name=row.model,
        shown=f"{units.count(x)} mult-adds, {latency(row)}",
        label=row.model if (row.model, row.latency_p50_s) in above else "",
        below=row.model if (row.model, row.latency_p50_s) in below else "",
    )


def _line(name: str, fit: Fit | None, rows: Sequence[TrialRow]) -> Iterator[Stroke]:
    if fit is not None:
        xs = [_point(row)[0] for row in rows]
        for x in (min(xs), max(xs)):
            yield Stroke(series=name, x=x, y=fit.at(x))


def _limits(rows: Sequence[TrialRow]) -> list[Spot]:
    """Return the bound of each model at each number of threads, once."""
    found = {(row.model, row.threads_asked, row.batch, row.bound_s): row for row in rows if row.bound_s}
    return [
        Spot(
            series="",
            x=_point(row)[0],
            y=row.bound_s or 0.0,
            name=row.model,
            shown=f"bound {units.seconds(row.bound_s)}",
        )
        for row in found.values()
    ]


def _fitted(fits: dict[str, Fit | None]) -> Iterator[str]:
    told = [
        f"{name} {units.digits(fit.exponent)} (R2 {units.digits(fit.r2)}, {fit.points} trials)"
        for name, fit in fits.items()
        if fit is not None
    ]
    if told:
        yield f"Latency grows as mult-adds to the power of {some(told, _MOST_SENTENCES)}; at 1 it follows the count."
    else:
        yield "A line is fitted from three models with different mult-adds on: this run has fewer in every setting."


def _bounded(rows: Sequence[TrialRow]) -> Iterator[str]:
    known = [row for row in rows if row.bound_s is not None and row.efficiency is not None]
    if not known:
        yield (
            "No bound is drawn, because no peak of this machine is known: `edgebench devices probe` measures it, and "
            "`edgebench recompute` then fills the column bound_s."
        )
        return
    shares = sorted(row.efficiency or 0.0 for row in known)
    yield (
        f"Short black strokes are what nothing beats on this processor; trials reach {100 * shares[0]:.0f} to "
        f"{100 * shares[-1]:.0f} % of it."
    )


def _counts_table(rows: Sequence[TrialRow], naming: Naming) -> Table:
    return Table(
        name="counts",
        title="Rows: mult-adds and latencies",
        columns=(
            Column(name="Model"),
            Column(name="Setting"),
            Column(name="Mult-adds", number=True),
            Column(name="Latency", number=True),
            Column(name="95 % interval", number=True),
            Column(name="Bound", number=True),
            Column(name="Of the bound", number=True),
        ),
        rows=tuple(
            (
                document.text(row.model),
                document.text(naming.setting(row)),
                document.count(_point(row)[0]),
                document.seconds(row.latency_p50_s),
                document.between(row.latency_p50_low_s, row.latency_p50_high_s),
                document.seconds(row.bound_s) if row.bound_s is not None else document.text(None),
                document.share(row.efficiency),
            )
            for row in rows
        ),
        source="trials.csv",
    )
