"""Count a model by its specification."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgebench import analysis, architectures, extras, formats
from edgebench.analysis import convention as conventions
from edgebench.analysis.convention import Convention, Figures
from edgebench.analysis.cost import Cost
from edgebench.api._models import canonical
from edgebench.errors import UsageError
from edgebench.store.records import Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """A model under its canonical name, with what it costs on paper, and its figures as others would count them."""

    model: str
    batch: int
    cost: Cost
    convention: Convention
    figures: Figures


def count(
    model: str,
    batch: int = 1,
    convention: Iterable[str] = (),
    *,
    inputs: Iterable[str] = (),
    weights: Path | None = None,
) -> Counting:
    """Return what a model such as `mobilenet_v1:width=0.5` costs on paper; no weight is allocated.

    The words of a convention (`edgebench.analysis.convention.WORDS`) say how `figures` are counted; without any they
    are our mult-adds and weights. `inputs` and `weights` are as in `Request`. Raise UsageError for an unknown
    architecture, parameter, value or word, and for a user's file that cannot be used.
    """
    wanted = conventions.parse(convention)
    (name,) = canonical((model,), inputs, weights)
    cost = _cost(architectures.parse(name), batch)
    return Counting(
        model=name,
        batch=batch,
        cost=cost,
        convention=wanted,
        figures=conventions.figures(cost, wanted),
    )


def counted(model: str) -> Counted:
    """Return the cost of a model at batch 1, as it is kept with what was measured."""
    parsed = architectures.parse(model)
    cost = _cost(parsed)
    return Counted(
        model=model,
        inputs=formats.input_shapes(parsed),
        mult_adds=cost.mult_adds,
        params=cost.params,
        bias_params=cost.bias_params,
        bn_params=cost.bn_params,
        layers=cost.layers,
    )


def _cost(model: architectures.Model, batch: int = 1) -> Cost:
    try:
        return analysis.count(model, batch)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError(
            f"To count a model needs torch, which is not installed: {extras.way('host')}, "
            "or measure a bundle that `edgebench pack` made on another machine (run --bundle)."
        ) from error
