"""The inputs of an .onnx file: every axis gets a size, the file's own or the one that a user gives."""

import re
from typing import Any

from edgebench.formats._filegraph import MOST_NUMBERS, Malformed, shown
from edgebench.formats._onnx_values import checked

Shapes = dict[str, tuple[int, ...]]

_OPEN = -1


def fix_inputs(inputs: list[Any], shapes: Shapes) -> bool:
    """Set the inputs' shapes as given, and return whether any was open; raise Malformed when they do not fit."""
    wanted = _by_name([one.name for one in inputs], shapes)
    is_open = False
    for one in inputs:
        if not one.type.HasField("tensor_type"):
            raise Malformed(f"its input {shown(one.name)!r} is no tensor")
        _check_name(one.name)
        sides = [_side(dimension) for dimension in one.type.tensor_type.shape.dim]
        is_open |= None in sides or not one.type.tensor_type.HasField("shape")
        shape = _fixed(one, sides, wanted.get(one.name))
        checked(shape, f"its input {shown(one.name)!r}", least=1)
        del one.type.tensor_type.shape.dim[:]
        one.type.tensor_type.shape.SetInParent()
        for side in shape:
            one.type.tensor_type.shape.dim.add().dim_value = side
    return is_open


def _side(dimension: Any) -> int | None:
    """Return a side as the file has it, None for an open one; PaddlePaddle's exporter writes -1 for that."""
    return dimension.dim_value if dimension.HasField("dim_value") and dimension.dim_value != _OPEN else None


def _by_name(names: list[str], shapes: Shapes) -> Shapes:
    """Return the shapes by the inputs' names; those given without one ("0", "1") stand for inputs in order."""
    found: Shapes = {}
    for key, shape in shapes.items():
        if key in names:
            found[key] = shape
        elif key.isdigit() and int(key) < len(names):
            found[names[int(key)]] = shape
        else:
            listed = ", ".join(shown(name) for name in names[:MOST_NUMBERS])
            called = f"input {int(key) + 1}" if key.isdigit() else f"input {shown(key)!r}"
            raise Malformed(f"it has no {called} to give a shape: its inputs are {listed}")
    return found


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}", name) or name == "file":
        raise Malformed(
            f"its input is called {shown(name)!r}, expected letters, digits and _ . : / - (and not 'file'): rename it"
        )


def _fixed(one: Any, sides: list[int | None], wanted: tuple[int, ...] | None) -> tuple[int, ...]:
    name = shown(one.name)
    written = "x".join(str(side) if side is not None else "?" for side in sides)
    known = one.type.tensor_type.HasField("shape")
    if wanted is None:
        if known and None not in sides[1:]:  # open at most at the batch axis: one input a call
            return tuple(1 if side is None else side for side in sides)
        example = written.replace("?", "224") if written else "1x3x224x224"
        shape = f"of shape {written}" if known else "of no shape"
        raise Malformed(f"its input {name!r} is {shape}: give one, such as --input {name}={example}")
    fits = not known or (
        len(wanted) == len(sides) and all(side in (None, given) for side, given in zip(sides, wanted, strict=True))
    )
    if not fits:
        given = "x".join(str(side) for side in wanted)
        raise Malformed(f"its input {name!r} is of shape {written} in the file, which {given} does not fit")
    return wanted
