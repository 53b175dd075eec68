"""One steady inference between two marks, for a counter of instructions; its times are not looked at.

Started under an emulator as `python -m edgebench.board.executing`. One line of JSON comes on standard input, one leaves
on what was standard output. A model is called twice or more before anything is counted: a runtime packs weights, plans
memory and fills caches in its first call.
"""

import gc
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edgebench.board import loading, regions
from edgebench.board.backends import SelfTimed, load_backend
from edgebench.board.marks import Marks
from edgebench.board.regions import Layer
from edgebench.board.wire import STRICT, Parity, encode

_CALLS_BEFORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What is known of a model whose calls were marked.

    `layers` are those of the last region, None where they were not asked for or this runtime does not tell them apart.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    runtime_version: str
    parity: Parity
    layers: tuple[Layer, ...] | None


def count(trial: dict[str, Any]) -> Marked:
    """Load a model, call it, and mark `regions` further calls, then with `by_layer` one more, layer by layer.

    Raise ValueError for what cannot be counted.
    """
    settings = loading.prepare(trial)
    backend = load_backend(trial["backend"])
    version = backend.import_runtime(settings)
    artefact = None if trial["artefact"] is None else Path(trial["artefact"])
    model = backend.load(artefact, settings)
    if isinstance(model, SelfTimed):
        raise ValueError("it is a program of its own, in which nothing can be marked")
    inputs = loading.arrays(trial["inputs"])
    model.set_inputs(inputs)
    model.call()
    parity = loading.parity(model.outputs(), list(loading.arrays(trial["reference"]).values()))
    if parity is None:
        raise ValueError("there are no reference outputs: what is counted might be another network")
    marks = Marks()
    for _ in range(_CALLS_BEFORE - 1):
        model.call()
    gc.collect()
    gc.disable()
    for _ in range(trial["regions"]):
        marks.open()
        model.call()
        marks.close()
    layers = regions.by_layer(trial["backend"], artefact, inputs, settings, marks) if trial["by_layer"] else None
    return Marked(runtime_version=version, parity=parity, layers=layers)


def main() -> int:
    """Answer one request; a runtime's fault becomes the reason that is told."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a runtime prints must not be taken for an answer
    status = 0
    answer: Marked | dict[str, str]
    try:
        answer = count(json.loads(sys.stdin.buffer.readline()))
    except Exception as error:  # noqa: BLE001 - here a trial is isolated: a runtime's fault becomes its reason
        answer, status = {"failed": f"{type(error).__name__}: {error}"}, 1
    answers.write(encode(answer))
    answers.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
