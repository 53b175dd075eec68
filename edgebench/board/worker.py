"""A fresh process that holds one model: loads it, warms it up, and runs blocks of calls when told to.

Started by the agent as `python -m edgebench.board.worker`. Commands come as JSON lines on standard input, answers leave
as JSON lines on what was standard output; whatever a runtime prints goes to standard error.
"""

import ctypes
import gc
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgebench.board import clock, memory
from edgebench.board.backends import Loaded, SelfTimed, Settings, load_backend
from edgebench.board.wire import Memory, Parity, encode

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_FOREIGN = ("torch", "pandas", "pydantic", "typer")
_START_UP_CALLS = 20
_SHORTEST_SAMPLE_NS = 500_000
_WINDOW_SAMPLES = 8
_MOST_SAMPLES = 2000  # of a program's own warm-up: a window of half a second of calls of 250 us
_FEWEST_SAMPLES = 10  # a slow network gets its two tests even when the cap is past
_NS = 1e-9

Answer = dict[str, Any]


class Worker:
    """One model in one runtime; every method answers one command."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._loaded: Loaded | SelfTimed | None = None
        self._warm_up_s = 0.0
        self._marks: dict[str, int] = {}

    def stage(self, name: str) -> None:
        """Tell the agent what comes next, so that it knows where this process was if it never answers again."""
        self.answer({"stage": name})

    def answer(self, record: Answer) -> None:
        """Write one line to the agent."""
        self._answers.write(encode(record))
        self._answers.flush()

    def open(self, trial: Answer, limits: Answer) -> Answer:
        """Import the runtime, load the model, compare its outputs, warm it up; return all that was seen."""
        os.sched_setaffinity(0, trial["cpus"])
        settings = Settings(threads=trial["threads"], precision=trial["precision"], options=trial["options"])
        self._marks["bare"] = memory.read("VmRSS")
        self.stage("import")
        os.environ["OPENBLAS_NUM_THREADS"] = str(settings.threads)  # for a runtime's own copy (torch on ARM)
        backend = load_backend(trial["backend"])
        began = clock.wall_ns()
        version = backend.import_runtime(settings)
        import_s = (clock.wall_ns() - began) * _NS
        self._marks["imported"] = memory.read("VmRSS")

        self.stage("load")
        inputs = _arrays(trial["inputs"])
        began = clock.wall_ns()
        artefact = trial["artefact"]
        loaded = backend.load(Path(artefact) if artefact is not None else None, settings)
        load_s = (clock.wall_ns() - began) * _NS
        self._marks["loaded"] = memory.read("VmRSS")

        self.stage("first call")
        loaded.set_inputs(inputs)
        own_clock = isinstance(loaded, SelfTimed)
        first_ns, *start_up = _first_calls(loaded)
        parity = _parity(loaded.outputs(), list(_arrays(trial["reference"]).values()))
        self._loaded, self._warm_up_s = loaded, limits["warm_up_s"]

        self.stage("warm-up")
        if isinstance(loaded, SelfTimed):
            warm = own_warm_up(loaded, start_up, self._warm_up_s)
        else:
            warm = warm_up(loaded, self._warm_up_s, limits["warm_up_cap_s"])
        found = loaded.found()
        gc.collect()
        gc.freeze()
        gc.disable()
        return {
            "runtime_version": version,
            "precision_found": found.precision,
            "provider": found.provider,
            "import_s": import_s,
            "load_s": load_s,
            "first_call_s": first_ns * _NS,
            "parity": parity,
            "cpus": sorted(os.sched_getaffinity(0)),
            "foreign_modules": [name for name in _FOREIGN if name in sys.modules],
            "own_clock": own_clock,
            **warm,
        }

    def run(self, samples: int, calls: int, priming: bool) -> Answer:
        """Time one block: a priming call if asked for, then `samples` samples of `calls` back-to-back calls."""
        model = self._model()
        if isinstance(model, SelfTimed):
            return _own_block(model, samples, self._warm_up_s)
        call = model.call
        began = clock.wall_ns()
        if priming:
            call()
        priming_ns = clock.wall_ns() - began if priming else None
        wall, cpu, switches, faults = [], [], [], []
        usage = resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(samples):
            cpu_began = clock.cpu_ns()
            sample_began = clock.wall_ns()
            for _ in range(calls):
                call()
            sample_ended = clock.wall_ns()
            cpu.append(clock.cpu_ns() - cpu_began)
            wall.append(sample_ended - sample_began)
            before, usage = usage, resource.getrusage(resource.RUSAGE_SELF)
            switches.append(usage.ru_nivcsw - before.ru_nivcsw)
            faults.append(usage.ru_majflt - before.ru_majflt)
        return {
            "start_ns": began,
            "calls": calls,
            "priming_ns": priming_ns,
            "wall_ns": wall,
            "cpu_ns": cpu,
            "involuntary_switches": switches,
            "major_faults": faults,
        }

    def close(self) -> Answer:
        """Return this process's memory; the peak is the kernel's high-water mark over its whole life.

        A program that holds the model by itself keeps it out of this process: there is nothing to tell.
        """
        if isinstance(self._loaded, SelfTimed):
            return {"memory": None}
        record = Memory(
            bare_bytes=self._marks["bare"],
            imported_bytes=self._marks["imported"],
            loaded_bytes=self._marks["loaded"],
            peak_bytes=memory.read("VmHWM"),
            anonymous_bytes=memory.read("RssAnon"),
            file_bytes=memory.read("RssFile"),
        )
        return {"memory": record}

    def _model(self) -> Loaded | SelfTimed:
        if self._loaded is None:
            raise ValueError("asked to run before a model was opened")
        return self._loaded


def warm_up(loaded: Loaded, window_s: float, cap_s: float) -> Answer:
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


def own_warm_up(model: SelfTimed, start_up: list[int], window_s: float) -> Answer:
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


def main() -> int:
    """Answer commands until told to close; end with the agent, even when it is killed."""
    _die_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a runtime prints must not be taken for an answer
    worker = Worker(answers)
    worker.stage("start")
    for line in sys.stdin.buffer:
        command = json.loads(line)
        action = getattr(worker, command.pop("do"))
        try:
            worker.answer(action(**command))
        except Exception as error:  # noqa: BLE001 - here a trial is isolated: a runtime's fault becomes its reason
            worker.answer({"failed": f"{type(error).__name__}: {error}"})
            return 1
        if action == worker.close:
            return 0
    return 0


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _first_calls(loaded: Loaded | SelfTimed) -> list[int]:
    """Return the nanoseconds of the first call; those of the next ones too, where a program times a run of them."""
    if isinstance(loaded, SelfTimed):
        return loaded.timed(1 + _START_UP_CALLS, 0.0)
    return [_timed(loaded, 1)]


def _own_block(model: SelfTimed, samples: int, warm_up_s: float) -> Answer:
    """Return a block that a program ran and timed by itself; what its calls cost our processors is not known."""
    began = clock.wall_ns()
    return {
        "start_ns": began,
        "calls": 1,
        "priming_ns": None,
        "wall_ns": model.timed(samples, warm_up_s),
        "cpu_ns": [],
        "involuntary_switches": [],
        "major_faults": [],
    }


def _timed(loaded: Loaded, calls: int) -> int:
    began = clock.wall_ns()
    for _ in range(calls):
        loaded.call()
    return clock.wall_ns() - began


def _arrays(path: str | None) -> "dict[str, np.ndarray[Any, np.dtype[Any]]]":
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _parity(outputs: "list[np.ndarray[Any, Any]]", reference: "list[np.ndarray[Any, Any]]") -> Parity | None:
    """Return how far outputs lie from the reference, None without one; raise ValueError when the shapes differ."""
    if not reference:
        return None
    found, expected = [output.shape for output in outputs], [array.shape for array in reference]
    if found != expected:
        raise ValueError(f"outputs have the shapes {found}: expected {expected}")
    pairs = list(zip(outputs, reference, strict=True))
    if not all(np.isfinite(output).all() for output in outputs):
        raise ValueError("outputs hold values that are not finite")
    return Parity(
        max_abs_diff=max(float(np.abs(output - array).max()) for output, array in pairs),
        scale=max(float(np.abs(array).max()) for array in reference),
    )


if __name__ == "__main__":
    sys.exit(main())
