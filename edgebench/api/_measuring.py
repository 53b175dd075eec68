"""Measure one session of a run, on the agent at hand or on a new one when that was lost."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from edgebench import units
from edgebench.errors import DeviceUnreachableError
from edgebench.measure import session as sessions
from edgebench.measure.plan import TWIN, Files, Session, Trial, wire_plan
from edgebench.measure.session import Progress
from edgebench.measure.transport import Connection, LinkLost, Transport
from edgebench.store import Journal, Run, RunFolder
from edgebench.store.records import AgentLost, SessionEnded


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run in progress: where it is kept, whom it tells, and the agent that answers (None once it was lost)."""

    folder: RunFolder
    journal: Journal
    say: Callable[[str], None]
    transport: Transport
    connection: Connection | None
    spent_s: float = 0.0
    files: dict[str, Files] = field(default_factory=dict)

    def close(self) -> None:
        """End the agent, and keep what it measured but had not sent; out of reach, it stays where it was measured."""
        if self.connection is not None:
            self.connection.end()
            self.connection = None
        try:
            self.transport.recover(self.folder.path, None)
        except DeviceUnreachableError as error:
            self.say(f"What was measured last is still on the board; --resume fetches it. {error}")
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
    numbered = _next(state, session.name)

    def more(progress: Progress) -> bool:
        completed = done + progress.invocation - numbered + 1
        execution.say(_heard(progress, completed, protocol.invocations))
        return sessions.another(protocol, progress, completed, execution.spent_s)

    began = perf_counter()
    try:
        with _connected(execution) as connection:
            spool = execution.transport.spool(execution.folder.path, session.name)
            files = _placed(execution, connection, alive)
            plan = wire_plan(replace(session, trials=alive), protocol, files, numbered, spool)
            sessions.drive(connection, plan, execution.journal.append, more)
    except LinkLost as link:
        execution.close()
        execution.journal.append(AgentLost(session=session.name, reason=str(link)))
        execution.say(f"Session {session.name} was lost: {link}.")
    else:
        execution.journal.append(SessionEnded(session=session.name))
        execution.transport.clear(execution.folder.path, session.name)
    execution.spent_s += perf_counter() - began


@contextlib.contextmanager
def _connected(execution: Execution) -> Iterator[Connection]:
    if execution.connection is not None:
        yield execution.connection
        return
    with execution.transport.agent() as (connection, _):
        execution.connection = connection
        try:
            yield connection
        finally:
            execution.connection = None


def _placed(execution: Execution, connection: Connection, trials: tuple[Trial, ...]) -> dict[str, Files]:
    """Have the files of these trials on the measuring side, and return their paths there by trial."""
    there: dict[str, str] = {}

    def place(path: str | None) -> str | None:
        if path is not None and path not in there:
            there[path] = execution.transport.place(connection, Path(path))
        return None if path is None else there[path]

    placed = {}
    for trial in trials:
        original = trial.id.removesuffix(TWIN)
        here = execution.files[original]
        placed[original] = Files(
            artefact=place(here.artefact), inputs=place(here.inputs), reference=place(here.reference)
        )
    return placed


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
