"""One layer out of a network, to be timed by itself: a convolution of any shape, or a fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "one layer out of a network"
PAPER = "none: what `run --layers` times where a runtime does not tell; the default is conv_1 of Howard et al., 2017"
_SIDE: dict[str, Any] = {"always": True, "range": (1, 65536)}
_CHANNELS: dict[str, Any] = {"always": True, "range": (1, 1_048_576)}
_KERNEL: dict[str, Any] = {"range": (1, 255)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A layer with its bias; `height` and `width` are those of what comes out, of a fully connected layer 1 x 1."""

    kind: Literal["conv", "fc"] = field(default="conv", metadata={"always": True})
    height: int = field(default=112, metadata=_SIDE)
    width: int = field(default=112, metadata=_SIDE)
    in_channels: int = field(default=32, metadata={"spec": "in", **_CHANNELS})
    out_channels: int = field(default=64, metadata={"spec": "out", **_CHANNELS})
    kernel_height: int = field(default=1, metadata=_KERNEL)
    kernel_width: int = field(default=1, metadata=_KERNEL)
    stride_height: int = field(default=1, metadata=_KERNEL)
    stride_width: int = field(default=1, metadata=_KERNEL)
    groups: int = field(default=1, metadata={"range": (1, 1_048_576)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and groups that do not divide the channels."""
        _spec.check(self)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise UsageError(
                f"Parameter groups of part is {self.groups}: expected a divisor of {self.in_channels} and "
                f"{self.out_channels} channels."
            )


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the input from which an output of that size comes."""
    if parameters.kind == "fc":
        return {"x": (batch, parameters.in_channels)}
    rows = _before(parameters.height, parameters.kernel_height, parameters.stride_height)
    columns = _before(parameters.width, parameters.kernel_width, parameters.stride_width)
    return {"x": (batch, parameters.in_channels, rows, columns)}


def build(parameters: Parameters) -> nn.Module:
    """Return the layer and nothing else; convolutions with odd sides are padded, as most networks have them."""
    from torch import nn

    if parameters.kind == "fc":
        return nn.Sequential(nn.Linear(parameters.in_channels, parameters.out_channels))
    kernel = (parameters.kernel_height, parameters.kernel_width)
    return nn.Sequential(
        nn.Conv2d(
            parameters.in_channels,
            parameters.out_channels,
            kernel,
            (parameters.stride_height, parameters.stride_width),
            (_padding(kernel[0]), _padding(kernel[1])),
            groups=parameters.groups,
        )
    )


def _padding(kernel: int) -> int:
    return kernel // 2 if kernel % 2 else 0


def _before(side: int, kernel: int, stride: int) -> int:
    """Return the side of an input whose output has a side; an odd kernel is padded, an even one is not.

    >>> _before(112, 3, 2), _before(28, 2, 2)
    (224, 56)
    """
    return side * stride if kernel % 2 else (side - 1) * stride + kernel
