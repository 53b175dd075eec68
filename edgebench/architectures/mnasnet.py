"""MnasNet: inverted residuals whose kernels, widths and squeeze-excites were searched for latency on a phone."""

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

TITLE = "MnasNet"
PAPER = (
    "Tan et al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, 2018, arXiv:1807.11626, Figure 7 (a1); "
    "b1 (without squeeze-excite), small and the widths: the authors' release"
)
_CLASSES = 1000
_LAST = 1280
_SQUEEZED = 0.25  # of the block's input channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Inverted residuals of one width; the stride is the first one's."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    out: int
    squeeze: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The channels of the first convolution and of the separable one after it, and the stages."""

    stem: int
    separable: int
    stages: tuple[Stage, ...]


VERSIONS = {
    "a1": Version(
        stem=32,
        separable=16,
        stages=(
            Stage(repeats=2, kernel=3, stride=2, expansion=6, out=24),
            Stage(repeats=3, kernel=5, stride=2, expansion=3, out=40, squeeze=True),
            Stage(repeats=4, kernel=3, stride=2, expansion=6, out=80),
            Stage(repeats=2, kernel=3, stride=1, expansion=6, out=112, squeeze=True),
            Stage(repeats=3, kernel=5, stride=2, expansion=6, out=160, squeeze=True),
            Stage(repeats=1, kernel=3, stride=1, expansion=6, out=320),
        ),
    ),
    "b1": Version(
        stem=32,
        separable=16,
        stages=(
            Stage(repeats=3, kernel=3, stride=2, expansion=3, out=24),
            Stage(repeats=3, kernel=5, stride=2, expansion=3, out=40),
            Stage(repeats=3, kernel=5, stride=2, expansion=6, out=80),
            Stage(repeats=2, kernel=3, stride=1, expansion=6, out=96),
            Stage(repeats=4, kernel=5, stride=2, expansion=6, out=192),
            Stage(repeats=1, kernel=3, stride=1, expansion=6, out=320),
        ),
    ),
    "small": Version(
        stem=8,
        separable=8,
        stages=(
            Stage(repeats=1, kernel=3, stride=2, expansion=3, out=16),
            Stage(repeats=2, kernel=3, stride=2, expansion=6, out=16),
            Stage(repeats=4, kernel=5, stride=2, expansion=6, out=32, squeeze=True),
            Stage(repeats=3, kernel=3, stride=1, expansion=6, out=32, squeeze=True),
            Stage(repeats=3, kernel=5, stride=2, expansion=6, out=88, squeeze=True),
            Stage(repeats=1, kernel=3, stride=1, expansion=6, out=144),
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The version (torchvision has b1), the width multiplier and the input's side."""

    kind: Literal["a1", "b1", "small"] = field(default="a1", metadata={"always": True})
    width: float = field(default=1.0, metadata={"range": (0.1, 4.0)})
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    return nn.Sequential(
        OrderedDict(
            layers=nn.Sequential(*_layers(parameters)),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(nn.Dropout(0.2), nn.Linear(_LAST, _CLASSES)),
        )
    )


def _layers(parameters: Parameters) -> Iterator[nn.Module]:
    from edgebench.architectures._mobile import convolution, divisible, normed

    version, functions = VERSIONS[parameters.kind], _functions()
    stem, channels = (divisible(parameters.width * out) for out in (version.stem, version.separable))
    yield from normed(convolution(3, stem, kernel=3, stride=2), functions)
    yield from normed(convolution(stem, stem, kernel=3, groups=stem), functions)
    yield from normed(convolution(stem, channels), functions, activated=False)
    for stage in version.stages:
        out = divisible(parameters.width * stage.out)
        yield _blocks(stage, channels, out)
        channels = out
    yield from normed(convolution(channels, _LAST), functions)


def _blocks(stage: Stage, in_channels: int, out_channels: int) -> nn.Module:
    from torch import nn

    from edgebench.architectures._mobile import Bottleneck, bottleneck, shortcut

    blocks = []
    for place in range(stage.repeats):
        block = Bottleneck(
            in_channels=in_channels,
            expanded=stage.expansion * in_channels,
            out_channels=out_channels,
            kernel=stage.kernel,
            stride=stage.stride if place == 0 else 1,
            squeezed=int(_SQUEEZED * in_channels) if stage.squeeze else None,
        )
        parts = bottleneck(block, _functions())
        flat = [layer for part in parts for layer in (part if isinstance(part, nn.Sequential) else (part,))]
        blocks.append(shortcut(block, "layers", *flat))
        in_channels = out_channels
    return nn.Sequential(*blocks)


def _functions() -> Functions:
    from torch import nn

    from edgebench.architectures._mobile import Functions

    return Functions(activation=partial(nn.ReLU, inplace=True))
