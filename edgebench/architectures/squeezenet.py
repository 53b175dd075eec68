"""SqueezeNet: fire modules, no fully connected layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "SqueezeNet"
PAPER = (
    "Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size, 2016, "
    "arXiv:1602.07360, Table 1 (version 1.0), section 5 (squeeze ratio), Figure 2 (bypass); version 1.1: the authors' "
    "release, SqueezeNet_v1.1"
)
_CLASSES = 1000
_SQUEEZE_RATIO = 0.125  # section 5.1: of the squeezed to the expanded channels, in Table 1


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
    """The version, the input's side, the padding of the last convolution (1 in the authors' release of 1.0), variants.

    A simple bypass adds the input of every second fire module to its output; a complex one adds, at the other modules,
    what a 1x1 convolution makes of it.
    """

    version: Literal["1.0", "1.1"] = field(default="1.1", metadata={"always": True})
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    conv10_padding: Literal[0, 1] = 0
    squeeze_ratio: float = field(default=_SQUEEZE_RATIO, metadata={"range": (1 / 128, 1.0)})  # lowest: one channel
    bypass: Literal["none", "simple", "complex"] = "none"

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and bypasses in the version that has none."""
        _spec.check(self)
        if self.bypass != "none" and self.version != "1.0":
            raise UsageError(
                f"Parameter bypass of squeezenet is {self.bypass!r} in version {self.version}: expected version=1.0."
            )


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
    features = nn.Sequential(*_features(parameters))
    return nn.Sequential(OrderedDict(features=features, classifier=classifier, flatten=nn.Flatten()))


def _features(parameters: Parameters) -> Iterator[nn.Module]:
    from torch import nn

    from edgebench.architectures._blocks import Fire

    version = VERSIONS[parameters.version]
    yield nn.Conv2d(3, version.channels, version.kernel, stride=2)
    yield nn.ReLU(inplace=True)
    channels = version.channels
    for stage in version.stages:
        if stage.pooled:
            yield nn.MaxPool2d(3, stride=2, ceil_mode=True)  # Caffe, where the network comes from, rounds up
        squeeze = int(stage.squeeze * parameters.squeeze_ratio / _SQUEEZE_RATIO)
        yield _bypassed(Fire(channels, squeeze, stage.expand), channels, 2 * stage.expand, parameters.bypass)
        channels = 2 * stage.expand


def _bypassed(fire: nn.Module, in_channels: int, out_channels: int, bypass: str) -> nn.Module:
    # Figure 2: the input can be added where it has as many channels as the output; elsewhere a 1x1 convolution fits it.
    from torch import nn

    from edgebench.architectures._branches import Sum

    if bypass != "none" and in_channels == out_channels:
        return Sum(fire, nn.Identity())
    if bypass == "complex":
        return Sum(fire, nn.Conv2d(in_channels, out_channels, kernel_size=1))
    return fire
