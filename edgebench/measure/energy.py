"""From readings to joules: pure functions on powers, counters and windows (docs/energy.md)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np

from edgebench.board.quantities import Joules, Watts, joules, watts
from edgebench.measure.quantiles import student
from edgebench.measure.statistics import CONFIDENCE, FEWEST_INVOCATIONS, Estimate

MOST = Watts(w=2000.0)
"""No machine that edgebench measures draws more: what a counter would have told of it is refused."""

_IDLE_MOVED = 0.05
_LONGEST_GAP = 0.25  # of a window, without a reading in it
_FEWEST_WINDOWS = 4

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


class NoEnergyError(Exception):
    """A window's readings are no energy; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window in seconds of the clock of its readings."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PerCall:
    """The energy of one call of a load window: all of it, and what was above the idle power around the window.

    `idle_moved`: the idle power before and after differ by more than 5 % of what the load adds.
    """

    total: Joules
    above_idle: Joules
    idle: Watts
    idle_moved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerModel:
    """Watts = idle + slope x utilisation, of all processors together; `residual_sd` is of one window's mean power.

    Fitted over utilisations from `lowest` to `highest`; beyond them it says nothing. Their mean is `mean_utilisation`,
    and `utilisation_squares` the sum of their squared differences from it: what the line itself is uncertain by.
    """

    idle: Watts
    slope: Watts
    residual_sd: Watts
    windows: int
    lowest: float
    highest: float
    mean_utilisation: float
    utilisation_squares: float


def integrated(at_s: Sequence[float], power: Sequence[Watts], window: Span) -> Joules:
    """Return the energy of a power in a window, by trapezoids with its ends interpolated: exact on linear power.

    Raise NoEnergyError where the readings do not cover the window without a long gap.

    >>> times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> integrated(times, [watts(2 * time) for time in times], Span(start_s=0.5, end_s=4.5))
    Joules(j=20.0)
    """
    at = _covering(at_s, window)
    gap = _longest_gap(at, window)
    if gap > _LONGEST_GAP * window.seconds:
        raise NoEnergyError(f"no reading for {gap:.3g} s of a window of {window.seconds:.3g} s")
    values = np.array([one.w for one in power])
    inside = (at > window.start_s) & (at < window.end_s)
    times = np.concatenate([[window.start_s], at[inside], [window.end_s]])
    return joules(float(np.trapezoid(np.interp(times, at, values), times)))


def counted(at_s: Sequence[float], energy: Sequence[Joules], wraps_at: Joules | None, window: Span) -> Joules:
    """Return the energy that a counter told in a window, its ends interpolated; a wrap counts once.

    Raise NoEnergyError where readings lie so far apart that it may have passed its range unseen, where it fell and its
    range is not known, where it stood still, or where it ran faster than any machine draws.

    >>> counted([0.0, 1.0], [joules(262140.0), joules(5.0)], joules(262144.0), Span(start_s=0.0, end_s=1.0))
    Joules(j=9.0)
    """
    at = _covering(at_s, window)
    steps = [
        _step(then - now, later - earlier, wraps_at)
        for (earlier, later), (now, then) in zip(pairwise(at_s), pairwise(energy), strict=True)
    ]
    total = np.concatenate([[0.0], np.cumsum(steps)])
    start, end = np.interp([window.start_s, window.end_s], at, total)
    if end <= start:
        raise NoEnergyError(f"the counter stood still for {window.seconds:.3g} s")
    return joules(float(end - start))


def per_call(load: Joules, window: Span, calls: int, before: Watts, after: Watts) -> PerCall:
    """Return the energy of one of `calls` calls in a window; idle power is the mean of that before and after it.

    >>> per_call(joules(20), Span(start_s=0, end_s=2), 10, watts(4), watts(4)).above_idle
    Joules(j=1.2)
    """
    idle = watts((before.w + after.w) / 2)
    added = load.per(window.seconds) - idle
    return PerCall(
        total=joules(load.j / calls),
        above_idle=joules((load - idle.over(window.seconds)).j / calls),
        idle=idle,
        idle_moved=abs(before.w - after.w) > _IDLE_MOVED * abs(added.w),
    )


def estimate(by_invocation: Mapping[int, Joules]) -> Estimate | None:
    """Return the mean over invocations with its t interval; no interval below five, None without one invocation.

    Energies add up, and what is above idle may be nothing: so it is the mean of the figures, not of their logarithms.

    >>> estimate({0: joules(1.0), 1: joules(3.0)})
    Estimate(value=2.0, low=None, high=None, invocations=2, confidence=0.95)
    """
    values = [energy.j for energy in by_invocation.values()]
    n = len(values)
    if not n:
        return None
    centre, half = fmean(values), None
    if n >= FEWEST_INVOCATIONS:
        half = student(CONFIDENCE, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    low, high = (None, None) if half is None else (centre - half, centre + half)
    return Estimate(value=centre, low=low, high=high, invocations=n)


def fitted(utilisation: Sequence[float], power: Sequence[Watts]) -> PowerModel:
    """Return the line through windows' mean powers by least squares; raise NoEnergyError where they make none.

    >>> model = fitted([0.0, 0.25, 0.5, 1.0], [watts(2.0), watts(3.0), watts(4.0), watts(6.0)])
    >>> round(model.idle.w, 9), round(model.slope.w, 9)
    (2.0, 4.0)
    """
    if len(power) < _FEWEST_WINDOWS:
        raise NoEnergyError(f"{len(power)} windows make no line: expected {_FEWEST_WINDOWS} at least")
    u, p = np.array(utilisation, dtype=float), np.array([one.w for one in power])
    if float(np.ptp(u)) == 0:
        raise NoEnergyError("all windows have one utilisation: expected idle and busy ones")
    slope, idle = np.polyfit(u, p, 1)
    residual_sd = math.sqrt(float(np.sum((p - idle - slope * u) ** 2)) / (len(p) - 2))
    if slope <= 0 or idle <= 0:
        raise NoEnergyError(f"the line is {idle:.3g} W + {slope:.3g} W x utilisation: expected both above 0")
    return PowerModel(
        idle=watts(float(idle)),
        slope=watts(float(slope)),
        residual_sd=watts(residual_sd),
        windows=len(p),
        lowest=float(u.min()),
        highest=float(u.max()),
        mean_utilisation=float(u.mean()),
        utilisation_squares=float(np.sum((u - u.mean()) ** 2)),
    )


def modelled(model: PowerModel, call_s: float, cpu_s: float, cores: int) -> tuple[Estimate, Estimate]:
    """Return by a model the energy of a call that takes so long, and so much of `cores` processors: total, above idle.

    The interval of the total is that of a new window's power: what the line leaves unexplained, and how uncertain the
    line is there; that of what is above idle is the slope's. Neither holds anything of how the load differs from those
    that were fitted. `invocations` is what the degrees of freedom are worth: one more. Raise NoEnergyError beyond the
    utilisations of the fit.
    """
    utilisation = cpu_s / (call_s * cores)
    if not model.lowest <= utilisation <= model.highest * (1 + 1e-9):
        raise NoEnergyError(
            f"the power model was fitted on utilisations of {model.lowest:.2g} to {model.highest:.2g}: "
            f"{utilisation:.2g} lies beyond"
        )
    above_j = model.slope.over(utilisation * call_s).j
    freedom = model.windows - 2  # of n windows, less idle and slope
    half = student(CONFIDENCE, freedom) * model.residual_sd.over(call_s).j
    # of a new response at u: sd sqrt(1 + 1/n + (u - mean)^2 / Sxx); of the slope: sd / sqrt(Sxx) (Draper and Smith 1.4)
    leverage = (utilisation - model.mean_utilisation) ** 2 / model.utilisation_squares
    halves = (
        half * math.sqrt(1 + 1 / model.windows + leverage),
        half * utilisation / math.sqrt(model.utilisation_squares),
    )
    values = (model.idle.over(call_s).j + above_j, above_j)
    total, above = (
        Estimate(value=value, low=value - half, high=value + half, invocations=freedom + 1)
        for value, half in zip(values, halves, strict=True)
    )
    return total, above


def _covering(at_s: Sequence[float], window: Span) -> Floats:
    """Return the times of readings that cover a window; raise NoEnergyError where they do not."""
    at = np.array(at_s, dtype=float)
    if len(at) < 2 or at[0] > window.start_s or at[-1] < window.end_s:
        raise NoEnergyError("the readings do not cover the window")
    if (np.diff(at) <= 0).any():
        raise NoEnergyError("the readings are not in the order of their times")
    return at


def _longest_gap(at: Floats, window: Span) -> float:
    """Return the longest span without a reading, from the last one before a window to the first one after it."""
    first = int(np.searchsorted(at, window.start_s, side="right")) - 1
    last = int(np.searchsorted(at, window.end_s, side="left"))
    return float(np.diff(at[first : last + 1]).max())


def _step(rise: Joules, seconds: float, wraps_at: Joules | None) -> float:
    """Return what a counter counted from one reading to the next, in joules."""
    if wraps_at is not None and MOST.over(seconds) >= wraps_at:
        raise NoEnergyError(f"{seconds:.3g} s between readings: a counter of {wraps_at.j:.6g} J may wrap unseen")
    if rise.j < 0:
        if wraps_at is None:
            raise NoEnergyError("the counter fell, and where it begins again is not known")
        rise += wraps_at
    if rise > MOST.over(seconds):
        raise NoEnergyError(f"the counter rose by {rise.j:.6g} J in {seconds:.3g} s: more than {MOST.w:g} W")
    return rise.j
