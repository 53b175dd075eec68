"""`edgebench count`: what a model costs on paper."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebench.cli.options import Inputs, Json, Weights, belonging
from edgebench.cli.printing import fields, print_json, print_sentence, print_table, say
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.api.counting import Counting
    from edgebench.api.executing import Execution, Wanted

_BY = ("kind", "convention")
_LOST = 3


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
    executed: Annotated[
        bool, typer.Option("--executed", help="Count the instructions that an emulated board really executes.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="With --executed: a kind of board, such as rpi4.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="With --executed: a runtime; repeatable.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="With --executed: one that the runtime has, such as int8; default: fp32.")
    ] = None,
    wheel: Annotated[
        list[str] | None,
        typer.Option(help="With --executed: a package in another version, onnxruntime==1.22.0; repeatable."),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=0, help="With --executed: inferences counted beyond the first; default: 0.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count mult-adds, parameters, and the bytes that a model keeps, moves and holds, from its graph."""
    board = {"--device": device, "--backend": backend, "--precision": precision, "--wheel": wheel, "--repeats": repeats}
    _refuse(by, executed, paper=bool(layers or convention), board=board)
    from edgebench import api

    if executed:
        assert device is not None, "_refuse saw to it"
        wanted = api.Wanted(
            model=model,
            device=device,
            backends=tuple(backend or ()),
            batch=batch,
            inputs=tuple(inputs or ()),
            weights=weights,
            precision=precision or "fp32",
            packages=tuple(wheel or ()),
            by_layer=by == "kind",
            repeats=repeats or 0,
        )
        _show_executed(wanted, as_json)
    else:
        counting = api.count(model, batch, convention or (), inputs=inputs or (), weights=weights)
        _show(counting, layers=layers, by=by, as_json=as_json)


def _refuse(by: str | None, executed: bool, *, paper: bool, board: dict[str, Any]) -> None:
    """Raise UsageError for options that do not go together."""
    if by not in (None, *_BY):
        raise UsageError(f"--by is {by!r}: expected {' or '.join(_BY)}.")
    if not executed:
        belonging("--executed", board)
    if executed and (paper or by == "convention"):
        raise UsageError("--executed counts what a board does: it goes with --batch and --by kind alone.")
    if executed and None in (board["--device"], board["--backend"]):
        raise UsageError("--executed needs a --device, whose core is emulated, and a --backend: rpi4 and ncnn, say.")


def _show(counting: "Counting", *, layers: bool, by: str | None, as_json: bool) -> None:
    """Print what a model costs on paper."""
    from edgebench.report import lists

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


def _show_executed(wanted: "Wanted", as_json: bool) -> None:
    """Print what one steady inference executes on an emulated board; end with code 3 when a runtime failed."""
    from edgebench import api

    execution = api.executed(wanted, say)
    if as_json:
        print_json(execution.found)
    elif execution.found:
        _print_executed(execution, by_layer=wanted.by_layer)
    for reason in execution.lost.values():
        say(f"edgebench: {reason}")
    if execution.lost:
        raise typer.Exit(_LOST)


def _print_executed(execution: "Execution", *, by_layer: bool) -> None:
    from edgebench.report import executed as tables

    print_table(tables.executed(execution.found))
    for one in execution.found:
        by_kind = tables.kinds(one)
        if by_kind is not None:
            print_table(by_kind)
        elif by_layer:
            print_sentence(f"{one.backend}: its layers cannot be told apart.")
        for sentence in execution.explanations[one.backend]:
            print_sentence(f"{one.backend}: {sentence}.")
