"""A fixed piece of work, timed before each round: when it takes longer, so does what is measured.

How many cycles it takes is not known to Python, so it gives no clock rate; its changes follow those of the processor.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns

_MULTIPLICATIONS = 6000  # about 0.1 ms on a PC
_FACTOR = 1.0000001  # keeps the product far from overflow and from subnormal numbers
_STREAM_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """Wall nanoseconds of a chain of multiplications, each waiting for the one before, and of a copy of 1 MiB."""

    loop_ns: int
    stream_ns: int


class Canary:
    """Sings on one processor; holds the memory that it copies."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._source = bytearray(b"\1") * _STREAM_BYTES
        self._target = bytearray(_STREAM_BYTES)

    def sing(self) -> Song:
        """Time the work on the canary's processor, then go back to where this process ran before.

        A first chain, not timed, wakes a processor that was idle and fills its caches. The copy is made once: what it
        reads was last touched a round ago, so it comes from as far away as the round has driven it.
        """
        with _on(self._cpu):
            _multiply()
            began = perf_counter_ns()
            _multiply()
            looped = perf_counter_ns()
            self._target[:] = self._source
            return Song(loop_ns=looped - began, stream_ns=perf_counter_ns() - looped)


def _multiply() -> float:
    product = 1.0
    for _ in range(_MULTIPLICATIONS):
        product *= _FACTOR
    return product


@contextmanager
def _on(cpu: int) -> Iterator[None]:
    """Run this thread on one processor."""
    home = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, home)
