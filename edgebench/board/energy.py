"""What the energy of a session is read from, and a thread that reads it while workers compute and while they rest.

It runs in the agent, away from the processors that measure, and only in the windows that are made for it: reading
sensors while latency is taken would disturb both.
"""

import contextlib
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgebench.board import sensors
from edgebench.board.quantities import Joules, Watts
from edgebench.board.sensors import Channel, Gauge, Place, SensorError, Trouble, cpu_time, take
from edgebench.board.wire import EnergyPlan, EnergySource, SensorTrouble

MOST_SHARE = 0.02
"""Of one processor: what reading costs less than."""

_AIMED_SHARE = (
    0.0075  # by readings alone; waking up comes on top: 1.55 % in all of one that is a program (docs/energy.md)
)
_TRIAL_READINGS = 5
_LONGEST_PERIOD_S = 4.0  # a fifth of the longest window: measure.energy refuses one with a quarter unread
_READINGS_A_WINDOW = 50
_CALLS_A_WINDOW = 10
_LONGEST_WINDOW_S = 20.0  # but for calls so slow that ten of them take longer
_LEAD_S = 0.2
_LEAD_PERIODS = 2
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Readings of all rails, watts or joules by rail; None where one could not be read, and `trouble` says why."""

    at_ns: tuple[int, ...]
    readings: tuple[tuple[float | None, ...], ...]
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    at_ns: int
    values: tuple[float | None, ...]
    trouble: str | None


def choose(place: Place, plan: EnergyPlan) -> tuple["Sampler | None", tuple[Trouble, ...]]:
    """Return what reads the gauge on the highest rung, None where there is none, and what is wrong with the others.

    A gauge that is too dear to be read as often as windows need is passed over.
    """
    findings = sensors.survey(place, sensors.of_energy())
    troubles = list(sensors.troubles_of(findings))
    for gauge in sensors.ladder(findings, plan.preference):
        sampler = Sampler(gauge)
        if sampler.period_s <= _LONGEST_PERIOD_S:
            return sampler, tuple(troubles)
        troubles.append(_too_dear(sampler))
    return None, tuple(troubles)


def window_s(call_s: float, period_s: float | None, least_s: float) -> float:
    """Return how long a window is: `least_s`, 50 readings, and ten calls; 50 readings count up to 20 seconds.

    >>> window_s(0.01, 0.05, 2.0), window_s(0.01, 1.0, 2.0), window_s(4.0, None, 2.0)
    (2.5, 20.0, 40.0)
    """
    readings_s = min(_LONGEST_WINDOW_S, _READINGS_A_WINDOW * (period_s or 0.0))
    return max(least_s, readings_s, _CALLS_A_WINDOW * call_s)


def lead_s(period_s: float | None) -> float:
    """Return how long a load, or a rest, lasts before and after its window: powers take a moment to follow."""
    return max(_LEAD_S, _LEAD_PERIODS * (period_s or 0.0))


class Sampler:
    """Reads all rails of a gauge, in a thread, as often as it has something new and `MOST_SHARE` allows.

    `period_s` is longer than windows can do with (`choose`) where one reading costs too much.
    """

    def __init__(self, gauge: Gauge, now: Callable[[], int] = time.perf_counter_ns) -> None:
        self.gauge = gauge
        self._now = now
        self._kept: list[_Reading] = []
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self.reading_cpu_s = self._cost_s()
        self.period_s = max(min(gauge.period_s, _LONGEST_PERIOD_S), self.reading_cpu_s / _AIMED_SHARE)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read meanwhile."""
        self._ended.clear()
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._kept.clear()

    def read(self) -> None:
        """Take one reading of all rails, at the middle of the time that it takes."""
        began = self._now()
        values = [take(rail) for rail in self.gauge.rails]
        at_ns = (began + self._now()) // 2
        told = [f"{one.name}: {one.reason}" for one in values if isinstance(one, Trouble)]
        with self._changed:
            self._kept.append(
                _Reading(at_ns=at_ns, values=tuple(map(_number, values)), trouble="; ".join(told) or None)
            )
            self._changed.notify_all()

    def between(self, start_ns: int, end_ns: int) -> Taken:
        """Return the readings from the last one before a window to the first one after it, which is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._has(end_ns), timeout=_LONGEST_PERIOD_S + 2 * self.period_s)
            kept = list(self._kept)
        before = max((one.at_ns for one in kept if one.at_ns <= start_ns), default=start_ns)
        after = min((one.at_ns for one in kept if one.at_ns >= end_ns), default=end_ns)
        inside = [one for one in kept if before <= one.at_ns <= after]
        with self._changed:
            self._kept = [one for one in self._kept if one.at_ns >= before]
        return Taken(
            at_ns=tuple(one.at_ns for one in inside),
            readings=tuple(zip(*(one.values for one in inside), strict=True)),
            trouble=next((one.trouble for one in inside if one.trouble is not None), None),
        )

    def _has(self, end_ns: int) -> bool:
        return bool(self._kept) and self._kept[-1].at_ns >= end_ns

    def _go_on(self) -> None:
        due = time.perf_counter()
        while not self._ended.is_set():
            self.read()
            due = max(due + self.period_s, time.perf_counter())
            self._ended.wait(due - time.perf_counter())

    def _cost_s(self) -> float:
        """Return the processor's time that one reading takes, that of a program it may start included."""
        began = _cpu_s()
        for _ in range(_TRIAL_READINGS):
            self.read()
        self._kept.clear()
        return (_cpu_s() - began) / _TRIAL_READINGS


def told(
    session: str, sampler: Sampler | None, troubles: Sequence[Trouble], place: Place, *, replayed: bool
) -> EnergySource:
    """Return the record of what the energy of a session is read from."""
    found = tuple(
        SensorTrouble(sensor=one.sensor, name=one.name, kind=one.kind, reason=one.reason, advice=one.advice)
        for one in troubles
    )
    root = str(place.root) if replayed else None
    if sampler is None:
        return EnergySource(session=session, sensor=None, troubles=found, root=root)
    gauge = sampler.gauge
    return EnergySource(
        session=session,
        sensor=gauge.sensor,
        rung=gauge.rung,
        rails=tuple(rail.name for rail in gauge.rails),
        covers=gauge.covers,
        unit="W" if gauge.rails[0].quantity == "power" else "J",
        wraps_at_j=tuple(_range_j(rail) for rail in gauge.rails),
        period_s=sampler.period_s,
        reading_cpu_s=sampler.reading_cpu_s,
        status=_status(gauge.sensor),
        troubles=found,
        root=root,
    )


def _status(name: str) -> str | None:
    """Return what has to be known of a sensor's readings."""
    try:
        return sensors.load(name).STATUS
    except (ImportError, ValueError):
        return None


def busy_s(place: Place) -> float | None:
    """Return the seconds that all processors were busy since boot, None where nobody tells."""
    try:
        return cpu_time.busy_s(place.text(place.root / "proc/stat"))
    except SensorError:
        return None


def _too_dear(sampler: Sampler) -> Trouble:
    """Return why a gauge is not read: it would take too much of a processor, or leave gaps in windows."""
    gauge = sampler.gauge
    reason = (
        f"a reading takes {1e3 * sampler.reading_cpu_s:.3g} ms of a processor: expected "
        f"{1e3 * _AIMED_SHARE * _LONGEST_PERIOD_S:.3g} ms at most, for one every {_LONGEST_PERIOD_S:g} s, which "
        f"windows need, to stay under {100 * MOST_SHARE:g} % of it"
    )
    return Trouble(sensor=gauge.sensor, name=gauge.rail, kind="broken", reason=reason)


def _number(value: object) -> float | None:
    """Return a reading as it crosses the wire; nothing but a power or an energy is one."""
    if isinstance(value, Watts):
        return value.w
    return value.j if isinstance(value, Joules) else None


def _range_j(rail: Channel) -> float | None:
    return None if rail.wraps_at is None else rail.wraps_at.j


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
