"""onnxruntime: its profiler reads the clock before and after each node, and writes down which node it was."""

import json
import math
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Settings
from edgebench.board.marks import Marks
from edgebench.board.regions import Layer

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

CLOCKED = True

_CALLS_BEFORE = 1
_KERNEL = "_kernel_time"
_CONVOLUTIONS = {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger"}
_PRODUCTS = {"Gemm", "FusedGemm", "MatMul", "FusedMatMul", "QLinearMatMul", "QGemm", "MatMulInteger"}
_WEIGHTS = {"QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3}  # the place of the weights among the inputs, else 1


def by_layer(artefact: Path | None, inputs: "Arrays", settings: Settings, marks: Marks) -> tuple[Layer, ...]:
    """Run a session under its profiler, mark one call, and return its nodes."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(str(artefact), options, providers=["CPUExecutionProvider"])
        for _ in range(_CALLS_BEFORE):
            session.run(None, inputs)
        marks.open()
        session.run(None, inputs)
        marks.close()
        events = json.loads(Path(session.end_profiling()).read_text())
    return layers(events, runs=_CALLS_BEFORE + 1)


def layers(events: Iterable[dict[str, Any]], runs: int) -> tuple[Layer, ...]:
    """Return the nodes of the last of so many runs in their order; raise ValueError when runs differ in their nodes."""
    return tuple(_layer(event, place) for place, event in enumerate(nodes(events, runs)[-1]))


def nodes(events: Iterable[dict[str, Any]], runs: int) -> list[list[dict[str, Any]]]:
    """Return the nodes of each of so many runs in their order; raise ValueError when runs differ in their nodes."""
    found = sorted(
        (event for event in events if event.get("name", "").endswith(_KERNEL)), key=lambda event: int(event["ts"])
    )
    each, rest = divmod(len(found), runs)
    if rest or not each:
        raise ValueError(f"its profile holds {len(found)} nodes for {runs} runs")
    return [found[first : first + each] for first in range(0, len(found), each)]


def _layer(event: dict[str, Any], place: int) -> Layer:
    arguments = event["args"]
    operation = arguments["op_name"]
    given, made = _shapes(arguments["input_type_shape"]), _shapes(arguments["output_type_shape"])
    weight: tuple[int, ...] = ()
    in_channels = positions = None
    if operation in _CONVOLUTIONS and _tells_weights(given, made, _WEIGHTS.get(operation, 1)):
        weight = given[_WEIGHTS.get(operation, 1)]
        in_channels, positions = given[0][1], math.prod(made[0][2:])
    elif operation in _PRODUCTS:
        weight = (made[0][-1], given[0][-1])
        in_channels, positions = given[0][-1], math.prod(made[0][1:-1])
    name = event["name"].removesuffix(_KERNEL)
    return Layer(
        name=name, operation=operation, part=place, weight=weight, in_channels=in_channels, positions=positions
    )


def _tells_weights(given: list[tuple[int, ...]], made: list[tuple[int, ...]], place: int) -> bool:
    """Tell whether a convolution's weights stand among its inputs, and its channels where NCHW has them.

    Those of int8 are packed when the model is loaded and gone from the profile, so that others stand in their place.
    """
    return len(given) > place and len(given[place]) == len(given[0]) and made[0][1] == given[place][0]


def _shapes(typed: list[dict[str, list[int]]]) -> list[tuple[int, ...]]:
    """Return the shapes of a node's tensors, which the profile holds by type: [{"float": [1, 3, 224, 224]}]."""
    return [tuple(shape) for one in typed for shape in one.values()]
