"""PyTorch's own exported program: the graph that torch eager then runs operation by operation."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".pt2"
DISTRIBUTIONS = ("torch",)


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write one .pt2 file."""
    import torch

    torch.export.save(torch.export.export(module, tuple(inputs.values())), str(path))
