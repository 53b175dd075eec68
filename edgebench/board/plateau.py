"""Whether a network that is called without a pause has come to where it stays: minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEVEL_MINUTES = 3
"""So many minutes in a row have to be alike."""

_ALIKE = 0.01
_WARMING_C = 2.0  # a minute; where the flag `not_thermally_steady` begins (docs/measuring.md)
_NS = 1e-9
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One block: when it began, its median call, and the temperature at its end."""

    start_ns: int
    call_s: float
    temperature_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """A full minute: the median of its blocks, and the last temperature in it."""

    call_s: float
    temperature_c: float | None


def minutes(looks: Sequence[Look], until_ns: int) -> list[Minute]:
    """Return the full minutes between the first look and a moment; one without a block is left out."""
    if not looks:
        return []
    began = looks[0].start_ns
    full = int((until_ns - began) * _NS // _MINUTE_S)
    by_minute: dict[int, list[Look]] = {}
    for look in looks:
        by_minute.setdefault(int((look.start_ns - began) * _NS // _MINUTE_S), []).append(look)
    return [
        Minute(call_s=median(look.call_s for look in found), temperature_c=found[-1].temperature_c)
        for number, found in sorted(by_minute.items())
        if number < full
    ]


def reached(found: Sequence[Minute]) -> bool:
    """Tell whether the last three minutes are within 1 % of each other and hardly warm up; the first never counts.

    >>> burst, level = Minute(call_s=0.010, temperature_c=50.0), Minute(call_s=0.013, temperature_c=80.0)
    >>> reached([burst, level, level]), reached([burst, level, level, level])
    (False, True)
    """
    last = list(found)[1:][-LEVEL_MINUTES:]
    if len(last) < LEVEL_MINUTES:
        return False
    calls = [one.call_s for one in last]
    told = [one.temperature_c for one in last if one.temperature_c is not None]
    warming = (told[-1] - told[0]) / (len(told) - 1) if len(told) > 1 else 0.0
    return max(calls) <= (1 + _ALIKE) * min(calls) and warming <= _WARMING_C
