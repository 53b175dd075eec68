"""Single layers and blocks, to hold a paper's arithmetic against time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "single layer or block"
PAPER = (
    "Howard et al., MobileNets, 2017, arXiv:1704.04861, section 3.1 and Table 3 (standard, separable); Szegedy et al., "
    "Going Deeper with Convolutions, 2014, arXiv:1409.4842, Table 1, 3a (branch); Iandola et al., SqueezeNet, 2016, "
    "arXiv:1602.07360, Table 1, fire2 (fire); Sandler et al., MobileNetV2, 2018, arXiv:1801.04381, Table 1 "
    "(inverted_residual); He et al., Deep Residual Learning, 2015, arXiv:1512.03385, Figure 5 (residual_bottleneck)"
)
_ALWAYS: dict[str, Any] = {"always": True}
_SIZE: dict[str, Any] = {"always": True, "range": (1, 4096)}
_CHANNELS: dict[str, Any] = {"always": True, "range": (1, 65536)}
_IN: dict[str, Any] = {"spec": "in", **_CHANNELS}
_OUT: dict[str, Any] = {"spec": "out", **_CHANNELS}
_KERNEL: dict[str, Any] = {"always": True, "range": (1, 31)}
_STRIDE: dict[str, Any] = {"range": (1, 31)}

Order = Literal["conv", "conv-relu", "conv-bn-relu", "bn-relu-conv"]
Activation = Literal["relu", "relu6"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A convolution, or the separable pair in its place; the defaults are the layer of MobileNetV1's Table 3.

    `order` says what stands around each convolution, `activation` what its relu is; `sparsity` is the share of weights
    that are zero, at random places.
    """

    kind: Literal["standard", "separable"] = field(default="standard", metadata=_ALWAYS)
    size: int = field(default=14, metadata=_SIZE)
    in_channels: int = field(default=512, metadata=_IN)
    out_channels: int = field(default=512, metadata=_OUT)
    kernel: int = field(default=3, metadata=_KERNEL)
    stride: int = field(default=1, metadata=_STRIDE)
    order: Order = "conv"
    activation: Activation = "relu"
    sparsity: float = field(default=0.0, metadata={"range": (0.0, 0.999)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range, and such as would change nothing."""
        _spec.check(self)
        _check_kernel(self.kernel)
        if self.order == "conv" and self.activation != "relu":
            raise UsageError(
                f"Parameter activation of layer is {self.activation!r} where order=conv has none: "
                "expected an order with a relu in it."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """GoogLeNet's 5x5 branch of module 3a: a 1x1 convolution that reduces the channels, then the 5x5 one.

    `reduce` is the channels between the two; 0 leaves the 1x1 convolution out.
    """

    kind: Literal["branch"] = field(default="branch", metadata=_ALWAYS)
    size: int = field(default=28, metadata=_SIZE)
    in_channels: int = field(default=192, metadata=_IN)
    reduce: int = field(default=16, metadata={"always": True, "range": (0, 65536)})
    out_channels: int = field(default=32, metadata=_OUT)
    kernel: int = field(default=5, metadata=_KERNEL)

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)
        _check_kernel(self.kernel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """SqueezeNet's fire module; twice `expand` channels come out. The defaults are fire2 of version 1.0."""

    kind: Literal["fire"] = field(default="fire", metadata=_ALWAYS)
    size: int = field(default=55, metadata=_SIZE)
    in_channels: int = field(default=96, metadata=_IN)
    squeeze: int = field(default=16, metadata=_CHANNELS)
    expand: int = field(default=64, metadata=_CHANNELS)

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertedResidual:
    """MobileNetV2's block: wide inside, narrow outside, no activation at its end; added to its input where that fits.

    The defaults are its second block of 24 channels.
    """

    kind: Literal["inverted_residual"] = field(default="inverted_residual", metadata=_ALWAYS)
    size: int = field(default=56, metadata=_SIZE)
    in_channels: int = field(default=24, metadata=_IN)
    out_channels: int = field(default=24, metadata=_OUT)
    expansion: int = field(default=6, metadata={"always": True, "range": (1, 64)})
    kernel: int = field(default=3, metadata=_KERNEL)
    stride: int = field(default=1, metadata=_STRIDE)
    activation: Activation = "relu6"

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)
        _check_kernel(self.kernel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBottleneck:
    """ResNet's block: narrow inside, wide outside, added to its input or to a 1x1 convolution of it, then activated.

    `stride` is that of the first 1x1 convolution. The defaults are the second block of conv2_x in ResNet-50.
    """

    kind: Literal["residual_bottleneck"] = field(default="residual_bottleneck", metadata=_ALWAYS)
    size: int = field(default=56, metadata=_SIZE)
    in_channels: int = field(default=256, metadata=_IN)
    middle: int = field(default=64, metadata=_CHANNELS)
    out_channels: int = field(default=256, metadata=_OUT)
    kernel: int = field(default=3, metadata=_KERNEL)
    stride: int = field(default=1, metadata=_STRIDE)
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)
        _check_kernel(self.kernel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Nothing at all: its latency is the time that a runtime takes to be called."""

    kind: Literal["identity"] = field(default="identity", metadata=_ALWAYS)
    size: int = field(default=1, metadata={"range": (1, 4096)})
    in_channels: int = field(default=1, metadata={"spec": "in", "range": (1, 65536)})

    def __post_init__(self) -> None:
        """Refuse values of a wrong type or outside their range."""
        _spec.check(self)


Layer = Parameters | Branch | Fire | InvertedResidual | ResidualBottleneck | Identity

KINDS: dict[str, type[Any]] = {
    "standard": Parameters,
    "separable": Parameters,
    "branch": Branch,
    "fire": Fire,
    "inverted_residual": InvertedResidual,
    "residual_bottleneck": ResidualBottleneck,
    "identity": Identity,
}


def input_shapes(parameters: Layer, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the layer's input."""
    return {"x": (batch, parameters.in_channels, parameters.size, parameters.size)}


def build(parameters: Layer) -> nn.Module:
    """Return the layer or block; `standard` and `separable` are bare convolutions unless `order` says more."""
    from edgebench.architectures import _layers

    return _layers.BUILDERS[parameters.kind](parameters)


def finish(module: nn.Module, parameters: Layer, seed: int) -> None:
    """Make weights zero at random places, and scale the others so that what comes out keeps its scale."""
    import torch

    if not isinstance(parameters, Parameters) or parameters.sparsity == 0:
        return
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in (layer.weight for layer in module.children() if isinstance(layer, torch.nn.Conv2d)):
            zeros = round(parameters.sparsity * weight.numel())
            places = torch.randperm(weight.numel(), generator=generator)[:zeros]
            weight.view(-1)[places] = 0
            # Of n products with N(0, s) weights n (1 - sparsity) remain: the variance of their sum falls as much.
            weight.div_((1 - parameters.sparsity) ** 0.5)


def _check_kernel(kernel: int) -> None:
    if kernel % 2 == 0:
        raise UsageError(f"Parameter kernel of layer is {kernel}: expected an odd integer, which keeps the size.")
