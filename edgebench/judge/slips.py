"""What would make a printed figure come out that does not: a slip of the pen, tried on the text itself."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from edgebench.judge.claims import Claim
from edgebench.judge.limits import limits

_NUMBER = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<rest>(?: \S+)?)")
_NEXT_UNIT = {"k": ("M",), "M": ("k", "G"), "G": ("M",)}


def slips(claim: Claim, value: Fraction) -> Iterator[str]:
    """Yield the slips that explain why a figure is not what counting gives: a unit, a decimal point, swapped digits."""
    text = claim.value or claim.printed
    match = _NUMBER.fullmatch(text)
    if match is None:
        return
    for what, other in _variants(match["number"], match["rest"].strip()):
        if _holds(claim, other, value):
            yield f"{what} it comes out: {other}"


def _variants(number: str, unit: str) -> Iterator[tuple[str, str]]:
    rest = f" {unit}" if unit else ""
    for other in _NEXT_UNIT.get(unit, ()):
        yield "with another unit", f"{number} {other}"
    for places in (-1, 1):
        yield "with the decimal point moved", f"{_moved(number, places)}{rest}"
    for place in range(len(number) - 1):
        one, two = number[place], number[place + 1]
        if one != two and one != "." != two:
            yield "with two digits swapped", f"{number[:place]}{two}{one}{number[place + 2 :]}{rest}"


def _moved(number: str, places: int) -> str:
    """Return a number with its point so many places further right.

    >>> _moved("75", -1), _moved("0.58", 1)
    ('7.5', '5.8')
    """
    digits, decimals = number.replace(".", ""), len(number.partition(".")[2]) - places
    if decimals <= 0:
        return str(int(digits + "0" * -decimals))
    digits = digits.rjust(decimals + 1, "0")
    return f"{int(digits[:-decimals])}.{digits[-decimals:]}"


def _holds(claim: Claim, text: str, value: Fraction) -> bool:
    changed = replace(claim, value=text) if claim.value else replace(claim, printed=text)
    try:
        return limits(changed).hold(value)
    except ValueError:
        return False
