"""Networks, one file each: a table as printed in its paper, and a function that builds it.

This module holds the words (Model and what is done with one); it imports no network and no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from edgebench import plugins
from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

_WORDS = ("TITLE", "PAPER", "Parameters", "input_shapes", "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An architecture with its parameters given."""

    architecture: str
    parameters: Any  # the frozen `Parameters` record of that architecture's module, validated when it was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An architecture as it is listed: its parameters by the key of a specification, with their defaults as text."""

    name: str
    title: str
    paper: str
    parameters: dict[str, str]


@runtime_checkable
class ArchitectureModule(Protocol):
    """What a module must hold to be an architecture."""

    TITLE: str
    PAPER: str
    Parameters: type[Any]

    def input_shapes(self, parameters: Any, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each input by its name, in the order of the network's arguments."""
        ...

    def build(self, parameters: Any) -> nn.Module:
        """Return the network; what it creates follows `torch.device`, so that `meta` allocates nothing."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of all architectures, in alphabetical order.

    >>> "mobilenet_v1" in names()
    True
    """
    return plugins.names("architectures")


def catalogue() -> tuple[Description, ...]:
    """Return every architecture with its parameters."""
    return tuple(_described(name) for name in names())


def load(architecture: str) -> ArchitectureModule:
    """Return the module of an architecture: its title, paper and parameters.

    >>> load("vgg").TITLE
    'VGG'
    """
    module = plugins.load("architectures", architecture)
    if not isinstance(module, ArchitectureModule):
        missing = ", ".join(word for word in _WORDS if not hasattr(module, word))
        raise UsageError(f"The module of architecture {architecture!r} lacks {missing}: expected {', '.join(_WORDS)}.")
    if not is_dataclass(module.Parameters):
        raise UsageError(f"The Parameters of architecture {architecture!r} are not a dataclass: expected a frozen one.")
    return module


def parse(spec: str) -> Model:
    """Return the model that a specification describes.

    >>> parse("mobilenet_v1:width=0.5,resolution=160").parameters.width
    0.5
    """
    architecture, colon, text = spec.partition(":")
    parameters_type = load(architecture).Parameters
    return Model(
        architecture=architecture,
        parameters=_spec.read(parameters_type, text) if colon else parameters_type(),
    )


def name(model: Model) -> str:
    """Return the canonical specification: parameters in fixed order, defaults left out.

    >>> name(parse("mobilenet_v1:resolution=160,width=0.50"))
    'mobilenet_v1:width=0.5,resolution=160'
    """
    text = _spec.write(model.parameters)
    return f"{model.architecture}:{text}" if text else model.architecture


def files(model: Model) -> tuple[Path, ...]:
    """Return the source files that decide what a model is and which weights it gets."""
    shared = sorted(Path(__file__).parent.glob("_*.py"))
    own = getattr(load(model.architecture), "__file__", None)
    return (*shared, Path(own)) if own else tuple(shared)


def input_shapes(model: Model, batch: int = 1) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input by its name.

    >>> input_shapes(parse("mobilenet_v1"))
    {'x': (1, 3, 224, 224)}
    """
    if batch < 1:
        raise UsageError(f"The batch is {batch}: expected an integer from 1.")
    return load(model.architecture).input_shapes(model.parameters, batch)


def build(model: Model) -> nn.Module:
    """Return the network in evaluation mode, with torch's initial weights; allocate nothing under the meta device."""
    return load(model.architecture).build(model.parameters).eval()


def _described(architecture: str) -> Description:
    module = load(architecture)
    return Description(
        name=architecture,
        title=module.TITLE,
        paper=module.PAPER,
        parameters=_spec.defaults(module.Parameters()),
    )
