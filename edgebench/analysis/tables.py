"""Count a network of which only a table of layers is known: what it moves and holds stays unknown."""

import math
from collections.abc import Iterable

from edgebench.analysis.cost import Cost, LayerCost, layer_kind
from edgebench.architectures.counted import Layer


def cost(layers: Iterable[Layer], batch: int) -> Cost:
    """Return mult-adds and parameters of each layer of a table."""
    return Cost(layers=tuple(_layer(layer, batch) for layer in layers))


def _layer(layer: Layer, batch: int) -> LayerCost:
    params = layer.out_channels * (layer.in_channels // layer.groups) * math.prod(layer.kernel)
    return LayerCost(
        name=layer.name,
        kind="fc" if layer.kind == "fc" else layer_kind(layer.kernel, layer.groups, layer.in_channels),
        in_channels=layer.in_channels,
        out_channels=layer.out_channels,
        kernel=layer.kernel,
        stride=(layer.stride, layer.stride),
        groups=layer.groups,
        out_h=layer.out_h,
        out_w=layer.out_w,
        mult_adds=batch * layer.repeat * layer.out_h * layer.out_w * params,
        params=params,
        bias_params=layer.bias_params,
        bn_params=layer.bn_params,
    )
