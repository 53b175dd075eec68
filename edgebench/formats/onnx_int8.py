"""ONNX in 8 bits by onnxruntime's static quantiser: QDQ nodes, weights per channel, post training."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgebench.formats._calibration import Sample

SUFFIX = ".onnx"
CALIBRATES = True
FROM = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime")


def convert_file(
    source: Path,
    inputs: "Sample",
    outputs: "list[np.ndarray[Any, Any]]",
    path: Path,
    samples: "list[Sample]",
) -> None:
    """Write an .onnx file with 8-bit weights and activations, calibrated on samples."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Samples(CalibrationDataReader):  # type: ignore[misc]  # its class is the only way in
        """The samples, one a call."""

        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> "Sample | None":
            """Return the next sample, None after the last."""
            return next(self._left, None)

    prepared = Path("prepared.onnx")
    quant_pre_process(source, prepared)
    quantize_static(
        prepared,
        path,
        Samples(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,  # with signed weights: what x86's and ARM's kernels are made for
        weight_type=QuantType.QInt8,
    )
