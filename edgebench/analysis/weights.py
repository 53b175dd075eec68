"""What the weights of a network take, as runtimes keep them: batch norm folded into the layer before it."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edgebench.analysis.graph import FLOAT32_BYTES, Graph, Op

_BYTES: Mapping[str, tuple[int, int]] = {  # of a weight, and of a bias
    "fp32": (4, 4),
    "fp16": (2, 2),
    "int8": (1, FLOAT32_BYTES),  # TFLite's and ONNX's quantised convolutions keep biases in 32 bits
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The numbers that one operation keeps: its weights, and what is added or scaled a channel at a time."""

    weights: int = 0
    biases: int = 0
    weight_bytes: int = FLOAT32_BYTES  # of one weight, in the network as it was given

    @property
    def size_bytes(self) -> int:
        """What they take, in the network as it was given; biases of 8-bit weights have 32 bits."""
        bias_bytes = FLOAT32_BYTES if self.weight_bytes == 1 else self.weight_bytes
        return self.weights * self.weight_bytes + self.biases * bias_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightBytes:
    """What all weights take at a precision; scales and zero points of int8 are left out, a few bytes a channel."""

    fp32: int
    fp16: int
    int8: int


def kept(graph: Graph) -> tuple[Kept, ...]:
    """Return what each operation keeps.

    A batch norm that alone reads what a layer gives is folded: its scales go into the layer's weights, its shifts into
    the layer's biases, which the layer gains if it had none. Any other batch norm keeps a scale and a shift a channel.
    """
    makers = {tensor: position for position, op in enumerate(graph.ops) for tensor in op.outputs}
    readers = Counter(tensor for op in graph.ops for tensor in dict.fromkeys(op.inputs))
    readers.update(graph.outputs)
    numbers = [_own(op) for op in graph.ops]
    for position, op in enumerate(graph.ops):
        if op.kind != "batch_norm" or readers[op.inputs[0]] != 1:
            continue
        layer = makers[op.inputs[0]]
        if graph.ops[layer].kind in {"conv", "linear"}:
            weights, biases, size = numbers[layer].weights, numbers[layer].biases, numbers[layer].weight_bytes
            numbers[layer] = Kept(weights=weights, biases=biases or op.bias_params, weight_bytes=size)
            numbers[position] = Kept()
    return tuple(numbers)


def weight_bytes(numbers: tuple[Kept, ...]) -> WeightBytes:
    """Return what the numbers of all operations take at each precision.

    >>> weight_bytes((Kept(weights=100, biases=10),))
    WeightBytes(fp32=440, fp16=220, int8=140)
    """
    weights, biases = sum(one.weights for one in numbers), sum(one.biases for one in numbers)
    return WeightBytes(**{name: weights * weight + biases * bias for name, (weight, bias) in _BYTES.items()})


def _own(op: Op) -> Kept:
    if op.kind == "batch_norm":
        return Kept(biases=op.params + op.bias_params)
    if op.kind == "constant":
        return Kept(biases=sum(math.prod(tensor.shape) for tensor in op.outputs))
    return Kept(weights=op.params, biases=op.bias_params, weight_bytes=op.param_bytes)
