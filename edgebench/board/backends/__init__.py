"""One module a runtime; each gives what `Backend` asks for and imports its runtime only when told to."""

import importlib
import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


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


class Backend(Protocol):
    """What a module in this folder, or an entry point in `edgebench.backends`, provides."""

    FORMAT: str | None
    """The format it loads; None when it needs no file."""
    DISTRIBUTION: str | None
    """The package that holds the runtime, which is also the name of the extra; None when it needs none."""
    PRECISIONS: tuple[str, ...]
    OPTIONS: tuple[str, ...]
    """The words allowed after the backend's name."""

    def import_runtime(self, settings: Settings) -> str:
        """Import the runtime, set what it holds per process, and return its version."""

    def load(self, artefact: Path | None, settings: Settings) -> Loaded:
        """Load a file; raise ValueError with a sentence when it cannot be."""


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
