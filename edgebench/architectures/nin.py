"""Network in Network: 1x1 convolutions after each convolution, and a mean instead of fully connected layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "Network in Network"
PAPER = (
    "Lin et al., Network In Network, 2013, arXiv:1312.4400; the paper prints no layer sizes: ImageNet and CIFAR-10 as "
    "in the authors' releases for Caffe, nin_imagenet and cifar10_nin"
)
_CIFAR10_RESOLUTION = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One convolution and its two 1x1 convolutions, each with a ReLU, and the pooling 3x3 / 2 that follows."""

    channels: tuple[int, int, int]
    kernel: int
    stride: int = 1
    padding: int = 0
    pooling: Literal["max", "average", "none"] = "max"
    dropout: bool = False


IMAGENET = (
    Stage(channels=(96, 96, 96), kernel=11, stride=4),
    Stage(channels=(256, 256, 256), kernel=5, padding=2),
    Stage(channels=(384, 384, 384), kernel=3, padding=1, dropout=True),
    Stage(channels=(1024, 1024, 1000), kernel=3, padding=1, pooling="none"),  # the last maps are the classes
)

CIFAR10 = (
    Stage(channels=(192, 160, 96), kernel=5, padding=2, dropout=True),
    Stage(channels=(192, 192, 192), kernel=5, padding=2, pooling="average", dropout=True),
    Stage(channels=(192, 192, 10), kernel=3, padding=1, pooling="none"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The network for ImageNet: the side of its image."""

    kind: Literal["imagenet"] = field(default="imagenet", metadata={"always": True})
    resolution: int = field(default=227, metadata={"range": (67, 4096)})  # lowest: one pixel in the last map

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cifar10:
    """The network for CIFAR-10, which has images of one size."""

    kind: Literal["cifar10"] = field(default="cifar10", metadata={"always": True})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type."""
        _spec.check(self)


KINDS = {"imagenet": Parameters, "cifar10": Cifar10}


def input_shapes(parameters: Parameters | Cifar10, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    side = _CIFAR10_RESOLUTION if isinstance(parameters, Cifar10) else parameters.resolution
    return {"x": (batch, 3, side, side)}


def build(parameters: Parameters | Cifar10) -> nn.Module:
    """Return the network up to the scores, its convolutions named as in the authors' releases."""
    from torch import nn

    layers = OrderedDict(_layers(CIFAR10 if isinstance(parameters, Cifar10) else IMAGENET))
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)


def _layers(stages: tuple[Stage, ...]) -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    in_channels = 3
    for number, stage in enumerate(stages, start=1):
        wide, first, second = stage.channels
        yield f"conv{number}", nn.Conv2d(in_channels, wide, stage.kernel, stage.stride, padding=stage.padding)
        yield f"relu{number}", nn.ReLU(inplace=True)
        for place, (inputs, outputs) in enumerate(((wide, first), (first, second)), start=2 * number - 1):
            yield f"cccp{place}", nn.Conv2d(inputs, outputs, kernel_size=1)
            yield f"relu_cccp{place}", nn.ReLU(inplace=True)
        if stage.pooling == "max":
            yield f"pool{number}", nn.MaxPool2d(3, stride=2, ceil_mode=True)  # Caffe rounds up
        elif stage.pooling == "average":
            yield f"pool{number}", nn.AvgPool2d(3, stride=2, ceil_mode=True)
        if stage.dropout:
            yield f"drop{number}", nn.Dropout()
        in_channels = second
