"""What a trial takes when it is alone: memory, step by step, and what a call costs besides computing.

Nothing here is timed against anything: a worker that is asked for this is never asked for a block.
"""

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from edgebench.board import clock, loading, memory
from edgebench.board.backends import Backend, Loaded, SelfTimed, Settings, load_backend
from edgebench.board.memory import Mapped

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_OF_MEMORY = (
    "import_bytes",
    "load_bytes",
    "load_anonymous_bytes",
    "load_file_bytes",
    "load_peak_bytes",
    "peak_bytes",
)
_FLOOR_CALLS = 1000
_FEWEST_CALLS = 3
_LONG_ENOUGH_S = 1.0
_SAMPLING_S = 0.01  # where the kernel's own mark cannot be set back
_NS = 1e-9

T = TypeVar("T")
Answer = dict[str, Any]


def take(trial: Answer, calls: int, stage: Callable[[str], None]) -> Answer:
    """Return the fields of a `wire.Footprint` but for what only the agent knows.

    `ready_ns` is when the first call had ended, and `own_clock` tells that a program holds the model by itself: of that
    one, memory and the cost of arrays are not ours to see.
    """
    stage("import")
    bare = memory.read("VmRSS")
    settings = loading.prepare(trial)
    backend = load_backend(trial["backend"])
    backend.import_runtime(settings)
    imported = memory.read("VmRSS")

    stage("load")
    inputs = loading.arrays(trial["inputs"])
    gc.collect()
    resident, before = memory.read("VmRSS"), memory.mapped()
    artefact = trial["artefact"]
    path = Path(artefact) if artefact is not None else None
    loaded, load_peak, _ = _highest(lambda: backend.load(path, settings))
    if isinstance(loaded, SelfTimed):
        stage("first call")
        return _of_program(loaded, inputs, calls)
    after = memory.mapped()

    stage("first call")
    spans, peak, sampled = _highest(lambda: _called(loaded, inputs, calls))
    at_end = memory.mapped()
    set_inputs, called, outputs = (
        float(np.median(one)) * _NS for one in zip(*(span[1:] for span in spans), strict=True)
    )
    if trial["floor"] is not None and trial["floor_inputs"] is not None:
        stage("floor")
        floor_s = _floor_s(backend, settings, trial["floor"], trial["floor_inputs"])
    else:
        floor_s = None
    return {
        "own_clock": False,
        "ready_ns": spans[0][0],
        "import_bytes": imported - bare,
        **_loaded(before, after),
        "load_peak_bytes": load_peak - resident,
        "peak_bytes": peak - resident,
        "peak_is_sampled": sampled,
        "unique_bytes": at_end.unique_bytes,
        "swapped_bytes": at_end.swapped_bytes,
        "calls": len(spans),
        "call_s": called,
        "set_inputs_s": set_inputs,
        "outputs_s": outputs,
        "floor_s": floor_s,
    }


def _of_program(model: SelfTimed, inputs: "Arrays", calls: int) -> Answer:
    """Return what can be told of a program that runs the calls by itself: how long it takes to start, and a call."""
    model.set_inputs(inputs)
    spans = model.timed(calls, 0.0)
    return {
        "own_clock": True,
        "ready_ns": clock.wall_ns() - sum(spans[1:]),
        **dict.fromkeys(_OF_MEMORY),
        "peak_is_sampled": False,
        **dict.fromkeys(("unique_bytes", "swapped_bytes", "set_inputs_s", "outputs_s", "floor_s")),
        "calls": len(spans),
        "call_s": float(np.median(spans)) * _NS,
    }


def _loaded(before: Mapped, after: Mapped) -> Answer:
    return {
        "load_bytes": _added(before.proportional_bytes, after.proportional_bytes),
        "load_anonymous_bytes": _added(before.anonymous_bytes, after.anonymous_bytes),
        "load_file_bytes": _added(before.file_bytes, after.file_bytes),
    }


def _added(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _called(loaded: Loaded, inputs: "Arrays", calls: int) -> list[tuple[int, int, int, int]]:
    """Return the spans of so many calls, fewer when they take more than a second, three at least."""
    began, spans = clock.wall_ns(), [_spans(loaded, inputs)]
    while len(spans) < calls and (len(spans) < _FEWEST_CALLS or (clock.wall_ns() - began) * _NS < _LONG_ENOUGH_S):
        spans.append(_spans(loaded, inputs))
    return spans


def _spans(loaded: Loaded, inputs: "Arrays") -> tuple[int, int, int, int]:
    """Return when a call ended, and the nanoseconds of handing over inputs, of the call, and of fetching outputs."""
    began = clock.wall_ns()
    loaded.set_inputs(inputs)
    given = clock.wall_ns()
    loaded.call()
    called = clock.wall_ns()
    loaded.outputs()
    return called, given - began, called - given, clock.wall_ns() - called


def _floor_s(backend: Backend, settings: Settings, artefact: str, inputs: str) -> float:
    """Return the median seconds of a call that computes nothing, through the same backend."""
    identity = backend.load(Path(artefact), settings)
    if isinstance(identity, SelfTimed):
        raise ValueError("a program that runs the calls by itself has no call floor")
    identity.set_inputs(loading.arrays(inputs))
    spans = []
    for _ in range(_FLOOR_CALLS):
        began = clock.wall_ns()
        identity.call()
        spans.append(clock.wall_ns() - began)
    return float(np.median(spans)) * _NS


def _highest(work: Callable[[], T]) -> tuple[T, int, bool]:
    """Return what `work` returns, the highest resident bytes meanwhile, and whether we had to look for them."""
    if memory.reset_peak():
        return work(), memory.read("VmHWM"), False
    return sampled_peak(work)


def sampled_peak(work: Callable[[], T]) -> tuple[T, int, bool]:
    """Return what `_highest` does, from a look every 10 ms: a shorter peak than that may be missed."""
    done = threading.Event()
    seen = [memory.read("VmRSS")]

    def look() -> None:
        while not done.wait(_SAMPLING_S):
            seen.append(memory.read("VmRSS"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        result = work()
    finally:
        seen.append(memory.read("VmRSS"))
        done.set()
        thread.join()
    return result, max(seen), True
