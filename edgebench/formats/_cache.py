"""Where artefacts are kept: a folder named by all that went into them, made whole or not at all."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgebench import architectures
from edgebench.errors import LostTrialError, UsageError
from edgebench.formats._records import ConversionFailed

MOST_BYTES = 20 * 10**9
"""What the cache may take, unless `EDGEBENCH_CACHE_BYTES` says otherwise: all networks of docs/networks.md fit."""

_ARTEFACTS = "artefacts"
_ENVIRONMENTS = "environments"
_SIZE = "bytes.txt"
_LATELY_S = 86_400  # a run takes less: what it converted first must still be there when it measures
_REFERENCES = {"onnx": ("onnxruntime", "onnxruntime-gpu", "onnx"), "tflite": ("ai-edge-litert",)}
_ROOM_BYTES = 2**20  # with less than this left, a converter that failed failed by the disk: few say so themselves


def cache_folder() -> Path:
    """Return the folder of all artefacts: `$XDG_CACHE_HOME/edgebench`, or ~/.cache/edgebench."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "edgebench"


def content_folder() -> Path:
    """Return where files lie that were brought here rather than converted, each named by its SHA-256."""
    return cache_folder() / _ARTEFACTS / "brought"


def users_folder() -> Path:
    """Return where users' files lie, models and weights, each named by its SHA-256."""
    return cache_folder() / _ARTEFACTS / "users"


def data_folder(key: str) -> Path:
    """Return where users' images lie that were made ready for a network."""
    return cache_folder() / _ARTEFACTS / f"data-{key}"


def environments_folder() -> Path:
    """Return where the environments of converters lie."""
    return cache_folder() / _ENVIRONMENTS


def clear_cache() -> int:
    """Delete all artefacts and environments of converters, and return how many bytes that freed."""
    freed = cached_bytes()
    for folder in (cache_folder() / _ARTEFACTS, environments_folder()):
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def cached_bytes() -> int:
    """Return how many bytes all artefacts and environments of converters take."""
    environments = environments_folder()
    made = environments.iterdir() if environments.is_dir() else ()
    return _bytes_in(cache_folder() / _ARTEFACTS) + sum(map(_bytes_in, made))


def mark_used(folder: Path) -> None:
    """Note that a network or an environment was used now: it is among the last to be deleted."""
    with contextlib.suppress(OSError):  # a cache that another user made
        os.utime(folder)


def trim(most_bytes: int | None = None) -> None:
    """Delete networks and environments, those first that were not used for longest, until the cache is small enough.

    What was used during the last day stays, however large it is, and so do files that users gave.
    """
    most = _most_bytes() if most_bytes is None else most_bytes
    total = cached_bytes()
    now = datetime.now(UTC).timestamp()
    for folder in sorted(_disposable(), key=lambda one: one.stat().st_mtime):
        if total <= most or now - folder.stat().st_mtime < _LATELY_S:
            return
        total -= _bytes_in(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _most_bytes() -> int:
    text = os.environ.get("EDGEBENCH_CACHE_BYTES", "")
    if text and not text.isdecimal():
        raise UsageError(f"EDGEBENCH_CACHE_BYTES is {text!r}: expected a whole number of bytes.")
    return int(text) if text else MOST_BYTES


def _disposable() -> list[Path]:
    kept = {content_folder(), users_folder()}
    roots = (cache_folder() / _ARTEFACTS, environments_folder())
    folders = (folder for root in roots if root.is_dir() for folder in root.iterdir())
    return [folder for folder in folders if folder.is_dir() and folder not in kept and not folder.name.startswith(".")]


def note_size(folder: Path) -> None:
    """Write down how much a folder of tens of thousands of files takes, so that nobody has to look again."""
    (folder / _SIZE).write_text(str(_bytes_in(folder)), encoding="utf-8")


def _bytes_in(folder: Path) -> int:
    """Return how much the files in a folder take; what another process deletes meanwhile counts for nothing."""
    with contextlib.suppress(OSError, ValueError):
        return int((folder / _SIZE).read_text(encoding="utf-8"))
    total = 0
    for place, _, names in os.walk(folder):  # which passes over folders that are gone
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found = Path(place, name).lstat()
                total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def source_folder(model: str, batch: int, seed: int) -> Path:
    """Return where a network's source belongs; another definition, torch or seed gives another folder."""
    parsed = architectures.parse(model)
    ingredients = {
        "model": model,
        "batch": batch,
        "seed": seed,
        **(reference_versions(parsed.architecture) if architectures.is_file(parsed) else {"torch": version("torch")}),
        "definition": _digest(architectures.files(parsed)),
    }
    key = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / _ARTEFACTS / f"{parsed.architecture}-{key}"


def reference_versions(form: str) -> dict[str, str]:
    """Return the package, and its version, that computes the reference outputs of users' files of one form.

    For .onnx that is onnxruntime, or ONNX's own evaluator in numpy where there is none: right too, but slow. For
    .tflite it is LiteRT's reference kernels.
    """
    for name in _REFERENCES[form]:
        with contextlib.suppress(PackageNotFoundError):
            return {name: version(name)}
    return {}


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make a folder of the cache; raise UsageError when it cannot be, or what is then done in it fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}): make room or access, or name another cache in "
            "XDG_CACHE_HOME."
        ) from error


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a folder to fill that takes the target's place when all went well, and vanishes when not."""
    with writable(target.parent):
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
    except ConversionFailed as failed:
        if shutil.disk_usage(draft).free >= _ROOM_BYTES:
            raise
        raise LostTrialError(
            f"{target.parent} has no room left: make some, or name another cache in XDG_CACHE_HOME, "
            "and go on with --resume."
        ) from failed
    else:
        with contextlib.suppress(OSError):  # another process made the same content meanwhile
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _digest(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()
