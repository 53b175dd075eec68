"""OpenVINO on its CPU device, reading the .onnx file itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "onnx"
DISTRIBUTION = "openvino"
FORMATS = {"int8": "onnx_nncf"}
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
OPTIONS = ()

_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
_CAPABILITIES = {"fp16": "FP16", "bf16": "BF16", "int8": "INT8"}
_NAMES = {"f32": "fp32", "f16": "fp16", "bf16": "bf16", "i8": "int8", "u8": "int8"}
_COMPUTING = ("Convolution", "FullyConnected", "MatMul", "Subgraph")
_QUANTISED = ("Convolution", "FullyConnected", "MatMul")  # int8 is of these; what lies between them may stay fp32


def import_runtime(settings: Settings) -> str:
    """Import OpenVINO and return its version."""
    import openvino

    return str(openvino.__version__)


def load(artefact: Path | None, settings: Settings, *, counters: bool = False) -> "Request":
    """Compile a file for the CPU; without a precision hint OpenVINO lowers to bf16 where the CPU has it.

    With `counters` it times its operations. Raise ValueError where the CPU lacks the precision that is asked for:
    OpenVINO would take another.
    """
    import openvino

    core = openvino.Core()
    needed = _CAPABILITIES.get(settings.precision, "FP32")
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if needed not in able:
        raise ValueError(f"OpenVINO has no {settings.precision} on this processor: it has {', '.join(able)}")
    model = core.read_model(str(artefact))
    halved = any(
        operation.get_type_name() == "Constant" and operation.get_element_type().to_string() == "f16"
        for operation in model.get_ops()
    )
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": settings.threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": _HINTS[settings.precision],
            **({"PERF_COUNT": True} if counters else {}),
        },
    )
    return Request(compiled, _COMPUTING if settings.precision != "int8" else _QUANTISED, halved=halved)


class Request:
    """An infer request with its compiled model."""

    def __init__(self, compiled: Any, computing: tuple[str, ...], *, halved: bool) -> None:
        self._compiled = compiled
        self._computing = computing
        self._halved = halved
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

    def counters(self) -> list[Any]:
        """Return each operation with its mean time so far, in one order; empty without counters."""
        return list(self._request.profiling_info)

    def originals(self) -> dict[str, tuple[str, ...]]:
        """Return by an operation's name the names of the file's nodes that were fused into it."""
        operations = self._compiled.get_runtime_model().get_ordered_ops()
        return {
            operation.get_friendly_name(): tuple(_text(operation.get_rt_info(), "originalLayersNames").split(","))
            for operation in operations
        }

    def found(self) -> Found:
        """Return the precisions of the layers that compute, read from the compiled graph, and of halved weights."""
        kinds = {"fp16"} if self._halved else set()
        for operation in self._compiled.get_runtime_model().get_ordered_ops():
            info = operation.get_rt_info()
            layer = _text(info, "layerType")
            if layer in self._computing:
                precision = _text(info, "runtimePrecision")
                kinds.add(_NAMES.get(precision, precision))
        devices = self._compiled.get_property("EXECUTION_DEVICES")
        return Found(precision="+".join(sorted(kinds)) or "unknown", provider=",".join(devices))


def _text(info: Any, key: str) -> str:
    return str(info[key].astype(str)) if key in info else ""
