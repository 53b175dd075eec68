"""GoogLeNet: nine inception modules; in training two further classifiers stand at its side."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "GoogLeNet"
PAPER = (
    "Szegedy et al., Going Deeper with Convolutions, 2014, arXiv:1409.4842, Table 1; kind torchvision: batch norm, "
    "3x3 instead of 5x5 convolutions and no local response normalisation, as in torchvision"
)
_CLASSES = 1000
_RESOLUTION = 224
_STEM = (64, 64, 192)  # Table 1: convolution, and #3x3 reduce and #3x3 of the second one
_DEPTH_MULTIPLIER = 8  # of the separable first layer whose 2.7K parameters and 34M operations Table 1 prints
_SIDE_CHANNELS = 128  # section 5: 1x1 convolution of a side branch,
_SIDE_UNITS = 1024  # its fully connected layer,
_SIDE_MAP = 4  # and the side of the map between them
_NORM_EPSILON = 1e-3  # torchvision's, from TensorFlow

# Figure 3 gives no constants for LocalRespNorm; these are Caffe's release bvlc_googlenet's.
_LRN_SIZE, _LRN_ALPHA, _LRN_BETA = 5, 1e-4, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One inception module, a row of Table 1."""

    name: str
    ones: int  # 1x1
    reduce_threes: int
    threes: int  # 3x3
    reduce_fives: int
    fives: int  # 5x5
    pool_projection: int
    pooled: bool = False  # a max pooling / 2 stands before it
    side: str = ""  # the side branch that follows it

    @property
    def channels(self) -> int:
        """The channels that come out."""
        return self.ones + self.threes + self.fives + self.pool_projection


def _stage(name: str, *channels: int, pooled: bool = False, side: str = "") -> Stage:
    ones, reduce_threes, threes, reduce_fives, fives, pool_projection = channels
    return Stage(
        name=name,
        ones=ones,
        reduce_threes=reduce_threes,
        threes=threes,
        reduce_fives=reduce_fives,
        fives=fives,
        pool_projection=pool_projection,
        pooled=pooled,
        side=side,
    )


STAGES = (
    #       type  1x1 reduce 3x3 reduce 5x5 pool proj    (Table 1)
    _stage("3a", 64, 96, 128, 16, 32, 32),
    _stage("3b", 128, 128, 192, 32, 96, 64),
    _stage("4a", 192, 96, 208, 16, 48, 64, pooled=True, side="aux1"),
    _stage("4b", 160, 112, 224, 24, 64, 64),
    _stage("4c", 128, 128, 256, 24, 64, 64),
    _stage("4d", 112, 144, 288, 32, 64, 64, side="aux2"),
    _stage("4e", 256, 160, 320, 32, 128, 128),
    _stage("5a", 256, 160, 320, 32, 128, 128, pooled=True),
    _stage("5b", 384, 192, 384, 48, 128, 128),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Whose version it is, whether the side branches run too, and the first convolution."""

    kind: Literal["paper", "torchvision"] = field(default="paper", metadata={"always": True})
    aux: bool = False
    stem: Literal["dense", "separable"] = "dense"

    def __post_init__(self) -> None:
        """Refuse values of a wrong type, and a first convolution that torchvision does not have."""
        _spec.check(self)
        if self.kind == "torchvision" and self.stem != "dense":
            raise UsageError(f"Parameter stem of googlenet is {self.stem!r}: expected dense for the kind torchvision.")


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, _RESOLUTION, _RESOLUTION)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load.

    With side branches it gives three: the scores at the end, those after 4d, those after 4a.
    """
    from torch import nn

    from edgebench.architectures._blocks import SideBranches

    trunk = OrderedDict((*_stem(parameters), *_inceptions(parameters), *_classifier()))
    if not parameters.aux:
        return nn.Sequential(trunk)
    sides = {
        f"inception{stage.name}": (stage.side, _side(parameters, stage.channels)) for stage in STAGES if stage.side
    }
    return SideBranches(trunk, sides)


def _stem(parameters: Parameters) -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    first, reduced, second = _STEM
    if parameters.stem == "separable":
        yield "conv1", _separable(3, first)
    else:
        yield "conv1", _convolution(parameters, 3, first, kernel=7, stride=2)
    yield "maxpool1", nn.MaxPool2d(3, stride=2, ceil_mode=True)  # 112 -> 56, so rounded up
    if parameters.kind == "paper":
        yield "norm1", nn.LocalResponseNorm(_LRN_SIZE, _LRN_ALPHA, _LRN_BETA)
    yield "conv2", _convolution(parameters, first, reduced)
    yield "conv3", _convolution(parameters, reduced, second, kernel=3)
    if parameters.kind == "paper":
        yield "norm2", nn.LocalResponseNorm(_LRN_SIZE, _LRN_ALPHA, _LRN_BETA)
    yield "maxpool2", nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _inceptions(parameters: Parameters) -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    channels = _STEM[-1]
    poolings = iter((("maxpool3", 3), ("maxpool4", 3 if parameters.kind == "paper" else 2)))
    for stage in STAGES:
        if stage.pooled:
            name, kernel = next(poolings)
            yield name, nn.MaxPool2d(kernel, stride=2, ceil_mode=True)
        yield f"inception{stage.name}", _inception(parameters, channels, stage)
        channels = stage.channels


def _classifier() -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    yield "avgpool", nn.AdaptiveAvgPool2d(1)
    yield "flatten", nn.Flatten()
    yield "dropout", nn.Dropout(0.4)
    yield "fc", nn.Linear(STAGES[-1].channels, _CLASSES)


def _inception(parameters: Parameters, channels: int, stage: Stage) -> nn.Module:
    from torch import nn

    from edgebench.architectures._blocks import Inception

    fives = 5 if parameters.kind == "paper" else 3
    branches: OrderedDict[str, nn.Module] = OrderedDict(
        branch1=_convolution(parameters, channels, stage.ones),
        branch2=nn.Sequential(
            _convolution(parameters, channels, stage.reduce_threes),
            _convolution(parameters, stage.reduce_threes, stage.threes, kernel=3),
        ),
        branch3=nn.Sequential(
            _convolution(parameters, channels, stage.reduce_fives),
            _convolution(parameters, stage.reduce_fives, stage.fives, kernel=fives),
        ),
        branch4=nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            _convolution(parameters, channels, stage.pool_projection),
        ),
    )
    return Inception(branches)


def _side(parameters: Parameters, channels: int) -> nn.Module:
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        # 14 -> 4; torchvision's windows are 4x4, at the places nearest to even
        pool=nn.AvgPool2d(5, stride=3) if parameters.kind == "paper" else nn.AdaptiveAvgPool2d(_SIDE_MAP),
        conv=_convolution(parameters, channels, _SIDE_CHANNELS),
        flatten=nn.Flatten(),
        fc1=nn.Linear(_SIDE_CHANNELS * _SIDE_MAP * _SIDE_MAP, _SIDE_UNITS),
        relu=nn.ReLU(inplace=True),
        dropout=nn.Dropout(0.7),
        fc2=nn.Linear(_SIDE_UNITS, _CLASSES),
    )
    return nn.Sequential(layers)


def _convolution(
    parameters: Parameters, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1
) -> nn.Module:
    from torch import nn

    norm = parameters.kind == "torchvision"
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=not norm)
    )
    if norm:
        layers["bn"] = nn.BatchNorm2d(out_channels, eps=_NORM_EPSILON)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


def _separable(in_channels: int, out_channels: int) -> nn.Module:
    from torch import nn

    wide = _DEPTH_MULTIPLIER * in_channels
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        depthwise=nn.Conv2d(in_channels, wide, kernel_size=7, stride=2, padding=3, groups=in_channels, bias=False),
        conv=nn.Conv2d(wide, out_channels, kernel_size=1),
        relu=nn.ReLU(inplace=True),
    )
    return nn.Sequential(layers)
