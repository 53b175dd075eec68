"""Measure one session of a run, on the agent at hand or on a new one when that was lost."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgebench import units
from edgebench.board.wire import Block, Event, FootprintsDone, InvocationDone
from edgebench.errors import DeviceUnreachableError
from edgebench.formats import Dataset
from edgebench.measure import session as sessions
from edgebench.measure import stopping
from edgebench.measure.plan import TWIN, Files, Protocol, Session, Trial, wire_plan
from edgebench.measure.series import series
from edgebench.measure.session import Progress
from edgebench.measure.transport import Connection, LinkLost, Transport
from edgebench.store import Journal, Run, RunFolder
from edgebench.store.records import AgentLost, SessionEnded


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run in progress: where it is kept, whom it tells, and the agent that answers (None once it was lost).

    `dataset` are the images that trials answer, if it was asked for.
    """

    folder: RunFolder
    journal: Journal
    say: Callable[[str], None]
    transport: Transport
    connection: Connection | None
    files: dict[str, Files] = field(default_factory=dict)
    dataset: Dataset | None = None

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


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What came of a session so far, earlier attempts included: all that the stop rule needs to know."""

    blocks: list[Block]
    complete: list[int]

    def hear(self, record: Event) -> None:
        """Keep what the stop rule looks at."""
        if isinstance(record, Block):
            self.blocks.append(record)
        elif isinstance(record, InvocationDone):
            self.complete.append(record.invocation)

    def narrow(self, target: float) -> bool:
        """Tell whether every ratio's interval is as narrow as the target."""
        trials = dict.fromkeys(block.trial for block in self.blocks)
        measured = {
            trial: series([block for block in self.blocks if block.trial == trial], self.complete) for trial in trials
        }
        return stopping.narrow_enough(measured, target)


def measure(execution: Execution, session: Session, room_s: float | None = None) -> None:
    """Measure what is still missing of a session, in `room_s` seconds if given, and note how it ended."""
    state = execution.folder.read()
    lost = {one.trial for one in state.lost if one.session == session.name}
    alive = tuple(
        trial for trial in session.trials if trial.id.removesuffix(TWIN) in execution.files and trial.id not in lost
    )
    heard = _Heard(
        blocks=[block for block in state.blocks if block.session == session.name],
        complete=list(state.invocations.get(session.name, ())),
    )
    protocol = _remaining(state, session)
    if not alive or not _open(protocol, heard):
        execution.journal.append(SessionEnded(session=session.name))
        return

    def keep(record: Event) -> None:
        execution.journal.append(record)
        heard.hear(record)
        if isinstance(record, FootprintsDone):
            execution.say(f"Session {session.name}: memory was taken in {units.clock_time(record.seconds)}.")

    def more(progress: Progress) -> bool:
        execution.say(_told(progress, len(heard.complete), protocol))
        return sessions.another(
            protocol, progress, len(heard.complete), room_s, lambda: heard.narrow(protocol.target or 0)
        )

    try:
        with _connected(execution) as connection:
            spool = execution.transport.spool(execution.folder.path, session.name)
            files = _placed(execution, connection, alive, dissected=_begun(state, session))
            plan = wire_plan(replace(session, trials=alive), protocol, files, _next(state, session.name), spool)
            sessions.drive(connection, plan, keep, more)
    except LinkLost as link:
        execution.close()
        execution.journal.append(AgentLost(session=session.name, reason=str(link)))
        execution.say(f"Session {session.name} was lost: {link}.")
    else:
        execution.journal.append(SessionEnded(session=session.name))
        execution.transport.clear(execution.folder.path, session.name)


def _remaining(state: Run, session: Session) -> Protocol:
    """Return the protocol of a run, without what comes before the first invocation where a session has it already."""
    protocol = state.started.protocol
    if _begun(state, session):
        protocol = replace(protocol, by_layer=False)
    return replace(protocol, footprints=0) if session.name in state.footprints_done else protocol


def _begun(state: Run, session: Session) -> bool:
    """Tell whether a session came to its first invocation, and so past footprints, images and layers."""
    return any(ready.session == session.name for ready in state.ready)


def _open(protocol: Protocol, heard: _Heard) -> bool:
    """Tell whether a session has an invocation to come."""
    if protocol.target is None or len(heard.complete) < protocol.invocations:
        return len(heard.complete) < protocol.invocations
    return len(heard.complete) < protocol.most_invocations and not heard.narrow(protocol.target)


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


def _placed(
    execution: Execution, connection: Connection, trials: tuple[Trial, ...], *, dissected: bool
) -> dict[str, Files]:
    """Have the files of these trials on the measuring side, and return their paths there by trial.

    Images and layers are left out where all that was asked of them is known (`dissected`).
    """
    there: dict[str, str] = {}

    def place(path: str | None) -> str | None:
        if path is not None and path not in there:
            there[path] = execution.transport.place(connection, Path(path))
        return None if path is None else there[path]

    placed = {}
    for trial in trials:
        original = trial.id.removesuffix(TWIN)
        here = execution.files[original]
        if dissected:
            here = replace(here, images=(), layers=())
        placed[original] = Files(
            artefact=place(here.artefact),
            inputs=place(here.inputs),
            reference=place(here.reference),
            floor=place(here.floor),
            floor_inputs=place(here.floor_inputs),
            images=tuple(str(place(path)) for path in here.images),
            layers=tuple(
                replace(layer, artefact=str(place(layer.artefact)), inputs=str(place(layer.inputs)))
                for layer in here.layers
            ),
        )
    return placed


def _next(state: Run, session: str) -> int:
    """Return a number that no invocation of this session has had, not even one that was cut short."""
    started = [record.invocation for record in state.ready if record.session == session]
    failed = [record.invocation for record in state.lost if record.session == session]
    return max(started + failed, default=-1) + 1


def _told(progress: Progress, completed: int, protocol: Protocol) -> str:
    wanted = f"of {protocol.invocations}" if protocol.target is None else f"of {protocol.most_invocations} at most"
    return (
        f"Session {progress.session}: invocation {completed} {wanted} took {units.clock_time(progress.last_s)}, "
        f"{progress.alive} trial{'s' * (progress.alive != 1)} alive."
    )
