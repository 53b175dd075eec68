"""The energy of a run's trials: from the highest rung that tells it, with all that has to be known of the figure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgebench.board.quantities import Joules, Watts, joules, watts
from edgebench.board.sensors import Rung
from edgebench.board.wire import EnergyWindow
from edgebench.measure import energy, statistics
from edgebench.measure.energy import NoEnergyError, PerCall, PowerModel
from edgebench.measure.statistics import Estimate
from edgebench.store import powers
from edgebench.store.calibration import PowerFit
from edgebench.store.powers import Source, span
from edgebench.store.records import Run
from edgebench.store.rows import EnergyRow
from edgebench.store.series import Key
from edgebench.untrusted import plain

_NS = 1e-9
_MOST_REASONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """A window of load as a source told it: energy of one call, and the power around it."""

    window: EnergyWindow
    per_call: PerCall

    @property
    def seconds(self) -> float:
        """Return how long the window was."""
        return span(self.window).seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnergy:
    """The energy of a call of one trial, and its pedigree; without a `rung` there is none, and `reason` says why.

    By a model there is neither window nor rate: it tells the energy from latency and CPU time.
    """

    rung: Rung | None = None
    sensor: str | None = None
    rail: str | None = None
    rate_hz: float | None = None
    window_s: float | None = None
    idle: Watts | None = None
    total: Estimate | None = None
    above_idle: Estimate | None = None
    total_j: Mapping[int, float] = field(default_factory=dict)
    above_idle_j: Mapping[int, float] = field(default_factory=dict)
    idle_moved: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnergy:
    """What the windows of a run say: the energy of each trial by session and name, and the windows one by one."""

    trials: Mapping[Key, TrialEnergy]
    rows: tuple[EnergyRow, ...]


def of_run(run: Run) -> RunEnergy:
    """Return the energy of every trial that has windows, on the highest rung that tells it; empty if none was asked."""
    trials: dict[Key, TrialEnergy] = {}
    rows: list[EnergyRow] = []
    if not run.started.protocol.energy:
        return RunEnergy(trials=trials, rows=())
    for session in run.started.sessions:
        windows = powers.windows(run, session.name)
        sources, refused = powers.sources(run, session.name, windows)
        for trial in session.trials:
            if not trial.twin:
                trials[session.name, trial.id] = _trial(trial.id, windows, sources, refused)
        rows += _rows(windows, sources[0] if sources else None)
    return RunEnergy(trials=trials, rows=tuple(rows))


def modelled(found: TrialEnergy, fit: PowerFit | None, call_s: float, cpu_s: float | None) -> TrialEnergy:
    """Return the energy of a trial by the unit's power model, where no sensor told it and there is a model for it."""
    if found.rung is not None or fit is None or cpu_s is None:
        return found
    try:
        total, above = energy.modelled(model_of(fit), call_s, cpu_s, fit.cores)
    except NoEnergyError as error:
        return TrialEnergy(reason=f"{found.reason}; {error}" if found.reason else str(error))
    return TrialEnergy(
        rung="calibrated model",
        sensor=f"fitted {fit.at[:10]} on {fit.rung}",
        rail=fit.rail,
        idle=watts(fit.idle_w),
        total=total,
        above_idle=above,
        reason=found.reason,
    )


def model_of(fit: PowerFit) -> PowerModel:
    """Return the power model of a calibration's entry; raise NoEnergyError for one that tells no uncertainty."""
    if fit.mean_utilisation is None or fit.utilisation_squares is None:
        raise NoEnergyError(
            f"the power model of {fit.at[:10]} does not tell how uncertain its line is: fit one again with `edgebench "
            "devices power`, and measure again"
        )
    return PowerModel(
        idle=watts(fit.idle_w),
        slope=watts(fit.slope_w),
        residual_sd=watts(fit.residual_w),
        windows=fit.windows,
        lowest=fit.lowest,
        highest=fit.highest,
        mean_utilisation=fit.mean_utilisation,
        utilisation_squares=fit.utilisation_squares,
    )


def fit_of(run: Run, cores: int) -> tuple[PowerModel, Source]:
    """Return the line through the powers of a run's windows, and the source that told them; raise NoEnergyError.

    Utilisation is the time that processors were busy, with whatever it was, over all that they had.
    """
    for session in run.started.sessions:
        windows = powers.windows(run, session.name)
        sources, refused = powers.sources(run, session.name, windows)
        points = [
            (
                window.busy_s / ((window.ended_ns - window.began_ns) * _NS * cores),
                source.read(window).per(span(window).seconds),
                source,
            )
            for source in sources[:1]
            for window in windows
            if window.busy_s is not None
        ]
        if points:
            return energy.fitted([share for share, _, _ in points], [power for _, power, _ in points]), points[0][2]
        if refused:
            raise NoEnergyError(refused[0])
    raise NoEnergyError("the run has no windows of load and rest: measure it with `run --energy --meter FILE`")


# --- trials ----------------------------------------------------------------------------------------------------------


def _trial(trial: str, windows: list[EnergyWindow], sources: list[Source], refused: list[str]) -> TrialEnergy:
    reasons = list(refused)
    for source in sources:
        taken, failed = _taken(trial, windows, source)
        if taken:
            return _summary(source, taken, [*reasons, *failed])
        reasons += failed or [f"{source.sensor}: the trial has no window"]
    return TrialEnergy(reason=_said(reasons))


def _taken(trial: str, windows: list[EnergyWindow], source: Source) -> tuple[list[_Load], list[str]]:
    """Return those windows of a trial that a source tells, and why it does not tell the others."""
    by_place = {(one.invocation, one.number): one for one in windows}
    found, failed = [], []
    for window in windows:
        if window.trial != trial:
            continue
        around = [by_place.get((window.invocation, window.number + step)) for step in (-1, 1)]
        try:
            found.append(_Load(window=window, per_call=_per_call(source, window, *around)))
        except NoEnergyError as error:
            failed.append(f"{source.sensor}, invocation {window.invocation + 1}: {error}")
    return found, failed


def _per_call(source: Source, window: EnergyWindow, before: EnergyWindow | None, after: EnergyWindow | None) -> PerCall:
    if before is None or after is None or window.calls < 1:
        raise NoEnergyError("it has no window of rest on both sides")
    load = source.read(window)
    idle = [source.read(one).per(span(one).seconds) for one in (before, after)]
    return energy.per_call(load, span(window), window.calls, idle[0], idle[1])


def _summary(source: Source, taken: list[_Load], failed: list[str]) -> TrialEnergy:
    by_invocation: dict[int, list[PerCall]] = defaultdict(list)
    for one in taken:
        by_invocation[one.window.invocation].append(one.per_call)
    total = {number: _mean([one.total for one in found]) for number, found in by_invocation.items()}
    above = {number: _mean([one.above_idle for one in found]) for number, found in by_invocation.items()}
    return TrialEnergy(
        rung=source.rung,
        sensor=source.sensor,
        rail=source.rail,
        rate_hz=source.rate_hz,
        window_s=float(np.median([one.seconds for one in taken])),
        idle=watts(float(np.median([one.per_call.idle.w for one in taken]))),
        total=energy.estimate(total),
        above_idle=energy.estimate(above),
        total_j={number: one.j for number, one in total.items()},
        above_idle_j={number: one.j for number, one in above.items()},
        idle_moved=sum(one.per_call.idle_moved for one in taken),
        reason=_said(failed),
    )


def ratio(subject: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Return how many times the energy of one trial another takes, paired by invocation; None where one had none.

    >>> round(ratio({0: 2.0, 1: 4.0}, {0: 1.0, 1: 2.0}).value, 9)
    2.0
    """
    shared = [number for number in subject if number in baseline]
    if not shared or any(min(subject[number], baseline[number]) <= 0 for number in shared):
        return None
    return statistics.latency_ratio(*({n: {0: side[n]} for n in shared} for side in (subject, baseline)))


def _mean(values: list[Joules]) -> Joules:
    return joules(sum(one.j for one in values) / len(values))


def _said(reasons: list[str]) -> str | None:
    """Return reasons in one line, each once; they hold words of the board's."""
    return "; ".join(list(dict.fromkeys(map(plain, reasons)))[:_MOST_REASONS]) or None


def _rows(windows: list[EnergyWindow], source: Source | None) -> list[EnergyRow]:
    if not windows:
        return []
    rows = []
    first = min(one.start_ns for one in windows)
    for window in windows:
        seconds, found, reason = span(window).seconds, None, None
        if source is not None:
            try:
                found = source.read(window)
            except NoEnergyError as error:
                reason = _said([str(error)])
        rows.append(
            EnergyRow(
                session=window.session,
                invocation=window.invocation,
                window=window.number,
                trial=window.trial,
                start_s=(window.start_ns - first) * _NS,
                seconds=seconds,
                calls=window.calls,
                cpu_s=None if window.cpu_ns is None else window.cpu_ns * _NS,
                busy_s=window.busy_s,
                readings=len(window.at_ns),
                rung=source.rung if source else None,
                energy_j=found.j if found else None,
                mean_w=found.per(seconds).w if found else None,
                reason=reason,
            )
        )
    return rows
