"""Layers as models of their own, and what a runtime told of its operations joined with what layers cost on paper."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgebench.analysis.cost import LayerCost
from edgebench.board.wire import ByLayer, LayerTimes

_PADDED = 16  # channels that runtimes fill up to: onnxruntime's blocks of AVX-512


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An operation that was timed, and the layer that it computes; None for one that is no layer."""

    layer: LayerCost | None
    times: LayerTimes


def part(layer: LayerCost) -> str | None:
    """Return the model that is this layer alone, None for a product of more than one row, which `part` is not.

    >>> from dataclasses import fields
    >>> given = dict.fromkeys((one.name for one in fields(LayerCost)), 0) | {"kind": "fc", "groups": 1, "out_h": 1}
    >>> part(LayerCost(**(given | {"in_channels": 4, "out_channels": 2, "kernel": (1, 1), "stride": (1, 1)})))
    'part:fc,height=1,width=1,in=4,out=2'
    """
    if layer.kind == "matmul" or (layer.kind == "fc" and layer.out_h > 1):
        return None
    channels = f"in={layer.in_channels},out={layer.out_channels}"
    if layer.kind == "fc":
        return f"part:fc,height=1,width=1,{channels}"
    parameters = {
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "stride_height": layer.stride[0],
        "stride_width": layer.stride[1],
        "groups": layer.groups,
    }
    others = "".join(f",{name}={value}" for name, value in parameters.items() if value != 1)
    return f"part:conv,height={layer.out_h},width={layer.out_w},{channels}{others}"


def joined(found: ByLayer, layers: Sequence[LayerCost]) -> Iterator[Joined]:
    """Yield every operation that was timed with its layer: by its name, else by its sizes, in the order of execution.

    A layer that was timed by itself stands for each layer of its kind and size.
    """
    if found.source == "isolated":
        times = {one.name: one for one in found.layers}
        for layer in layers:
            name = part(layer)
            if name in times:
                yield Joined(layer=layer, times=times[name])
        return
    left = list(layers)
    for one in found.layers:
        computed = _named(one, left) or _sized(one, left)
        if computed is not None:
            left.remove(computed)
        yield Joined(layer=computed, times=one)


def _named(times: LayerTimes, left: Iterable[LayerCost]) -> LayerCost | None:
    return next((layer for layer in left if layer.name == times.name), None)


def _sized(times: LayerTimes, left: Sequence[LayerCost]) -> LayerCost | None:
    """Return the first layer of the sizes that a runtime told, or of those that it filled up to its blocks."""
    if len(times.weight) < 2 or times.positions is None:
        return None
    outputs, inputs, *sides = times.weight
    kernel = tuple(sides) or (1, 1)
    alike = [
        layer
        for layer in left
        if layer.kernel == kernel and layer.out_h * layer.out_w == times.positions and layer.kind != "matmul"
    ]
    exact = [layer for layer in alike if (layer.out_channels, layer.in_channels // layer.groups) == (outputs, inputs)]
    filled = [
        layer
        for layer in alike
        if outputs in {layer.out_channels, _filled(layer.out_channels)}
        and inputs in {layer.in_channels // layer.groups, _filled(layer.in_channels // layer.groups)}
    ]
    return next(iter(exact or filled), None)


def _filled(channels: int) -> int:
    return math.ceil(channels / _PADDED) * _PADDED
