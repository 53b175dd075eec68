"""From what a user asks for to the sessions that answer it; nothing is measured or converted here."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from edgebench import analysis, architectures, devices
from edgebench.api.listing import backend, suite
from edgebench.devices.records import Device, Unit
from edgebench.errors import UsageError
from edgebench.formats import cached
from edgebench.measure.plan import Protocol, Session, Trial, expected_seconds, sessions, worker_bytes
from edgebench.store.records import Counted

DEFAULT_SUITE = "seeds"

_BYTES_PER_PARAM = 4  # fp32
_MULT_ADDS_PER_S = 20e9  # one thread of a machine whose device file knows no clock: a first guess, told as such
_EFFICIENCY = 0.3  # measured / peak of MobileNetV1 to VGG-16 over boards and runtimes: 0.2 to 0.7 (MEASUREMENT 4)
_CALL_S = 2e-4  # a small network's overhead in the slowest runtime
_CONVERSION_S = 6.0
_CONVERTED_BYTES_PER_S = 50e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks to have measured; empty tuples mean the device's own defaults."""

    device: str = devices.HOST
    models: tuple[str, ...] = ()
    suite: str | None = None
    backends: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    batches: tuple[int, ...] = (1,)
    invocations: int = Protocol().invocations
    budget_s: float | None = None
    results: Path = Path("results")
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do: its trials in sessions, the counts of its models, and the seconds it is expected to take."""

    device: Device
    unit: Unit
    seed: int
    protocol: Protocol
    trials: tuple[Trial, ...]
    sessions: tuple[Session, ...]
    formats: dict[str, str | None]
    counted: tuple[Counted, ...]
    measuring_s: float
    converting_s: float


def plan_for(request: Request, facts: devices.Facts) -> Plan:
    """Return what a request means on the board with these facts (`board.probe`).

    Raise UsageError for anything that does not exist or does not fit together.
    """
    device, unit = devices.resolve(request.device)
    if unit.host is not None:
        raise UsageError(f"The unit {unit.name} is another machine ({unit.host}): this version measures only this one.")
    devices.check(device, facts, unit)
    trials = _trials(request, device, facts)
    counted = tuple(_count(model) for model in dict.fromkeys(trial.model for trial in trials))
    weight_bytes = {one.model: _weight_bytes(one) for one in counted}
    needs = {trial.id: worker_bytes(trial, weight_bytes[trial.model]) for trial in trials}
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    planned = tuple(sessions(trials, seed, needs, facts["memory_available_bytes"]))
    protocol = Protocol(invocations=request.invocations, stage_limit_s=device.limits.stage_s, budget_s=request.budget_s)
    formats = {trial.backend: backend(trial.backend).format for trial in trials}
    calls = {trial.id: _expected_call_s(trial, device, counted) for trial in trials}
    weights = {trial.id: weight_bytes[trial.model] for trial in trials}
    return Plan(
        device=device,
        unit=unit,
        seed=seed,
        protocol=protocol,
        trials=tuple(trials),
        sessions=planned,
        formats=formats,
        counted=counted,
        measuring_s=expected_seconds(planned, protocol, calls, weights),
        converting_s=_converting_s(trials, formats, weight_bytes),
    )


def _trials(request: Request, device: Device, facts: devices.Facts) -> list[Trial]:
    models = list(request.models)
    if request.suite is not None or not models:
        models += suite(request.suite or DEFAULT_SUITE).models
    names = [architectures.name(architectures.parse(model)) for model in models]
    runtimes = [_backend(text) for text in request.backends] or _installed(device)
    trials = [
        Trial(
            model=name,
            backend=runtime,
            backend_options=options,
            precision=precision,
            threads=threads,
            batch=batch,
        )
        for name in dict.fromkeys(names)
        for runtime, options in runtimes
        for precision in request.precisions or device.run.precisions
        for threads in request.threads or device.run.threads[:1]
        for batch in request.batches
    ]
    for trial in trials:
        _check(trial, facts)
    return list({trial.id: trial for trial in trials}.values())


def _check(trial: Trial, facts: devices.Facts) -> None:
    known = backend(trial.backend)
    if trial.precision not in known.precisions:
        raise UsageError(
            f"{trial.backend} has no precision {trial.precision!r}: expected {' or '.join(known.precisions)}."
        )
    allowed = len(facts["cpus_allowed"])
    if not 1 <= trial.threads <= allowed:
        raise UsageError(f"{trial.threads} threads asked for: this board lets us use 1 to {allowed}.")
    if trial.batch < 1:
        raise UsageError(f"The batch is {trial.batch}: expected an integer from 1.")


def _backend(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a backend's name and options from `null:work=1000`; raise UsageError when it cannot be used."""
    name, _, rest = text.partition(":")
    state = backend(name)
    options = []
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals or key not in state.options:
            known = ", ".join(f"{option}=..." for option in state.options) or "none"
            raise UsageError(f"Unknown option {item!r} of backend {name}: expected {known}.")
        options.append((key, value))
    if state.version is None:
        raise UsageError(f"The backend {name} is not installed: {state.get_it}.")
    return name, tuple(options)


def _installed(device: Device) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return the device's own backends as far as they are installed."""
    wanted = [backend(name) for name in device.run.backends]
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = [
        (state.name, ()) for state in wanted if state.version is not None
    ]
    if not found:
        ways = "; ".join(state.get_it for state in wanted if state.get_it)
        raise UsageError(f"None of the backends of {device.name} is installed: {ways}.")
    return found


def _count(model: str) -> Counted:
    parsed = architectures.parse(model)
    cost = analysis.count(parsed)
    return Counted(
        model=model,
        inputs=architectures.input_shapes(parsed),
        mult_adds=cost.mult_adds,
        params=cost.params,
        bias_params=cost.bias_params,
        bn_params=cost.bn_params,
        layers=cost.layers,
    )


def _weight_bytes(counted: Counted) -> int:
    return _BYTES_PER_PARAM * (counted.params + counted.bias_params + counted.bn_params)


def _expected_call_s(trial: Trial, device: Device, counted: tuple[Counted, ...]) -> float:
    """Return a guess of a call's seconds from the mult-adds: good enough to say how long a run takes."""
    if trial.backend == "null":
        return _CALL_S
    mult_adds = next(one.mult_adds for one in counted if one.model == trial.model)
    rates = [mode.clock_hz * (mode.mult_adds_per_cycle.fp32 or 0) * _EFFICIENCY for mode in device.cpu.mode]
    per_s = min(rates, default=0) or _MULT_ADDS_PER_S
    return _CALL_S + trial.batch * mult_adds / (per_s * trial.threads)


def _converting_s(trials: list[Trial], formats: dict[str, str | None], weight_bytes: dict[str, int]) -> float:
    needed = {(trial.model, trial.batch, formats[trial.backend]) for trial in trials if formats[trial.backend]}
    missing = [key for key in needed if key[2] is not None and not cached(key[0], key[2], batch=key[1])]
    return sum(_CONVERSION_S + weight_bytes[model] / _CONVERTED_BYTES_PER_S for model, _, _ in missing)
