"""What a user may have meant by a model's name that is not known."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from edgebench import architectures
from edgebench.api.listing import suites
from edgebench.architectures import counted
from edgebench.architectures._users import MODULES
from edgebench.errors import UsageError

YOURS = "my.onnx, my.tflite or python:package.module:factory"

_OF_TORCH = frozenset({".pt", ".pth", ".ckpt", ".safetensors"})
_ALIKE = 0.75  # of the letters of two names: lenet6 is like lenet5 (0.83), nosuch like none


def refuse_file(path: Path) -> None:
    """Raise UsageError for a file that is no model."""
    if path.suffix.lower() in _OF_TORCH:
        raise UsageError(
            f"{path} is a file of PyTorch, which does not say what the network is: export the network as .onnx, or "
            "give a state dictionary as --weights FILE, with the architecture as the model."
        )
    if path.is_file():
        raise UsageError(
            f"{path} is no kind of model that is known: expected a .onnx or .tflite file, or a network of PyTorch as "
            "python:package.module:factory."
        )


def refuse_unknown(text: str) -> None:
    """Raise UsageError for a model whose architecture is not known, with what may have been meant."""
    architecture = text.partition(":")[0]
    if architecture in _known() or architecture in MODULES:
        return
    if architecture in suites():
        models = ", ".join(suites()[architecture].models)
        raise UsageError(f"{architecture} is a suite, of {models}: name one of them; `run` and `predict` take --suite.")
    near = " or ".join(meant(architecture))
    found = f"did you mean {near}?" if near else f"known are {', '.join(architectures.names())};"
    raise UsageError(
        f"Unknown architecture {architecture!r}: {found} `edgebench list models` shows all; your own: {YOURS}."
    )


def meant(architecture: str) -> tuple[str, ...]:
    """Return the models that are spelled most like a name, none when none is.

    >>> meant("resnet50"), meant("mobilnet_v1"), meant("VGG"), meant("nosuch")
    (('resnet:depth=50',), ('mobilenet_v1',), ('vgg',), ())
    """
    word = _squeezed(architecture)
    names = {name: _squeezed(name) for name in _known()}
    begun = [name for name, letters in names.items() if word.startswith(letters)]
    if begun:
        name = max(begun, key=len)
        rest = word.removeprefix(names[name])
        return (next(_with(name, rest), name) if rest and rest in architecture.lower() else name,)
    likeness = {name: SequenceMatcher(None, word, letters).ratio() for name, letters in names.items()}
    best = max(likeness.values())
    return tuple(name for name, one in likeness.items() if one == best >= _ALIKE)


def _with(name: str, value: str) -> Iterator[str]:
    """Yield the specifications in which a parameter of an architecture has this value."""
    described = next((one for one in architectures.catalogue() if one.name == name), None)
    for key in described.parameters if described else ():
        try:
            architectures.parse(f"{name}:{key}={value}")
        except UsageError:
            continue
        yield f"{name}:{key}={value}"


def _known() -> tuple[str, ...]:
    return (*architectures.names(), *counted.networks())


def _squeezed(name: str) -> str:
    """Return a name as others spell it.

    >>> _squeezed("MobileNet-V2"), _squeezed("squeezenet_1.1")
    ('mobilenetv2', 'squeezenet1.1')
    """
    return re.sub(r"[^a-z0-9.]", "", name.lower())
