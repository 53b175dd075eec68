"""SqueezeNet: fire modules, no fully connected layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "SqueezeNet"
PAPER = (
    "Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016, "
    "arXiv:1602.07360, Table 1 (version 1.0); version 1.1: the authors' release, SqueezeNet_v1.1"
)
_CLASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One fire module; its two expansions have the same number of channels."""

    squeeze: int
    expand: int
    pooled: bool = False  # a max pooling 3x3 / 2 stands before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The first convolution and where the poolings stand."""

    kernel: int
    channels: int
    stages: tuple[Stage, ...]


VERSIONS = {
    "1.0": Version(
        kernel=7,
        channels=96,
        stages=(
            Stage(squeeze=16, expand=64, pooled=True),
            Stage(squeeze=16, expand=64),
            Stage(squeeze=32, expand=128),
            Stage(squeeze=32, expand=128, pooled=True),
            Stage(squeeze=48, expand=192),
            Stage(squeeze=48, expand=192),
            Stage(squeeze=64, expand=256),
            Stage(squeeze=64, expand=256, pooled=True),
        ),
    ),
    "1.1": Version(
        kernel=3,
        channels=64,
        stages=(
            Stage(squeeze=16, expand=64, pooled=True),
            Stage(squeeze=16, expand=64),
            Stage(squeeze=32, expand=128, pooled=True),
            Stage(squeeze=32, expand=128),
            Stage(squeeze=48, expand=192, pooled=True),
            Stage(squeeze=48, expand=192),
            Stage(squeeze=64, expand=256),
            Stage(squeeze=64, expand=256),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The version, the input's side, and the padding of the last convolution (1 in the authors' release of 1.0)."""

    version: Literal["1.0", "1.1"] = field(default="1.1", metadata={"always": True})
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    conv10_padding: Literal[0, 1] = 0

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    version = VERSIONS[parameters.version]
    classifier = nn.Sequential(
        nn.Dropout(),
        nn.Conv2d(2 * version.stages[-1].expand, _CLASSES, kernel_size=1, padding=parameters.conv10_padding),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
    )
    features = nn.Sequential(*_features(version))
    return nn.Sequential(OrderedDict(features=features, classifier=classifier, flatten=nn.Flatten()))


def _features(version: Version) -> Iterator[nn.Module]:
    from torch import nn

    from edgebench.architectures._blocks import Fire

    yield nn.Conv2d(3, version.channels, version.kernel, stride=2)
    yield nn.ReLU(inplace=True)
    channels = version.channels
    for stage in version.stages:
        if stage.pooled:
            yield nn.MaxPool2d(3, stride=2, ceil_mode=True)  # Caffe, where the network comes from, rounds up
        yield Fire(channels, stage.squeeze, stage.expand)
        channels = 2 * stage.expand
