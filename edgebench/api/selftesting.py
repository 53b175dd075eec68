"""Measure where the truth is known: a model against itself, or a chain of multiplications against a longer one."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from edgebench import __version__, devices
from edgebench.api._reaching import Board, reached, refuse_emulated, unit_of
from edgebench.api.planning import Plan, Request, plan_for
from edgebench.api.reading import Result
from edgebench.api.running import carry_out, silent
from edgebench.board import neighbour as neighbours
from edgebench.errors import LostTrialError, UsageError
from edgebench.measure import apart, truth
from edgebench.measure.apart import Reading
from edgebench.measure.duration import expected_seconds
from edgebench.measure.plan import TWIN, VERDICT_INVOCATIONS
from edgebench.measure.series import Series
from edgebench.measure.statistics import FEWEST_INVOCATIONS
from edgebench.measure.truth import Check
from edgebench.store import calibration
from edgebench.store.calibration import Calibration, Resolution
from edgebench.store.series import by_trial, taken

SESSIONS = 40
MODEL = "mobilenet_v1:width=0.5,resolution=128"
"""A call of about a millisecond on a PC, some ten on a small board."""

BACKEND = "onnxruntime"

_WORK = 20_000
_LONGER_WORK = 21_000
_PATIENCE = 2.0  # the neighbour ends by itself after twice the time expected, whatever becomes of us


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What to check: `known` sets a chain of multiplications against one of 1.05 times the length, in place of A/A.

    `neighbour`: with a load of our own on the processor that measures, half of the time.
    """

    device: str = devices.HOST
    host: str | None = None
    sessions: int = SESSIONS
    model: str = MODEL
    backend: str = BACKEND
    known: bool = False
    neighbour: bool = False
    seed: int | None = None
    results: Path = Path("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a self-test found; `entry` is what the calibration keeps of a whole A/A test, None of another."""

    result: Result
    check: Check
    asked: SelfTest
    entry: Resolution | None


def selftest(asked: SelfTest, say: Callable[[str], None] = silent) -> Outcome:
    """Measure the sessions of a self-test and judge them; an A/A test is kept in the unit's calibration.

    Raise UsageError when it cannot be done here, LostTrialError when a session gave no interval.
    """
    _refuse(asked)
    with reached(asked.device, asked.host) as side:
        refuse_emulated(side.board, "it has no resolution, because nothing is timed there")
        planned = _plan(asked, side.board)
        with _loaded(asked, planned, side.board):
            result = carry_out(planned, side, asked.results, say)
    check = _checked(asked, planned, result)
    whole = result.run.ended == "done" and not asked.known
    entry = _entry(asked, planned, check, result) if whole else None
    if entry is not None:
        calibration.add(asked.results, planned.unit.name, entry)
    return Outcome(result=result, check=check, asked=asked, entry=entry)


def calibrated(device: str = devices.HOST, host: str | None = None, results: Path = Path("results")) -> Calibration:
    """Return what is known of a unit's resolution and peaks; nothing is measured."""
    return calibration.read(results, unit_of(device, host).name)


def _refuse(asked: SelfTest) -> None:
    if asked.sessions < 1:
        raise UsageError(f"{asked.sessions} sessions asked for: expected 1 or more; {SESSIONS} tell a rate.")
    if asked.neighbour and unit_of(asked.device, asked.host).host is not None:
        raise UsageError("The neighbour runs on this machine only: leave --neighbour away, or run this on the board.")


def _plan(asked: SelfTest, board: Board) -> Plan:
    """Return the plan of one session, so many times over, each with a seed of its own."""
    backends = (f"null:work={_WORK}", f"null:work={_LONGER_WORK}") if asked.known else (asked.backend,)
    once = plan_for(
        Request(
            device=asked.device,
            host=asked.host,
            models=(asked.model,),
            backends=backends,
            threads=(1,),
            invocations=VERDICT_INVOCATIONS,
            results=asked.results,
            seed=asked.seed,
        ),
        board,
    )
    (session,) = once.sessions
    # The truth of a known difference needs no twin: the chains are two trials already.
    trials = tuple(trial for trial in session.trials if not (asked.known and trial.twin))
    sessions = tuple(
        replace(session, name=f"s{number}", seed=once.seed + number, trials=trials)
        for number in range(1, asked.sessions + 1)
    )
    protocol = replace(once.protocol, footprints=0)
    return replace(
        once, sessions=sessions, protocol=protocol, measuring_s=expected_seconds(sessions, protocol, once.timings)
    )


@contextlib.contextmanager
def _loaded(asked: SelfTest, planned: Plan, board: Board) -> Iterator[None]:
    if not asked.neighbour:
        yield
        return
    assert planned.measuring_s is not None
    with neighbours.started(_PATIENCE * planned.measuring_s, board.facts["cpus_allowed"][-1], planned.seed):
        yield


def _checked(asked: SelfTest, planned: Plan, result: Result) -> Check:
    measured = by_trial(result.run)
    originals = [trial.id for trial in planned.trials]
    subject, baseline = (originals[1], originals[0]) if asked.known else (originals[0] + TWIN, originals[0])
    pairs = [
        (measured[session.name, subject], measured[session.name, baseline])
        for session in planned.sessions
        if all(_enough(measured.get((session.name, trial))) for trial in (subject, baseline))
    ]
    if not pairs:
        raise LostTrialError(f"No session of {result.folder} was measured to its end: its trials.csv tells why.")
    return truth.check(pairs, _LONGER_WORK / _WORK if asked.known else 1.0)


def _enough(measured: Series | None) -> bool:
    return measured is not None and not measured.partial and len(measured.wall_s) >= FEWEST_INVOCATIONS


def _entry(asked: SelfTest, planned: Plan, check: Check, result: Result) -> Resolution:
    own, usual = truth.tally(check.own, 1.0), truth.tally(check.usual, 1.0)
    now = datetime.now(UTC)
    readings = list(_readings(planned, result))
    return Resolution(
        at=now.isoformat(timespec="seconds"),
        edgebench_version=__version__,
        sessions=own.sessions,
        invocations=planned.protocol.invocations,
        rounds=planned.protocol.rounds,
        trial=planned.trials[0].id,
        neighbour=asked.neighbour,
        seed=planned.seed,
        excluded_one=own.excluded,
        false_positive_rate=own.rate,
        false_positive_rate_low=own.rate_low,
        false_positive_rate_high=own.rate_high,
        resolution=truth.resolution(check.own),
        median_half_width=truth.median_half_width(check.own),
        naive_excluded_one=usual.excluded,
        run=result.folder.name,
        between_sessions=apart.between_sessions(one.latency for one in readings),
        between_sessions_ruled=apart.between_sessions(one.against for one in readings),
        span_s=(now - datetime.fromisoformat(result.run.started.started)).total_seconds(),
    )


def _readings(planned: Plan, result: Result) -> Iterator[Reading]:
    """Yield what each session says of the trial, beside its canary; one agent sings in all of them."""
    measured = taken(result.run)
    for session in planned.sessions:
        found = measured.get((session.name, planned.trials[0].id))
        reading = apart.reading(found.series.wall_s, found.canary_s) if found is not None else None
        if reading is not None:
            yield reading
