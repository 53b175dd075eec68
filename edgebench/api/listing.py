"""What is known and what is installed."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from edgebench import formats, plugins, tomlfile
from edgebench.board.wire import STRICT
from edgebench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """A backend, and its runtime's version here: None when it is not installed, "" when it needs no package."""

    name: str
    format: str | None
    precisions: tuple[str, ...]
    options: tuple[str, ...]
    version: str | None
    get_it: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Models that are measured together under one name."""

    __pydantic_config__: ClassVar[Any] = STRICT

    title: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """The folder of converted models, and the bytes in it or freed from it."""

    folder: Path
    size_bytes: int


def backends() -> tuple[BackendState, ...]:
    """Return every backend that is known, installed or not; no runtime is imported."""
    return tuple(backend(name) for name in plugins.names("backends"))


def backend(name: str) -> BackendState:
    """Return one backend; raise UsageError when none has that name."""
    module = plugins.load("backends", name)
    distribution = module.DISTRIBUTION
    found = "" if distribution is None else _version(distribution)
    return BackendState(
        name=name,
        format=module.FORMAT,
        precisions=module.PRECISIONS,
        options=module.OPTIONS,
        version=found,
        get_it=None if found is not None else f"pip install 'edgebench[{distribution}]'",
    )


def suites() -> dict[str, Suite]:
    """Return the suites of models by name."""
    folder = Path(str(files("edgebench.reference"))) / "suites"
    return {path.stem: tomlfile.read(path, Suite) for path in sorted(folder.glob("*.toml"))}


def suite(name: str) -> Suite:
    """Return one suite; raise UsageError when none has that name."""
    known = suites()
    if name not in known:
        raise UsageError(f"Unknown suite {name!r}: known are {', '.join(known)}.")
    return known[name]


def cache_state() -> CacheState:
    """Return where converted models are kept and how many bytes they take."""
    folder = formats.cache_folder()
    return CacheState(folder=folder, size_bytes=formats.cached_bytes())


def clear_cache() -> CacheState:
    """Delete every converted model, and return how many bytes that freed."""
    return CacheState(folder=formats.cache_folder(), size_bytes=formats.clear_cache())


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {name: _version(name) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
