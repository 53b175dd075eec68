"""Drive an agent through one session: the host sleeps on the stream and answers after each invocation."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from edgebench.board.wire import Event, InvocationDone, Lost, Refused, SessionPlan, encode
from edgebench.errors import UsageError
from edgebench.measure.plan import Protocol
from edgebench.measure.transport import Connection


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
    connection.send(encode(plan))
    while True:
        record = connection.receive()
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


def another(protocol: Protocol, progress: Progress, completed: int, spent_s: float) -> bool:
    """Tell whether a session goes on: until its invocations are done, or the next would overrun the budget.

    `completed` counts the invocations of all attempts at this session, `spent_s` the seconds of the sessions before.
    """
    if completed >= protocol.invocations:
        return False
    if protocol.budget_s is None:
        return True
    return spent_s + progress.elapsed_s + progress.last_s <= protocol.budget_s
