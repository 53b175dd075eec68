"""The host's side of a conversion: look into the cache, else have a process make it, and read what it left."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import IO

from edgebench import architectures
from edgebench.board.child import signal_name
from edgebench.errors import UsageError
from edgebench.formats import _cache, _environment, _users
from edgebench.formats._images import Prepared
from edgebench.formats._names import module_of
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
    _cache.mark_used(made.folder)
    return made


def cached(model: str, format_name: str, *, batch: int = 1, seed: int = 0, calibration: str | None = None) -> bool:
    """Tell whether a network in a format lies in the cache; `calibration` is the key of the images that calibrate."""
    return _folder(_cache.source_folder(model, batch, seed), format_name, calibration).is_dir()


def calibrates(format_name: str) -> bool:
    """Tell whether what becomes a file of a format depends on samples of inputs."""
    return bool(getattr(module_of(format_name), "CALIBRATES", False))


def accepts(format_name: str, form: str) -> bool:
    """Tell whether a user's file of one format can become a file of another: it is that, or is converted from it."""
    return form in {format_name, _origin(module_of(format_name))}


def to_install(format_name: str) -> str | None:
    """Return the converter that converting to a format will first install, None when it has all it needs."""
    converter = _converter(module_of(format_name))
    return converter if converter is not None and _environment.missing(converter) else None


def check_weights(model: str, path: Path) -> None:
    """Raise UsageError when a file is no state dictionary of a network; it is read in a process held to memory."""
    limit_bytes = _TORCH_BYTES + _COPIES * path.stat().st_size
    try:
        _run("check", {"do": "check", "model": model, "path": str(path.absolute()), "limit_bytes": limit_bytes})
    except ConversionFailed as failed:
        raise UsageError(f"{path} cannot be used as weights of {model}: {failed}.") from failed


def convert(origin: Source, format_name: str, data: Prepared | None = None) -> Artefact:
    """Return a network in a format (`for_threads`), converted if not in the cache.

    A format that is calibrated is so on images of `data`, without any on drawn samples. Raise ConversionFailed with
    stage `convert`.
    """
    folder = _folder(origin.folder, format_name, None if data is None else data.key)
    if not folder.is_dir():
        with _cache.whole(folder) as draft:
            _make(origin, format_name, draft, data)
        _cache.mark_used(origin.folder)
        _cache.trim()
    manifest = json.loads((folder / "manifest.json").read_text())
    return Artefact(model=origin.model, format=format_name, path=folder / _file_name(format_name), **manifest)


def _make(origin: Source, format_name: str, draft: Path, data: Prepared | None) -> None:
    module = module_of(format_name)
    path = draft / _file_name(format_name)
    began = time.perf_counter()
    model = architectures.parse(origin.model)
    request = {"format": format_name, "inputs": str(origin.inputs), "path": str(path)}
    if data is not None and calibrates(format_name):
        request["calibration"] = str(data.calibration)
    through = _origin(module)
    if architectures.is_file(model) and through != model.architecture:
        _take(model, format_name, path)
        versions = _cache.reference_versions(model.architecture)
    elif through is None:
        request |= {"do": "convert", "model": origin.model, "weights": str(origin.weights)}
        versions = _run("convert", request, _converter(module))
    else:
        first = convert(origin, through)
        request |= {"do": "convert_file", "source": str(first.path), "outputs": str(origin.reference)}
        versions = first.versions | _run("convert", request, _converter(module))
    (draft / "manifest.json").write_text(json.dumps(_manifest(path, began, versions)))


def _file_name(format_name: str) -> str:
    return f"model{module_of(format_name).SUFFIX}"


def _folder(source_folder: Path, format_name: str, calibration: str | None) -> Path:
    """Return where an artefact belongs: other versions of its converter, or other images, make another one."""
    converter = _converter(module_of(format_name))
    parts = [format_name] if converter is None else [format_name, _environment.pins(converter)[converter]]
    if calibration is not None and calibrates(format_name):
        parts.append(calibration)
    return source_folder / "-".join(parts)


def _converter(module: ModuleType) -> str | None:
    return getattr(module, "CONVERTER", None)


def _origin(module: ModuleType) -> str | None:
    return getattr(module, "FROM", None)


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


def _run(stage: str, request: Mapping[str, str | int], converter: str | None = None) -> dict[str, str]:
    """Do a request in a fresh process and return the versions of what did it.

    Raise ConversionFailed with what it said or how it ended.
    """
    command = [_environment.interpreter(converter), "-m", "edgebench.formats._process"]
    given = json.dumps({**request, "where": str(Path.cwd())}).encode()
    with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=scratch,  # converters litter the current folder
            env={**os.environ, **_python_path()},
            start_new_session=True,  # converters start programs, which are to end with them
        )
        try:
            said, _ = process.communicate(given, timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            _end(process)
            reason = f"not done within {_LIMIT_S} s"
            raise ConversionFailed(stage, reason, lost=True, stderr_tail=_tail(stderr)) from None
        except BaseException:
            _end(process)
            raise
        if process.returncode != 0 or not said:
            reason = _ending(process.returncode)
            raise ConversionFailed(stage, reason, lost=True, stderr_tail=_tail(stderr))
        answer = json.loads(said)
        if answer["failed"] is not None:
            raise ConversionFailed(stage, answer["failed"], lost=False, stderr_tail=_tail(stderr))
        return dict(answer["versions"])


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a converter and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
