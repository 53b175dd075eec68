"""LeNet-5: as it is built today, and the original with its sparse connections and trained subsampling."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgebench.architectures import _spec

if TYPE_CHECKING:
    from torch import nn

TITLE = "LeNet-5"
PAPER = (
    "LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE, 1998, Figure 2; "
    "kind modern: without the sparse connections of its Table I, the trained coefficients of its poolings and its RBF "
    "output"
)
_CLASSES = 10

CONNECTIONS = (  # Table I: a row for each map of S2, a column for each map of C3
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Which of the two it is."""

    kind: Literal["modern", "original"] = "modern"

    def __post_init__(self) -> None:
        """Refuse values of a wrong type."""
        _spec.check(self)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the grey image; digits of 28x28 pixels are padded by 2."""
    return {"x": (batch, 1, 32, 32)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its layers named as in the paper.

    The original's are distances, the smallest for the class it is.
    """
    return _original() if parameters.kind == "original" else _modern()


def _modern() -> nn.Module:
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        C1=nn.Conv2d(1, 6, kernel_size=5),
        C1_tanh=nn.Tanh(),
        S2=nn.AvgPool2d(2),
        C3=nn.Conv2d(6, 16, kernel_size=5),
        C3_tanh=nn.Tanh(),
        S4=nn.AvgPool2d(2),
        flatten=nn.Flatten(),
        C5=nn.Linear(16 * 5 * 5, 120),
        C5_tanh=nn.Tanh(),
        F6=nn.Linear(120, 84),
        F6_tanh=nn.Tanh(),
        OUT=nn.Linear(84, _CLASSES),
    )
    return nn.Sequential(layers)


def _original() -> nn.Module:
    from torch import nn

    from edgebench.architectures._blocks import RadialBasis, ScaledTanh, SparseConvolution

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        C1=nn.Conv2d(1, 6, kernel_size=5),
        C1_tanh=ScaledTanh(),
        S2=_subsampling(6),
        S2_tanh=ScaledTanh(),
        C3=SparseConvolution(_seen(), kernel=5),
        C3_tanh=ScaledTanh(),
        S4=_subsampling(16),
        S4_tanh=ScaledTanh(),
        C5=nn.Conv2d(16, 120, kernel_size=5),
        C5_tanh=ScaledTanh(),
        flatten=nn.Flatten(),
        F6=nn.Linear(120, 84),
        F6_tanh=ScaledTanh(),
        OUT=RadialBasis(84, _CLASSES),
    )
    return nn.Sequential(layers)


def _subsampling(channels: int) -> nn.Module:
    # Section II-B: four inputs are added, times a trained coefficient, plus a trained bias. A mean instead of the sum
    # only means a coefficient four times as large; coefficient and bias of a map are a 1x1 convolution of that map.
    from torch import nn

    return nn.Sequential(
        OrderedDict(mean=nn.AvgPool2d(2), coefficient=nn.Conv2d(channels, channels, 1, groups=channels))
    )


def _seen() -> tuple[tuple[int, ...], ...]:
    """Return for each map of C3 the maps of S2 it sees.

    >>> _seen()[4]
    (0, 4, 5)
    """
    return tuple(
        tuple(source for source, mark in enumerate(column) if mark == "X") for column in zip(*CONNECTIONS, strict=True)
    )
