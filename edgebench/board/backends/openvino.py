"""OpenVINO on its CPU device, reading the .onnx file itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "onnx"
DISTRIBUTION = "openvino"
PRECISIONS = ("fp32",)
OPTIONS = ()

_HINTS = {"fp32": "f32"}
_NAMES = {"f32": "fp32", "f16": "fp16", "bf16": "bf16", "i8": "int8", "u8": "int8"}
_COMPUTING = ("Convolution", "FullyConnected", "MatMul", "Subgraph")


def import_runtime(settings: Settings) -> str:
    """Import OpenVINO and return its version."""
    import openvino

    return str(openvino.__version__)


def load(artefact: Path | None, settings: Settings) -> "Request":
    """Compile an .onnx file for the CPU; without a precision hint OpenVINO lowers to bf16 where the CPU has it."""
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        str(artefact),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": settings.threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": _HINTS[settings.precision],
        },
    )
    return Request(compiled)


class Request:
    """An infer request with its compiled model."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._request = compiled.create_infer_request()
        self._inputs: Arrays = {}

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with the request, which reads them where they lie; OpenVINO does not keep them alive."""
        import openvino

        self._inputs = inputs
        for name, array in inputs.items():
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def call(self) -> None:
        """Run the request in this thread."""
        self._request.infer()

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return copies of the output tensors, which the next call overwrites."""
        return [self._request.get_output_tensor(index).data.copy() for index in range(len(self._compiled.outputs))]

    def found(self) -> Found:
        """Return the precisions of the layers that compute, read from the compiled graph."""
        kinds = set()
        for operation in self._compiled.get_runtime_model().get_ordered_ops():
            info = operation.get_rt_info()
            layer = _text(info, "layerType")
            if layer in _COMPUTING:
                precision = _text(info, "runtimePrecision")
                kinds.add(_NAMES.get(precision, precision))
        devices = self._compiled.get_property("EXECUTION_DEVICES")
        return Found(precision="+".join(sorted(kinds)) or "unknown", provider=",".join(devices))


def _text(info: Any, key: str) -> str:
    return str(info[key].astype(str)) if key in info else ""
