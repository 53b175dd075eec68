"""Ratios, shares and scaling exponents from the rounds of one session, all by the same estimator.

In each round that measured all of its trials a combination of their medians is one number; the value is the geometric
mean over invocations of the median over rounds, with a t interval. The ratio of two trials is the simplest case, and
equals `edgebench.measure.statistics.latency_ratio`.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from edgebench.measure import statistics
from edgebench.measure.series import Medians
from edgebench.measure.statistics import Estimate

Combine = Callable[[Sequence[float]], float]


def ratio(subject: Medians, baseline: Medians) -> Estimate | None:
    """Return subject / baseline; None when no round measured both.

    >>> ratio({0: {0: 2.0}}, {0: {0: 1.0}}).value
    2.0
    """
    return _combined((subject, baseline), lambda taken: taken[0] / taken[1])


def share(parts: Sequence[tuple[Medians, int]], whole: Medians) -> Estimate | None:
    """Return what the parts, each so many times, take of the whole; None when no round measured them all.

    >>> round(share([({0: {0: 1.0}}, 3), ({0: {0: 0.5}}, 2)], {0: {0: 8.0}}).value, 12)
    0.5
    """
    times = [number for _, number in parts]
    return _combined(
        (*(medians for medians, _ in parts), whole),
        lambda taken: sum(number * one for number, one in zip(times, taken[:-1], strict=True)) / taken[-1],
    )


def exponent(points: Sequence[tuple[float, Medians]]) -> Estimate | None:
    """Return e to the power of the slope of log latency over log x; None when no round measured all points.

    The slope is fitted by least squares in each round; of two points it is that of the line through them.

    >>> import math
    >>> round(math.log(exponent([(1.0, {0: {0: 1.0}}), (2.0, {0: {0: 4.0}})]).value), 12)
    2.0
    """
    weights = slope_weights([x for x, _ in points])
    return _combined(
        [medians for _, medians in points],
        lambda taken: math.exp(sum(weight * math.log(one) for weight, one in zip(weights, taken, strict=True))),
    )


def slope_weights(xs: Sequence[float]) -> list[float]:
    """Return by what each log y is multiplied so that their sum is the least-squares slope over log x.

    >>> [round(weight * math.log(2), 12) for weight in slope_weights([1.0, 2.0])]
    [-1.0, 1.0]
    """
    logs = [math.log(x) for x in xs]
    centre = fmean(logs)
    total = sum((one - centre) ** 2 for one in logs)
    return [(one - centre) / total for one in logs]


def _combined(trials: Sequence[Medians], combine: Combine) -> Estimate | None:
    blocks = {}
    for invocation in set.intersection(*(set(trial) for trial in trials)):
        shared = set.intersection(*(set(trial[invocation]) for trial in trials))
        rounds = {number: combine([trial[invocation][number] for trial in trials]) for number in sorted(shared)}
        if rounds:
            blocks[invocation] = rounds
    return statistics.latency(dict(sorted(blocks.items())))
