"""The process on the measuring side that owns sessions: starts workers, runs the rounds, keeps what came of them.

Started as `python -m edgebench.board.agent`, locally or through ssh. It says hello, reads one session plan a line, and
after each invocation writes all that was measured and waits for `another` or `stop`. While workers measure it writes
only to its spool file: the host sleeps until an invocation is over.
"""

import argparse
import contextlib
import ctypes
import fcntl
import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgebench.board import files, order, wire
from edgebench.board.backends import installed
from edgebench.board.child import Child, WorkerLost
from edgebench.board.probe import probe
from edgebench.board.wire import (
    Block,
    Closed,
    Event,
    FilesAsked,
    FilesState,
    InvocationDone,
    Ready,
    SessionPlan,
    TrialPlan,
)

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SLOW_CALL_S = 0.05  # MEASUREMENT 2.1: above it no priming call, and half of the rounds
_MOST_SAMPLES = 200
_LOCK_PAUSE_S = 0.5
_CLOCK_PAIR_S = 52e-9
_CLOCK_SHARE = 0.01


class Outbox:
    """Records on their way to the host: into the spool at once, onto the wire when no worker measures."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        self._spool: BinaryIO | None = None

    @contextlib.contextmanager
    def spooling(self, path: str | None) -> Iterator[None]:
        """Keep a copy of every record in a file; without one (None, or a full disk) the stream is all there is."""
        with contextlib.ExitStack() as stack:
            if path is not None:
                with contextlib.suppress(OSError):
                    Path(path).parent.mkdir(exist_ok=True)
                    self._spool = stack.enter_context(Path(path).open("ab", buffering=0))
            yield
        self._spool = None

    def put(self, record: Event) -> None:
        """Keep a record until the next `flush`."""
        line = wire.encode(record)
        self._waiting.append(line)
        if self._spool is not None:
            try:
                whole = self._spool.write(line) == len(line)
            except OSError:
                whole = False
            if not whole:  # a full disk on the board: the host still gets the record
                self._spool = None

    def flush(self) -> None:
        """Write what waits to the host; a host that is gone is no reason to stop (the spool has it all)."""
        lines, self._waiting = self._waiting, []
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(b"".join(lines))
            self._stream.flush()


class Session:
    """The state of one session while it runs: which trials live, and how long their blocks are."""

    def __init__(self, plan: SessionPlan, outbox: Outbox, allowed: list[int]) -> None:
        self._plan = plan
        self._outbox = outbox
        self._allowed = allowed
        self._lost: set[str] = set()
        self._call_s: dict[str, float] = {}

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
            InvocationDone(
                session=self._plan.session,
                invocation=invocation,
                seconds=(time.perf_counter_ns() - began) / 1e9,
            )
        )
        self._outbox.flush()
        return len(self._lost) < len(self._plan.trials)

    def _together(self, invocation: int, trials: list[TrialPlan], starts: list[TrialPlan]) -> None:
        with contextlib.ExitStack() as stack:
            children: dict[str, Child] = {}
            for trial in starts:
                child = stack.enter_context(Child.started(trial, self._cpus(trial), self._plan.memory_limit_bytes))
                if self._open(child, invocation):
                    children[trial.id] = child
            orders = order.round_orders(len(trials), self._plan.rounds, self._plan.seed, invocation)
            for number, positions in enumerate(orders):
                self._round(invocation, number, [children.get(trials[index].id) for index in positions])
            for child in children.values():
                if child.trial.id not in self._lost:
                    self._close(child, invocation)

    def _round(self, invocation: int, number: int, children: list[Child | None]) -> None:
        for position, child in enumerate(children):
            if child is None or child.trial.id in self._lost:
                continue
            # Rounds 0, 1, 4, 5, ...: in pairs, so that two slow trials still stand in both orders equally often.
            if self._estimate(child.trial) > _SLOW_CALL_S and number // 2 % 2:
                continue
            self._block(child, invocation, number, position)

    def _open(self, child: Child, invocation: int) -> bool:
        limits = {"warm_up_s": self._plan.warm_up_s, "warm_up_cap_s": self._plan.warm_up_cap_s}
        try:
            fields = child.ask({"do": "open", "trial": child.description(), "limits": limits}, self._limit())
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
        call_s = self._estimate(child.trial)
        calls = calls_per_sample(call_s)
        samples = samples_per_block(call_s * calls, self._plan.block_s)
        try:
            fields = child.ask(
                {"do": "run", "samples": samples, "calls": calls, "priming": call_s <= _SLOW_CALL_S}, self._limit()
            )
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

    def _close(self, child: Child, invocation: int) -> None:
        try:
            fields = child.ask({"do": "close"}, self._limit())
        except WorkerLost as lost:
            self._give_up(child, invocation, lost)
            return
        record = wire.Memory(**fields["memory"]) if fields["memory"] else None
        self._outbox.put(Closed(session=self._plan.session, invocation=invocation, trial=child.trial.id, memory=record))

    def _give_up(self, child: Child, invocation: int, lost: WorkerLost) -> None:
        """Record how a worker ended; its trial is not started again, for what killed it would kill it again."""
        self._lost.add(child.trial.id)
        self._outbox.put(lost.record(self._plan.session, invocation, child.trial.id))

    def _estimate(self, trial: TrialPlan) -> float:
        """Return the seconds of a call; a twin and its original share the first estimate, so their blocks are equal."""
        return self._call_s[trial.twin_of or trial.id]

    def _limit(self) -> float:
        return self._plan.stage_limit_s

    def _cpus(self, trial: TrialPlan) -> list[int]:
        """Return the last `threads` of the allowed processors: on big.LITTLE boards those are the fast ones."""
        return self._allowed[-trial.threads :]


def calls_per_sample(call_s: float) -> int:
    """Return how many calls a sample needs so that reading the clock costs under 1 % of it.

    >>> calls_per_sample(0.01), calls_per_sample(1e-6)
    (1, 6)
    """
    return max(1, -int(-_CLOCK_PAIR_S / _CLOCK_SHARE // call_s))


def samples_per_block(sample_s: float, block_s: float) -> int:
    """Return how many samples fill a block, 200 at most.

    >>> samples_per_block(0.009, 0.03), samples_per_block(0.2, 0.03), samples_per_block(1e-5, 0.03)
    (4, 1, 200)
    """
    return min(_MOST_SAMPLES, math.ceil(block_s / sample_s))


def serve(commands: BinaryIO, outbox: Outbox) -> None:
    """Run the sessions that the host asks for, until it closes the stream."""
    allowed = sorted(os.sched_getaffinity(0))
    outbox.put(wire.Hello(protocol=wire.PROTOCOL, pid=os.getpid(), facts=probe(), runtimes=installed()))
    outbox.flush()
    for line in commands:
        try:
            request = wire.decode_request(line)
            if isinstance(request, FilesAsked):
                outbox.put(FilesState(missing=tuple(files.settle(Path(files.FOLDER), request.wanted))))
                outbox.flush()
                continue
        except wire.WireError as error:
            outbox.put(wire.Refused(message=str(error)))
            outbox.flush()
            continue
        with outbox.spooling(request.spool):
            _run(request, commands, outbox, allowed)


def _run(plan: SessionPlan, commands: BinaryIO, outbox: Outbox, allowed: list[int]) -> None:
    """Run a session; between invocations the host answers, for the stop rule is its business."""
    most = max(trial.threads for trial in plan.trials)
    if most > len(allowed):
        outbox.put(wire.Refused(message=f"{most} threads asked for: this side may use {len(allowed)} processors"))
        outbox.flush()
        return
    os.sched_setaffinity(0, allowed[:-most] or allowed)
    session = Session(plan, outbox, allowed)
    for invocation in itertools.count(plan.first_invocation):
        alive = session.invoke(invocation)
        if commands.readline().strip() != b"another" or not alive:
            return


def main() -> int:
    """Serve the host on standard input and output."""
    parser = argparse.ArgumentParser(prog="edgebench.board.agent", description="Measure what the host asks for.")
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    parser.add_argument("--lock", type=Path, help="measure only while this file is locked by us")
    parser.add_argument("--wait", type=float, default=120, help="how many seconds to wait for that lock")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    if arguments.die_with_parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    outbox = Outbox(sys.stdout.buffer)
    with contextlib.ExitStack() as stack:
        if arguments.lock is not None and not _locked(stack.enter_context(arguments.lock.open("ab")), arguments.wait):
            outbox.put(wire.Refused(message=f"another session is measuring: {arguments.lock} is locked"))
            outbox.flush()
            return 1
        serve(sys.stdin.buffer, outbox)
    return 0


def _locked(file: BinaryIO, wait_s: float) -> bool:
    """Lock a file, and tell whether that worked: after a lost link the agent before this one may still be measuring."""
    until = time.perf_counter() + wait_s
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.perf_counter() >= until:
            return False
        time.sleep(_LOCK_PAUSE_S)


def _stop(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
