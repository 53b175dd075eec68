"""Rows of trials.csv: what became of each trial."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Closed, Lost, Ready
from edgebench.measure import flags, statistics
from edgebench.measure.plan import TWIN, Session, Trial
from edgebench.measure.statistics import Estimate
from edgebench.store.records import NotConverted, Run
from edgebench.store.rows import TrialRow
from edgebench.store.series import Series

_NS = 1e-9
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48 5.4: colours and cursor movements of a terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fate:
    status: str
    stage: str | None = None
    reason: str | None = None
    exit_status: int | None = None
    signal: str | None = None
    out_of_memory: bool | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Starts:
    """What the invocations of a trial had in common when they started, and medians over them."""

    ready: tuple[Ready, ...]
    closed: tuple[Closed, ...]

    def median(self, name: str) -> float | None:
        return float(np.median([getattr(one, name) for one in self.ready])) if self.ready else None

    def words(self, name: str) -> str | None:
        return "; ".join(sorted({str(getattr(one, name)) for one in self.ready})) or None

    def threads_found(self) -> int | None:
        return max((one.threads_found for one in self.ready if one.threads_found is not None), default=None)

    def warm_up_s(self) -> float | None:
        spans = [(sum(one.start_up_ns) + sum(one.warm_up_ns)) * _NS for one in self.ready]
        return float(np.median(spans)) if spans else None

    def memory(self, name: str) -> int | None:
        found = [getattr(one.memory, name) for one in self.closed if one.memory is not None]
        return int(np.median(found)) if found else None

    def memory_of_model(self) -> int | None:
        told = [one.memory for one in self.closed if one.memory is not None]
        both = [memory.peak_bytes - memory.imported_bytes for memory in told]
        return int(np.median(both)) if both else None


def rows(run: Run, series: dict[tuple[str, str], Series]) -> Iterator[TrialRow]:
    """Yield one row a trial, twins after the trials of their session."""
    for session in run.started.sessions:
        for trial in session.trials:
            yield _row(run, session, trial, series.get((session.name, trial.id)))


def _row(run: Run, session: Session, trial: Trial, measured: Series | None) -> TrialRow:
    key = (session.name, trial.id)
    starts = _Starts(
        ready=tuple(one for one in run.ready if (one.session, one.trial) == key),
        closed=tuple(one for one in run.closed if (one.session, one.trial) == key),
    )
    fate = _fate(run, session, trial)
    counted = run.counted.get(trial.model)
    file_format = run.started.formats[trial.backend]
    file = run.converted.get((trial.model, trial.batch, file_format)) if file_format else None
    wall = statistics.latency(measured.wall_s) if measured else None
    cpu = statistics.latency(measured.cpu_s) if measured else None
    parity = [one.parity for one in starts.ready if one.parity is not None]
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
        status=fate.status,
        stage=fate.stage,
        reason=fate.reason,
        exit_status=fate.exit_status,
        signal=fate.signal,
        out_of_memory=fate.out_of_memory,
        unit=run.started.unit,
        device=run.started.device,
        provenance=_provenance(run, trial, starts),
        runtime_version=starts.words("runtime_version"),
        provider=starts.words("provider"),
        format=file_format,
        artefact_sha256=file.sha256 if file else None,
        artefact_bytes=file.size_bytes if file else None,
        inputs=_shapes(counted.inputs) if counted else None,
        mult_adds=counted.mult_adds if counted else None,
        params=counted.params if counted else None,
        invocations=wall.invocations if wall else 0,
        samples=len(measured.samples_s) if measured else 0,
        latency_p50_s=wall.value if wall else None,
        latency_p50_low_s=wall.low if wall else None,
        latency_p50_high_s=wall.high if wall else None,
        latency_p90_s=statistics.percentile(measured.samples_s, 0.90) if measured else None,
        latency_p99_s=statistics.percentile(measured.samples_s, 0.99) if measured else None,
        cpu_p50_s=cpu.value if cpu else None,
        mult_adds_per_s=counted.mult_adds * trial.batch / wall.value if counted and wall else None,
        import_s=starts.median("import_s"),
        load_s=starts.median("load_s"),
        first_call_s=starts.median("first_call_s"),
        warm_up_s=starts.warm_up_s(),
        memory_bare_bytes=starts.memory("bare_bytes"),
        memory_imported_bytes=starts.memory("imported_bytes"),
        memory_loaded_bytes=starts.memory("loaded_bytes"),
        memory_peak_bytes=starts.memory("peak_bytes") if starts.closed else fate.peak_bytes,
        memory_model_bytes=starts.memory_of_model(),
        proxy_cpu_energy_j_low=_product(cpu, run.started.watts_per_core_low),
        proxy_cpu_energy_j_high=_product(cpu, run.started.watts_per_core_high),
        parity_max_abs_diff=max((one.max_abs_diff for one in parity), default=None),
        parity_scale=max((one.scale for one in parity), default=None),
        flags=" ".join(_flags(trial, starts, measured)),
    )


def _flags(trial: Trial, starts: _Starts, measured: Series | None) -> list[str]:
    found = flags.of_start(trial.precision, trial.threads, starts.ready)
    if measured is not None:
        found += flags.of_blocks(trial.threads, measured.blocks)
        found += ["partial"] if measured.partial else []
    return found


def _provenance(run: Run, trial: Trial, starts: _Starts) -> str:
    """Return where a row's figures come from: whose clock took them, and what has to be known of the backend."""
    own = any(one.own_clock for one in starts.ready)
    status = run.started.statuses.get(trial.backend_name)
    words = ["measured by the runtime's own program" if own else "measured"]
    return "; ".join([*words, *([f"backend {status}"] if status else [])])


def _fate(run: Run, session: Session, trial: Trial) -> _Fate:
    """Return what became of a trial; its own end comes before that of its agent, and that before the run's."""
    left_out = run.not_started.get(trial.id.removesuffix(TWIN))
    if left_out is not None:
        return _Fate(status="unsupported", stage=left_out.stage, reason=left_out.reason)
    refused = _not_converted(run, trial)
    if refused is not None:
        return _Fate(
            status="lost" if refused.lost else "unsupported", stage=refused.stage, reason=_line(refused.reason)
        )
    lost = next((one for one in run.lost if (one.session, one.trial) == (session.name, trial.id)), None)
    if lost is not None:
        return _of_worker(lost)
    if session.name in run.sessions_ended:
        return _Fate(status="done")
    if session.name in run.agent_lost:
        return _Fate(status="lost", stage="agent", reason=_line(run.agent_lost[session.name]))
    return _Fate(status="unfinished", reason="the run was ended before this session was")


def _of_worker(lost: Lost) -> _Fate:
    tail = lost.stderr_tail.strip().splitlines()
    words = f"; stderr: {tail[-1][:300]}" if tail else ""
    return _Fate(
        status="lost",
        stage=lost.stage,
        reason=_line(f"{lost.reason}{words}"),
        exit_status=lost.exit_status,
        signal=lost.signal,
        out_of_memory=lost.out_of_memory,
        peak_bytes=lost.peak_bytes,
    )


def _not_converted(run: Run, trial: Trial) -> NotConverted | None:
    file_format = run.started.formats[trial.backend]
    for one in run.not_converted:
        if (one.model, one.batch) == (trial.model, trial.batch) and one.format in (file_format, "source"):
            return one if file_format is not None else None
    return None


def _line(text: str) -> str:
    """Return what a worker or converter said as one line that cannot steer a terminal.

    >>> _line("\\x1b[31mno such\\n operation\\x1b[0m")
    'no such operation'
    """
    plain = _ESCAPES.sub("", text)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())


def _shapes(inputs: dict[str, tuple[int, ...]]) -> str:
    """Return the shapes of inputs as text.

    >>> _shapes({"x": (1, 3, 224, 224)})
    'x=1x3x224x224'
    """
    return ",".join(f"{name}={'x'.join(str(side) for side in shape)}" for name, shape in inputs.items())


def _product(estimate: Estimate | None, factor: float | None) -> float | None:
    return None if estimate is None or factor is None else estimate.value * factor
