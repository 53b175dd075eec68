"""From what a claim prints to the numbers between which it holds, exact: units, ranges, formulas, tolerances."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from edgebench.analysis import printed
from edgebench.errors import UsageError
from edgebench.judge.claims import Claim

_RANGE = re.compile(r"(?P<low>\d+(?:\.\d+)?) to (?P<high>\d+(?:\.\d+)?)(?P<unit> \S+)?")
_DIGITS = re.compile(r"(\d+(?:\.\d+)?) digits?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")
_EXACT = "exact"
_MOST_POWER = 16

_UNITS: Mapping[str, tuple[str | None, ...]] = {
    "mult_adds_ratio": ("x", "%"),
    "params_ratio": ("x", "%"),
    "latency_ratio": ("x", "%"),
    "share": ("%",),
    "scaling_exponent": (None,),
    "absolute": (None, "k", "Ki", "M", "G"),
    "accuracy_delta": ("points",),
}

_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The number that a claim states, or the two ends of its range; `step` is one unit of the last digit."""

    low: Fraction
    high: Fraction
    step: Fraction  # 0 of a formula
    unit: str | None
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A claim holds from `low` to `high`, both included; None: there is no such end."""

    low: Fraction | None
    high: Fraction | None

    def hold(self, value: Fraction) -> bool:
        """Tell whether a value lies between them.

        >>> Limits(low=Fraction(5, 2), high=None).hold(Fraction(5, 2))
        True
        """
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


def stated(claim: Claim) -> Stated:
    """Return the number that a claim states; raise ValueError for a text that is none, and for a wrong unit."""
    name, text = ("value", claim.value) if claim.value else ("printed", claim.printed)
    found = _read(text, claim.variables, name)
    allowed = _UNITS[claim.kind]
    if found.unit not in allowed:
        expected = " or ".join(unit or "no unit" for unit in allowed)
        raise ValueError(f"{name} is {text!r}, in {found.unit or 'no unit'}: expected {expected} for {claim.kind}")
    if (claim.relation == "between") != (found.low < found.high):
        expected = "a range as '8 to 9 x'" if claim.relation == "between" else "one number, or the relation between"
        raise ValueError(f"{name} is {text!r}: expected {expected}")
    return found


def limits(claim: Claim) -> Limits:
    """Return between which numbers a claim holds; raise ValueError as `stated` does, and for no such tolerance.

    Without a stated tolerance what is equal may miss by half a unit of the last printed digit; a formula is exact, and
    so are bounds.
    """
    said = stated(claim)
    room = _room(claim, said)
    low, high = said.low - room, said.high + room
    if claim.relation != "at_most" and low <= 0 and claim.kind != "accuracy_delta" and said.low > 0:
        raise ValueError(f"tolerance is {claim.tolerance!r} of {claim.value or claim.printed!r}: expected less than it")
    return Limits(low=None if claim.relation == "at_most" else low, high=None if claim.relation == "at_least" else high)


def figure(text: str) -> Fraction:
    """Return a figure that is printed elsewhere; raise ValueError for a text that is none."""
    return _read(text, {}, "figure").low


def _read(text: str, variables: Mapping[str, int], name: str) -> Stated:
    negative = text.startswith("-")
    body = text.removeprefix("-")
    try:
        found = printed.parse(body)
    except UsageError:
        return _range(text, name) or _formula(text, variables, name)
    if found.bound:
        raise ValueError(f"{name} is {text!r}: expected the number, and the relation at_most")
    value = -found.value if negative else found.value
    return Stated(low=value, high=value, step=found.step, unit=found.unit, decimals=found.decimals)


def _range(text: str, name: str) -> Stated | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    unit = match["unit"] or ""
    try:
        low, high = printed.parse(match["low"] + unit), printed.parse(match["high"] + unit)
    except UsageError as error:
        raise ValueError(f"{name} is {text!r}: {str(error).rstrip('.')}") from None
    if low.value >= high.value:
        raise ValueError(f"{name} is {text!r}: expected the lower end first")
    decimals = max(low.decimals, high.decimals)
    return Stated(low=low.value, high=high.value, step=max(low.step, high.step), unit=low.unit, decimals=decimals)


# --- formulas --------------------------------------------------------------------------------------------------------


def _formula(text: str, variables: Mapping[str, int], name: str) -> Stated:
    """Return what a formula such as `1/N + 1/k^2 x` gives: numbers, variables, + - * / ^ and brackets, then a unit."""
    body, space, unit = text.rpartition(" ")
    unit_known = space and unit in {"x", "%", "points", "k", "Ki", "M", "G"}
    body = body if unit_known else text
    try:
        value = _value(ast.parse(body.replace("^", "**"), mode="eval").body, variables)
    except (SyntaxError, ValueError, ZeroDivisionError, KeyError, RecursionError) as error:
        why = f"{error.args[0]!r} is no variable of it" if isinstance(error, KeyError) else "it is no number either"
        raise ValueError(
            f"{name} is {text!r}: expected a number with its unit, a range or a formula ({why}); "
            "words need a number as value"
        ) from None
    scale = printed.parse(f"1 {unit}").value if unit_known else Fraction(1)
    return Stated(
        low=value * scale, high=value * scale, step=Fraction(0), unit=unit if unit_known else None, decimals=2
    )


def _value(node: ast.expr, variables: Mapping[str, int]) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name):
        return Fraction(variables[node.id])
    if isinstance(node, ast.BinOp):
        return _operation(node, variables)
    raise ValueError(ast.dump(node))


def _operation(node: ast.BinOp, variables: Mapping[str, int]) -> Fraction:
    left, right = _value(node.left, variables), _value(node.right, variables)
    if not isinstance(node.op, ast.Pow):
        rule = _OPERATORS.get(type(node.op))
        if rule is None:
            raise ValueError(ast.dump(node.op))
        return rule(left, right)
    if right.denominator != 1 or not 0 <= right <= _MOST_POWER:
        raise ValueError("exponent")
    return left ** int(right)


# --- tolerances ------------------------------------------------------------------------------------------------------


def _room(claim: Claim, said: Stated) -> Fraction:
    text = claim.tolerance
    if not text:
        return said.step / 2 if claim.relation == "equals" else Fraction(0)
    if text == _EXACT:
        return Fraction(0)
    if match := _DIGITS.fullmatch(text):
        if said.step == 0:
            raise ValueError(f"tolerance is {text!r}: expected exact or per cent, for a formula has no last digit")
        return _positive(match[1], text) * said.step
    if match := _PERCENT.fullmatch(text):
        share = _positive(match[1], text) / 100
        if share >= 1:
            raise ValueError(f"tolerance is {text!r}: expected less than 100 %")
        return share * max(abs(said.low), abs(said.high))
    raise ValueError(f"tolerance is {text!r}: expected exact, a percentage as '2 %' or units of the last digit")


def _positive(number: str, text: str) -> Fraction:
    value = Fraction(number)
    if value == 0:
        raise ValueError(f"tolerance is {text!r}: expected more than 0, or exact")
    return value
