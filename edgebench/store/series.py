"""The measured series of a run's trials, and what else of a trial its row and its pairs are made from."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Block, Ready, Watched
from edgebench.measure.series import Medians, Series, series
from edgebench.store import watching
from edgebench.store.records import Run
from edgebench.store.starts import Starts

_NS = 1e-9

Key = tuple[str, str]
"""Session and trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was measured of one trial: its workers' starts, its blocks, and the machine in the rounds of these."""

    starts: Starts
    series: Series
    watched: tuple[Watched, ...]

    @property
    def own_cpu(self) -> bool:
        """Tell whether it computes on the processors whose time was taken, not on a GPU's."""
        return self.starts.own_cpu()

    @property
    def paced(self) -> bool:
        """Tell whether its calls started at fixed times."""
        return any(block.response_ns for block in self.series.blocks)

    @property
    def canary_s(self) -> Medians:
        """Return the seconds of the canary's loop before each of its rounds, none where nobody watched."""
        found: dict[int, dict[int, float]] = defaultdict(dict)
        for one in self.watched:
            found[one.invocation][one.round] = one.loop_ns * _NS
        return dict(found)

    @property
    def round_s(self) -> float:
        """Return the median seconds of its blocks, priming calls included: what a round costs."""
        spans = [sum(block.wall_ns) + (block.priming_ns or 0) for block in self.series.blocks]
        return float(np.median(spans)) * _NS


def by_trial(run: Run) -> dict[Key, Series]:
    """Return the series of each trial that was measured, by session and trial."""
    found: dict[Key, list[Block]] = defaultdict(list)
    for block in run.blocks:
        found[block.session, block.trial].append(block)
    return {key: series(blocks, run.invocations.get(key[0], ())) for key, blocks in found.items()}


def taken(run: Run) -> dict[Key, Taken]:
    """Return all that was measured of each trial, by session and trial."""
    seen = watching.looks(run)
    starts = starts_by_trial(run)
    found = {}
    for key, measured in by_trial(run).items():
        invocations = {block.invocation for block in measured.blocks}
        found[key] = Taken(
            starts=starts.get(key, Starts(ready=())),
            series=measured,
            watched=tuple(one for one in watching.of_trial(*key, seen) if one.invocation in invocations),
        )
    return found


def starts_by_trial(run: Run) -> dict[Key, Starts]:
    """Return the starts of each trial, by session and trial."""
    found: dict[Key, list[Ready]] = defaultdict(list)
    for ready in run.ready:
        found[ready.session, ready.trial].append(ready)
    return {key: Starts(ready=tuple(of_one)) for key, of_one in found.items()}
