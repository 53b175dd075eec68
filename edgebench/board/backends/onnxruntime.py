"""onnxruntime on one execution provider: its CPU's, CUDA's or TensorRT's."""

import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import NOT_RUN, Found, Settings, _onnx_kernels, package_version

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "onnx"
DISTRIBUTION = "onnxruntime"
FORMATS = {"int8": "onnx_int8"}
PRECISIONS = ("fp32", "int8")
OPTIONS = ("provider",)
STATUS = {"provider=cuda": NOT_RUN, "provider=tensorrt": NOT_RUN}

_CPU = "CPUExecutionProvider"
_PROVIDERS = {"cpu": _CPU, "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
_PROVIDER_OPTIONS = {"CUDAExecutionProvider": {"use_tf32": "0"}}
_PRECISION_OF_TYPE = {"tensor(float)": "fp32", "tensor(float16)": "fp16", "tensor(bfloat16)": "bf16"}
_GET_IT = "pip install onnxruntime-gpu in its place, on a Jetson a wheel of it that was built for the board's JetPack"


def installed() -> str | None:
    """Return the version of the package that is here; builds for GPUs have a name of their own."""
    return package_version(DISTRIBUTION) or package_version("onnxruntime-gpu")


def import_runtime(settings: Settings) -> str:
    """Import onnxruntime and return its version; raise ValueError when it lacks the provider that is asked for."""
    provider = asked(settings.options)
    if provider != _CPU:
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # fp32 means fp32; TensorRT's provider has no option for it
    # Importing 1.31.1 starts a thread and keeps a device id and a list of events in the user's cache; calling
    # disable_telemetry_events() afterwards takes neither away.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    version = str(onnxruntime.__version__)
    check_available(provider, onnxruntime.get_available_providers(), version)
    return version


def load(artefact: Path | None, settings: Settings) -> "Session":
    """Load an .onnx file; threads are onnxruntime's intra-op threads. A provider that falls back is an error."""
    import onnxruntime

    provider = asked(settings.options)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    if provider != _CPU:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")  # for operators, one by one
    session = onnxruntime.InferenceSession(
        str(artefact),
        options,
        providers=[(provider, _PROVIDER_OPTIONS.get(provider, {}))],
        enable_fallback=0,  # for the whole model, when the provider fails while loading or running
    )
    check_used(provider, session.get_providers())
    assert artefact is not None
    return Session(session, artefact)


def asked(options: dict[str, str]) -> str:
    """Return onnxruntime's name of the provider that is asked for.

    >>> asked({"provider": "cuda"})
    'CUDAExecutionProvider'
    """
    word = options.get("provider", "cpu")
    if word not in _PROVIDERS:
        raise ValueError(f"onnxruntime:provider={word} is not usable: expected {', '.join(_PROVIDERS)}")
    return _PROVIDERS[word]


def check_available(provider: str, available: Sequence[str], version: str) -> None:
    """Raise ValueError when this build lacks a provider: onnxruntime would take another with a mere warning."""
    if provider not in available:
        raise ValueError(
            f"{provider} was asked for: this onnxruntime {version} has {', '.join(available)} only; {_GET_IT}"
        )


def check_used(provider: str, used: Sequence[str]) -> None:
    """Raise ValueError when a session fell back: onnxruntime always adds its CPU, and drops what does not start."""
    if list(used) not in ([provider], [provider, _CPU]):
        raise ValueError(
            f"{provider} was asked for: onnxruntime fell back on {', '.join(used)}; "
            "its own words on stderr say which library it lacks"
        )


class Session:
    """An onnxruntime session with the inputs of its next call."""

    def __init__(self, session: Any, artefact: Path) -> None:
        self._session = session
        self._artefact = artefact
        self._inputs: Arrays = {}
        self._outputs: list[np.ndarray[Any, np.dtype[Any]]] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs by their names in the file."""
        self._inputs = inputs

    def call(self) -> None:
        """Run the session: inputs are copied in and outputs out by the runtime, which waits for a GPU."""
        self._outputs = self._session.run(None, self._inputs)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return self._outputs

    def found(self) -> Found:
        """Return in what the file holds values and kernels compute; fp32 where all that it holds is that.

        onnxruntime lowers nothing, so only of a file that holds less are there other kernels to find. Seeing them takes
        a second session: of fp32 files none is made, and their values are not even read.
        """
        provider = self._session.get_providers()[0]
        values = [*self._session.get_inputs(), *self._session.get_outputs()]
        kinds = {_PRECISION_OF_TYPE[value.type] for value in values if value.type in _PRECISION_OF_TYPE}
        held = _held(self._artefact)
        if provider == _CPU and (held or kinds != {"fp32"}):  # other providers do not write their kernels
            # x86 has none of fp16: there onnxruntime casts such files to fp32 as it loads them.
            kinds = kinds - {"fp32"} | (_onnx_kernels.kernels(_optimised(self._artefact)) or kinds)
        return Found(precision="+".join(sorted(kinds | held)) or "unknown", provider=provider)


def _held(artefact: Path) -> set[str]:
    """Return in what a file holds values beside fp32; mapped, as only its structure is read and not its weights."""
    with artefact.open("rb") as file:
        return _onnx_kernels.held(memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)))


def _optimised(artefact: Path) -> bytes:
    """Return the graph that onnxruntime makes of a file, as it writes it: it has no other way of telling."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        onnxruntime.InferenceSession(str(artefact), options, providers=[_CPU])
        return Path(options.optimized_model_filepath).read_bytes()
