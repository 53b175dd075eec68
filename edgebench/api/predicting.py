"""Say beforehand what a model will take on a device: bounds, latency with an interval, memory."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, get_args

from edgebench import devices, plugins
from edgebench.analysis import bound, hardware, predict, residence
from edgebench.analysis.bound import Bound
from edgebench.analysis.cost import Cost
from edgebench.analysis.forecasts import Accuracy, Forecast, Forecasts, RoomInMemory
from edgebench.analysis.hardware import Hardware
from edgebench.analysis.predict import Asked, Prediction, Table
from edgebench.analysis.residence import Overhead, Residence
from edgebench.analysis.workload import workload
from edgebench.api import _own
from edgebench.api._accuracy import accuracies
from edgebench.api._models import canonical
from edgebench.api.counting import count
from edgebench.api.listing import asked_backend, backend, check_precision, suite
from edgebench.board.probe import probe
from edgebench.devices import Device
from edgebench.devices.records import Precision, Unit
from edgebench.errors import UsageError
from edgebench.store import calibration

MEMORY = "memory.toml"

_GPU = frozenset({"tensorrt", "cuda"})
"""Backends, providers and devices of backends that compute on a GPU."""

_PROCESSORS = {"provider": ("cpu", "cuda", "tensorrt"), "device": ("cpu", "cuda")}
"""Options of backends that say where they compute; no other option was in what was fitted."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """What to predict. `device`: a kind, a unit of boards.toml, or host. Empty: the defaults of the device.

    `inputs` and `weights` as in `Request`; own runs and the probe of the unit are looked up in `results`.
    """

    models: tuple[str, ...] = ()
    suite: str | None = None
    device: str = "host"
    backends: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    threads: tuple[int, ...] = ()
    batch: int = 1
    inputs: tuple[str, ...] = ()
    weights: Path | None = None
    results: Path = Path("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A device with the hardware that bounds (`limits`) and the one that predictions start from (`base`).

    They differ on a unit of a described kind that was probed: fits were made with descriptions. `processors` are all
    that it has, slow ones too.
    """

    device: Device
    unit: str | None
    limits: Hardware
    base: Hardware
    processors: int
    gpu: Hardware | None
    memories: tuple[RoomInMemory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setup:
    """Where a model is to run."""

    backend: str
    precision: Precision
    threads: int
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Everything that a forecast is made of but the model and its set-up."""

    target: _Target
    table: Table
    overheads: dict[str, Overhead]
    printed: dict[str, Accuracy]


def forecast(request: ForecastRequest) -> Forecasts:
    """Return what models are expected to take; raise UsageError for what is unknown or has no known peak."""
    named = _models(request)
    target = _target(request)
    own = _own.points(request.results, target.unit, target.device.name, target.base) if target.unit else ()
    known = _Known(
        target=target,
        table=predict.adapted(predict.read(), own),
        overheads=residence.overheads(predict.folder() / MEMORY),
        printed=accuracies(),
    )
    setups = tuple(_setups(request, known))
    costs = {model: count(model).cost for model in named}
    return Forecasts(
        device=target.device.name,
        title=target.device.title,
        limits=target.limits,
        probed=target.limits.measured,
        own=len(own),
        memories=target.memories,
        forecasts=tuple(_forecast(model, cost, setup, known) for model, cost in costs.items() for setup in setups),
    )


def _models(request: ForecastRequest) -> tuple[str, ...]:
    if bool(request.models) == (request.suite is not None):
        found = "both" if request.models else "neither"
        raise UsageError(f"Found {found} of models and --suite: expected one of the two.")
    listed = request.models or suite(request.suite or "").models
    return canonical(listed, request.inputs, request.weights)


def _target(request: ForecastRequest) -> _Target:
    """Return what is known of a device: its description, and of a unit what was measured."""
    name = request.device
    own = name == devices.HOST or name in devices.units()
    device, unit = devices.resolve(name) if own else (devices.find(name), None)
    described = hardware.of_device(device)
    here = unit is not None and unit.name == devices.HOST
    facts = probe() if here else None
    flags = facts["cpu_flags"] if facts else ()
    allowed = len(facts["cpus_allowed"]) if facts else sum(cluster.cores for cluster in device.cpu.clusters)
    probed = _probed(request.results, unit.name, device.name, flags) if unit else None
    limits, base = probed or described, described or probed
    if limits is None or base is None:
        raise UsageError(f"No peak of {device.name} is known: {_way_to_peak(unit)}.")
    return _Target(
        device=device,
        unit=unit.name if unit else None,
        limits=limits,
        base=base,
        processors=max(allowed, limits.cores, base.cores),
        gpu=hardware.of_gpu(device),
        memories=tuple(_memory_here() if here else _memories(device)),
    )


def _way_to_peak(unit: Unit | None) -> str:
    """Return what to do for a peak: a probe is one unit's, so a kind named by itself takes none."""
    name = devices.HOST if unit is None else unit.name
    word, whose = ("", "this machine's") if name == devices.HOST else (f" {name}", "its peak")
    return (
        f"`edgebench devices probe{word}` measures {whose}, which `--device {name}` takes, or a device file states "
        "clock_hz and mult_adds_per_cycle"
    )


def _memory_here() -> Iterator[RoomInMemory]:
    facts = probe()
    total, free = facts["memory_total_bytes"], facts["memory_available_bytes"]
    if total and free:
        yield RoomInMemory(size_bytes=total, free_bytes=free)


def _memories(device: Device) -> Iterator[RoomInMemory]:
    for size in device.memory.variants_bytes:
        yield RoomInMemory(size_bytes=size, free_bytes=residence.for_processes(size))


def _probed(results: Path, unit: str, device: str, flags: Sequence[str]) -> Hardware | None:
    found = calibration.latest_probe(calibration.read(results, unit))
    return None if found is None else hardware.of_probe(device, found.peak, flags)


def _setups(request: ForecastRequest, known: _Known) -> Iterator[_Setup]:
    """Yield backends by precisions by threads; defaults are what the device runs, and what was fitted on it.

    Raise UsageError for a backend of which nothing can be predicted, and for more threads than there are processors.
    """
    device, cores = known.target.device, known.target.base.cores
    fitted = [runtime for name, runtime in known.table.seen.pairs if name == device.name]
    counts = [threads for threads in device.run.threads if threads <= cores]
    threads = request.threads or tuple(sorted({1, max(counts, default=cores)}))
    _check_threads(threads, known.target)
    precisions = tuple(map(_precision, request.precisions))
    for name, precision in itertools.product(request.backends, precisions or ("",)):
        _check_backend(name, precision, known.table)
    for name in request.backends or tuple(dict.fromkeys((*device.run.backends, *fitted))):
        for precision in precisions or (_float(known, name),):
            if _offers(name, precision, known.table):
                yield from (
                    _Setup(backend=name, precision=precision, threads=number, batch=request.batch) for number in threads
                )


def _check_threads(threads: Sequence[int], target: _Target) -> None:
    wrong = next((number for number in threads if not 1 <= number <= target.processors), None)
    if wrong is not None:
        raise UsageError(
            f"{wrong} threads asked for: {target.unit or target.device.name} has {target.processors} processors, "
            f"ask for 1 to {target.processors}."
        )


def _check_backend(text: str, precision: str, table: Table) -> None:
    """Raise UsageError for a backend, as users write it, of which nothing can be predicted, in a precision if given."""
    name, runtimes, ours = text.partition(":")[0], table.seen.runtimes, plugins.names("backends")
    if name not in ours and text not in runtimes:
        others = ", ".join(runtime for runtime in runtimes if runtime not in ours)
        raise UsageError(f"Unknown backend {text!r}: known are {', '.join(ours)}, and from published rows {others}.")
    if text not in runtimes:
        _check_own(text)
    if precision and not _offers(text, precision, table):
        check_precision(backend(name), precision)


def _check_own(text: str) -> None:
    """Raise UsageError for a backend of ours that loads no model, and for options that no prediction knows."""
    state, options = asked_backend(text)
    if state.format is None:
        raise UsageError(f"The backend {state.name} loads no model, so there is nothing to predict: name another one.")
    for key, value in options:
        words = _PROCESSORS.get(key, ())
        if value not in words:
            expected = f"expected {' or '.join(f'{key}={word}' for word in words)}" if words else "leave it away"
            raise UsageError(f"No prediction knows what {key}={value} does to {state.name}: {expected}.")


def _offers(text: str, precision: Precision | str, table: Table) -> bool:
    """Tell whether a backend computes in a precision, here or in rows that were fitted; of others' nothing is known."""
    name = text.partition(":")[0]
    fitted = (_runtime(text, table), precision) in table.seen.precisions
    return fitted or name not in plugins.names("backends") or precision in backend(name).precisions


def _precision(text: str) -> Precision:
    known: tuple[Precision, ...] = get_args(Precision)
    found = next((one for one in known if one == text), None)
    if found is None:
        raise UsageError(f"The precision is {text!r}: expected {', '.join(known)}.")
    return found


def _float(known: _Known, backend: str) -> Precision:
    """Return the floating-point precision in which a runtime was fitted on a device, fp32 where it was not."""
    setups = [one.setup for one in known.table.coefficients.setups]
    name = known.target.device.name
    half = any((device, runtime, precision) == (name, backend, "fp16") for device, runtime, precision, _ in setups)
    return "fp16" if half else "fp32"


def _forecast(model: str, cost: Cost, setup: _Setup, known: _Known) -> Forecast:
    missing: list[str] = []
    limits = known.target.gpu if on_gpu(setup.backend) else known.target.limits
    limit = _tried(missing, lambda: _bound(cost, setup, limits, known.target.device))
    expected = _tried(missing, lambda: _predicted(model, cost, setup, known))
    return Forecast(
        model=model,
        backend=setup.backend,
        precision=setup.precision,
        threads=setup.threads,
        batch=setup.batch,
        mult_adds=setup.batch * cost.mult_adds,
        bound=limit,
        prediction=_above(limit, expected, known.target.limits),
        memory=_tried(missing, lambda: _resident(cost, setup, known.overheads)),
        accuracy=known.printed.get(model),
        missing=tuple(dict.fromkeys(missing)),
    )


def _above(limit: Bound | None, expected: Prediction | None, limits: Hardware) -> Prediction | None:
    """Return a prediction whose interval ends at what nothing beats; what a probe reached can be beaten."""
    if limit is None or expected is None or limits.measured:
        return expected
    return replace(expected, low_s=min(max(expected.low_s, limit.lower_s), expected.latency_s))


def _resident(cost: Cost, setup: _Setup, overheads: dict[str, Overhead]) -> Residence | None:
    if setup.backend.partition(":")[0] not in overheads:
        return None
    return residence.residence(cost, setup.backend, overheads, setup.precision, setup.batch)


def _tried(missing: list[str], figure: Callable[[], T]) -> T | None:
    """Return a figure, or None and note why there is none: another one may be known."""
    try:
        return figure()
    except UsageError as error:
        missing.append(str(error))
        return None


def on_gpu(backend: str) -> bool:
    """Tell whether a backend, as users write it, computes on a GPU.

    >>> on_gpu("tensorrt"), on_gpu("torch:device=cuda"), on_gpu("onnxruntime:spinning=off")
    (True, True, False)
    """
    name, _, options = backend.partition(":")
    return name in _GPU or any(option.partition("=")[2] in _GPU for option in options.split(","))


def _bound(cost: Cost, setup: _Setup, limits: Hardware | None, device: Device) -> Bound:
    if limits is None:
        raise UsageError(f"No peak of the GPU of {device.name} is known: its device file states none.")
    return bound.bound(cost, limits, precision=setup.precision, threads=setup.threads, batch=setup.batch)


def _runtime(backend: str, table: Table) -> str:
    """Return under which name a backend was fitted: its own, or else without its options."""
    return backend if backend in table.seen.runtimes else backend.partition(":")[0]


def _predicted(model: str, cost: Cost, setup: _Setup, known: _Known) -> Prediction:
    target = known.target
    if on_gpu(setup.backend):
        raise UsageError("Latency on a GPU is not predicted: rows of CPUs alone were fitted.")
    found = workload(cost, target.base, precision=setup.precision, threads=setup.threads, batch=setup.batch)
    return predict.predict(
        known.table,
        Asked(
            device=target.device.name,
            runtime=_runtime(setup.backend, known.table),
            precision=setup.precision,
            threads=setup.threads,
            batch=setup.batch,
            model=model,
            mult_adds=cost.mult_adds,
            workload=found.seconds,
        ),
    )
