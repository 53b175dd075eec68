"""Code that torch inductor compiled ahead of time (AOTInductor), on the CPU that it was compiled for."""

import json
import platform
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings, _rounding

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = "aoti"
DISTRIBUTION = "torch"
PRECISIONS = ("fp32",)
OPTIONS = ()
NATIVE = True

_MOST_METADATA_BYTES = 2**20


def import_runtime(settings: Settings) -> str:
    """Import torch, set its threads before the first operation, and return its version."""
    import torch

    torch.set_num_threads(settings.threads)
    torch.set_num_interop_threads(1)
    return str(torch.__version__)


def load(artefact: Path | None, settings: Settings) -> "Package":
    """Load a package that was compiled for such a processor and as many threads; raise ValueError for another."""
    import torch
    from torch._inductor import aoti_load_package

    assert artefact is not None
    cpu = torch.backends.cpu.get_cpu_capability()
    found = metadata(artefact)
    check_cpu(found, platform.machine(), cpu)
    check_threads(found, settings.threads)
    torch.set_grad_enabled(False)  # a worker holds one model and never trains
    return Package(aoti_load_package(str(artefact)).loader, f"CPU {cpu}")


def metadata(artefact: Path) -> dict[str, str]:
    """Return what a package says of itself; raise ValueError when it says nothing."""
    with zipfile.ZipFile(artefact) as stored:
        for name in stored.namelist():
            if name.endswith("_metadata.json"):
                with stored.open(name) as member:
                    found = json.loads(member.read(_MOST_METADATA_BYTES))
                return {str(key): str(value) for key, value in found.items()}
    raise ValueError("the file is no package of AOTInductor: it has no metadata")


def check_cpu(found: dict[str, str], machine: str, cpu: str) -> None:
    """Raise ValueError for code that was compiled for another processor: to run it would crash."""
    compiled_for = (found.get("edgebench_machine"), found.get("edgebench_cpu"))
    if compiled_for != (machine, cpu):
        raise ValueError(
            f"inductor compiled this file for {' with '.join(map(str, compiled_for))}, and this is {machine} with "
            f"{cpu}: measure inductor on the machine that converts"
        )


def check_threads(found: dict[str, str], threads: int) -> None:
    """Raise ValueError for weights that lie as another number of threads needs them: each call would move them."""
    packed_for = found.get("edgebench_threads")
    if packed_for != str(threads):
        raise ValueError(f"inductor compiled this file for {packed_for} threads, and {threads} were asked for")


class Package:
    """A loaded package with the inputs of its next call."""

    def __init__(self, loader: Any, provider: str) -> None:
        self._loader = loader
        self._provider = provider
        self._inputs: Arrays = {}
        self._tensors: list[Any] = []
        self._outputs: list[Any] = []

    def set_inputs(self, inputs: "Arrays") -> None:
        """Share the arrays with torch."""
        import torch

        self._inputs = inputs
        self._tensors = [torch.from_numpy(array) for array in inputs.values()]

    def call(self) -> None:
        """Run the compiled code; the Python around it would take apart and put together its arguments by a text."""
        self._outputs = self._loader.run(self._tensors)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call."""
        return [output.numpy() for output in self._outputs]

    def found(self) -> Found:
        """Return what is kept of the inputs, found by trying, and the instructions it was compiled for."""
        return Found(precision=_rounding.kept(self, self._inputs), provider=self._provider)
