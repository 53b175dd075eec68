"""From what a user asks for to the sessions that answer it; nothing is measured or converted here."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebench import devices, extras, units
from edgebench.api import _bundled, _expecting, _imaging, _models, _precisions
from edgebench.api._reaching import Board
from edgebench.api.counting import counted as count_model
from edgebench.api.listing import BackendState, asked_backend, backend, suite
from edgebench.devices.records import Device, Unit
from edgebench.errors import UsageError
from edgebench.formats import Dataset, cached, for_threads, prepared_key
from edgebench.measure.duration import Timing, expected_seconds
from edgebench.measure.plan import (
    CHECKING,
    TWIN,
    Protocol,
    Session,
    Trial,
    format_key,
    format_of,
    sessions,
    too_large,
    worker_bytes,
)
from edgebench.store import calibration
from edgebench.store.bundle import Bundle
from edgebench.store.records import BundleUsed, Counted, NotStarted

DEFAULT_SUITE = "seeds"

_FASTEST_HZ = 1000.0  # a block of a second holds as many samples
_SHORTEST_SUSTAINED_S = 10.0  # the burst alone
_GATE_S = 30.0  # docs/measuring.md, Heat and energy
_LONG_GATE_S = 300.0  # a burst is one of a board that is cool
_CONVERSION_S = 6.0
_CONVERTED_BYTES_PER_S = 50e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks to have measured; empty tuples mean the device's own defaults.

    `host` is an address as ssh takes it, for a board that no boards.toml names; `bundle` holds the models, which then
    are neither counted nor converted here. Without `invocations` there are five, or with a budget as many as it takes
    until half of every ratio's interval is 1 % (`target`: another share). Without `memory` latency alone is measured.
    With `pace_hz` calls start at fixed times, with `sustained_s` each trial is called without a pause for so long at
    most, in one invocation. With `energy`, or the log of a `meter` that will be there when the run is over, each
    invocation ends with windows of load and of rest. `inputs` are shapes for a user's file or function, `weights` a
    state dictionary; both go with one model. `data` are images in class folders or in an .npz: each trial answers them,
    and a part of them calibrates int8. With `layers` each trial is timed layer by layer as well.
    """

    device: str = devices.HOST
    host: str | None = None
    models: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    weights: Path | None = None
    suite: str | None = None
    backends: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    batches: tuple[int, ...] = (1,)
    invocations: int | None = None
    target: float | None = None
    budget_s: float | None = None
    memory: bool = True
    pace_hz: float | None = None
    sustained_s: float | None = None
    energy: bool = False
    meter: Path | None = None
    results: Path = Path("results")
    seed: int | None = None
    bundle: Path | None = None
    data: Path | None = None
    layers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do: its trials in sessions, the counts of its models, and the seconds it is expected to take.

    `left_out` are those of the trials that will not be started; from `timings`, by trial id, the seconds follow. On a
    stand-in (`emulated`) trials are checked and not timed, and nobody knows how long that takes: `measuring_s` is None.
    `dataset` are the images that trials answer. `affordable` is about how many invocations a budget has room for,
    `unfit` what default backends are left out of in want of a precision.
    """

    device: Device
    unit: Unit
    seed: int
    protocol: Protocol
    trials: tuple[Trial, ...]
    sessions: tuple[Session, ...]
    formats: dict[str, str | None]
    counted: tuple[Counted, ...]
    left_out: tuple[NotStarted, ...]
    bundle: BundleUsed | None
    timings: dict[str, Timing]
    measuring_s: float | None
    converting_s: float
    emulated: bool = False
    dataset: Dataset | None = None
    affordable: int | None = None
    unfit: tuple[str, ...] = ()


def plan_for(request: Request, board: Board) -> Plan:
    """Return what a request means on a measuring board.

    Raise UsageError for anything that does not exist or does not fit together.
    """
    device, unit, facts = board.device, board.unit, board.facts
    if board.emulated:
        _refuse_timing(request, unit)
    calibration.read(request.results, unit.name)  # a wrong one is to be said now, not when verdicts look it up
    bundle = None if request.bundle is None else _bundled.opened(request.bundle)
    trials = _trials(request, board, bundle)
    formats = _formats(trials)
    if bundle is not None:
        for trial in trials:
            _bundled.check(bundle, trial, format_of(formats, trial))
    models = tuple(dict.fromkeys(trial.model for trial in trials))
    dataset = _dataset(request, models)
    counted = tuple(_counted(model, bundle) for model in models)
    weight_bytes = {one.model: _expecting.weight_bytes(one) for one in counted}
    needs = {trial.id: worker_bytes(trial, weight_bytes[trial.model]) for trial in trials}
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    left_out = _left_out(needs, facts["memory_available_bytes"], unit)
    alone = board.emulated or request.sustained_s is not None
    planned = tuple(sessions(trials, seed, needs, facts["memory_available_bytes"], alone=alone))
    timings = _expecting.timings(trials, {one.model: one for one in counted}, device, request.results, unit.name)
    started = _without(planned, {one.trial for one in left_out})
    protocol = _protocol(request, board, started, timings)
    return Plan(
        device=device,
        unit=unit,
        seed=seed,
        protocol=protocol,
        trials=tuple(trials),
        sessions=planned,
        formats=formats,
        counted=counted,
        left_out=left_out,
        bundle=None if bundle is None else _bundled.used(bundle),
        timings=timings,
        measuring_s=None if board.emulated else _measuring_s(started, protocol, timings, dataset),
        converting_s=_converting_s(trials, formats, weight_bytes, dataset) if bundle is None else 0.0,
        emulated=board.emulated,
        dataset=dataset,
        unfit=() if request.backends else _precisions.unfit(trials, board),
        affordable=_expecting.affordable(protocol, [one for one in started if one.trials], timings),
    )


def _dataset(request: Request, models: tuple[str, ...]) -> Dataset | None:
    """Return the images that were asked for; raise UsageError when the models cannot answer them."""
    return None if request.data is None else _imaging.opened(request.data, models)


def _measuring_s(
    started: Sequence[Session], protocol: Protocol, timings: Mapping[str, Timing], dataset: Dataset | None
) -> float:
    """Return how long sessions are expected to take, with the calls that answer images."""
    own = [trial for session in started for trial in session.trials if not trial.twin]
    calls = 0 if dataset is None else len(dataset.labels)
    images_s = sum(timings[trial.id].start_s + calls * timings[trial.id].call_s / trial.batch for trial in own)
    return expected_seconds(started, protocol, timings) + (images_s if calls else 0.0)


def _refuse_timing(request: Request, unit: Unit) -> None:
    """Raise UsageError for options that ask a stand-in for time, or for what is made of it."""
    asked = {
        "--invocations": request.invocations,
        "--budget": request.budget_s,
        "--target": request.target,
        "--pace": request.pace_hz,
        "--sustained": request.sustained_s,
        "--energy": request.energy or None,
        "--meter": request.meter,
        "--layers": request.layers or None,
    }
    given = [option for option, value in asked.items() if value is not None]
    if given:
        raise UsageError(
            f"{unit.name} is a stand-in, an emulated board on which nothing is timed: leave {', '.join(given)} away."
        )


def _protocol(request: Request, board: Board, started: Sequence[Session], timings: Mapping[str, Timing]) -> Protocol:
    """Return how sessions are measured; on a stand-in nothing is timed."""
    if board.emulated:
        return CHECKING
    invocations = request.invocations or (None if request.sustained_s is None else 1)
    chosen = _expecting.protocol(_given(request, board.device), invocations, started, timings)
    return chosen if request.memory else replace(chosen, footprints=0)


def _formats(trials: list[Trial]) -> dict[str, str | None]:
    """Return what trials load: the format of each backend, and those of precisions or threads that have their own."""
    found: dict[str, str | None] = {}
    for trial in trials:
        state = backend(trial.backend)
        found[trial.backend] = state.format
        if trial.precision in state.formats:
            found[format_key(trial.backend, trial.precision)] = state.formats[trial.precision]
        usual = format_of(found, trial)
        if usual is not None and for_threads(usual, trial.threads) != usual:
            key = format_key(trial.backend, trial.precision, trial.threads)
            found[key] = for_threads(usual, trial.threads)
    return found


def _given(request: Request, device: Device) -> Protocol:
    """Return what the user and the device say of how to measure."""
    if request.pace_hz is not None and not 0 < request.pace_hz <= _FASTEST_HZ:
        raise UsageError(f"The pace is {request.pace_hz:g} Hz: expected more than 0, {_FASTEST_HZ:g} at most.")
    if request.target is not None and not 0 < request.target < 1:
        raise UsageError(f"The target is {request.target:g}: expected a share between 0 and 1, such as 1%.")
    if request.sustained_s is not None:
        _check_sustained(request)
    if request.meter is not None and not request.meter.parent.is_dir():
        raise UsageError(f"{request.meter.parent} is no folder: name the file that the meter is writing.")
    return Protocol(
        gate_s=_GATE_S if request.sustained_s is None else _LONG_GATE_S,
        sustained_s=request.sustained_s,
        energy=request.energy or request.meter is not None,
        meter=request.meter is not None,
        sensors=device.sensors.preference,
        stage_limit_s=device.limits.stage_s,
        memory_limit_bytes=device.limits.memory_bytes,
        budget_s=request.budget_s,
        target=request.target,
        pace_hz=request.pace_hz,
        by_layer=request.layers,
    )


def _check_sustained(request: Request) -> None:
    if request.sustained_s is not None and request.sustained_s < _SHORTEST_SUSTAINED_S:
        raise UsageError(
            f"--sustained is {request.sustained_s:g} s: expected {_SHORTEST_SUSTAINED_S:g} s at least, such as 10m."
        )
    others = {"--pace": request.pace_hz, "--target": request.target, "--budget": request.budget_s}
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise UsageError(f"--sustained and {given[0]} do not go together: a long run ends when it has come to rest.")


def _trials(request: Request, board: Board, bundle: Bundle | None) -> list[Trial]:
    device = board.device
    names = _names(request, bundle)
    runtimes = [_backend(text, board) for text in request.backends] or _installed(board, bundle)
    precisions = request.precisions or device.run.precisions
    if not request.backends:
        runtimes = _precisions.having(runtimes, precisions)
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
        for runtime, options in _models.served(name, runtimes, asked=bool(request.backends))
        for precision in precisions
        if request.backends or precision in backend(runtime).precisions
        for threads in request.threads or device.run.threads[:1]
        for batch in request.batches
    ]
    for trial in trials:
        _check(trial, board)
    return list({trial.id: trial for trial in trials}.values())


def _names(request: Request, bundle: Bundle | None) -> list[str]:
    """Return the canonical names of the models asked for; the default is the bundle, or a suite without one."""
    models = list(request.models)
    if request.suite is not None or not (models or bundle):
        models += suite(request.suite or DEFAULT_SUITE).models
    if bundle is not None:
        if request.data is not None:
            raise UsageError(
                "--data and --bundle do not go together: what a bundle holds was quantised when it was packed; run "
                "where the models can be converted, with --host for a board."
            )
        if request.inputs or request.weights is not None:
            raise UsageError(
                "--input and --weights are settled when a bundle is packed: give them to `edgebench pack`."
            )
        return _bundled.models(bundle, models)
    return list(_models.runnable(models, request.inputs, request.weights, request.batches))


def _left_out(needs: Mapping[str, int], available_bytes: int, unit: Unit) -> tuple[NotStarted, ...]:
    """Return the trials that do not fit the board's memory; raise UsageError when none fits."""
    there = f"{units.size(available_bytes)} of {unit.name}'s memory is available"
    left_out = [trial for trial in needs if trial in too_large(needs, available_bytes)]
    if len(left_out) == len(needs):
        least = min(needs, key=lambda trial: needs[trial])
        raise UsageError(
            f"No trial fits: {least} needs about {units.size(needs[least])}, {there}; "
            "end other programs, or choose smaller models."
        )
    return tuple(
        NotStarted(trial=trial, stage="memory", reason=f"needs about {units.size(needs[trial])}, {there}")
        for trial in left_out
    )


def _without(planned: tuple[Session, ...], left_out: Collection[str]) -> list[Session]:
    return [
        replace(one, trials=tuple(trial for trial in one.trials if trial.id.removesuffix(TWIN) not in left_out))
        for one in planned
    ]


def _check(trial: Trial, board: Board) -> None:
    _precisions.check(trial, board)
    allowed = len(board.facts["cpus_allowed"])
    if not 1 <= trial.threads <= allowed:
        raise UsageError(f"{trial.threads} threads asked for: this board lets us use 1 to {allowed}.")
    if trial.batch < 1:
        raise UsageError(f"The batch is {trial.batch}: expected an integer from 1.")


def _backend(text: str, board: Board) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a backend's name and options from `null:work=1000`; raise UsageError when it cannot be used."""
    state, options = asked_backend(text)
    name = state.name
    if name in board.broken:
        raise UsageError(f"The backend {name} cannot be imported on {board.unit.name}: {board.broken[name]}.")
    if name not in board.runtimes:
        raise UsageError(f"The backend {name} is not installed on {board.unit.name}: {_way(state, board)}.")
    return name, options


def _installed(board: Board, bundle: Bundle | None) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return the device's own backends as far as they are installed, and the bundle holds what they load."""
    wanted = board.device.run.backends
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = [(name, ()) for name in wanted if name in board.runtimes]
    if not found:
        ways = "; ".join(_way(backend(name), board) for name in wanted)
        raise UsageError(f"None of the backends of {board.device.name} is installed on {board.unit.name}: {ways}.")
    served = [one for one in found if bundle is None or _bundled.holds(bundle, backend(one[0]).format)]
    if bundle is not None and not served:
        names = ", ".join(name for name, _ in found)
        raise UsageError(f"{bundle.path} holds nothing that {names} loads, and no other backend is installed.")
    return served


def _way(state: BackendState, board: Board) -> str:
    """Return how to get a backend onto a measuring board."""
    if state.distribution is None:
        return state.get_it or "it comes with the board's system"
    if board.unit.host is not None:
        return f"edgebench devices setup --host {board.unit.host} --backend {state.name}"
    return extras.way(state.name)


def _counted(model: str, bundle: Bundle | None) -> Counted:
    return count_model(model) if bundle is None else _bundled.counted(bundle, model)


def _converting_s(
    trials: list[Trial], formats: dict[str, str | None], weight_bytes: dict[str, int], dataset: Dataset | None
) -> float:
    needed = {(trial.model, trial.batch, format_of(formats, trial)) for trial in trials}
    keys = {model: None if dataset is None else prepared_key(model, dataset) for model, _, _ in needed}
    missing = [
        (model, batch, form)
        for model, batch, form in needed
        if form is not None and not cached(model, form, batch=batch, calibration=keys[model])
    ]
    return sum(_CONVERSION_S + weight_bytes[model] / _CONVERTED_BYTES_PER_S for model, _, _ in missing)
