"""The section on kinds of layers: their share of the mult-adds, beside their share of the time where that was taken."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgebench.report.answer import backend_of
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Slice
from edgebench.report.page.document import Cell, Column, Section, Table
from edgebench.report.page.material import Material
from edgebench.report.page.trials import MOST_ROWS
from edgebench.store import layers
from edgebench.store.layers import KindTime
from edgebench.store.rows import LayerRow

_SHARE = Quantity(title="share of the model's mult-adds, or of its time", unit="share")
_MOST_KINDS = 7

MULT_ADDS = "mult-adds"
"""What a bar is of that was counted, not timed."""

_UNTIMED = (
    "This is what was counted: layers were not timed one by one (`run --layers` does that). "
    "`edgebench count MODEL --executed --by kind` counts what a runtime executes for each kind."
)
_TIMED = (
    "Below the mult-adds of a model stands the time of its layers in each backend. What is no layer, and what the "
    "runtime did not let be found among its operations, is among other operations."
)
_ALONE = "A star marks a runtime that does not tell: there each layer was timed as a model of its own."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The parts of a whole, by kind of layer; `layers` of them were found."""

    model: str
    of: str
    shares: Mapping[str, float]
    layers: Mapping[str, int]


def kinds(material: Material) -> Section:
    """Return the shares of the mult-adds by kind of layer, and those of the time where layers were timed."""
    shares = bars(material.summary.layers)
    if not shares:
        none = "No layer of these models was counted."
        return Section(name="kinds", title="Mult-adds by kind of layer", says=(none,))
    timed = [bar for bar in shares if bar.of != MULT_ADDS]
    title = f"Mult-adds{' and time' * bool(timed)} by kind of layer"
    shown = shares[:MOST_ROWS]
    says = [_TIMED if timed else _UNTIMED]
    says += [_ALONE] if any(bar.of.endswith("*") for bar in timed) else []
    says += [f"The picture leaves out {len(shares) - len(shown)} rows."] if len(shares) > len(shown) else []
    chart = charts.bars("kinds", f"{title}, {len(shown)} rows.", list(_slices(shown)), _SHARE)
    return Section(name="kinds", title=title, says=tuple(says), charts=(chart,), tables=(_table(shares),))


def bars(rows: Sequence[LayerRow]) -> list[Bar]:
    """Return what there is to draw: the mult-adds of each model, then its time in each trial that has layers."""
    timed = list(_timed(layers.kinds(rows)))
    counted = _counted(row for row in rows if row.trial is None)
    return [bar for one in counted for bar in (one, *(other for other in timed if other.model == one.model))]


def _counted(rows: Iterable[LayerRow]) -> Iterator[Bar]:
    found: defaultdict[str, list[LayerRow]] = defaultdict(list)
    for row in rows:
        found[row.model].append(row)
    for model, members in found.items():
        shares: defaultdict[str, float] = defaultdict(float)
        number: defaultdict[str, int] = defaultdict(int)
        for row in members:
            shares[row.kind] += row.mult_adds_share
            number[row.kind] += 1
        yield Bar(model=model, of=MULT_ADDS, shares=shares, layers=number)


def _timed(times: Iterable[KindTime]) -> Iterator[Bar]:
    found: defaultdict[tuple[str, str], list[KindTime]] = defaultdict(list)
    for one in times:
        found[one.model, one.trial].append(one)
    for (model, trial), members in found.items():
        alone = any(one.source != "runtime" for one in members)
        yield Bar(
            model=model,
            of=f"time in {backend_of(trial)}{'*' * alone}",
            shares={one.kind: one.time_share for one in members},
            layers={one.kind: one.layers for one in members},
        )


def _slices(bars: Sequence[Bar]) -> Iterator[Slice]:
    """Yield the parts of each bar, the kinds that are largest over all of them by name."""
    totals: defaultdict[str, float] = defaultdict(float)
    for bar in bars:
        for kind, share in bar.shares.items():
            totals[kind] += share
    largest = sorted(totals, key=lambda kind: -totals[kind])[:_MOST_KINDS]
    alone = all(bar.of == MULT_ADDS for bar in bars)
    for bar in bars:
        row = bar.model if alone else f"{bar.model}: {bar.of}"
        rest = sum(share for kind, share in bar.shares.items() if kind not in largest)
        for kind in largest:
            share = bar.shares.get(kind, 0.0)
            yield Slice(row=row, part=kind, x=share, shown=f"{100 * share:.1f} %")
        if rest:
            yield Slice(row=row, part="all others", x=rest, shown=f"{100 * rest:.1f} %")


def _table(bars: Iterable[Bar]) -> Table:
    return Table(
        name="kinds",
        title="Rows: kinds of layers",
        columns=(
            Column(name="Model"),
            Column(name="Share of"),
            Column(name="Kind"),
            Column(name="Layers", number=True),
            Column(name="Share", number=True),
        ),
        rows=tuple(_row(bar, kind) for bar in bars for kind in sorted(bar.shares, key=lambda kind: -bar.shares[kind])),
        source="layers.csv",
    )


def _row(bar: Bar, kind: str) -> tuple[Cell, ...]:
    return (
        document.text(bar.model),
        document.text(bar.of),
        document.text(kind),
        document.whole(bar.layers[kind]),
        document.share(bar.shares[kind]),
    )
