"""Time by layer: one module a runtime, for those that tell how long each of their operations took.

Where none does, each layer of the network is timed as a model of its own, through the same backend (`layering.py`).
"""

import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgebench.board.backends import Settings
from edgebench.board.wire import LayerTimes

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Calls of the whole model in nanoseconds, and its operations in calls that were taken apart."""

    whole_ns: tuple[int, ...]
    layers: tuple[LayerTimes, ...]


class LayersModule(Protocol):
    """What a module in this folder provides, under the name of its backend."""

    def by_layer(self, artefact: Path, inputs: "Arrays", settings: Settings) -> Timed:
        """Load a model, call it whole and taken apart in turns; raise ValueError where that cannot be."""


def names() -> tuple[str, ...]:
    """Return the backends whose runtimes tell the time of each operation."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
