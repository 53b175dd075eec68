"""The host's side of a conversion: look into the cache, else have a process make it, and read what it left."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import IO

from edgebench import architectures, plugins
from edgebench.board.child import signal_name
from edgebench.errors import UsageError
from edgebench.formats import _cache, _users
from edgebench.formats._records import Artefact, ConversionFailed, Source

_LIMIT_S = 900
_TORCH_BYTES = 4 * 2**30  # addresses, not memory: torch maps its libraries
_COPIES = 3
_TAIL_BYTES = 4000


def source(model: str, *, batch: int = 1, seed: int = 0) -> Source:
    """Return a network's weights, inputs and reference outputs, made with torch eager if not in the cache.

    Raise ConversionFailed with stage `build`.
    """
    made = Source(model=model, batch=batch, seed=seed, folder=_cache.source_folder(model, batch, seed))
    if not made.folder.is_dir():
        with _cache.whole(made.folder) as draft:
            _run("build", {"do": "source", "model": model, "batch": batch, "seed": seed, "folder": str(draft)})
    return made


def cached(model: str, format_name: str, *, batch: int = 1, seed: int = 0) -> bool:
    """Tell whether a network in a format lies in the cache."""
    return (_cache.source_folder(model, batch, seed) / format_name).is_dir()


def check_weights(model: str, path: Path) -> None:
    """Raise UsageError when a file is no state dictionary of a network; it is read in a process held to memory."""
    limit_bytes = _TORCH_BYTES + _COPIES * path.stat().st_size
    try:
        _run("check", {"do": "check", "model": model, "path": str(path.absolute()), "limit_bytes": limit_bytes})
    except ConversionFailed as failed:
        raise UsageError(f"{path} cannot be used as weights of {model}: {failed}.") from failed


def convert(origin: Source, format_name: str) -> Artefact:
    """Return a network in a format, converted if not in the cache.

    Raise ConversionFailed with stage `convert`.
    """
    module = plugins.load("formats", format_name)
    folder = origin.folder / format_name
    if not folder.is_dir():
        with _cache.whole(folder) as draft:
            _make(origin, format_name, module, draft)
    manifest = json.loads((folder / "manifest.json").read_text())
    return Artefact(model=origin.model, format=format_name, path=folder / f"model{module.SUFFIX}", **manifest)


def _make(origin: Source, format_name: str, module: ModuleType, draft: Path) -> None:
    path = draft / f"model{module.SUFFIX}"
    began = time.perf_counter()
    model = architectures.parse(origin.model)
    if architectures.is_file(model):
        _take(model, format_name, path)
        (draft / "manifest.json").write_text(json.dumps(_manifest(path, began, _cache.reference_versions())))
        return
    _run(
        "convert",
        {
            "do": "convert",
            "model": origin.model,
            "format": format_name,
            "weights": str(origin.weights),
            "inputs": str(origin.inputs),
            "path": str(path),
        },
    )
    versions = {name: importlib.metadata.version(name) for name in module.DISTRIBUTIONS}
    (draft / "manifest.json").write_text(json.dumps(_manifest(path, began, versions)))


def _take(model: architectures.Model, format_name: str, path: Path) -> None:
    """Put a user's file in the place of a converted one: it is run as it is."""
    if model.architecture != format_name:
        raise ConversionFailed("convert", f"a user's {model.architecture} file is run as it is", lost=False)
    shutil.copyfile(_users.stored_file(model), path)


def _manifest(path: Path, began: float, versions: dict[str, str]) -> dict[str, object]:
    return {
        "size_bytes": path.stat().st_size,
        "sha256": _cache.file_sha256(path),
        "seconds": time.perf_counter() - began,
        "versions": versions,
    }


def _run(stage: str, request: dict[str, str | int]) -> None:
    """Do a request in a fresh process; raise ConversionFailed with what it said or how it ended."""
    command = [sys.executable, "-m", "edgebench.formats._process"]
    with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch, tempfile.TemporaryFile() as stderr:
        try:
            done = subprocess.run(
                command,
                input=json.dumps({**request, "where": str(Path.cwd())}).encode(),
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=scratch,  # converters litter the current folder
                env={**os.environ, **_python_path()},
                timeout=_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"not done within {_LIMIT_S} s"
            raise ConversionFailed(stage, reason, lost=True, stderr_tail=_tail(stderr)) from None
        if done.returncode != 0 or not done.stdout:
            reason = _ending(done.returncode)
            raise ConversionFailed(stage, reason, lost=True, stderr_tail=_tail(stderr))
        answer = json.loads(done.stdout)
        if answer["failed"] is not None:
            raise ConversionFailed(stage, answer["failed"], lost=False, stderr_tail=_tail(stderr))


def _python_path() -> dict[str, str]:
    """Return PYTHONPATH with its relative parts made absolute: they would mean another folder there."""
    path = os.environ.get("PYTHONPATH")
    return (
        {"PYTHONPATH": os.pathsep.join(str(Path(part).absolute()) for part in path.split(os.pathsep))} if path else {}
    )


def _ending(status: int) -> str:
    if status < 0:
        return f"the converter ended by {signal_name(-status)}"
    return f"the converter ended with status {status} and no answer"


def _tail(file: IO[bytes]) -> str:
    length = file.seek(0, 2)
    file.seek(max(0, length - _TAIL_BYTES))
    return file.read().decode(errors="replace")
