"""Which activations a network keeps, moves, and holds at once: exact for its graph, in the order of execution.

An activation is a tensor that one operation hands to another, the network's inputs and outputs among them. Weights and
constants are none: `edgebench.analysis.weights` counts them. A runtime may do better (concatenate in place, tile) or
worse (copy to its own layout, keep a scratch buffer for a convolution); nothing of that is guessed here.
"""

import math
from collections import Counter
from dataclasses import dataclass

from edgebench.analysis.graph import Graph, Op, Tensor

VIEWS = frozenset({"identity", "dropout", "reshape"})
"""Kinds that at inference give their input under another name or shape: no bytes move, no memory is taken."""

ELEMENTWISE = frozenset(
    {"batch_norm", "relu", "relu6", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh", "elementwise"},
)
"""Kinds that turn one tensor into one of the same size, each value by itself: they can write where they read."""

_FUSES = frozenset({"conv", "linear", "matmul", "add", "subtract", "multiply", "divide"}) | ELEMENTWISE
"""Kinds that a runtime which fuses computes as one with the elementwise operation that alone reads what they give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The bytes of activations that one operation reads and writes: each tensor whole, and once."""

    read_bytes: int = 0
    written_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most bytes of activations that are alive at once, and the first operation during which they are."""

    activation_bytes: int
    op: str


def size_bytes(tensor: Tensor) -> int:
    """Return what a tensor takes.

    >>> size_bytes(Tensor(name="x", shape=(1, 3, 224, 224)))
    602112
    """
    return math.prod(tensor.shape) * tensor.element_bytes


def moved(graph: Graph) -> tuple[Moved, ...]:
    """Return what each operation moves.

    Inputs and constants are given and views move nothing. An elementwise operation moves nothing either when it alone
    reads what a convolution, a fully connected layer, arithmetic or another elementwise operation gives: the two run
    as one.
    """
    makers = {tensor: op for op in graph.ops for tensor in op.outputs}
    readers = Counter(tensor for op in graph.ops for tensor in _read(op))
    readers.update(graph.outputs)

    def of(op: Op) -> Moved:
        read = [tensor for tensor in _read(op) if makers[tensor].kind != "constant"]
        if op.kind in VIEWS or op.kind in {"input", "constant", "shape"}:
            return Moved()
        if op.kind in ELEMENTWISE and read and makers[read[0]].kind in _FUSES and readers[read[0]] == 1:
            return Moved()
        return Moved(
            read_bytes=sum(size_bytes(tensor) for tensor in read),
            written_bytes=sum(size_bytes(tensor) for tensor in op.outputs),
        )

    return tuple(of(op) for op in graph.ops)


def peak(graph: Graph, *, in_place: bool = True) -> Peak:
    """Return the largest sum of the sizes of all tensors alive while one operation runs.

    A tensor is alive from the operation that makes it to the last one that reads it, both included; an output of the
    network to the end. A view shares the memory of its input. In place, so does an elementwise operation after which
    nothing reads its input, an input of the network excepted: that one belongs to the caller.
    """
    alive = [0] * len(graph.ops)
    for buffer in _buffers(graph, in_place):
        for position in range(buffer.first, min(buffer.last + 1, len(alive))):
            alive[position] += buffer.size_bytes
    most = max(alive, default=0)
    return Peak(activation_bytes=most, op=graph.ops[alive.index(most)].name if alive else "")


@dataclass(slots=True, kw_only=True)
class _Buffer:
    """A stretch of memory, and the positions of the first and the last operation during which it is needed."""

    first: int
    last: int
    size_bytes: int
    writable: bool


def _buffers(graph: Graph, in_place: bool) -> list[_Buffer]:
    needed = _last_reads(graph)
    buffers: list[_Buffer] = []
    homes: dict[Tensor, _Buffer] = {}
    for position, op in enumerate(graph.ops):
        if op.kind == "constant":
            continue
        home = homes.get(op.inputs[0]) if op.inputs else None
        for tensor in op.outputs:
            if home is not None and (op.kind in VIEWS or (in_place and _overwrites(op, tensor, home, position))):
                home.last = max(home.last, needed[tensor])
                homes[tensor] = home
            else:
                homes[tensor] = _Buffer(
                    first=position,
                    last=needed[tensor],
                    size_bytes=size_bytes(tensor),
                    writable=op.kind != "input",
                )
                buffers.append(homes[tensor])
    return buffers


def _overwrites(op: Op, tensor: Tensor, home: _Buffer, position: int) -> bool:
    return op.kind in ELEMENTWISE and home.writable and home.last == position and home.size_bytes == size_bytes(tensor)


def _last_reads(graph: Graph) -> dict[Tensor, int]:
    """Return the position of the last operation that needs each tensor, under whatever name it reads it."""
    needed: dict[Tensor, int] = {}
    for position, op in enumerate(graph.ops):
        needed.update(dict.fromkeys((*_read(op), *op.outputs), position))
    needed.update(dict.fromkeys(graph.outputs, len(graph.ops)))  # after the last operation
    for op in reversed(graph.ops):
        if op.kind in VIEWS:
            seen_as = [needed[tensor] for tensor in op.outputs]
            needed.update({tensor: max(needed[tensor], *seen_as) for tensor in op.inputs[:1]})
    return needed


def _read(op: Op) -> tuple[Tensor, ...]:
    """Return the tensors whose values an operation needs: a shape is known without them."""
    return () if op.kind == "shape" else tuple(dict.fromkeys(op.inputs))
