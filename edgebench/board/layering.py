"""Have a worker time the layers of its model: as its runtime tells them, or one as a model of its own."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgebench.board import clock, layers, loading
from edgebench.board.backends import Loaded, SelfTimed, Settings, load_backend
from edgebench.board.layers import LayersModule

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_FEWEST_CALLS, _MOST_CALLS = 5, 50
_LONG_ENOUGH_NS = 10**9
_WARM_UP_NS = 3 * 10**8
_FEWEST_WARM_UP = 3

Answer = dict[str, Any]


def by_layer(trial: Answer, stage: Callable[[str], None]) -> Answer:
    """Return the fields `whole_ns` and `layers` of a `wire.ByLayer`, as the trial's runtime tells them."""
    settings = _imported(trial, stage)
    stage("layers")
    module = cast("LayersModule", importlib.import_module(f"{layers.__name__}.{trial['backend']}"))
    timed = module.by_layer(Path(trial["artefact"]), loading.arrays(trial["inputs"]), settings)
    return {"whole_ns": timed.whole_ns, "layers": timed.layers}


def isolated(trial: Answer, artefact: str, inputs: str, stage: Callable[[str], None]) -> Answer:
    """Return the nanoseconds of calls of one model by itself, in the runtime and setting of a trial."""
    settings = _imported(trial, stage)
    stage("layers")
    model = load_backend(trial["backend"]).load(Path(artefact), settings)
    if isinstance(model, SelfTimed):
        raise ValueError("a program that runs its calls by itself does not time layers")
    given = loading.arrays(inputs)
    model.set_inputs(given)
    calls = warmed(model.call)
    return {"wall_ns": [spent(model.call) for _ in range(calls)]}


def warmed(call: Callable[[], object]) -> int:
    """Call until a model is warm, and return how often it is to be called then: for about a second."""
    began, count = clock.wall_ns(), 0
    while count < _FEWEST_WARM_UP or clock.wall_ns() - began < _WARM_UP_NS:
        last = spent(call)
        count += 1
    return max(_FEWEST_CALLS, min(_MOST_CALLS, _LONG_ENOUGH_NS // max(1, last)))


def spent(call: Callable[[], object]) -> int:
    """Return the nanoseconds of one call."""
    began = clock.wall_ns()
    call()
    return clock.wall_ns() - began


def plain(backend: str, artefact: Path, inputs: "Arrays", settings: Settings) -> Loaded:
    """Return a model as it is timed in blocks, its inputs given."""
    model = load_backend(backend).load(artefact, settings)
    if isinstance(model, SelfTimed):
        raise ValueError("a program that runs its calls by itself is not taken apart")
    model.set_inputs(inputs)
    return model


def _imported(trial: Answer, stage: Callable[[str], None]) -> Settings:
    """Import the runtime, once a process, and return the trial's settings."""
    stage("import")
    settings = loading.prepare(trial)
    load_backend(trial["backend"]).import_runtime(settings)
    return settings
