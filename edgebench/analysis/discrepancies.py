"""Where printed figures contradict each other, or what counting gives: what is said, and what comes out.

They stand in `edgebench/reference/figures/discrepancies.toml`; their figures are counted, none is written down there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

from edgebench import tomlfile
from edgebench.analysis import convention, printed
from edgebench.analysis.cost import Cost
from edgebench.analysis.printed import Comparison, Printed
from edgebench.analysis.published import Row, folder
from edgebench.errors import UsageError

_FILE = "discrepancies.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Something that a source says of networks beside what stands in its rows.

    share: of the mult-adds of `model`, that of the layers of `kind`. layers: how many of that kind it has. ratio: the
    operations of `model` over those of `baseline`, each under its convention. points: what the accuracy of the row
    `model` is above that of the row `baseline`.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    what: str
    printed: str
    measure: Literal["share", "layers", "ratio", "points"]
    model: str
    kind: str = ""
    baseline: str = ""
    convention: tuple[str, ...] = ()
    baseline_convention: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One that is known: the rows and quantities that show it, and how it came about as far as that is known."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    title: str
    explanation: str
    rows: tuple[str, ...] = ()  # SOURCE/ID
    quantities: tuple[Quantity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A quantity with what counting gives for it."""

    quantity: Quantity
    printed: Printed
    counted: Fraction
    comparison: Comparison


def read() -> dict[str, Discrepancy]:
    """Return those that are known by their names, in the order in which they are to be shown."""
    return tomlfile.read(folder() / _FILE, dict[str, Discrepancy])


def models(discrepancies: Iterable[Discrepancy]) -> Iterator[str]:
    """Yield the specification of each network that has to be counted for their quantities, each once."""
    counted = [one for each in discrepancies for one in each.quantities if one.measure != "points"]
    yield from dict.fromkeys(model for one in counted for model in (one.model, one.baseline) if model)


def find(quantity: Quantity, costs: Mapping[str, Cost], rows: Mapping[str, Row]) -> Found:
    """Return what a quantity is, from the costs of its models or its rows (by SOURCE/ID)."""
    counted = _points(quantity, rows) if quantity.measure == "points" else _COUNTED[quantity.measure](quantity, costs)
    said = printed.parse(quantity.printed)
    return Found(quantity=quantity, printed=said, counted=counted, comparison=printed.compare(said, counted))


def _share(quantity: Quantity, costs: Mapping[str, Cost]) -> Fraction:
    cost = costs[quantity.model]
    of_kind = sum(layer.mult_adds for layer in cost.layers if layer.kind == quantity.kind)
    return Fraction(of_kind, cost.mult_adds)


def _layers(quantity: Quantity, costs: Mapping[str, Cost]) -> Fraction:
    return Fraction(sum(layer.kind == quantity.kind for layer in costs[quantity.model].layers))


def _ratio(quantity: Quantity, costs: Mapping[str, Cost]) -> Fraction:
    above, below = (
        convention.figures(costs[model], convention.parse(words)).operations
        for model, words in (
            (quantity.model, quantity.convention),
            (quantity.baseline, quantity.baseline_convention),
        )
    )
    return Fraction(above, below)


_COUNTED: Mapping[str, Callable[[Quantity, Mapping[str, Cost]], Fraction]] = {
    "share": _share,
    "layers": _layers,
    "ratio": _ratio,
}


def _points(quantity: Quantity, rows: Mapping[str, Row]) -> Fraction:
    above, below = (_accuracy(rows, name) for name in (quantity.model, quantity.baseline))
    return above - below


def _accuracy(rows: Mapping[str, Row], name: str) -> Fraction:
    if name not in rows or not rows[name].top1:
        raise UsageError(f"{folder() / _FILE}: {name} is no row with top1: expected SOURCE/ID of one.")
    return Fraction(rows[name].top1)
