"""What run folders hold for claims: the trials of one session that differ in their models alone, and their figures."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from edgebench.analysis.cost import Cost, LayerCost
from edgebench.api.claims.paper_files import parameter_values
from edgebench.api.claims.recounting import layers_of
from edgebench.api.reading import read
from edgebench.errors import UsageError
from edgebench.judge import combining
from edgebench.judge.claims import Claim, Where
from edgebench.judge.trust import Measured, reliable
from edgebench.measure.series import Medians
from edgebench.measure.statistics import Estimate
from edgebench.store import calibration, pairs, series
from edgebench.store.rows import PairRow, TrialRow
from edgebench.store.series import Taken

Clock = Literal["wall_s", "cpu_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """A session's A/A' on either clock."""

    wall: Estimate | None
    cpu: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One backend at one precision, number of threads and batch in one session, and the trials that it measured there.

    `pair_flags` are those of two models together. `resolution` and `reliable` are what the unit's selftest found.
    """

    run: Path
    unit: str
    device: str
    session: str
    backend: str
    precision: str
    threads: int
    batch: int
    trials: Mapping[str, tuple[TrialRow, Taken]]
    twins: Twins
    pair_flags: Mapping[frozenset[str], frozenset[str]]
    resolution: float | None
    reliable: bool

    @property
    def processor(self) -> Literal["cpu", "gpu"]:
        """What its trials computed on."""
        return "cpu" if all(taken.own_cpu for _, taken in self.trials.values()) else "gpu"


def settings(folder: Path) -> Iterator[Setting]:
    """Yield the settings of a run folder, in its order; raise UsageError when it holds no run."""
    result = read(folder)
    taken = series.taken(result.run)
    grouped: dict[tuple[str, str, str, int, int], dict[str, tuple[TrialRow, Taken]]] = defaultdict(dict)
    for row in result.summary.trials:
        if row.status == "done" and not row.twin and (row.session, row.trial) in taken:
            key = (row.session, row.backend, row.precision_asked, row.threads_asked, row.batch)
            grouped[key][row.model] = (row, taken[row.session, row.trial])
    resolution, trusted = _selftest(folder, result.run.started.unit)
    for (session, backend, precision, threads, batch), trials in grouped.items():
        of_session = [pair for pair in result.summary.pairs if pair.session == session]
        setup = (backend, precision, threads, batch)
        yield Setting(
            run=folder,
            unit=result.run.started.unit,
            device=result.run.started.device,
            session=session,
            backend=backend,
            precision=precision,
            threads=threads,
            batch=batch,
            trials=trials,
            twins=_twins(of_session),
            pair_flags={
                frozenset((pair.subject_model, pair.baseline_model)): frozenset(pair.flags.split())
                for pair in of_session
                if pair.by == "model" and (pair.subject_backend, pair.precision, pair.threads, pair.batch) == setup
            },
            resolution=resolution,
            reliable=trusted,
        )


def belongs(setting: Setting, where: Where | None) -> bool:
    """Tell whether a setting is of the class of devices that a paper names; every one is where it names none."""
    threads = where is None or where.threads is None or setting.threads == where.threads
    return threads and of_class(where, setting.device, setting.processor)


def of_class(where: Where | None, device: str | None, processor: str) -> bool:
    """Tell whether a kind of device, or None for one of no known kind, is of the class that a paper names.

    >>> of_class(Where(named="a Pixel 1", devices=("pixel1",)), "x86", "cpu")
    False
    """
    if where is None:
        return True
    named = where.devices is None or device in where.devices
    return named and (where.processor is None or processor == where.processor)


def needed(claim: Claim, costs: Mapping[str, Cost]) -> tuple[str, ...]:
    """Return the models that one session has to measure for a claim on latency; raise UsageError where none can be."""
    if claim.kind == "share":
        return (claim.subject, *(spec for spec, _ in parts(claim, costs[claim.subject])))
    return claim.counted_models


def parts(claim: Claim, cost: Cost) -> tuple[tuple[str, int], ...]:
    """Return the single layers that a part of a network is measured as, and how often each stands in it.

    Each layer runs by itself, batch norm and ReLU with it: a call of the runtime and a reordering of its tensors are in
    each, which makes their sum too large; and its weights stay in a cache, which makes it too small.
    """
    times: dict[str, int] = defaultdict(int)
    for layer in layers_of(cost, claim.part, claim.subject):
        times[_single(layer)] += 1
    return tuple(times.items())


def measured(claim: Claim, costs: Mapping[str, Cost], setting: Setting) -> Measured | None:
    """Return the ratio, the share, or the exponential of the exponent that a setting measured; None when it did not."""
    return _measured(setting, needed(claim, costs), partial(_estimate, claim, costs, setting))


def ratio(subject: str, baseline: str, setting: Setting) -> Measured | None:
    """Return the ratio of two models' latencies that a setting measured; None when it did not."""
    return _measured(setting, (subject, baseline), partial(_ratio, subject, baseline, setting))


def bound_ratio(subject: str, baseline: str, setting: Setting) -> float | None:
    """Return the ratio of two models' bounds in a setting; None where the peak of its unit is not known."""
    above, below = (
        setting.trials[model][0].bound_s if model in setting.trials else None for model in (subject, baseline)
    )
    return above / below if above and below else None


def _measured(setting: Setting, models: Sequence[str], estimate: Callable[[Clock], Estimate | None]) -> Measured | None:
    if any(model not in setting.trials for model in models):
        return None
    flags = {flag for model in models for flag in setting.trials[model][0].flags.split()}
    flags |= {flag for pair, found in setting.pair_flags.items() if pair <= set(models) for flag in found}
    wall = estimate("wall_s")
    if wall is None:
        return None
    return Measured(
        wall=wall,
        cpu=estimate("cpu_s"),
        twins=setting.twins.wall,
        cpu_twins=setting.twins.cpu,
        flags=frozenset(flags) | (frozenset() if setting.reliable else frozenset({"unreliable"})),
        threads=setting.threads,
        own_cpu=setting.processor == "cpu",
        throttled=pairs.throttled(setting.trials[model][0] for model in models),
    )


def _estimate(claim: Claim, costs: Mapping[str, Cost], setting: Setting, clock: Clock) -> Estimate | None:
    if claim.kind == "share":
        single = parts(claim, costs[claim.subject])
        found = [(_medians(setting, spec, clock), times) for spec, times in single]
        return combining.share(found, _medians(setting, claim.subject, clock))
    if claim.kind == "scaling_exponent":
        xs = parameter_values(claim)
        medians = [_medians(setting, model, clock) for model in claim.models]
        return combining.exponent(list(zip(xs, medians, strict=True)))
    return _ratio(claim.subject, claim.baseline, setting, clock)


def _ratio(subject: str, baseline: str, setting: Setting, clock: Clock) -> Estimate | None:
    return combining.ratio(_medians(setting, subject, clock), _medians(setting, baseline, clock))


def _medians(setting: Setting, model: str, clock: Clock) -> Medians:
    medians: Medians = getattr(setting.trials[model][1].series, clock)
    return medians


def _single(layer: LayerCost) -> str:
    square = layer.kernel[0] == layer.kernel[1] and layer.stride[0] == layer.stride[1] and layer.out_h == layer.out_w
    if layer.kind == "fc" or layer.groups != 1 or not square:
        raise UsageError(
            f"The layer {layer.name} is {layer.kind}: expected square convolutions without groups to time."
        )
    stride = f",stride={layer.stride[0]}" if layer.stride[0] > 1 else ""
    return (
        f"layer:standard,size={layer.out_h * layer.stride[0]},in={layer.in_channels},out={layer.out_channels},"
        f"kernel={layer.kernel[0]}{stride},order=conv-bn-relu"
    )


def _selftest(folder: Path, name: str) -> tuple[float | None, bool]:
    """Return the resolution of the unit that a run was made on, and whether its selftest allows verdicts."""
    unit = folder.resolve().parent
    found = calibration.latest_resolution(calibration.read(unit.parent, name)) if unit.name == name else None
    if found is None:
        return None, True
    return found.resolution, reliable(found.excluded_one, found.sessions)


def _twins(pairs: Sequence[PairRow]) -> Twins:
    pair = next((pair for pair in pairs if pair.by == "twin"), None)
    if pair is None:
        return Twins(wall=None, cpu=None)
    return Twins(
        wall=_bounds(pair.latency_ratio, pair.latency_ratio_low, pair.latency_ratio_high, pair.invocations),
        cpu=_bounds(pair.cpu_ratio, pair.cpu_ratio_low, pair.cpu_ratio_high, pair.invocations),
    )


def _bounds(value: float | None, low: float | None, high: float | None, invocations: int) -> Estimate | None:
    return None if value is None else Estimate(value=value, low=low, high=high, invocations=invocations)
