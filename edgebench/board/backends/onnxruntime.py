"""onnxruntime on its CPU execution provider."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "onnx"
DISTRIBUTION = "onnxruntime"
PRECISIONS = ("fp32",)
OPTIONS = ()

_PROVIDER = "CPUExecutionProvider"
_PRECISION_OF_TYPE = {"tensor(float)": "fp32", "tensor(float16)": "fp16", "tensor(bfloat16)": "bf16"}


def import_runtime(settings: Settings) -> str:
    """Import onnxruntime and return its version."""
    import onnxruntime

    return str(onnxruntime.__version__)


def load(artefact: Path | None, settings: Settings) -> "Session":
    """Load an .onnx file; threads are onnxruntime's intra-op threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(artefact), options, providers=[_PROVIDER])
    # A provider that is missing is dropped with a mere warning (onnxruntime falls back on the CPU).
    if session.get_providers() != [_PROVIDER]:
        raise ValueError(f"onnxruntime uses {session.get_providers()}: expected [{_PROVIDER!r}]")
    return Session(session)


class Session:
    """An onnxruntime session with the inputs of its next call."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs: Arrays = {}
        self._outputs: list[np.ndarray[Any, np.dtype[Any]]] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs by their names in the file."""
        self._inputs = inputs

    def call(self) -> None:
        """Run the session: inputs are copied in and outputs out by the runtime."""
        self._outputs = self._session.run(None, self._inputs)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return self._outputs

    def found(self) -> Found:
        """Return the type of the file's inputs and outputs: onnxruntime lowers no precision by itself."""
        values = [*self._session.get_inputs(), *self._session.get_outputs()]
        kinds = sorted({_PRECISION_OF_TYPE.get(value.type, value.type) for value in values})
        return Found(precision="+".join(kinds), provider=self._session.get_providers()[0])
