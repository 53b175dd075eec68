"""One session while it runs: footprints first, then invocation after invocation, round by round."""

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgebench.board import blocks, dissecting, order, wire
from edgebench.board.child import Child, WorkerLost
from edgebench.board.cooling import Gate
from edgebench.board.dissecting import Bench
from edgebench.board.metering import Load, Metering
from edgebench.board.outbox import Outbox
from edgebench.board.probe import standing
from edgebench.board.sensors import Place
from edgebench.board.sustaining import Sustained, sustain
from edgebench.board.watching import Watcher
from edgebench.board.wire import (
    SLOW_CALL_S,
    Block,
    Closed,
    Footprint,
    FootprintsDone,
    InvocationDone,
    Ready,
    SessionPlan,
    TrialPlan,
)

_FOOTPRINT_CALLS = 20
_CHECKED_CALLS = 1
_NS = 1e-9


class Session:
    """The state of one session: which trials live, and how long their blocks are.

    The machine's files are read under `root`: where they stand for a board's, energy read there says so.
    """

    def __init__(self, plan: SessionPlan, outbox: Outbox, allowed: list[int], root: Path = Path("/")) -> None:
        most = max(trial.threads for trial in plan.trials)
        self._plan = plan
        self._outbox = outbox
        self._allowed = allowed
        self._watcher = Watcher(plan.session, allowed[-most:], root) if plan.watch else None
        self._gate = _gate(plan, self._watcher)
        self._metering: Metering | None = None
        if plan.energy is not None:
            place = Place(root=root)
            self._metering = Metering(plan.session, plan.energy, place, replayed=standing(root) is not None)
        self._lost: set[str] = set()
        self._own_clock: set[str] = set()
        self._call_s: dict[str, float] = {}

    def prepare(self) -> None:
        """Tell what can be watched and read here, and take the footprints that are asked for."""
        if self._watcher is not None:
            self._outbox.put(self._watcher.signals())
        if self._metering is not None:
            self._outbox.put(self._metering.source)
        if self._plan.footprints:
            began = time.perf_counter_ns()
            for trial in self._plan.trials:
                if trial.twin_of is None:
                    self._footprints(trial)
            self._outbox.put(FootprintsDone(session=self._plan.session, seconds=_seconds_since(began)))
        apart = self._plan.by_layer or any(trial.images for trial in self._plan.trials)
        if apart:
            self._dissect()
        if apart or self._plan.footprints:
            self._outbox.flush()

    def _dissect(self) -> None:
        """Have every trial answer its images, and its layers timed, as far as that is asked for."""
        bench = Bench(session=self._plan.session, started=self._alone, ask=self._ask)
        for trial in self._plan.trials:
            if trial.twin_of is not None or trial.id in self._lost:
                continue
            for answered in dissecting.answered(bench, trial):
                self._outbox.put(answered)
            taken = dissecting.by_layer(bench, trial) if self._plan.by_layer else None
            if taken is not None:
                self._outbox.put(taken)

    def _alone(self, trial: TrialPlan) -> contextlib.AbstractContextManager[Child]:
        return Child.started(trial, self._cpus(trial), self._plan.memory_limit_bytes)

    def invoke(self, invocation: int) -> bool:
        """Measure one invocation of every trial that lives; return whether any is left."""
        began = time.perf_counter_ns()
        trials = [trial for trial in self._plan.trials if trial.id not in self._lost]
        starts = [trials[index] for index in order.start_order(len(trials), self._plan.seed, invocation)]
        if self._plan.together and self._plan.sustained_s is None:
            self._cool_down(invocation)
            self._together(invocation, trials, starts)
        else:
            for trial in starts:
                self._cool_down(invocation)
                self._together(invocation, [trial], [trial])
        self._outbox.put(
            InvocationDone(session=self._plan.session, invocation=invocation, seconds=_seconds_since(began))
        )
        self._outbox.flush()
        return len(self._lost) < len(self._plan.trials)

    def _footprints(self, trial: TrialPlan) -> None:
        """Start a trial by itself as often as asked for; once only where a program keeps its memory from us."""
        calls = _FOOTPRINT_CALLS if self._plan.rounds else _CHECKED_CALLS  # without rounds nothing is timed
        command = {"do": "footprint", "calls": calls}
        for repeat in range(self._plan.footprints):
            limit = self._plan.memory_limit_bytes
            with Child.started(trial, self._cpus(trial), limit, weighed=True) as child:
                try:
                    fields = self._ask(child, {**command, "trial": child.description()})
                except WorkerLost as lost:
                    self._give_up(child, self._plan.first_invocation, lost)
                    return
                own_clock = fields.pop("own_clock")
                record = Footprint(
                    session=self._plan.session,
                    trial=trial.id,
                    repeat=repeat,
                    start_s=(fields.pop("ready_ns") - child.started_ns) * _NS,
                    group_bytes=child.group_peak_bytes,
                    **fields,
                )
            self._outbox.put(record)
            if own_clock:
                return

    def _together(self, invocation: int, trials: list[TrialPlan], starts: list[TrialPlan]) -> None:
        with contextlib.ExitStack() as stack:
            children: dict[str, Child] = {}
            for trial in starts:
                child = stack.enter_context(Child.started(trial, self._cpus(trial), self._plan.memory_limit_bytes))
                if self._open(child, invocation):
                    children[trial.id] = child
            if self._plan.sustained_s is None:
                self._rounds(invocation, trials, children)
            else:
                self._sustain(invocation, children, self._plan.sustained_s)
            self._meter(invocation, children)
            for child in children.values():
                if child.trial.id not in self._lost:
                    self._close(child, invocation)

    def _rounds(self, invocation: int, trials: list[TrialPlan], children: dict[str, Child]) -> None:
        """Run the rounds of workers that live together; `trials` are those for which the orders are drawn."""
        orders = order.round_orders(len(trials), self._plan.rounds, self._plan.seed, invocation)
        rounds = [self._round(trials, children, number, positions) for number, positions in enumerate(orders)]
        last = max((one.number for one in rounds if one.children), default=0)
        for one in rounds:
            living = [(position, child) for position, child in one.children if child.trial.id not in self._lost]
            if not living:
                continue
            before = self._watcher.look() if self._watcher is not None else None
            for position, child in living:
                self._block(child, invocation, one.number, position)
            if self._watcher is not None and before is not None:
                alone = None if self._plan.together else trials[0].id
                self._outbox.put(self._watcher.watched(before, invocation, one.number, alone, last=one.number == last))

    def _cool_down(self, invocation: int) -> None:
        """Wait until the processor is as cool as it was at first, where somebody tells its temperature."""
        if self._gate is None:
            return
        self._outbox.beat()
        gated = self._gate.wait(invocation)
        if gated is not None:
            self._outbox.put(gated)

    def _sustain(self, invocation: int, children: dict[str, Child], seconds: float) -> None:
        """Call each trial without a pause, until it has come to where it stays."""
        for child in children.values():
            sustain(
                Sustained(
                    session=self._plan.session,
                    invocation=invocation,
                    trial=child.trial.id,
                    call_s=self._estimate(child.trial),
                    seconds=seconds,
                    ask=partial(self._ask_or_lose, child, invocation),
                    put=self._outbox.put,
                    watcher=self._watcher,
                )
            )

    def _meter(self, invocation: int, children: dict[str, Child]) -> None:
        """Take the energy of every trial but the twin, and of those whose program cannot be kept busy."""
        if self._metering is None or not self._metering.is_possible:
            return
        loads = [
            Load(trial=name, call_s=self._estimate(child.trial), run=partial(self._load, child, invocation))
            for name, child in children.items()
            if child.trial.twin_of is None and name not in self._lost | self._own_clock
        ]
        self._metering.take(invocation, loads, self._outbox.put)

    def _load(self, child: Child, invocation: int, seconds: float, lead_s: float) -> dict[str, Any] | None:
        command = {"do": "load", "seconds": seconds, "lead_s": lead_s}
        return self._ask_or_lose(child, invocation, command, more_s=seconds + 2 * lead_s)

    def _ask_or_lose(
        self, child: Child, invocation: int, command: dict[str, Any], more_s: float = 0.0
    ) -> dict[str, Any] | None:
        """Return a worker's answer, None when it was lost over it."""
        try:
            return self._ask(child, command, more_s)
        except WorkerLost as lost:
            self._give_up(child, invocation, lost)
            return None

    def _round(
        self, trials: list[TrialPlan], children: dict[str, Child], number: int, positions: list[int]
    ) -> "_Round":
        """Return who has a block in a round, at which position."""
        present = [(position, children.get(trials[index].id)) for position, index in enumerate(positions)]
        return _Round(
            number=number,
            children=tuple(
                (position, child)
                for position, child in present
                if child is not None and blocks.takes_part(self._estimate(child.trial), number)
            ),
        )

    def _open(self, child: Child, invocation: int) -> bool:
        limits = {"warm_up_s": self._plan.warm_up_s, "warm_up_cap_s": self._plan.warm_up_cap_s}
        try:
            fields = self._ask(child, {"do": "open", "trial": child.description(), "limits": limits})
        except WorkerLost as lost:
            self._give_up(child, invocation, lost)
            return False
        fields["parity"] = wire.Parity(**fields["parity"]) if fields["parity"] else None
        ready = Ready(
            session=self._plan.session,
            invocation=invocation,
            trial=child.trial.id,
            memory_limited=child.memory_limited,
            **fields,
        )
        self._call_s.setdefault(child.trial.twin_of or child.trial.id, ready.call_s)
        if ready.own_clock:
            self._own_clock.add(child.trial.id)
        self._outbox.put(ready)
        return True

    def _block(self, child: Child, invocation: int, number: int, position: int) -> None:
        fields = self._ask_or_lose(child, invocation, self._block_command(self._estimate(child.trial)))
        if fields is None:
            return
        self._outbox.put(
            Block(
                session=self._plan.session,
                invocation=invocation,
                round=number,
                position=position,
                trial=child.trial.id,
                **fields,
            )
        )

    def _block_command(self, call_s: float) -> dict[str, Any]:
        if self._plan.pace_hz is not None:
            return {"do": "pace", "samples": blocks.paced_calls(self._plan.pace_hz), "hz": self._plan.pace_hz}
        calls = blocks.calls_per_sample(call_s)
        samples = blocks.samples_per_block(call_s * calls, self._plan.block_s)
        return {"do": "run", "samples": samples, "calls": calls, "priming": call_s <= SLOW_CALL_S}

    def _close(self, child: Child, invocation: int) -> None:
        if self._ask_or_lose(child, invocation, {"do": "close"}) is None:
            return
        self._outbox.put(Closed(session=self._plan.session, invocation=invocation, trial=child.trial.id))

    def _ask(self, child: Child, command: dict[str, Any], more_s: float = 0.0) -> dict[str, Any]:
        """Give a worker a command; the others are stopped, so this is the moment to be heard by the host."""
        self._outbox.beat()
        return child.ask(command, self._plan.stage_limit_s + more_s)

    def _give_up(self, child: Child, invocation: int, lost: WorkerLost) -> None:
        """Record how a worker ended; its trial is not started again, for what killed it would kill it again."""
        self._lost.add(child.trial.id)
        self._outbox.put(lost.record(self._plan.session, invocation, child.trial.id))

    def _estimate(self, trial: TrialPlan) -> float:
        """Return the seconds of a call; a twin and its original share the first estimate, so their blocks are equal."""
        return self._call_s[trial.twin_of or trial.id]

    def _cpus(self, trial: TrialPlan) -> list[int]:
        """Return the last `threads` of the allowed processors: on big.LITTLE boards those are the fast ones."""
        return self._allowed[-trial.threads :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """Who has a block in a round, each with its position."""

    number: int
    children: tuple[tuple[int, Child], ...]


def _gate(plan: SessionPlan, watcher: Watcher | None) -> Gate | None:
    """Return what holds invocations back until it is cool; nothing does where nobody watches."""
    if watcher is None:
        return None
    return Gate(session=plan.session, cap_s=plan.gate_s, temperature_c=watcher.temperature_c)


def _seconds_since(began_ns: int) -> float:
    return (time.perf_counter_ns() - began_ns) * _NS
