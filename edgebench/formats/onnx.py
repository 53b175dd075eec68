"""ONNX by torch's exporter (torch.export inside); batch norm comes out folded into convolutions."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SUFFIX = ".onnx"
DISTRIBUTIONS = ("torch", "onnx", "onnxscript")

_OPSET = 18
_LARGEST_FILE_BYTES = 2**31  # protobuf's limit on one message


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
    """Write one .onnx file with its weights inside; inputs keep their names."""
    import torch

    weights = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    if weights >= _LARGEST_FILE_BYTES:
        raise ValueError(f"{weights} bytes of weights: one .onnx file holds less than {_LARGEST_FILE_BYTES}")
    program = torch.onnx.export(
        module,
        tuple(inputs.values()),
        dynamo=True,
        opset_version=_OPSET,
        input_names=list(inputs),
        verbose=False,
    )
    if program is None:
        raise ValueError("torch.onnx.export returned nothing")
    program.save(str(path), external_data=False)
