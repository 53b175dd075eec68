"""Join an external meter's log with a run: its clock is found by when the load began and ended."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.board.sensors.meter import Log
from edgebench.measure.energy import NoEnergyError, Span

_COARSE_SHARE = 0.5  # of the meter's period, or of the shortest span's tenth
_FINE_S = 0.001
_AMBIGUOUS = 0.95
_CLEAR = 4.0  # standard errors by which load and rest must differ
_DRIFT_PERIODS = 0.5
_NEAR_S = 2.0
_FEWEST_SPANS = 3  # of each kind: fewer could be anywhere

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A span in which nothing but one load, or nothing at all, was going on."""

    span: Span
    loaded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A meter's clock against the board's: board = meter + `offset_s`, and `rate` seconds a second more from `at_s` on.

    `contrast_w` is by how much the meter saw load draw more than rest.
    """

    offset_s: float
    rate: float
    at_s: float
    contrast_w: float

    def times_s(self, log: Log) -> list[float]:
        """Return when a log's readings were taken, on the board's clock."""
        at = np.array(log.at_s)
        return [float(one) for one in at + self.offset_s + self.rate * (at + self.offset_s - self.at_s)]


def join(log: Log, spans: Sequence[Busy]) -> Joined:
    """Return where a log lies on the board's clock; raise NoEnergyError where it fits nowhere, or at several places.

    Power is highest over the loads and lowest over the rests only where the log lies right.
    """
    loads = sum(one.loaded for one in spans)
    if min(loads, len(spans) - loads) < _FEWEST_SPANS:
        raise NoEnergyError(
            f"the run has fewer than {_FEWEST_SPANS} windows of load and of rest: they could be anywhere"
        )
    course = _Course.of(log)
    first, last = min(one.span.start_s for one in spans), max(one.span.end_s for one in spans)
    low, high = last - log.at_s[-1], first - log.at_s[0]
    if low > high:
        raise NoEnergyError(
            f"the meter's log is {log.at_s[-1]:.0f} s long: the windows of the run take {last - first:.0f} s"
        )
    shortest = min(one.span.seconds for one in spans)
    step = min(_COARSE_SHARE * course.period_s, shortest / 10)
    offsets = np.arange(low, high + step, step)
    contrasts = course.contrast(spans, offsets)
    best = int(np.argmax(contrasts))
    elsewhere = contrasts[np.abs(offsets - offsets[best]) > shortest]
    if len(elsewhere) and elsewhere.max() > _AMBIGUOUS * contrasts[best]:
        raise NoEnergyError("the meter's log fits the run at several places: log the whole run, and nothing else")
    offset = _refined(course, spans, float(offsets[best]), step)
    contrast = float(course.contrast(spans, np.array([offset]))[0])
    _check_clear(course, spans, offset, contrast)
    rate, middle = _drift(course, spans, offset)
    return Joined(offset_s=offset, rate=rate, at_s=middle, contrast_w=contrast)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """A log as the energy used since its beginning, so that the mean power of any span is one difference."""

    at_s: Floats
    used_j: Floats
    period_s: float

    @classmethod
    def of(cls, log: Log) -> "_Course":
        at, power = np.array(log.at_s), np.array([one.w for one in log.power])
        steps = np.diff(at) * (power[1:] + power[:-1]) / 2
        return cls(at_s=at, used_j=np.concatenate([[0.0], np.cumsum(steps)]), period_s=float(np.median(np.diff(at))))

    def means_w(self, spans: Sequence[Busy], offsets: Floats) -> Floats:
        """Return the mean power of each span, [offset, span], if the log lay at these offsets."""
        starts = np.array([one.span.start_s for one in spans])[None, :] - offsets[:, None]
        ends = np.array([one.span.end_s for one in spans])[None, :] - offsets[:, None]
        used = np.interp(ends, self.at_s, self.used_j) - np.interp(starts, self.at_s, self.used_j)
        found: Floats = used / (ends - starts)
        return found

    def contrast(self, spans: Sequence[Busy], offsets: Floats) -> Floats:
        """Return by how much loads draw more than rests, in the mean, if the log lay at these offsets."""
        loaded = np.array([one.loaded for one in spans])
        means = self.means_w(spans, offsets)
        found: Floats = means[:, loaded].mean(axis=1) - means[:, ~loaded].mean(axis=1)
        return found


def _refined(course: _Course, spans: Sequence[Busy], near_s: float, reach_s: float) -> float:
    """Return the offset of the highest contrast around one, to a millisecond; the middle of a flat top."""
    offsets = np.arange(near_s - reach_s, near_s + reach_s + _FINE_S, _FINE_S)
    contrasts = course.contrast(spans, offsets)
    top = offsets[contrasts >= contrasts.max() - 1e-9 * abs(float(contrasts.max()))]
    return float((top[0] + top[-1]) / 2)


def _check_clear(course: _Course, spans: Sequence[Busy], offset: float, contrast: float) -> None:
    loaded = np.array([one.loaded for one in spans])
    (means,) = course.means_w(spans, np.array([offset]))
    error = float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in (means[loaded], means[~loaded]))))
    if contrast <= _CLEAR * error or contrast <= 0:
        raise NoEnergyError(
            f"the meter saw load draw {contrast:.3g} W more than rest, +- {error:.2g}: not clearly more"
        )


def _drift(course: _Course, spans: Sequence[Busy], offset: float) -> tuple[float, float]:
    """Return how much faster one clock runs, and about when; 0 where half of the meter's period explains it."""
    ordered = sorted(spans, key=lambda one: one.span.start_s)
    halves = [ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]]
    middles = [float(np.mean([one.span.start_s for one in half])) for half in halves]
    if any(len({one.loaded for one in half}) < 2 for half in halves):
        return 0.0, middles[0]
    reach = min(max(_NEAR_S, course.period_s), *(one.span.seconds for one in spans))
    moved = [_refined(course, half, offset, reach) for half in halves]
    if abs(moved[1] - moved[0]) <= _DRIFT_PERIODS * course.period_s:
        return 0.0, sum(middles) / 2
    return (moved[1] - moved[0]) / (middles[1] - middles[0]), sum(middles) / 2
