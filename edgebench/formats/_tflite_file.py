"""Read a .tflite file, in the process that is made for it, through the classes of its FlatBuffers schema."""

import hashlib
import struct
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

from edgebench.formats._filegraph import (
    MOST_ELEMENTS,
    MOST_OPERATIONS,
    MOST_SIDE,
    FileGraph,
    FileOp,
    FileTensor,
    Malformed,
    shown,
)

_MOST_BYTES = 2**31 - 1  # offsets are of 32 bits, and signed in places
_IDENTIFIER = b"TFL3"
_VERSION = 3
_MOST_RANK = 8

# The schema's classes follow offsets without looking where they lead: these are what a wrong one ends in.
_WRONG_OFFSETS = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError)

_WINDOWS: dict[str, tuple[str, tuple[str, ...]]] = {  # operator: its table of options, and the numbers taken from it
    "CONV_2D": ("Conv2DOptions", ("StrideH", "StrideW")),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", ("StrideH", "StrideW", "DepthMultiplier")),
    "FULLY_CONNECTED": ("FullyConnectedOptions", ("WeightsFormat",)),
}


def read(path: Path, shapes: dict[str, tuple[int, ...]]) -> FileGraph:
    """Return what the file holds; raise Malformed for what cannot be used, and for shapes other than the file's."""
    text = _bytes(path)
    try:
        return _read(text, shapes)
    except _WRONG_OFFSETS as error:
        raise Malformed("it is no TensorFlow Lite file, or only a part of one") from error


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Malformed(f"it is larger than {_MOST_BYTES} bytes, and a TensorFlow Lite file never is")
        text = path.read_bytes()
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    if text[4:8] != _IDENTIFIER:
        raise Malformed("it is no TensorFlow Lite file")
    return text


def _read(text: bytes, shapes: dict[str, tuple[int, ...]]) -> FileGraph:
    from tflite.Model import Model

    model = Model.GetRootAsModel(text, 0)
    if model.Version() != _VERSION:
        raise Malformed(f"it is of schema {model.Version()}, expected {_VERSION}")
    if model.SubgraphsLength() < 1:
        raise Malformed("it holds no graph")
    graph = model.Subgraphs(0)
    for what, count in (("operations", graph.OperatorsLength()), ("tensors", graph.TensorsLength())):
        if not 0 < count <= MOST_OPERATIONS:
            raise Malformed(f"it says that it has {count} {what}, expected 1 to {MOST_OPERATIONS}")
    tensors = [_tensor(graph.Tensors(place), place, model) for place in range(graph.TensorsLength())]
    names = [tensor.name for tensor in tensors]
    operators = _operators(model)
    operations = tuple(
        _operation(graph.Operators(place), place, operators, names) for place in range(graph.OperatorsLength())
    )
    inputs = _named(graph.InputsLength(), graph.Inputs, names)
    outputs = _named(graph.OutputsLength(), graph.Outputs, names)
    _check_order(operations, {*inputs, *(tensor.name for tensor in tensors if tensor.stored)}, outputs)
    found = FileGraph(
        format="tflite",
        sha256=hashlib.sha256(text).hexdigest(),
        open=False,
        inputs=inputs,
        outputs=outputs,
        tensors=tuple(tensors),
        operations=operations,
    )
    _check_shapes(found, shapes)
    return found


def _tensor(tensor: Any, place: int, model: Any) -> FileTensor:
    """Return a tensor under its name and place: names in these files need not differ."""
    name = f"{shown(tensor.Name().decode() if tensor.Name() is not None else 'tensor')}#{place}"
    if tensor.ShapeLength() > _MOST_RANK:
        raise Malformed(f"the tensor {name!r} has {tensor.ShapeLength()} axes, expected {_MOST_RANK} at most")
    shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    if not all(0 <= side <= MOST_SIDE for side in shape) or prod(shape) > MOST_ELEMENTS:
        raise Malformed(f"the tensor {name!r} has the shape {list(shape)}, expected {MOST_ELEMENTS} elements at most")
    word, itemsize = _type(tensor.Type(), name)
    return FileTensor(
        name=name, shape=shape, type=word, element_bytes=itemsize, stored=_stored(tensor, model, name, prod(shape))
    )


def _stored(tensor: Any, model: Any, name: str, elements: int) -> bool:
    """Tell whether the file holds a tensor's values; raise Malformed when it holds fewer than the shape says."""
    if not 0 <= tensor.Buffer() < model.BuffersLength():
        raise Malformed(f"the tensor {name!r} is in buffer {tensor.Buffer()}, and there are {model.BuffersLength()}")
    buffer = model.Buffers(tensor.Buffer())
    length = buffer.DataLength()
    if not length:
        return bool(buffer.Size())  # values behind the FlatBuffer, in files above 2 GB
    end = buffer._tab.Vector(buffer._tab.Offset(4)) + length
    if end > len(buffer._tab.Bytes):
        raise Malformed(f"the file ends before the values of {name!r} do")
    dense = tensor.Sparsity() is None and not tensor.IsVariable()
    if dense and length * 2 < elements:
        raise Malformed(f"the tensor {name!r} of {elements} elements has {length} bytes of values")
    return True


def _type(kind: int, name: str) -> tuple[str, int]:
    import numpy as np
    from tflite.TensorType import TensorType

    word = _words(TensorType).get(kind)
    if word is None:
        raise Malformed(f"the tensor {name!r} has values of type {kind}, which the schema does not know")
    if word in {"STRING", "RESOURCE", "VARIANT"}:
        return "object", 8
    if word in {"INT4", "BFLOAT16"}:
        return word.lower(), {"INT4": 1, "BFLOAT16": 2}[word]
    found = np.dtype(word.lower())
    return str(found), found.itemsize


def _words(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _operators(model: Any) -> list[str]:
    from tflite.BuiltinOperator import BuiltinOperator

    known = _words(BuiltinOperator)
    if not 0 <= model.OperatorCodesLength() <= MOST_OPERATIONS:
        raise Malformed(f"it says that it has {model.OperatorCodesLength()} kinds of operations")
    found = []
    for place in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(place)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())  # the schema's own rule for codes up to 127
        word = known.get(number, f"operator {number}")
        own = code.CustomCode()
        found.append(f"CUSTOM {shown(own.decode())}" if word == "CUSTOM" and own is not None else word)
    return found


def _operation(operation: Any, place: int, operators: list[str], names: list[str]) -> FileOp:
    index = operation.OpcodeIndex()
    if index >= len(operators):
        raise Malformed(f"its operation {place} is of kind {index}, and there are {len(operators)}")
    word = operators[index]
    inputs = _named(operation.InputsLength(), operation.Inputs, names)
    outputs = _named(operation.OutputsLength(), operation.Outputs, names)
    return FileOp(
        name=next(filter(None, outputs), f"{word}#{place}"),
        operator=word,
        inputs=inputs,
        outputs=outputs,
        numbers=_numbers(operation, word),
    )


def _named(count: int, at: Callable[[int], int], names: list[str]) -> tuple[str, ...]:
    """Return the names of tensors by their places; -1 stands for one that is left out."""
    if not 0 <= count <= MOST_OPERATIONS:
        raise Malformed(f"a list of tensors in it has {count} places")
    places = [int(at(index)) for index in range(count)]
    for place in places:
        if not -1 <= place < len(names):
            raise Malformed(f"it reads or makes tensor {place}, and there are {len(names)}")
    return tuple(names[place] if place >= 0 else "" for place in places)


def _numbers(operation: Any, word: str) -> dict[str, tuple[float, ...]]:
    import importlib

    if word not in _WINDOWS or operation.BuiltinOptions() is None:
        return {}
    table, fields = _WINDOWS[word]
    options = getattr(importlib.import_module(f"tflite.{table}"), table)()
    union = operation.BuiltinOptions()
    options.Init(union.Bytes, union.Pos)
    return {field: (float(getattr(options, field)()),) for field in fields}


def _check_order(operations: tuple[FileOp, ...], known: set[str], outputs: tuple[str, ...]) -> None:
    later = {name for one in operations for name in one.outputs}
    variable = known | later
    for one in operations:
        for name in one.inputs:
            if name and name not in known:
                if name in later:
                    raise Malformed(
                        f"{one.operator} {one.name!r} reads {name!r}, which is made only after it: its operations form "
                        "a cycle, or are out of order"
                    )
                raise Malformed(f"{one.operator} {one.name!r} reads {name!r}, which nothing makes")
        known.update(one.outputs)
    for name in outputs:
        if name not in variable:
            raise Malformed(f"its output {name!r} is made by nothing")


def _check_shapes(graph: FileGraph, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise Malformed for shapes other than the file's: what they change in it only its runtime can tell."""
    own = {name: graph.tensor(name).shape for name in graph.inputs}
    plain = {name.rpartition("#")[0]: shape for name, shape in own.items()}
    for key, shape in shapes.items():
        place = int(key) if key.isdigit() else -1
        found = list(own.values())[place] if 0 <= place < len(own) else plain.get(key)
        if found is None:
            raise Malformed(f"it has no input {shown(key)!r}: its inputs are {', '.join(plain)}")
        if found != shape:
            given = "x".join(str(side) for side in shape)
            fixed = "x".join(str(side) for side in found)
            raise Malformed(f"its input is of shape {fixed}, and cannot be given {given}: convert it at that shape")
