"""The energy pass of an invocation: idling and load in turn, each in a window of its own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgebench.board import energy
from edgebench.board.energy import Taken
from edgebench.board.sensors import Place
from edgebench.board.wire import EnergyPlan, EnergySource, EnergyWindow

_NS_PER_S = 10**9
_NOTHING = Taken(at_ns=(), readings=(), trouble=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A trial to be kept busy: `run` has its worker do so for a window, and returns what it answers, None if lost."""

    trial: str
    call_s: float
    run: Callable[[float, float], dict[str, Any] | None]


class Metering:
    """Measures the energy of one session's trials with the best sensor of this machine, or for a meter beside it."""

    def __init__(self, session: str, plan: EnergyPlan, place: Place, *, replayed: bool = False) -> None:
        self._sampler, troubles = energy.choose(place, plan)
        self._session = session
        self._plan = plan
        self._place = place
        self._source = energy.told(session, self._sampler, troubles, place, replayed=replayed)
        self._next: dict[int, int] = {}

    @property
    def source(self) -> EnergySource:
        """Return what the energy is read from, and what is wrong with other sensors."""
        return self._source

    @property
    def is_possible(self) -> bool:
        """Tell whether windows are worth making: somebody reads something meanwhile."""
        return self._sampler is not None or self._plan.meter

    def take(self, invocation: int, loads: Sequence[Load], put: Callable[[EnergyWindow], None]) -> None:
        """Idle, keep one trial busy, idle, keep the next one busy, ..., idle; each window is `put` as it ends.

        Where trials run one after the other an invocation has several of these passes; its windows are numbered on.
        """
        if self._sampler is None:
            self._take(invocation, loads, put)
            return
        with self._sampler.reading():
            self._take(invocation, loads, put)

    def _take(self, invocation: int, loads: Sequence[Load], put: Callable[[EnergyWindow], None]) -> None:
        period_s = self._sampler.period_s if self._sampler is not None else None
        spans_s = [energy.window_s(load.call_s, period_s, self._plan.window_s) for load in loads]
        lead_s = energy.lead_s(period_s)
        number = self._next.get(invocation, 0)
        for at, load in enumerate(loads):
            put(self._rest(invocation, number, max(spans_s[max(0, at - 1) : at + 1]), lead_s))
            busy = energy.busy_s(self._place)
            answer = load.run(spans_s[at], lead_s)
            if answer is not None:
                put(self._window(invocation, number + 1, load.trial, busy, **answer))
            number += 2
        if loads:
            put(self._rest(invocation, number, spans_s[-1], lead_s))
            self._next[invocation] = number + 1

    def _rest(self, invocation: int, number: int, seconds: float, lead_s: float) -> EnergyWindow:
        busy, began = energy.busy_s(self._place), time.perf_counter_ns()
        time.sleep(lead_s)
        start = time.perf_counter_ns()
        time.sleep(seconds)
        end = time.perf_counter_ns()
        time.sleep(lead_s)
        spans = {"began_ns": began, "start_ns": start, "end_ns": end, "ended_ns": time.perf_counter_ns()}
        return self._window(invocation, number, None, busy, calls=0, **spans)

    def _window(
        self, invocation: int, number: int, trial: str | None, busy_before: float | None, **fields: Any
    ) -> EnergyWindow:
        """Return the record of a window that has just ended."""
        busy_after = energy.busy_s(self._place)
        sampler = self._sampler
        taken = sampler.between(fields["start_ns"], fields["end_ns"]) if sampler is not None else _NOTHING
        return EnergyWindow(
            session=self._session,
            invocation=invocation,
            number=number,
            trial=trial,
            busy_s=None if busy_before is None or busy_after is None else busy_after - busy_before,
            at_ns=taken.at_ns,
            readings=taken.readings,
            trouble=taken.trouble,
            **fields,
        )
