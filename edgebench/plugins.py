"""Find plugins: modules of this package by file name, modules of other packages by entry point."""

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Literal

from edgebench.errors import UsageError

Kind = Literal["architectures", "backends", "formats", "sensors"]

_PACKAGES: dict[Kind, str] = {
    "architectures": "edgebench.architectures",
    "backends": "edgebench.board.backends",
    "formats": "edgebench.formats",
    "sensors": "edgebench.board.sensors",
}


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of all plugins of a kind, in alphabetical order, without importing one of them."""
    return tuple(sorted({*_in_tree(kind), *(point.name for point in _elsewhere(kind))}))


def load(kind: Kind, name: str) -> ModuleType:
    """Import the plugin module called `name`; raise UsageError with the known names when there is none."""
    if name in _in_tree(kind):
        return importlib.import_module(f"{_PACKAGES[kind]}.{name}")
    for point in _elsewhere(kind):
        if point.name == name:
            return _module(point)
    raise UsageError(f"Unknown {_singular(kind)} {name!r}: known are {', '.join(names(kind))}.")


def _in_tree(kind: Kind) -> Iterator[str]:
    package = importlib.import_module(_PACKAGES[kind])
    return (found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))


def _elsewhere(kind: Kind) -> Iterator[EntryPoint]:
    return iter(entry_points(group=f"edgebench.{kind}"))


def _module(point: EntryPoint) -> ModuleType:
    try:
        found = point.load()
    except ImportError as error:
        raise UsageError(f"The plugin {point.name!r} ({point.value}) cannot be imported: {error}.") from error
    if not isinstance(found, ModuleType):
        raise UsageError(
            f"The entry point {point.name!r} ({point.value}) is a {type(found).__name__}: expected a module."
        )
    return found


def _singular(kind: Kind) -> str:
    return kind.removesuffix("s")
