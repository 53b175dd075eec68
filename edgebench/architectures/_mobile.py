"""Blocks of the mobile networks, named as in torchvision; imports torch, so import it where a network is built."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

COORDINATES = 4  # of a box

Activation = Callable[[], nn.Module]

_MULTIPLE = 8
_LEAST_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """What stands between the convolutions: activations, and the epsilon of the batch norms."""

    activation: Activation
    squeeze_activation: Activation = nn.ReLU
    gate: Activation = nn.Sigmoid
    eps: float = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """An inverted residual: narrow outside, wide inside."""

    in_channels: int
    expanded: int  # between the two 1x1 convolutions; equal to in_channels: no first one
    out_channels: int
    kernel: int
    stride: int
    squeezed: int | None = None  # inside squeeze-excite; None: there is none


class SqueezeExcite(nn.Module):
    """Scale each channel by what two fully connected layers make of all channels' means."""

    def __init__(self, channels: int, squeezed: int, functions: Functions) -> None:
        """Create the two layers, as 1x1 convolutions of a map of one pixel."""
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.activation = functions.squeeze_activation()
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.scale_activation = functions.gate()

    def forward(self, x: Tensor) -> Tensor:
        """Return the input, scaled."""
        # [n, c, h, w] = [n, c, h, w] * gate([n, c, 1, 1])
        scale: Tensor = self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x)))))
        return x * scale


class Detector(nn.Module):
    """Maps at several scales, and on each a convolution that gives boxes and class scores at every place."""

    def __init__(self, scales: Iterable[nn.Module], heads: Iterable[nn.Module], classes: int) -> None:
        """Take what makes each map from the one before, and the head of each map: (4 + classes) channels for a box."""
        super().__init__()
        self.scales = nn.ModuleList(scales)
        self.heads = nn.ModuleList(heads)
        self.classes = classes

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the boxes [n, boxes, 4] and scores [n, boxes, classes]: raw, before non-maximum suppression."""
        maps = []
        for scale in self.scales:
            x = scale(x)
            maps.append(x)
        rows = []
        for head, scaled in zip(self.heads, maps, strict=True):
            # [n, h w k, 4 + c] = [n, k (4 + c), h, w], k boxes at each place
            found = head(scaled)
            rows.append(found.permute(0, 2, 3, 1).reshape(found.shape[0], -1, COORDINATES + self.classes))
        boxes, scores = torch.split(torch.cat(rows, dim=1), [COORDINATES, self.classes], dim=2)
        return boxes, scores


class Residual(nn.Sequential):
    """Layers in a row, and their input added to their output."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum, of the input's shape."""
        y = x
        for layer in self:
            y = layer(y)
        return x + y


def divisible(channels: float) -> int:
    """Return the nearest multiple of 8 that is at least 8 and at most a tenth below.

    The rule is `_make_divisible` of the authors' TensorFlow-Slim release; torchvision has it too.

    >>> divisible(24 * 0.75), divisible(32 * 0.35)
    (24, 16)
    """
    nearest = max(_MULTIPLE, int(channels + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE)
    return nearest if nearest >= _LEAST_SHARE * channels else nearest + _MULTIPLE


def convolution(in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size but for its stride, without bias: batch norm comes next."""
    return nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


def normed(layer: nn.Conv2d, functions: Functions, activated: bool = True) -> nn.Sequential:
    """Return a convolution with its batch norm and, unless it is linear, its activation."""
    norm = nn.BatchNorm2d(layer.out_channels, functions.eps)
    return nn.Sequential(layer, norm, *([functions.activation()] if activated else []))


def bottleneck(block: Bottleneck, functions: Functions) -> list[nn.Sequential | SqueezeExcite]:
    """Return the parts of an inverted residual: 1x1 expansion, depthwise, squeeze-excite, linear 1x1 projection."""
    parts: list[nn.Sequential | SqueezeExcite] = []
    if block.expanded != block.in_channels:
        parts.append(normed(convolution(block.in_channels, block.expanded), functions))
    depthwise = convolution(block.expanded, block.expanded, block.kernel, block.stride, groups=block.expanded)
    parts.append(normed(depthwise, functions))
    if block.squeezed is not None:
        parts.append(SqueezeExcite(block.expanded, block.squeezed, functions))
    parts.append(normed(convolution(block.expanded, block.out_channels), functions, activated=False))
    return parts


def shortcut(block: Bottleneck, name: str, *layers: nn.Module) -> nn.Sequential:
    """Return the layers of a block under a name, with a shortcut around them where its ends have one shape."""
    same = block.stride == 1 and block.in_channels == block.out_channels
    return (Residual if same else nn.Sequential)(OrderedDict({name: nn.Sequential(*layers)}))
