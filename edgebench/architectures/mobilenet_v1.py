"""MobileNetV1: depthwise separable convolutions with a width and a resolution multiplier."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "MobileNetV1"
PAPER = (
    "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017, "
    "arXiv:1704.04861, Table 1; full convolutions: Table 4; shallow: Table 5"
)
_STEM_CHANNELS = 32  # Table 1, first row: Conv / s2, 3 x 3 x 3 x 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One depthwise 3x3 and one pointwise 1x1 convolution."""

    out_channels: int
    stride: int
    shallow: bool = True  # whether the shallow network of Table 5 keeps it


STAGES = (
    Stage(out_channels=64, stride=1),
    Stage(out_channels=128, stride=2),
    Stage(out_channels=128, stride=1),
    Stage(out_channels=256, stride=2),
    Stage(out_channels=256, stride=1),
    Stage(out_channels=512, stride=2),
    Stage(out_channels=512, stride=1, shallow=False),
    Stage(out_channels=512, stride=1, shallow=False),
    Stage(out_channels=512, stride=1, shallow=False),
    Stage(out_channels=512, stride=1, shallow=False),
    Stage(out_channels=512, stride=1, shallow=False),
    Stage(out_channels=1024, stride=2),
    Stage(out_channels=1024, stride=1),  # printed as s2, but 7x7 goes in and comes out
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The two multipliers (the resolution as pixels), and the variants the paper compares with.

    The authors' release lets no layer get narrower than some least number of channels: Table 12, whose networks have
    width 0.25, fits 16 and no other.
    """

    width: float = field(default=1.0, metadata={"range": (1 / _STEM_CHANNELS, 1.0)})  # lowest: one channel in the stem
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map
    kind: Literal["separable", "full_convolution"] = "separable"
    shallow: bool = False
    classes: int = field(default=1000, metadata={"range": (1, 65536)})
    least_channels: int = field(default=1, metadata={"range": (1, _STEM_CHANNELS)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores; the softmax of Table 1 does not change their order and is left out."""
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict(body(parameters))
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(_channels(parameters, STAGES[-1].out_channels), parameters.classes)
    return nn.Sequential(layers)


def body(parameters: Parameters) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers before the pooling, each with its name: `conv_11_pw` is the pointwise one of the 11th stage."""
    channels = _channels(parameters, _STEM_CHANNELS)
    yield from convolution("0", 3, channels, stride=2)
    kept = [stage for stage in STAGES if stage.shallow or not parameters.shallow]
    for number, stage in enumerate(kept, start=1):
        out = _channels(parameters, stage.out_channels)
        if parameters.kind == "separable":
            yield from convolution(f"{number}_dw", channels, channels, stride=stage.stride, groups=channels)
            yield from convolution(f"{number}_pw", channels, out, kernel=1)
        else:
            yield from convolution(f"{number}_full", channels, out, stride=stage.stride)
        channels = out


def convolution(
    label: str, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> Iterator[tuple[str, nn.Module]]:
    """Yield a convolution and what follows each of them (Figure 3, right): batch norm and ReLU."""
    from torch import nn

    yield (
        f"conv_{label}",
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
    )
    yield f"norm_{label}", nn.BatchNorm2d(out_channels)
    yield f"relu_{label}", nn.ReLU(inplace=True)


def _channels(parameters: Parameters, channels: int) -> int:
    # Section 3.3: alpha M inputs and alpha N outputs.
    return max(int(parameters.width * channels), parameters.least_channels)
