"""Levels in a series of rounds: an exact segmentation, for `no_steady_state` (docs/measuring.md, Flags)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHORTEST = 3
"""Rounds a level lasts at least: one or two slow rounds in a row are a disturbance."""

DIFFERENT = 0.02
"""Levels that differ by less are taken for one."""

_FLOOR = 0.001  # of a series without noise: a deviation of 0.1 % a round is left unexplained

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Rounds that belong together, `first` to `last` as positions in the series, and their median."""

    first: int
    last: int
    value: float


def levels(series: Sequence[float]) -> tuple[Level, ...]:
    """Return the levels of a series of positive values: the exact L1 Potts segmentation of their logarithms.

    It minimises beta * J + log(sum |log y - log level|) over all cuts into J segments of three values or more, with
    beta = 4 ln(n) / n (airspeed velocity, `step_detect.py`). Takes time with the square of the length: 100 at most.

    >>> [(level.first, level.last, level.value) for level in levels([1.0] * 5 + [1.5] * 6)]
    [(0, 4, 1.0), (5, 10, 1.5)]
    """
    n = len(series)
    if n < 2 * SHORTEST:
        return (Level(first=0, last=n - 1, value=float(np.median(series))),) if n else ()
    logs = np.log(np.asarray(series, dtype=float))
    best = _best_cuts(_deviations(logs), n // SHORTEST)
    beta = 4 * math.log(n) / n
    _, cuts = min((beta * len(cuts) + math.log(error + n * _FLOOR), cuts) for error, cuts in best)
    ends = [*cuts[1:], n]
    return tuple(
        Level(first=first, last=end - 1, value=float(np.exp(np.median(logs[first:end]))))
        for first, end in zip(cuts, ends, strict=True)
    )


def differ(found: Sequence[Level], by: float = DIFFERENT) -> bool:
    """Tell whether the highest of these levels lies above the lowest by more than a share of it.

    >>> differ(levels([1.0] * 5 + [1.5] * 6)), differ(levels([1.0] * 5 + [1.01] * 6))
    (True, False)
    """
    values = [level.value for level in found]
    return bool(values) and max(values) > (1 + by) * min(values)


def thinned(series: Sequence[float], most: int = 100) -> list[float]:
    """Return a series as medians of neighbours, so that at most so many are left.

    >>> thinned([1.0, 2.0, 9.0, 4.0, 5.0, 6.0], most=2)
    [2.0, 5.0]
    """
    parts = np.array_split(np.asarray(series, dtype=float), min(most, len(series)) or 1)
    return [float(np.median(part)) for part in parts if len(part)]


def _deviations(logs: Floats) -> Floats:
    """Return sum |y - median(y)| of every segment: [first, end), infinite where it is too short."""
    n = len(logs)
    found = np.full((n + 1, n + 1), np.inf)
    for first in range(n - SHORTEST + 1):
        for end in range(first + SHORTEST, n + 1):
            part = np.sort(logs[first:end])
            half = (end - first) // 2
            found[first, end] = part[len(part) - half :].sum() - part[:half].sum()
    return found


def _best_cuts(deviation: Floats, most: int) -> list[tuple[float, tuple[int, ...]]]:
    """Return for 1, 2, ... segments the least sum of deviations, and where the segments begin."""
    n = len(deviation) - 1
    error = deviation[0].copy()  # of the first `end` values in one segment
    starts: list[tuple[int, ...]] = [(0,)] * (n + 1)
    found = [(float(error[n]), starts[n])]
    for _ in range(1, most):
        through = error[:, None] + deviation  # [middle, end]
        middles = np.argmin(through, axis=0)
        error = through[middles, np.arange(n + 1)]
        starts = [(*starts[middle], int(middle)) for middle in middles]
        if not np.isfinite(error[n]):
            break
        found.append((float(error[n]), starts[n]))
    return found
