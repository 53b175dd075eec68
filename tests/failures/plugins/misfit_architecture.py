"""A small network that runs, and fails as it is told to when it is to become a file: `misfit:how=refuse`."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import nn

TITLE = "Misfit"
PAPER = "none: it is for tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Whether the export is refused, ends its process by SIGKILL, or the network's building ends it with status 9."""

    how: Literal["refuse", "kill", "exit"] = "refuse"


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the input."""
    return {"x": (batch, 8)}


def build(parameters: Parameters) -> nn.Module:
    """Return the network; counting it, on the meta device, always works."""
    import torch
    from torch import nn

    class Misfit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if torch.compiler.is_exporting():
                _fail(parameters.how)
            return torch.tanh(self.fc(x))

    network = Misfit()
    if parameters.how == "exit" and next(network.parameters()).device.type != "meta":
        os._exit(9)
    return network


def _fail(how: str) -> None:
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise NotImplementedError("this network does not export")
