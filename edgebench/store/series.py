"""The measured series of a session: block medians by trial, invocation and round, on the wall clock and in CPU time."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Block
from edgebench.store.records import Run

_NS = 1e-9

Medians = dict[int, dict[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One trial: medians in seconds of a call by invocation and round, and all samples behind them.

    Only complete invocations count. A trial without one is `partial`: then what there is stands in for them.
    """

    wall_s: Medians
    cpu_s: Medians
    samples_s: tuple[float, ...]
    blocks: tuple[Block, ...]
    partial: bool


def by_trial(run: Run) -> dict[tuple[str, str], Series]:
    """Return the series of each trial that was measured, by session and trial."""
    found: dict[tuple[str, str], list[Block]] = defaultdict(list)
    for block in run.blocks:
        found[block.session, block.trial].append(block)
    return {key: _series(blocks, run.invocations.get(key[0], ())) for key, blocks in found.items()}


def median_s(block: Block) -> tuple[float, float | None]:
    """Return the medians of a block's samples: wall seconds of one call, and CPU seconds where those were taken."""
    wall = float(np.median(block.wall_ns)) / block.calls * _NS
    return wall, float(np.median(block.cpu_ns)) / block.calls * _NS if block.cpu_ns else None


def _series(blocks: list[Block], complete: Iterable[int]) -> Series:
    counted = [block for block in blocks if block.invocation in set(complete)]
    partial = not counted
    wall: Medians = defaultdict(dict)
    cpu: Medians = defaultdict(dict)
    samples: list[float] = []
    for block in counted or blocks:
        wall[block.invocation][block.round], cpu_s = median_s(block)
        if cpu_s is not None:
            cpu[block.invocation][block.round] = cpu_s
        samples += [sample / block.calls * _NS for sample in block.wall_ns]
    return Series(
        wall_s=dict(wall),
        cpu_s=dict(cpu),
        samples_s=tuple(samples),
        blocks=tuple(counted or blocks),
        partial=partial,
    )
