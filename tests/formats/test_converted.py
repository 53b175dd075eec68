"""What converters make of small networks, and what they refuse."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebench import formats
from edgebench.formats import mnn

HELD = """
from edgebench.formats._limits import hold_data
hold_data(256 * 2**20)
try:
    bytearray(512 * 2**20)
except MemoryError:
    print("held")
"""


def test_a_converter_is_held_to_memory() -> None:
    """More memory than the limit is refused to a converter, not taken from the machine."""
    assert subprocess.run([sys.executable, "-c", HELD], check=True, capture_output=True).stdout == b"held\n"


def two_outputs(*names: str) -> onnx.ModelProto:
    """Return a network whose outputs are the sum of its input with itself, and that sum's sum."""
    first, second = names
    nodes = [
        helper.make_node("Add", ["x", "x"], [first]),
        helper.make_node("Add", [first, first], [second]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", first, second)]
    graph = helper.make_graph(nodes, "two", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_outputs_of_mnn_are_in_order_by_name() -> None:
    """Outputs get names whose alphabetical order is the file's, wherever they are read."""
    model = two_outputs("z", "a")
    mnn.name_outputs(model.graph)
    assert [one.name for one in model.graph.output] == ["y00", "y01"]
    assert [list(node.input) for node in model.graph.node] == [["x", "x"], ["y00", "y00"]]
    onnx.checker.check_model(model)


def test_outputs_of_mnn_take_no_name_twice() -> None:
    """A file that uses such names for something else is refused."""
    model = two_outputs("z", "a")
    model.graph.node[0].name = "first"
    model.graph.node[0].input[0] = "y01"
    with pytest.raises(ValueError, match="their names are taken"):
        mnn.name_outputs(model.graph)


@pytest.mark.slow
def test_ncnn_holds_fp32_weights_and_its_shapes() -> None:
    """The .zip has ncnn's two files and where the batch axis is; the same network gives the same bytes."""
    origin = formats.source("lenet5")
    artefact = formats.convert(origin, "ncnn")
    assert {"onnx", "pnnx", "torch"} <= artefact.versions.keys()
    with zipfile.ZipFile(artefact.path) as stored:
        interface = json.loads(stored.read("interface.json"))
        weights = np.frombuffer(stored.read("model.bin"), np.uint32)
    assert interface == {
        "inputs": [{"name": "x", "shape": [1, 1, 32, 32], "batch_axis": 0}],
        "outputs": [{"shape": [1, 10], "batch_axis": 0}],
    }
    assert not (weights == 0x01306B47).any()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["mnn", "ncnn"])
def test_a_users_file_is_converted(form: str, tmp_path: Path) -> None:
    """A user's .onnx file runs through runtimes that load what it is converted to."""
    path = tmp_path / "mine.onnx"
    onnx.save(two_outputs("z", "a"), path)
    from edgebench import architectures

    model = architectures.name(formats.adopt(path, {}))
    artefact = formats.convert(formats.source(model), form)
    assert artefact.size_bytes > 0
