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


# --- agent to host ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The agent's first line: who answers, and what the board says of itself (`probe.probe`)."""

    __pydantic_config__: ClassVar[Any] = STRICT

    protocol: int
    pid: int
    facts: dict[str, Any]
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
    wall nanoseconds of one sample.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    runtime_version: str
    precision_found: str
    provider: str
    threads_found: int
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
    event: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Samples of one trial in one round; `calls` calls a sample, sums over all threads of the worker."""

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
    """A worker that ended in order, with its memory."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    memory: Memory
    event: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A worker that did not end in order: the stage it had reached, how it ended, and the last it wrote to stderr."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
    stage: str
    reason: str
    exit_status: int | None
    signal: str | None
    stderr_tail: str
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
class Refused:
    """The agent could not do what the host asked."""

    __pydantic_config__: ClassVar[Any] = STRICT

    message: str
    event: Literal["refused"] = "refused"


Event = Hello | Ready | Block | Closed | Lost | InvocationDone | Refused


def encode(record: object) -> bytes:
    """Return a record as one line of JSON, ended by a newline."""
    text = json.dumps(record, default=_fields, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.encode(errors="replace") + b"\n"  # a file name that is no UTF-8 holds what JSON may not


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
