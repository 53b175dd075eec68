"""What can be read of the windows of a session: the log of a meter, or what a sensor of the board said in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from edgebench.board.quantities import Joules, joules, watts
from edgebench.board.sensors import Rung
from edgebench.board.wire import EnergySource, EnergyWindow, SensorTrouble
from edgebench.measure import energy, joining
from edgebench.measure.energy import NoEnergyError, Span
from edgebench.measure.joining import Busy
from edgebench.store.records import Run
from edgebench.untrusted import plain

_NS = 1e-9

Reader = Callable[[EnergyWindow], Joules]
"""Returns the energy of a window; raises NoEnergyError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One rung on which the windows of a session can be read: what it measures, how often, and how it is read."""

    rung: Rung
    sensor: str
    rail: str
    covers: str | None
    rate_hz: float
    read: Reader


def windows(run: Run, session: str) -> list[EnergyWindow]:
    """Return the windows of a session's complete invocations, in their order."""
    complete = run.invocations.get(session, ())
    found = [
        one
        for one in run.energy_windows
        if one.session == session
        and one.invocation in complete
        and one.began_ns <= one.start_ns < one.end_ns <= one.ended_ns
    ]
    return sorted(found, key=lambda one: one.start_ns)


def sources(run: Run, session: str, taken: Sequence[EnergyWindow]) -> tuple[list[Source], list[str]]:
    """Return what tells the energy of a session, the highest rung first, and why others do not."""
    found, refused = [], []
    if run.meter is not None and taken:
        try:
            found.append(_of_meter(run, taken))
        except NoEnergyError as error:
            refused.append(f"external meter: {error}")
    elif run.started.protocol.meter:
        refused.append("external meter: the run folder has no log of it (meter.csv)")
    source = run.energy_sources.get(session)
    if source is not None and source.sensor is not None and not _is_whole(source):
        refused.append(f"{source.sensor}: what the board says of it makes no sense")
    elif source is not None and source.sensor is not None:
        found.append(_of_board(source))
    elif source is not None:
        refused += [f"{one.name}: {one.reason}" for one in _worth_saying(source)]
    return found, refused


def _is_whole(source: EnergySource) -> bool:
    """Tell whether a board says all that its readings need: what it says is not trusted."""
    ranges = [one for one in source.wraps_at_j if one is not None]
    return (
        source.unit is not None
        and bool(source.rails)
        and len(source.wraps_at_j) == len(source.rails)
        and all(one > 0 for one in ranges)
        and (source.period_s or 0) > 0
    )


def _of_meter(run: Run, taken: Sequence[EnergyWindow]) -> Source:
    assert run.meter is not None
    spans = [
        Busy(span=Span(start_s=one.began_ns * _NS, end_s=one.ended_ns * _NS), loaded=one.calls > 0) for one in taken
    ]
    joined = joining.join(run.meter, spans)
    at_s = joined.times_s(run.meter)
    return Source(
        rung="external meter",
        sensor="meter",
        rail="the board's supply",
        covers="all that the meter's supply feeds",
        rate_hz=1 / float(np.median(np.diff(at_s))),
        read=lambda window: energy.integrated(at_s, run.meter.power if run.meter else (), span(window)),
    )


def _of_board(source: EnergySource) -> Source:
    assert source.sensor is not None
    assert source.period_s is not None
    return Source(
        rung="board rail" if source.rung == "board rail" else "package counter",
        sensor=plain(source.sensor),
        rail=plain(" + ".join(source.rails)),
        covers=source.covers and plain(source.covers),
        rate_hz=1 / source.period_s,
        read=partial(_read_rails, source),
    )


def _read_rails(source: EnergySource, window: EnergyWindow) -> Joules:
    """Return the energy of all rails of a window together."""
    if window.trouble is not None:
        raise NoEnergyError(window.trouble)
    if len(window.readings) != len(source.rails):
        raise NoEnergyError("the window was not read")
    at_s = [moment * _NS for moment in window.at_ns]
    total = joules(0.0)
    for values, wraps_at_j in zip(window.readings, source.wraps_at_j, strict=True):
        told = [value for value in values if value is not None]
        if len(told) != len(at_s):
            raise NoEnergyError("a rail could not be read throughout the window")
        if source.unit == "W":
            total += energy.integrated(at_s, [watts(value) for value in told], span(window))
        else:
            wraps_at = None if wraps_at_j is None else joules(wraps_at_j)
            total += energy.counted(at_s, [joules(value) for value in told], wraps_at, span(window))
    return total


def _worth_saying(source: EnergySource) -> list[SensorTrouble]:
    """Return the troubles of sensors that are there; where none is, of all that a board might have."""
    there = [one for one in source.troubles if one.kind != "missing"]
    return there or [one for one in source.troubles if one.sensor != "meter"]


def span(window: EnergyWindow) -> Span:
    """Return a window on the board's clock, in seconds."""
    return Span(start_s=window.start_ns * _NS, end_s=window.end_ns * _NS)
