"""ONNX in 8 bits by NNCF, as OpenVINO's makers quantise it: weights per channel, post training."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.formats import _calibration

if TYPE_CHECKING:
    import numpy as np

SUFFIX = ".onnx"
FROM = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime")
CONVERTER = "nncf"


def convert_file(
    source: Path, inputs: "dict[str, np.ndarray[Any, Any]]", outputs: "list[np.ndarray[Any, Any]]", path: Path
) -> None:
    """Write an .onnx file with quantised weights and activations, calibrated on drawn samples."""
    import nncf
    import onnx

    quantised = nncf.quantize(
        onnx.load(source),
        nncf.Dataset(_calibration.samples(inputs)),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=_calibration.SAMPLES,
    )
    onnx.save(quantised, path)
