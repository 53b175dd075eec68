"""The records that cross the wire between host and agent: one JSON object a line, `event` names its kind."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

PROTOCOL = 1
"""Version of this wire; host and agent refuse each other when it differs."""

MAX_LINE_BYTES = 64 * 2**20
"""A longer line is refused: an invocation of 16 trials takes about 1 MB."""

STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
"""pydantic's settings for the host, which reads these records from a board it does not trust."""


class WireError(ValueError):
    """A line that is no record of this protocol."""


# --- host to agent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """One trial as the agent needs it; paths are paths on the measuring side."""

    __pydantic_config__: ClassVar[Any] = STRICT

    id: str
    backend: str
    options: dict[str, str]
    precision: str
    threads: int
    batch: int
    artefact: str | None
    inputs: str | None
    reference: str | None
    twin_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """Trials to measure together; times in seconds, `seed` replays every order drawn."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    seed: int
    trials: tuple[TrialPlan, ...]
    together: bool
    rounds: int
    first_invocation: int
    block_s: float
    warm_up_s: float
    warm_up_cap_s: float
    stage_limit_s: float
    spool: str | None
    memory_limit_bytes: int | None = None
    ask: Literal["session"] = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """A file by the hexadecimal SHA-256 of its content and the name it has there."""

    __pydantic_config__: ClassVar[Any] = STRICT

    sha256: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesAsked:
    """Which of these files are not on the measuring side?"""

    __pydantic_config__: ClassVar[Any] = STRICT

    wanted: tuple[FileName, ...]
    ask: Literal["files"] = "files"


# --- agent to host ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The agent's first line: who answers, what the board says of itself (`probe.probe`), and its runtimes' versions.

    A backend that needs no package has the version "".
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    protocol: int
    pid: int
    facts: dict[str, Any]
    runtimes: dict[str, str] = dataclasses.field(default_factory=dict)
    event: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident bytes of a worker at four moments, and what its peak consisted of at the end."""

    __pydantic_config__: ClassVar[Any] = STRICT

    bare_bytes: int
    imported_bytes: int
    loaded_bytes: int
    peak_bytes: int
    anonymous_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far a backend's outputs lie from the reference: largest difference, and the reference's largest magnitude."""

    __pydantic_config__: ClassVar[Any] = STRICT

    max_abs_diff: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A worker that is loaded, warm and waiting.

    `start_up_ns` are single calls from the second on; `warm_up_ns` samples of `warm_up_calls` calls each; times are
    wall nanoseconds of one sample. `own_clock`: the runtime's program took them, and its threads were not counted.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    runtime_version: str
    precision_found: str
    provider: str
    threads_found: int | None
    threads_alive: int
    import_s: float
    load_s: float
    first_call_s: float
    start_up_ns: tuple[int, ...]
    warm_up_ns: tuple[int, ...]
    warm_up_calls: int
    steady: bool
    call_s: float
    cpus: tuple[int, ...]
    parity: Parity | None
    foreign_modules: tuple[str, ...]
    memory_limited: bool | None = None
    own_clock: bool = False
    event: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Samples of one trial in one round; `calls` calls a sample, sums over all threads of the worker.

    Empty but for `wall_ns` when the runtime's program ran and timed the calls by itself.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    round: int
    position: int
    trial: str
    start_ns: int
    calls: int
    priming_ns: int | None
    wall_ns: tuple[int, ...]
    cpu_ns: tuple[int, ...]
    involuntary_switches: tuple[int, ...]
    major_faults: tuple[int, ...]
    event: Literal["block"] = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A worker that ended in order, with its memory; None when a program of the runtime's held the model."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    memory: Memory | None
    event: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A worker that did not end in order: the stage it had reached, how it ended, and the last it wrote to stderr.

    `out_of_memory` tells whether the kernel's counter of such kills rose (None: it keeps none); `peak_bytes` is the
    resident memory at its highest.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    stage: str
    reason: str
    exit_status: int | None
    signal: str | None
    stderr_tail: str
    out_of_memory: bool | None = None
    peak_bytes: int | None = None
    event: Literal["lost"] = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationDone:
    """All trials of one invocation are measured; the agent now waits for `another` or `stop`."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    seconds: float
    event: Literal["invocation"] = "invocation"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesState:
    """The SHA-256 of those files that are missing."""

    __pydantic_config__: ClassVar[Any] = STRICT

    missing: tuple[str, ...]
    event: Literal["files"] = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The agent could not do what the host asked."""

    __pydantic_config__: ClassVar[Any] = STRICT

    message: str
    event: Literal["refused"] = "refused"


Event = Hello | Ready | Block | Closed | Lost | InvocationDone | FilesState | Refused


def encode(record: object) -> bytes:
    """Return a record as one line of JSON, ended by a newline."""
    text = json.dumps(record, default=_fields, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.encode(errors="replace") + b"\n"  # a file name that is no UTF-8 holds what JSON may not


def decode_request(line: bytes) -> SessionPlan | FilesAsked:
    """Return what the host asks for; raise WireError when it is nothing of this protocol."""
    try:
        fields = json.loads(line)
        if fields.get("ask") != "files":
            return decode_session(line)
        return FilesAsked(wanted=tuple(FileName(**name) for name in fields["wanted"]))
    except WireError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WireError(f"no request of protocol {PROTOCOL}: {error}") from error


def decode_session(line: bytes) -> SessionPlan:
    """Return the session plan in a line; raise WireError when it is none."""
    try:
        fields = json.loads(line)
        trials = tuple(TrialPlan(**trial) for trial in fields.pop("trials"))
        if not trials:
            raise WireError("a session without trials")
        return SessionPlan(trials=trials, **fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WireError(f"no session plan of protocol {PROTOCOL}: {error}") from error


def _fields(record: object) -> dict[str, Any]:
    if not dataclasses.is_dataclass(record):
        raise TypeError(f"{type(record).__name__} cannot cross the wire")
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
