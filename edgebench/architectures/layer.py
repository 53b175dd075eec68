"""Single layers, to hold a paper's arithmetic against time: a convolution, or the separable pair in its place."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "single layer"
PAPER = (
    "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, 2017, "
    "arXiv:1704.04861, section 3.1 and Table 3"
)
_CHANNELS = {"always": True, "range": (1, 65536)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The map's side, its channels and the kernel's side; the defaults are the layer of Table 3."""

    kind: Literal["standard", "separable"] = field(default="standard", metadata={"always": True})
    size: int = field(default=14, metadata={"always": True, "range": (1, 4096)})
    in_channels: int = field(default=512, metadata={"spec": "in", **_CHANNELS})
    out_channels: int = field(default=512, metadata={"spec": "out", **_CHANNELS})
    kernel: int = field(default=3, metadata={"always": True, "range": (1, 31)})
    stride: int = field(default=1, metadata={"range": (1, 31)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and kernels that have no middle."""
        _spec.check(self)
        if self.kernel % 2 == 0:
            raise UsageError(
                f"Parameter kernel of layer is {self.kernel}: expected an odd integer, which keeps the size."
            )


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the layer's input."""
    return {"x": (batch, parameters.in_channels, parameters.size, parameters.size)}


def build(parameters: Parameters) -> nn.Module:
    """Return the convolutions alone: no bias, batch norm or activation, as section 3.1 counts them."""
    from torch import nn

    inputs, outputs, kernel = parameters.in_channels, parameters.out_channels, parameters.kernel
    if parameters.kind == "standard":
        conv = nn.Conv2d(inputs, outputs, kernel, parameters.stride, padding=kernel // 2, bias=False)
        return nn.Sequential(OrderedDict(conv=conv))
    depthwise = nn.Conv2d(inputs, inputs, kernel, parameters.stride, padding=kernel // 2, groups=inputs, bias=False)
    pointwise = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise))
