"""The rows that a page is made of, each text fit to be shown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebench.judge import together
from edgebench.judge.compare import UNTESTED, Known
from edgebench.judge.consequences import VerdictRow
from edgebench.judge.fronts import Front
from edgebench.judge.together import Standing
from edgebench.store.derived import Context
from edgebench.store.rows import TrialRow
from edgebench.store.tables import Summary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything a run's tables say. `fronts` are of printed accuracy against its latencies, at each place of the run.

    `printed` counts the networks of the run whose accuracy is printed somewhere; `known` is what the selftest of its
    unit tells of differences there.
    """

    context: Context
    summary: Summary
    verdicts: tuple[VerdictRow, ...]
    rounds: "pd.DataFrame"
    fronts: tuple[Front, ...]
    printed: int
    known: Known = UNTESTED

    @property
    def own(self) -> tuple[TrialRow, ...]:
        """Return the trials without twins."""
        return tuple(row for row in self.summary.trials if not row.twin)

    @property
    def timed(self) -> tuple[TrialRow, ...]:
        """Return the trials without twins that have a latency."""
        return tuple(row for row in self.own if row.latency_p50_s is not None and row.latency_p50_s > 0)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """Return how the backends of each model and setting stand to the fastest of them."""
        return together.standings(self.summary.trials, self.summary.pairs, self.known)


class Naming:
    """How the trials of a run are called: by what differs among them, and no more."""

    __slots__ = ("_batches", "_precisions", "_threads", "_units")

    def __init__(self, rows: Iterable[TrialRow]) -> None:
        found = list(rows)
        self._precisions = len({row.precision_asked for row in found}) > 1
        self._threads = len({row.threads_asked for row in found}) > 1
        self._batches = len({row.batch for row in found}) > 1
        self._units = len({row.unit for row in found}) > 1

    def setting(self, row: TrialRow) -> str:
        """Return a backend with whatever else tells its trials apart."""
        return " ".join((row.backend, *self._rest(row)))

    def trial(self, row: TrialRow) -> str:
        """Return the whole name of a trial."""
        return f"{row.model} in {self.setting(row)}"

    def _rest(self, row: TrialRow) -> Iterator[str]:
        if self._precisions:
            yield row.precision_asked
        if self._threads:
            yield f"x{row.threads_asked}"
        if self._batches:
            yield f"batch {row.batch}"
        if self._units:
            yield f"on {row.unit}"


def distinct(values: Iterable[str]) -> list[str]:
    """Return values in their order, each once.

    >>> distinct(["b", "a", "b"])
    ['b', 'a']
    """
    return list(dict.fromkeys(values))


def some(names: Sequence[str], most: int) -> str:
    """Return a few names, and how many more there are.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
