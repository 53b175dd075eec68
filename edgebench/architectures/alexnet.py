"""AlexNet: as its paper has it, in two groups at 227x227, and in one tower at 224x224."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "AlexNet"
PAPER = (
    "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012, section 3.5; one tower: "
    "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014, arXiv:1404.5997, as in "
    "torchvision"
)
_CLASSES = 1000
_HIDDEN = 4096
_SIDE = 6  # of the last map, in both


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One convolution with its ReLU, and what follows it."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1  # one for each of the two processors it was trained on
    normalised: bool = False  # by local response normalisation
    pooled: bool = False  # by a max pooling 3x3 / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The side of the image and the convolutions."""

    resolution: int
    stages: tuple[Stage, ...]


VERSIONS = {
    "two_groups": Version(
        resolution=227,  # printed as 224, from which an 11x11 / 4 convolution without padding does not give 55x55
        stages=(
            Stage(channels=96, kernel=11, stride=4, normalised=True, pooled=True),
            Stage(channels=256, kernel=5, padding=2, groups=2, normalised=True, pooled=True),
            Stage(channels=384, kernel=3, padding=1),
            Stage(channels=384, kernel=3, padding=1, groups=2),
            Stage(channels=256, kernel=3, padding=1, groups=2, pooled=True),
        ),
    ),
    "one_tower": Version(
        resolution=224,
        stages=(
            Stage(channels=64, kernel=11, stride=4, padding=2, pooled=True),
            Stage(channels=192, kernel=5, padding=2, pooled=True),
            Stage(channels=384, kernel=3, padding=1),
            Stage(channels=256, kernel=3, padding=1),
            Stage(channels=256, kernel=3, padding=1, pooled=True),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which of the two it is: the fully connected layers fix the rest."""

    kind: Literal["two_groups", "one_tower"] = field(default="two_groups", metadata={"always": True})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    side = VERSIONS[parameters.kind].resolution
    return {"x": (batch, 3, side, side)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that the one tower's weights load."""
    from torch import nn

    stages = VERSIONS[parameters.kind].stages
    classifier = nn.Sequential(
        nn.Dropout(),
        nn.Linear(stages[-1].channels * _SIDE * _SIDE, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(_HIDDEN, _CLASSES),
    )
    features = nn.Sequential(*_features(stages))
    return nn.Sequential(OrderedDict(features=features, flatten=nn.Flatten(), classifier=classifier))


def _features(stages: tuple[Stage, ...]) -> Iterator[nn.Module]:
    from torch import nn

    from edgebench.architectures._blocks import local_response_norm

    in_channels = 3
    for stage in stages:
        yield nn.Conv2d(
            in_channels, stage.channels, stage.kernel, stage.stride, padding=stage.padding, groups=stage.groups
        )
        yield nn.ReLU(inplace=True)
        if stage.normalised:
            yield local_response_norm()
        if stage.pooled:
            yield nn.MaxPool2d(3, stride=2)
        in_channels = stage.channels
