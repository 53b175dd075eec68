"""The lines of a journal beside those that come from the board, and a run put together from them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from edgebench.analysis.cost import LayerCost
from edgebench.board.sensors.meter import Log
from edgebench.board.wire import (
    STRICT,
    Answered,
    Block,
    ByLayer,
    Closed,
    EnergySource,
    EnergyWindow,
    Footprint,
    FootprintsDone,
    Gated,
    InvocationDone,
    Lost,
    Ready,
    Signals,
    Watched,
)
from edgebench.measure.plan import Protocol, Session, Trial
from edgebench.store.calibration import PowerFit

SCHEMA = 2
"""Version of the journal and of the tables; every change of a column is told in the CHANGELOG."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleUsed:
    """Where models were taken from: a bundle's path as it was given, and the SHA-256 of its manifest."""

    __pydantic_config__: ClassVar[Any] = STRICT

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUsed:
    """Images that accuracy was told of: their path as it was given, the SHA-256 of all, and what each of them shows.

    `labels` are of the images that were answered, in the order of the answers; `calibrating` others are for int8 alone.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    path: str
    sha256: str
    labels: tuple[int, ...]
    calibrating: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first line: everything that was decided before measuring. `started` is UTC in ISO 8601.

    `statuses` tells by backend, as users write it, what has to be known of its figures ("not run on hardware").
    `emulated`: on a stand-in. `power` is the power model that the unit had by then.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    schema: int
    edgebench_version: str
    started: str
    unit: str
    device: str
    seed: int
    protocol: Protocol
    trials: tuple[Trial, ...]
    sessions: tuple[Session, ...]
    formats: dict[str, str | None]
    watts_per_core_low: float | None
    watts_per_core_high: float | None
    facts: dict[str, Any]
    versions: dict[str, str]
    statuses: dict[str, str] = field(default_factory=dict)
    bundle: BundleUsed | None = None
    emulated: bool = False
    power: PowerFit | None = None
    data: DataUsed | None = None
    event: Literal["run"] = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The analytic cost of a model at batch 1; `params` are weights without biases and batch norm."""

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    inputs: dict[str, tuple[int, ...]]
    mult_adds: int
    params: int
    bias_params: int
    bn_params: int
    layers: tuple[LayerCost, ...]
    event: Literal["counted"] = "counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A model that became a file."""

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    batch: int
    format: str
    sha256: str
    size_bytes: int
    seconds: float
    versions: dict[str, str]
    event: Literal["converted"] = "converted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotConverted:
    """A model that did not become a file; `lost` when the converter crashed or hung rather than said no."""

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    batch: int
    format: str
    stage: str
    reason: str
    lost: bool
    stderr_tail: str
    event: Literal["not_converted"] = "not_converted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """A trial that was left out before anything was made or loaded for it."""

    __pydantic_config__: ClassVar[Any] = STRICT

    trial: str
    stage: str
    reason: str
    event: Literal["not_started"] = "not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLost:
    """The agent ended before its session did."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    reason: str
    event: Literal["agent_lost"] = "agent_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The run goes on from here; what was lost with the agent before is measured again."""

    __pydantic_config__: ClassVar[Any] = STRICT

    at: str
    event: Literal["resumed"] = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """A session was measured to its end: all its invocations, or as many as the budget allowed."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    event: Literal["session_ended"] = "session_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run is over; `interrupted` by its user, else `done`."""

    __pydantic_config__: ClassVar[Any] = STRICT

    at: str
    how: Literal["done", "interrupted"]
    event: Literal["ended"] = "ended"


Line = (
    RunStarted
    | Counted
    | Converted
    | NotConverted
    | NotStarted
    | AgentLost
    | Resumed
    | SessionEnded
    | Ended
    | Signals
    | EnergySource
    | Footprint
    | FootprintsDone
    | Answered
    | ByLayer
    | Gated
    | Watched
    | EnergyWindow
    | Ready
    | Block
    | Closed
    | Lost
    | InvocationDone
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A journal sorted by kind of line; `trials` of `started` are in the order in which they were asked for.

    By session: its `signals`, those of the last agent that measured it, and in `footprints_done` the seconds that its
    footprints took once all of them were taken; in `energy_sources` what its energy was read from. `answered` is by
    session, trial and file, `by_layer` by session and trial. `meter` is the log of an external meter, where the run
    folder has one.
    """

    started: RunStarted
    counted: dict[str, Counted] = field(default_factory=dict)
    converted: dict[tuple[str, int, str], Converted] = field(default_factory=dict)
    not_converted: tuple[NotConverted, ...] = ()
    not_started: dict[str, NotStarted] = field(default_factory=dict)
    signals: dict[str, Signals] = field(default_factory=dict)
    footprints: tuple[Footprint, ...] = ()
    footprints_done: dict[str, float] = field(default_factory=dict)
    answered: dict[tuple[str, str, int], Answered] = field(default_factory=dict)
    by_layer: dict[tuple[str, str], ByLayer] = field(default_factory=dict)
    watched: tuple[Watched, ...] = ()
    gated: tuple[Gated, ...] = ()
    energy_sources: dict[str, EnergySource] = field(default_factory=dict)
    energy_windows: tuple[EnergyWindow, ...] = ()
    meter: Log | None = None
    ready: tuple[Ready, ...] = ()
    blocks: tuple[Block, ...] = ()
    closed: tuple[Closed, ...] = ()
    lost: tuple[Lost, ...] = ()
    agent_lost: dict[str, str] = field(default_factory=dict)
    invocations: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sessions_ended: frozenset[str] = frozenset()
    ended: str | None = None


def assemble(lines: Iterable[Line]) -> Run | None:
    """Return the run that a journal tells, None when it does not begin with `run`.

    The loss of an agent, and the end of the run, are forgotten where the run was resumed after them.
    """
    found = list(lines)
    if not found or not isinstance(found[0], RunStarted):
        return None
    resumed = max((index for index, line in enumerate(found) if isinstance(line, Resumed)), default=0)
    invocations: dict[str, list[int]] = {}
    for done in _only(InvocationDone, found):
        invocations.setdefault(done.session, []).append(done.invocation)
    after = found[resumed:]
    return Run(
        started=found[0],
        counted={line.model: line for line in _only(Counted, found)},
        converted={(line.model, line.batch, line.format): line for line in _only(Converted, found)},
        not_converted=tuple(_only(NotConverted, found)),
        not_started={line.trial: line for line in _only(NotStarted, found)},
        signals={line.session: line for line in _only(Signals, found)},
        footprints=tuple(_only(Footprint, found)),
        footprints_done={line.session: line.seconds for line in _only(FootprintsDone, found)},
        answered={(line.session, line.trial, line.part): line for line in _only(Answered, found)},
        by_layer={(line.session, line.trial): line for line in _only(ByLayer, found)},
        watched=tuple(_only(Watched, found)),
        gated=tuple(_only(Gated, found)),
        energy_sources={line.session: line for line in _only(EnergySource, found)},
        energy_windows=tuple(_only(EnergyWindow, found)),
        ready=tuple(_only(Ready, found)),
        blocks=tuple(_only(Block, found)),
        closed=tuple(_only(Closed, found)),
        lost=tuple(_only(Lost, found)),
        agent_lost={line.session: line.reason for line in _only(AgentLost, after)},
        invocations={session: tuple(numbers) for session, numbers in invocations.items()},
        sessions_ended=frozenset(line.session for line in _only(SessionEnded, found)),
        ended=next((line.how for line in reversed(_only(Ended, after))), None),
    )


def _only(kind: type[Kind], lines: Iterable[Line]) -> list[Kind]:
    return [line for line in lines if isinstance(line, kind)]
