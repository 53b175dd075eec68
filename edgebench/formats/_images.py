"""Users' images with what they show: read from class folders or an .npz, split, and made ready for a network."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgebench import architectures, extras
from edgebench.architectures import Model
from edgebench.architectures._images import Preprocessing, preprocessing
from edgebench.errors import UsageError
from edgebench.formats import _cache, _users

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

CALIBRATING = 128
"""Images at most that int8 is calibrated on; a quarter of all where they are few."""

SPLIT_SEED = 0
PART = 64
"""Images a file: what one command to a worker is about."""

_SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp", ".pgm", ".ppm")
_FEWEST = 4
_MOST_ARRAY_BYTES = 2**34
_GREY, _COLOURED, _CHANNELS = 3, 4, 3  # axes of images one after another: n x h x w, n x h x w x 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Images and the class that each shows, in a fixed order; `sha256` is of all of it.

    `classes` is how many folders there are, where classes are their places in alphabetical order; None where classes
    are numbers. `files` are empty when the images lie in an .npz: as `images` to be made ready, or as ready `inputs`.
    """

    path: Path
    kind: Literal["files", "images", "inputs"]
    sha256: str
    labels: tuple[int, ...]
    classes: int | None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The places of the images that calibrate, and of those that accuracy is told of; none is both."""

    calibrating: tuple[int, ...]
    answered: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A dataset as one model's inputs: what calibrates, and the others in parts, all as .npz files.

    `key` names all that went into it.
    """

    key: str
    calibration: Path
    parts: tuple[Path, ...]


def read_dataset(path: Path) -> Dataset:
    """Return the images in a folder of class folders or in an .npz; raise UsageError for anything else."""
    if path.is_dir():
        found = _folder(path)
    elif path.is_file() and path.suffix.lower() == ".npz":
        found = _arrays(path)
    else:
        raise UsageError(f"{path} is no data: expected a folder with a folder of images a class, or an .npz file.")
    if len(found.labels) < _FEWEST:
        raise UsageError(f"{path} holds {len(found.labels)} images: expected {_FEWEST} at least.")
    return found


def split(images: int) -> Split:
    """Return which of so many images calibrate: drawn by a fixed seed, 128 of them, a quarter at most.

    >>> len(split(1000).calibrating), len(split(100).calibrating)
    (128, 25)
    """
    import numpy as np

    order = np.random.default_rng(SPLIT_SEED).permutation(images)
    drawn = set(order[: min(CALIBRATING, images // 4)].tolist())
    return Split(
        calibrating=tuple(sorted(drawn)), answered=tuple(place for place in range(images) if place not in drawn)
    )


def prepared_key(model: str, dataset: Dataset) -> str:
    """Return what names a dataset as one model's inputs: its content, the split, and what is done to the images.

    Raise UsageError when they cannot be its inputs.
    """
    parsed = architectures.parse(model)
    ingredients = {
        "data": dataset.sha256,
        "input": _input(parsed),
        "preprocessing": None if dataset.kind == "inputs" else asdict(preprocessing(parsed)),
        "split": [CALIBRATING, SPLIT_SEED],
    }
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]


def prepared(model: str, dataset: Dataset) -> Prepared:
    """Return a dataset as a model's inputs, made if not in the cache; raise UsageError for what cannot be that."""
    key = prepared_key(model, dataset)
    folder = _cache.data_folder(key)
    chosen = split(len(dataset.labels))
    if not folder.is_dir():
        name, shape = _input(architectures.parse(model))
        images = _made(architectures.parse(model), dataset, shape)
        with _cache.whole(folder) as draft:
            _write(draft / "calibration.npz", name, images, chosen.calibrating)
            for number, first in enumerate(range(0, len(chosen.answered), PART)):
                _write(draft / f"part-{number:04}.npz", name, images, chosen.answered[first : first + PART])
        _cache.trim()
    _cache.mark_used(folder)
    return Prepared(key=key, calibration=folder / "calibration.npz", parts=tuple(sorted(folder.glob("part-*.npz"))))


def _folder(path: Path) -> Dataset:
    folders = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    files = [(one, file) for one in folders for file in sorted(one.iterdir()) if file.suffix.lower() in _SUFFIXES]
    if not files:
        raise UsageError(
            f"{path} holds no images: expected a folder a class with files of {', '.join(_SUFFIXES)} in it."
        )
    numbered = all(one.name.isdecimal() for one in folders)
    places = {one: int(one.name) if numbered else place for place, one in enumerate(folders)}
    digest = hashlib.sha256()
    for folder, file in files:
        digest.update(f"{folder.name}/{file.name}\0{_cache.file_sha256(file)}\n".encode())
    return Dataset(
        path=path,
        kind="files",
        sha256=digest.hexdigest(),
        labels=tuple(places[folder] for folder, _ in files),
        classes=None if numbered else len(folders),
        files=tuple(file for _, file in files),
    )


def _arrays(path: Path) -> Dataset:
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:  # numpy leaves a broken one open
            names = set(stored.files)
            labels = stored["labels"] if "labels" in names else np.zeros(0)
            kind: Literal["images", "inputs"] = "images" if "images" in names else "inputs"
            given = _array(stored, kind) if kind in names else None
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} cannot be read as an .npz of plain arrays: {_first_line(error)}.") from error
    if given is None or labels.ndim != 1 or labels.dtype.kind not in "iu" or (labels < 0).any():
        raise UsageError(
            f"{path} holds {', '.join(sorted(names)) or 'nothing'}: expected `labels`, a class from 0 on for each, and "
            "as many `images` (whole numbers to 255, n x height x width, x 3 if coloured) or ready `inputs`."
        )
    if len(labels) != len(given):
        raise UsageError(f"{path} holds {len(given)} {kind} and {len(labels)} labels: expected one `labels` for each.")
    _refuse_unfit(path, kind, given)
    return Dataset(
        path=path,
        kind=kind,
        sha256=_cache.file_sha256(path),
        labels=tuple(int(label) for label in labels),
        classes=None,
    )


def _array(stored: Any, name: str) -> "Array":
    """Return an array of an .npz; raise ValueError for one that is larger than any memory this is made for."""
    array: Array = stored[name]
    if array.nbytes > _MOST_ARRAY_BYTES or not array.ndim:
        raise ValueError(f"its {name} have the shape {array.shape}")
    return array


def _refuse_unfit(path: Path, kind: str, given: "Array") -> None:
    """Raise UsageError for images that are not n x height x width, or x 3, of bytes, and inputs that are no numbers."""
    import numpy as np

    if kind == "inputs":
        if given.dtype.kind not in "biuf":
            raise UsageError(f"The inputs of {path} are {given.dtype}: expected real numbers.")
        return
    if given.dtype != np.uint8:
        raise UsageError(f"The images of {path} are {given.dtype}: expected uint8, or `inputs` in place.")
    if not (given.ndim == _GREY or (given.ndim == _COLOURED and given.shape[-1] == _CHANNELS)) or 0 in given.shape[1:]:
        raise UsageError(
            f"The images of {path} have the shape {_sides(given.shape)}: expected n x height x width if they are grey, "
            "n x height x width x 3 if coloured."
        )


def _input(model: Model) -> tuple[str, tuple[int, ...]]:
    """Return the name and the shape, without its batch, of the one input that a model has."""
    shapes = _users.input_shapes(model)
    if len(shapes) != 1:
        raise UsageError(f"{architectures.name(model)} has {len(shapes)} inputs: --data is for models with one.")
    ((name, shape),) = shapes.items()
    return name, shape[1:]


Images = Callable[[int], Any]
"""From the place of an image to the array that it is as an input."""


def _made(model: Model, dataset: Dataset, shape: tuple[int, ...]) -> Images:
    """Return what gives the input at a place."""
    import numpy as np

    if dataset.kind == "files":
        how = preprocessing(model)
        return lambda place: ready(_opened(dataset.files[place], coloured=shape[0] == 3), how, shape)
    with np.load(dataset.path, allow_pickle=False) as stored:
        arrays = stored[dataset.kind]
    if dataset.kind == "images":
        how = preprocessing(model)
        return lambda place: ready(arrays[place], how, shape)
    if arrays.shape[1:] != shape:
        raise UsageError(
            f"The inputs of {dataset.path} have the shape {_sides(arrays.shape[1:])}: "
            f"{architectures.name(model)} takes {_sides(shape)}."
        )
    return lambda place: arrays[place].astype(np.float32, copy=False)


def ready(image: "Array", how: Preprocessing, shape: tuple[int, ...]) -> "Array":
    """Return an image, [h, w] or [h, w, 3] of 0 to 255, as an input [channels, height, width]."""
    import numpy as np

    channels, height, width = shape
    pixels = _fitted(image, how, (height, width)).astype(np.float32) / 255
    planes = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if len(planes) != channels:
        planes = np.broadcast_to(planes.mean(axis=0, keepdims=True), (channels, height, width))
    mean, std = (np.array(values, np.float32)[:, np.newaxis, np.newaxis] for values in (how.mean, how.std))
    return np.ascontiguousarray((planes - mean) / std, dtype=np.float32)


def _fitted(image: "Array", how: Preprocessing, size: tuple[int, int]) -> "Array":
    """Return an image of height x width: as it is, put in the middle of black, or resized and cropped."""
    import numpy as np

    height, width = image.shape[:2]
    if (height, width) == size:
        return image
    if how.padded and height <= size[0] and width <= size[1]:
        up, left = (size[0] - height) // 2, (size[1] - width) // 2
        room = ((up, size[0] - height - up), (left, size[1] - width - left), *[(0, 0)] * (image.ndim - 2))
        return np.pad(image, room)
    scale = max(size[0] / height, size[1] / width) / how.cropped
    large = (max(size[1], round(width * scale)), max(size[0], round(height * scale)))
    pillow = _pillow()
    resized = np.asarray(pillow.fromarray(image).resize(large, pillow.Resampling.BILINEAR))
    up, left = round((large[1] - size[0]) / 2), round((large[0] - size[1]) / 2)
    return resized[up : up + size[0], left : left + size[1]]


def _opened(path: Path, *, coloured: bool) -> "Array":
    """Return the pixels of an image file; raise UsageError for one that cannot be read."""
    import numpy as np

    pillow = _pillow()
    try:
        with pillow.open(path) as image:
            return np.asarray(image.convert("RGB" if coloured else "L"))
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise UsageError(f"{path} cannot be read as an image: {_first_line(error)}.") from error


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise UsageError(
            f"To read and resize images needs Pillow, which is not installed: {extras.way('images')}, or give --data "
            "an .npz whose `inputs` are ready."
        ) from error
    return Image


def _write(path: Path, name: str, images: Images, places: tuple[int, ...]) -> None:
    import numpy as np

    arrays: dict[str, Any] = {name: np.stack([images(place) for place in places])}
    np.savez(path, **arrays)


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
