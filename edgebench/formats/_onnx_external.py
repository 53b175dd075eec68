"""Weights that an .onnx file keeps in other files: found beside it and nowhere else, then brought into the model."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edgebench.formats._filegraph import MOST_ELEMENTS, Malformed, shown
from edgebench.formats._limits import COPIES, allow


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the values of a tensor lie, in bytes."""

    path: Path
    offset: int
    length: int


def bring_in(model: Any, folder: Path, room_bytes: int) -> bool:
    """Put all values that lie in files of this folder into the model; return whether there were any.

    Raise Malformed for a file that is missing, outside the folder or too short, and for more than `room_bytes`.
    """
    import onnx

    elsewhere = [one for one in _tensors(model) if one.data_location == onnx.TensorProto.EXTERNAL]
    places = [_place(tensor, folder) for tensor in elsewhere]
    total_bytes = sum(place.length for place in places)
    if total_bytes > room_bytes:
        raise Malformed("with its weights in one file it is larger than the 2 GiB that an ONNX file may have")
    allow(COPIES * total_bytes)
    for tensor, place in zip(elsewhere, places, strict=True):
        with place.path.open("rb") as file:
            file.seek(place.offset)
            tensor.raw_data = file.read(place.length)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return bool(elsewhere)


def _place(tensor: Any, folder: Path) -> _Place:
    name = shown(tensor.name)
    entries = {one.key: one.value for one in tensor.external_data}
    path = _within(folder, entries.get("location", ""), name)
    shape = tuple(tensor.dims)
    if any(side < 0 for side in shape) or prod(shape) > MOST_ELEMENTS:
        raise Malformed(f"the stored tensor {name!r} has the shape {shown(list(shape))}")
    offset, length = _whole(entries.get("offset", "0"), name), entries.get("length")
    there = path.stat().st_size - offset
    wanted = there if length is None else _whole(length, name)
    if there < wanted or there < 0:
        raise Malformed(f"the file {shown(path.name)!r} ends before the values of {name!r} do")
    return _Place(path=path, offset=offset, length=wanted)


def _within(folder: Path, location: str, name: str) -> Path:
    """Return the file that holds a tensor; raise Malformed for one that is not in the model's own folder."""
    if not location or "\0" in location:
        raise Malformed(f"it does not say in which file the values of {name!r} are")
    path = folder / location
    resolved = path.resolve()
    if Path(location).is_absolute() or not resolved.is_relative_to(folder.resolve()):
        raise Malformed(
            f"the values of {name!r} are in {shown(location)!r}, outside the folder of the model: they are not read"
        )
    try:
        kind = resolved.stat().st_mode
    except OSError as error:
        raise Malformed(f"the file {shown(location)!r} with the values of {name!r} is missing") from error
    if not stat.S_ISREG(kind):
        raise Malformed(f"{shown(location)!r} with the values of {name!r} is no file")
    return resolved


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Malformed(f"the place of the values of {name!r} is {shown(text)!r}, expected a number of bytes")
    return int(text)


def _tensors(model: Any) -> Iterator[Any]:
    """Yield every stored tensor of a model: initializers and attributes, of graphs within graphs and functions too."""
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        while nodes:
            for attribute in nodes.pop().attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield sparse.values
                yield sparse.indices
            nodes.extend(graph.node)
