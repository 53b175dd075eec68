"""Why is my number not your number: a trial of ours against another run's, or against a published row."""

from pathlib import Path

from edgebench.api import _takings
from edgebench.api._takings import Own, own
from edgebench.judge import unlike
from edgebench.judge.unlike import Explanation, Taking, Usual, What
from edgebench.judge.usual import usual
from edgebench.store import published
from edgebench.store.rows import TrialRow

_PAIR_OF: dict[What, str] = {"runtime": "backend", "precision": "precision", "threads": "threads", "batch": "batch"}
_OWN_PAIR = "a pair of this run, with its interval"


def explain(folder: Path, text: str, words: str | None = None) -> Explanation:
    """Return why a latency of ours is not that of a reference; `words` choose the trial, else the one most like it.

    Raise UsageError for a run without such a trial and for a reference that names nothing.
    """
    ours = own(folder, words)
    found = _takings.reference(text, ours)
    if isinstance(found, Own):
        theirs, rows = found.taking, published.read().rows
    else:
        address, row, known = found
        board, source = known.boards[row.source, row.board], known.sources[row.source]
        theirs, rows = unlike.of_row(row, board, source, address), known.rows
    mine = min(ours, key=lambda one: _unlikeness(one.taking, theirs))
    return unlike.explain(
        mine.taking, theirs, lambda what, one, other: _evidence(mine, what, one, other) or usual(rows, what, one, other)
    )


def _unlikeness(ours: Taking, theirs: Taking) -> tuple[bool, bool, bool, bool, float]:
    return (
        ours.model != theirs.model,
        ours.runtime != theirs.runtime,
        ours.precision != theirs.precision,
        ours.threads != theirs.threads,
        ours.latency_s,
    )


def _evidence(mine: Own, what: What, ours: Taking, theirs: Taking) -> Usual | None:
    """Return what this very run tells of the size of a difference: the mean of its samples, or a pair of it."""
    if what == "statistic":
        told = (theirs.statistic or "").startswith(("mean", "inverse throughput"))
        factor = _takings.mean_over_latency(mine) if told else None
        return _one(factor, factor, factor, "the mean of this trial's own samples")
    if what not in _PAIR_OF:
        return None
    rows = {row.trial: row for row in mine.result.summary.trials}
    own_pairs = [one for one in mine.result.summary.pairs if one.by == _PAIR_OF[what] and one.latency_ratio is not None]
    for pair in own_pairs:
        if pair.baseline == mine.row.trial and _value(rows[pair.subject], what) == getattr(theirs, what):
            return _one(pair.latency_ratio, pair.latency_ratio_low, pair.latency_ratio_high, _OWN_PAIR)
        if pair.subject == mine.row.trial and _value(rows[pair.baseline], what) == getattr(theirs, what):
            found = pair.latency_ratio, pair.latency_ratio_high, pair.latency_ratio_low
            value, low, high = (None if one is None else 1 / one for one in found)
            return _one(value, low, high, _OWN_PAIR)
    return None


def _value(row: TrialRow, what: What) -> object:
    column = {"runtime": "backend", "precision": "precision_asked", "threads": "threads_asked", "batch": "batch"}[what]
    found = getattr(row, column)
    return unlike.runtime(found) if what == "runtime" else found


def _one(value: float | None, low: float | None, high: float | None, seen: str) -> Usual | None:
    if value is None or low is None or high is None:
        return None
    return Usual(median=value, low=low, high=high, pairs=1, seen=seen)
