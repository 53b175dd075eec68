"""LeNet-5 as it is built today: every map of C3 sees all of S2, and the output layer is a plain one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

TITLE = "LeNet-5"
PAPER = (
    "LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proceedings of the IEEE, 1998, Figure 2; "
    "without the sparse connections of its Table I, the trained coefficients of its poolings and its RBF output"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """None: the network is one."""


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the grey image; digits of 28x28 pixels are padded by 2."""
    return {"x": (batch, 1, 32, 32)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network up to the scores, its layers named as in the paper."""
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
        OUT=nn.Linear(84, 10),
    )
    return nn.Sequential(layers)
