"""ResNet: blocks with shortcuts, and the plain networks without them that it is compared with."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "ResNet"
PAPER = (
    "He et al., Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385, Table 1; shortcuts: section 3.3 "
    "and Table 3; stride on the 3x3 convolution: torchvision, known as version 1.5"
)
_CLASSES = 1000
_STEM_CHANNELS = 64  # conv1: 7x7, 64, stride 2
_EXPANSION = 4  # of the last convolution of a bottleneck
_SHALLOWEST_BOTTLENECK = 50

CHANNELS = (64, 128, 256, 512)  # of the 3x3 convolutions in the four stages, conv2_x to conv5_x

BLOCKS = {  # in each stage, by the number of layers with weights
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The number of layers with weights, the shortcuts, where a bottleneck has its stride, and the input's side.

    Shortcuts: A, no parameters (zeros for new channels); B, projections where sizes change; C, projections everywhere;
    none, a plain network.
    """

    depth: Literal[18, 34, 50, 101, 152] = field(default=50, metadata={"always": True})
    shortcut: Literal["A", "B", "C", "none"] = "B"
    stride_on: Literal["1x1", "3x3"] = "3x3"  # 1x1: the paper; 3x3: torchvision
    resolution: int = field(default=224, metadata={"range": (32, 4096)})  # lowest: one pixel in the last map

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and a stride on a convolution that is not there."""
        _spec.check(self)
        if self.stride_on == "1x1" and self.depth < _SHALLOWEST_BOTTLENECK:
            raise UsageError(
                f"Parameter stride_on of resnet is '1x1' at depth {self.depth}, whose blocks have no 1x1 convolution: "
                f"expected 3x3, or a depth from {_SHALLOWEST_BOTTLENECK}."
            )


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load."""
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, _STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(_STEM_CHANNELS),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    layers.update(_stages(parameters))
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(_out_channels(parameters, CHANNELS[-1]), _CLASSES)
    return nn.Sequential(layers)


def _stages(parameters: Parameters) -> Iterator[tuple[str, nn.Module]]:
    from torch import nn

    in_channels = _STEM_CHANNELS
    for number, (channels, blocks) in enumerate(zip(CHANNELS, BLOCKS[parameters.depth], strict=True), start=1):
        stage = []
        for block in range(blocks):
            stride = 2 if block == 0 and number > 1 else 1  # conv2_x follows a max pooling, which has it
            stage.append(_block(parameters, in_channels, channels, stride))
            in_channels = _out_channels(parameters, channels)
        yield f"layer{number}", nn.Sequential(*stage)


def _block(parameters: Parameters, in_channels: int, channels: int, stride: int) -> nn.Module:
    from torch import nn

    from edgebench.architectures._blocks import Residual

    layers = OrderedDict(_layers(parameters, in_channels, channels, stride))
    if parameters.shortcut == "none":
        layers["relu"] = nn.ReLU(inplace=True)
        return nn.Sequential(layers)
    return Residual(layers, _shortcut(parameters, in_channels, _out_channels(parameters, channels), stride))


def _layers(parameters: Parameters, in_channels: int, channels: int, stride: int) -> Iterator[tuple[str, nn.Module]]:
    # Figure 5: two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1. Batch norm follows each, and ReLU all but the
    # last, whose output is added to the shortcut's first.
    from torch import nn

    if parameters.depth < _SHALLOWEST_BOTTLENECK:
        convolutions = [(channels, 3, stride), (channels, 3, 1)]
    else:
        first, second = (stride, 1) if parameters.stride_on == "1x1" else (1, stride)
        convolutions = [(channels, 1, first), (channels, 3, second), (_EXPANSION * channels, 1, 1)]
    for number, (out_channels, kernel, step) in enumerate(convolutions, start=1):
        yield f"conv{number}", nn.Conv2d(in_channels, out_channels, kernel, step, padding=kernel // 2, bias=False)
        yield f"bn{number}", nn.BatchNorm2d(out_channels)
        if number < len(convolutions):
            yield f"relu{number}", nn.ReLU(inplace=True)
        in_channels = out_channels


def _shortcut(parameters: Parameters, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    from torch import nn

    from edgebench.architectures._blocks import ZeroChannels

    same = in_channels == out_channels and stride == 1
    if parameters.shortcut == "C" or (parameters.shortcut == "B" and not same):
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    if same:
        return nn.Identity()
    # Option A takes every second pixel; as a pooling of 1x1 / 2 all runtimes have it.
    return nn.Sequential(nn.MaxPool2d(1, stride=stride), ZeroChannels(out_channels - in_channels))


def _out_channels(parameters: Parameters, channels: int) -> int:
    return channels if parameters.depth < _SHALLOWEST_BOTTLENECK else _EXPANSION * channels
