"""LiteRT's interpreter on the CPU, with its default delegate, XNNPACK."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings, _rounding, package_version

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "tflite"
DISTRIBUTION = "ai-edge-litert"
FORMATS = {"int8": "tflite_int8"}
PRECISIONS = ("fp32", "int8")
OPTIONS = ()

_COMPUTING = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")
_NAMES = {"float32": "fp32", "float16": "fp16"}


def import_runtime(settings: Settings) -> str:
    """Import the interpreter and return its package's version."""
    from ai_edge_litert import interpreter  # noqa: F401 - imported for its time

    return package_version(DISTRIBUTION) or "unknown"


def load(artefact: Path | None, settings: Settings) -> "Graph":
    """Load a .tflite file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(artefact), num_threads=settings.threads)
    interpreter.allocate_tensors()
    return Graph(interpreter)


class Graph:
    """An interpreter with the inputs of its next call."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._places = [one["index"] for one in ordered(interpreter, "input")]
        self._output_places = [one["index"] for one in ordered(interpreter, "output")]
        self._inputs: Arrays = {}
        self._given: list[tuple[int, Any]] = []
        self._outputs: list[np.ndarray[Any, np.dtype[Any]]] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs in their order: the converter does not keep their names."""
        self._inputs = inputs
        if len(inputs) != len(self._places):
            raise ValueError(f"the file has {len(self._places)} inputs: {len(inputs)} are given")
        self._given = list(zip(self._places, inputs.values(), strict=True))

    def call(self) -> None:
        """Copy the inputs in, run, and copy the outputs out."""
        interpreter = self._interpreter
        for place, array in self._given:
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        self._outputs = [interpreter.get_tensor(place) for place in self._output_places]

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return self._outputs

    def found(self) -> Found:
        """Return what convolutions and products compute in, and whether operations were handed to a delegate.

        The file tells the types of their inputs and weights; where those are fp32, what is kept is found by trying.
        """
        operations = self._interpreter._get_ops_details()
        types = {one["index"]: one["dtype"].__name__ for one in self._interpreter.get_tensor_details()}
        computing = [one for one in operations if one["op_name"] in _COMPUTING]
        kinds = {_NAMES.get(types[place], types[place]) for one in computing for place in one["inputs"][:2]}
        if kinds <= {"fp32"}:
            kinds = {_rounding.kept(self, self._inputs)}
        delegated = any(one["op_name"] == "DELEGATE" for one in operations)
        return Found(precision="+".join(sorted(kinds)), provider="CPU XNNPACK" if delegated else "CPU")


def ordered(interpreter: Any, what: str) -> list[dict[str, Any]]:
    """Return the details of a file's inputs or outputs in the order of its one signature, else of the file.

    A signature names them args_0, args_1 and output_0, output_1; a file may hold them in another order.
    """
    signatures = interpreter.get_signature_list()
    details: list[dict[str, Any]] = getattr(interpreter, f"get_{what}_details")()
    if len(signatures) != 1:
        return details
    runner = interpreter.get_signature_runner(next(iter(signatures)))
    named: dict[str, dict[str, Any]] = getattr(runner, f"get_{what}_details")()
    places = {name: re.fullmatch(r"(?:args|output)_(\d+)", name) for name in named}
    if not all(places.values()):
        return details
    return [named[name] for name in sorted(named, key=lambda name: int(places[name][1]))]  # type: ignore[index]
