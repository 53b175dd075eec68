"""What a network costs on paper: trace it, count it. Sees no measurement."""

from functools import partial

from edgebench import architectures
from edgebench.analysis import cost, trace


def count(model: architectures.Model, batch: int = 1) -> cost.Cost:
    """Return mult-adds and parameters of a model, layer by layer; no weight is allocated.

    >>> from edgebench.architectures import parse
    >>> count(parse("mobilenet_v1")).mult_adds
    568740352
    """
    graph = trace.trace(partial(architectures.build, model), architectures.input_shapes(model, batch))
    return cost.cost(graph)
