"""What is asked of a trial once, alone, beside its latency: its answers to images, and the time of its layers.

A worker that is lost over it costs these figures and not the trial: the reason stands in their place.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from edgebench.board import layers
from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import Answered, ByLayer, LayerTimes, TrialPlan

Ask = Callable[[Child, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How a session starts workers and asks them."""

    session: str
    started: Callable[[TrialPlan], AbstractContextManager[Child]]
    ask: Ask


def answered(bench: Bench, trial: TrialPlan) -> Iterator[Answered]:
    """Yield what a trial answers to its images, file by file; the file that it was lost over is the last."""
    if not trial.images:
        return
    with bench.started(trial) as child:
        for part, path in enumerate(trial.images):
            known: dict[str, Any] = {"session": bench.session, "trial": trial.id, "part": part}
            try:
                said = bench.ask(child, {"do": "answer_images", "trial": child.description(), "path": path})
            except WorkerLost as lost:
                yield Answered(classes=(), reason=str(lost), **known)
                return
            yield Answered(classes=tuple(tuple(one) for one in said["classes"]), **known)


def by_layer(bench: Bench, trial: TrialPlan) -> ByLayer | None:
    """Return the time of a trial's layers; None where neither its runtime tells it nor layers are given."""
    told = trial.backend in layers.names()
    if trial.artefact is None or not (told or trial.layers):
        return None
    known: dict[str, Any] = {
        "session": bench.session,
        "trial": trial.id,
        "source": "runtime" if told else "isolated",
    }
    with bench.started(trial) as child:
        try:
            return ByLayer(**known, **(_told(bench, child) if told else _isolated(bench, child)))
        except WorkerLost as lost:
            return ByLayer(reason=str(lost), **known)


def _told(bench: Bench, child: Child) -> dict[str, Any]:
    said = bench.ask(child, {"do": "by_layer", "trial": child.description()})
    return {
        "whole_ns": tuple(said["whole_ns"]),
        "layers": tuple(
            LayerTimes(
                **{**layer, "wall_ns": tuple(layer["wall_ns"]), "weight": tuple(layer["weight"])},
            )
            for layer in said["layers"]
        ),
    }


def _isolated(bench: Bench, child: Child) -> dict[str, Any]:
    trial = child.trial
    command = {"do": "isolated", "trial": child.description()}

    def taken(artefact: str | None, inputs: str | None) -> tuple[int, ...]:
        return tuple(bench.ask(child, {**command, "artefact": artefact, "inputs": inputs})["wall_ns"])

    return {
        "whole_ns": taken(trial.artefact, trial.inputs),
        "layers": tuple(
            LayerTimes(name=layer.name, operation="", wall_ns=taken(layer.artefact, layer.inputs))
            for layer in trial.layers
        ),
    }
