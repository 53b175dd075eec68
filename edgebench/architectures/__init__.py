"""Networks, one file each: a table as printed in its paper, and a function that builds it.

This module holds the words (Model and what is done with one); it imports no network and no torch.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from edgebench import plugins
from edgebench.architectures import _spec, _users, counted
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

_COUNTED = "counted"
_WORDS = ("TITLE", "PAPER", "Parameters", "input_shapes", "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An architecture with its parameters given, or a user's file or function under the name of its kind.

    `weights` are the first digits of the SHA-256 of a state dictionary; None: drawn by a seed, or the model's own.
    """

    architecture: str
    parameters: Any  # the frozen `Parameters` record of that architecture's module, validated when it was made
    weights: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An architecture as it is listed: its parameters by the key of a specification, with their defaults as text.

    `kinds` are those of each kind, where the kinds do not share them.
    """

    name: str
    title: str
    paper: str
    parameters: dict[str, str]
    kinds: dict[str, dict[str, str]]


@runtime_checkable
class ArchitectureModule(Protocol):
    """What a module must hold to be an architecture.

    It may hold `KINDS` too, the parameters of each kind where kinds do not share them; `BUILT_ON`, the architectures it
    takes parts of; and `finish(module, parameters, seed)`, which changes weights after they were calibrated.
    """

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
    own = _users.MODULES.get(architecture)
    if own is None:
        module = plugins.load("architectures", architecture)
    else:
        module = importlib.import_module(f"{_users.__name__}.{own}")
    if not isinstance(module, ArchitectureModule):
        missing = ", ".join(word for word in _WORDS if not hasattr(module, word))
        raise UsageError(f"The module of architecture {architecture!r} lacks {missing}: expected {', '.join(_WORDS)}.")
    if not is_dataclass(module.Parameters):
        raise UsageError(f"The Parameters of architecture {architecture!r} are not a dataclass: expected a frozen one.")
    return module


def parse(spec: str) -> Model:
    """Return the model that a specification describes; a network that is counted only may be named without `counted:`.

    >>> parse("mobilenet_v1:width=0.5,resolution=160").parameters.width
    0.5
    >>> parse("inception_v2") == parse("counted:inception_v2")
    True
    """
    spec = f"{_COUNTED}:{spec}" if spec in counted.networks() else spec
    architecture, colon, text = spec.partition(":")
    module = load(architecture)
    text, weights = _spec.without_weights(text)
    kinds = _kinds(architecture, module)
    parameters_type = (_spec.of_kind(kinds, text, architecture) if kinds else None) or module.Parameters
    return Model(
        architecture=architecture,
        parameters=_spec.read(parameters_type, text) if text or (colon and not weights) else parameters_type(),
        weights=weights,
    )


def name(model: Model) -> str:
    """Return the canonical specification: parameters in fixed order, defaults left out.

    >>> name(parse("mobilenet_v1:resolution=160,width=0.50"))
    'mobilenet_v1:width=0.5,resolution=160'
    """
    text = _spec.with_weights(_spec.write(model.parameters), model.weights)
    return f"{model.architecture}:{text}" if text else model.architecture


def user_function(spec: str, shapes: tuple[tuple[int, ...], ...]) -> Model:
    """Return the model that `package.module:factory` makes, for inputs of these shapes; raise UsageError for none."""
    from edgebench.architectures._users import python

    return Model(architecture="python", parameters=python.read(spec, shapes))


def is_users(model: Model) -> bool:
    """Tell whether a model is a user's own, a file or a function."""
    return model.architecture in _users.MODULES


def is_file(model: Model) -> bool:
    """Tell whether a model is a user's file, which is run as it is: nothing builds it.

    >>> is_file(parse("lenet5"))
    False
    """
    return model.architecture in _users.FILES


def table(model: Model) -> tuple[counted.Layer, ...] | None:
    """Return the layers of a network that is counted only, None for all others."""
    return counted.layers(model.parameters) if model.architecture == _COUNTED else None


def runnable(model: Model) -> Model:
    """Return a model that can be built or loaded; raise UsageError for a network that is counted only."""
    if model.architecture == _COUNTED:
        counted.refuse(model.parameters)
    return model


def files(model: Model) -> tuple[Path, ...]:
    """Return the source files that decide what a model is and which weights it gets."""
    module = load(model.architecture)
    shared = sorted(Path(__file__).parent.glob("_*.py"))
    built_on = [load(name) for name in getattr(module, "BUILT_ON", ())]  # other architectures that it takes parts of
    own = [getattr(one, "__file__", None) for one in (module, *built_on)]
    return (*shared, *(Path(path) for path in own if path))


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


def finish(model: Model, module: nn.Module, seed: int) -> None:
    """Do to a network's calibrated weights what its architecture asks for, if anything: some layers have zeros."""
    asked = getattr(load(model.architecture), "finish", None)
    if asked is not None:
        asked(module, model.parameters, seed)


def _described(architecture: str) -> Description:
    module = load(architecture)
    return Description(
        name=architecture,
        title=module.TITLE,
        paper=module.PAPER,
        parameters=_spec.defaults(module.Parameters()),
        kinds={
            kind: {key: text for key, text in _spec.defaults(parameters(kind=kind)).items() if key != "kind"}
            for kind, parameters in _kinds(architecture, module).items()
        },
    )


def _kinds(architecture: str, module: ArchitectureModule) -> dict[str, type[Any]]:
    """Return the parameters of each kind of an architecture whose kinds do not share them; empty for all others."""
    if architecture == _COUNTED:
        return dict.fromkeys(counted.networks(), counted.Parameters)
    kinds: dict[str, type[Any]] = getattr(module, "KINDS", {})
    return kinds
