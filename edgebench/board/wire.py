"""The records that cross the wire between host and agent: one JSON object a line, `event` names its kind."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

PROTOCOL = 4
"""Version of this wire; host and agent refuse each other when it differs."""

MAX_LINE_BYTES = 64 * 2**20
"""A longer line is refused: an invocation of 16 trials takes about 1 MB."""

SLOW_CALL_S = 0.05
"""Of a call above it no priming one is made, and only rounds 0, 1, 4, 5, 8, ... are measured."""

HEARTBEAT_S = 30.0
"""After so long without a word in a session the agent says `Alive` before its next command to a worker."""

_MOST_STAGES = 6  # of a worker: start, import, load, first call, warm-up or floor, and its answer
_SLACK_S = 30.0  # between two commands, and on the way

STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
"""pydantic's settings for the host, which reads these records from a board it does not trust."""


class WireError(ValueError):
    """A line that is no record of this protocol."""


# --- host to agent ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """A layer of a network by itself, under its model's name, in the format of a trial."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    artefact: str
    inputs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """One trial as the agent needs it; paths are paths on the measuring side.

    `floor` is an identity network in the trial's format, `floor_inputs` what it is given: a call that computes nothing.
    `images` are .npz files of inputs to be answered; `layers` are to be timed by themselves, because this runtime does
    not tell its own.
    """

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
    floor: str | None = None
    floor_inputs: str | None = None
    twin_of: str | None = None
    images: tuple[str, ...] = ()
    layers: tuple[LayerFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPlan:
    """That energy is to be measured, with which sensors first; with a `meter` windows are made even without a sensor.

    `window_s` is the least that a window of load, or of idling, takes.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    preference: tuple[str, ...] = ()
    meter: bool = False
    window_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """Trials to measure together; times in seconds, `seed` replays every order drawn.

    `footprints` is how often each trial is started by itself beforehand, to take its memory; `watch` has the agent look
    at the machine before each round; with `pace_hz` calls start at fixed times, else one follows the other. Without
    `rounds` trials are checked, not timed: each is loaded and called once; a warm-up has no call if its cap is 0. An
    invocation waits up to `gate_s` until the processor is as cool as it was at first. With `sustained_s` each trial
    runs alone and without a pause, for so long at most. `by_layer` has every trial timed layer by layer beforehand.
    """

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
    footprints: int = 0
    watch: bool = True
    pace_hz: float | None = None
    gate_s: float = 0.0
    sustained_s: float | None = None
    energy: EnergyPlan | None = None
    by_layer: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsAsked:
    """What sensors are there, and what do they say now?"""

    __pydantic_config__: ClassVar[Any] = STRICT

    ask: Literal["sensors"] = "sensors"


# --- agent to host ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The agent's first line: who answers, what the board says of itself (`probe.probe`), and its runtimes' versions.

    A backend that needs no package has the version ""; `broken` tells why a backend that is here cannot be imported.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    protocol: int
    pid: int
    facts: dict[str, Any]
    runtimes: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
    event: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What the machine under a session can be watched by: where each signal is read, or why it is not there.

    Those of the absent ones that are there, but not for this user, are `forbidden`. `root` is where they were looked
    for, when that was a tree that stands for a board's.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    present: dict[str, str]
    absent: dict[str, str]
    forbidden: tuple[str, ...] = ()
    root: str | None = None
    event: Literal["signals"] = "signals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The machine during one round; None where there is no such signal.

    `trial` was measured alone in that round; None: all trials of the session were. `loop_ns` and `stream_ns` are the
    canary: a fixed loop and a copy of 1 MiB on the processor that measures, just before the round. Of the time from
    there to the round's end (`wall_ns`): what the hypervisor stole from that processor, how long some task waited for a
    processor, all tasks for memory, some task for a disk (pressure totals). Clock and temperature are taken at its end.
    `throttled` counts the events that are new since the round began and the limits in force before or after it; a board
    that tells them through a program alone is asked at the end of an invocation, for the whole of it. `throttled_by`
    names their causes.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    round: int
    trial: str | None = None
    start_ns: int
    wall_ns: int
    loop_ns: int
    stream_ns: int
    steal_ns: int | None = None
    cpu_waiting_ns: int | None = None
    memory_stalled_ns: int | None = None
    io_waiting_ns: int | None = None
    clock_hz: int | None = None
    governor: str | None = None
    temperature_c: float | None = None
    throttled: int | None = None
    throttled_by: tuple[str, ...] = ()
    event: Literal["watched"] = "watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """How long an invocation waited for the processor to cool down, and its temperatures before and after.

    `target_c` is what it waited for: a little above the temperature at which the session began; None in its first
    invocation, which waits until the temperature no longer falls. `reached` tells whether it came to that.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    waited_s: float
    start_c: float
    end_c: float
    target_c: float | None
    reached: bool
    event: Literal["gated"] = "gated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorTrouble:
    """Why a sensor of energy cannot be read: `kind` is missing, forbidden, broken or implausible."""

    __pydantic_config__: ClassVar[Any] = STRICT

    sensor: str
    name: str
    kind: Literal["missing", "forbidden", "broken", "implausible"]
    reason: str
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySource:
    """What the energy of a session is read from; without a `sensor` there is none, and `troubles` say why.

    All `rails` are read together every `period_s`: powers in W, or counters in J that begin again at `wraps_at_j`
    (None: not known). A reading costs `reading_cpu_s` of a processor. `status` is what has to be known of the sensor
    ("not run on hardware"), `root` where sensors were looked for, when that was a tree that stands for a board's.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    sensor: str | None
    rung: str | None = None
    rails: tuple[str, ...] = ()
    covers: str | None = None
    unit: Literal["W", "J"] | None = None
    wraps_at_j: tuple[float | None, ...] = ()
    period_s: float | None = None
    reading_cpu_s: float | None = None
    status: str | None = None
    troubles: tuple[SensorTrouble, ...] = ()
    root: str | None = None
    event: Literal["energy_source"] = "energy_source"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyWindow:
    """A span in which one trial was called without a pause (`calls` of them), or, without a trial, nothing was.

    The load, or the rest, began at `began_ns` and ended at `ended_ns`, some time before and after the window itself, so
    that readings around its ends are of it as well. `busy_s` is how long all processors were busy between these two,
    with whatever it was, `cpu_ns` what the worker took in the window. `readings` has for each rail the values at the
    times of `at_ns`, from the last one before the window to the first one after it; None: it could not be read then,
    and `trouble` says why.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    number: int
    trial: str | None
    began_ns: int
    start_ns: int
    end_ns: int
    ended_ns: int
    calls: int
    cpu_ns: int | None = None
    busy_s: float | None = None
    at_ns: tuple[int, ...] = ()
    readings: tuple[tuple[float | None, ...], ...] = ()
    trouble: str | None = None
    event: Literal["energy_window"] = "energy_window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One trial started by itself, with nothing timed against anything: its memory in bytes, and what calls cost.

    `import_bytes` is what importing the runtime added to the resident memory (VmRSS). The next three are what loading
    the model added to the proportional set size: in total, anonymous, file-backed (mapped weights). `load_peak_bytes`
    is the highest resident memory while it was loaded, above the one before, `peak_bytes` that of `calls` calls;
    `peak_is_sampled` where the kernel's mark could not be reset. `unique_bytes` would be free if the process ended;
    `swapped_bytes` lay on a disk; `group_bytes` is the peak of a control group that held this process and what it
    started, page cache included.

    In seconds: `start_s` from the start of the process to the end of its first call; medians of `call_s`, of
    `set_inputs_s` and `outputs_s`, handing over inputs and fetching outputs, and of `floor_s`, a call of an identity
    network in the same runtime. None: not told here, or not ours to know where a program holds the model by itself.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    trial: str
    repeat: int
    import_bytes: int | None
    load_bytes: int | None
    load_anonymous_bytes: int | None
    load_file_bytes: int | None
    peak_bytes: int | None
    peak_is_sampled: bool
    load_peak_bytes: int | None = None
    unique_bytes: int | None
    swapped_bytes: int | None
    group_bytes: int | None
    calls: int
    call_s: float
    start_s: float
    set_inputs_s: float | None
    outputs_s: float | None
    floor_s: float | None
    event: Literal["footprint"] = "footprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintsDone:
    """All footprints of a session are taken; `seconds` is what that took."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    seconds: float
    event: Literal["footprints"] = "footprints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a trial answers to the images of one file: of each the places of its largest outputs, the largest first.

    There are five, or as many as there are outputs; none where outputs are not finite. `reason`: why it answered none.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    trial: str
    part: int
    classes: tuple[tuple[int, ...], ...]
    reason: str | None = None
    event: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTimes:
    """How long one operation took in each of some calls, in nanoseconds, by the runtime's own name.

    The sizes are as in `regions.Layer`; where a layer was a model of its own its name is that model's, and they are
    empty.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    operation: str
    wall_ns: tuple[int, ...]
    weight: tuple[int, ...] = ()
    in_channels: int | None = None
    positions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLayer:
    """The layers of one trial, timed: by its runtime (`runtime`), or each as a model of its own (`isolated`).

    `whole_ns` are calls of the whole model, each between two that were taken apart; `reason`: why nothing is told.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    trial: str
    source: Literal["runtime", "isolated"]
    whole_ns: tuple[int, ...] = ()
    layers: tuple[LayerTimes, ...] = ()
    reason: str | None = None
    event: Literal["by_layer"] = "by_layer"


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
    Without a warm-up it counts as `steady`.
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

    Empty but for `wall_ns` when the runtime's program ran and timed the calls by itself. `response_ns`: of a paced
    trial, from the time at which a call should have started to its end.
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
    response_ns: tuple[int, ...] = ()
    event: Literal["block"] = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A worker that ended in order."""

    __pydantic_config__: ClassVar[Any] = STRICT

    session: str
    invocation: int
    trial: str
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
class Alive:
    """The agent is still at it: said in a session after `HEARTBEAT_S` of silence, and only while no worker measures."""

    __pydantic_config__: ClassVar[Any] = STRICT

    event: Literal["alive"] = "alive"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesState:
    """The SHA-256 of those files that are missing."""

    __pydantic_config__: ClassVar[Any] = STRICT

    missing: tuple[str, ...]
    event: Literal["files"] = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """One thing that a sensor tells: a number in the unit of its `quantity` (W, J), or a word."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    quantity: str
    where: str
    number: float | None
    word: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeState:
    """What a sensor's energy is of: its rung on the ladder, its rails, what they feed, and how often it is read."""

    __pydantic_config__: ClassVar[Any] = STRICT

    rung: str
    rail: str
    covers: str
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorState:
    """One sensor as it is on the measuring side: what can be read, what counts as the energy, and what cannot."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    title: str
    tells: Literal["energy", "heat", "proxy"]
    status: str | None
    channels: tuple[ChannelState, ...]
    gauges: tuple[GaugeState, ...]
    troubles: tuple[SensorTrouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsState:
    """All sensors that are known; `root` is where they were looked for, when a tree stands for the board."""

    __pydantic_config__: ClassVar[Any] = STRICT

    sensors: tuple[SensorState, ...]
    root: str | None = None
    event: Literal["sensors"] = "sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The agent could not do what the host asked."""

    __pydantic_config__: ClassVar[Any] = STRICT

    message: str
    event: Literal["refused"] = "refused"


Event = (
    Hello
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
    | Alive
    | FilesState
    | SensorsState
    | Refused
)


def longest_silence_s(plan: SessionPlan) -> float:
    """Return how long an agent that is well can be silent in a session, in seconds.

    It speaks before each command that it gives a worker, and before each wait; a command passes `_MOST_STAGES` stages
    at most.
    """
    return HEARTBEAT_S + _MOST_STAGES * plan.stage_limit_s + plan.gate_s + _SLACK_S


def encode(record: object) -> bytes:
    """Return a record as one line of JSON, ended by a newline."""
    text = json.dumps(record, default=_fields, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.encode(errors="replace") + b"\n"  # a file name that is no UTF-8 holds what JSON may not


def decode_request(line: bytes) -> SessionPlan | FilesAsked | SensorsAsked:
    """Return what the host asks for; raise WireError when it is nothing of this protocol."""
    try:
        fields = json.loads(line)
        if fields.get("ask") == "sensors":
            return SensorsAsked()
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
        trials = tuple(_trial_plan(trial) for trial in fields.pop("trials"))
        if not trials:
            raise WireError("a session without trials")
        return SessionPlan(trials=trials, energy=_energy_plan(fields.pop("energy", None)), **fields)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WireError(f"no session plan of protocol {PROTOCOL}: {error}") from error


def _trial_plan(fields: dict[str, Any]) -> TrialPlan:
    layers = tuple(LayerFile(**layer) for layer in fields.pop("layers", ()))
    return TrialPlan(images=tuple(fields.pop("images", ())), layers=layers, **fields)


def _energy_plan(fields: dict[str, Any] | None) -> EnergyPlan | None:
    if fields is None:
        return None
    return EnergyPlan(**{**fields, "preference": tuple(fields.get("preference", ()))})


def _fields(record: object) -> dict[str, Any]:
    if not dataclasses.is_dataclass(record):
        raise TypeError(f"{type(record).__name__} cannot cross the wire")
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
