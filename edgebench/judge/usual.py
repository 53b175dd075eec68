"""How much one difference usually makes: published rows that agree in everything but that, two by two."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from edgebench.judge.unlike import Taking, Usual, What, quartiles, runtime
from edgebench.store.published import Row

_Key = tuple[object, ...]


def usual(rows: Sequence[Row], what: What, ours: Taking, theirs: Taking) -> Usual | None:
    """Return what a difference usually makes of a latency (theirs / ours) in published rows; None without evidence.

    Rows with a doubt tell nothing. A runtime's versions have no direction: all pairs of them are taken, either way.
    """
    believed = [row for row in rows if row.doubt is None]
    if what == "runtime version":
        factors = list(_either_way(believed, ours.runtime))
        boards = {row.board for row in believed if runtime(row.runtime) == ours.runtime}
    elif what in _VALUES:
        factors, boards = _matched(believed, what, _VALUES[what](ours), _VALUES[what](theirs))
    else:
        return None
    if not factors:
        return None
    low, middle, high = quartiles(factors)
    return Usual(
        median=middle,
        low=low,
        high=high,
        pairs=len(factors),
        seen=f"published rows of {len(boards)} board{'s' * (len(boards) != 1)}",
        either_way=what == "runtime version",
    )


def _matched(rows: Iterable[Row], what: What, mine: object, other: object) -> tuple[list[float], set[str]]:
    """Return latency with the other value over latency with mine, of each setting that was measured with both."""
    said, key = _OF_ROW[what], _KEYS[what]
    best: defaultdict[_Key, dict[object, float]] = defaultdict(dict)
    places: dict[_Key, str] = {}
    for row in rows:
        value = said(row)
        if value in (mine, other):
            at = key(row)
            places[at] = row.board
            best[at][value] = min(row.latency_s, best[at].get(value, math.inf))
    told = {at: found[other] / found[mine] for at, found in best.items() if len(found) == 2}
    return list(told.values()), {places[at] for at in told}


def _either_way(rows: Iterable[Row], name: str) -> Iterator[float]:
    """Yield by what factor, above 1, a latency differs between two versions of a runtime next to each other in time."""
    found: defaultdict[_Key, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.version is not None and runtime(row.runtime) == name:
            at = (*_setting(row), row.runtime, row.precision, row.threads, row.batch)
            found[at][row.version] = min(row.latency_s, found[at].get(row.version, math.inf))
    for versions in found.values():
        ordered = [versions[version] for version in sorted(versions)]
        for before, after in pairwise(ordered):
            yield max(before / after, after / before)


def _setting(row: Row) -> _Key:
    """Return what two rows share whatever they are to tell; names, runs and cores follow precision and threads."""
    return row.source, row.board, row.backend, row.model, row.statistic


_VALUES: dict[What, Callable[[Taking], object]] = {
    "threads": lambda one: one.threads,
    "precision": lambda one: one.precision,
    "batch": lambda one: one.batch,
    "runtime": lambda one: one.runtime,
}
_OF_ROW: dict[What, Callable[[Row], object]] = {
    "threads": lambda row: row.threads,
    "precision": lambda row: row.precision,
    "batch": lambda row: row.batch,
    "runtime": lambda row: runtime(row.runtime),
}
_KEYS: dict[What, Callable[[Row], _Key]] = {
    "threads": lambda row: (*_setting(row), row.runtime, row.version, row.date, row.precision, row.batch),
    "precision": lambda row: (*_setting(row), row.runtime, row.version, row.date, row.threads, row.batch),
    "batch": lambda row: (*_setting(row), row.runtime, row.version, row.date, row.precision, row.threads),
    "runtime": lambda row: (*_setting(row), row.precision, row.threads, row.batch),
}
