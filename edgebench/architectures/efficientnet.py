"""EfficientNet: one searched network, scaled in depth, width and resolution, together or alone."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

    from edgebench.architectures._mobile import Functions

TITLE = "EfficientNet"
PAPER = (
    "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019, arXiv:1905.11946, "
    "Table 1 (B0); coefficients of B1 to B7 and rounding: the authors' release"
)
_STEM_CHANNELS = 32
_LAST_CHANNELS = 1280
_STEM_KERNEL = 3
_SQUEEZE = 4  # squeeze-excite narrows to a quarter of the block's input


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A row of Table 1: MBConv blocks of one width, of which the first has the stride."""

    expansion: int
    kernel: int
    out_channels: int
    layers: int
    stride: int


STAGES = (
    Stage(expansion=1, kernel=3, out_channels=16, layers=1, stride=1),
    Stage(expansion=6, kernel=3, out_channels=24, layers=2, stride=2),
    Stage(expansion=6, kernel=5, out_channels=40, layers=2, stride=2),
    Stage(expansion=6, kernel=3, out_channels=80, layers=3, stride=2),
    Stage(expansion=6, kernel=5, out_channels=112, layers=3, stride=1),
    Stage(expansion=6, kernel=5, out_channels=192, layers=4, stride=2),
    Stage(expansion=6, kernel=3, out_channels=320, layers=1, stride=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The coefficients of one of the published networks."""

    width: float
    depth: float
    resolution: int
    dropout: float
    eps: float = 1e-5  # of the batch norms in torchvision, whose weights load


VARIANTS = {
    "b0": Variant(width=1.0, depth=1.0, resolution=224, dropout=0.2),
    "b1": Variant(width=1.0, depth=1.1, resolution=240, dropout=0.2),
    "b2": Variant(width=1.1, depth=1.2, resolution=260, dropout=0.3),
    "b3": Variant(width=1.2, depth=1.4, resolution=300, dropout=0.3),
    "b4": Variant(width=1.4, depth=1.8, resolution=380, dropout=0.4),
    "b5": Variant(width=1.6, depth=2.2, resolution=456, dropout=0.4, eps=0.001),
    "b6": Variant(width=1.8, depth=2.6, resolution=528, dropout=0.5, eps=0.001),
    "b7": Variant(width=2.0, depth=3.1, resolution=600, dropout=0.5, eps=0.001),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The variant, and what is to differ from its coefficients: B0 with one of them is scaled in that alone."""

    kind: Literal["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"] = field(default="b0", metadata={"always": True})
    width: float | None = field(default=None, metadata={"range": (0.05, 8.0)})  # below, all layers have 8 channels
    depth: float | None = field(default=None, metadata={"range": (0.1, 16.0)})  # below, one block in each stage
    resolution: int | None = field(default=None, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    classes: int = field(default=1000, metadata={"range": (1, 65536)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range; forget those that are the variant's own anyway."""
        _spec.check(self)
        for name in ("width", "depth", "resolution"):
            if getattr(self, name) == getattr(VARIANTS[self.kind], name):
                object.__setattr__(self, name, None)  # so that one network has one name


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    resolution = parameters.resolution or VARIANTS[parameters.kind].resolution
    return {"x": (batch, 3, resolution, resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    from edgebench.architectures._mobile import Functions, convolution, divisible, normed

    variant = VARIANTS[parameters.kind]
    width, depth = parameters.width or variant.width, parameters.depth or variant.depth
    swish = partial(nn.SiLU, inplace=True)
    functions = Functions(activation=swish, squeeze_activation=swish, eps=variant.eps)
    stem, last = divisible(width * _STEM_CHANNELS), divisible(width * _LAST_CHANNELS)
    features = nn.Sequential(
        normed(convolution(3, stem, _STEM_KERNEL, stride=2), functions),
        *_stages(width, depth, functions),
        normed(convolution(divisible(width * STAGES[-1].out_channels), last), functions),
    )
    classifier = nn.Sequential(nn.Dropout(variant.dropout), nn.Linear(last, parameters.classes))
    return nn.Sequential(
        OrderedDict(features=features, avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=classifier)
    )


def _stages(width: float, depth: float, functions: Functions) -> Iterator[nn.Module]:
    from torch import nn

    from edgebench.architectures._mobile import divisible

    channels = divisible(width * _STEM_CHANNELS)
    for stage in STAGES:
        out_channels = divisible(width * stage.out_channels)
        layers = math.ceil(depth * stage.layers)
        yield nn.Sequential(*_blocks(stage, (channels, out_channels), layers, functions))
        channels = out_channels


def _blocks(stage: Stage, channels: tuple[int, int], layers: int, functions: Functions) -> Iterator[nn.Module]:
    from edgebench.architectures._mobile import Bottleneck, bottleneck, shortcut

    for place in range(layers):
        in_channels = channels[0 if place == 0 else 1]
        block = Bottleneck(
            in_channels=in_channels,
            expanded=stage.expansion * in_channels,
            out_channels=channels[1],
            kernel=stage.kernel,
            stride=stage.stride if place == 0 else 1,
            squeezed=in_channels // _SQUEEZE,
        )
        yield shortcut(block, "block", *bottleneck(block, functions))
