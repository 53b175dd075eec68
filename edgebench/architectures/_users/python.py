"""A model that a function of the user's returns: `python:package.module:factory`.

In a name it stands with the hash of its source: all .py files of the package that holds the module, or the one file
where no package does. What that code imports from elsewhere is not part of the hash.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.architectures import _spec
from edgebench.architectures._users import words
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "a function of yours that returns a torch.nn.Module: python:package.module:factory"
PAPER = "none"

_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A function by its module and name with points between, its source's hash, and the shapes of its inputs.

    Inputs are float32.
    """

    factory: str = ""
    sha256: str = ""
    input: str = ""

    def __post_init__(self) -> None:
        """Refuse values that are no function, hash or shapes."""
        _spec.check(self)
        if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", self.factory, re.ASCII):
            raise UsageError(f"{self.factory!r} names no function: expected python:package.module:factory.")
        words.check_hash(self.sha256)
        if not words.read_shapes(self.input):
            raise UsageError(f"The inputs of {self.factory} have no shape: give --input, as --input 1x3x224x224.")


def read(spec: str, shapes: tuple[tuple[int, ...], ...]) -> Parameters:
    """Return the parameters of `package.module:factory` as it is now; raise UsageError when there is none."""
    module, colon, function = spec.partition(":")
    if not colon:
        raise UsageError(f"'python:{spec}' names no function: expected python:package.module:factory.")
    found = Parameters(
        factory=f"{module}.{function}", sha256=content(f"{module}.{function}"), input=words.write_shapes(shapes)
    )
    _factory(found)
    return found


def content(factory: str) -> str:
    """Return the first digits of the hash of a function's source; raise UsageError when its module is not there."""
    top = factory.partition(".")[0]
    if str(Path.cwd()) not in sys.path:  # last, it shadows nothing
        sys.path.append(str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError) as error:
        raise UsageError(f"Python cannot look for the module {top!r}: {error}.") from error
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise UsageError(
            f"Python finds no module {top!r}: run in the folder that holds it, put that folder into PYTHONPATH, or "
            "install it."
        )
    digest = hashlib.sha256()
    for name, path in _sources(spec.submodule_search_locations, spec.origin):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[: words.HASH_DIGITS]


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes given, under names of our own: the inputs are passed in order."""
    shapes = words.batched(words.read_shapes(parameters.input), batch)
    return {"x": shapes[0]} if len(shapes) == 1 else {f"x{place}": shape for place, shape in enumerate(shapes)}


def build(parameters: Parameters) -> nn.Module:
    """Return what the function returns; raise UsageError when it raises, is no network, or changed meanwhile."""
    from torch import nn

    now = content(parameters.factory)
    if now != parameters.sha256:
        raise UsageError(
            f"The source of {parameters.factory} has changed (it is {now} now, expected {parameters.sha256}): "
            "start a new run."
        )
    try:
        made = _factory(parameters)()
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"The function {parameters.factory} raised {_said(error)}: it cannot be measured.") from error
    if not isinstance(made, nn.Module):
        raise UsageError(
            f"The function {parameters.factory} returned a {type(made).__name__}: expected a torch.nn.Module."
        )
    return made


def _factory(parameters: Parameters) -> Any:
    module, _, name = parameters.factory.rpartition(".")
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"The module {module} cannot be imported: {_said(error)}.") from error
    found = getattr(imported, name, None)
    if not callable(found):
        raise UsageError(f"The module {module} has no function {name!r}: expected one that returns a torch.nn.Module.")
    if inspect.isclass(found) or _needs_nothing(found):
        return found
    raise UsageError(f"The function {parameters.factory} needs arguments: expected one that can be called without any.")


def _needs_nothing(function: Any) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # one that has no signature
        return True
    return True


def _sources(folders: Any, origin: str | None) -> Iterator[tuple[str, Path]]:
    if not folders:
        path = Path(str(origin))
        if not path.is_file():
            raise UsageError(f"The module {origin} has no source: expected a module that is a .py file.")
        yield path.name, path
        return
    found = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    if len(found) > _MOST_FILES:
        raise UsageError(f"{folders[0]} holds {len(found)} modules: expected a package of {_MOST_FILES} at most.")
    for path in found:
        top = next(Path(folder) for folder in folders if path.is_relative_to(folder))
        yield path.relative_to(top).as_posix(), path


def _said(error: BaseException) -> str:
    """Return an error's kind and first line.

    >>> _said(ValueError("no width\\nat all"))
    'ValueError (no width)'
    """
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__} ({lines[0].strip()[:200]})" if lines else type(error).__name__
