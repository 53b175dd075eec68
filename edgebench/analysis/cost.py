"""Count what a network costs on paper: one rule for each kind of operation, and no total with a hole in it.

A mult-add is one multiply and one add in a convolution or fully connected layer. Bias, batch norm, activation, pooling,
adds of shortcuts and softmax count zero. `edgebench.analysis.convention` knows how others count.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgebench.analysis import memory, weights
from edgebench.analysis.graph import Graph, Op, Tensor, Window
from edgebench.analysis.memory import Moved, Peak
from edgebench.analysis.weights import Kept, WeightBytes
from edgebench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCost:
    """What one convolution or fully connected layer costs; pairs are height, width."""

    name: str
    kind: str  # "conv_3x3", "conv_dw_3x3", "conv_5x5_g2", "fc"
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    groups: int
    out_h: int
    out_w: int
    mult_adds: int
    params: int  # weights only
    bias_params: int
    bn_params: int  # of the batch norm that belongs to the layer
    weight_bytes: int | None = None  # weights and biases, batch norm folded in; None where only a table is known
    activation_read_bytes: int | None = None
    activation_written_bytes: int | None = None

    @property
    def intensity(self) -> float | None:
        """Mult-adds a byte that the layer must move: weights, and activations read and written."""
        if self.weight_bytes is None or self.activation_read_bytes is None or self.activation_written_bytes is None:
            return None
        return self.mult_adds / (self.weight_bytes + self.activation_read_bytes + self.activation_written_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCost:
    """What one operation costs, be it a layer or not."""

    name: str
    kind: str  # of a layer as in LayerCost, else as in the graph
    mult_adds: int
    weight_bytes: int
    activation_read_bytes: int
    activation_written_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a network moves and holds. Bytes are of the precision that the graph has, unless a field says another."""

    ops: tuple[OpCost, ...]
    weight_bytes: WeightBytes
    peak: Peak
    peak_out_of_place: Peak  # where no operation writes over what it reads

    @property
    def moved_weight_bytes(self) -> int:
        """The weights of all operations, in the precision of the graph."""
        return sum(op.weight_bytes for op in self.ops)

    @property
    def activation_read_bytes(self) -> int:
        """The sum over all operations."""
        return sum(op.activation_read_bytes for op in self.ops)

    @property
    def activation_written_bytes(self) -> int:
        """The sum over all operations."""
        return sum(op.activation_written_bytes for op in self.ops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a network costs, layer by layer in the order of execution."""

    layers: tuple[LayerCost, ...]
    memory: Memory | None = None  # None where only a table of layers is known

    @property
    def mult_adds(self) -> int:
        """The sum over the layers."""
        return sum(layer.mult_adds for layer in self.layers)

    @property
    def params(self) -> int:
        """The sum over the layers: weights only."""
        return sum(layer.params for layer in self.layers)

    @property
    def bias_params(self) -> int:
        """The sum over the layers."""
        return sum(layer.bias_params for layer in self.layers)

    @property
    def bn_params(self) -> int:
        """The sum over the layers."""
        return sum(layer.bn_params for layer in self.layers)

    @property
    def intensity(self) -> float | None:
        """Mult-adds a byte moved, weights and activations; None where only a table is known, or nothing is moved."""
        if self.memory is None:
            return None
        moved = self.memory
        total = moved.moved_weight_bytes + moved.activation_read_bytes + moved.activation_written_bytes
        return self.mult_adds / total if total else None


def cost(graph: Graph) -> Cost:
    """Return what a network costs; raise UsageError for an operation without a rule."""
    _check(graph)
    mult_adds = [_rule(op)(op) for op in graph.ops]
    bn_params = _bn_params(graph)
    numbers, activations = weights.kept(graph), memory.moved(graph)
    layers = {
        position: _layer(op, mult_adds[position], bn_params.get(position, 0), numbers[position], activations[position])
        for position, op in enumerate(graph.ops)
        if op.kind in _LAYERS
    }
    ops = tuple(
        _op_cost(op, layers.get(position), numbers[position], activations[position])
        for position, op in enumerate(graph.ops)
    )
    return Cost(
        layers=tuple(layers.values()),
        memory=Memory(
            ops=ops,
            weight_bytes=weights.weight_bytes(numbers),
            peak=memory.peak(graph),
            peak_out_of_place=memory.peak(graph, in_place=False),
        ),
    )


def _check(graph: Graph) -> None:
    given: set[Tensor] = set()
    for op in graph.ops:
        for tensor in op.inputs:
            if tensor not in given:
                raise UsageError(
                    f"{op.name} reads {tensor.name}, which no operation before it gives: expected the operations of a "
                    "network in the order in which they run."
                )
        given.update(op.outputs)


def _convolution(op: Op) -> int:
    # [n, o, h, w] = conv([n, i, h', w'], [o, i / groups, kh, kw])
    window = _window(op)
    return math.prod(op.output_shape) * math.prod(window.kernel) * (op.input_shapes[0][1] // window.groups)


def _window(op: Op) -> Window:
    if op.window is None:
        raise UsageError(f"The convolution {op.name} has no kernel: expected one in the graph.")
    return op.window


def _linear(op: Op) -> int:
    # [n, ..., o] = [n, ..., i] x [o, i]
    return math.prod(op.output_shape) * op.input_shapes[0][-1]


def _free(op: Op) -> int:
    return 0


MULT_ADDS: dict[str, Callable[[Op], int]] = {
    "conv": _convolution,
    "linear": _linear,
    "matmul": _linear,
    **dict.fromkeys(("input", "constant", "move", "concatenate", "shape"), _free),
    **dict.fromkeys(memory.VIEWS, _free),
    **dict.fromkeys(memory.ELEMENTWISE, _free),
    **dict.fromkeys(("local_response_norm", "normalization", "sum", "compare", "cast"), _free),
    **dict.fromkeys(("softmax", "max_pool", "average_pool", "add", "subtract", "multiply", "divide"), _free),
}


def _rule(op: Op) -> Callable[[Op], int]:
    if op.kind not in MULT_ADDS:
        raise UsageError(
            f"No rule counts the mult-adds of {op.kind!r} (layer {op.name}): expected {', '.join(sorted(MULT_ADDS))}."
        )
    return MULT_ADDS[op.kind]


def _layer(op: Op, mult_adds: int, bn_params: int, numbers: Kept, activations: Moved) -> LayerCost:
    kind, in_channels, out_channels, out_h, out_w = _LAYERS[op.kind](op)
    window = op.window or Window(kernel=(1, 1), stride=(1, 1), groups=1)
    return LayerCost(
        name=op.name,
        kind=kind,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel=window.kernel,
        stride=window.stride,
        groups=window.groups,
        out_h=out_h,
        out_w=out_w,
        mult_adds=mult_adds,
        params=op.params,
        bias_params=op.bias_params,
        bn_params=bn_params,
        weight_bytes=numbers.size_bytes,
        activation_read_bytes=activations.read_bytes,
        activation_written_bytes=activations.written_bytes,
    )


def _convolution_facts(op: Op) -> tuple[str, int, int, int, int]:
    """Return kind, input channels, output channels, height and width of the output."""
    _, out_channels, out_h, out_w = op.output_shape
    in_channels, window = op.input_shapes[0][1], _window(op)
    return layer_kind(window.kernel, window.groups, in_channels), in_channels, out_channels, out_h, out_w


def layer_kind(kernel: tuple[int, int], groups: int, in_channels: int) -> str:
    """Return what a convolution is called in tables.

    >>> layer_kind((3, 3), 1, 64), layer_kind((3, 3), 64, 64), layer_kind((5, 5), 2, 96)
    ('conv_3x3', 'conv_dw_3x3', 'conv_5x5_g2')
    """
    size = f"{kernel[0]}x{kernel[1]}"
    if groups == 1:
        return f"conv_{size}"
    return f"conv_dw_{size}" if groups == in_channels else f"conv_{size}_g{groups}"


def _linear_facts(op: Op) -> tuple[str, int, int, int, int]:
    tokens = math.prod(op.output_shape[1:-1])  # 1 of a plain vector
    return "fc", op.input_shapes[0][-1], op.output_shape[-1], tokens, 1


def _product_facts(op: Op) -> tuple[str, int, int, int, int]:
    return "matmul", *_linear_facts(op)[1:]


_LAYERS: dict[str, Callable[[Op], tuple[str, int, int, int, int]]] = {
    "conv": _convolution_facts,
    "linear": _linear_facts,
    "matmul": _product_facts,
}


def _op_cost(op: Op, layer: LayerCost | None, numbers: Kept, activations: Moved) -> OpCost:
    return OpCost(
        name=op.name,
        kind=op.kind if layer is None else layer.kind,
        mult_adds=0 if layer is None else layer.mult_adds,
        weight_bytes=numbers.size_bytes,
        activation_read_bytes=activations.read_bytes,
        activation_written_bytes=activations.written_bytes,
    )


def _bn_params(graph: Graph) -> dict[int, int]:
    """Return the batch norm parameters of each layer: those that follow it, else those that stand before it."""
    layers = [position for position, op in enumerate(graph.ops) if op.kind in _LAYERS]
    made_by = {tensor: position for position in layers for tensor in graph.ops[position].outputs}
    owned: dict[int, int] = {}
    for position, op in enumerate(graph.ops):
        if op.kind != "batch_norm":
            continue
        source = made_by.get(op.inputs[0])
        if source is None:  # pre-activation networks: the next layer, or the last one when none comes
            source = next((layer for layer in layers if layer > position), layers[-1])
        owned[source] = owned.get(source, 0) + op.params + op.bias_params
    return owned
