"""ExecuTorch's program, lowered to XNNPACK as far as that goes; the rest runs in its portable kernels."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".pte"
DISTRIBUTIONS = ("torch",)
CONVERTER = "executorch"


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write one .pte file."""
    import torch

    path.write_bytes(lower(torch.export.export(module, tuple(inputs.values()))))


def lower(program: "torch.export.ExportedProgram") -> bytes:
    """Return an exported program as ExecuTorch's, its operations in XNNPACK as far as it has them."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    return bytes(lowered.to_executorch().buffer)
