"""What the names of users' models are made of: a content's hash, shapes, and words that are safe everywhere."""

import re

from edgebench.errors import UsageError

HASH_DIGITS = 16
"""Hexadecimal digits of a SHA-256 that a name holds: 64 bits, so that two files of one user never meet."""

_MOST_STEM = 32
_MOST_INPUTS = 80  # characters; a name as a whole then fits where names are checked
_MOST_SIDE = 2**31 - 1


def stem(text: str) -> str:
    """Return a file's name without its ending in letters, digits, points, hyphens and underscores alone.

    >>> stem("My net (final).v2")
    'My_net_final_.v2'
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)[:_MOST_STEM].lstrip(".-") or "model"


def read_shapes(text: str) -> tuple[tuple[int, ...], ...]:
    """Return the shapes in a name, one an input.

    >>> read_shapes("1x3x224x224+1x10")
    ((1, 3, 224, 224), (1, 10))
    """
    return tuple(read_shape(part) for part in text.split("+")) if text else ()


def read_shape(text: str) -> tuple[int, ...]:
    """Return one shape as users write it; raise UsageError for anything else."""
    parts = text.split("x")
    if not all(re.fullmatch(r"[1-9][0-9]{0,9}", part) and int(part) <= _MOST_SIDE for part in parts):
        raise UsageError(f"The shape {text!r} is none: expected whole numbers from 1 with x between, as 1x3x224x224.")
    return tuple(int(part) for part in parts)


def write_shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    """Return shapes as they stand in a name; raise UsageError when they are too many for one.

    >>> write_shapes(((1, 3, 224, 224), (1, 10)))
    '1x3x224x224+1x10'
    """
    text = "+".join("x".join(str(side) for side in shape) for shape in shapes)
    if len(text) > _MOST_INPUTS:
        raise UsageError(
            f"{len(shapes)} input shapes make a name of {len(text)} characters: expected {_MOST_INPUTS} at most; "
            "give the model fixed shapes in its file."
        )
    return text


def batched(shapes: tuple[tuple[int, ...], ...], batch: int) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of a batch, from those of one input a call; raise UsageError where the first axis is none.

    >>> batched(((1, 3, 8, 8),), 4)
    ((4, 3, 8, 8),)
    """
    if batch == 1:
        return shapes
    for shape in shapes:
        if shape[0] != 1:
            raise UsageError(
                f"An input of shape {write_shapes((shape,))} has no batch axis of 1 to make {batch} of: "
                "leave --batch out, or give --input with 1 at the front."
            )
    return tuple((batch, *shape[1:]) for shape in shapes)


def check_hash(text: str) -> None:
    """Raise UsageError for what is not the beginning of a SHA-256."""
    if not re.fullmatch(rf"[0-9a-f]{{{HASH_DIGITS}}}", text):
        raise UsageError(f"{text!r} is no content's name: expected {HASH_DIGITS} hexadecimal digits of a SHA-256.")
