"""`edgebench count`: what a model costs on paper."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebench.cli.options import Inputs, Json, Weights
from edgebench.cli.printing import fields, print_json, print_table
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.api.counting import Counting

_BY = ("kind", "convention")


def count(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    model: Annotated[
        str, typer.Argument(help="A model, such as vgg, my.onnx or layer:separable,size=14,in=512,out=512,kernel=3.")
    ],
    batch: Annotated[int, typer.Option(min=1, help="Inputs per call.")] = 1,
    layers: Annotated[bool, typer.Option("--layers", help="Layer by layer, and the bytes of every operation.")] = False,
    by: Annotated[
        str | None, typer.Option(help="kind: one row a kind of layer; convention: one a way of counting.")
    ] = None,
    convention: Annotated[
        list[str] | None,
        typer.Option(help="Count as another does, such as without-classifier or two-per-mult-add; repeatable."),
    ] = None,
    inputs: Inputs = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Count mult-adds, parameters, and the bytes that a model keeps, moves and holds, from its graph."""
    from edgebench import api
    from edgebench.report import lists

    if by not in (None, *_BY):
        raise UsageError(f"--by is {by!r}: expected {' or '.join(_BY)}.")
    counting = api.count(model, batch, convention or (), inputs=inputs or (), weights=weights)
    if as_json:
        print_json(_document(counting))
        return
    for line in lists.counting(counting.model, counting.batch, counting.cost, counting.convention):
        print(line)
    if layers:
        print_table(lists.layers(counting.cost))
        if counting.cost.memory is not None:
            print_table(lists.operations(counting.cost.memory))
    if by == "kind":
        print_table(lists.kinds(counting.cost))
    elif by == "convention":
        print_table(lists.conventions(counting.cost))


def _document(counting: "Counting") -> dict[str, Any]:
    """Return all that was counted; what only a graph tells is null for a network of which only a table is known."""
    from edgebench.analysis.convention import words
    from edgebench.analysis.kinds import by_kind

    cost, memory = counting.cost, counting.cost.memory
    return {
        "model": counting.model,
        "batch": counting.batch,
        **{name: getattr(cost, name) for name in ("mult_adds", "params", "bias_params", "bn_params")},
        "weight_bytes": memory and memory.weight_bytes,
        "activation_read_bytes": memory and memory.activation_read_bytes,
        "activation_written_bytes": memory and memory.activation_written_bytes,
        "peak": memory and memory.peak,
        "peak_out_of_place": memory and memory.peak_out_of_place,
        "intensity": cost.intensity,
        "convention": {"words": words(counting.convention), **fields(counting.figures)},
        "kinds": by_kind(cost),
        "layers": [{**fields(layer), "intensity": layer.intensity} for layer in cost.layers],
        "operations": memory and memory.ops,
    }
