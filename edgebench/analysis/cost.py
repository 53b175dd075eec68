"""Count mult-adds and parameters: one rule for each kind of operation, and no total with a hole in it.

A mult-add is one multiply and one add in a convolution or fully connected layer. Bias, batch norm, activation, pooling,
adds of shortcuts and softmax count zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgebench.analysis.graph import Graph, Op, Window
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a network costs, layer by layer in the order of execution."""

    layers: tuple[LayerCost, ...]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCost:
    """What all layers of one kind cost together."""

    kind: str
    layers: int
    mult_adds: int
    params: int
    bias_params: int
    bn_params: int


def cost(graph: Graph) -> Cost:
    """Return the cost of each layer; raise UsageError for an operation without a rule."""
    mult_adds = [_rule(op)(op) for op in graph.ops]
    bn_params = _bn_params(graph)
    return Cost(
        layers=tuple(
            _LAYERS[op.kind](op, mult_adds[position], bn_params.get(position, 0))
            for position, op in enumerate(graph.ops)
            if op.kind in _LAYERS
        )
    )


def by_kind(network: Cost) -> tuple[KindCost, ...]:
    """Return the totals of each kind of layer, the one with the most mult-adds first."""
    kinds = {layer.kind for layer in network.layers}
    totals = (_total(kind, [layer for layer in network.layers if layer.kind == kind]) for kind in kinds)
    return tuple(sorted(totals, key=lambda total: (-total.mult_adds, total.kind)))


def _total(kind: str, layers: list[LayerCost]) -> KindCost:
    return KindCost(
        kind=kind,
        layers=len(layers),
        mult_adds=sum(layer.mult_adds for layer in layers),
        params=sum(layer.params for layer in layers),
        bias_params=sum(layer.bias_params for layer in layers),
        bn_params=sum(layer.bn_params for layer in layers),
    )


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
    **dict.fromkeys(("input", "constant", "batch_norm", "dropout", "identity"), _free),
    **dict.fromkeys(("reshape", "move", "concatenate", "shape"), _free),
    **dict.fromkeys(("relu", "relu6", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh", "softmax"), _free),
    **dict.fromkeys(("max_pool", "average_pool", "add", "subtract", "multiply", "divide"), _free),
}


def _rule(op: Op) -> Callable[[Op], int]:
    if op.kind not in MULT_ADDS:
        raise UsageError(
            f"No rule counts the mult-adds of {op.kind!r} (layer {op.name}): expected {', '.join(sorted(MULT_ADDS))}."
        )
    return MULT_ADDS[op.kind]


def _convolution_layer(op: Op, mult_adds: int, bn_params: int) -> LayerCost:
    _, out_channels, out_h, out_w = op.output_shape
    in_channels, window = op.input_shapes[0][1], _window(op)
    size = f"{window.kernel[0]}x{window.kernel[1]}"
    if window.groups == 1:
        kind = f"conv_{size}"
    else:
        kind = f"conv_dw_{size}" if window.groups == in_channels else f"conv_{size}_g{window.groups}"
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
    )


def _linear_layer(op: Op, mult_adds: int, bn_params: int) -> LayerCost:
    return LayerCost(
        name=op.name,
        kind="fc",
        in_channels=op.input_shapes[0][-1],
        out_channels=op.output_shape[-1],
        kernel=(1, 1),
        stride=(1, 1),
        groups=1,
        out_h=math.prod(op.output_shape[1:-1]),  # tokens, if there are any
        out_w=1,
        mult_adds=mult_adds,
        params=op.params,
        bias_params=op.bias_params,
        bn_params=bn_params,
    )


_LAYERS: dict[str, Callable[[Op, int, int], LayerCost]] = {"conv": _convolution_layer, "linear": _linear_layer}


def _bn_params(graph: Graph) -> dict[int, int]:
    """Return the batch norm parameters of each layer: those that follow it, else those that stand before it."""
    layers = [position for position, op in enumerate(graph.ops) if op.kind in _LAYERS]
    owned: dict[int, int] = {}
    for position, op in enumerate(graph.ops):
        if op.kind != "batch_norm":
            continue
        source = op.inputs[0]
        if source not in layers:  # pre-activation networks: the next layer, or the last one when none comes
            source = next((layer for layer in layers if layer > position), layers[-1])
        owned[source] = owned.get(source, 0) + op.params + op.bias_params
    return owned
