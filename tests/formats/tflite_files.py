"""Small .tflite files made with the schema's own builders."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite
from tflite.Buffer import BufferAddData, BufferEnd, BufferStart
from tflite.Model import (
    ModelAddBuffers,
    ModelAddOperatorCodes,
    ModelAddSubgraphs,
    ModelAddVersion,
    ModelEnd,
    ModelStart,
)
from tflite.Operator import (
    OperatorAddBuiltinOptions,
    OperatorAddBuiltinOptionsType,
    OperatorAddInputs,
    OperatorAddOpcodeIndex,
    OperatorAddOutputs,
    OperatorEnd,
    OperatorStart,
)
from tflite.OperatorCode import (
    OperatorCodeAddBuiltinCode,
    OperatorCodeAddDeprecatedBuiltinCode,
    OperatorCodeEnd,
    OperatorCodeStart,
)
from tflite.SubGraph import (
    SubGraphAddInputs,
    SubGraphAddOperators,
    SubGraphAddOutputs,
    SubGraphAddTensors,
    SubGraphEnd,
    SubGraphStart,
)
from tflite.Tensor import TensorAddBuffer, TensorAddName, TensorAddShape, TensorAddType, TensorEnd, TensorStart


@dataclass(frozen=True, kw_only=True)
class Part:
    """An operation by its name in the schema, tensors by place, and its options: a table and its fields."""

    operator: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: tuple[str, dict[str, int]] | None = None


def made(
    tensors: Sequence[tuple[str, Sequence[int], Any]],
    parts: Sequence[Part],
    inputs: Sequence[int],
    outputs: Sequence[int],
    version: int = 3,
) -> bytes:
    """Return a file of these tensors (name, shape, stored values or None for float32 activations) and operations."""
    builder = flatbuffers.Builder(1024)
    values = [None, *(stored for _, _, stored in tensors)]
    buffers = [_buffer(builder, one) for one in values]
    described = [_tensor(builder, place, *one) for place, one in enumerate(tensors)]
    words = list(dict.fromkeys(part.operator for part in parts))
    codes = [_code(builder, getattr(tflite.BuiltinOperator, word)) for word in words]
    operators = [_operator(builder, part, words.index(part.operator)) for part in parts]
    graph = _graph(builder, described, operators, inputs, outputs)
    codes_at, graphs_at, buffers_at = _list(builder, codes), _list(builder, [graph]), _list(builder, buffers)
    ModelStart(builder)
    ModelAddVersion(builder, version)
    ModelAddOperatorCodes(builder, codes_at)
    ModelAddSubgraphs(builder, graphs_at)
    ModelAddBuffers(builder, buffers_at)
    builder.Finish(ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def written(folder: Path, content: bytes, name: str = "net.tflite") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def small(*, biased: bool = False) -> bytes:
    """Return a convolution, a depthwise one, pooling and a fully connected layer on 8 x 8 x 3 pixels.

    Without the depthwise one's bias it is a file that can be read, and that LiteRT does not run.
    """
    return made(
        [
            ("x", (1, 8, 8, 3), None),
            ("w", (4, 3, 3, 3), np.ones((4, 3, 3, 3), np.float32)),
            ("b", (4,), np.ones(4, np.float32)),
            ("c", (1, 8, 8, 4), None),
            ("u", (1, 3, 3, 4), np.ones((1, 3, 3, 4), np.float32)),
            ("d", (1, 4, 4, 4), None),
            ("axes", (2,), np.array([1, 2], np.int32)),
            ("p", (1, 4), None),
            ("v", (10, 4), np.ones((10, 4), np.float32)),
            ("y", (1, 10), None),
            ("e", (4,), np.ones(4, np.float32)),
        ][: 11 if biased else 10],
        [
            Part(
                operator="CONV_2D",
                inputs=(0, 1, 2),
                outputs=(3,),
                options=("Conv2DOptions", {"StrideH": 1, "StrideW": 1}),
            ),
            Part(
                operator="DEPTHWISE_CONV_2D",
                inputs=(3, 4, 10 if biased else -1),
                outputs=(5,),
                options=("DepthwiseConv2DOptions", {"StrideH": 2, "StrideW": 2, "DepthMultiplier": 1}),
            ),
            Part(operator="MEAN", inputs=(5, 6), outputs=(7,)),
            Part(operator="FULLY_CONNECTED", inputs=(7, 8, -1), outputs=(9,)),
        ],
        inputs=(0,),
        outputs=(9,),
    )


SMALL_MULT_ADDS = 8 * 8 * 4 * 3 * 3 * 3 + 4 * 4 * 4 * 3 * 3 + 4 * 10
SMALL_WEIGHTS = 4 * 3 * 3 * 3 + 3 * 3 * 4 + 4 * 10


def _buffer(builder: Any, values: Any) -> int:
    content = None if values is None else builder.CreateByteVector(values.tobytes())
    BufferStart(builder)
    if content is not None:
        BufferAddData(builder, content)
    return int(BufferEnd(builder))


def _tensor(builder: Any, place: int, name: str, shape: Sequence[int], values: Any) -> int:
    name_at, shape_at = builder.CreateString(name), _numbers(builder, shape)
    kind = "FLOAT32" if values is None else values.dtype.name.upper()
    TensorStart(builder)
    TensorAddShape(builder, shape_at)
    TensorAddType(builder, getattr(tflite.TensorType, kind))
    TensorAddBuffer(builder, place + 1 if values is not None else 0)
    TensorAddName(builder, name_at)
    return int(TensorEnd(builder))


def _code(builder: Any, number: int) -> int:
    OperatorCodeStart(builder)
    OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    OperatorCodeAddBuiltinCode(builder, number)
    return int(OperatorCodeEnd(builder))


def _operator(builder: Any, part: Part, code: int) -> int:
    options = None if part.options is None else _options(builder, *part.options)
    inputs, outputs = _numbers(builder, part.inputs), _numbers(builder, part.outputs)
    OperatorStart(builder)
    OperatorAddOpcodeIndex(builder, code)
    OperatorAddInputs(builder, inputs)
    OperatorAddOutputs(builder, outputs)
    if part.options is not None:
        OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, part.options[0]))
        OperatorAddBuiltinOptions(builder, options)
    return int(OperatorEnd(builder))


def _options(builder: Any, table: str, fields: dict[str, int]) -> int:
    module = importlib.import_module(f"tflite.{table}")
    getattr(module, f"{table}Start")(builder)
    for field, number in fields.items():
        getattr(module, f"{table}Add{field}")(builder, number)
    return int(getattr(module, f"{table}End")(builder))


def _graph(
    builder: Any, tensors: list[int], operators: list[int], inputs: Sequence[int], outputs: Sequence[int]
) -> int:
    tensors_at, operators_at = _list(builder, tensors), _list(builder, operators)
    inputs_at, outputs_at = _numbers(builder, inputs), _numbers(builder, outputs)
    SubGraphStart(builder)
    SubGraphAddTensors(builder, tensors_at)
    SubGraphAddInputs(builder, inputs_at)
    SubGraphAddOutputs(builder, outputs_at)
    SubGraphAddOperators(builder, operators_at)
    return int(SubGraphEnd(builder))


def _list(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _numbers(builder: Any, numbers: Sequence[int]) -> int:
    builder.StartVector(4, len(numbers), 4)
    for number in reversed(numbers):
        builder.PrependInt32(number)
    return int(builder.EndVector())
