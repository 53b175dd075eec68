"""What a board reaches at best on its CPU: mult-adds and bytes a second, on one core and on all; one JSON line.

Started in a process of its own, `python -m edgebench.board.peak --seconds 10`, here or through ssh. What the figures
are, and are not:

- mult-adds: numpy's fp32 matrix product, one single-threaded BLAS a core. It says what this BLAS reaches with the
  kernels that it chose (or OPENBLAS_CORETYPE chose for it), which is less than the silicon can do.
- bytes: numpy's copy and addition over arrays larger than the caches, counted as STREAM counts them: what is read and
  what is written, without the lines that a cache reads before it writes them. The addition is STREAM's `add`; its
  traffic is that of `triad`, which numpy cannot do in one pass.
- clocks: what cpufreq says while all cores work; firmware may give less. How many cycles a multiplication takes here
  is not known to Python, so no clock is computed; `chain_s`, the time of a chain of multiplications each of which waits
  for the one before, follows the real clock from one run to the next.
"""

import argparse
import math
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebench.board import blas
from edgebench.board.probe import parse_cpu_list, probe
from edgebench.board.repeating import REPEATS, Call, rates, repetition
from edgebench.board.wire import STRICT, encode

if TYPE_CHECKING:
    import numpy as np

LONGEST_S = 600.0

_PHASES = 7  # product, copy and addition on one core and on all; the chain on one
_SIZES = (512, 384, 256, 128)  # rows of a square matrix; a core does 512 in 17 ms at 8 G mult-adds/s
_CALLS = 4  # a repetition has room for as many calls
_CHAIN = 100_000
_ARRAYS = 3
_SHARE = 4  # of the memory that is available, a quarter at most
_CACHES = 8  # times the last-level cache: what stays in it from the pass before is then an eighth at most
_LEAST_BYTES = 2**20
_SMALLEST_BYTES = 96 * 2**20
_LARGEST_BYTES = 2**30
_UNKNOWN_BYTES = 24 * 2**20  # where /proc/meminfo says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Median, lowest and highest of the repetitions."""

    __pydantic_config__: ClassVar[Any] = STRICT

    median: float
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        """Refuse what no measurement gives."""
        if not 0 < self.lowest <= self.median <= self.highest < math.inf:
            raise ValueError(
                f"is {self.lowest}, {self.median}, {self.highest}: expected 0 < lowest <= median <= highest"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Something a second, on one core and on all that were asked for."""

    __pydantic_config__: ClassVar[Any] = STRICT

    one_core: Figure
    all_cores: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What cpufreq says of a group of cores while all of them work."""

    __pydantic_config__: ClassVar[Any] = STRICT

    cores: tuple[int, ...]
    now_hz: int | None
    limit_hz: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """What one run of the probe found; `cpus` are the processors used, the last of them is the one core.

    `gemm_size` is the number of rows of the matrices; `openblas_coretype` what the environment forced on OpenBLAS, None
    where it chose itself; `blas_core` the kernels in use, None where the BLAS does not say. `last_level_cache_bytes` is
    the sum over all cores, None where the kernel does not say; where it is no small part of `working_set_bytes`, the
    bytes a second are partly the cache's.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    cpus: tuple[int, ...]
    repeats: int
    seconds: float
    gemm_mult_adds_per_s: Rate
    gemm_size: int
    copy_bytes_per_s: Rate
    add_bytes_per_s: Rate
    working_set_bytes: int
    last_level_cache_bytes: int | None
    chain_s: Figure
    chain_multiplications: int
    clocks_under_load: tuple[Clock, ...]
    blas: str
    blas_core: str | None
    openblas_coretype: str | None
    numpy: str
    python: str


def measure(threads: int, seconds: float) -> Peak:
    """Measure the peaks on one core and on `threads` cores, in about `seconds` and a quarter of the free memory.

    A repetition is as long as its calls: on a machine so slow that the smallest call takes longer than its share of
    the time, the whole takes longer too. Raise ValueError when there are not so many cores or hardly any memory,
    RuntimeError in a process that has loaded numpy with a BLAS of several threads: start a fresh one.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if not 1 <= threads <= len(allowed):
        raise ValueError(f"{threads} threads asked for: expected 1 to {len(allowed)}, the processors allowed here")
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"{seconds:g} seconds asked for: expected more than 0, {LONGEST_S:g} at most")
    blas.single_threaded()
    began = time.perf_counter()
    cpus = allowed[-threads:]  # the agent's choice too: the fast cores of big.LITTLE boards come last
    try:
        return _measured(cpus, seconds / (_PHASES * REPEATS + 1), began)
    finally:
        os.sched_setaffinity(0, allowed)


def _measured(cpus: list[int], repeat_s: float, began: float) -> Peak:
    import numpy as np

    os.sched_setaffinity(0, cpus)
    size, products = _products(len(cpus), repeat_s)
    gemm = _rate(cpus, products, size**3, repeat_s)
    clocks = _clocks_under_load(cpus, products, repeat_s)
    cache = last_level_cache(cpus)
    available = probe()["memory_available_bytes"]
    length = working_set_bytes(available, cache, 4 * 3 * size**2 * len(cpus)) // (4 * _ARRAYS)
    if 4 * length < _LEAST_BYTES:
        raise ValueError(f"{available} bytes of memory are available: too little to measure how fast it is")
    arrays = [np.ones(length, np.float32) for _ in range(_ARRAYS)]
    copy = _streamed(cpus, arrays, _copy, 2, repeat_s)
    add = _streamed(cpus, arrays, _add, 3, repeat_s)
    chain = rates(cpus[-1:], [_chain()], 1, repeat_s)
    return Peak(
        cpus=tuple(cpus),
        repeats=REPEATS,
        gemm_mult_adds_per_s=gemm,
        gemm_size=size,
        copy_bytes_per_s=copy,
        add_bytes_per_s=add,
        working_set_bytes=4 * _ARRAYS * length,
        last_level_cache_bytes=cache,
        chain_s=figure([1 / rate for rate in chain]),
        chain_multiplications=_CHAIN,
        clocks_under_load=clocks,
        blas=blas.name(),
        blas_core=blas.core(),
        openblas_coretype=os.environ.get("OPENBLAS_CORETYPE"),
        numpy=np.__version__,
        python=".".join(map(str, sys.version_info[:3])),
        seconds=time.perf_counter() - began,
    )


def figure(values: Sequence[float]) -> Figure:
    """Return median and range of some repetitions.

    >>> figure([3.0, 1.0, 2.0])
    Figure(median=2.0, lowest=1.0, highest=3.0)
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Figure(median=median, lowest=ordered[0], highest=ordered[-1])


def working_set_bytes(available: int | None, cache: int | None, taken: int = 0) -> int:
    """Return the bytes of all arrays together: many times the caches, but a quarter of what is available at most.

    `taken` bytes of that quarter are in use already.

    >>> working_set_bytes(16 * 2**30, 2**21) // 2**20, working_set_bytes(200 * 2**20, 2**21) // 2**20
    (96, 50)
    """
    wanted = min(max(_SMALLEST_BYTES, _CACHES * (cache or 0)), _LARGEST_BYTES)
    allowed = (available // _SHARE if available else _UNKNOWN_BYTES) - taken
    return max(min(wanted, allowed), 0)


def last_level_cache(cpus: Sequence[int], root: Path = Path("/")) -> int | None:
    """Return the bytes of all last-level caches that these processors reach, None where the kernel does not say."""
    found: dict[tuple[int, str], int] = {}
    for cpu in cpus:
        for index in (root / f"sys/devices/system/cpu/cpu{cpu}/cache").glob("index*"):
            try:
                level, size, shared = ((index / name).read_text() for name in ("level", "size", "shared_cpu_list"))
            except OSError:
                continue
            match = re.fullmatch(r"(\d+)K\s*", size)
            if match and level.strip().isdigit() and parse_cpu_list(shared):
                found[int(level), shared] = int(match[1]) * 1024
    last = max((level for level, _ in found), default=0)
    return sum(size for (level, _), size in found.items() if level == last) or None


def _products(threads: int, repeat_s: float) -> tuple[int, list[Call]]:
    """Return the rows of matrices that can be multiplied a few times a repetition, and a product for each thread."""
    import numpy as np

    def product(size: int) -> Call:
        left, right, result = (np.ones((size, size), np.float32) for _ in range(3))
        return lambda: np.matmul(left, right, out=result)

    call = product(_SIZES[-1])
    call()  # the first call sets BLAS up
    began = time.perf_counter()
    call()
    small_s = time.perf_counter() - began
    fitting = [size for size in _SIZES if small_s * (size / _SIZES[-1]) ** 3 * _CALLS <= repeat_s]
    size = next(iter(fitting), _SIZES[-1])
    return size, [product(size) for _ in range(threads)]


def _streamed(
    cpus: list[int],
    arrays: "list[np.ndarray[Any, Any]]",
    work: "Callable[..., Call]",
    touched: int,
    repeat_s: float,
) -> Rate:
    """Return the bytes a second of an operation that touches `touched` of the arrays; each core has its own part."""
    length = len(arrays[0]) // len(cpus)
    parts = [[array[start * length :][:length] for array in arrays] for start in range(len(cpus))]
    one = rates(cpus[-1:], [work(*arrays)], touched * arrays[0].nbytes, repeat_s)
    several = rates(cpus, [work(*part) for part in parts], touched * 4 * length, repeat_s)
    return Rate(one_core=figure(one), all_cores=figure(several))


def _copy(to: "np.ndarray[Any, Any]", source: "np.ndarray[Any, Any]", _: object) -> Call:
    import numpy as np

    return lambda: np.copyto(to, source)


def _add(to: "np.ndarray[Any, Any]", left: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> Call:
    import numpy as np

    return lambda: np.add(left, right, out=to)


def _chain() -> Call:
    import numpy as np

    factors, products = np.ones(_CHAIN, np.float32), np.empty(_CHAIN, np.float32)
    return lambda: np.multiply.accumulate(factors, out=products)


def _rate(cpus: list[int], calls: list[Call], work: float, repeat_s: float) -> Rate:
    one = rates(cpus[-1:], calls[-1:], work, repeat_s)
    return Rate(one_core=figure(one), all_cores=figure(rates(cpus, calls, work, repeat_s)))


def _clocks_under_load(cpus: list[int], calls: list[Call], repeat_s: float) -> tuple[Clock, ...]:
    """Return what cpufreq says in the middle of a repetition that is not timed."""
    with ThreadPoolExecutor(len(cpus)) as pool:
        barrier = threading.Barrier(len(cpus))
        for call in calls:
            pool.submit(repetition, call, barrier, repeat_s)
        time.sleep(repeat_s / 2)
        said = probe()["clocks"]
    known = [clock for clock in said if clock["cores"] and (clock["now_hz"] or clock["limit_hz"])]
    return tuple(
        Clock(cores=tuple(clock["cores"]), now_hz=clock["now_hz"], limit_hz=clock["limit_hz"]) for clock in known
    )


def main() -> int:
    """Print the peaks of this machine as one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="edgebench.board.peak", description="Measure what this machine reaches at best."
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="about how long to measure in all")
    parser.add_argument("--threads", type=int, help="how many cores to use (default: all that are allowed)")
    arguments = parser.parse_args()
    threads = len(os.sched_getaffinity(0)) if arguments.threads is None else arguments.threads
    try:
        peak = measure(threads, arguments.seconds)
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.buffer.write(encode(peak))
    return 0


if __name__ == "__main__":
    sys.exit(main())
