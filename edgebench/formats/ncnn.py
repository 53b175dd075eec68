"""ncnn's two files, in one .zip with the shapes they were made for; by pnnx, from the ONNX file."""

import importlib.util
import json
import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.child import signal_name

if TYPE_CHECKING:
    import numpy as np

SUFFIX = ".zip"
FROM = "onnx"
DISTRIBUTIONS = ("numpy",)
CONVERTER = "pnnx"

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # zip's own zero: the same network gives the same bytes
_NO_BATCH = 233  # what pnnx says of data that have no axis for it
_HEADER_LINES = 2  # a magic number; how many layers and blobs


def convert_file(
    source: Path, inputs: "dict[str, np.ndarray[Any, Any]]", outputs: "list[np.ndarray[Any, Any]]", path: Path
) -> None:
    """Write an .onnx file as ncnn's; raise ValueError for what ncnn cannot express."""
    for name, array in inputs.items():
        if array.dtype != "float32":
            raise ValueError(f"ncnn takes real numbers: the input {name} is of type {array.dtype}")
    shapes = ",".join(f"[{','.join(map(str, array.shape))}]f32" for array in inputs.values())
    copy = Path("net.onnx")  # it writes beside its input, and Python with the file's name in it
    copy.symlink_to(source)
    words = [str(copy), f"inputshape={shapes}", "fp16=0", "device=cpu"]
    status = subprocess.run([_program(), *words], check=False).returncode
    if status != 0:
        how = f"status {status}" if status > 0 else signal_name(-status)
        raise ValueError(f"pnnx ended with {how}: its words on stderr say where")
    layers = Path("net.ncnn.param").read_text(encoding="utf-8")
    unknown = foreign_layers(layers)
    if unknown:
        raise ValueError(f"ncnn has no layer for {', '.join(unknown)}")
    script = Path("net_ncnn.py").read_text(encoding="utf-8")
    interface = {
        "inputs": [
            {"name": name, "shape": array.shape, "batch_axis": batch_axis(script, f"in{place}")}
            for place, (name, array) in enumerate(inputs.items())
        ],
        "outputs": [
            {"shape": array.shape, "batch_axis": batch_axis(script, f"out{place}")}
            for place, array in enumerate(outputs)
        ],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
        _add(stored, "interface.json", json.dumps(interface).encode())
        _add(stored, "model.param", layers.encode())
        _add(stored, "model.bin", Path("net.ncnn.bin").read_bytes())


def foreign_layers(param: str) -> list[str]:
    """Return the kinds of layers in a .param file that are not ncnn's: pnnx leaves those it cannot translate.

    >>> foreign_layers("7767517\\n2 2\\nInput in0 0 1 in0\\ntorch.gather g 1 1 in0 out0\\n")
    ['torch.gather']
    """
    kinds = [line.split()[0] for line in param.splitlines()[_HEADER_LINES:] if line.strip()]
    return sorted({kind for kind in kinds if not re.fullmatch(r"[A-Z]\w*", kind)})


def batch_axis(script: str, blob: str) -> int | None:
    """Return which axis of an input or output is its batch to ncnn, None for none, from the Python that pnnx writes.

    >>> batch_axis('ex.input("in0", ncnn.Mat(in0.numpy(), batch_index=0).clone())', "in0")
    0
    >>> batch_axis("out.append(torch.from_numpy(out0.numpy(batch_index=0)))", "out0")
    0
    >>> batch_axis('ex.input("in0", ncnn.Mat(in0.numpy(), batch_index=233).clone())', "in0") is None
    True
    """
    match = re.search(rf"\b{blob}\.numpy\((?:\), )?batch_index=(\d+)\)", script)
    return None if match is None or int(match[1]) == _NO_BATCH else int(match[1])


def _program() -> str:
    found = importlib.util.find_spec("pnnx")
    if found is None or not found.submodule_search_locations:
        raise ValueError("pnnx is not installed")
    return str(Path(found.submodule_search_locations[0]) / "pnnx")


def _add(stored: zipfile.ZipFile, name: str, content: bytes) -> None:
    stored.writestr(zipfile.ZipInfo(name, _FIRST_DATE), content)
