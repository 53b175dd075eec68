"""Bundles: counted models with their files in one zip, for a machine that can neither count nor convert.

`manifest.json` says all that is in it; the files lie under the SHA-256 of their content, those of several models once.
A bundle comes from anywhere. Nothing in it decides where a file is written, nothing is unpickled, and what it makes
this side hold in memory or write to the disk is bounded by its own size.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebench.board.wire import encode
from edgebench.errors import UsageError
from edgebench.formats import content_folder, file_sha256
from edgebench.store import archive
from edgebench.store.archive import Unusable
from edgebench.store.manifest import Manifest, Member, PackedModel, parse_manifest
from edgebench.store.records import Converted, NotConverted

_MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 4 * 2**20  # a network of 100 layers takes 25 kB
_ROOM_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle that was read: `sha256` is its manifest's, which names every file by its own."""

    path: Path
    sha256: str
    manifest: Manifest

    @property
    def models(self) -> tuple[str, ...]:
        """Return the canonical names of the models in it."""
        return tuple(one.model for one in self.manifest.counted)

    def find(self, model: str, batch: int, format_name: str) -> PackedModel | NotConverted | None:
        """Return a model in a format, or why it is not there; None when nobody asked for it."""
        for packed in self.manifest.packed:
            if (packed.model, packed.batch, packed.format) == (model, batch, format_name):
                return packed
        for refused in self.manifest.not_converted:
            if (refused.model, refused.batch) == (model, batch) and refused.format in (format_name, "source"):
                return refused
        return None

    def converted(self, packed: PackedModel) -> Converted:
        """Return the record of a conversion that took place where the bundle was made."""
        artefact = self.manifest.member(packed.artefact)
        return Converted(
            model=packed.model,
            batch=packed.batch,
            format=packed.format,
            sha256=artefact.sha256,
            size_bytes=artefact.size_bytes,
            seconds=packed.seconds,
            versions=packed.versions,
        )


def member(path: Path, sha256: str | None = None) -> Member:
    """Return what a file is called in a bundle; its hash is computed unless it is known."""
    digest = file_sha256(path) if sha256 is None else sha256
    return Member(name=f"files/{digest}{path.suffix}", size_bytes=path.stat().st_size, sha256=digest)


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> Bundle:
    """Write a bundle; the same manifest and files give the same bytes. `files` are those of the manifest by name.

    Raise UsageError when it cannot be written there, or could not be read again.
    """
    text = encode(manifest)
    with _worded(path):
        parse_manifest(text)
    if len(text) > _MOST_MANIFEST_BYTES or len(files) >= archive.MOST_MEMBERS:
        raise UsageError(f"{path} would hold more than a bundle can: pack fewer models.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("w+b") as file:
            archive.write(file, {_MANIFEST: text}, files)
        draft.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): choose a folder with room that you may write to."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return Bundle(path=path, sha256=hashlib.sha256(text).hexdigest(), manifest=manifest)


def read(path: Path) -> Bundle:
    """Return what a bundle holds; its files are not looked at (`verify`). Raise UsageError when it is none."""
    with _opened(path) as zipped:
        text = archive.read(zipped, _MANIFEST, _MOST_MANIFEST_BYTES)
        bundle = Bundle(path=path, sha256=hashlib.sha256(text).hexdigest(), manifest=parse_manifest(text))
        _check_members(bundle, zipped)
    return bundle


def verify(bundle: Bundle) -> None:
    """Read every file of a bundle; raise UsageError unless each is what the manifest says."""
    with _reopened(bundle) as zipped:
        for file in bundle.manifest.files:
            if archive.copy(zipped, file.name) != file.sha256:
                raise Unusable(f"its file {file.name} is not the one that was packed")
        for name, wanted in _arrays(bundle.manifest):
            with archive.said(f"its file {name} holds no plain arrays"), zipped.open(name) as arrays:
                archive.check_arrays(arrays, wanted)


def unpack(bundle: Bundle, names: Iterable[str]) -> dict[str, Path]:
    """Return where these files of a bundle lie in the cache, by name; what is not there yet is copied and checked."""
    folder = content_folder()
    paths = {name: folder / Path(name).name for name in names}
    sizes = {name: bundle.manifest.member(name).size_bytes for name in paths}
    missing = [name for name, path in paths.items() if not (path.is_file() and path.stat().st_size == sizes[name])]
    if missing:
        with _reopened(bundle) as zipped, _writable(folder, sum(sizes[name] for name in missing)):
            for name in missing:
                _place(zipped, bundle.manifest.member(name), paths[name])
    return paths


def _place(zipped: zipfile.ZipFile, file: Member, path: Path) -> None:
    """Copy a file into the cache; it stands there under its name once its content has the right hash."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as target:
            found = archive.copy(zipped, file.name, target)
            os.fsync(target.fileno())  # a board that loses power must not keep its name without its content
        if found != file.sha256:
            raise Unusable(f"its file {file.name} is not the one that was packed")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _writable(folder: Path, needed_bytes: int) -> Iterator[None]:
    advice = "make room or access, or name another cache in XDG_CACHE_HOME"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if free < needed_bytes + _ROOM_BYTES:
            raise UsageError(f"{folder} has {free >> 20} MiB left, the bundle needs {needed_bytes >> 20}: {advice}.")
        yield
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): {advice}.") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        raise UsageError(f"{path} is no file: expected a bundle that `edgebench pack` made.")
    with _worded(path), contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise Unusable(f"it cannot be read ({error.strerror})") from error
        yield stack.enter_context(archive.opened(file))


@contextlib.contextmanager
def _reopened(bundle: Bundle) -> Iterator[zipfile.ZipFile]:
    with _opened(bundle.path) as zipped:
        if hashlib.sha256(archive.read(zipped, _MANIFEST, _MOST_MANIFEST_BYTES)).hexdigest() != bundle.sha256:
            raise Unusable("it was replaced by another")
        _check_members(bundle, zipped)
        yield zipped


@contextlib.contextmanager
def _worded(path: Path) -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        raise UsageError(f"{path} cannot be used as a bundle: {error}; make it again with `edgebench pack`.") from error


def _check_members(bundle: Bundle, zipped: zipfile.ZipFile) -> None:
    found = {one.filename: one.file_size for one in zipped.infolist() if one.filename != _MANIFEST}
    listed = {file.name: file.size_bytes for file in bundle.manifest.files}
    for what, names in (("lacks the file", listed.keys() - found), ("holds a file too many,", found.keys() - listed)):
        if names:
            raise Unusable(f"it {what} {archive.shown(min(names))}")
    for name, size in listed.items():
        if found[name] != size:
            raise Unusable(f"its file {name} has {found[name]} bytes, its manifest says {size}")


def _arrays(manifest: Manifest) -> set[tuple[str, frozenset[str] | None]]:
    """Return every file of arrays, with the names that those in it must have where that is known."""
    inputs = {one.model: frozenset(one.inputs) for one in manifest.counted}
    found: set[tuple[str, frozenset[str] | None]] = {(one.inputs, inputs[one.model]) for one in manifest.packed}
    return found | {(one.reference, None) for one in manifest.packed}
