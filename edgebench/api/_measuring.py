"""Measure one session of a run, on the agent at hand or on a new one when that was lost."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import perf_counter

from edgebench import units
from edgebench.measure import session as sessions
from edgebench.measure import transport
from edgebench.measure.plan import TWIN, Files, Session, wire_plan
from edgebench.measure.session import Progress
from edgebench.measure.transport import Connection, LinkLost
from edgebench.store import Journal, Run, RunFolder
from edgebench.store.records import AgentLost, SessionEnded


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run in progress: where it is kept, whom it tells, and the agent that answers (None once it was lost)."""

    folder: RunFolder
    journal: Journal
    say: Callable[[str], None]
    connection: Connection | None
    spent_s: float = 0.0
    files: dict[str, Files] = field(default_factory=dict)

    def close(self) -> None:
        """End the agent, and keep what it measured but had not sent."""
        if self.connection is not None:
            self.connection.end()
            self.connection = None
        self.folder.adopt_spools(self.journal)


def measure(execution: Execution, session: Session) -> None:
    """Measure what is still missing of a session and note how it ended."""
    state = execution.folder.read()
    lost = {one.trial for one in state.lost if one.session == session.name}
    alive = tuple(
        trial for trial in session.trials if trial.id.removesuffix(TWIN) in execution.files and trial.id not in lost
    )
    done = len(state.invocations.get(session.name, ()))
    protocol = state.started.protocol
    if not alive or done >= protocol.invocations:
        execution.journal.append(SessionEnded(session=session.name))
        return
    spool = execution.folder.spool(session.name)
    plan = wire_plan(replace(session, trials=alive), protocol, execution.files, _next(state, session.name), str(spool))

    def more(progress: Progress) -> bool:
        completed = done + progress.invocation - plan.first_invocation + 1
        execution.say(_heard(progress, completed, protocol.invocations))
        return sessions.another(protocol, progress, completed, execution.spent_s)

    began = perf_counter()
    try:
        with _connected(execution) as connection:
            sessions.drive(connection, plan, execution.journal.append, more)
    except LinkLost as link:
        execution.close()
        execution.journal.append(AgentLost(session=session.name, reason=str(link)))
        execution.say(f"Session {session.name} was lost: {link}.")
    else:
        execution.journal.append(SessionEnded(session=session.name))
        spool.unlink(missing_ok=True)
    execution.spent_s += perf_counter() - began


@contextlib.contextmanager
def _connected(execution: Execution) -> Iterator[Connection]:
    if execution.connection is not None:
        yield execution.connection
        return
    with transport.local() as (connection, _):
        execution.connection = connection
        try:
            yield connection
        finally:
            execution.connection = None


def _next(state: Run, session: str) -> int:
    """Return a number that no invocation of this session has had, not even one that was cut short."""
    started = [record.invocation for record in state.ready if record.session == session]
    failed = [record.invocation for record in state.lost if record.session == session]
    return max(started + failed, default=-1) + 1


def _heard(progress: Progress, completed: int, wanted: int) -> str:
    return (
        f"Session {progress.session}: invocation {completed} of {wanted} took {units.clock_time(progress.last_s)}, "
        f"{progress.alive} trial{'s' * (progress.alive != 1)} alive."
    )
