"""Values that stand in an .onnx file, or pass between its nodes: their types and shapes, checked."""

from collections.abc import Iterator
from math import prod
from typing import Any

from edgebench.formats._filegraph import MOST_ELEMENTS, MOST_SIDE, FileTensor, Malformed, shown

STANDARD = ("", "ai.onnx")
"""Names of the domain of ONNX's own operations."""


def lift_constants(model: Any) -> None:
    """Turn Constant nodes into initializers: to count them they are weights like others."""
    import onnx

    kept, lifted = [], []
    for node in model.graph.node:
        value = _constant(node) if node.op_type == "Constant" and node.domain in STANDARD else None
        if value is None:
            kept.append(node)
            continue
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        lifted.append(tensor)
    if lifted:
        del model.graph.node[:]
        model.graph.node.extend(kept)
        model.graph.initializer.extend(lifted)


def _constant(node: Any) -> Any:
    import numpy as np
    import onnx

    if len(node.output) != 1 or len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    if attribute.name == "value" and attribute.HasField("t"):
        return attribute.t
    plain = {
        "value_int": (attribute.i, np.int64),
        "value_ints": (attribute.ints, np.int64),
        "value_float": (attribute.f, np.float32),
        "value_floats": (attribute.floats, np.float32),
    }
    if attribute.name not in plain:
        return None
    values, kind = plain[attribute.name]
    return onnx.numpy_helper.from_array(np.array(values, dtype=kind))


def stored_shape(one: Any) -> tuple[int, ...]:
    """Return the shape of stored values; raise Malformed when it is none, or they are too few or too many for it."""
    import onnx

    name = shown(one.name)
    shape = checked(tuple(one.dims), f"the stored tensor {name!r}", least=0)
    if one.data_type == onnx.TensorProto.STRING:
        return shape
    itemsize = _type(one.data_type, f"the stored tensor {name!r}")[1]
    if one.HasField("raw_data"):
        there, needed, what = len(one.raw_data), -(-prod(shape) * itemsize // _sharing(one.data_type)), "bytes"
        fits = there == needed
    else:
        there, needed, what = sum(_typed(one)), -(-prod(shape) // _sharing(one.data_type)), "values"
        fits = there >= needed  # complex numbers are two values each
    if not fits:
        raise Malformed(f"the stored tensor {name!r} of shape {list(shape)} has {there} {what}, expected {needed}")
    return shape


def _typed(one: Any) -> Iterator[int]:
    for values in (one.float_data, one.int32_data, one.int64_data, one.double_data, one.uint64_data):
        yield len(values)


def _sharing(kind: int) -> int:
    """Return how many values share a byte in the file."""
    import onnx

    sharing = {"INT4": 2, "UINT4": 2, "FLOAT4E2M1": 2, "INT2": 4, "UINT2": 4}
    return {getattr(onnx.TensorProto, name, None): number for name, number in sharing.items()}.get(kind, 1)


def value_tensor(name: str, value: Any) -> FileTensor:
    """Return the tensor of an input or of what a node makes, its shape None where it could not be inferred."""
    import onnx

    if value is None or not value.type.HasField("tensor_type"):
        return tensor(name, None, onnx.TensorProto.FLOAT)
    kind = value.type.tensor_type
    sides = [side.dim_value if side.HasField("dim_value") else None for side in kind.shape.dim]
    known = tuple(side for side in sides if side is not None)
    shape = known if kind.HasField("shape") and len(known) == len(sides) else None
    if shape is not None:
        checked(shape, f"the tensor {shown(name)!r}", least=0)
    return tensor(name, shape, kind.elem_type or onnx.TensorProto.FLOAT)


def tensor(name: str, shape: tuple[int, ...] | None, kind: int, *, stored: bool = False) -> FileTensor:
    word, itemsize = _type(kind, f"the tensor {shown(name)!r}")
    return FileTensor(name=name, shape=shape, type=word, element_bytes=itemsize, stored=stored)


def _type(kind: int, what: str) -> tuple[str, int]:
    import onnx

    try:
        found = onnx.helper.tensor_dtype_to_np_dtype(kind)
    except (KeyError, ValueError, TypeError) as error:
        raise Malformed(f"{what} has values of type {kind}, which ONNX does not know") from error
    return str(found), found.itemsize


def checked(shape: tuple[int, ...], what: str, *, least: int) -> tuple[int, ...]:
    if not all(least <= side <= MOST_SIDE for side in shape) or prod(shape) > MOST_ELEMENTS:
        raise Malformed(
            f"{what} has the shape {shown(list(shape))}, expected sides from {least}, and {MOST_ELEMENTS} elements "
            "at most"
        )
    return shape
