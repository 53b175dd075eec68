"""Read an .onnx file, in the process that is made for it: check it, infer its shapes, and list what it holds."""

import hashlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from edgebench.formats import _onnx_external as external
from edgebench.formats._filegraph import MOST_NUMBERS, MOST_OPERATIONS, FileGraph, FileOp, Malformed, shown
from edgebench.formats._onnx_inputs import Shapes, fix_inputs
from edgebench.formats._onnx_values import STANDARD, checked, lift_constants, stored_shape, tensor, value_tensor

_MOST_BYTES = 2**31 - 1  # protobuf's limit on one message
_MOST_ATTRIBUTE = 4096  # numbers in an attribute of an operation; values in numbers belong into tensors
_KEPT_ELEMENTS = 1024  # shapes, axes and scales are that small: inference of shapes reads them, larger ones never


def read(path: Path, shapes: Shapes, packed: Path | None) -> FileGraph:
    """Return what the file holds, its inputs at these shapes; raise Malformed for what cannot be used.

    Where weights lie in other files, write the model with them to `packed`, if given.
    """
    try:
        model, digest = _loaded(path, packed)
        return _described(model, digest, shapes)
    except UnicodeDecodeError as error:
        raise Malformed("it is no ONNX file: a name in it is no text") from error


def _loaded(path: Path, packed: Path | None) -> tuple[Any, str]:
    """Return the model with all its weights, and the SHA-256 of the file that holds it so."""
    text = _bytes(path)
    model = _parsed(text)
    _check_opsets(model)
    if external.bring_in(model, path.parent, _MOST_BYTES - len(text)):
        text = model.SerializeToString(deterministic=True)
        if packed is not None:
            packed.write_bytes(text)
    return model, hashlib.sha256(text).hexdigest()


def _described(model: Any, digest: str, shapes: Shapes) -> FileGraph:
    lift_constants(model)
    if model.functions:
        model = _inlined(model)
    graph = model.graph
    _check_nodes(graph)
    stored = {one.name: one for one in graph.initializer}
    tensors = [tensor(name, stored_shape(one), one.data_type, stored=True) for name, one in stored.items()]
    for one in graph.sparse_initializer:
        shape = checked(tuple(one.dims), f"the stored tensor {shown(one.values.name)!r}", least=0)
        tensors.append(tensor(one.values.name, shape, one.values.data_type, stored=True))
    known = {one.name for one in tensors}
    inputs = [one for one in graph.input if one.name not in known]
    names = tuple(one.name for one in inputs)
    _check_order(graph, known.union(names))
    is_open = fix_inputs(inputs, shapes)
    operations = tuple(_operation(node, stored) for node in graph.node)
    values = _inferred(model)
    made = dict.fromkeys(name for node in operations for name in node.outputs if name)
    return FileGraph(
        format="onnx",
        sha256=digest,
        open=is_open,
        inputs=names,
        outputs=tuple(one.name for one in graph.output),
        tensors=(*tensors, *(value_tensor(name, values.get(name)) for name in (*names, *made))),
        operations=operations,
    )


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise Malformed(f"it has {size} bytes, and an ONNX file {_MOST_BYTES} at most")
        return path.read_bytes()
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error


def _parsed(text: bytes) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(text)
    except DecodeError as error:
        raise Malformed("it is no ONNX file, or only a part of one") from error
    if not model.ir_version or not model.graph.node:
        raise Malformed("it holds no ONNX graph")
    if model.ir_version > onnx.IR_VERSION:
        raise Malformed(f"it is of IR version {model.ir_version}, and onnx {onnx.__version__} reads {onnx.IR_VERSION}")
    return model


def _check_opsets(model: Any) -> None:
    import onnx

    newest = onnx.defs.onnx_opset_version()
    found = {one.domain: one.version for one in model.opset_import}
    standard = [version for domain, version in found.items() if domain in STANDARD]
    if not standard and any(node.domain in STANDARD for node in model.graph.node):
        raise Malformed("it does not say of which opset its operations are")
    for version in standard:
        if not 1 <= version <= newest:
            raise Malformed(f"it is of opset {version}, and onnx {onnx.__version__} knows 1 to {newest}")


def _inlined(model: Any) -> Any:
    """Return the model with its own functions put in the place of their calls."""
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):  # what C++ says of the same
            raise MemoryError from error
        raise Malformed(f"its functions cannot be resolved ({_first_line(error)})") from error


def _check_nodes(graph: Any) -> None:
    if len(graph.node) > MOST_OPERATIONS:
        raise Malformed(f"it has {len(graph.node)} nodes, expected {MOST_OPERATIONS} at most")
    for node in graph.node:
        for attribute in node.attribute:
            longest = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
            if node.domain in STANDARD and longest > _MOST_ATTRIBUTE:
                raise Malformed(
                    f"the attribute {shown(attribute.name)!r} of {_called(node)} has {longest} values, expected "
                    f"{_MOST_ATTRIBUTE} at most"
                )


def _check_order(graph: Any, known: set[str]) -> None:
    """Raise Malformed when a node reads what only a later one makes, or nobody, or when two make one tensor."""
    later = {name for node in graph.node for name in node.output}
    for node in graph.node:
        unknown = next((name for name in node.input if name and name not in known), None)
        if unknown is not None:
            way = "only after it: its nodes form a cycle, or are out of order" if unknown in later else "by nothing"
            raise Malformed(f"{_called(node)} reads {shown(unknown)!r}, which is made {way}")
        made = [name for name in node.output if name]
        if not known.isdisjoint(made):
            raise Malformed(f"{_called(node)} makes {shown(min(known.intersection(made)))!r}, which is there already")
        known.update(made)
    for one in graph.output:
        if one.name not in known:
            raise Malformed(f"its output {shown(one.name)!r} is made by nothing")


def _called(node: Any) -> str:
    return f"{shown(node.op_type)} {shown(node.name or next(filter(None, node.output), ''))!r}"


def _inferred(model: Any) -> dict[str, Any]:
    """Return what onnx infers of every tensor by name; what the file itself says of their shapes is not believed."""
    import onnx

    graph = model.graph
    del graph.value_info[:]
    for one in graph.output:
        one.type.tensor_type.ClearField("shape")
    _set_weights_aside(graph)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        _check(inferred)
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise Malformed(f"ONNX's own check refuses it ({_first_line(error)})") from error
    return {one.name: one for one in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output)}


def _check(inferred: Any) -> None:
    """Run onnx's checker, which wants a shape of every output, also of one that no inference tells."""
    import onnx

    unknown = [one.type.tensor_type for one in inferred.graph.output if not one.type.tensor_type.HasField("shape")]
    for one in unknown:
        one.shape.SetInParent()
    onnx.checker.check_model(inferred)
    for one in unknown:
        one.ClearField("shape")


def _set_weights_aside(graph: Any) -> None:
    """Make inputs of all weights but the smallest: inference reads their shapes, and would copy their values."""
    import onnx

    make = onnx.helper.make_tensor_value_info
    kept = [one for one in graph.initializer if prod(one.dims) <= _KEPT_ELEMENTS]
    large = [make(one.name, one.data_type, one.dims) for one in graph.initializer if prod(one.dims) > _KEPT_ELEMENTS]
    large += [make(one.values.name, one.values.data_type, one.dims) for one in graph.sparse_initializer]
    named = {one.name for one in graph.input}
    del graph.initializer[:]
    del graph.sparse_initializer[:]
    graph.initializer.extend(kept)
    graph.input.extend(one for one in large if one.name not in named)


def _operation(node: Any, stored: dict[str, Any]) -> FileOp:
    numbers = {attribute.name: values for attribute in node.attribute if (values := _numbers(attribute))}
    if node.op_type == "Clip" and node.domain in STANDARD:
        numbers |= _bounds(node, stored)
    operator = node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}"
    return FileOp(
        name=shown(node.name or next(filter(None, node.output), "")),
        operator=shown(operator),
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        numbers=numbers,
    )


def _bounds(node: Any, stored: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """Return the stored bounds of a Clip, which are inputs since opset 11: between 0 and 6 it is a ReLU6."""
    import onnx

    found: dict[str, tuple[float, ...]] = {}
    for word, name in zip(("min", "max"), node.input[1:3], strict=False):
        if name in stored and prod(stored[name].dims) == 1:
            found[word] = (float(onnx.numpy_helper.to_array(stored[name]).item()),)
    return found


def _numbers(attribute: Any) -> tuple[float, ...]:
    import onnx

    kinds: dict[int, Sequence[float]] = {
        onnx.AttributeProto.INT: (attribute.i,),
        onnx.AttributeProto.FLOAT: (attribute.f,),
        onnx.AttributeProto.INTS: attribute.ints,
        onnx.AttributeProto.FLOATS: attribute.floats,
    }
    values = kinds.get(attribute.type, ())
    return tuple(float(value) for value in values) if len(values) <= MOST_NUMBERS else ()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shown(lines[0].rstrip(":.")) if lines else type(error).__name__
