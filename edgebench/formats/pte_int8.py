"""ExecuTorch's program in 8 bits by PT2E: weights per channel, post training, for XNNPACK's kernels."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgebench.formats.pte import lower

if TYPE_CHECKING:
    import torch

    from edgebench.formats._calibration import Sample

SUFFIX = ".pte"
CALIBRATES = True
DISTRIBUTIONS = ("torch",)
CONVERTER = "executorch"


def convert(module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path, samples: "list[Sample]") -> None:
    """Write one .pte file with quantised weights and activations, calibrated on samples."""
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    given = tuple(inputs.values())
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(module, given).module(), quantizer)
    for sample in samples:
        prepared(*(torch.from_numpy(array) for array in sample.values()))
    path.write_bytes(lower(torch.export.export(convert_pt2e(prepared), given)))
