"""Inception V3: branches of factorised convolutions, joined along the channels."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "Inception V3"
PAPER = (
    "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015, arXiv:1512.00567, "
    "Figures 5, 6, 7 and 10; first layers and channels: the authors' release, which differs from Table 1"
)
_CLASSES = 1000
_NORM_EPSILON = 0.001  # of the release
_SIDE = "AuxLogits"
_SIDE_LOWEST = 299  # the 5x5 convolution of the side branch needs a map of 17 pixels before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """A convolution with batch norm and ReLU; it keeps the size at stride 1 and has no padding at stride 2."""

    name: str
    out: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A 3x3 pooling: average at stride 1, maximum without padding at stride 2."""

    name: str
    stride: int = 1


Branch = tuple[Conv | Pool, ...]

STEM: tuple[tuple[str, int, int, int, int], ...] = (
    # name, channels (of a max pooling none), kernel, stride, padding
    ("Conv2d_1a_3x3", 32, 3, 2, 0),
    ("Conv2d_2a_3x3", 32, 3, 1, 0),
    ("Conv2d_2b_3x3", 64, 3, 1, 1),
    ("maxpool1", 0, 3, 2, 0),
    ("Conv2d_3b_1x1", 80, 1, 1, 0),
    ("Conv2d_4a_3x3", 192, 3, 1, 0),
    ("maxpool2", 0, 3, 2, 0),
)


def _figure_5(pooled: int) -> tuple[Branch, ...]:
    return (
        (Conv(name="branch1x1", out=64),),
        (Conv(name="branch5x5_1", out=48), Conv(name="branch5x5_2", out=64, kernel=(5, 5))),
        (
            Conv(name="branch3x3dbl_1", out=64),
            Conv(name="branch3x3dbl_2", out=96, kernel=(3, 3)),
            Conv(name="branch3x3dbl_3", out=96, kernel=(3, 3)),
        ),
        (Pool(name="pool"), Conv(name="branch_pool", out=pooled)),
    )


def _figure_6(inner: int) -> tuple[Branch, ...]:
    return (
        (Conv(name="branch1x1", out=192),),
        (
            Conv(name="branch7x7_1", out=inner),
            Conv(name="branch7x7_2", out=inner, kernel=(1, 7)),
            Conv(name="branch7x7_3", out=192, kernel=(7, 1)),
        ),
        (
            Conv(name="branch7x7dbl_1", out=inner),
            Conv(name="branch7x7dbl_2", out=inner, kernel=(7, 1)),
            Conv(name="branch7x7dbl_3", out=inner, kernel=(1, 7)),
            Conv(name="branch7x7dbl_4", out=inner, kernel=(7, 1)),
            Conv(name="branch7x7dbl_5", out=192, kernel=(1, 7)),
        ),
        (Pool(name="pool"), Conv(name="branch_pool", out=192)),
    )


def _figure_7() -> tuple[Branch, ...]:
    single = (Conv(name="branch3x3_1", out=384),)
    double = (Conv(name="branch3x3dbl_1", out=448), Conv(name="branch3x3dbl_2", out=384, kernel=(3, 3)))
    return (
        (Conv(name="branch1x1", out=320),),
        (*single, Conv(name="branch3x3_2a", out=384, kernel=(1, 3))),
        (*single, Conv(name="branch3x3_2b", out=384, kernel=(3, 1))),
        (*double, Conv(name="branch3x3dbl_3a", out=384, kernel=(1, 3))),
        (*double, Conv(name="branch3x3dbl_3b", out=384, kernel=(3, 1))),
        (Pool(name="pool"), Conv(name="branch_pool", out=192)),
    )


MIXED: dict[str, tuple[Branch, ...]] = {
    "Mixed_5b": _figure_5(pooled=32),
    "Mixed_5c": _figure_5(pooled=64),
    "Mixed_5d": _figure_5(pooled=64),
    "Mixed_6a": (  # Figure 10: the size is halved
        (Conv(name="branch3x3", out=384, kernel=(3, 3), stride=2),),
        (
            Conv(name="branch3x3dbl_1", out=64),
            Conv(name="branch3x3dbl_2", out=96, kernel=(3, 3)),
            Conv(name="branch3x3dbl_3", out=96, kernel=(3, 3), stride=2),
        ),
        (Pool(name="pool", stride=2),),
    ),
    "Mixed_6b": _figure_6(inner=128),
    "Mixed_6c": _figure_6(inner=160),
    "Mixed_6d": _figure_6(inner=160),
    "Mixed_6e": _figure_6(inner=192),
    "Mixed_7a": (
        (Conv(name="branch3x3_1", out=192), Conv(name="branch3x3_2", out=320, kernel=(3, 3), stride=2)),
        (
            Conv(name="branch7x7x3_1", out=192),
            Conv(name="branch7x7x3_2", out=192, kernel=(1, 7)),
            Conv(name="branch7x7x3_3", out=192, kernel=(7, 1)),
            Conv(name="branch7x7x3_4", out=192, kernel=(3, 3), stride=2),
        ),
        (Pool(name="pool", stride=2),),
    ),
    "Mixed_7b": _figure_7(),
    "Mixed_7c": _figure_7(),
}
_SIDE_AFTER, _SIDE_CHANNELS = "Mixed_6e", 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The input's side, and the side branch that only training uses."""

    resolution: int = field(default=299, metadata={"range": (75, 4096)})  # lowest: one pixel in the last map
    aux: bool = False

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)
        if self.aux and self.resolution < _SIDE_LOWEST:
            raise UsageError(
                f"Parameter resolution of inception_v3 is {self.resolution}: "
                f"expected {_SIDE_LOWEST} or more with aux=true."
            )


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, 3, parameters.resolution, parameters.resolution)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its modules named as in torchvision so that its weights load.

    With the side branch it gives two: the scores at the end, those after Mixed_6e.
    """
    from torch import nn

    from edgebench.architectures._blocks import SideBranches

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for name, out, kernel, stride, padding in STEM:
        if out:
            layers[name] = _convolution(channels, out, kernel, stride, padding)
            channels = out
        else:
            layers[name] = nn.MaxPool2d(kernel, stride)
    for name, branches in MIXED.items():
        layers[name], channels = _mixed(channels, branches)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["dropout"] = nn.Dropout()
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(channels, _CLASSES)
    if not parameters.aux:
        return nn.Sequential(layers)
    return SideBranches(layers, {_SIDE_AFTER: (_SIDE, _side())})


def _convolution(
    in_channels: int, out_channels: int, kernel: int | tuple[int, int], stride: int, padding: int | tuple[int, int]
) -> nn.Module:
    from torch import nn

    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False),
            bn=nn.BatchNorm2d(out_channels, eps=_NORM_EPSILON),
            relu=nn.ReLU(inplace=True),
        )
    )


def _mixed(in_channels: int, branches: tuple[Branch, ...]) -> tuple[nn.Module, int]:
    """Return a module of parallel branches and its channels."""
    from edgebench.architectures._branches import Mixed

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    joined = 0
    for branch in branches:
        channels = in_channels
        for step in branch:
            layers[step.name], channels = _step(channels, step)
        joined += channels
    return Mixed(layers, [tuple(step.name for step in branch) for branch in branches]), joined


def _step(channels: int, step: Conv | Pool) -> tuple[nn.Module, int]:
    from torch import nn

    if isinstance(step, Pool):
        pool = nn.AvgPool2d(3, stride=1, padding=1) if step.stride == 1 else nn.MaxPool2d(3, step.stride)
        return pool, channels
    height, width = step.kernel
    padding = (height // 2, width // 2) if step.stride == 1 else (0, 0)
    return _convolution(channels, step.out, step.kernel, step.stride, padding), step.out


def _side() -> nn.Module:
    # Section 4: an auxiliary classifier on top of the last 17x17 map.
    from torch import nn

    return nn.Sequential(
        OrderedDict(
            pool=nn.AvgPool2d(5, stride=3),
            conv0=_convolution(_SIDE_CHANNELS, 128, kernel=1, stride=1, padding=0),
            conv1=_convolution(128, 768, kernel=5, stride=1, padding=0),
            mean=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(768, _CLASSES),
        )
    )
