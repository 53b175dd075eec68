"""Rows of trials.csv: what became of each trial, and what was measured of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebench.analysis import bound
from edgebench.analysis.hardware import Hardware
from edgebench.board.wire import EnergySource, Footprint, Signals, Watched
from edgebench.measure import flags, heat, outliers, statistics
from edgebench.measure.heat import Course, Sustained, Throttling
from edgebench.measure.outliers import Outliers
from edgebench.measure.plan import Session, Trial, format_of
from edgebench.measure.series import by_invocation
from edgebench.measure.statistics import Estimate
from edgebench.store import accuracy, energy, limits
from edgebench.store.accuracy import Accuracy
from edgebench.store.energy import RunEnergy, TrialEnergy
from edgebench.store.fates import fate
from edgebench.store.footprints import Footprints
from edgebench.store.records import Run
from edgebench.store.rows import TrialRow
from edgebench.store.series import Key, Taken, starts_by_trial
from edgebench.store.starts import Settled, Starts
from edgebench.untrusted import plain

_NS = 1e-9

_READ_HERE = ("board rail", "package counter")
"""Rungs that a sensor of the board tells."""

Machines = dict[tuple[Watched, ...], list[str]]
"""The machine's flags by all that was seen of it: the same for most trials of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steady:
    """What the samples of a trial say; `share` is that of outliers during which the machine was disturbed."""

    samples: int
    wall: Estimate | None
    cpu: Estimate | None
    autocorrelation: float
    p90_s: float | None
    p95_s: float | None
    p99_s: float | None
    outliers: Outliers
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paced:
    """Calls that started at fixed times: how long after these they ended, and how many not before the next was due."""

    p50_s: float
    p99_s: float | None
    misses: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hot:
    """What heat did to a trial; `before_s` is its latency in those rounds that came before it was held back."""

    course: Course
    throttling: Throttling | None
    before_s: float | None
    rounds_before: int | None
    sustained: Sustained | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """All that is known of one trial beside the plan."""

    starts: Starts
    alone: Footprints
    taken: Taken | None
    energy: TrialEnergy
    signals: Signals | None
    source: EnergySource | None
    hardware: Hardware | None
    accuracy: Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spans:
    """What the spans of a row are taken from: nothing where an emulator took them."""

    starts: Starts
    alone: Footprints

    @property
    def settled(self) -> Settled | None:
        """Return when the trial came to rest."""
        return self.starts.settled()


def rows(
    run: Run, taken: Mapping[Key, Taken], energies: RunEnergy, hardware: Hardware | None = None
) -> Iterator[TrialRow]:
    """Yield one row a trial, twins after the trials of their session; `hardware` bounds them, where it is known."""
    starts = starts_by_trial(run)
    long = run.started.protocol.sustained_s is not None
    alone: dict[Key, list[Footprint]] = defaultdict(list)
    for one in run.footprints:
        alone[one.session, one.trial].append(one)
    accuracies = accuracy.of_run(run)
    machines = {
        watched: flags.of_machine(watched, sustained=long) for watched in {one.watched for one in taken.values()}
    }
    for session in run.started.sessions:
        for trial in session.trials:
            key = (session.name, trial.id)
            known = _Known(
                starts=starts.get(key, Starts(ready=())),
                alone=Footprints(taken=tuple(alone.get(key, ()))),
                taken=None if run.started.emulated else taken.get(key),
                energy=energies.trials.get(key, TrialEnergy()),
                signals=run.signals.get(session.name),
                source=run.energy_sources.get(session.name),
                hardware=None if run.started.emulated else hardware,
                accuracy=accuracies.get(key, Accuracy()),
            )
            found = _flags(trial, known, machines) + ["emulated"] * run.started.emulated
            yield _row(run, session, trial, known, sorted(found))


def _row(run: Run, session: Session, trial: Trial, known: _Known, found: list[str]) -> TrialRow:
    # as long as a row has columns: to cut it in parts would only hide which figure goes where
    starts, alone, spans = known.starts, known.alone, _spans(run, known)
    end = fate(run, session, trial)
    counted = run.counted.get(trial.model)
    file_format = format_of(run.started.formats, trial)
    file = run.converted.get((trial.model, trial.batch, file_format)) if file_format else None
    steady = _steady(known.taken) if known.taken else None
    wall, cpu = (steady.wall, steady.cpu) if steady else (None, None)
    paced = _paced(known.taken, steady, run.started.protocol.pace_hz) if known.taken and steady else None
    hot = _hot(known.taken, sustained=run.started.protocol.sustained_s is not None) if known.taken else None
    joules = _energy(run, known, wall, cpu)
    limit = limits.limit(trial, counted, starts.words("provider"), known.hardware)
    efficiency = bound.efficiency(limit.bound_s, wall.value) if limit and wall else None
    return TrialRow(
        session=session.name,
        trial=trial.id,
        model=trial.model,
        backend=trial.backend_name,
        precision_asked=trial.precision,
        precision_found=starts.words("precision_found"),
        threads_asked=trial.threads,
        threads_found=starts.threads_found(),
        batch=trial.batch,
        twin=trial.twin,
        status=end.status,
        stage=end.stage,
        reason=end.reason,
        exit_status=end.exit_status,
        signal=end.signal,
        out_of_memory=end.out_of_memory,
        lost_resident_bytes=end.peak_bytes,
        unit=run.started.unit,
        device=run.started.device,
        emulated=run.started.emulated,
        provenance=_provenance(run, trial, starts, known.source if joules.rung in _READ_HERE else None),
        runtime_version=starts.words("runtime_version"),
        provider=starts.words("provider"),
        own_cpu=starts.own_cpu() if starts.ready else None,
        format=file_format,
        artefact_sha256=file.sha256 if file else None,
        artefact_bytes=file.size_bytes if file else None,
        inputs=_shapes(counted.inputs) if counted else None,
        mult_adds=counted.mult_adds if counted else None,
        params=counted.params if counted else None,
        invocations=wall.invocations if wall else 0,
        samples=steady.samples if steady else 0,
        latency_p50_s=wall.value if wall else None,
        latency_p50_low_s=wall.low if wall else None,
        latency_p50_high_s=wall.high if wall else None,
        latency_p90_s=steady.p90_s if steady else None,
        latency_p95_s=steady.p95_s if steady else None,
        latency_p99_s=steady.p99_s if steady else None,
        autocorrelation=steady.autocorrelation if steady else None,
        outliers_mild_low=steady.outliers.mild_low if steady else None,
        outliers_severe_low=steady.outliers.severe_low if steady else None,
        outliers_mild_high=steady.outliers.mild_high if steady else None,
        outliers_severe_high=steady.outliers.severe_high if steady else None,
        outliers_with_signal_share=steady.share if steady else None,
        pace_hz=run.started.protocol.pace_hz,
        response_p50_s=paced.p50_s if paced else None,
        response_p99_s=paced.p99_s if paced else None,
        paced_calls=paced.calls if paced else None,
        deadline_misses=paced.misses if paced else None,
        deadline_miss_share=paced.misses / paced.calls if paced else None,
        cpu_p50_s=cpu.value if cpu else None,
        mult_adds_per_s=counted.mult_adds * trial.batch / wall.value if counted and wall else None,
        bound_s=limit.bound_s if limit else None,
        direct_s=limit.direct_s if limit else None,
        bound_from=limit.source if limit else None,
        efficiency=efficiency,
        import_s=spans.starts.median("import_s"),
        load_s=spans.starts.median("load_s"),
        first_call_s=spans.starts.median("first_call_s"),
        warm_up_s=spans.starts.warm_up_s(),
        time_to_steady_s=spans.settled.seconds if spans.settled else None,
        calls_to_steady=spans.settled.calls if spans.settled else None,
        call_floor_s=spans.alone.median("floor_s"),
        set_inputs_s=spans.alone.median("set_inputs_s"),
        outputs_s=spans.alone.median("outputs_s"),
        footprints=len(alone.taken),
        memory_import_bytes=alone.median_bytes("import_bytes"),
        memory_load_bytes=alone.median_bytes("load_bytes"),
        memory_load_anonymous_bytes=alone.median_bytes("load_anonymous_bytes"),
        memory_load_file_bytes=alone.median_bytes("load_file_bytes"),
        memory_load_peak_bytes=alone.median_bytes("load_peak_bytes"),
        memory_peak_bytes=alone.median_bytes("peak_bytes"),
        memory_peak_low_bytes=alone.lowest_bytes("peak_bytes"),
        memory_peak_high_bytes=alone.highest_bytes("peak_bytes"),
        memory_peak_is_sampled=alone.peak_is_sampled(),
        memory_unique_bytes=alone.median_bytes("unique_bytes"),
        memory_swapped_bytes=alone.highest_bytes("swapped_bytes"),
        memory_group_bytes=alone.median_bytes("group_bytes"),
        energy_j=_value(joules.total),
        energy_low_j=joules.total.low if joules.total else None,
        energy_high_j=joules.total.high if joules.total else None,
        energy_above_idle_j=_value(joules.above_idle),
        energy_above_idle_low_j=joules.above_idle.low if joules.above_idle else None,
        energy_above_idle_high_j=joules.above_idle.high if joules.above_idle else None,
        energy_rung=joules.rung,
        energy_sensor=joules.sensor,
        energy_rail=joules.rail,
        energy_rate_hz=joules.rate_hz,
        energy_idle_w=joules.idle.w if joules.idle else None,
        energy_window_s=joules.window_s,
        energy_invocations=len(joules.total_j) if joules.total_j else None,
        energy_idle_moved=joules.idle_moved if joules.total_j else None,
        energy_reason=joules.reason,
        proxy_cpu_energy_j_low=_product(cpu, run.started.watts_per_core_low),
        proxy_cpu_energy_j_high=_product(cpu, run.started.watts_per_core_high),
        temperature_start_c=hot.course.first_c if hot else None,
        temperature_highest_c=hot.course.highest_c if hot else None,
        clock_lowest_hz=hot.course.lowest_hz if hot else None,
        clock_highest_hz=hot.course.highest_hz if hot else None,
        gate_s=_gate_s(run, session),
        throttled_at_s=hot.throttling.at_s if hot and hot.throttling else None,
        throttled_by=plain(", ".join(hot.throttling.causes)) or None if hot and hot.throttling else None,
        rounds_before_throttling=hot.rounds_before if hot else None,
        latency_before_throttling_s=hot.before_s if hot else None,
        burst_p50_s=hot.sustained.burst_s if hot and hot.sustained else None,
        sustained_p50_s=hot.sustained.sustained_s if hot and hot.sustained else None,
        sustained_reached=hot.sustained.reached if hot and hot.sustained else None,
        sustained_after_s=hot.sustained.after_s if hot and hot.sustained else None,
        parity_max_abs_diff=starts.parity_max_abs_diff(),
        parity_scale=starts.parity_scale(),
        images=known.accuracy.images or None,
        top1=known.accuracy.top1.value if known.accuracy.top1 else None,
        top1_low=known.accuracy.top1.low if known.accuracy.top1 else None,
        top1_high=known.accuracy.top1.high if known.accuracy.top1 else None,
        top5=known.accuracy.top5.value if known.accuracy.top5 else None,
        top5_low=known.accuracy.top5.low if known.accuracy.top5 else None,
        top5_high=known.accuracy.top5.high if known.accuracy.top5 else None,
        images_reason=known.accuracy.reason,
        flags=" ".join(sorted([*found, *flags.of_efficiency(efficiency)])),
    )


def _spans(run: Run, known: _Known) -> _Spans:
    if run.started.emulated:
        return _Spans(starts=Starts(ready=()), alone=Footprints(taken=()))
    return _Spans(starts=known.starts, alone=known.alone)


def _energy(run: Run, known: _Known, wall: Estimate | None, cpu: Estimate | None) -> TrialEnergy:
    """Return the energy of a call: as it was measured, else by the unit's power model, where energy was asked for."""
    if not run.started.protocol.energy or wall is None or not known.starts.own_cpu():
        return known.energy
    return energy.modelled(known.energy, run.started.power, wall.value, cpu.value if cpu else None)


def _hot(taken: Taken, *, sustained: bool) -> _Hot:
    throttled = heat.throttling(taken.watched)
    before = heat.before_throttling(taken.series, taken.watched) if throttled else None
    latency = statistics.latency(before) if before else None
    return _Hot(
        course=heat.course(taken.watched),
        throttling=throttled,
        before_s=latency.value if latency else None,
        rounds_before=None if before is None else sum(map(len, before.values())),
        sustained=heat.sustained(taken.series.blocks, taken.watched) if sustained else None,
    )


def _gate_s(run: Run, session: Session) -> float | None:
    """Return the seconds that a session waited for its processor to cool down, None where no temperature was told."""
    waited = [one.waited_s for one in run.gated if one.session == session.name]
    return sum(waited) if waited else None


def _steady(taken: Taken) -> _Steady:
    series = taken.series
    rho = statistics.autocorrelation(series.wall_s)
    p90_s, p95_s, p99_s = (statistics.percentile(series.samples_s, share, rho) for share in (0.90, 0.95, 0.99))
    return _Steady(
        samples=len(series.samples_s),
        wall=statistics.latency(series.wall_s),
        cpu=statistics.latency(series.cpu_s),
        autocorrelation=rho,
        p90_s=p90_s,
        p95_s=p95_s,
        p99_s=p99_s,
        outliers=outliers.classified(by_invocation(series.blocks)),
        share=outliers.coinciding(series.blocks, taken.watched, own_cpu=taken.own_cpu),
    )


def _paced(taken: Taken, steady: _Steady, pace_hz: float | None) -> _Paced | None:
    """Return what a camera would see of a trial; None when calls were not paced, or nobody timed their responses."""
    responses = sorted(response * _NS for block in taken.series.blocks for response in block.response_ns)
    if pace_hz is None or not responses:
        return None
    return _Paced(
        p50_s=responses[len(responses) // 2],
        p99_s=statistics.percentile(responses, 0.99, steady.autocorrelation),
        misses=sum(response > 1 / pace_hz for response in responses),
        calls=len(responses),
    )


def _flags(trial: Trial, known: _Known, machines: Machines) -> list[str]:
    found = flags.of_start(trial.precision, trial.threads, known.starts.ready)
    found += flags.of_footprints(known.alone.taken)
    if known.taken is not None:
        found += flags.of_blocks(trial.threads, known.taken.series.blocks, own_cpu=known.taken.own_cpu)
        found += flags.of_rounds(known.taken.series.wall_s)
        found += machines[known.taken.watched]
        found += ["partial"] if known.taken.series.partial else []
    found += flags.of_access(known.signals, known.source)
    return sorted(set(found))


def _provenance(run: Run, trial: Trial, starts: Starts, source: EnergySource | None) -> str:
    """Return where a row's figures come from: whose clock took them, what has to be known of backend and sensor."""
    status = run.started.statuses.get(trial.backend_name)
    words = ["measured by the runtime's own program" if starts.own_clock() else "measured"]
    roots = {one.root for one in run.signals.values()} | {one.root for one in run.energy_sources.values()}
    words += [f"sensors of {root}, a tree that stands for a board" for root in sorted(filter(None, roots))]
    words += [plain(f"sensor {source.sensor} {source.status}")] if source is not None and source.status else []
    return "; ".join([*words, *([f"backend {status}"] if status else [])])


def _shapes(inputs: dict[str, tuple[int, ...]]) -> str:
    """Return the shapes of inputs as text.

    >>> _shapes({"x": (1, 3, 224, 224)})
    'x=1x3x224x224'
    """
    return ",".join(f"{name}={'x'.join(str(side) for side in shape)}" for name, shape in inputs.items())


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _product(estimate: Estimate | None, factor: float | None) -> float | None:
    return None if estimate is None or factor is None else estimate.value * factor
