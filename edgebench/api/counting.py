"""Count a model by its specification."""

from dataclasses import dataclass

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost


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
    return Counting(model=architectures.name(parsed), batch=batch, cost=analysis.count(parsed, batch))
