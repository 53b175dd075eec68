"""VGG: 3x3 convolutions and three large fully connected layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "VGG"
PAPER = (
    "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014, "
    "arXiv:1409.1556, Table 1; batch norm: torchvision"
)
_CLASSES = 1000
_RESOLUTION = 224  # the fully connected layers fix it
_HIDDEN = 4096

CHANNELS = (64, 128, 256, 512, 512)  # of the five stages, each followed by a max pooling 2x2 / 2

CONVOLUTIONS = {  # in each stage, by the number of layers with weights
    11: (1, 1, 2, 2, 2),  # column A
    13: (2, 2, 2, 2, 2),  # B
    16: (2, 2, 3, 3, 3),  # D; in C the last of three is 1x1
    19: (2, 2, 4, 4, 4),  # E
}
_POINTWISE_DEPTH = 16
_POINTWISE_PLACE = 2  # the third convolution of a stage
_LRN_DEPTH = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The number of layers with weights; the columns C and A-LRN of the paper's table; batch norm, which it lacks."""

    depth: Literal[11, 13, 16, 19] = field(default=16, metadata={"always": True})
    pointwise: bool = False  # column C
    lrn: bool = False  # column A-LRN: local response normalisation after the first convolution
    batch_norm: bool = False

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and columns that the table does not have."""
        _spec.check(self)
        for key, given, depth in (
            ("pointwise", self.pointwise, _POINTWISE_DEPTH),
            ("lrn", self.lrn, _LRN_DEPTH),
        ):
            if given and self.depth != depth:
                raise UsageError(f"Parameter {key} of vgg is true at depth {self.depth}: expected depth {depth}.")


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

    from edgebench.architectures._blocks import local_response_norm

    in_channels = 3
    for stage, (channels, convolutions) in enumerate(zip(CHANNELS, CONVOLUTIONS[parameters.depth], strict=True)):
        for place in range(convolutions):
            kernel = 1 if parameters.pointwise and place == _POINTWISE_PLACE else 3
            yield nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2)
            if parameters.batch_norm:
                yield nn.BatchNorm2d(channels)
            yield nn.ReLU(inplace=True)
            in_channels = channels
        if parameters.lrn and stage == 0:
            yield local_response_norm()
        yield nn.MaxPool2d(2)
