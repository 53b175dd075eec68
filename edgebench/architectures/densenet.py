"""DenseNet: every layer of a block reads the maps of all layers before it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "DenseNet"
PAPER = (
    "Huang et al., Densely Connected Convolutional Networks, 2016, arXiv:1608.06993, Table 1; "
    "161 layers (growth 48): the authors' release"
)
_CLASSES = 1000
_STEM = 2  # section 4.2: the first convolution gives 2 k maps
_BOTTLENECK = 4  # section 3: a 1x1 convolution gives 4 k maps before each 3x3

LAYERS = {  # in each of the four blocks, by the depth of the network with bottlenecks
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
    264: (6, 12, 64, 48),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The depth, the growth rate k, the 1x1 bottlenecks (B), the compression theta between blocks (C), the side."""

    depth: Literal[121, 161, 169, 201, 264] = field(default=121, metadata={"always": True})
    growth: int = field(default=32, metadata={"range": (1, 256)})
    bottleneck: bool = True
    compression: float = field(default=0.5, metadata={"range": (1 / 64, 1.0)})
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

    blocks, channels = _blocks(parameters)
    stem = _STEM * parameters.growth
    features: OrderedDict[str, nn.Module] = OrderedDict(
        conv0=nn.Conv2d(3, stem, kernel_size=7, stride=2, padding=3, bias=False),
        norm0=nn.BatchNorm2d(stem),
        relu0=nn.ReLU(inplace=True),
        pool0=nn.MaxPool2d(3, stride=2, padding=1),
        **blocks,
        norm5=nn.BatchNorm2d(channels),
    )
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        features=nn.Sequential(features),
        relu=nn.ReLU(inplace=True),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(channels, _CLASSES),
    )
    return nn.Sequential(layers)


def _blocks(parameters: Parameters) -> tuple[OrderedDict[str, nn.Module], int]:
    """Return the blocks with the transitions between them, and the channels that come out."""
    from torch import nn

    from edgebench.architectures._branches import DenseLayer

    channels = _STEM * parameters.growth
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    layers = LAYERS[parameters.depth]
    for number, count in enumerate(layers, start=1):
        block: OrderedDict[str, nn.Module] = OrderedDict()
        for place in range(1, count + 1):
            block[f"denselayer{place}"] = DenseLayer(OrderedDict(_layers(parameters, channels)))
            channels += parameters.growth
        blocks[f"denseblock{number}"] = nn.Sequential(block)
        if number < len(layers):
            kept = int(parameters.compression * channels)  # section 3: the floor of theta m
            blocks[f"transition{number}"] = nn.Sequential(
                OrderedDict(
                    norm=nn.BatchNorm2d(channels),
                    relu=nn.ReLU(inplace=True),
                    conv=nn.Conv2d(channels, kept, kernel_size=1, bias=False),
                    pool=nn.AvgPool2d(2),
                )
            )
            channels = kept
    return blocks, channels


def _layers(parameters: Parameters, channels: int) -> Iterator[tuple[str, nn.Module]]:
    # Section 3: BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3), without the first three when there are no bottlenecks.
    from torch import nn

    sizes = [(1, _BOTTLENECK * parameters.growth)] if parameters.bottleneck else []
    for number, (kernel, out) in enumerate([*sizes, (3, parameters.growth)], start=1):
        yield f"norm{number}", nn.BatchNorm2d(channels)
        yield f"relu{number}", nn.ReLU(inplace=True)
        yield f"conv{number}", nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False)
        channels = out
