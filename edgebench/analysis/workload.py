"""What a network asks of some hardware, kind by kind, in seconds at its best: what predictions are made of."""

from dataclasses import astuple, dataclass, fields

from edgebench.analysis.bound import arithmetic_s, missed_bytes, moving, paired, shares
from edgebench.analysis.cost import Cost, LayerCost
from edgebench.analysis.hardware import Hardware
from edgebench.devices.records import Precision
from edgebench.errors import UsageError

_BYTES_PER_CYCLE = 8
"""What a core is taken to move within its caches; only a scale, since the fit multiplies it by what it finds."""

_CYCLES_PER_OP = 1000
"""What a runtime is taken to spend on calling an operation; only a scale, as above."""

ATTENTION = "matmul"
"""The kind of layer, a product of two activations, that no fitted network has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Seconds by kind: at the peak, or at the bandwidth where that is longer.

    `winograd`: dense 3x3 convolutions of stride 1, as if Winograd's; `dense`: all other dense and grouped ones larger
    than 1x1; `memory`: bytes that operations hand on; `calls`: operations, at a fixed number of cycles each.
    """

    winograd: float
    dense: float
    pointwise: float
    depthwise: float
    fully_connected: float
    memory: float
    calls: float

    @property
    def seconds(self) -> tuple[float, ...]:
        """The figures in the order of `KINDS`."""
        return astuple(self)


KINDS = tuple(field.name for field in fields(Workload))


def workload(cost: Cost, hardware: Hardware, *, precision: Precision, threads: int = 1, batch: int = 1) -> Workload:
    """Return what a network that was counted in fp32 asks for; raise UsageError where that cannot be told."""
    if cost.memory is None or hardware.clock_hz is None:
        missing = "the bytes that the network moves are" if cost.memory is None else f"the clock of {hardware.name} is"
        raise UsageError(f"Latency cannot be predicted because {missing} not known: expected a bound at most.")
    cached, share = hardware.cache_bytes(threads), shares(precision)
    kept = cached / max(share * cost.memory.moved_weight_bytes, 1)
    bandwidth = hardware.bytes_per_s(threads) or float("inf")
    within = hardware.clock_hz * _BYTES_PER_CYCLE * min(threads, hardware.cores)
    found, ops = dict.fromkeys(KINDS, 0.0), 0
    for op, layer in paired(cost):
        if not moving(op):
            continue
        ops += 1
        memory_s = missed_bytes(op, share, batch, cached, kept) / bandwidth
        handed_s = batch * share * (op.activation_read_bytes + op.activation_written_bytes) / within
        if layer is None:
            found["memory"] += max(memory_s, handed_s)
        else:
            kind = kind_of(layer)
            fast = kind == "winograd"
            computed_s = arithmetic_s(op, layer if fast else None, hardware, precision, threads, batch)
            found[kind] += max(computed_s, memory_s)
            found["memory"] += handed_s
    found["calls"] = ops * _CYCLES_PER_OP / hardware.clock_hz
    return Workload(**found)


def kind_of(layer: LayerCost) -> str:
    """Return under which kind a layer is predicted.

    >>> sizes = dict(in_channels=64, out_channels=64, mult_adds=0, params=0, bias_params=0, bn_params=0)
    >>> one = LayerCost(name="a", kind="conv_1x1", kernel=(1, 1), stride=(1, 1), groups=1, out_h=7, out_w=7, **sizes)
    >>> kind_of(one)
    'pointwise'
    """
    if layer.kind in ("fc", ATTENTION) or (layer.kernel == (1, 1) and layer.out_h * layer.out_w == 1):
        return "fully_connected"
    if layer.groups == layer.in_channels > 1:
        return "depthwise"
    if layer.kernel == (1, 1):
        return "pointwise"
    return "winograd" if (layer.kernel, layer.stride) == ((3, 3), (1, 1)) else "dense"
