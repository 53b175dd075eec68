"""Inputs for a user's file, and the outputs that every runtime's are compared with.

The reference is onnxruntime on the CPU with one thread and no graph optimisation, or ONNX's own evaluator in numpy
where onnxruntime is not installed. So parity of onnxruntime tells what its optimisations change, that of other runtimes
how far they lie from onnxruntime; neither tells whether the file is right. For .tflite files the reference is LiteRT
with its own kernels on one thread, without a delegate.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from edgebench import extras
from edgebench.architectures import Model
from edgebench.errors import UsageError
from edgebench.formats import _cache, _users
from edgebench.formats._filegraph import FileTensor
from edgebench.formats._limits import hold

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_NEEDED = {"onnx": "onnxruntime", "tflite": "litert"}
"""By format the extra that runs its files."""

_SMALLEST_ID = 2  # integers are 0 or 1: valid as a token's number, its type, and a mask


def make(model: Model, batch: int, seed: int, folder: Path) -> None:
    """Write inputs.npz and reference.npz of a file; raise UsageError when it is none that can be run here."""
    versions = _cache.reference_versions(model.architecture)
    if not versions:
        raise UsageError(f"Nothing here runs a .{model.architecture} file: {extras.way(_NEEDED[model.architecture])}.")
    graph = _users.file_graph(model, batch)
    hold(psutil.virtual_memory().available)  # maps of any size may stand in a file: fail here, not the machine
    generator = np.random.default_rng(seed)
    inputs = {name: _input(graph.tensor(name), generator) for name in graph.inputs}
    run = {"onnx": _run_onnx, "tflite": _run_tflite}[model.architecture]
    outputs = run(_users.stored_file(model), inputs)
    np.savez(folder / "inputs.npz", **inputs)  # type: ignore[arg-type]  # the stub takes the names for its own flags
    np.savez(folder / "reference.npz", **{f"y{place}": array for place, array in enumerate(outputs)})  # type: ignore[arg-type]


def _input(tensor: FileTensor, generator: np.random.Generator) -> "np.ndarray[Any, np.dtype[Any]]":
    """Return values for an input: N(0, 1) for real numbers, 0 and 1 for integers, the whole range for bytes."""
    assert tensor.shape is not None, "every input got a shape when the file was read"
    if tensor.type in {"float16", "float32", "float64"}:
        return generator.standard_normal(tensor.shape).astype(tensor.type)
    if tensor.type in {"int8", "uint8"}:
        limits = np.iinfo(tensor.type)
        return generator.integers(limits.min, limits.max, tensor.shape, dtype=tensor.type, endpoint=True)
    if tensor.type in {"int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"}:
        return generator.integers(0, _SMALLEST_ID, tensor.shape).astype(tensor.type)
    raise UsageError(
        f"The input {tensor.name} is of type {tensor.type}: expected real or whole numbers, or truth values."
    )


def _run_onnx(path: Path, inputs: "Arrays") -> "list[np.ndarray[Any, np.dtype[Any]]]":
    if "onnx" in _cache.reference_versions("onnx"):
        from onnx.reference import ReferenceEvaluator

        return list(ReferenceEvaluator(str(path)).run(None, inputs))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, inputs))


def _run_tflite(path: Path, inputs: "Arrays") -> "list[np.ndarray[Any, np.dtype[Any]]]":
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    from edgebench.board.backends.litert import ordered

    interpreter = Interpreter(
        str(path), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    for one, array in zip(ordered(interpreter, "input"), inputs.values(), strict=True):
        interpreter.set_tensor(one["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in ordered(interpreter, "output")]
