"""MobileNetV2: inverted residuals with linear bottlenecks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

    from edgebench.architectures._mobile import Functions

TITLE = "MobileNetV2"
PAPER = (
    "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, arXiv:1801.04381, Table 2; "
    "channels are rounded to multiples of 8 as in the authors' release"
)
_STEM_CHANNELS = 32
_KERNEL = 3
_LAST_CHANNELS = 1280  # section 6.1: a width below 1 narrows all layers but this one
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A row of Table 2: bottlenecks of one width, of which the first has the stride."""

    expansion: int
    out_channels: int
    repeats: int
    stride: int


STAGES = (
    Stage(expansion=1, out_channels=16, repeats=1, stride=1),
    Stage(expansion=6, out_channels=24, repeats=2, stride=2),
    Stage(expansion=6, out_channels=32, repeats=3, stride=2),
    Stage(expansion=6, out_channels=64, repeats=4, stride=2),
    Stage(expansion=6, out_channels=96, repeats=3, stride=1),
    Stage(expansion=6, out_channels=160, repeats=3, stride=2),
    Stage(expansion=6, out_channels=320, repeats=1, stride=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The two multipliers (the resolution as pixels) and the number of classes."""

    width: float = field(default=1.0, metadata={"range": (0.05, 4.0)})  # below, every layer has the least: 8 channels
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    classes: int = field(default=1000, metadata={"range": (1, 65536)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    from edgebench.architectures._mobile import Functions, convolution, divisible, normed

    functions = Functions(activation=partial(nn.ReLU6, inplace=True))
    stem = divisible(parameters.width * _STEM_CHANNELS)
    before_last = divisible(parameters.width * STAGES[-1].out_channels)
    last = divisible(max(parameters.width, 1.0) * _LAST_CHANNELS)
    features = nn.Sequential(
        normed(convolution(3, stem, _KERNEL, stride=2), functions),
        *_bottlenecks(parameters.width, functions),
        normed(convolution(before_last, last), functions),
    )
    classifier = nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(last, parameters.classes))
    return nn.Sequential(
        OrderedDict(features=features, pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=classifier)
    )


def _bottlenecks(width: float, functions: Functions) -> Iterator[nn.Module]:
    from edgebench.architectures._mobile import Bottleneck, bottleneck, divisible, shortcut

    channels = divisible(width * _STEM_CHANNELS)
    for stage in STAGES:
        for place in range(stage.repeats):
            block = Bottleneck(
                in_channels=channels,
                expanded=stage.expansion * channels,
                out_channels=divisible(width * stage.out_channels),
                kernel=_KERNEL,
                stride=stage.stride if place == 0 else 1,
            )
            *wide, projection = bottleneck(block, functions)
            yield shortcut(block, "conv", *wide, *projection.children())  # the projection lies flat in torchvision
            channels = block.out_channels
