"""Windows of load and rest whose power is known, as an agent would send them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgebench.board.quantities import watts
from edgebench.board.sensors.meter import Log
from edgebench.board.wire import EnergySource, EnergyWindow, SensorTrouble
from edgebench.measure.plan import Protocol, Trial
from edgebench.store.records import RunStarted

ENERGY = Protocol(energy=True)
IDLE_W = 3.0
WINDOW_S, LEAD_S, GAP_S, START_S = 2.0, 0.2, 0.01, 6.3
PERIOD_S = 0.05
CALLS = 200

BOARD = EnergySource(
    session="s1",
    sensor="ina3221",
    rung="board rail",
    rails=("VDD_IN",),
    covers="the whole module, at its input",
    unit="W",
    wraps_at_j=(None,),
    period_s=PERIOD_S,
    reading_cpu_s=1e-4,
    status="not run on hardware",
)
NOTHING = EnergySource(
    session="s1",
    sensor=None,
    troubles=(
        SensorTrouble(sensor="rapl", name="rapl", kind="missing", reason="no zone"),
        SensorTrouble(sensor="meter", name="meter", kind="missing", reason="given as a file"),
    ),
)


def metered(started: RunStarted, **changes: Any) -> RunStarted:
    """A plan that asks for energy."""
    return replace(started, protocol=replace(ENERGY, **changes))


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The windows of all invocations, and the true power at any time of the board's clock."""

    windows: tuple[EnergyWindow, ...]
    power_w: Callable[[float], float]

    def with_readings(self, source: EnergySource = BOARD) -> list[EnergyWindow]:
        """Each window with what a sensor on that board would have read."""
        return [self._read(window, source) for window in self.windows]

    def logged(self, offset_s: float, period_s: float = 0.2) -> Log:
        """What an external meter would have written, whose clock is ahead of the board's by so much."""
        end_s = self.windows[-1].end_ns * 1e-9 + 10
        at_s = np.arange(0.0, end_s, period_s)
        return Log(at_s=tuple(at_s.tolist()), power=tuple(watts(self.power_w(at - offset_s)) for at in at_s))

    def _read(self, window: EnergyWindow, source: EnergySource) -> EnergyWindow:
        at_s = np.arange(window.start_ns * 1e-9 - PERIOD_S / 2, window.end_ns * 1e-9 + PERIOD_S, PERIOD_S)
        if source.unit == "W":
            values = [self.power_w(at) for at in at_s]
        else:
            fine = np.arange(0.0, at_s[-1] + 0.01, 0.01)
            used = np.cumsum([self.power_w(at) for at in fine]) * 0.01
            values = [float(np.interp(at, fine, used)) for at in at_s]
            (wraps_at_j,) = source.wraps_at_j
            values = [value % wraps_at_j for value in values] if wraps_at_j else values
        return replace(window, at_ns=tuple(round(at * 1e9) for at in at_s), readings=(tuple(values),))


def made(loads_w: dict[Trial, Sequence[float]]) -> Pass:
    """One pass an invocation: rest and load in turn; a trial's load draws so much above idle in each invocation."""
    windows: list[EnergyWindow] = []
    loads: list[tuple[float, float, float]] = []
    now_s = START_S
    invocations = len(next(iter(loads_w.values())))
    for invocation in range(invocations):
        order: list[Trial | None] = [None]
        for trial in loads_w:
            order += [trial, None]
        for number, one in enumerate(order):
            began_s, start_s, end_s = now_s, now_s + LEAD_S, now_s + LEAD_S + WINDOW_S
            windows.append(
                EnergyWindow(
                    session="s1",
                    invocation=invocation,
                    number=number,
                    trial=None if one is None else one.id,
                    began_ns=round(began_s * 1e9),
                    start_ns=round(start_s * 1e9),
                    end_ns=round(end_s * 1e9),
                    ended_ns=round((end_s + LEAD_S) * 1e9),
                    calls=0 if one is None else CALLS,
                    cpu_ns=None if one is None else round(WINDOW_S * 1e9),
                    busy_s=0.0 if one is None else WINDOW_S + 2 * LEAD_S,
                )
            )
            if one is not None:
                loads.append((began_s, end_s + LEAD_S, loads_w[one][invocation]))
            now_s = end_s + LEAD_S + GAP_S
        now_s += START_S

    def power_w(at_s: float) -> float:
        return IDLE_W + sum(above for began, end, above in loads if began <= at_s <= end)

    return Pass(windows=tuple(windows), power_w=power_w)
