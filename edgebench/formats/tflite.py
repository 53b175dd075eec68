"""LiteRT's file, by litert-torch; inputs and outputs keep torch's layout, the converter turns it inside."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".tflite"
DISTRIBUTIONS = ("torch",)
CONVERTER = "litert-torch"


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write one .tflite file."""
    import litert_torch

    litert_torch.convert(module, tuple(inputs.values())).export(str(path))
