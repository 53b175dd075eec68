"""ONNX in 8 bits by NNCF, as OpenVINO's makers quantise it: weights per channel, post training."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgebench.formats._calibration import Sample

SUFFIX = ".onnx"
CALIBRATES = True
FROM = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime")
CONVERTER = "nncf"


def convert_file(
    source: Path,
    inputs: "Sample",
    outputs: "list[np.ndarray[Any, Any]]",
    path: Path,
    samples: "list[Sample]",
) -> None:
    """Write an .onnx file with quantised weights and activations, calibrated on samples."""
    import nncf
    import onnx

    quantised = nncf.quantize(
        onnx.load(source),
        nncf.Dataset(samples),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(samples),
    )
    onnx.save(quantised, path)
