"""VGG: 3x3 convolutions and three large fully connected layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "VGG"
PAPER = (
    "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014, "
    "arXiv:1409.1556, Table 1, columns A, B, D and E"
)
_CLASSES = 1000
_RESOLUTION = 224  # the fully connected layers fix it
_HIDDEN = 4096

CHANNELS = (64, 128, 256, 512, 512)  # of the five stages, each followed by a max pooling 2x2 / 2

CONVOLUTIONS = {  # in each stage, by the number of layers with weights
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The number of layers with weights."""

    depth: Literal[11, 13, 16, 19] = field(default=16, metadata={"always": True})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, _RESOLUTION, _RESOLUTION)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    side = _RESOLUTION // 2 ** len(CHANNELS)
    classifier = nn.Sequential(
        nn.Linear(CHANNELS[-1] * side * side, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(_HIDDEN, _CLASSES),
    )
    features = nn.Sequential(*_features(parameters))
    return nn.Sequential(OrderedDict(features=features, flatten=nn.Flatten(), classifier=classifier))


def _features(parameters: Parameters) -> Iterator[nn.Module]:
    from torch import nn

    in_channels = 3
    for channels, convolutions in zip(CHANNELS, CONVOLUTIONS[parameters.depth], strict=True):
        for _ in range(convolutions):
            yield nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
            yield nn.ReLU(inplace=True)
            in_channels = channels
        yield nn.MaxPool2d(2)
