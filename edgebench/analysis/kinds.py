"""What the kinds of operations cost together: 1x1 convolutions, depthwise ones, pooling."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgebench.analysis.cost import Cost, LayerCost, OpCost


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCost:
    """What all operations of one kind cost together; bytes are None where only a table of layers is known."""

    kind: str
    layers: int  # or operations, of a kind that is no layer
    mult_adds: int
    params: int
    bias_params: int
    bn_params: int
    weight_bytes: int | None
    activation_read_bytes: int | None
    activation_written_bytes: int | None


def by_kind(network: Cost) -> tuple[KindCost, ...]:
    """Return the totals of each kind, the one with the most mult-adds first; kinds that only move bytes stand last."""
    ops = network.memory.ops if network.memory else ()
    moving = [op for op in ops if op.weight_bytes or op.activation_read_bytes or op.activation_written_bytes]
    kinds = dict.fromkeys([*(layer.kind for layer in network.layers), *(op.kind for op in moving)])
    totals = [
        _total(
            kind,
            [layer for layer in network.layers if layer.kind == kind],
            [op for op in moving if op.kind == kind] if network.memory else None,
        )
        for kind in kinds
    ]
    return tuple(sorted(totals, key=lambda total: (-total.mult_adds, -total.params, total.kind)))


def _total(kind: str, layers: list[LayerCost], ops: list[OpCost] | None) -> KindCost:
    return KindCost(
        kind=kind,
        layers=len(layers) if layers or ops is None else len(ops),
        mult_adds=sum(layer.mult_adds for layer in layers),
        params=sum(layer.params for layer in layers),
        bias_params=sum(layer.bias_params for layer in layers),
        bn_params=sum(layer.bn_params for layer in layers),
        weight_bytes=_sum(ops, lambda op: op.weight_bytes),
        activation_read_bytes=_sum(ops, lambda op: op.activation_read_bytes),
        activation_written_bytes=_sum(ops, lambda op: op.activation_written_bytes),
    )


def _sum(ops: Iterable[OpCost] | None, figure: Callable[[OpCost], int]) -> int | None:
    return None if ops is None else sum(figure(op) for op in ops)
