"""A line through points on logarithmic axes: how one quantity grows with another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, linear_regression

_LEAST_FITTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A power law y = factor * x ** exponent, fitted to `points` points; `r2` of the logarithms."""

    exponent: float
    factor: float
    r2: float
    points: int

    def at(self, x: float) -> float:
        """Return y on the line."""
        return float(self.factor * x**self.exponent)


def power_law(points: Sequence[tuple[float, float]]) -> Fit | None:
    """Return the least-squares line of the logarithms; None for fewer than three different x.

    >>> found = power_law([(1.0, 2.0), (2.0, 8.0), (3.0, 18.0)])
    >>> round(found.exponent, 9), round(found.factor, 9), round(found.r2, 9)
    (2.0, 2.0, 1.0)
    """
    if len({x for x, _ in points}) < _LEAST_FITTED:
        return None
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    slope, intercept = linear_regression(xs, ys)
    try:
        r2 = correlation(xs, ys) ** 2
    except StatisticsError:  # all y are the same: the line explains all there is, which is nothing
        r2 = 1.0
    return Fit(exponent=slope, factor=math.exp(intercept), r2=r2, points=len(points))
