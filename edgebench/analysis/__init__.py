"""What a network costs on paper: trace it, count it. Sees no measurement."""

import contextlib
import io
from collections.abc import Iterator
from functools import partial

from edgebench import architectures, formats
from edgebench.analysis import cost, onnx_graph, tables, tflite_graph, trace
from edgebench.analysis.graph import Graph
from edgebench.errors import EdgebenchError, UsageError


def count(model: architectures.Model, batch: int = 1) -> cost.Cost:
    """Return mult-adds and parameters of a model, layer by layer; no weight is allocated.

    >>> from edgebench.architectures import parse
    >>> count(parse("mobilenet_v1")).mult_adds
    568740352
    """
    if architectures.is_file(model):
        return cost.cost(file_graph(formats.file_graph(model, batch)))
    listed = architectures.table(model)
    if listed is not None:
        return tables.cost(listed, batch)
    with _said(model):
        graph = trace.trace(partial(architectures.build, model), architectures.input_shapes(model, batch))
    return cost.cost(graph)


@contextlib.contextmanager
def _said(model: architectures.Model) -> Iterator[None]:
    """Say in one sentence what a user's own network raises; in those of this package it would be a bug."""
    if not architectures.is_users(model):
        yield
        return
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # torch prints its traceback
            yield
    except (EdgebenchError, ImportError):
        raise
    except Exception as error:
        said = error.__cause__ or error  # shape propagation wraps what a layer says
        first = (str(said).strip().splitlines() or ["no message"])[0]
        raise UsageError(
            f"{architectures.name(model)} cannot be run on inputs of these shapes: "
            f"{type(said).__name__} ({first[:200].rstrip('.')})."
        ) from error


def file_graph(file: formats.FileGraph) -> Graph:
    """Return the network in a file that was read; raise UsageError for an operation that has no rule."""
    return onnx_graph.graph(file) if file.format == "onnx" else tflite_graph.graph(file)
