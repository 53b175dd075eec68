"""Count a model by its specification."""

from dataclasses import dataclass

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost
from edgebench.errors import UsageError
from edgebench.store.records import Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """A model under its canonical name, with what it costs on paper."""

    model: str
    batch: int
    cost: Cost


def count(model: str, batch: int = 1) -> Counting:
    """Return mult-adds and parameters of a model such as `mobilenet_v1:width=0.5`; no weight is allocated.

    Raise UsageError for an unknown architecture, parameter or value.
    """
    parsed = architectures.parse(model)
    return Counting(model=architectures.name(parsed), batch=batch, cost=_cost(parsed, batch))


def counted(model: str) -> Counted:
    """Return the cost of a model at batch 1, as it is kept with what was measured."""
    parsed = architectures.parse(model)
    cost = _cost(parsed)
    return Counted(
        model=model,
        inputs=architectures.input_shapes(parsed),
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
            "To count a model needs torch, which is not installed: pip install 'edgebench[host]', "
            "or measure a bundle that `edgebench pack` made on another machine (run --bundle)."
        ) from error
