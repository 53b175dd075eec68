"""onnxruntime: its profiler writes how long each node of its own graph took, in whole microseconds."""

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgebench.board.backends import Settings, _onnx_names, onnxruntime
from edgebench.board.layering import plain, spent, warmed
from edgebench.board.layers import Timed
from edgebench.board.regions import Layer
from edgebench.board.regions.onnxruntime import layers, nodes
from edgebench.board.wire import LayerTimes

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_NS_OF_US = 1000
_OWN_ENDING = re.compile(r"(_nchwc|_quant|_token_\d+)+$")  # what its transformers add to a node's name


def by_layer(artefact: Path, inputs: "Arrays", settings: Settings) -> Timed:
    """Call a session and its twin under the profiler in turns; a GPU's kernels outlive what the profiler times."""
    import onnxruntime as runtime

    if onnxruntime.asked(settings.options) != "CPUExecutionProvider":
        raise ValueError("onnxruntime's profiler times nodes on the CPU alone")
    whole = plain("onnxruntime", artefact, inputs, settings)
    with tempfile.TemporaryDirectory() as folder:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = runtime.InferenceSession(str(artefact), options, providers=["CPUExecutionProvider"])
        calls = warmed(whole.call)
        for _ in range(calls):  # warm as well
            session.run(None, inputs)
        whole_ns = []
        for _ in range(calls):
            whole_ns.append(spent(whole.call))
            session.run(None, inputs)
        events = json.loads(Path(session.end_profiling()).read_text())
    taken = nodes(events, 2 * calls)[-calls:]
    found = layers(events, runs=2 * calls)
    names = _onnx_names.layers(artefact.read_bytes())
    times = zip(*([int(event["dur"]) * _NS_OF_US for event in run] for run in taken), strict=True)
    return Timed(
        whole_ns=tuple(whole_ns),
        layers=tuple(_times(layer, wall_ns, names) for layer, wall_ns in zip(found, times, strict=True)),
    )


def _times(layer: Layer, wall_ns: tuple[int, ...], names: dict[str, str]) -> LayerTimes:
    return LayerTimes(
        name=names.get(_original(layer.name), layer.name),
        operation=layer.operation,
        wall_ns=wall_ns,
        weight=layer.weight,
        in_channels=layer.in_channels,
        positions=layer.positions,
    )


def _original(name: str) -> str:
    """Return a node's name as it is in the file.

    >>> _original("node_conv2d_1_nchwc"), _original("node_Conv_389_token_1")
    ('node_conv2d_1', 'node_Conv_389')
    """
    return _OWN_ENDING.sub("", name)
