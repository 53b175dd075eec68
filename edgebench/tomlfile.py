"""Read a TOML file into a record; what is wrong with it becomes one sentence with file, key and what was expected."""

import json
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from edgebench.errors import UsageError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")
_Key = Sequence[int | str]

_LONGEST_VALUE = 60  # characters of a wrong value that an error repeats
_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}  # pydantic's names for it: models, dataclasses


def read(path: Path, kind: type[T]) -> T:
    """Return the file as a `kind`: a dataclass with `__pydantic_config__`, or a dict of them."""
    from pydantic import TypeAdapter, ValidationError

    table = _table(path)
    try:
        # By way of JSON: strict validation of Python values would refuse TOML's lists where a record has tuples.
        return TypeAdapter(kind).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A misspelt key is both unknown and missing: the spelling helps more.
        first = next((one for one in found if one["type"] in _UNKNOWN_KEY), found[0])
        raise UsageError(f"{path}: {_sentence(kind, first)}") from None


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): expected a TOML file.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8: expected a TOML file.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not TOML: {str(error).rstrip('.')}.") from None


def _sentence(kind: Any, error: "ErrorDetails") -> str:
    key = error["loc"]
    if error["type"] in _UNKNOWN_KEY:
        return f"unknown key {_dotted(key)}: expected one of {', '.join(_keys(_at(kind, key[:-1])))}."
    if error["type"] == "missing":
        return f"{_dotted(key)} is missing: expected {_expected(_at(kind, key))}."
    if "error" in error.get("ctx", {}):  # a record's own check, in its __post_init__
        return f"{_dotted(key)} {error['ctx']['error']}.".lstrip()
    return f"{_dotted(key)} is {_shown(error['input'])}: expected {_expected(_at(kind, key))}."


def _dotted(key: _Key) -> str:
    """Return a key as people write it.

    >>> _dotted(("cpu", "mode", 0, "clock_hz"))
    'cpu.mode[0].clock_hz'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _at(kind: Any, key: _Key) -> Any:
    """Return the type that a key has inside a type."""
    for part in key:
        kind = _certain(kind)
        if is_dataclass(kind):
            kind = typing.get_type_hints(kind)[str(part)]
        else:
            kind = typing.get_args(kind)[-1 if isinstance(part, str) else 0]  # dict[str, X] or tuple[X, ...]
    return _certain(kind)


def _certain(kind: Any) -> Any:
    """Return X for X | None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(one for one in typing.get_args(kind) if one is not type(None))
    return kind


def _keys(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def _expected(kind: Any) -> str:
    """Say what a value of this type looks like in TOML.

    >>> _expected(tuple[str, ...])
    'list of str'
    """
    origin = typing.get_origin(kind)
    if is_dataclass(kind) or origin is dict:
        return "table"
    if origin is tuple:
        return f"list of {_expected(typing.get_args(kind)[0])}"
    if origin is Literal:
        return f"one of {', '.join(map(repr, typing.get_args(kind)))}"
    return str(kind.__name__)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'}"
    text = repr(value)
    return f"{text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '...'} ({type(value).__name__})"
