"""Run a plan: keep every outcome as it comes, and make the tables at the end."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from edgebench import __version__, devices, units
from edgebench.api import _imaging
from edgebench.api._converting import convert_all
from edgebench.api._expecting import MEASURING_SHARE
from edgebench.api._floors import add_floors
from edgebench.api._layers import add_layers
from edgebench.api._measuring import Execution, measure
from edgebench.api._reaching import Side, reached, unit_of
from edgebench.api.listing import status, versions
from edgebench.api.planning import Plan, Request, plan_for
from edgebench.api.reading import Result, derive
from edgebench.errors import EdgebenchError, LostTrialError, UsageError
from edgebench.formats import Dataset
from edgebench.measure.plan import QUICK_INVOCATIONS, Protocol
from edgebench.store import SCHEMA, Journal, RunFolder, calibration, create, locked, newest_unfinished
from edgebench.store.records import Ended, Resumed, RunStarted

_PACKAGES = ("numpy", "onnx", "onnxruntime", "onnxscript", "openvino", "torch")


def silent(_: str) -> None:
    """Say nothing."""


def plan(request: Request) -> Plan:
    """Return what a request would measure and how long that takes; nothing is measured or written."""
    with reached(request.device, request.host) as side:
        return plan_for(request, side.board)


def run(request: Request, say: Callable[[str], None] = silent) -> Result:
    """Measure what a request asks for and return the run; `say` gets a line between invocations.

    Raise UsageError before anything is measured when the request cannot be met, DeviceUnreachableError when no agent
    starts, LostTrialError when the results can no longer be written. A trial that is lost is a row, not an error.
    KeyboardInterrupt ends the run in order: what was measured is kept, and the tables are made.
    """
    with reached(request.device, request.host) as side:
        planned = plan_for(request, side.board)
        return carry_out(planned, side, request.results, say, meter=request.meter)


def carry_out(
    planned: Plan, side: Side, results: Path, say: Callable[[str], None], meter: Path | None = None
) -> Result:
    """Measure a plan on a side that answers, in a new run folder; the log of a `meter` is taken when that is done."""
    with locked(results, planned.unit.name):
        folder = create(results, planned.unit.name, datetime.now(UTC))
        with folder.opened() as journal:
            journal.append(_started(planned, side.board.facts, results))
            for counted in planned.counted:
                journal.append(counted)
            for one in planned.left_out:
                journal.append(one)
                say(f"{one.trial} is left out: it {one.reason}.")
            say(expectation(planned))
            return _finish(_execution(side, folder, journal, say, planned.dataset), meter)


def resume(
    results: Path, device: str = devices.HOST, host: str | None = None, say: Callable[[str], None] = silent
) -> Result:
    """Go on with the newest run of a unit that did not end, and return it; nothing is measured twice.

    Trials that were lost by their own fault stay lost. Raise UsageError when there is no such run.
    """
    unit = unit_of(device, host)
    folder = newest_unfinished(results, unit.name)
    if folder is None:
        raise UsageError(f"{results / unit.name} holds no unfinished run: there is nothing to resume.")
    with reached(device, host) as side, locked(results, unit.name), folder.opened() as journal:
        side.transport.recover(folder.path, side.connection)
        folder.adopt_spools(journal)
        dataset = _imaging.reopened(folder.read().started.data)
        journal.append(Resumed(at=_now()))
        say(f"Going on with {folder.path}.")
        return _finish(_execution(side, folder, journal, say, dataset))


def expectation(planned: Plan) -> str:
    """Return in one sentence what a plan will do and how long it is expected to take."""
    trials, sessions = len(planned.trials) - len(planned.left_out), len(planned.sessions)
    work = f"{trials} trial{'s' * (trials != 1)} in {sessions} session{'s' * (sessions != 1)}"
    if planned.measuring_s is None:
        what = "each is loaded and called once, to see its outputs and its memory; nothing is timed"
        return f"{work} on {planned.unit.name} ({planned.device.title}, emulated): {what}."
    converting = f" and {units.clock_time(planned.converting_s)} converting" if planned.converting_s else ""
    span = units.clock_time(planned.measuring_s)
    unfit = f"; left out: {', '.join(planned.unfit)}" if planned.unfit else ""
    return (
        f"{work} on {planned.unit.name} ({planned.device.title}), {_how_long(planned.protocol, planned.affordable)}: "
        f"about {span}{' at most' * (planned.protocol.target is not None)} measuring{converting}{unfit}."
    )


def _how_long(protocol: Protocol, affordable: int | None = None) -> str:
    """Return in words how many invocations a protocol has, where a budget has room for about so many.

    >>> _how_long(Protocol(invocations=5, target=0.01))
    '5 to 40 invocations each, until intervals are 1% to either side'
    >>> _how_long(Protocol(invocations=5, target=0.01, budget_s=10.0), affordable=1)
    'about 1 invocation each within the budget, too few for an interval, which needs 5'
    >>> _how_long(Protocol(invocations=5, target=0.01, budget_s=180.0), affordable=19)
    '5 to about 19 invocations each, until intervals are 1% to either side'
    """
    if protocol.sustained_s is not None:
        return f"each called without a pause until it stays level, for {units.clock_time(protocol.sustained_s)} at most"
    if affordable is not None and affordable <= protocol.invocations:
        some = f"about {affordable} invocation{'s' * (affordable != 1)} each within the budget"
        few = affordable < QUICK_INVOCATIONS
        return f"{some}, too few for an interval, which needs {QUICK_INVOCATIONS}" if few else some
    if protocol.target is None:
        return f"{protocol.invocations} invocations each"
    least, most = protocol.invocations, f"{protocol.most_invocations}"
    if affordable is not None and affordable < protocol.most_invocations:
        most = f"about {affordable}"
    return f"{least} to {most} invocations each, until intervals are {100 * protocol.target:g}% to either side"


def _execution(
    side: Side, folder: RunFolder, journal: Journal, say: Callable[[str], None], dataset: Dataset | None
) -> Execution:
    return Execution(
        folder=folder,
        journal=journal,
        say=say,
        transport=side.transport,
        connection=side.connection,
        dataset=dataset,
    )


def _finish(execution: Execution, meter: Path | None = None) -> Result:
    try:
        convert_all(execution)
        add_floors(execution)
        add_layers(execution)
        _measure_all(execution)
        execution.journal.append(Ended(at=_now(), how="done"))
    except KeyboardInterrupt:
        execution.close()
        execution.journal.append(Ended(at=_now(), how="interrupted"))
        execution.say(f"Interrupted: what was measured is in {execution.folder.path}; go on with --resume.")
    except EdgebenchError:
        with contextlib.suppress(OSError):  # what ended the run is to be told, not what it ended as well
            execution.folder.write_tables()
        raise
    if meter is not None:
        _adopt(execution, meter)
    return _derived(execution)


def _adopt(execution: Execution, meter: Path) -> None:
    """Keep a meter's log with the run; one that is wrong costs no measurement: another can be given afterwards."""
    try:
        execution.folder.adopt_meter(meter)
    except UsageError as error:
        execution.say(f"{error} Give another with `edgebench recompute {execution.folder.path} --meter FILE`.")


def _measure_all(execution: Execution) -> None:
    """Measure the sessions that have not ended; what one leaves of the budget is shared by those that follow."""
    state = execution.folder.read()
    waiting = [session for session in state.started.sessions if session.name not in state.sessions_ended]
    budget_s = state.started.protocol.budget_s
    began = perf_counter()
    for number, session in enumerate(waiting):
        room_s = None if budget_s is None else _room_s(budget_s, perf_counter() - began, len(waiting) - number)
        measure(execution, session, room_s)


def _room_s(budget_s: float, elapsed_s: float, sessions: int) -> float:
    """Return the seconds that the next of so many sessions may take.

    >>> _room_s(100.0, 37.0, 2)
    30.0
    """
    return (MEASURING_SHARE * budget_s - elapsed_s) / sessions


def _derived(execution: Execution) -> Result:
    """Make every derived file, and return what the run says."""
    path = execution.folder.path
    advice = f"all that was measured is in its journal; run `edgebench recompute {path}`"
    try:
        return derive(execution.folder)
    except OSError as error:
        raise LostTrialError(
            f"The tables of {path} cannot be written ({error.strerror}): make room; {advice}."
        ) from error
    except KeyboardInterrupt:
        execution.say(f"The tables of {path} are not made: {advice}.")
        raise


def _started(planned: Plan, facts: devices.Facts, results: Path) -> RunStarted:
    power = planned.device.power
    known = calibration.read(results, planned.unit.name)
    return RunStarted(
        schema=SCHEMA,
        edgebench_version=__version__,
        started=_now(),
        unit=planned.unit.name,
        device=planned.device.name,
        seed=planned.seed,
        protocol=planned.protocol,
        trials=planned.trials,
        sessions=planned.sessions,
        formats=planned.formats,
        watts_per_core_low=power.watts_per_core_low if power else None,
        watts_per_core_high=power.watts_per_core_high if power else None,
        facts=dict(facts),
        versions=versions(_PACKAGES),
        statuses=_statuses(planned),
        bundle=planned.bundle,
        emulated=planned.emulated,
        power=calibration.latest_power(known),
        data=None if planned.dataset is None else _imaging.used(planned.dataset),
    )


def _statuses(planned: Plan) -> dict[str, str]:
    found = {trial.backend_name: status(trial.backend, trial.backend_options) for trial in planned.trials}
    return {name: said for name, said in found.items() if said is not None}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
