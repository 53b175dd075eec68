"""The physical limit: what no runtime can beat on some hardware, and what direct convolution would take there.

Two figures a layer. `reference_s` takes every mult-add of the count at the peak, or the bytes at the bandwidth if that
is longer; runtimes beat it, since Winograd's convolution multiplies less. `lower_s` knows that and is a bound: only the
multiplications of minimal filtering on tiles of 8 count, and its additions are free. Of the bytes only those count that
the caches cannot keep. Layers run one after the other, as in every runtime here.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebench.analysis.cost import Cost, LayerCost, OpCost
from edgebench.analysis.graph import FLOAT32_BYTES
from edgebench.analysis.hardware import Hardware
from edgebench.devices.records import Precision
from edgebench.errors import UsageError

TILE = 8
"""The side of the tiles that Winograd's convolution transforms: F(6x6, 3x3) has the most that runtimes use in fp32."""

WIDEST = 5
"""The widest kernel for which runtimes have transforms (Arm Compute Library: 3, 5, and 7 along one side)."""

_BYTES: Mapping[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpBound:
    """One operation, in seconds: its mult-adds at the peak, those that Winograd leaves, its bytes at the bandwidth."""

    name: str
    kind: str
    direct_s: float
    winograd_s: float
    memory_s: float

    @property
    def reference_s(self) -> float:
        """What direct convolution takes at best."""
        return max(self.direct_s, self.memory_s)

    @property
    def lower_s(self) -> float:
        """What nothing beats."""
        return max(self.winograd_s, self.memory_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """All operations that compute or move bytes, in order; `launches_s` is what starting them takes on a GPU."""

    ops: tuple[OpBound, ...]
    launches_s: float = 0.0

    @property
    def reference_s(self) -> float:
        """What direct convolution takes at best."""
        return max(sum(op.reference_s for op in self.ops), self.launches_s)

    @property
    def lower_s(self) -> float:
        """What nothing beats."""
        return max(sum(op.lower_s for op in self.ops), self.launches_s)


def bound(cost: Cost, hardware: Hardware, *, precision: Precision, threads: int = 1, batch: int = 1) -> Bound:
    """Return the bounds of a network that was counted in fp32, for a call of `batch` times what was counted.

    Where the bandwidth is not known, memory bounds nothing; where only a table of layers is known, what lies between
    them is free. Raise UsageError where the hardware has no known peak in that precision.
    """
    cached, share = hardware.cache_bytes(threads), shares(precision)
    kept = cached / max(share * sum(op.weight_bytes for op, _ in paired(cost)), 1)
    bandwidth = hardware.bytes_per_s(threads) or math.inf
    ops = tuple(
        OpBound(
            name=op.name,
            kind=op.kind,
            direct_s=arithmetic_s(op, None, hardware, precision, threads, batch),
            winograd_s=arithmetic_s(op, layer, hardware, precision, threads, batch),
            memory_s=missed_bytes(op, share, batch, cached, kept) / bandwidth,
        )
        for op, layer in paired(cost)
        if moving(op)
    )
    return Bound(ops=ops, launches_s=hardware.launch_s * len(ops))


def efficiency(bound_s: float, measured_s: float) -> float:
    """Return the share of what is possible that a measurement reached: above 1, one of the two is wrong.

    >>> efficiency(0.002, 0.008)
    0.25
    """
    return bound_s / measured_s


def winograd_gain(layer: LayerCost) -> float:
    """Return by what minimal filtering divides the multiplications of a layer: 1 where no runtime has it.

    Along each side m outputs of a kernel of k take m + k - 1 multiplications instead of m * k (Winograd 1980), on
    tiles of 8 and no wider than the output.

    >>> sizes = dict(in_channels=64, out_channels=64, mult_adds=0, params=0, bias_params=0, bn_params=0)
    >>> shape = dict(kernel=(3, 3), stride=(1, 1), groups=1, out_h=56, out_w=56)
    >>> winograd_gain(LayerCost(name="a", kind="conv_3x3", **shape, **sizes))
    5.0625
    """
    if layer.groups == layer.in_channels > 1 or layer.kind == "fc":
        return 1.0
    sides = zip(layer.kernel, layer.stride, (layer.out_h, layer.out_w), strict=True)
    return math.prod(_gain(kernel, output) for kernel, stride, output in sides if stride == 1)


def _gain(kernel: int, output: int) -> float:
    if not 1 < kernel <= WIDEST:
        return 1.0
    made = max(min(output, TILE - kernel + 1), 1)
    return made * kernel / (made + kernel - 1)


def arithmetic_s(
    op: OpCost, layer: LayerCost | None, hardware: Hardware, precision: Precision, threads: int, batch: int
) -> float:
    """Return what an operation's mult-adds take at the peak; given its layer, only those that Winograd leaves."""
    peak = hardware.mult_adds_per_s(precision, threads)
    if peak is None:
        known = [name for name in _BYTES if getattr(hardware.rates, name) is not None]
        raise UsageError(
            f"No peak of {hardware.name} is known in {precision}: expected {' or '.join(known) or 'one'}, or a "
            "device file that states mult_adds_per_cycle."
        )
    return batch * op.mult_adds / (peak * (winograd_gain(layer) if layer else 1.0))


def shares(precision: Precision) -> float:
    """Return the bytes of a number in this precision as a share of those in fp32, in which networks are counted."""
    return _BYTES[precision] / FLOAT32_BYTES


def moving(op: OpCost) -> bool:
    """Tell whether an operation computes or moves anything; what is given, seen or computed inside another does not."""
    return bool(op.mult_adds or op.weight_bytes or op.activation_read_bytes or op.activation_written_bytes)


def missed_bytes(op: OpCost, share: float, batch: int, cached: int, kept: float) -> float:
    """Return the bytes of an operation that the caches cannot keep: of weights their part, of activations the excess.

    Weights of a network that fits into the caches stay there from call to call (`kept`: the caches by all weights).
    What an operation reads and writes comes from memory as far as it exceeds the caches (`cached` bytes).
    """
    weights = share * op.weight_bytes * max(1.0 - kept, 0.0)
    activations = batch * share * (op.activation_read_bytes + op.activation_written_bytes)
    return weights + max(activations - cached, 0.0)


def paired(cost: Cost) -> Iterator[tuple[OpCost, LayerCost | None]]:
    """Yield every operation, layers with what they are; where only a table is known, layers with their weights."""
    if cost.memory is None:
        for layer in cost.layers:
            yield _as_op(layer), layer
        return
    layers = iter(cost.layers)
    coming = next(layers, None)
    for op in cost.memory.ops:
        if coming is not None and (op.name, op.kind) == (coming.name, coming.kind):
            yield op, coming
            coming = next(layers, None)
        else:
            yield op, None


def _as_op(layer: LayerCost) -> OpCost:
    weights = FLOAT32_BYTES * (layer.params + layer.bias_params) if layer.weight_bytes is None else layer.weight_bytes
    return OpCost(
        name=layer.name,
        kind=layer.kind,
        mult_adds=layer.mult_adds,
        weight_bytes=weights,
        activation_read_bytes=layer.activation_read_bytes or 0,
        activation_written_bytes=layer.activation_written_bytes or 0,
    )
