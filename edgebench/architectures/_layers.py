"""The single layers and blocks of `layer`, built; imports torch, so import it where a network is built."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn

from edgebench.architectures import _blocks, layer
from edgebench.architectures._branches import Sum


def _standard(parameters: layer.Parameters) -> nn.Module:
    convolution = partial(_ordered, order=parameters.order, activation=parameters.activation)
    inputs, outputs, kernel = parameters.in_channels, parameters.out_channels, parameters.kernel
    if parameters.kind == "standard":
        return _row(convolution("conv", inputs, outputs, kernel, parameters.stride))
    depthwise = convolution("depthwise", inputs, inputs, kernel, parameters.stride, groups=inputs)
    pointwise = convolution("pointwise", inputs, outputs, kernel=1, stride=1)
    return _row(depthwise, pointwise)


def _branch(parameters: layer.Branch) -> nn.Module:
    # GoogLeNet, section 5: all convolutions are followed by a ReLU.
    convolution = partial(_ordered, order="conv-relu", activation="relu", bias=True)
    if parameters.reduce == 0:
        return _row(convolution("conv", parameters.in_channels, parameters.out_channels, parameters.kernel, stride=1))
    return _row(
        convolution("reduce", parameters.in_channels, parameters.reduce, kernel=1, stride=1),
        convolution("conv", parameters.reduce, parameters.out_channels, parameters.kernel, stride=1),
    )


def _fire(parameters: layer.Fire) -> nn.Module:
    fire = _blocks.Fire(parameters.in_channels, parameters.squeeze, parameters.expand)
    return nn.Sequential(OrderedDict(fire=fire))


def _inverted_residual(parameters: layer.InvertedResidual) -> nn.Module:
    convolution = partial(_ordered, order="conv-bn-relu", activation=parameters.activation)
    inputs, outputs = parameters.in_channels, parameters.out_channels
    wide = parameters.expansion * inputs
    expand = convolution("expand", inputs, wide, kernel=1, stride=1) if wide > inputs else iter(())
    main = _row(
        expand,  # MobileNetV2's first block, of expansion 1, has none
        convolution("depthwise", wide, wide, parameters.kernel, parameters.stride, groups=wide),
        _ordered("project", wide, outputs, kernel=1, stride=1, order="conv-bn"),
    )
    if parameters.stride == 1 and inputs == outputs:
        return Sum(main, nn.Identity())
    return main


def _residual_bottleneck(parameters: layer.ResidualBottleneck) -> nn.Module:
    convolution = partial(_ordered, order="conv-bn-relu", activation=parameters.activation)
    inputs, middle, outputs, stride = (
        parameters.in_channels,
        parameters.middle,
        parameters.out_channels,
        parameters.stride,
    )
    main = _row(
        convolution("reduce", inputs, middle, kernel=1, stride=stride),
        convolution("conv", middle, middle, parameters.kernel, stride=1),
        _ordered("expand", middle, outputs, kernel=1, stride=1, order="conv-bn"),
    )
    alike = stride == 1 and inputs == outputs
    shortcut = nn.Identity() if alike else _row(_ordered("project", inputs, outputs, 1, stride, order="conv-bn"))
    return nn.Sequential(OrderedDict(sum=Sum(main, shortcut), activation=_activation(parameters.activation)))


def _identity(parameters: layer.Identity) -> nn.Module:
    return nn.Sequential(OrderedDict(identity=nn.Identity()))


def _ordered(  # noqa: PLR0913 - a convolution has as many numbers
    name: str,
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int,
    *,
    order: str,
    activation: str = "relu",
    groups: int = 1,
    bias: bool = False,
) -> Iterator[tuple[str, nn.Module]]:
    """Yield a convolution and what stands around it, in the order that is written with hyphens."""
    parts = order.split("-")
    normed = in_channels if parts[0] == "bn" else out_channels
    for part in parts:
        if part == "conv":
            padding = kernel // 2
            yield name, nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=bias)
        elif part == "bn":
            yield f"{name}_norm", nn.BatchNorm2d(normed)
        else:
            yield f"{name}_{part}", _activation(activation)


def _activation(name: str) -> nn.Module:
    return nn.ReLU6(inplace=True) if name == "relu6" else nn.ReLU(inplace=True)


def _row(*parts: Iterator[tuple[str, nn.Module]]) -> nn.Module:
    return nn.Sequential(OrderedDict(one for part in parts for one in part))


BUILDERS: dict[str, Callable[[Any], nn.Module]] = {
    "standard": _standard,
    "separable": _standard,
    "branch": _branch,
    "fire": _fire,
    "inverted_residual": _inverted_residual,
    "residual_bottleneck": _residual_bottleneck,
    "identity": _identity,
}
