"""Do one thing again and again on several processors at once, and time it by the whole of what they did."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

REPEATS = 5

Call = Callable[[], object]


def rates(cpus: list[int], calls: list[Call], work: float, repeat_s: float) -> list[float]:
    """Return the work a second of each repetition: all that the cores did, over the time until the last was done.

    Each core has a thread and a call of its own; numpy lets go of the interpreter's lock while it computes.
    """
    barrier = threading.Barrier(len(cpus))
    with ThreadPoolExecutor(len(cpus)) as pool:
        running = [pool.submit(_repeated, cpu, call, barrier, repeat_s) for cpu, call in zip(cpus, calls, strict=True)]
        done = [future.result() for future in running]
    return [
        sum(count for _, _, count in spans)
        * work
        * 1e9
        / (max(end for _, end, _ in spans) - min(start for start, *_ in spans))
        for spans in zip(*done, strict=True)
    ]


def _repeated(cpu: int, call: Call, barrier: threading.Barrier, repeat_s: float) -> list[tuple[int, int, int]]:
    """Return start and end in nanoseconds and the number of calls of each repetition on one processor."""
    try:
        os.sched_setaffinity(0, {cpu})  # of this thread
        call()
        return [repetition(call, barrier, repeat_s) for _ in range(REPEATS)]
    except BaseException:
        barrier.abort()  # or the other threads wait for ever
        raise


def repetition(call: Call, barrier: threading.Barrier, repeat_s: float) -> tuple[int, int, int]:
    """Call for so many seconds once all threads are there; return start and end in nanoseconds and the calls made."""
    barrier.wait()
    start = now = time.perf_counter_ns()
    count = 0
    while not count or now - start < repeat_s * 1e9:
        call()
        count += 1
        now = time.perf_counter_ns()
    return start, now, count
