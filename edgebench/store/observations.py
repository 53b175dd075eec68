"""The published rows that a prediction is fitted on and judged by, and how well they agree among themselves.

The filter stands here, apart from every fit, and was fixed before the first one: a row is taken or left out for what
its source says of it, never for how well it fits. docs/prediction.md has the figures.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Literal

from edgebench import devices, tomlfile
from edgebench.analysis import hardware
from edgebench.analysis.hardware import Hardware
from edgebench.devices.records import Device, Precision
from edgebench.errors import UsageError
from edgebench.store.published import Board, Published, Row

LITTLE_CORES = "powersave 1"
"""What a row of benchncnn says that ran on the slow cores of a board, of which no peak is described."""

BELOW_FULL = ("optimisation 0", "optimisation 2")
"""What rows of TVM say that were compiled below its full level, as nobody would run them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardHardware:
    """What is known of a published board beside its kind, and why. One that is left out has nothing but that reason.

    `threads`: "all" where rows without a number of threads ran on all cores, which is their runtimes' default.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    processor: str | None = None
    mode: str | None = None
    clock_hz: float | None = None
    threads: Literal["all"] | None = None
    why: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One latency of one model on hardware that is known; `device` is the kind, or the processor of what is no kind."""

    source: str
    board: str
    device: str
    hardware: Hardware
    runtime: str
    precision: Precision
    threads: int
    model: str
    latency_s: float
    row: Row | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The rows that are taken, as observations, and how many are left out for each reason."""

    observations: tuple[Observation, ...]
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How far repeated rows lie apart: median and 90th percentile of the larger by the smaller of each two."""

    groups: int
    pairs: int
    median: float
    p90: float


def folder() -> Path:
    """Return where boards.toml, the processors and the fitted tables stand."""
    return Path(str(files("edgebench.reference"))) / "prediction"


def take(published: Published) -> Taken:
    """Return the rows of CPUs that a fit may see; each of the others is counted under the first reason that holds."""
    known = _known()
    found: list[Observation] = []
    reasons: Counter[str] = Counter()
    for row in published.rows:
        taken = _taken(row, published.boards[row.source, row.board], known)
        if isinstance(taken, str):
            reasons[taken] += 1
        else:
            found.append(taken)
    return Taken(observations=tuple(found), left_out=tuple(reasons.most_common()))


def noise(observations: Iterable[Observation], *, one_board: bool) -> Noise | None:
    """Return how far rows lie apart that measure the same, on one board or on all boards of one kind; None without any.

    The same: model, runtime, precision, threads, and the hardware that is known of the board.
    """
    groups: defaultdict[Any, list[float]] = defaultdict(list)
    for one in observations:
        where = (one.source, one.board) if one_board else ()
        groups[*where, one.hardware, one.runtime, one.precision, one.threads, one.model].append(one.latency_s)
    repeated = [latencies for latencies in groups.values() if len(latencies) > 1]
    ratios = sorted(max(pair) / min(pair) for latencies in repeated for pair in combinations(latencies, 2))
    if not ratios:
        return None
    p90 = ratios[math.ceil(0.9 * len(ratios)) - 1]
    return Noise(groups=len(repeated), pairs=len(ratios), median=median(ratios), p90=p90)


def _known() -> Mapping[str, BoardHardware]:
    return tomlfile.read(folder() / "boards.toml", dict[str, BoardHardware])


def _taken(row: Row, board: Board, known: Mapping[str, BoardHardware]) -> Observation | str:
    """Return a row as an observation, or why it is left out."""
    entry = known.get(f"{row.source}/{row.board}", BoardHardware())
    reasons = {
        f"ran on a {row.backend}": row.backend != "cpu",
        "more than one image a call": row.batch != 1,
        "doubtful": row.doubt is not None,
        "ran on the slow cores": row.settings == LITTLE_CORES,
        "compiled below the full level": row.settings in BELOW_FULL,
        f"{board.named}: {entry.left_out}": bool(entry.left_out),
        "no description of the board": entry.processor is None and board.device is None,
    }
    first = next((reason for reason, holds in reasons.items() if holds), None)
    return first or _observed(row, entry, _hardware(entry, board.device))


def _observed(row: Row, entry: BoardHardware, processor: Hardware) -> Observation | str:
    threads = row.threads or (processor.cores if entry.threads == "all" else None)
    if threads is None:
        return "number of threads not stated"
    if threads > processor.cores:
        return "more threads than cores of the described sort"
    precision = _precision(row, processor)
    if precision is None:
        return "precision not stated"
    if processor.mult_adds_per_s(precision, threads) is None:
        return f"no {precision} peak of the board is known"
    return Observation(
        source=row.source,
        board=row.board,
        device=processor.name,
        hardware=processor,
        runtime=row.runtime,
        precision=precision,
        threads=threads,
        model=row.model,
        latency_s=row.latency_s,
        row=row,
    )


def _precision(row: Row, processor: Hardware) -> Precision | None:
    """Return the arithmetic of a row; `fp16 or fp32` is half precision where the processor computes in it."""
    if row.precision == "fp16 or fp32":
        return "fp32" if processor.rates.fp16 is None else "fp16"
    named: dict[str | None, Precision] = {"fp32": "fp32", "fp16": "fp16", "int8": "int8"}
    return named.get(row.precision)


def _hardware(entry: BoardHardware, kind: str | None) -> Hardware:
    device = _device(entry.processor, kind)
    mode = next((mode for mode in device.cpu.mode if mode.name == entry.mode), None)
    if (mode is None) != (entry.mode is None):
        raise UsageError(f"boards.toml: mode is {entry.mode!r}: expected one of {device.name}.")
    if entry.clock_hz is not None:
        mode = replace(mode or device.cpu.mode[-1], clock_hz=entry.clock_hz)
    found = hardware.of_device(device, mode)
    if found is None:
        raise UsageError(f"{device.name} has no peak: expected a mode with mult_adds_per_cycle.")
    return found


@cache
def _device(processor: str | None, kind: str | None) -> Device:
    if processor is not None:
        return devices.load(folder() / "processors" / f"{processor}.toml")
    assert kind is not None
    return devices.find(kind)
