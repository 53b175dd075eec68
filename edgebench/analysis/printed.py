"""Numbers as they are printed, and whether a count is one: to the digits that stand there, rounded or cut off."""

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from edgebench.errors import UsageError

_PRINTED = re.compile(
    r"(?P<bound>under )?(?P<number>\d+(?:\.(?P<decimals>\d+))?)"
    r"(?: (?P<unit>Ki|k|M|G|%|x|points))?(?: to (?P<kept>\d+) digits?)?"
)
_UNITS = {
    None: Fraction(1),
    "x": Fraction(1),
    "points": Fraction(1),
    "%": Fraction(1, 100),
    "k": Fraction(10**3),
    "Ki": Fraction(2**10),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
}
_MORE_DIGITS = 2  # of a count than of the figure beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A printed number, exact, with the size of one unit of its last digit."""

    text: str
    value: Fraction
    step: Fraction
    unit: str | None
    decimals: int
    bound: bool  # the text says that the number is not reached


class Verdict(StrEnum):
    """What a count is beside a printed number."""

    AS_PRINTED = "as printed"  # rounded to the printed digits
    TRUNCATED = "truncated"  # cut off there, where rounding gives another digit
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A verdict, and by how much the count is more than the printed number: 0.01 is one per cent, None beside zero."""

    verdict: Verdict
    difference: float | None


def parse(text: str) -> Printed:
    """Return the number that a text such as `4.2 M`, `159 Ki`, `61100840`, `15300 M to 3 digits` or `under 5 G` says.

    Ki is 1024. All digits count, a zero at the end too, unless the text says how many do. Raise UsageError for any
    other text.

    >>> parse("15300 M to 3 digits").step
    Fraction(100000000, 1)
    """
    match = _PRINTED.fullmatch(text)
    if match is None or (match["kept"] and (match["decimals"] or not 0 < int(match["kept"]) <= len(match["number"]))):
        raise UsageError(
            f"The printed figure is {text!r}: expected a number as '569 M', '0.714 G', '159 Ki', '1248424', "
            "'15300 M to 3 digits' or 'under 5 G'."
        )
    decimals = len(match["decimals"] or "")
    last = Fraction(10) ** (len(match["number"]) - int(match["kept"]) if match["kept"] else -decimals)
    unit = _UNITS[match["unit"]]
    return Printed(
        text=text,
        value=Fraction(match["number"]) * unit,
        step=last * unit,
        unit=match["unit"],
        decimals=decimals,
        bound=match["bound"] is not None,
    )


def compare(printed: Printed, counted: Fraction | int) -> Comparison:
    """Return whether a count is the printed number. Half a unit of the last digit may have been rounded either way.

    >>> compare(parse("290 M"), 290_675_200).verdict
    <Verdict.TRUNCATED: 'truncated'>
    """
    difference = float(counted / printed.value - 1) if printed.value else None
    if printed.bound:
        verdict = Verdict.AS_PRINTED if counted < printed.value else Verdict.DIFFERS
        return Comparison(verdict=verdict, difference=difference)
    if 2 * abs(counted - printed.value) <= printed.step:
        return Comparison(verdict=Verdict.AS_PRINTED, difference=difference)
    if printed.value <= counted < printed.value + printed.step:
        return Comparison(verdict=Verdict.TRUNCATED, difference=difference)
    return Comparison(verdict=Verdict.DIFFERS, difference=difference)


def like(printed: Printed, counted: Fraction | int) -> str:
    """Return a count in the unit of a printed number, with two digits more.

    >>> like(parse("4.2 M"), 4_209_088)
    '4.209 M'
    """
    if printed.unit is None and counted == int(counted):
        return f"{int(counted)}"
    number = f"{float(counted / _UNITS[printed.unit]):.{printed.decimals + _MORE_DIGITS}f}"
    return number if printed.unit is None else f"{number} {printed.unit}"
