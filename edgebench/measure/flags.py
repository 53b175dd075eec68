"""Reasons to distrust a row: pure functions from records to the names of flags."""

from collections.abc import Iterable

from edgebench.board.wire import Block, Ready

PARITY_TOLERANCE = {"fp32": 1e-3, "fp16": 1e-2}
"""Largest difference from the reference relative to its scale; bf16 in place of fp32 shows as 3e-3 (BACKENDS 3).

fp16 rounds eight times finer than bf16, but may also add up in fp16.
"""

CPU_GAP = 0.05
"""MEASUREMENT 2.7: share of the wall time in which one thread did not run."""


def of_start(asked_precision: str, asked_threads: int, starts: Iterable[Ready]) -> list[str]:
    """Return what the start of a trial's workers gives reason to distrust.

    `parity` outputs differ from the reference; `precision` other arithmetic than asked for; `threads` more threads
    computed than asked for; `unsteady` the warm-up ended at its cap; `unlimited` the memory limit could not be set.
    """
    flags = set()
    for ready in starts:
        tolerance = PARITY_TOLERANCE[asked_precision]
        if ready.parity is not None and ready.parity.max_abs_diff > tolerance * ready.parity.scale:
            flags.add("parity")
        if ready.precision_found != asked_precision:
            flags.add("precision")
        if ready.threads_found is not None and ready.threads_found > asked_threads:
            flags.add("threads")
        if not ready.steady:
            flags.add("unsteady")
        if ready.memory_limited is False:
            flags.add("unlimited")
    return sorted(flags)


def of_blocks(threads: int, blocks: Iterable[Block]) -> list[str]:
    """Return what the samples give reason to distrust.

    `contended` the worker's only thread did not run for more than 5 % of the wall time (half of its samples or more);
    `paging` a sample waited for the disk.
    """
    gaps, faults = [], 0
    for block in blocks:
        if block.cpu_ns:
            gaps += [1 - cpu / wall for cpu, wall in zip(block.cpu_ns, block.wall_ns, strict=True)]
        faults += sum(block.major_faults)
    flags = []
    if threads == 1 and gaps and sorted(gaps)[len(gaps) // 2] > CPU_GAP:
        flags.append("contended")
    if faults:
        flags.append("paging")
    return flags
