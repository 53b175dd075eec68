"""PyTorch in eager mode, running an exported program operation by operation, on the CPU or through CUDA."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import NOT_RUN, Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "pt2"
DISTRIBUTION = "torch"
PRECISIONS = ("fp32",)
OPTIONS = ("device",)
STATUS = {"device=cuda": NOT_RUN}

_DEVICES = ("cpu", "cuda")
_NAMES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def import_runtime(settings: Settings) -> str:
    """Import torch, set its threads before the first operation, and return its version.

    Raise ValueError when the device that is asked for is not there.
    """
    device = asked(settings.options)
    import torch

    torch.set_num_threads(settings.threads)
    torch.set_num_interop_threads(1)
    if device == "cuda":
        check_cuda(torch.cuda.is_available(), str(torch.__version__), torch.version.cuda)
        torch.backends.cudnn.allow_tf32 = False  # its default is True: fp32 means fp32
        torch.backends.cuda.matmul.allow_tf32 = False
    return str(torch.__version__)


def load(artefact: Path | None, settings: Settings) -> "Program | OnDevice":
    """Load a .pt2 file."""
    import torch

    torch.set_grad_enabled(False)  # a worker holds one model and never trains
    program = torch.export.load(str(artefact))
    if asked(settings.options) == "cpu":
        return Program(program.module())
    provider = f"CUDA {torch.cuda.get_device_name()}"
    return OnDevice(moved(program, "cuda"), "cuda", torch.cuda.synchronize, provider)


def asked(options: dict[str, str]) -> str:
    """Return the device that is asked for.

    >>> asked({}), asked({"device": "cuda"})
    ('cpu', 'cuda')
    """
    word = options.get("device", "cpu")
    if word not in _DEVICES:
        raise ValueError(f"torch:device={word} is not usable: expected {' or '.join(_DEVICES)}")
    return word


def check_cuda(available: bool, version: str, built_for: str | None) -> None:
    """Raise ValueError when torch cannot use CUDA; torch itself would say so at the first operation only."""
    if available:
        return
    if built_for is None:
        raise ValueError(
            f"device=cuda was asked for: this torch {version} is built without CUDA; "
            "pip install a build with it, on a Jetson one for the board's JetPack"
        )
    raise ValueError(
        f"device=cuda was asked for: this torch {version} is built for CUDA {built_for} and finds no GPU for it; "
        "check that nvidia-smi or tegrastats shows one, and that its driver knows this CUDA"
    )


def moved(program: Any, device: str) -> Any:
    """Return an exported program as a module whose weights, constants and own tensors are on a device."""
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device).module()


class Program:
    """An exported program on the CPU with the inputs of its next call."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.inputs: tuple[Any, ...] = ()
        self._outputs: Any = ()

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with torch."""
        import torch

        self.inputs = tuple(torch.from_numpy(array) for array in inputs.values())

    def call(self) -> None:
        """Run the program."""
        self._outputs = self.module(*self.inputs)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return [output.numpy() for output in _several(self._outputs)]

    def found(self) -> Found:
        """Return the types of parameters and outputs, and torch's own name for the instructions it uses."""
        import torch

        kinds = _kinds([*self.module.parameters(), *_several(self._outputs)])
        return Found(precision=kinds, provider=f"CPU {torch.backends.cpu.get_cpu_capability()}")


class OnDevice:
    """An exported program on a device that computes while the CPU goes on; `synchronize` waits for it."""

    def __init__(self, module: Any, device: str, synchronize: Callable[[], object], provider: str) -> None:
        self._module = module
        self._device = device
        self._synchronize = synchronize
        self._provider = provider
        self._inputs: tuple[Any, ...] = ()
        self._outputs: list[Any] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Keep the inputs in host memory, where each call begins."""
        import torch

        self._inputs = tuple(torch.from_numpy(array) for array in inputs.values())

    def call(self) -> None:
        """Copy the inputs to the device, run, copy the outputs back, and wait for all of it."""
        outputs = self._module(*(tensor.to(self._device) for tensor in self._inputs))
        self._outputs = [output.to("cpu") for output in _several(outputs)]
        self._synchronize()

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return [output.numpy() for output in self._outputs]

    def found(self) -> Found:
        """Return the types of parameters and outputs, and the device's name."""
        return Found(precision=_kinds([*self._module.parameters(), *self._outputs]), provider=self._provider)


def _several(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _kinds(tensors: list[Any]) -> str:
    names = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors}
    return "+".join(sorted(_NAMES.get(name, name) for name in names))
