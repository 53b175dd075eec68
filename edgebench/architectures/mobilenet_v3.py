"""MobileNetV3: searched bottlenecks with squeeze-excite and hard swish, large and small."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

    from edgebench.architectures._mobile import Functions

TITLE = "MobileNetV3"
PAPER = (
    "Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244, Table 1 (large) and Table 2 (small); "
    "minimalistic: the authors' release"
)
_STEM_CHANNELS = 16
_KERNEL = 3  # of the stem, and of all layers of the minimalistic networks
_SQUEEZE = 4  # section 5.3: squeeze-excite narrows to a quarter of the expanded channels
_EPS = 0.001  # of all batch norms, as in the authors' release
_DROPOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A row of the tables: one bottleneck."""

    kernel: int
    expanded: int
    out_channels: int
    squeeze: bool = False
    hard_swish: bool = True  # NL is HS; RE otherwise
    stride: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The bottlenecks, the 1x1 convolution behind them, and the fully connected layer before the scores."""

    stages: tuple[Stage, ...]
    last_channels: int
    hidden: int


VERSIONS = {
    "large": Version(
        stages=(
            Stage(kernel=3, expanded=16, out_channels=16, hard_swish=False),
            Stage(kernel=3, expanded=64, out_channels=24, hard_swish=False, stride=2),
            Stage(kernel=3, expanded=72, out_channels=24, hard_swish=False),
            Stage(kernel=5, expanded=72, out_channels=40, squeeze=True, hard_swish=False, stride=2),
            Stage(kernel=5, expanded=120, out_channels=40, squeeze=True, hard_swish=False),
            Stage(kernel=5, expanded=120, out_channels=40, squeeze=True, hard_swish=False),
            Stage(kernel=3, expanded=240, out_channels=80, stride=2),
            Stage(kernel=3, expanded=200, out_channels=80),
            Stage(kernel=3, expanded=184, out_channels=80),
            Stage(kernel=3, expanded=184, out_channels=80),
            Stage(kernel=3, expanded=480, out_channels=112, squeeze=True),
            Stage(kernel=3, expanded=672, out_channels=112, squeeze=True),
            Stage(kernel=5, expanded=672, out_channels=160, squeeze=True, stride=2),
            Stage(kernel=5, expanded=960, out_channels=160, squeeze=True),
            Stage(kernel=5, expanded=960, out_channels=160, squeeze=True),
        ),
        last_channels=960,
        hidden=1280,
    ),
    "small": Version(
        stages=(
            Stage(kernel=3, expanded=16, out_channels=16, squeeze=True, hard_swish=False, stride=2),
            Stage(kernel=3, expanded=72, out_channels=24, hard_swish=False, stride=2),
            Stage(kernel=3, expanded=88, out_channels=24, hard_swish=False),
            Stage(kernel=5, expanded=96, out_channels=40, squeeze=True, stride=2),
            Stage(kernel=5, expanded=240, out_channels=40, squeeze=True),
            Stage(kernel=5, expanded=240, out_channels=40, squeeze=True),
            Stage(kernel=5, expanded=120, out_channels=48, squeeze=True),
            Stage(kernel=5, expanded=144, out_channels=48, squeeze=True),
            Stage(kernel=5, expanded=288, out_channels=96, squeeze=True, stride=2),
            Stage(kernel=5, expanded=576, out_channels=96, squeeze=True),
            Stage(kernel=5, expanded=576, out_channels=96, squeeze=True),
        ),
        last_channels=576,
        hidden=1024,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The version, the two multipliers (the resolution as pixels), and what the authors' release adds to the paper.

    Minimalistic networks have 3x3 kernels and ReLU throughout, and no squeeze-excite. The released small networks have
    a hidden layer of 1280, not the 1024 of Table 2.
    """

    kind: Literal["large", "small"] = field(default="large", metadata={"always": True})
    width: float = field(default=1.0, metadata={"range": (0.05, 4.0)})  # below, every layer has the least: 8 channels
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    minimalistic: bool = False
    hidden: int | None = field(default=None, metadata={"range": (1, 65536)})  # None: the table's, scaled
    classes: int = field(default=1000, metadata={"range": (1, 65536)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range; forget a hidden layer that is the table's anyway."""
        _spec.check(self)
        if self.hidden == VERSIONS[self.kind].hidden and self.width <= 1:
            object.__setattr__(self, "hidden", None)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    from edgebench.architectures._mobile import convolution, divisible, normed

    version, width = VERSIONS[parameters.kind], parameters.width
    functions = _functions(hard_swish=not parameters.minimalistic)
    stem = divisible(width * _STEM_CHANNELS)
    before_last = divisible(width * version.stages[-1].out_channels)
    last = divisible(width * version.last_channels)
    features = nn.Sequential(
        normed(convolution(3, stem, _KERNEL, stride=2), functions),
        *_bottlenecks(version, parameters),
        normed(convolution(before_last, last), functions),
    )
    # As in MobileNetV2, a width below 1 leaves the layer before the scores as it is.
    hidden = parameters.hidden or divisible(max(width, 1.0) * version.hidden)
    classifier = nn.Sequential(
        nn.Linear(last, hidden), functions.activation(), nn.Dropout(_DROPOUT), nn.Linear(hidden, parameters.classes)
    )
    return nn.Sequential(
        OrderedDict(features=features, avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=classifier)
    )


def _bottlenecks(version: Version, parameters: Parameters) -> Iterator[nn.Module]:
    from edgebench.architectures._mobile import Bottleneck, bottleneck, divisible, shortcut

    in_channels, channels = _STEM_CHANNELS, divisible(parameters.width * _STEM_CHANNELS)
    for stage in version.stages:
        # The release widens what really comes in by the table's ratio; torchvision scales the table's own number.
        expanded = divisible(channels * stage.expanded / in_channels)
        squeeze = stage.squeeze and not parameters.minimalistic
        block = Bottleneck(
            in_channels=channels,
            expanded=expanded,
            out_channels=divisible(parameters.width * stage.out_channels),
            kernel=_KERNEL if parameters.minimalistic else stage.kernel,
            stride=stage.stride,
            squeezed=divisible(expanded // _SQUEEZE) if squeeze else None,
        )
        functions = _functions(hard_swish=stage.hard_swish and not parameters.minimalistic)
        yield shortcut(block, "block", *bottleneck(block, functions))
        in_channels, channels = stage.out_channels, block.out_channels


def _functions(*, hard_swish: bool) -> Functions:
    from torch import nn

    from edgebench.architectures._mobile import Functions

    activation = partial(nn.Hardswish if hard_swish else nn.ReLU, inplace=True)
    return Functions(activation=activation, gate=nn.Hardsigmoid, eps=_EPS)
