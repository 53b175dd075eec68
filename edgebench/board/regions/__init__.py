"""Inferences whose layers can be told apart: one module a runtime, for those that let somebody in between layers."""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from edgebench.board.backends import Settings
from edgebench.board.marks import Marks
from edgebench.board.wire import STRICT

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An operation as the runtime runs it, and the place of its part in the region.

    `less` is the place of a part that repeats what the layer's own holds beside the layer, such as a copy of its
    output. Where parts end with a clock's reading both are left to whoever sees the parts.

    `weight` is (outputs, inputs of a group, height, width) of a convolution or (outputs, inputs) of a fully connected
    layer, `in_channels` those of its input, `positions` how many places of its output share them: height x width. All
    three are empty where the runtime does not tell, or the operation is neither.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    operation: str
    part: int
    less: int | None = None
    weight: tuple[int, ...] = ()
    in_channels: int | None = None
    positions: int | None = None


class RegionsModule(Protocol):
    """What a module in this folder provides, under the name of its backend."""

    CLOCKED: bool
    """Whether parts end where the runtime reads a clock, so that the counter has to look out for that."""

    def by_layer(self, artefact: Path | None, inputs: "Arrays", settings: Settings, marks: Marks) -> tuple[Layer, ...]:
        """Load a model anew, run it steadily, and mark one region whose parts are layers."""


def names() -> tuple[str, ...]:
    """Return the backends whose layers can be told apart."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def clocked(backend: str) -> bool:
    """Tell whether a backend's layers end where it reads a clock."""
    return backend in names() and bool(_module(backend).CLOCKED)


def by_layer(
    backend: str, artefact: Path | None, inputs: "Arrays", settings: Settings, marks: Marks
) -> tuple[Layer, ...] | None:
    """Mark one region whose parts are layers, and return them; None where this backend's cannot be told apart."""
    if backend not in names():
        return None
    return _module(backend).by_layer(artefact, inputs, settings, marks)


def _module(backend: str) -> RegionsModule:
    return cast("RegionsModule", importlib.import_module(f"{__name__}.{backend}"))
