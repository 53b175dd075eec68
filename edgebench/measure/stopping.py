"""When a session knows enough: the widths of its intervals between two invocations."""

from collections.abc import Mapping
from itertools import combinations

from edgebench.measure.series import Series
from edgebench.measure.statistics import FEWEST_INVOCATIONS, half_width, latency, latency_ratio

Pair = tuple[str, str]


def half_widths(measured: Mapping[str, Series]) -> dict[Pair, float | None]:
    """Return the relative half-width of the ratio of every pair of trials, twins included, None without an interval.

    `measured` by trial id. A trial that is alone is paired with itself: that is the half-width of its latency.
    """
    if len(measured) == 1:
        ((trial, series),) = measured.items()
        alone = latency(series.wall_s)
        return {(trial, trial): half_width(alone) if alone is not None else None}
    found = {}
    for one, other in combinations(measured, 2):
        ratio = latency_ratio(measured[one].wall_s, measured[other].wall_s)
        found[one, other] = half_width(ratio) if ratio is not None else None
    return found


def narrow_enough(measured: Mapping[str, Series], target: float) -> bool:
    """Tell whether every pair's half-width is at most `target` (0.01: 1 %), which takes five invocations at least.

    A trial that was lost gets no narrower: those without a block in the last invocation are left out.
    """
    last = max((max(series.wall_s, default=-1) for series in measured.values()), default=-1)
    alive = {trial: series for trial, series in measured.items() if last in series.wall_s and not series.partial}
    invocations = max((len(series.wall_s) for series in alive.values()), default=0)
    if invocations < FEWEST_INVOCATIONS:
        return False
    return all(width is not None and width <= target for width in half_widths(alive).values())
