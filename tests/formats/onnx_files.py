"""Small .onnx files made node by node, right ones and wrong ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
    """Return the description of an input or output; a word in place of a size leaves an axis open."""
    return helper.make_tensor_value_info(name, kind, shape)


def weights(name: str, *shape: int, kind: str = "float32") -> Any:
    """Return stored values, all different enough to tell places apart."""
    count = int(np.prod(shape))
    return numpy_helper.from_array((np.arange(count) % 7 - 3).reshape(shape).astype(kind), name)


def whole(name: str, values: Sequence[int]) -> Any:
    """Return stored whole numbers: a shape or axes."""
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def model(  # noqa: PLR0913 - the parts of a model, most by name
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    stored: Sequence[Any] = (),
    *,
    opset: int = OPSET,
    others: Sequence[str] = (),
    functions: Sequence[Any] = (),
) -> Any:
    """Return a model of these parts; `others` are domains beside ONNX's own."""
    graph = helper.make_graph(list(nodes), "net", list(inputs), list(outputs), list(stored))
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in others)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    """Return a node that is called as what it makes."""
    return helper.make_node(operator, list(inputs), list(outputs), name=outputs[0], **attributes)


def written(folder: Path, one: Any, name: str = "net.onnx") -> Path:
    """Write a model and return its path."""
    path = folder / name
    path.write_bytes(one.SerializeToString())
    return path


def small(batch: int | str = 1) -> Any:
    """Return a network of a convolution, a ReLU, pooling and a fully connected layer, on 3 x 8 x 8 pixels."""
    return model(
        [
            node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
            node("Relu", ["c"], ["r"]),
            node("GlobalAveragePool", ["r"], ["p"]),
            node("Flatten", ["p"], ["f"]),
            node("Gemm", ["f", "v", "d"], ["y"], transB=1),
        ],
        [value("x", batch, 3, 8, 8)],
        [value("y", batch, 10)],
        [weights("w", 4, 3, 3, 3), weights("b", 4), weights("v", 10, 4), weights("d", 10)],
    )


def outside(folder: Path, location: str = "weights.bin", **place: str) -> Path:
    """Write a network whose fully connected weights lie in a file beside it, and return its path."""
    one = small()
    tensor = next(stored for stored in one.graph.initializer if stored.name == "v")
    (folder / "weights.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in {"location": location, **place}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text
    return written(folder, one)


SMALL_MULT_ADDS = 4 * 8 * 8 * 3 * 3 * 3 + 4 * 10
SMALL_WEIGHTS = 4 * 3 * 3 * 3 + 4 * 10
