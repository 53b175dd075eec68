"""Samples far from the others of their process: classified and counted, never dropped (docs/measuring.md)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Block, Watched
from edgebench.measure import flags
from edgebench.measure.series import by_invocation

MILD = 1.5
SEVERE = 3.0
"""Tukey's fences, in interquartile ranges beyond the quartiles."""

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """How many of so many samples lie beyond the fences of their own process; severe ones are not mild as well."""

    samples: int
    mild_low: int
    severe_low: int
    mild_high: int
    severe_high: int

    @property
    def total(self) -> int:
        """Return the number of outliers of all classes."""
        return self.mild_low + self.severe_low + self.mild_high + self.severe_high


def classified(samples: Mapping[int, Sequence[float]]) -> Outliers:
    """Return the counts of outliers by class; samples by invocation, each against the quartiles of its own.

    >>> found = classified({0: [1.0, 1.1, 1.2, 1.3, 1.4, 9.0]})
    >>> found.severe_high, found.total
    (1, 1)
    """
    kept = [np.asarray(of_one, dtype=float) for of_one in samples.values() if len(of_one)]
    distances = np.concatenate([_distances(of_one) for of_one in kept]) if kept else np.empty(0)
    return Outliers(
        samples=len(distances),
        mild_low=int(np.sum((distances < -MILD) & (distances >= -SEVERE))),
        severe_low=int(np.sum(distances < -SEVERE)),
        mild_high=int(np.sum((distances > MILD) & (distances <= SEVERE))),
        severe_high=int(np.sum(distances > SEVERE)),
    )


def coinciding(blocks: Sequence[Block], watched: Iterable[Watched], *, own_cpu: bool = True) -> float | None:
    """Return the share of a trial's outliers that coincide with a signal in the sample or its round, None without any.

    `watched` are the rounds of its session. What remains was slow for a reason that nothing on this machine shows.
    """
    rounds = flags.rounds_of({block.trial for block in blocks}, watched)
    samples = by_invocation(blocks).items()
    outside = {invocation: np.abs(_distances(np.asarray(of_one))) > MILD for invocation, of_one in samples}
    taken = dict.fromkeys(outside, 0)
    outliers = explained = 0
    for block in blocks:
        first = taken[block.invocation]
        taken[block.invocation] += len(block.wall_ns)
        here = outside[block.invocation][first : taken[block.invocation]]
        if not here.any():
            continue
        of_round = flags.disturbed_round(rounds.get((block.invocation, block.round)))
        signals = np.array(flags.disturbed_samples(block, own_cpu=own_cpu), dtype=bool)
        outliers += int(here.sum())
        explained += int((here & (signals | of_round)).sum())
    return explained / outliers if outliers else None


def _distances(samples: Floats) -> Floats:
    """Return how many interquartile ranges each sample lies beyond the nearer quartile; 0 between them."""
    low, high = np.quantile(samples, [0.25, 0.75])
    spread = high - low
    beyond = np.where(samples > high, samples - high, np.minimum(samples - low, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(beyond == 0, 0.0, beyond / spread)
