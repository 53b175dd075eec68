"""The measured series of a trial: block medians by invocation and round, on the wall clock and in CPU time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Block

_NS = 1e-9

Medians = Mapping[int, Mapping[int, float]]
"""Block medians in seconds by invocation and round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One trial: medians in seconds of a call by invocation and round, and all samples behind them.

    Only complete invocations count. A trial without one is `partial`: then what there is stands in for them.
    `blocks` are in the order in which they were measured, as are the `samples_s`.
    """

    wall_s: Medians
    cpu_s: Medians
    samples_s: tuple[float, ...]
    blocks: tuple[Block, ...]
    partial: bool


def series(blocks: Iterable[Block], complete: Collection[int]) -> Series:
    """Return the series of one trial from its blocks; `complete` are the invocations that came to their end."""
    ordered = sorted(blocks, key=lambda block: (block.invocation, block.round))
    counted = [block for block in ordered if block.invocation in complete]
    wall: dict[int, dict[int, float]] = defaultdict(dict)
    cpu: dict[int, dict[int, float]] = defaultdict(dict)
    for block in counted or ordered:
        wall[block.invocation][block.round], cpu_s = median_s(block)
        if cpu_s is not None:
            cpu[block.invocation][block.round] = cpu_s
    return Series(
        wall_s=dict(wall),
        cpu_s=dict(cpu),
        samples_s=tuple(sample for block in counted or ordered for sample in samples_s(block)),
        blocks=tuple(counted or ordered),
        partial=not counted,
    )


def median_s(block: Block) -> tuple[float, float | None]:
    """Return the medians of a block's samples: wall seconds of one call, and CPU seconds where those were taken."""
    wall = float(np.median(block.wall_ns)) / block.calls * _NS
    return wall, float(np.median(block.cpu_ns)) / block.calls * _NS if block.cpu_ns else None


def samples_s(block: Block) -> list[float]:
    """Return the wall seconds of one call, sample by sample."""
    return [sample / block.calls * _NS for sample in block.wall_ns]


def by_invocation(blocks: Iterable[Block]) -> dict[int, list[float]]:
    """Return the samples of a trial in wall seconds of one call by invocation, for `outliers.classified`."""
    found: dict[int, list[float]] = defaultdict(list)
    for block in blocks:
        found[block.invocation] += samples_s(block)
    return dict(found)
