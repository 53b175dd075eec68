"""Which operations stand in an .onnx file, without onnx, which boards do not have.

Only what is needed of protocol buffers is read (protobuf.dev, "Encoding"): a model holds a graph (field 7), a graph its
nodes (1), a node the name of its operation (4).
"""

import re
from collections.abc import Iterator

_GRAPH, _NODE, _OPERATION = 7, 1, 4
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}

_INTEGER = re.compile(r"QLinear(Conv|MatMul)|QGemm|ConvInteger|\w*MatMulInteger\w*|DynamicQuantizeMatMul")
_REAL = re.compile(r"(Nhwc)?(Fused)?(Conv|ConvTranspose|Gemm|MatMul)")


def precision(model: bytes) -> str:
    """Return in what the convolutions and matrix products of a model compute, "unknown" where there are none."""
    found = set()
    for name in operations(model):
        if _INTEGER.fullmatch(name):
            found.add("int8")
        elif _REAL.fullmatch(name):
            found.add("fp32")
    return "+".join(sorted(found)) or "unknown"


def operations(model: bytes) -> Iterator[str]:
    """Yield the names of a model's operations in their order; raise ValueError for bytes that are no message.

    >>> list(operations(bytes([0x3A, 6, 0x0A, 4, 0x22, 2, 65, 66])))
    ['AB']
    """
    for graph in inner(memoryview(model), _GRAPH):
        for node in inner(graph, _NODE):
            for name in inner(node, _OPERATION):
                yield bytes(name).decode(errors="replace")


def inner(message: memoryview, field: int) -> Iterator[memoryview]:
    """Yield what a message holds in a field of bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            _, place = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("the bytes are no protocol buffer: a field is longer than they are")
            if key >> 3 == field:
                yield message[place : place + length]
            place += length
        elif kind in _FIXED:
            place += _FIXED[kind]
        else:
            raise ValueError(f"the bytes are no protocol buffer: a field of kind {kind}")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place behind it."""
    number, shift = 0, 0
    while place < len(message):
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if not byte & 0x80:
            return number, place
    raise ValueError("the bytes are no protocol buffer: a number does not end")
