"""What a comparison or an explanation is about: trials of run folders, and rows that were published, by their names."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from edgebench.api.reading import Result, read
from edgebench.errors import UsageError
from edgebench.judge import unlike
from edgebench.judge.compare import usable
from edgebench.judge.unlike import Taking
from edgebench.store import published
from edgebench.store.published import Published, Row
from edgebench.store.rows import TrialRow
from edgebench.store.series import taken
from edgebench.untrusted import plain

_SHOWN = 6
_OWN_WEIGHTS = ("weights=", "sha256=")
_HEADER_LINES = 1
_TRIAL_MARK = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A trial of a run folder, and what it was taken under."""

    result: Result
    row: TrialRow
    taking: Taking


def own(folder: Path, words: str | None) -> tuple[Own, ...]:
    """Return the trials of a run whose name has all the words, each with what it was taken under.

    Raise UsageError for a run without any that was measured, and for a stand-in's.
    """
    result = read(folder)
    refuse_emulated(result)
    rows = [row for row in result.summary.trials if usable(row) and not row.twin]
    chosen = [row for row in rows if all(word in row.trial for word in (words or "").split())]
    if not chosen:
        told = ", ".join(plain(row.trial) for row in rows[:_SHOWN]) or "none"
        raise UsageError(f"{folder} has no measured trial with {words!r} in its name: found {told}.")
    return tuple(Own(result=result, row=row, taking=_taking(result, row)) for row in chosen)


def refuse_emulated(result: Result) -> None:
    """Raise UsageError for a run on a stand-in."""
    if result.run.started.emulated:
        raise UsageError(f"{result.folder} was measured on a stand-in: nothing was timed, so it cannot be compared.")


def mean_over_latency(found: Own) -> float | None:
    """Return the mean of a trial's samples over its latency: what it makes to print a mean; None without samples."""
    measured = taken(found.result.run).get((found.row.session, found.row.trial))
    if measured is None or not measured.series.samples_s:
        return None
    return fmean(measured.series.samples_s) / found.taking.latency_s


def reference(text: str, ours: Sequence[Own]) -> Own | tuple[str, Row, Published]:
    """Return what a reference names: a trial of a run folder (`DIR`, `DIR#WORDS`), or a published row.

    `ncnn:28` is line 28 of `edgebench/reference/latency/ncnn.csv`; `ncnn:board=rpi4b,threads=4` the only row of that
    source with these values and the model of ours. Raise UsageError for anything that names none, or several.
    """
    folder, _, words = text.partition(_TRIAL_MARK)
    if Path(folder).is_dir():
        return _of_folder(Path(folder), words, ours)
    source, colon, rest = text.partition(":")
    known = published.read()
    if not colon or source not in known.sources:
        sources = ", ".join(sorted(known.sources))
        raise UsageError(
            f"{plain(text)!r} is no run folder and no published row: expected DIR, DIR#TRIAL, SOURCE:LINE or "
            f"SOURCE:board=NAME,threads=N with one of {sources}."
        )
    address, row = _published(source, rest, known, ours[0].row.model)
    return address, row, known


def _of_folder(folder: Path, words: str, ours: Sequence[Own]) -> Own:
    """Return the trial of another run that is most like ours: the same, else the same model, backend or both."""
    found = own(folder, words)

    def likeness(one: Own) -> tuple[bool, bool, bool]:
        mine = ours[0].row
        return one.row.trial == mine.trial, one.row.model == mine.model, one.row.backend == mine.backend

    best = max(found, key=likeness)
    if not words and not likeness(best)[1]:
        raise UsageError(
            f"{folder} measured {plain(found[0].row.model)} and not {plain(ours[0].row.model)}: name a trial of it, as "
            f"{folder}{_TRIAL_MARK}WORDS."
        )
    return best


def _published(source: str, rest: str, known: Published, model: str) -> tuple[str, Row]:
    rows = [row for row in known.rows if row.source == source]
    if rest.isdecimal():
        number = int(rest) - _HEADER_LINES - 1
        if not 0 <= number < len(rows):
            raise UsageError(f"{source}:{rest} is no row: expected a line from 2 to {len(rows) + _HEADER_LINES}.")
        return f"{source}:{rest}", rows[number]
    wanted = _conditions(rest)
    wanted.setdefault("model", model)
    found = [number for number, row in enumerate(rows) if _matches(row, wanted)]
    names = [f"{source}:{number + _HEADER_LINES + 1}" for number in found]
    if len(found) != 1:
        said = ", ".join(f"{key}={value}" for key, value in wanted.items())
        told = (
            f": {'; '.join(_told(names[n], rows[found[n]]) for n in range(min(_SHOWN, len(found))))}" if found else ""
        )
        such = (*names, f"{source}:2")[0]
        raise UsageError(f"{len(found)} rows of {source} have {plain(said)}{told}: expected one, such as {such}.")
    return names[0], rows[found[0]]


def _conditions(text: str) -> dict[str, str]:
    """Return what a row must say; a comma of a model's parameters belongs to the value before it."""
    names = {field.name for field in dataclasses.fields(Row)}
    wanted: dict[str, str] = {}
    last = ""
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals and name in names:
            last = name
            wanted[name] = value
        elif last:
            wanted[last] += f",{part}"
        else:
            expected = ", ".join(sorted(names - {"source"}))
            raise UsageError(f"{plain(part)!r} is no condition on a published row: expected NAME=VALUE of {expected}.")
    return wanted


def _matches(row: Row, wanted: dict[str, str]) -> bool:
    return all(str(getattr(row, name)) == value for name, value in wanted.items())


def _told(name: str, row: Row) -> str:
    threads = "" if row.threads is None else f", {row.threads} thread{'s' * (row.threads != 1)}"
    return f"{name} ({row.board}, {row.runtime} {row.version or ''}{threads}, {row.precision or 'no precision'})"


def _taking(result: Result, row: TrialRow) -> Taking:
    facts, protocol = result.run.started.facts, result.run.started.protocol
    assert row.latency_p50_s is not None
    paced = f", called {protocol.pace_hz:g} times a second" if protocol.pace_hz is not None else ""
    machine = plain(str(facts.get("device_tree_model") or facts.get("cpu_model") or row.unit))
    bits = facts.get("userland_bits")
    return Taking(
        name=f"{result.folder}{_TRIAL_MARK}{plain(row.trial)}",
        latency_s=row.latency_p50_s,
        model=row.model,
        machine=machine,
        kind=row.device,
        processor=_processor(row),
        clock_hz=None if row.clock_highest_hz is None else float(row.clock_highest_hz),
        word_size=bits if isinstance(bits, int) else None,
        runtime=unlike.runtime(row.backend),
        version=row.runtime_version,
        weights="the user's" if any(word in row.model for word in _OWN_WEIGHTS) else "drawn from a seed",
        precision=row.precision_found,
        threads=row.threads_asked if row.threads_found is None else row.threads_found,
        batch=row.batch,
        warm_up="until at rest",
        statistic=f"geometric mean of {row.invocations} processes' medians{paced}",
    )


def _processor(row: TrialRow) -> str | None:
    if row.own_cpu:
        return "cpu"
    provider = (row.provider or "").lower()
    return "gpu" if any(word in provider for word in ("cuda", "gpu", "tensorrt", "vulkan")) else None
