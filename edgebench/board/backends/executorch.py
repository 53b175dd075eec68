"""ExecuTorch's Python runtime on the CPU, running a program that was lowered to XNNPACK."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings, _rounding, package_version

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "pte"
DISTRIBUTION = "executorch"
ALSO = ("torch",)
FORMATS = {"int8": "pte_int8"}
PRECISIONS = ("fp32", "int8")
OPTIONS = ()


def import_runtime(settings: Settings) -> str:
    """Import ExecuTorch, which imports torch, set the size of its thread pool, and return its version."""
    import torch
    from executorch.extension.pybindings import portable_lib

    torch.set_num_threads(settings.threads)
    portable_lib._unsafe_reset_threadpool(settings.threads)
    return package_version(DISTRIBUTION) or "unknown"


def load(artefact: Path | None, settings: Settings) -> "Method":
    """Load the method `forward` of a .pte file; raise ValueError that names operators which the runtime lacks.

    The runtime itself names them on standard error alone, and tells a number.
    """
    from executorch.runtime import Runtime

    assert artefact is not None
    runtime = Runtime.get()
    program = runtime.load_program(str(artefact))
    try:
        method = program.load_method("forward")
    except RuntimeError as error:
        lacking = missing(artefact.read_bytes(), runtime.operator_registry.operator_names)
        if not lacking:
            raise
        raise ValueError(f"this runtime has no operator {', '.join(lacking)} ({error})") from error
    return Method(program, method)


def missing(program: bytes, known: Iterable[str]) -> list[str]:
    """Return the operators of torch that a program names and that are not among those known, without overloads."""
    have = {name.partition(".")[0] for name in known}
    return sorted({name.decode() for name in re.findall(rb"aten::[a-z_0-9]+", program)} - have)


class Method:
    """A loaded method with the inputs of its next call."""

    def __init__(self, program: Any, method: Any) -> None:
        self._program = program  # its memory is the method's
        self._method = method
        self._inputs: Arrays = {}
        self._tensors: list[Any] = []
        self._outputs: list[Any] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with torch, whose tensors ExecuTorch takes."""
        import torch

        self._inputs = inputs
        self._tensors = [torch.from_numpy(array) for array in inputs.values()]

    def call(self) -> None:
        """Run the method: it copies inputs in and outputs out."""
        self._outputs = self._method.execute(self._tensors)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return copies of the outputs of the last call."""
        return [output.numpy().copy() for output in self._outputs]

    def found(self) -> Found:
        """Return int8 where outputs lie on a grid of 8 bits, else what is kept of the inputs, found by trying."""
        quantised = _rounding.on_grid(self.outputs())
        precision = "int8" if quantised else _rounding.kept(self, self._inputs)
        return Found(precision=precision, provider="CPU XNNPACK")
