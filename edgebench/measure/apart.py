"""The ratio of two latencies that were taken at different times, each against a ruler of its own session.

What changes from one session to the next (clock, host, neighbours) changes the ruler as well: a trial of the backend
`null`. docs/decisions/0010 says where the figures here come from.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from edgebench.measure import statistics
from edgebench.measure.quantiles import student
from edgebench.measure.series import Medians
from edgebench.measure.statistics import CONFIDENCE, Estimate, log_sd

SPREAD = 0.01
"""Standard deviation of a log-latency against its ruler between sessions of a unit that has no selftest.

Beyond what the processes of a session explain it was 0.3 and 0.4 % in two runs of 40 sessions, against their canary.
"""

SPREAD_WITHOUT_RULER = 0.05
"""The same of a latency without a ruler: it was 4.0 and 4.2 % within a quarter of an hour."""

LEFT_OPEN = 0.5
"""Share of the ruler's own change that is a standard deviation of the ratio: a latency may not follow it, or twice.

It is less where the processes of the two sessions themselves show that it does (`_left_open`).
"""

FEWEST_SESSIONS = 8
"""Below it the spread between sessions is not told."""

_MOST_FREEDOM = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A trial's latency in its session, in seconds; and where there is a ruler that of the ruler, and their ratio.

    `wander` holds, for each process of the session, by how much the logarithms of ruler and trial lie above their mean.
    """

    latency: Estimate
    ruler: Estimate | None = None
    against: Estimate | None = None
    wander: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A unit's standard deviations between sessions of a log-latency against its ruler, and without one."""

    ruled: float = SPREAD
    bare: float = SPREAD_WITHOUT_RULER


ASSUMED = Spread()
"""Of a unit that nobody tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """The ratio of two latencies taken apart (after / before) and the standard deviation of its logarithm.

    `machine` is the ratio of the rulers, which is taken out of `ratio`; None: there was none. `freedom` is the degrees
    of freedom of `log_sd`, None where one of the sessions has no interval.
    """

    ratio: float
    machine: float | None
    log_sd: float | None
    freedom: int | None


def reading(trial: Medians, ruler: Medians | None) -> Reading | None:
    """Return a trial's latency beside a ruler that was measured in the same rounds; None when nothing was measured.

    >>> told = reading({i: {0: 0.02} for i in range(5)}, {i: {0: 0.01} for i in range(5)})
    >>> round(told.against.value, 12)
    2.0
    """
    latency = statistics.latency(trial)
    if latency is None:
        return None
    against = statistics.latency_ratio(trial, ruler) if ruler else None
    if against is None or ruler is None:
        return Reading(latency=latency)
    shared = sorted(number for number in ruler.keys() & trial.keys() if ruler[number] and trial[number])
    return Reading(
        latency=latency,
        ruler=statistics.latency({number: ruler[number] for number in shared}),
        against=against,
        wander=tuple(zip(*(_centred([one[number] for number in shared]) for one in (ruler, trial)), strict=True)),
    )


def ratio(after: Reading, before: Reading, spread: Spread = ASSUMED) -> Apart:
    """Return the ratio of two latencies that were taken apart; the machine's own change is taken out by their rulers.

    Without a ruler in both sessions the latencies are taken as they are.
    """
    ruled = after.ruler is not None and before.ruler is not None
    mine, other = (after.against, before.against) if ruled else (after.latency, before.latency)
    assert mine is not None
    assert other is not None
    machine = after.ruler.value / before.ruler.value if ruled and after.ruler and before.ruler else None
    between = spread.ruled if ruled else spread.bare
    value = mine.value / other.value
    if mine.low is None or other.low is None:
        return Apart(ratio=value, machine=machine, log_sd=None, freedom=None)
    parts = [_of_processes(one) for one in (mine, other)]
    own = sum(variance for variance, _ in parts)
    moved = _left_open((*after.wander, *before.wander)) * math.log(machine) if machine is not None else 0.0
    total = own + 2 * between**2 + moved**2
    return Apart(ratio=value, machine=machine, log_sd=math.sqrt(total), freedom=_freedom(total, parts))


def estimate(found: Apart, confidence: float = CONFIDENCE) -> Estimate:
    """Return the ratio with its interval; `invocations` is what its degrees of freedom are worth.

    >>> told = estimate(Apart(ratio=1.05, machine=1.0, log_sd=0.01, freedom=18))
    >>> round(told.low, 3), round(told.high, 3)
    (1.028, 1.072)
    """
    if found.log_sd is None or found.freedom is None:
        return Estimate(value=found.ratio, low=None, high=None, invocations=1, confidence=confidence)
    half = student(confidence, found.freedom) * found.log_sd
    return Estimate(
        value=found.ratio,
        low=found.ratio * math.exp(-half),
        high=found.ratio * math.exp(half),
        invocations=found.freedom + 1,
        confidence=confidence,
    )


def between_sessions(estimates: Iterable[Estimate | None]) -> float | None:
    """Return the standard deviation between sessions of one trial's log-latency, or of what it is against a ruler.

    What the spread of their processes explains is taken off; 0 where it explains all. None for few sessions.
    """
    told = [one for one in estimates if one is not None and one.low is not None]
    if len(told) < FEWEST_SESSIONS:
        return None
    variances = [_of_processes(one)[0] for one in told]
    between = float(np.var([math.log(one.value) for one in told], ddof=1))
    return math.sqrt(max(0.0, between - fmean(variances)))


def _of_processes(found: Estimate) -> tuple[float, int]:
    """Return the variance of a log-latency that its processes tell, and its degrees of freedom."""
    return (log_sd(found) or 0.0) ** 2 / found.invocations, found.invocations - 1


def _centred(rounds: Sequence[Mapping[int, float]]) -> list[float]:
    """Return by how much the log median of each process lies above their mean."""
    logs = [math.log(median(of_one.values())) for of_one in rounds]
    return [log - fmean(logs) for log in logs]


def _left_open(wander: Sequence[tuple[float, float]]) -> float:
    """Return which share of the ruler's change is a standard deviation of the ratio, `LEFT_OPEN` at most.

    The processes of two sessions tell how a trial follows its ruler: a regression through both means, whose 95 %
    interval, as far as it reaches from 1, is two standard deviations. A noisy ruler flattens it and leaves more open.
    """
    freedom = len(wander) - 3  # two means and a slope
    squares = sum(ruler**2 for ruler, _ in wander)
    if freedom < 1 or squares == 0:
        return LEFT_OPEN
    slope = sum(ruler * trial for ruler, trial in wander) / squares
    residue = sum((trial - slope * ruler) ** 2 for ruler, trial in wander) / freedom
    reach = abs(1 - slope) + student(CONFIDENCE, freedom) * math.sqrt(residue / squares)
    return min(LEFT_OPEN, reach / 2)


def _freedom(total: float, parts: Sequence[tuple[float, int]]) -> int:
    """Return the degrees of freedom of a sum of variances (Satterthwaite); the fixed part of it has no end of them."""
    weights = sum(variance**2 / freedom for variance, freedom in parts)
    return _MOST_FREEDOM if weights == 0 else max(1, min(_MOST_FREEDOM, math.floor(total**2 / weights)))
