"""From what a user writes for a model to its canonical name: an architecture, a file's path, or a Python function."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgebench import architectures, formats, plugins
from edgebench.api._suggesting import refuse_file, refuse_unknown
from edgebench.api.listing import backend
from edgebench.architectures import Model
from edgebench.architectures._users import words
from edgebench.errors import UsageError

Runtime = tuple[str, tuple[tuple[str, str], ...]]
"""A backend's name and its options."""

_PYTHON = "python:"
_MOST_NAME = 150  # what a bundle's manifest allows


def canonical(texts: Sequence[str], inputs: Iterable[str] = (), weights: Path | None = None) -> tuple[str, ...]:
    """Return the canonical names of models, each once; users' files and weights are taken into the cache.

    `inputs` are shapes as `1x3x224x224` or `NAME=1x3x224x224`, `weights` a state dictionary; both belong to one model.
    Raise UsageError for what does not exist or cannot be used.
    """
    given = tuple(inputs)
    if (given or weights is not None) and len(texts) != 1:
        option = "--input" if given else "--weights"
        raise UsageError(f"{option} belongs to one model, and there are {len(texts)}: give one --model with it.")
    return tuple(dict.fromkeys(_named(_weighted(_model(text, given), weights)) for text in texts))


def runnable(
    texts: Sequence[str], inputs: Iterable[str], weights: Path | None, batches: Iterable[int]
) -> tuple[str, ...]:
    """Return the canonical names of models that are to be run at these batches.

    Raise UsageError as `canonical` does, for a model that is counted only, and for a batch that a file does not allow.
    """
    names = canonical(texts, inputs, weights)
    for name, batch in itertools.product(names, tuple(batches)):
        model = architectures.runnable(architectures.parse(name))
        if batch > 1:
            formats.input_shapes(model, batch)
    return names


def served(model: str, runtimes: Sequence[Runtime], *, asked: bool) -> list[Runtime]:
    """Return those of the backends that run a model: of a file, those that load it or what it is converted to.

    Raise UsageError when none does, and for one that the user asked for and that does not.
    """
    parsed = architectures.parse(model)
    if not architectures.is_file(parsed):
        return list(runtimes)
    form = parsed.architecture
    fitting = [one for one in runtimes if _takes(one[0], form)]
    if fitting and (not asked or len(fitting) == len(runtimes)):
        return fitting
    loading = [name for name in plugins.names("backends") if backend(name).format is not None and _takes(name, form)]
    others = ", ".join(name for name, _ in runtimes if not _takes(name, form))
    raise UsageError(
        f"{others} cannot run a .{form} file, nor what it is converted to: expected {' or '.join(loading)}."
    )


def _takes(name: str, form: str) -> bool:
    """Tell whether a backend loads a user's file, or one that it is converted to."""
    loaded = backend(name).format
    return loaded is None or formats.accepts(loaded, form)


def _named(model: Model) -> str:
    name = architectures.name(model)
    if architectures.is_users(model) and len(name.partition(":")[2]) > _MOST_NAME:
        raise UsageError(f"{name} has more than {_MOST_NAME} letters after the colon: give it under a shorter path.")
    return name


def _model(text: str, inputs: tuple[str, ...]) -> Model:
    path = Path(text)
    if path.suffix.lower() in formats.SUFFIXES:
        return formats.adopt(path, _shapes(inputs))
    if text.startswith(_PYTHON) and "=" not in text:
        return architectures.user_function(text.removeprefix(_PYTHON), tuple(_shapes(inputs).values()))
    refuse_file(path)
    refuse_unknown(text)
    model = architectures.parse(text)
    if inputs:
        raise UsageError(
            f"--input is for users' files and functions: {text} has a shape of its own, which its parameters set."
        )
    return model


def _weighted(model: Model, weights: Path | None) -> Model:
    if weights is None:
        return model
    if architectures.is_file(architectures.runnable(model)):
        raise UsageError(f"--weights is for networks that are built: {architectures.name(model)} holds its own.")
    if not weights.is_file():
        raise UsageError(f"{weights} is no file: expected a state dictionary that torch.save wrote.")
    formats.check_weights(architectures.name(model), weights)
    return Model(architecture=model.architecture, parameters=model.parameters, weights=formats.adopt_weights(weights))


def _shapes(inputs: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shapes by the inputs' names, or by "0", "1" for those without."""
    found: dict[str, tuple[int, ...]] = {}
    for place, text in enumerate(inputs):
        name, equals, shape = text.rpartition("=")
        key = name if equals else str(place)
        if key in found:
            raise UsageError(f"The input {key} is given two shapes: expected one.")
        found[key] = words.read_shape(shape)
    return found
