"""Call a model until it has come to rest; all that is seen on the way is kept."""

from typing import Any

import numpy as np

from edgebench.board import clock, memory
from edgebench.board.backends import Loaded, SelfTimed

_START_UP_CALLS = 20
_SHORTEST_SAMPLE_NS = 500_000
_WINDOW_SAMPLES = 8
_MOST_SAMPLES = 2000  # of a program's own warm-up: a window of half a second of calls of 250 us
_FEWEST_SAMPLES = 10  # a slow network gets its two tests even when the cap is past
_NS = 1e-9


def first_calls(model: Loaded | SelfTimed) -> list[int]:
    """Return the nanoseconds of the first call; those of the next ones too, where a program times a run of them."""
    if isinstance(model, SelfTimed):
        return model.timed(1 + _START_UP_CALLS, 0.0)
    return [_timed(model, 1)]


def warm_up(loaded: Loaded, window_s: float, cap_s: float) -> dict[str, Any]:
    """Call until two successive windows are steady, for `cap_s` seconds or ten samples; count the computing threads.

    Single calls first, then samples of so many calls that one lasts half a millisecond. Windows hold 8 samples or
    `window_s` seconds, whichever is more (steadiness: `clock.is_steady`).
    """
    threads_before, began = memory.thread_seconds(), clock.wall_ns()
    start_up = [_timed(loaded, 1)]
    while len(start_up) < _START_UP_CALLS and (clock.wall_ns() - began) * _NS < window_s:
        start_up.append(_timed(loaded, 1))
    single_ns = float(np.median(start_up))
    calls = max(1, int(_SHORTEST_SAMPLE_NS / max(single_ns, 1)))
    samples: list[int] = []
    passes, tested_at = 0, clock.wall_ns()
    while passes < 2 and ((clock.wall_ns() - began) * _NS < cap_s or len(samples) < _FEWEST_SAMPLES):
        samples.append(_timed(loaded, calls))
        window = max(_WINDOW_SAMPLES, int(window_s / (float(np.median(samples[-_WINDOW_SAMPLES:])) * _NS)))
        due = (clock.wall_ns() - tested_at) * _NS >= window_s / 4
        if len(samples) >= window and due:
            tested_at = clock.wall_ns()
            passes = passes + 1 if clock.is_steady(np.array(samples[-window:])) else 0
    threads_after, wall_s = memory.thread_seconds(), (clock.wall_ns() - began) * _NS
    last = samples[-_WINDOW_SAMPLES:]
    return {
        "start_up_ns": start_up,
        "warm_up_ns": samples,
        "warm_up_calls": calls,
        "steady": passes >= 2,
        "call_s": float(np.median(last)) / calls * _NS,
        "threads_found": memory.active_threads(threads_before, threads_after, wall_s),
        "threads_alive": len(threads_after),
    }


def without(first_ns: int) -> dict[str, Any]:
    """Return what `warm_up` does where none is wanted: no call but the first, whose threads nobody counted."""
    return {
        "start_up_ns": [],
        "warm_up_ns": [],
        "warm_up_calls": 1,
        "steady": True,
        "call_s": first_ns * _NS,
        "threads_found": None,
        "threads_alive": len(memory.thread_seconds()),
    }


def own_warm_up(model: SelfTimed, start_up: list[int], window_s: float) -> dict[str, Any]:
    """Have a program time calls after a warm-up of `window_s` seconds, which is how every block of it begins.

    `start_up` are its calls without one. The threads that computed were not ours to count.
    """
    single_ns = max(1.0, float(np.median(start_up[-_WINDOW_SAMPLES:])))
    calls = min(max(_FEWEST_SAMPLES, int(window_s / (single_ns * _NS))), _MOST_SAMPLES)
    samples = model.timed(calls, window_s)
    return {
        "start_up_ns": start_up,
        "warm_up_ns": samples,
        "warm_up_calls": 1,
        "steady": bool(clock.is_steady(np.array(samples))),
        "call_s": float(np.median(samples)) * _NS,
        "threads_found": None,
        "threads_alive": len(memory.thread_seconds()),
    }


def _timed(loaded: Loaded, calls: int) -> int:
    began = clock.wall_ns()
    for _ in range(calls):
        loaded.call()
    return clock.wall_ns() - began
