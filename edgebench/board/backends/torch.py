"""PyTorch in eager mode, running an exported program operation by operation."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "pt2"
DISTRIBUTION = "torch"
PRECISIONS = ("fp32",)
OPTIONS = ()

_NAMES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def import_runtime(settings: Settings) -> str:
    """Import torch, set its threads before the first operation, and return its version."""
    import torch

    torch.set_num_threads(settings.threads)
    torch.set_num_interop_threads(1)
    return str(torch.__version__)


def load(artefact: Path | None, settings: Settings) -> "Program":
    """Load a .pt2 file."""
    import torch

    return Program(torch.export.load(str(artefact)).module())


class Program:
    """An exported program with the inputs of its next call."""

    def __init__(self, module: Any) -> None:
        import torch

        self._module = module
        self._inputs: tuple[Any, ...] = ()
        self._outputs: Any = ()
        torch.set_grad_enabled(False)  # a worker holds one model and never trains

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with torch."""
        import torch

        self._inputs = tuple(torch.from_numpy(array) for array in inputs.values())

    def call(self) -> None:
        """Run the program."""
        self._outputs = self._module(*self._inputs)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        outputs = self._outputs if isinstance(self._outputs, (tuple, list)) else (self._outputs,)
        return [output.numpy() for output in outputs]

    def found(self) -> Found:
        """Return the types of parameters and outputs, and torch's own name for the instructions it uses."""
        import torch

        outputs = self._outputs if isinstance(self._outputs, (tuple, list)) else (self._outputs,)
        tensors = [*self._module.parameters(), *outputs]
        names = {str(tensor.dtype).removeprefix("torch.") for tensor in tensors}
        kinds = sorted(_NAMES.get(name, name) for name in names)
        return Found(precision="+".join(kinds), provider=f"CPU {torch.backends.cpu.get_cpu_capability()}")
