"""What is going to be measured: trials, the sessions they are measured in, and how long that takes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from edgebench.board.wire import STRICT, EnergyPlan, LayerFile, SessionPlan, TrialPlan

MOST_TRIALS = 16
"""A session of more trials would spend so long on a round that drift inside it blurs every pair."""

MEMORY_SHARE = 0.7
"""All workers of a session live together if they need less of the available memory (docs/measuring.md)."""

TWIN = "|twin"

RULER = "null"
"""The backend without a model: a fixed computation in the same rounds, and no runtime."""

QUICK_INVOCATIONS = 5
"""Enough for an interval: what `run` does when it is not told otherwise."""

VERDICT_INVOCATIONS = 10
"""What verdicts are decided on; processes of one model differ more than the rounds of one process."""

_WORKER_BYTES = {  # resident with MobileNetV1 (openvino 134 MB, torch 271, inductor 348, executorch 380), rounded up
    "executorch": 400_000_000,
    "inductor": 350_000_000,
    "openvino": 140_000_000,
    "torch": 350_000_000,
}
_OTHER_WORKER_BYTES = 120_000_000
_WEIGHT_COPIES = 2.5  # the file's and the packed copy, and activations


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Model x backend x precision x threads x batch; `backend_options` are the words after the backend's name."""

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    backend: str
    backend_options: tuple[tuple[str, str], ...] = ()
    precision: str = "fp32"
    threads: int = 1
    batch: int = 1
    twin: bool = False

    @property
    def backend_name(self) -> str:
        """Return the backend as users write it: `null:work=1000`."""
        options = ",".join(f"{key}={value}" for key, value in self.backend_options)
        return f"{self.backend}:{options}" if options else self.backend

    @property
    def id(self) -> str:
        """Return the name of this trial in all files; a twin differs from its original by its ending."""
        parts = (self.model, self.backend_name, self.precision, f"threads={self.threads}", f"batch={self.batch}")
        return "|".join(parts) + (TWIN if self.twin else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a session is measured; times in seconds, figures and their reasons in docs/measuring.md.

    After `invocations` a session ends, or, where there is a `target`, as soon as half of the interval of every ratio in
    it is that narrow (0.01: 1 %), and with `most_invocations` at the latest. `footprints` is how often the memory of
    each trial is taken beforehand, by a worker that is alone. With `pace_hz` calls start at fixed times. Without
    `rounds` nothing is timed (`CHECKING`). An invocation waits up to `gate_s` for a processor that is too warm. With
    `sustained_s` a trial is called without a pause until it has come to where it stays, for so long at most. With
    `energy` each invocation ends with windows of load and of rest, `energy_window_s` long at least, read by the first
    of `sensors` that can be, or, with a `meter`, by that. `by_layer` has the layers of each trial timed beforehand.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    invocations: int = QUICK_INVOCATIONS
    most_invocations: int = 40
    target: float | None = None
    rounds: int = 10
    block_s: float = 0.03
    warm_up_s: float = 0.5
    warm_up_cap_s: float = 2.0
    stage_limit_s: float = 300.0
    memory_limit_bytes: int | None = None
    budget_s: float | None = None
    footprints: int = 3
    watch: bool = True
    pace_hz: float | None = None
    gate_s: float = 0.0
    sustained_s: float | None = None
    energy: bool = False
    meter: bool = False
    energy_window_s: float = 2.0
    sensors: tuple[str, ...] = ()
    by_layer: bool = False


CHECKING = Protocol(
    invocations=1,
    rounds=0,
    warm_up_s=0.0,
    warm_up_cap_s=0.0,
    stage_limit_s=3600.0,
    footprints=1,
    watch=False,
)
"""What a stand-in is asked for: load, one call, outputs and memory. Its calls take 400 to 1200 times a PC's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Trials measured together, the first of them twice (A and A')."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    seed: int
    together: bool
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the artefact, inputs and reference outputs of a trial lie on the measuring side."""

    artefact: str | None = None
    inputs: str | None = None
    reference: str | None = None
    floor: str | None = None
    floor_inputs: str | None = None
    images: tuple[str, ...] = ()
    layers: tuple[LayerFile, ...] = ()


def format_of(formats: Mapping[str, str | None], trial: Trial) -> str | None:
    """Return the format that a trial's backend loads at its precision and threads.

    Formats stand by `format_key`, with threads or without, where they are not the backend's usual one; else by backend.

    >>> int8 = Trial(model="lenet5", backend="onnxruntime", precision="int8")
    >>> format_of({"onnxruntime": "onnx", "onnxruntime|int8": "onnx_int8"}, int8)
    'onnx_int8'
    """
    usual = formats.get(format_key(trial.backend, trial.precision), formats[trial.backend])
    return formats.get(format_key(trial.backend, trial.precision, trial.threads), usual)


def format_key(backend: str, precision: str, threads: int | None = None) -> str:
    """Return under what the format stands that a backend loads at a precision, where it is not its usual one.

    >>> format_key("onnxruntime", "int8"), format_key("inductor", "fp32", 2)
    ('onnxruntime|int8', 'inductor|fp32|2')
    """
    return f"{backend}|{precision}" if threads is None else f"{backend}|{precision}|{threads}"


def sessions(
    trials: Iterable[Trial], seed: int, need_bytes: Mapping[str, int], available_bytes: int, *, alone: bool = False
) -> list[Session]:
    """Return the sessions that measure these trials.

    All trials share one session, so that every ratio among them is paired; more than `MOST_TRIALS` are split by model.
    Where the workers of a session do not fit into the memory together they run one after the other.
    `need_bytes` gives the bytes a worker needs by trial id (`worker_bytes`); who needs more than there is (`too_large`)
    will not be started, so it counts for nothing and gets no twin. For long runs, and where nothing is timed, each
    trial runs `alone`, and none of them twice.
    """
    left_out = too_large(need_bytes, available_bytes)
    everything = list(trials)
    if len(everything) <= MOST_TRIALS:
        groups = [everything]
    else:
        models = dict.fromkeys(trial.model for trial in everything)
        groups = [[trial for trial in everything if trial.model == model] for model in models]
    planned = []
    for number, group in enumerate(groups, 1):
        members = group if alone else _with_twin(group, left_out)
        started = [trial for member in members if (trial := member.id.removesuffix(TWIN)) not in left_out]
        needed = sum(need_bytes[trial] for trial in started)
        planned.append(
            Session(
                name=f"s{number}",
                seed=seed + number,
                together=not alone and needed <= MEMORY_SHARE * available_bytes,
                trials=tuple(members),
            )
        )
    return planned


def too_large(need_bytes: Mapping[str, int], available_bytes: int) -> frozenset[str]:
    """Return the trials whose worker alone needs more memory than there is.

    >>> sorted(too_large({"a": 3, "b": 1}, 2))
    ['a']
    """
    return frozenset(trial for trial, needed in need_bytes.items() if needed > available_bytes)


def wire_plan(
    session: Session, protocol: Protocol, files: Mapping[str, Files], first_invocation: int, spool: str | None
) -> SessionPlan:
    """Return a session as the agent needs it; `files` by trial id."""
    trials = []
    for trial in session.trials:
        original = trial.id.removesuffix(TWIN)
        trials.append(
            TrialPlan(
                id=trial.id,
                backend=trial.backend,
                options=dict(trial.backend_options),
                precision=trial.precision,
                threads=trial.threads,
                batch=trial.batch,
                artefact=files[original].artefact,
                inputs=files[original].inputs,
                reference=files[original].reference,
                floor=files[original].floor,
                floor_inputs=files[original].floor_inputs,
                images=() if trial.twin else files[original].images,
                layers=() if trial.twin else files[original].layers,
                twin_of=original if trial.twin else None,
            )
        )
    return SessionPlan(
        session=session.name,
        seed=session.seed,
        trials=tuple(trials),
        together=session.together,
        rounds=protocol.rounds,
        first_invocation=first_invocation,
        block_s=protocol.block_s,
        warm_up_s=protocol.warm_up_s,
        warm_up_cap_s=protocol.warm_up_cap_s,
        stage_limit_s=protocol.stage_limit_s,
        memory_limit_bytes=protocol.memory_limit_bytes,
        footprints=protocol.footprints,
        watch=protocol.watch,
        pace_hz=protocol.pace_hz,
        gate_s=protocol.gate_s,
        sustained_s=protocol.sustained_s,
        energy=_energy(protocol),
        by_layer=protocol.by_layer,
        spool=spool,
    )


def worker_bytes(trial: Trial, weight_bytes: int) -> int:
    """Return the memory that a worker of this trial is expected to need."""
    return _WORKER_BYTES.get(trial.backend, _OTHER_WORKER_BYTES) + int(_WEIGHT_COPIES * weight_bytes)


def _energy(protocol: Protocol) -> EnergyPlan | None:
    if not protocol.energy:
        return None
    return EnergyPlan(preference=protocol.sensors, meter=protocol.meter, window_s=protocol.energy_window_s)


def _with_twin(trials: list[Trial], left_out: frozenset[str]) -> list[Trial]:
    first = next((trial for trial in trials if trial.id not in left_out), None)
    if first is None:
        return trials
    twin = Trial(
        model=first.model,
        backend=first.backend,
        backend_options=first.backend_options,
        precision=first.precision,
        threads=first.threads,
        batch=first.batch,
        twin=True,
    )
    return [*trials, twin]
