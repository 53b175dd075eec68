"""What is predicted of models on a device: tables for a terminal, and sentences for what they leave open."""

from collections.abc import Iterator, Sequence
from typing import Literal

from rich.table import Table

from edgebench import units
from edgebench.analysis.bound import Bound
from edgebench.analysis.forecasts import Forecast, Forecasts, RoomInMemory
from edgebench.analysis.predict import UNSEEN
from edgebench.analysis.residence import Verdict
from edgebench.report.terminal import add_row, plain_table

Answer = Literal["yes", "likely", "unlikely", "no", "not known"]

_OPEN = "-"


def one_model(found: Forecasts, forecasts: Sequence[Forecast]) -> Table:
    """Return a table of the set-ups of one model."""
    first = forecasts[0]
    table = plain_table(
        f"{first.model} on {found.device} ({found.title}): {units.count(first.mult_adds)} mult-adds a call",
        "backend!",
        "bound>",
        "direct>",
        "predicted>",
        "90 % interval>",
    )
    for one in forecasts:
        add_row(
            table,
            f"{one.backend} {one.precision} x{one.threads}",
            units.seconds(one.lower_s),
            units.seconds(one.reference_s),
            _predicted(one),
            _interval(one),
        )
    return table


def operations(limit: Bound) -> Table:
    """Return a table of the bounds of every operation: at the peak, as Winograd leaves it, and at the bandwidth."""
    table = plain_table(
        "Bounds of every operation", "operation", "kind!", "direct>", "Winograd>", "memory>", "bound>", "share>"
    )
    total = sum(op.lower_s for op in limit.ops)
    for op in limit.ops:
        spans = (units.seconds(value) for value in (op.direct_s, op.winograd_s, op.memory_s, op.lower_s))
        add_row(table, op.name, op.kind, *spans, f"{op.lower_s / total:.1%}" if total else _OPEN)
    return table


def within(found: Forecasts, limit_s: float) -> Table:
    """Return a table of models, each in its best set-up: those that keep a limit first, then the accurate ones."""
    table = plain_table(
        f"{units.seconds(limit_s)} on {found.device} ({found.title}), each model where it is fastest",
        "model",
        "top-1>",
        "backend!",
        "predicted>",
        "90 % interval>",
        "kept!",
    )
    for one in ranked(found, limit_s):
        add_row(
            table,
            one.model,
            f"{one.accuracy.top1:.1f}" if one.accuracy else _OPEN,
            f"{one.backend} {one.precision} x{one.threads}",
            _predicted(one),
            _interval(one),
            answer(one, limit_s),
        )
    return table


def ranked(found: Forecasts, limit_s: float) -> list[Forecast]:
    """Return each model in the set-up where it is fastest: by whether it keeps the limit, then the most accurate."""
    best: dict[str, Forecast] = {}
    for one in found.forecasts:
        before = best.setdefault(one.model, one)
        if _latency(one) < _latency(before):
            best[one.model] = one
    answers = ("yes", "likely", "unlikely", "no", "not known")
    return sorted(
        best.values(),
        key=lambda one: (answers.index(answer(one, limit_s)), -one.accuracy.top1 if one.accuracy else 0.0),
    )


def answer(one: Forecast, limit_s: float) -> Answer:
    """Return whether a model keeps a limit: likely when its prediction does and its interval goes beyond."""
    if one.lower_s is not None and one.lower_s > limit_s:
        return "no"  # nothing beats the bound
    if one.prediction is None:
        return "not known"
    if one.prediction.high_s <= limit_s:
        return "yes"
    if one.prediction.latency_s <= limit_s:
        return "likely"
    return "unlikely" if one.prediction.low_s <= limit_s else "no"


def sentences(found: Forecasts, forecasts: Sequence[Forecast]) -> Iterator[str]:
    """Yield what a table leaves open: what the bounds stand on, what was not fitted, whether the memory is enough."""
    how = "as `devices probe` measured this unit" if found.probed else "of the description, all cores at full clock"
    yield f"bound: what nothing beats; direct: direct convolution at the peak. Both with the figures {how}."
    if found.own:
        yield f"Adapted to {found.own} own measurements."
    yield from _reasons(forecasts)
    yield from _memory(found, forecasts)


def printed_by(forecasts: Sequence[Forecast]) -> Iterator[str]:
    """Yield which sources print the accuracies."""
    sources = dict.fromkeys(one.accuracy.source for one in forecasts if one.accuracy)
    if sources:
        yield f"top-1: as printed by {', '.join(sources)}, of weights that are not ours."


def _reasons(forecasts: Sequence[Forecast]) -> Iterator[str]:
    outside: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {}
    missing: dict[str, None] = {}
    for one in forecasts:
        missing.update(dict.fromkeys(one.missing))
        if one.prediction is None:
            continue
        bases.setdefault(UNSEEN[one.prediction.basis], []).append(one.backend)
        for reason in one.prediction.outside:
            outside.setdefault(reason, []).append(one.model)
    for basis, backends in bases.items():
        yield f"{', '.join(dict.fromkeys(backends))}: the interval is that of {basis}."
    for reason in outside:
        yield f"Outside what it was fitted on: {reason}."
    yield from missing


def _memory(found: Forecasts, forecasts: Sequence[Forecast]) -> Iterator[str]:
    said: dict[str, None] = {}
    for one in forecasts:
        if one.memory is not None and found.memories:
            peak, high = units.size(one.memory.peak_bytes), units.size(one.memory.high_bytes)
            room = _room(found.verdicts(one.memory))
            said[f"Memory of {one.model} in {one.backend}: {peak}, {high} at most; {room}."] = None
    yield from said
    unknown = dict.fromkeys(one.backend for one in forecasts if one.memory is None)
    if unknown:
        yield f"Memory is not predicted in {', '.join(unknown)}: no footprint of theirs was taken."


def _room(verdicts: Sequence[tuple[RoomInMemory, Verdict]]) -> str:
    """Return into which memories a process fits, the smallest that it fits into standing for all larger ones."""
    words = []
    for memory, verdict in verdicts:
        larger = " and more" * (verdict == "fits" and memory != verdicts[-1][0])
        words.append(f"{verdict} {units.size(memory.size_bytes)}{larger}")
        if verdict == "fits":
            break
    return ", ".join(words)


def _predicted(one: Forecast) -> str:
    if one.prediction is None:
        return _OPEN
    return units.seconds(one.prediction.latency_s) + (" !" if one.prediction.outside else "")


def _interval(one: Forecast) -> str:
    return _OPEN if one.prediction is None else units.span(one.prediction.low_s, one.prediction.high_s)


def _latency(one: Forecast) -> float:
    return float("inf") if one.prediction is None else one.prediction.latency_s
