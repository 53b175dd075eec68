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
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from edgebench.board import answering, clock, footprint, layering, loading, warming
from edgebench.board.backends import Loaded, SelfTimed, load_backend
from edgebench.board.wire import encode

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29  # linux/prctl.h
_FOREIGN = ("torch", "pandas", "pydantic", "typer")
_NS = 1e-9

Answer = dict[str, Any]


class Worker:
    """One model in one runtime; every method answers one command."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._loaded: Loaded | SelfTimed | None = None
        self._warm_up_s = 0.0

    def stage(self, name: str) -> None:
        """Tell the agent what comes next, so that it knows where this process was if it never answers again."""
        self.answer({"stage": name})

    def answer(self, record: Answer) -> None:
        """Write one line to the agent."""
        self._answers.write(encode(record))
        self._answers.flush()

    def open(self, trial: Answer, limits: Answer) -> Answer:
        """Import the runtime, load the model, compare its outputs, warm it up; return all that was seen."""
        self.stage("import")
        settings = loading.prepare(trial)
        backend = load_backend(trial["backend"])
        began = clock.wall_ns()
        version = backend.import_runtime(settings)
        import_s = (clock.wall_ns() - began) * _NS

        self.stage("load")
        inputs = loading.arrays(trial["inputs"])
        began = clock.wall_ns()
        artefact = trial["artefact"]
        loaded = backend.load(Path(artefact) if artefact is not None else None, settings)
        load_s = (clock.wall_ns() - began) * _NS

        self.stage("first call")
        loaded.set_inputs(inputs)
        own_clock = isinstance(loaded, SelfTimed)
        first_ns, *start_up = warming.first_calls(loaded)
        parity = loading.parity(loaded.outputs(), list(loading.arrays(trial["reference"]).values()))
        self._loaded, self._warm_up_s = loaded, limits["warm_up_s"]

        self.stage("warm-up")
        if not limits["warm_up_cap_s"]:
            warm = warming.without(first_ns)
        elif isinstance(loaded, SelfTimed):
            warm = warming.own_warm_up(loaded, start_up, self._warm_up_s)
        else:
            warm = warming.warm_up(loaded, self._warm_up_s, limits["warm_up_cap_s"])
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
        began = clock.wall_ns()
        if priming:
            model.call()
        priming_ns = clock.wall_ns() - began if priming else None
        meter = _Meter(model.call, calls)
        for _ in range(samples):
            meter.sample()
        return {"start_ns": began, "priming_ns": priming_ns, **meter.fields()}

    def pace(self, samples: int, hz: float) -> Answer:
        """Time one block of calls that are due at fixed times; one that is late starts at once, none is dropped."""
        model = self._model()
        if isinstance(model, SelfTimed):
            raise ValueError("a program that runs and times its calls by itself cannot start them at fixed times")
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)  # ns, in place of 50 us: how late the kernel may wake us
        meter = _Meter(model.call, 1)
        response = []
        began = clock.wall_ns()
        for number in range(samples):
            due = began + round(number / hz / _NS)
            ahead = due - clock.wall_ns()
            if ahead > 0:
                time.sleep(ahead * _NS)
            response.append(meter.sample() - due)
        return {"start_ns": began, "priming_ns": None, "response_ns": response, **meter.fields()}

    def load(self, seconds: float, lead_s: float) -> Answer:
        """Call the model without a pause: a window that begins and ends with a call, and `lead_s` on both sides of it.

        Nothing is timed call by call, so that the processor does nothing else.
        """
        model = self._model()
        if isinstance(model, SelfTimed):
            raise ValueError("a program that runs its calls by itself cannot be kept busy for a window")
        began = clock.wall_ns()
        start = began + round(lead_s / _NS)
        while clock.wall_ns() < start:
            model.call()
        cpu_began, start, calls = clock.cpu_ns(), clock.wall_ns(), 0
        end = start + round(seconds / _NS)
        while clock.wall_ns() < end:
            model.call()
            calls += 1
        end, cpu_ns = clock.wall_ns(), clock.cpu_ns() - cpu_began
        while clock.wall_ns() < end + round(lead_s / _NS):
            model.call()
        return {
            "began_ns": began,
            "start_ns": start,
            "end_ns": end,
            "ended_ns": clock.wall_ns(),
            "calls": calls,
            "cpu_ns": cpu_ns,
        }

    def footprint(self, trial: Answer, calls: int) -> Answer:
        """Load the model and call it `calls` times without warming up; return what it took of memory, and of time."""
        return footprint.take(trial, calls, self.stage)

    def answer_images(self, trial: Answer, path: str) -> Answer:
        """Return what the model answers to the images of a file; it is loaded for the first one."""
        if self._loaded is None:
            self.stage("import")
            settings = loading.prepare(trial)
            backend = load_backend(trial["backend"])
            backend.import_runtime(settings)
            self.stage("load")
            self._loaded = backend.load(Path(trial["artefact"]), settings)
        self.stage("images")
        if isinstance(self._loaded, SelfTimed):
            raise ValueError("a program that runs its calls by itself is not asked about images")
        return {"classes": answering.answers(self._loaded, loading.arrays(path), trial["batch"])}

    def by_layer(self, trial: Answer) -> Answer:
        """Time the model's operations as its runtime tells them."""
        return layering.by_layer(trial, self.stage)

    def isolated(self, trial: Answer, artefact: str, inputs: str) -> Answer:
        """Time one layer as a model of its own, or the whole model in the same way."""
        return layering.isolated(trial, artefact, inputs, self.stage)

    def close(self) -> Answer:
        """Answer that this process is about to end in order."""
        return {}

    def _model(self) -> Loaded | SelfTimed:
        if self._loaded is None:
            raise ValueError("asked to run before a model was opened")
        return self._loaded


class _Meter:
    """Times samples of one call after another, with what the kernel counts for the whole process."""

    def __init__(self, call: Callable[[], None], calls: int) -> None:
        self._call = call
        self._calls = calls
        self._wall: list[int] = []
        self._cpu: list[int] = []
        self._switches: list[int] = []
        self._faults: list[int] = []
        self._usage = resource.getrusage(resource.RUSAGE_SELF)

    def sample(self) -> int:
        """Time one sample; return when it ended."""
        call, calls = self._call, self._calls
        cpu_began = clock.cpu_ns()
        began = clock.wall_ns()
        for _ in range(calls):
            call()
        ended = clock.wall_ns()
        self._cpu.append(clock.cpu_ns() - cpu_began)
        self._wall.append(ended - began)
        before, self._usage = self._usage, resource.getrusage(resource.RUSAGE_SELF)
        self._switches.append(self._usage.ru_nivcsw - before.ru_nivcsw)
        self._faults.append(self._usage.ru_majflt - before.ru_majflt)
        return ended

    def fields(self) -> Answer:
        """Return what a block records of its samples."""
        return {
            "calls": self._calls,
            "wall_ns": self._wall,
            "cpu_ns": self._cpu,
            "involuntary_switches": self._switches,
            "major_faults": self._faults,
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


if __name__ == "__main__":
    sys.exit(main())
