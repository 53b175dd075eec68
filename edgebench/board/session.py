"""One session while it runs: footprints first, then invocation after invocation, round by round."""

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from edgebench.board import blocks, order, wire
from edgebench.board.child import Child, WorkerLost
from edgebench.board.outbox import Outbox
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
    """The state of one session: which trials live, and how long their blocks are."""

    def __init__(self, plan: SessionPlan, outbox: Outbox, allowed: list[int]) -> None:
        most = max(trial.threads for trial in plan.trials)
        self._plan = plan
        self._outbox = outbox
        self._allowed = allowed
        self._watcher = Watcher(plan.session, allowed[-most:]) if plan.watch else None
        self._lost: set[str] = set()
        self._call_s: dict[str, float] = {}

    def prepare(self) -> None:
        """Tell what can be watched here, and take the footprints that are asked for."""
        if self._watcher is not None:
            self._outbox.put(self._watcher.signals())
        if not self._plan.footprints:
            return
        began = time.perf_counter_ns()
        for trial in self._plan.trials:
            if trial.twin_of is None:
                self._footprints(trial)
        self._outbox.put(FootprintsDone(session=self._plan.session, seconds=_seconds_since(began)))
        self._outbox.flush()

    def invoke(self, invocation: int) -> bool:
        """Measure one invocation of every trial that lives; return whether any is left."""
        began = time.perf_counter_ns()
        trials = [trial for trial in self._plan.trials if trial.id not in self._lost]
        starts = [trials[index] for index in order.start_order(len(trials), self._plan.seed, invocation)]
        if self._plan.together:
            self._together(invocation, trials, starts)
        else:
            for trial in starts:
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
            self._rounds(invocation, trials, children)
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
        self._outbox.put(ready)
        return True

    def _block(self, child: Child, invocation: int, number: int, position: int) -> None:
        try:
            fields = self._ask(child, self._block_command(self._estimate(child.trial)))
        except WorkerLost as lost:
            self._give_up(child, invocation, lost)
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
        try:
            self._ask(child, {"do": "close"})
        except WorkerLost as lost:
            self._give_up(child, invocation, lost)
            return
        self._outbox.put(Closed(session=self._plan.session, invocation=invocation, trial=child.trial.id))

    def _ask(self, child: Child, command: dict[str, Any]) -> dict[str, Any]:
        """Give a worker a command; the others are stopped, so this is the moment to be heard by the host."""
        self._outbox.beat()
        return child.ask(command, self._plan.stage_limit_s)

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


def _seconds_since(began_ns: int) -> float:
    return (time.perf_counter_ns() - began_ns) * _NS
