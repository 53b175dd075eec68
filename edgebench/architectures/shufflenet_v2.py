"""ShuffleNetV2: channels are split, half of them convolved, and interleaved again; designed by latency."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "ShuffleNetV2"
PAPER = (
    "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, 2018, arXiv:1807.11164, "
    "Table 5; width 2.0: 244 and not 224 channels in stage 2, as in the authors' release"
)
_CLASSES = 1000
_STEM_CHANNELS = 24
REPEATS = {2: 4, 3: 8, 4: 4}  # units in each stage, the first of stride 2

CHANNELS = {  # of stages 2, 3 and 4 and of the last convolution, by width
    "0.5": (48, 96, 192, 1024),
    "1.0": (116, 232, 464, 1024),
    "1.5": (176, 352, 704, 1024),
    "2.0": (244, 488, 976, 2048),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The width, one of four that the paper gives channels for, and the input's side."""

    width: Literal["0.5", "1.0", "1.5", "2.0"] = field(default="1.0", metadata={"always": True})
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

    *stages, last = CHANNELS[parameters.width]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Sequential(*_convolution(3, _STEM_CHANNELS, kernel=3, stride=2), nn.ReLU(inplace=True))
    layers["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
    channels = _STEM_CHANNELS
    for (stage, repeats), out in zip(REPEATS.items(), stages, strict=True):
        units = (_unit(channels if place == 0 else out, out, strided=place == 0) for place in range(repeats))
        layers[f"stage{stage}"] = nn.Sequential(*units)
        channels = out
    layers["conv5"] = nn.Sequential(*_convolution(channels, last), nn.ReLU(inplace=True))
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(last, _CLASSES)
    return nn.Sequential(layers)


def _unit(in_channels: int, out_channels: int, *, strided: bool) -> nn.Module:
    # Figure 3 (c) and (d): halves at stride 1, all channels in both branches at stride 2.
    from torch import nn

    from edgebench.architectures._branches import ShuffleUnit

    branch = out_channels // 2
    stride, inputs = (2, in_channels) if strided else (1, branch)
    branch1 = nn.Sequential(
        *_depthwise(inputs, stride),
        *_convolution(inputs, branch),
        nn.ReLU(inplace=True),
    )
    branch2 = nn.Sequential(
        *_convolution(inputs, branch),
        nn.ReLU(inplace=True),
        *_depthwise(branch, stride),
        *_convolution(branch, branch),
        nn.ReLU(inplace=True),
    )
    return ShuffleUnit(branch1 if strided else nn.Sequential(), branch2, split=not strided)


def _depthwise(channels: int, stride: int) -> Iterator[nn.Module]:
    return _convolution(channels, channels, kernel=3, stride=stride, groups=channels)


def _convolution(
    in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Iterator[nn.Module]:
    from torch import nn

    yield nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    yield nn.BatchNorm2d(out_channels)
