"""Where artefacts are kept: a folder named by all that went into them, made whole or not at all."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgebench import architectures
from edgebench.errors import LostTrialError, UsageError
from edgebench.formats._records import ConversionFailed

_ARTEFACTS = "artefacts"
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


def clear_cache() -> int:
    """Delete all artefacts and return how many bytes that freed."""
    freed = cached_bytes()
    shutil.rmtree(cache_folder() / _ARTEFACTS, ignore_errors=True)
    return freed


def cached_bytes() -> int:
    """Return how many bytes all artefacts take."""
    return sum(path.stat().st_size for path in (cache_folder() / _ARTEFACTS).rglob("*") if path.is_file())


def source_folder(model: str, batch: int, seed: int) -> Path:
    """Return where a network's source belongs; another definition, torch or seed gives another folder."""
    parsed = architectures.parse(model)
    ingredients = {
        "model": model,
        "batch": batch,
        "seed": seed,
        **(reference_versions() if architectures.is_file(parsed) else {"torch": version("torch")}),
        "definition": _digest(architectures.files(parsed)),
    }
    key = hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / _ARTEFACTS / f"{parsed.architecture}-{key}"


def reference_versions() -> dict[str, str]:
    """Return the package, and its version, that computes the reference outputs of users' files.

    That is onnxruntime, or ONNX's own evaluator in numpy where there is none: right too, but slow.
    """
    for name in ("onnxruntime", "onnxruntime-gpu", "onnx"):
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
