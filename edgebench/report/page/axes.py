"""The axes of charts: what they count, and where their ticks stand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

_LABELS = {
    "seconds": "format(datum.value, '~s') + 's'",
    "joules": "format(datum.value, '~s') + 'J'",
    "count": "format(datum.value, '~s')",
    "mebibytes": "format(datum.value / 1048576, ',.4~r') + ' MiB'",
    "share": "format(datum.value, '.2~%')",
    "plain": "datum.value >= 1000 ? format(datum.value, ',') : format(datum.value, '~g')",
    "hertz": "format(datum.value, '~s') + 'Hz'",
}
_MEBIBYTE = 2**20
_MARGIN = 1.12
_DECADES = 2.2  # an axis of more decades is labelled at their beginnings alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What an axis counts: its title, and the unit of `_LABELS` that its ticks are written in."""

    title: str
    unit: str


def axis(values: Sequence[float], quantity: Quantity, *, logarithmic: bool) -> dict[str, Any]:
    """Return the scale and axis of values, which are positive where it is logarithmic."""
    import altair as alt

    if logarithmic:
        return logarithm(values, quantity)
    return {"scale": alt.Scale(zero=False, padding=12), "axis": plain(quantity)}


def plain(quantity: Quantity, ticks: int = 5, **further: Any) -> "alt.Axis":
    """Return a linear axis of a few ticks; one without a title has none."""
    import altair as alt

    return alt.Axis(title=quantity.title or None, labelExpr=_LABELS[quantity.unit], tickCount=ticks, **further)


def logarithm(values: Sequence[float], quantity: Quantity, room: float = 1.0) -> dict[str, Any]:
    """Return the scale and axis of positive values; `room` leaves place for text behind the highest."""
    import altair as alt

    low, high = min(values), max(values)
    decades = math.log10(high / low) if low > 0 else 0
    edge = 10 ** (math.log10(_MARGIN) * max(decades, 0.5))
    domain = [low / edge, high * edge * max(room ** max(decades, 0.5), 1.0)]
    return {
        "scale": alt.Scale(type="log", domain=domain, nice=False),
        "axis": alt.Axis(
            title=quantity.title, labelExpr=_LABELS[quantity.unit], values=ticks(*domain), labelOverlap="greedy"
        ),
    }


def ticks(low: float, high: float) -> list[float]:
    """Return round values inside a logarithmic axis: powers of ten, on a short one their 2 and 5 times as well.

    >>> ticks(0.9, 30)
    [1.0, 2.0, 5.0, 10.0, 20.0]
    """
    steps = (1, 2, 5) if math.log10(high / low) < _DECADES else (1,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    values = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
    found = [value for value in values if low <= value <= high]
    if len(found) >= 2:
        return found
    return [float(f"{low * (high / low) ** (number / 4):.2g}") for number in range(5)]


def binary_ticks(highest: float) -> list[float]:
    """Return round numbers of MiB in bytes, from none to just below the highest.

    >>> [tick / 2**20 for tick in binary_ticks(350 * 2**20)]
    [0.0, 100.0, 200.0, 300.0]
    """
    wanted = highest / _MEBIBYTE / 4
    power = 10 ** math.floor(math.log10(max(wanted, 1)))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted)
    return [float(step * number * _MEBIBYTE) for number in range(int(highest / _MEBIBYTE / step) + 1)]
