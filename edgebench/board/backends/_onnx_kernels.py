"""Which operations stand in an .onnx file and of which types its values are, without onnx, which boards do not have.

Only what is needed of protocol buffers is read (protobuf.dev, "Encoding"; fields as in onnx.proto): a model holds a
graph and functions, these hold nodes and tensors, a node the name of its operation, and attributes, which are tensors
or graphs again. The values of tensors are passed over.
"""

import re
from collections.abc import Iterator

_GRAPH, _FUNCTION = 7, 25  # of a model
_NODE, _STORED = 1, 5  # of a graph
_NODE_OF_FUNCTION = 7
_INPUT, _OPERATION, _ATTRIBUTE = 1, 4, 5  # of a node
_TENSOR_OF_ATTRIBUTE, _GRAPH_OF_ATTRIBUTE, _GRAPHS_OF_ATTRIBUTE = 5, 6, 11
_TYPE, _NAME = 2, 8  # of a tensor
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}

_HALVES = {10: "fp16", 16: "bf16"}  # TensorProto.DataType

# MatMulNBits is onnxruntime's own: where it puts one, its activations are rounded to 8 bits (accuracy_level 4).
_INTEGER = re.compile(r"QLinear(Conv|MatMul)|QGemm|ConvInteger|\w*MatMulInteger\w*|DynamicQuantizeMatMul|MatMulNBits")
_REAL = re.compile(r"(Nhwc)?(Fused)?(Conv|ConvTranspose|Gemm|MatMul)")
_QUANTISING = re.compile(r"(Dynamic)?QuantizeLinear|DequantizeLinear")


def kernels(model: bytes) -> set[str]:
    """Return in what the convolutions and matrix products of a model compute: those with halved weights in these.

    >>> kernels(bytes([0x3A, 8, 0x0A, 6, 0x22, 4, *b"Conv"]))
    {'fp32'}
    """
    found = set()
    for graph in inner(memoryview(model), _GRAPH):
        types = {_text(name): _half(tensor) for tensor in inner(graph, _STORED) for name in inner(tensor, _NAME)}
        for node in inner(graph, _NODE):
            operation = _operation(node)
            if _INTEGER.fullmatch(operation):
                found.add("int8")
            elif _REAL.fullmatch(operation):
                found.add(next(filter(None, (types.get(_text(name)) for name in inner(node, _INPUT))), "fp32"))
    return found


def held(model: "bytes | memoryview") -> set[str]:
    """Return in what a model holds values beside fp32: halves that are stored, and int8 where anything is quantised.

    Whatever computes with them, they have no more bits than that.
    """
    found = set()
    for node, tensor in _parts(memoryview(model)):
        half = None if tensor is None else _half(tensor)
        if half is not None:
            found.add(half)
        operation = "" if node is None else _operation(node)
        if _QUANTISING.fullmatch(operation) or _INTEGER.fullmatch(operation):
            found.add("int8")
    return found


def operations(model: bytes) -> Iterator[str]:
    """Yield the names of a model's operations in their order; raise ValueError for bytes that are no message.

    >>> list(operations(bytes([0x3A, 6, 0x0A, 4, 0x22, 2, 65, 66])))
    ['AB']
    """
    for graph in inner(memoryview(model), _GRAPH):
        for node in inner(graph, _NODE):
            yield _operation(node)


def inner(message: memoryview, field: int) -> Iterator[memoryview]:
    """Yield what a message holds in a field of bytes."""
    for number, value in _fields(message):
        if number == field and isinstance(value, memoryview):
            yield value


def _parts(model: memoryview) -> Iterator[tuple[memoryview | None, memoryview | None]]:
    """Yield each node, and each tensor that is stored, of a model with the graphs in its nodes and its functions."""
    graphs = [(graph, _NODE) for graph in inner(model, _GRAPH)]
    graphs += [(function, _NODE_OF_FUNCTION) for function in inner(model, _FUNCTION)]
    while graphs:
        graph, field = graphs.pop()
        if field == _NODE:
            yield from ((None, tensor) for tensor in inner(graph, _STORED))
        for node in inner(graph, field):
            yield node, None
            for attribute in inner(node, _ATTRIBUTE):
                yield from ((None, tensor) for tensor in inner(attribute, _TENSOR_OF_ATTRIBUTE))
                for below in (_GRAPH_OF_ATTRIBUTE, _GRAPHS_OF_ATTRIBUTE):
                    graphs += [(one, _NODE) for one in inner(attribute, below)]


def _operation(node: memoryview) -> str:
    return next(map(_text, inner(node, _OPERATION)), "")


def _half(tensor: memoryview) -> str | None:
    """Return which half of fp32 a tensor is stored in, None for any other type."""
    return next((_HALVES.get(value) for number, value in _fields(tensor) if number == _TYPE and value in _HALVES), None)


def _text(found: memoryview) -> str:
    return bytes(found).decode(errors="replace")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field that is a number or bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            number, place = _varint(message, place)
            yield key >> 3, number
        elif kind == _BYTES:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("the bytes are no protocol buffer: a field is longer than they are")
            yield key >> 3, message[place : place + length]
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
