"""Rows of trials.csv: what became of each trial, and what was measured of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgebench.board.wire import Footprint, Watched
from edgebench.measure import flags, outliers, statistics
from edgebench.measure.outliers import Outliers
from edgebench.measure.plan import Session, Trial
from edgebench.measure.series import by_invocation
from edgebench.measure.statistics import Estimate
from edgebench.store.fates import fate
from edgebench.store.footprints import Footprints
from edgebench.store.records import Run
from edgebench.store.rows import TrialRow
from edgebench.store.series import Key, Taken, starts_by_trial
from edgebench.store.starts import Settled, Starts

_NS = 1e-9

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
class _Known:
    """All that is known of one trial beside the plan."""

    starts: Starts
    alone: Footprints
    taken: Taken | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spans:
    """What the spans of a row are taken from: nothing where an emulator took them."""

    starts: Starts
    alone: Footprints

    @property
    def settled(self) -> Settled | None:
        """Return when the trial came to rest."""
        return self.starts.settled()


def rows(run: Run, taken: Mapping[Key, Taken]) -> Iterator[TrialRow]:
    """Yield one row a trial, twins after the trials of their session."""
    starts = starts_by_trial(run)
    alone: dict[Key, list[Footprint]] = defaultdict(list)
    for one in run.footprints:
        alone[one.session, one.trial].append(one)
    machines = {watched: flags.of_machine(watched) for watched in {one.watched for one in taken.values()}}
    for session in run.started.sessions:
        for trial in session.trials:
            key = (session.name, trial.id)
            known = _Known(
                starts=starts.get(key, Starts(ready=())),
                alone=Footprints(taken=tuple(alone.get(key, ()))),
                taken=None if run.started.emulated else taken.get(key),
            )
            found = _flags(trial, known, machines) + ["emulated"] * run.started.emulated
            yield _row(run, session, trial, known, sorted(found))


def _row(run: Run, session: Session, trial: Trial, known: _Known, found: list[str]) -> TrialRow:
    # as long as a row has columns: to cut it in parts would only hide which figure goes where
    starts, alone, spans = known.starts, known.alone, _spans(run, known)
    end = fate(run, session, trial)
    counted = run.counted.get(trial.model)
    file_format = run.started.formats[trial.backend]
    file = run.converted.get((trial.model, trial.batch, file_format)) if file_format else None
    steady = _steady(known.taken) if known.taken else None
    wall, cpu = (steady.wall, steady.cpu) if steady else (None, None)
    paced = _paced(known.taken, steady, run.started.protocol.pace_hz) if known.taken and steady else None
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
        provenance=_provenance(run, trial, starts),
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
        memory_peak_bytes=alone.median_bytes("peak_bytes"),
        memory_peak_low_bytes=alone.lowest_bytes("peak_bytes"),
        memory_peak_high_bytes=alone.highest_bytes("peak_bytes"),
        memory_peak_is_sampled=alone.peak_is_sampled(),
        memory_unique_bytes=alone.median_bytes("unique_bytes"),
        memory_swapped_bytes=alone.highest_bytes("swapped_bytes"),
        memory_group_bytes=alone.median_bytes("group_bytes"),
        proxy_cpu_energy_j_low=_product(cpu, run.started.watts_per_core_low),
        proxy_cpu_energy_j_high=_product(cpu, run.started.watts_per_core_high),
        parity_max_abs_diff=starts.parity_max_abs_diff(),
        parity_scale=starts.parity_scale(),
        flags=" ".join(found),
    )


def _spans(run: Run, known: _Known) -> _Spans:
    if run.started.emulated:
        return _Spans(starts=Starts(ready=()), alone=Footprints(taken=()))
    return _Spans(starts=known.starts, alone=known.alone)


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
    return sorted(set(found))


def _provenance(run: Run, trial: Trial, starts: Starts) -> str:
    """Return where a row's figures come from: whose clock took them, and what has to be known of the backend."""
    status = run.started.statuses.get(trial.backend_name)
    words = ["measured by the runtime's own program" if starts.own_clock() else "measured"]
    return "; ".join([*words, *([f"backend {status}"] if status else [])])


def _shapes(inputs: dict[str, tuple[int, ...]]) -> str:
    """Return the shapes of inputs as text.

    >>> _shapes({"x": (1, 3, 224, 224)})
    'x=1x3x224x224'
    """
    return ",".join(f"{name}={'x'.join(str(side) for side in shape)}" for name, shape in inputs.items())


def _product(estimate: Estimate | None, factor: float | None) -> float | None:
    return None if estimate is None or factor is None else estimate.value * factor
