"""Thousands of points as bands: what a picture can show of them, without drawing each."""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import quantiles

from edgebench.report.page.charts import Spot, Stroke

MOST_SPOTS = 1200
"""More points than these are shown as the band that holds eight of ten, and its middle."""

_BINS = 24
_TENTHS = 10


def thinned(spots: Sequence[Spot]) -> tuple[list[Spot], list[Stroke]]:
    """Return points as they are when they are few, else nothing but the bands of each series, along log x.

    >>> thinned([Spot(series="a", x=1.0, y=2.0, name="n", shown="s")])[1]
    []
    """
    if len(spots) <= MOST_SPOTS:
        return list(spots), []
    low, high = math.log(min(one.x for one in spots)), math.log(max(one.x for one in spots))
    width = (high - low) / _BINS or 1.0
    groups: defaultdict[tuple[str, int], list[Spot]] = defaultdict(list)
    for one in spots:
        groups[one.series, min(int((math.log(one.x) - low) / width), _BINS - 1)].append(one)
    order = list(dict.fromkeys(one.series for one in spots))
    bands = [_vertex(series, members) for (series, _), members in groups.items()]
    return [], sorted(bands, key=lambda one: (order.index(one.series), one.x))


def _vertex(series: str, members: Sequence[Spot]) -> Stroke:
    middle = math.exp(sum(math.log(one.x) for one in members) / len(members))
    heights = [one.y for one in members]
    if len(members) == 1:
        return Stroke(series=series, x=middle, y=heights[0], low=heights[0], high=heights[0])
    tenths = quantiles(heights, n=_TENTHS, method="inclusive")
    return Stroke(series=series, x=middle, y=tenths[4], low=tenths[0], high=tenths[8])
