"""`edgebench predict`: what a model will take on a device, before anything is copied there."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebench.cli.options import Inputs, Json, Results, Weights
from edgebench.cli.printing import fields, print_json, print_sentence, print_table
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.analysis.forecasts import Forecast, Forecasts

_LIMIT = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def predict(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    model: Annotated[
        list[str] | None, typer.Argument(help="Models, such as mobilenet_v1:width=0.5 or my.onnx.")
    ] = None,
    device: Annotated[str, typer.Option(help="A kind of board, a unit of boards.toml, or host.")] = "host",
    suite: Annotated[str | None, typer.Option(help="Models under one name.")] = None,
    backend: Annotated[
        list[str] | None, typer.Option(help="A runtime; default: those of the device; repeatable.")
    ] = None,
    precision: Annotated[list[str] | None, typer.Option(help="fp32, fp16 or int8; repeatable.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="Threads; repeatable.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Inputs per call.")] = 1,
    within: Annotated[
        str | None, typer.Option(help="Say which models keep a limit, such as 30ms, and how accurate they are.")
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="The bounds of every operation, in the first set-up.")
    ] = False,
    inputs: Inputs = None,
    weights: Weights = None,
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """Predict latency with an interval, the physical limit and the memory of models on a device."""
    from edgebench import api

    limit_s = None if within is None else _seconds(within)
    found = api.forecast(
        api.ForecastRequest(
            models=tuple(model or ()),
            suite=suite,
            device=device,
            backends=tuple(backend or ()),
            precisions=tuple(precision or ()),
            threads=tuple(threads or ()),
            batch=batch,
            inputs=tuple(inputs or ()),
            weights=weights,
            results=results,
        )
    )
    if as_json:
        print_json(_document(found, limit_s, layers))
    elif limit_s is not None:
        _show_within(found, limit_s)
    else:
        _show(found, layers)


def _show(found: "Forecasts", layers: bool) -> None:
    from edgebench.report import predictions

    for model in dict.fromkeys(one.model for one in found.forecasts):
        own = [one for one in found.forecasts if one.model == model]
        print_table(predictions.one_model(found, own))
        for sentence in predictions.sentences(found, own):
            print_sentence(sentence)
        if layers and own[0].bound is not None:
            print_table(predictions.operations(own[0].bound))


def _show_within(found: "Forecasts", limit_s: float) -> None:
    from edgebench.report import predictions

    best = predictions.ranked(found, limit_s)
    print_table(predictions.within(found, limit_s))
    for sentence in (*predictions.printed_by(best), *predictions.sentences(found, best)):
        print_sentence(sentence)


def _document(found: "Forecasts", limit_s: float | None, layers: bool) -> dict[str, Any]:
    return {**fields(found), "forecasts": [_forecast(found, one, limit_s, layers) for one in found.forecasts]}


def _forecast(found: "Forecasts", one: "Forecast", limit_s: float | None, layers: bool) -> dict[str, Any]:
    from edgebench.report import predictions

    memories = None if one.memory is None else found.verdicts(one.memory)
    return {
        **fields(one),
        "bound": {"lower_s": one.lower_s, "reference_s": one.reference_s},
        "operations": one.bound.ops if one.bound and layers else None,
        "within": None if limit_s is None else predictions.answer(one, limit_s),
        "memories": memories and [{**fields(memory), "verdict": verdict} for memory, verdict in memories],
    }


def _seconds(text: str) -> float:
    """Return the seconds of a limit.

    >>> _seconds("30ms")
    0.03
    """
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--within is {text!r}: expected a number with us, ms or s, such as 30ms.")
    return float(match[1]) * _SECONDS[match[2]]
