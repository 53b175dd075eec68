"""Drive an agent through one session: the host sleeps on the stream and answers after each invocation."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from edgebench.board.wire import Alive, Event, InvocationDone, Lost, Refused, SessionPlan, encode, longest_silence_s
from edgebench.errors import UsageError
from edgebench.measure.plan import Protocol
from edgebench.measure.transport import Connection

MARGIN = 1.1
"""Invocations differ: the next one may take a tenth longer than the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known between two invocations; spans in seconds since the session began."""

    session: str
    invocation: int
    elapsed_s: float
    last_s: float
    alive: int


def drive(
    connection: Connection,
    plan: SessionPlan,
    keep: Callable[[Event], None],
    more: Callable[[Progress], bool],
) -> None:
    """Run a session to its end; `keep` gets every record, `more` decides after each invocation.

    Raise LinkLost when the agent ends before the session does, UsageError when it refuses the plan.
    """
    began = perf_counter()
    lost: set[str] = set()
    limit_s = longest_silence_s(plan)
    connection.send(encode(plan))
    while True:
        record = connection.receive(limit_s)
        if isinstance(record, Alive):
            continue
        if isinstance(record, Refused):
            raise UsageError(f"The agent refused session {plan.session}: {record.message}.")
        keep(record)
        if isinstance(record, Lost):
            lost.add(record.trial)
        if not isinstance(record, InvocationDone):
            continue
        progress = Progress(
            session=plan.session,
            invocation=record.invocation,
            elapsed_s=perf_counter() - began,
            last_s=record.seconds,
            alive=len(plan.trials) - len(lost),
        )
        if progress.alive == 0 or not more(progress):
            connection.send(b"stop\n")
            return
        connection.send(b"another\n")


def another(
    protocol: Protocol, progress: Progress, completed: int, room_s: float | None, narrow: Callable[[], bool]
) -> bool:
    """Tell whether a session goes on after `completed` invocations, those of earlier attempts included.

    It ends when the intervals are as narrow as asked for (`narrow`), when all invocations that were planned are done,
    or when the next one might not end within the `room_s` seconds that the session may take (None: any).
    """
    most = protocol.invocations if protocol.target is None else protocol.most_invocations
    if completed >= most:
        return False
    if room_s is not None and progress.elapsed_s + MARGIN * progress.last_s > room_s:
        return False
    return protocol.target is None or completed < protocol.invocations or not narrow()
