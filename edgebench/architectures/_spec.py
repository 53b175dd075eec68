"""Turn the text of a specification into a plugin's parameters, and back; check their types and ranges.

A parameter is a dataclass field of type int, float, str, bool or Literal, or of one of these and None: None, the
default, is never written; other parameters decide then. Its metadata may hold `spec` (the key in a specification, when
the field's name is not it), `range` (lowest and highest value) and `always` (printed at its default too).
"""

import re
from dataclasses import Field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from edgebench.errors import UsageError

_KIND = "kind"  # the one field that may be given as a bare word
_WEIGHTS = "weights="  # comes last in a specification and belongs to no architecture's parameters
_TRUTH = {"true": True, "false": False}
_EXPECTED = {int: "an integer", float: "a number", bool: "true or false", str: "text"}


def of_kind(kinds: dict[str, type[Any]], text: str, owner: str) -> type[Any] | None:
    """Return the parameters of the kind that a specification names, None when it names none."""
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if item and (not equals or key == _KIND):
            kind = value if equals else item
            if kind not in kinds:
                raise UsageError(f"Parameter {_KIND} of {owner} is {kind!r}: expected {_listed(tuple(kinds))}.")
            return kinds[kind]
    return None


def read(parameters_type: type[Any], text: str) -> Any:
    """Return the parameters that `key=value,key=value` describes; what is left out keeps its default."""
    owner = _owner(parameters_type)
    types = get_type_hints(parameters_type)
    known = {_key(field): field for field in fields(parameters_type)}
    if not known:
        raise UsageError(f"Found {text!r} after {owner}: expected nothing, it has no parameters.")
    values: dict[str, Any] = {}
    for item in text.split(","):
        key, value = _split(item, tuple(known), owner)
        name = known[key].name
        if name in values:
            raise UsageError(f"Parameter {key} of {owner} is given twice in {text!r}: expected once.")
        values[name] = _value(value, types[name], f"{key} of {owner}")
    return parameters_type(**values)


def write(parameters: Any) -> str:
    """Return the canonical text: the kind first, then the fields in their order, defaults left out."""
    shown = [
        field
        for field in fields(parameters)
        if field.metadata.get("always") or getattr(parameters, field.name) != field.default
    ]
    shown.sort(key=lambda field: field.name != _KIND)
    types = get_type_hints(type(parameters))
    return ",".join(_item(field, types[field.name], getattr(parameters, field.name)) for field in shown)


def defaults(parameters: Any) -> dict[str, str]:
    """Return every key of a specification with its value as text."""
    types = get_type_hints(type(parameters))
    return {_key(one): _text(getattr(parameters, one.name), types[one.name]) for one in fields(parameters)}


def check(parameters: Any) -> None:
    """Raise UsageError for a value of the wrong type or outside the range of its field."""
    owner = _owner(type(parameters))
    types = get_type_hints(type(parameters))
    for field in fields(parameters):
        value = getattr(parameters, field.name)
        what = f"{_key(field)} of {owner}"
        if not _fits(value, types[field.name]):
            raise UsageError(f"Parameter {what} is {value!r}: expected {_expected(types[field.name])}.")
        low, high = field.metadata.get("range", (None, None))
        if low is not None and value is not None and not low <= value <= high:
            raise UsageError(
                f"Parameter {what} is {value}: expected {_expected(types[field.name])} from {low} to {high}."
            )


def without_weights(text: str) -> tuple[str, str | None]:
    """Return a specification without the hash of a state dictionary, and that hash if there is one.

    >>> without_weights("depth=16,weights=0123456789abcdef")
    ('depth=16', '0123456789abcdef')
    """
    rest, found, weights = text.rpartition(_WEIGHTS)
    if not found or (rest and not rest.endswith(",")):
        return text, None
    if not re.fullmatch("[0-9a-f]{16}", weights):
        raise UsageError(
            f"Found weights={weights!r} in a model's name: expected 16 hexadecimal digits there; "
            "give a file of weights as --weights FILE."
        )
    return rest.removesuffix(","), weights


def with_weights(text: str, weights: str | None) -> str:
    """Return a specification with the hash of a state dictionary at its end."""
    return ",".join(filter(None, (text, "" if weights is None else f"{_WEIGHTS}{weights}")))


def _owner(parameters_type: type[Any]) -> str:
    return parameters_type.__module__.rpartition(".")[2]


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("spec", field.name))


def _split(item: str, known: tuple[str, ...], owner: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals and _KIND in known and item:
        return _KIND, item
    if not equals:
        raise UsageError(f"Found {item!r} among the parameters of {owner}: expected KEY=VALUE with {_listed(known)}.")
    if key not in known:
        raise UsageError(f"Unknown parameter {key!r} of {owner}: expected {_listed(known)}.")
    return key, value


def _value(text: str, wanted: Any, what: str) -> Any:
    try:
        return _parsed(text, wanted)
    except (ValueError, KeyError):
        raise UsageError(f"Parameter {what} is {text!r}: expected {_expected(wanted)}.") from None


def _given(wanted: Any) -> Any:
    """Return the type of a value that is given: int for `int | None`.

    >>> _given(int | None)
    <class 'int'>
    """
    if get_origin(wanted) is not UnionType:
        return wanted
    (given,) = (one for one in get_args(wanted) if one is not NoneType)
    return given


def _parsed(text: str, wanted: Any) -> Any:
    wanted = _given(wanted)
    if get_origin(wanted) is Literal:
        return {str(option): option for option in get_args(wanted)}[text]
    if wanted is bool:
        return _TRUTH[text]
    if wanted is int and not re.fullmatch("-?[0-9]+", text):
        raise ValueError(text)  # int() would also take "1_000", " 7" and other scripts' digits
    return wanted(text)


def _fits(value: Any, wanted: Any) -> bool:
    if value is None:
        return wanted is not _given(wanted)
    wanted = _given(wanted)
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is wanted


def _item(field: Field[Any], wanted: Any, value: Any) -> str:
    text = _text(value, wanted)
    return text if field.name == _KIND else f"{_key(field)}={text}"


def _text(value: Any, wanted: Any) -> str:
    if value is None:
        return ""
    wanted = _given(wanted)
    if wanted is bool:
        return str(value).lower()
    return repr(float(value)) if wanted is float else str(value)


def _expected(wanted: Any) -> str:
    wanted = _given(wanted)
    if get_origin(wanted) is Literal:
        return _listed(tuple(str(option) for option in get_args(wanted)))
    return _EXPECTED[wanted]


def _listed(words: tuple[str, ...]) -> str:
    """Return the words as a choice.

    >>> _listed(("width", "resolution", "kind"))
    'width, resolution or kind'
    """
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
