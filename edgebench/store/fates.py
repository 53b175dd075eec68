"""What became of a trial: done, lost, unsupported or unfinished, and why."""

import re
from dataclasses import dataclass

from edgebench.board.wire import Lost
from edgebench.measure.plan import TWIN, Session, Trial, format_of
from edgebench.store.records import NotConverted, Run

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48 5.4: colours and cursor movements of a terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """How a trial ended; all but `status` only for those that were not measured to their end."""

    status: str
    stage: str | None = None
    reason: str | None = None
    exit_status: int | None = None
    signal: str | None = None
    out_of_memory: bool | None = None
    peak_bytes: int | None = None


def fate(run: Run, session: Session, trial: Trial) -> Fate:
    """Return what became of a trial; its own end comes before that of its agent, and that before the run's."""
    left_out = run.not_started.get(trial.id.removesuffix(TWIN))
    if left_out is not None:
        return Fate(status="unsupported", stage=left_out.stage, reason=left_out.reason)
    refused = _not_converted(run, trial)
    if refused is not None:
        return Fate(status="lost" if refused.lost else "unsupported", stage=refused.stage, reason=_line(refused.reason))
    lost = next((one for one in run.lost if (one.session, one.trial) == (session.name, trial.id)), None)
    if lost is not None:
        return _of_worker(lost)
    if session.name in run.sessions_ended:
        return Fate(status="done")
    if session.name in run.agent_lost:
        return Fate(status="lost", stage="agent", reason=_line(run.agent_lost[session.name]))
    return Fate(status="unfinished", reason="the run was ended before this session was")


def _of_worker(lost: Lost) -> Fate:
    tail = lost.stderr_tail.strip().splitlines()
    words = f"; stderr: {tail[-1][:300]}" if tail else ""
    return Fate(
        status="lost",
        stage=lost.stage,
        reason=_line(f"{lost.reason}{words}"),
        exit_status=lost.exit_status,
        signal=lost.signal,
        out_of_memory=lost.out_of_memory,
        peak_bytes=lost.peak_bytes,
    )


def _not_converted(run: Run, trial: Trial) -> NotConverted | None:
    file_format = format_of(run.started.formats, trial)
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
