"""What two measurements do not have in common: settings that both state, and that differ."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from edgebench import units
from edgebench.store.records import Run
from edgebench.store.rows import TrialRow
from edgebench.untrusted import plain

Settings = Mapping[str, str | None]
"""What something was measured under, by what it is called; None: not stated."""

MOVED_CLOCK = 0.03
"""Clocks nearer than this are the same, as for the flag `clock_moved`."""

_WIDE = 80
_CHANGES_ANYWAY = frozenset({"memory_available_bytes"})
_OF_TRIAL = (
    "model",
    "backend",
    "precision_found",
    "threads_found",
    "batch",
    "runtime_version",
    "provider",
    "format",
    "inputs",
    "provenance",
)
_SHA = 12  # digits that tell two files apart for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting that both sides state and that is not the same; `trial` where it is of that trial alone."""

    what: str
    before: str
    after: str
    trial: str | None = None


def differences(before: Settings, after: Settings, trial: str | None = None) -> Iterator[Difference]:
    """Yield what both state and what differs; what one of them does not state is no difference.

    >>> [one.what for one in differences({"a": "1", "b": None}, {"a": "2", "b": "3"})]
    ['a']
    """
    for what, value in before.items():
        other = after.get(what)
        if value is not None and other is not None and value != other:
            yield Difference(what=what, before=value, after=other, trial=trial)


def of_run(run: Run) -> dict[str, str | None]:
    """Return what all trials of a run were measured under: machine, versions, protocol."""
    started = run.started
    facts = {name: value for name, value in started.facts.items() if name not in _CHANGES_ANYWAY}
    return {
        "unit": _said(started.unit),
        "device": _said(started.device),
        "edgebench": _said(started.edgebench_version),
        **{_words(name): _said(value) for name, value in facts.items()},
        **{f"package {plain(name)}": _said(version) for name, version in started.versions.items()},
        **{f"protocol: {_words(name)}": _said(value) for name, value in asdict(started.protocol).items()},
    }


def of_trial(row: TrialRow) -> dict[str, str | None]:
    """Return what one trial was measured under, beside what all of its run were."""
    sha = row.artefact_sha256
    return {
        **{_words(name): _said(getattr(row, name)) for name in _OF_TRIAL},
        "artefact": None if sha is None else f"sha256 {sha[:_SHA]}",
    }


def clocks(before: TrialRow, after: TrialRow) -> Iterator[Difference]:
    """Yield the highest clocks that were told in both, where they are further apart than clocks are told."""
    mine, other = before.clock_highest_hz, after.clock_highest_hz
    if mine and other and max(mine, other) > (1 + MOVED_CLOCK) * min(mine, other):
        yield Difference(what="clock", before=units.clock(mine), after=units.clock(other), trial=after.trial)


def _words(name: str) -> str:
    return plain(name.replace("_", " "), _WIDE)


def _said(value: object) -> str | None:
    """Return a value as a line of text, None where there is none."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value)), 4 * _WIDE) or None
    return plain(str(value), 4 * _WIDE)
