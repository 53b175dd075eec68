"""SSD on MobileNetV1: boxes and class scores from six maps, up to where non-maximum suppression would begin."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgebench.architectures import _spec, mobilenet_v1

if TYPE_CHECKING:
    from torch import nn

TITLE = "SSD on MobileNetV1"
PAPER = (
    "Liu et al., SSD: Single Shot MultiBox Detector, 2015, arXiv:1512.02325, Figure 2; on MobileNetV1: Howard et al., "
    "2017, arXiv:1704.04861, Table 13; extra layers, 1x1 heads and boxes: the authors' release, ssd_mobilenet_v1"
)
BUILT_ON = ("mobilenet_v1",)

_FIRST_MAP = "relu_11_pw"  # of MobileNetV1's layers: the first map is taken behind it, the second at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A smaller map: a 1x1 convolution and a 3x3 one of stride 2, each with batch norm and ReLU."""

    narrowed: int
    out_channels: int


STAGES = (  # behind MobileNetV1
    Stage(narrowed=256, out_channels=512),
    Stage(narrowed=128, out_channels=256),
    Stage(narrowed=128, out_channels=256),
    Stage(narrowed=64, out_channels=128),
)

MAPS = (512, 1024, *(stage.out_channels for stage in STAGES))  # channels

BOXES = (3, 6, 6, 6, 6, 6)  # at each place of a map


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The image's side, and the classes, of which one is the background: 91 for COCO."""

    resolution: int = field(default=300, metadata={"range": (32, 4096)})
    classes: int = field(default=91, metadata={"range": (2, 65536)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network; it gives the boxes and the scores of all maps, those of the largest map first."""
    from torch import nn

    from edgebench.architectures._mobile import COORDINATES, Detector

    heads = [
        nn.Conv2d(channels, boxes * (COORDINATES + parameters.classes), kernel_size=1)
        for channels, boxes in zip(MAPS, BOXES, strict=True)
    ]
    return Detector(_scales(), heads, parameters.classes)


def _scales() -> Iterator[nn.Module]:
    from torch import nn

    body = list(mobilenet_v1.body(mobilenet_v1.Parameters()))
    first = [name for name, _ in body].index(_FIRST_MAP) + 1
    yield nn.Sequential(OrderedDict(body[:first]))
    yield nn.Sequential(OrderedDict(body[first:]))
    channels = mobilenet_v1.STAGES[-1].out_channels
    for number, stage in enumerate(STAGES, start=len(mobilenet_v1.STAGES) + 1):
        layers = OrderedDict(mobilenet_v1.convolution(f"{number}_1x1", channels, stage.narrowed, kernel=1))
        layers.update(mobilenet_v1.convolution(f"{number}_3x3", stage.narrowed, stage.out_channels, stride=2))
        yield nn.Sequential(layers)
        channels = stage.out_channels
