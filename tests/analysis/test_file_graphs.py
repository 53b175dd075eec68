"""What .onnx and .tflite files count: the same rules as for networks that are traced."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench import analysis, architectures, formats
from edgebench.analysis.cost import Cost
from edgebench.errors import UsageError
from tests.formats import onnx_files, tflite_files
from tests.formats.onnx_files import model, node, value, weights, whole, written
from tests.formats.tflite_files import Part


def counted(folder: Path, one: Any, **shapes: tuple[int, ...]) -> Cost:
    """Count a model that is written to a folder."""
    return analysis.count(formats.adopt(written(folder, one), shapes))


def figures(cost: Cost) -> tuple[int, int, int, int]:
    """Return mult-adds, weights, biases and numbers of batch norms."""
    return cost.mult_adds, cost.params, cost.bias_params, cost.bn_params


def one_layer(operator: str, shape: Sequence[int], *stored: Any, rank: int = 4, **attributes: Any) -> Any:
    """Return a model of one operation on an input and stored values."""
    nodes = [node(operator, ["x", *(one.name for one in stored)], ["y"], **attributes)]
    return model(nodes, [value("x", *shape)], [value("y", *(f"d{axis}" for axis in range(rank)))], stored)


# --- layers of .onnx files -------------------------------------------------------------------------------------------

CONVOLUTIONS = [  # input, weights, attributes, mult-adds, kind
    ((1, 3, 8, 8), (4, 3, 3, 3), {}, 4 * 6 * 6 * 3 * 9, "conv_3x3"),
    ((1, 3, 8, 8), (4, 3, 3, 3), {"pads": [1] * 4, "strides": [2, 2]}, 4 * 4 * 4 * 3 * 9, "conv_3x3"),
    ((2, 4, 8, 8), (4, 1, 3, 3), {"group": 4}, 2 * 4 * 6 * 6 * 9, "conv_dw_3x3"),
    ((1, 4, 8, 8), (6, 2, 1, 5), {"group": 2}, 6 * 8 * 4 * 2 * 5, "conv_1x5_g2"),
]


@pytest.mark.parametrize(("shape", "kernel", "attributes", "mult_adds", "kind"), CONVOLUTIONS)
def test_convolutions(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    attributes: dict[str, Any],
    mult_adds: int,
    kind: str,
    tmp_path: Path,
) -> None:
    """A convolution costs its output's elements times its window times the input channels of a group."""
    cost = counted(tmp_path, one_layer("Conv", shape, weights("w", *kernel), weights("b", kernel[0]), **attributes))
    assert figures(cost) == (mult_adds, int(np.prod(kernel)), kernel[0], 0)
    assert [layer.kind for layer in cost.layers] == [kind]


@pytest.mark.parametrize(
    ("operator", "shape", "stored", "attributes", "expected"),
    [
        ("Gemm", (2, 3), [weights("w", 3, 5), weights("b", 5)], {}, (2 * 3 * 5, 15, 5, 0)),
        ("Gemm", (2, 3), [weights("w", 5, 3)], {"transB": 1}, (2 * 3 * 5, 15, 0, 0)),
        ("MatMul", (2, 7, 3), [weights("w", 3, 5)], {}, (2 * 7 * 3 * 5, 15, 0, 0)),
    ],
)
def test_fully_connected_layers(
    operator: str,
    shape: tuple[int, ...],
    stored: list[Any],
    attributes: dict[str, Any],
    expected: tuple[int, ...],
    tmp_path: Path,
) -> None:
    """A product with a stored matrix is a fully connected layer."""
    cost = counted(tmp_path, one_layer(operator, shape, *stored, rank=len(shape), **attributes))
    assert figures(cost) == expected
    assert [layer.kind for layer in cost.layers] == ["fc"]


def test_products_of_activations_are_counted_apart(tmp_path: Path) -> None:
    """What attention multiplies are two activations: counted, of a kind of its own, without weights."""
    nodes = [node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), node("MatMul", ["x", "t"], ["y"])]
    cost = counted(tmp_path, model(nodes, [value("x", 1, 6, 4)], [value("y", 1, 6, 6)]))
    assert figures(cost) == (6 * 6 * 4, 0, 0, 0)
    assert [layer.kind for layer in cost.layers] == ["matmul"]


def test_an_addition_may_be_a_bias(tmp_path: Path) -> None:
    """A stored vector that is added to a fully connected layer alone is its bias; an added map is no parameter."""
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"], ["a"]), node("Add", ["a", "e"], ["y"])]
    stored = [weights("w", 3, 5), weights("b", 5), weights("e", 2, 5)]
    cost = counted(tmp_path, model(nodes, [value("x", 2, 3)], [value("y", 2, 5)], stored))
    assert figures(cost) == (2 * 3 * 5, 15, 5, 0)
    assert cost.memory is not None
    assert cost.memory.weight_bytes.fp32 == 4 * (15 + 5 + 2 * 5)


def test_batch_norm_belongs_to_its_layer(tmp_path: Path) -> None:
    """Scale and shift of a batch norm count at the convolution before it; mean and variance are no parameters."""
    nodes = [node("Conv", ["x", "w"], ["c"]), node("BatchNormalization", ["c", "s", "h", "m", "v"], ["y"])]
    stored = [weights("w", 4, 3, 1, 1), *(weights(name, 4) for name in "shmv")]
    cost = counted(tmp_path, model(nodes, [value("x", 1, 3, 2, 2)], [value("y", 1, 4, 2, 2)], stored))
    assert figures(cost) == (4 * 2 * 2 * 3, 12, 0, 8)


def test_weights_used_twice_count_once(tmp_path: Path) -> None:
    """A matrix that two layers share is stored once."""
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("MatMul", ["m", "w"], ["y"])]
    cost = counted(tmp_path, model(nodes, [value("x", 1, 3)], [value("y", 1, 3)], [weights("w", 3, 3)]))
    assert figures(cost) == (2 * 3 * 3, 9, 0, 0)


def test_quantised_weights_keep_their_size(tmp_path: Path) -> None:
    """Weights that the file stores in 8 bits and turns to floats before their layer are weights of one byte."""
    nodes = [
        node("DequantizeLinear", ["q", "scale"], ["w"]),
        node("Conv", ["x", "w"], ["c"]),
        node("QuantizeLinear", ["c", "scale"], ["d"]),
        node("DequantizeLinear", ["d", "scale"], ["y"]),
    ]
    stored = [weights("q", 4, 3, 1, 1, kind="int8"), weights("scale")]
    cost = counted(tmp_path, model(nodes, [value("x", 1, 3, 2, 2)], [value("y", 1, 4, 2, 2)], stored))
    assert figures(cost) == (4 * 2 * 2 * 3, 12, 0, 0)
    assert [layer.weight_bytes for layer in cost.layers] == [12]


def test_shapes_that_are_computed_are_folded(tmp_path: Path) -> None:
    """What exporters compute from an input's shape is a constant once that is given, and costs nothing."""
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["n"]),
        node("Concat", ["n", "rest"], ["to"], axis=0),
        node("Reshape", ["x", "to"], ["f"]),
        node("MatMul", ["f", "w"], ["y"]),
    ]
    stored = [whole("zero", [0]), whole("rest", [-1]), weights("w", 12, 5)]
    one = model(nodes, [value("x", "n", 3, 2, 2)], [value("y", "n", 5)], stored)
    cost = counted(tmp_path, one)
    assert figures(cost) == (12 * 5, 60, 0, 0)
    assert cost.memory is not None
    assert [op.kind for op in cost.memory.ops] == ["input", "reshape", "fc"]


def test_clips_between_0_and_6_are_relu6(tmp_path: Path) -> None:
    """A clip tells by its bounds, attributes or stored values, whether it is a ReLU6."""
    bounds = [weights("low"), weights("high")]
    for bound, number in zip(bounds, (0, 6), strict=True):
        bound.raw_data = np.float32(number).tobytes()
    cost = counted(tmp_path, one_layer("Clip", (1, 3), *bounds, rank=2))
    assert cost.memory is not None
    assert [op.kind for op in cost.memory.ops] == ["input", "relu6"]


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    """Every input is an operation of the graph, and every output is alive to the end."""
    nodes = [node("Add", ["x", "y"], ["s"]), node("Relu", ["s"], ["r"])]
    one = model(nodes, [value("x", 1, 8), value("y", 1, 8)], [value("s", 1, 8), value("r", 1, 8)])
    cost = counted(tmp_path, one)
    assert cost.memory is not None
    assert [op.kind for op in cost.memory.ops] == ["input", "input", "add", "relu"]
    assert cost.memory.peak.activation_bytes == 4 * (8 + 8 + 8)


def test_the_batch_is_linear(tmp_path: Path) -> None:
    """A batch of four costs four times the mult-adds and the same weights."""
    found = formats.adopt(written(tmp_path, onnx_files.small("n")), {})
    one, four = analysis.count(found), analysis.count(found, batch=4)
    assert figures(one)[:2] == (onnx_files.SMALL_MULT_ADDS, onnx_files.SMALL_WEIGHTS)
    assert (four.mult_adds, four.params) == (4 * one.mult_adds, one.params)


def branching() -> Any:
    """Return a model with a branch whose condition is stored and whose parts read the input past the node's own."""
    part = model([node("Relu", ["x"], ["r"])], [], [value("r", 1, 3)]).graph
    nodes = [node("If", ["yes"], ["y"], then_branch=part, else_branch=part)]
    yes = weights("yes", kind="bool")
    return model(nodes, [value("x", 1, 3)], [value("y", 1, 3)], [yes])


# --- what stops a count ----------------------------------------------------------------------------------------------

STOPPED = {
    "an operation without a rule": (
        one_layer("Einsum", (2, 3), weights("w", 3, 5), rank=2, equation="ij,jk->ik"),
        r"No rule counts the mult-adds of 'Einsum' \(layer y\): its total would have a hole",
    ),
    "an operation of another domain": (
        model(
            [node("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft")],
            [value("x", 3, 3)],
            [value("y", 3, 3)],
            others=["com.microsoft"],
        ),
        "No rule counts the mult-adds of 'com.microsoft.FusedMatMul'",
    ),
    "a branch on a stored condition": (
        branching(),
        r"mult-adds of 'If' \(layer y\)",
    ),
    "a scalar product": (
        one_layer("MatMul", (3,), weights("w", 3), rank=0),
        "'MatMul' that gives a single number",
    ),
    "a convolution over one axis": (
        one_layer("Conv", (1, 3, 8), weights("w", 4, 3, 3), rank=3),
        "'Conv' over 1 axes",
    ),
    "weights that are computed": (
        model(
            [node("Relu", ["u"], ["w"]), node("Conv", ["x", "w"], ["y"])],
            [value("x", 1, 3, 8, 8), value("u", 4, 3, 3, 3)],
            [value("y", 1, 4, 6, 6)],
        ),
        "'Conv' with computed weights",
    ),
    "channels that do not fit": (
        one_layer("Conv", (1, 3, 8, 8), weights("w", 4, 2, 3, 3)),
        r"shapes \[1, 3, 8, 8\] and \[4, 2, 3, 3\] of Conv y do not fit each other",
    ),
}


@pytest.mark.parametrize("case", STOPPED)
def test_what_has_no_rule_stops_the_count(case: str, tmp_path: Path) -> None:
    """An operation that nobody knows how to count is named, and there is no total."""
    one, reason = STOPPED[case]
    with pytest.raises(UsageError, match=reason):
        counted(tmp_path, one)


# --- .tflite files ---------------------------------------------------------------------------------------------------


def tflite(folder: Path, content: bytes) -> Cost:
    """Count a .tflite file."""
    return analysis.count(formats.adopt(tflite_files.written(folder, content), {}))


def test_a_tflite_file_counts_like_the_others(tmp_path: Path) -> None:
    """Convolutions, depthwise ones and fully connected layers of a .tflite file follow the same rules."""
    cost = tflite(tmp_path, tflite_files.small())
    assert figures(cost) == (tflite_files.SMALL_MULT_ADDS, tflite_files.SMALL_WEIGHTS, 4, 0)
    assert [layer.kind for layer in cost.layers] == ["conv_3x3", "conv_dw_3x3", "fc"]
    assert [(layer.in_channels, layer.out_channels, layer.out_h) for layer in cost.layers[:2]] == [(3, 4, 8), (4, 4, 4)]
    assert cost.layers[1].stride == (2, 2)


def test_a_fully_connected_layer_flattens_its_map(tmp_path: Path) -> None:
    """A map that a fully connected layer of TensorFlow Lite reads is seen as a vector first."""
    content = tflite_files.made(
        [
            ("x", (1, 2, 2, 3), None),
            ("w", (5, 12), np.ones((5, 12), np.int8)),
            ("y", (1, 5), None),
        ],
        [Part(operator="FULLY_CONNECTED", inputs=(0, 1, -1), outputs=(2,))],
        (0,),
        (2,),
    )
    cost = tflite(tmp_path, content)
    assert figures(cost) == (5 * 12, 60, 0, 0)
    assert [layer.weight_bytes for layer in cost.layers] == [60]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (Part(operator="TRANSPOSE_CONV", inputs=(0,), outputs=(1,)), "mult-adds of 'TRANSPOSE_CONV' .layer y_1."),
        (Part(operator="CUSTOM", inputs=(0,), outputs=(1,)), "mult-adds of 'CUSTOM'"),
    ],
)
def test_an_operation_of_tflite_without_a_rule_stops_the_count(part: Part, reason: str, tmp_path: Path) -> None:
    """An operation of a .tflite file that nobody knows how to count is named, and there is no total."""
    with pytest.raises(UsageError, match=reason):
        tflite(tmp_path, tflite_files.made([("x", (1, 4), None), ("y", (1, 4), None)], [part], (0,), (1,)))


# --- against the traced network --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["lenet5", "mobilenet_v1:width=0.25,resolution=64", "squeezenet:resolution=64"])
def test_an_exported_network_counts_as_the_traced_one(spec: str) -> None:
    """Mult-adds, weights, bytes of weights and peak of activations of an exported network are those of the network."""
    traced = analysis.count(architectures.parse(spec))
    exported = analysis.count(formats.adopt(formats.convert(formats.source(spec), "onnx").path, {}))
    assert (exported.mult_adds, exported.params) == (traced.mult_adds, traced.params)
    assert exported.memory is not None
    assert traced.memory is not None
    assert exported.memory.weight_bytes == traced.memory.weight_bytes
    assert exported.memory.peak.activation_bytes == traced.memory.peak.activation_bytes
    if not traced.bn_params:  # it is folded into biases
        assert exported.bias_params == traced.bias_params
