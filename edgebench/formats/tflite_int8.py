"""LiteRT's file in 8 bits by ai-edge-quantizer: weights per channel, post training; inputs and outputs stay real."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgebench.formats._calibration import Sample

SUFFIX = ".tflite"
CALIBRATES = True
FROM = "tflite"
DISTRIBUTIONS = ("numpy",)
CONVERTER = "ai-edge-quantizer"


def convert_file(
    source: Path,
    inputs: "Sample",
    outputs: "list[np.ndarray[Any, Any]]",
    path: Path,
    samples: "list[Sample]",
) -> None:
    """Write a .tflite file with 8-bit weights and activations, calibrated on samples."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    signatures = Interpreter(str(source)).get_signature_list()
    key, names = next((key, sorted(one["inputs"])) for key, one in signatures.items())
    named = [dict(zip(names, sample.values(), strict=True)) for sample in samples]
    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    for place in (recipe.TFLOperationName.INPUT, recipe.TFLOperationName.OUTPUT):
        work.update_quantization_recipe(".*", place, algorithm_key=recipe.AlgorithmName.NO_QUANTIZE)
    work.quantize(work.calibrate({key: named})).export_model(str(path))
