"""One module a runtime; each gives what `Backend` asks for and imports its runtime only when told to."""

import importlib
import pkgutil
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]

NOT_RUN = "not run on hardware"
"""What `STATUS` says of something that was tested on constructed outputs only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is to be run; `options` are the backend's own words (`null:work=1000` -> {"work": "1000"})."""

    threads: int
    precision: str
    options: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the runtime says it really does: precision of its arithmetic and storage, and its provider or device."""

    precision: str
    provider: str


class Loaded(Protocol):
    """A model in a runtime. A call reads inputs given as host arrays and leaves outputs readable as host arrays."""

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs of all later calls."""

    def call(self) -> None:
        """Run once: the span that is timed."""

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call, in the model's order."""

    def found(self) -> Found:
        """Return what the runtime really uses."""


@runtime_checkable
class SelfTimed(Protocol):
    """A model in a program that runs and times its calls by itself: only its own clock sees them."""

    def set_inputs(self, inputs: "Arrays") -> None:
        """Take the inputs of all later calls."""

    def timed(self, calls: int, warm_up_s: float) -> list[int]:
        """Start afresh, warm up for so long, and return the nanoseconds of each of at least so many calls."""

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the outputs of the last call, in the model's order."""

    def found(self) -> Found:
        """Return what the runtime really uses."""


class Backend(Protocol):
    """What a module in this folder, or an entry point in `edgebench.backends`, provides.

    A module may also have `STATUS`, a dict of what has to be known of its figures (`NOT_RUN`) by option as users write
    it, "" for the backend itself; `installed()`, which returns what `runtime_version` does, where a package's version
    does not tell; `FORMATS`, the formats of precisions that have one of their own, by precision; `GET_IT`, a sentence
    on how to get a runtime that no package holds; `ALSO`, packages that a board needs beside `DISTRIBUTION`, where that
    one does not ask for them by itself; and `NATIVE`, true where its files are machine code, of no use elsewhere.
    """

    FORMAT: str | None
    """The format it loads; None when it needs no file."""
    DISTRIBUTION: str | None
    """The package that holds the runtime; None when none does. The extra that brings it is called as the backend is."""
    PRECISIONS: tuple[str, ...]
    OPTIONS: tuple[str, ...]
    """The words allowed after the backend's name."""

    def import_runtime(self, settings: Settings) -> str:
        """Import the runtime, set what it holds per process, and return its version."""

    def load(self, artefact: Path | None, settings: Settings) -> Loaded | SelfTimed:
        """Load a file; raise ValueError with a sentence when it cannot be."""


def installed() -> dict[str, str]:
    """Return the versions of those runtimes that this side has, by backend; none is imported."""
    return survey()[0]


def survey() -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions of those runtimes that this side has, and why other backends' modules cannot be imported.

    Their modules import a runtime only when told to: one that is here but broken shows when a trial starts.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    names += [point.name for point in entry_points(group="edgebench.backends")]
    versions, broken = {}, {}
    for name in names:
        try:
            found = runtime_version(load_backend(name))
        except (ImportError, ValueError) as error:
            broken[name] = f"{type(error).__name__}: {error}"
            continue
        if found is not None:
            versions[name] = found
    return versions, broken


def runtime_version(backend: Backend) -> str | None:
    """Return the version of a backend's runtime on this side: None when it is not here, "" when no package tells."""
    own = getattr(backend, "installed", None)
    if own is not None:
        return cast("str | None", own())
    return "" if backend.DISTRIBUTION is None else package_version(backend.DISTRIBUTION)


def package_version(distribution: str) -> str | None:
    """Return the version of an installed package, None when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def load_backend(name: str) -> Backend:
    """Import the backend called `name`: a module of this folder, or the entry point of another package."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is no backend's name: expected lower-case letters, digits and underscores")
    try:
        return cast("Backend", importlib.import_module(f"{__name__}.{name}"))
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
    for point in entry_points(group="edgebench.backends", name=name):
        return cast("Backend", point.load())
    raise ValueError(f"no backend is called {name!r} on this side")
