"""MNN's file, by its converter's extension module, from the ONNX file.

`MNN.tools` is never imported, nor are its console scripts run: those install a package and report to its makers.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import onnx

SUFFIX = ".mnn"
FROM = "onnx"
DISTRIBUTIONS = ("onnx",)
CONVERTER = "mnn"


def convert_file(
    source: Path, inputs: "dict[str, np.ndarray[Any, Any]]", outputs: "list[np.ndarray[Any, Any]]", path: Path
) -> None:
    """Write an .onnx file as MNN's, its outputs named so that their alphabetical order is the file's."""
    import _tools
    import onnx

    if len(outputs) > 1:  # MNN gives them by name alone
        model = onnx.load(source)
        name_outputs(model.graph)
        source = Path("named.onnx")
        onnx.save(model, source)
    words = ["mnnconvert", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(path), "--bizCode", "edgebench"]
    _tools.mnnconvert(words)
    if not path.is_file() or not path.stat().st_size:
        raise ValueError("MNN's converter wrote nothing: its words on stderr name the operator it does not know")


def name_outputs(graph: "onnx.GraphProto") -> None:
    """Call a graph's outputs y00, y01 and so on, wherever they stand; raise ValueError for names already taken."""
    new = {output.name: f"y{place:02}" for place, output in enumerate(graph.output)}
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    if used & set(new.values()) - set(new) or new.keys() & {one.name for one in graph.input}:
        raise ValueError("the outputs of this file cannot be put in order for MNN: their names are taken")
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = new[output.name]
