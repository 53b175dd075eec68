"""What networks are held against: torchvision's definitions, and other runtimes."""

import importlib.util
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from edgebench import formats

# In a process of its own, as in a worker: a runtime beside torch disturbs it.
COMPARED = """
import sys
from pathlib import Path
import numpy as np
from edgebench.board.backends import Settings, load_backend
name, path, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
settings = Settings(threads=1, precision="fp32", options={})
backend = load_backend(name)
backend.import_runtime(settings)
loaded = backend.load(path, settings)
with np.load(folder / "inputs.npz") as inputs, np.load(folder / "reference.npz") as reference:
    loaded.set_inputs({key: inputs[key] for key in inputs.files})
    loaded.call()
    for found, key in zip(loaded.outputs(), reference.files, strict=True):
        assert np.abs(found - reference[key]).max() <= 1e-4 * np.abs(reference[key]).max(), key
"""


@pytest.fixture(scope="module")
def torchvision() -> Iterator[ModuleType]:
    """Return torchvision's networks; the operators that it wants of its extension, made for another torch, exist."""
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        pytest.skip("torchvision is not installed")
    source = (Path(found.submodule_search_locations[0]) / "_meta_registrations.py").read_text(encoding="utf-8")
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in dict.fromkeys(re.findall(r'(?:register_fake\("torchvision::|register_meta\(")(\w+)"', source)):
        library.define(f"{name}(Tensor a) -> Tensor")  # type: ignore[no-untyped-call]
    with warnings.catch_warnings(action="ignore"):  # it says that its extension does not load
        yield importlib.import_module("torchvision.models")


@pytest.fixture(scope="session")
def agree_with_torch() -> Callable[[str], None]:
    """Return a function that runs a model, exported to ONNX, in onnxruntime and in OpenVINO against torch's outputs."""

    def agree(spec: str) -> None:
        origin = formats.source(spec)
        artefact = formats.convert(origin, "onnx")
        for backend in ("onnxruntime", "openvino"):
            command = [sys.executable, "-c", COMPARED, backend, str(artefact.path), str(origin.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{backend}: {done.stderr}"

    return agree
