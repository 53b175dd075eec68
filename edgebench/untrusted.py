"""Take what comes from elsewhere (a board, a journal, a bundle): it may not fill the memory, nor steer a terminal."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator


def validator(kind: Any) -> "SchemaValidator":
    """Return pydantic's validator of a type that stops at the first wrong item of a list.

    pydantic itself notes every wrong item: 4 MiB of them took 1.4 GB.
    """
    from pydantic import TypeAdapter
    from pydantic_core import SchemaValidator

    return SchemaValidator(_impatient(TypeAdapter(kind).core_schema))


def plain(text: str, most: int = 200) -> str:
    r"""Return a text as one line of printable characters, so many at most.

    >>> plain("\x1b[31mhot\n  spot")
    '[31mhot spot'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:most]


def _impatient(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_impatient(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    own = {"fail_fast": True} if schema.get("type") == "tuple" else {}
    return {**{key: _impatient(value) for key, value in schema.items()}, **own}
