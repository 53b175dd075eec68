"""Users' files on the host: taken into the cache under their content's hash, found there by a model's name."""

import functools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgebench import architectures
from edgebench.architectures import Model
from edgebench.architectures._users import file as files
from edgebench.architectures._users import words
from edgebench.errors import UsageError
from edgebench.formats import _cache, _reading
from edgebench.formats._filegraph import FileGraph

Shapes = dict[str, tuple[int, ...]]

SUFFIXES = {".onnx": "onnx", ".tflite": "tflite"}
"""The kinds of files that are models, by their suffix."""


def adopt(path: Path, shapes: Shapes) -> Model:
    """Return the model that a user's file is, after taking it into the cache, weights and all, by its SHA-256.

    `shapes` are those of the inputs by name, or by "0", "1" in order. Raise UsageError for what cannot be used.
    """
    form = SUFFIXES[path.suffix.lower()]
    folder = _cache.users_folder()
    with _cache.writable(folder), tempfile.TemporaryDirectory(prefix=".", dir=folder) as scratch:
        packed = Path(scratch) / "packed"
        graph = _reading.read(path, form, shapes, packed)
        if not packed.exists():  # nothing lay elsewhere
            shutil.copyfile(path, packed)
        if _cache.file_sha256(packed) != graph.sha256:
            raise UsageError(f"{path} changed while it was read: give it again.")
        packed.replace(folder / _file_name(graph.sha256, form))
    open_shapes = words.write_shapes(_shapes_of(graph)) if graph.open else ""
    parameters = files.Parameters(
        file=words.stem(path.stem), sha256=graph.sha256[: words.HASH_DIGITS], input=open_shapes
    )
    return Model(architecture=form, parameters=parameters)


def adopt_weights(path: Path) -> str:
    """Return the digits that name a file of weights, after taking it into the cache; what is in it is not looked at."""
    if not path.is_file():
        raise UsageError(f"{path} is no file: expected a state dictionary that torch.save wrote.")
    folder = _cache.users_folder()
    with _cache.writable(folder), tempfile.TemporaryDirectory(prefix=".", dir=folder) as scratch:
        copy = Path(scratch) / "weights"
        shutil.copyfile(path, copy)
        digits = _cache.file_sha256(copy)[: words.HASH_DIGITS]
        copy.replace(folder / f"{digits}.pt")
    return digits


def weights_file(model: Model) -> Path:
    """Return the state dictionary of a model that names one; raise UsageError when it is not in the cache."""
    path = _cache.users_folder() / f"{model.weights}.pt"
    if not path.is_file():
        raise UsageError(
            f"The weights {model.weights} of {architectures.name(model)} are not in the cache: give their file again "
            "as --weights FILE."
        )
    return path


def stored_file(model: Model) -> Path:
    """Return the file of a model that is one; raise UsageError when it is not in the cache."""
    path = _cache.users_folder() / _file_name(model.parameters.sha256, model.architecture)
    if not path.is_file():
        raise UsageError(
            f"The file of {architectures.name(model)} is not in the cache: give its path again as the model."
        )
    return path


def file_graph(model: Model, batch: int = 1) -> FileGraph:
    """Return what a model's file holds at a batch; raise UsageError when it cannot be run at that batch."""
    return _graph(stored_file(model), model.architecture, _given(model, batch))


def input_shapes(model: Model, batch: int = 1) -> Shapes:
    """Return the shape of each input of any model by its name; files are read for it."""
    if not architectures.is_file(model):
        return architectures.input_shapes(model, batch)
    graph = file_graph(model, batch)
    return dict(zip(graph.inputs, _shapes_of(graph), strict=True))


def _given(model: Model, batch: int) -> tuple[tuple[int, ...], ...]:
    shapes = words.read_shapes(model.parameters.input)
    if batch > 1 and not shapes:
        raise UsageError(
            f"The inputs of {architectures.name(model)} have fixed shapes in its file, so its batch cannot be {batch}: "
            "leave --batch out, or export it with an open first axis."
        )
    if batch < 1:
        raise UsageError(f"The batch is {batch}: expected an integer from 1.")
    return words.batched(shapes, batch)


@functools.lru_cache(maxsize=4)  # a file is named by its content: what was read once is so
def _graph(path: Path, form: str, shapes: Sequence[tuple[int, ...]]) -> FileGraph:
    return _reading.read(path, form, {str(place): shape for place, shape in enumerate(shapes)})


def _shapes_of(graph: FileGraph) -> tuple[tuple[int, ...], ...]:
    found = (graph.tensor(name).shape for name in graph.inputs)
    return tuple(shape for shape in found if shape is not None)


def _file_name(sha256: str, form: str) -> str:
    return f"{sha256[: words.HASH_DIGITS]}.{form}"
