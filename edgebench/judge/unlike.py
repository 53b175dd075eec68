"""Why is my number not your number: what two latencies do not share, how much of it is usual, and what remains.

Only what both state can differ; what one of them does not state is listed as such, and explains nothing.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from edgebench import units
from edgebench.judge.context import MOVED_CLOCK
from edgebench.store.published import Board, Row, Source

What = Literal[
    "machine",
    "processor",
    "clock",
    "word size",
    "runtime",
    "runtime version",
    "model",
    "weights",
    "precision",
    "threads",
    "batch",
    "warm-up",
    "statistic",
]

EITHER = " or "
"""Between two precisions of which one was computed in, and the source does not say which."""

_KINDS_OF_MANY = frozenset({"x86"})  # a kind that thousands of different machines are of
_GHZ = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*ghz", re.IGNORECASE)
_WORD_SIZES = (
    (64, re.compile(r"arm64|aarch64|x86[_-]64|64[- ]bit", re.IGNORECASE)),
    (32, re.compile(r"armv7|armhf|32[- ]bit", re.IGNORECASE)),
)

RUNTIMES = {
    "ONNX Runtime Python": "onnxruntime",
    "OpenVINO DLDT": "openvino",
    "PyTorch eager": "torch",
    "PyTorch (torch2trt bench)": "torch",
    "TensorRT (torch2trt bench)": "tensorrt",
    "PyTorch torch.compile(inductor)": "torch.compile",
    "MNN": "mnn",
    "TFLite": "litert",
    "TFLite benchmark_model": "litert",
    "TensorFlowLite": "litert",
    "tflite": "litert",
    "onnx": "onnxruntime",
    "inductor": "torch.compile",
    "TVM": "tvm",
    "Tengine-Lite": "tengine",
    "XNNPACK end2end_bench": "xnnpack",
}
"""One name for a runtime, whoever calls it what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One latency, and all that it was taken under; None: not stated.

    `kind` is the kind of the board in devices/, `machine` what the source calls it.
    """

    name: str
    latency_s: float
    model: str
    machine: str
    kind: str | None = None
    processor: str | None = None
    clock_hz: float | None = None
    word_size: int | None = None
    runtime: str
    version: str | None = None
    weights: str | None = None
    precision: str | None = None
    threads: int | None = None
    batch: int
    warm_up: str | None = None
    statistic: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a difference usually makes of a latency: the median factor, its quartiles, and where that was seen.

    `either_way`: no direction is known, `median` is how far from 1 to either side.
    """

    median: float
    low: float
    high: float
    pairs: int
    seen: str
    either_way: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """One thing that ours and theirs do not share, and its usual size where there is evidence of it."""

    what: What
    ours: str
    theirs: str
    usual: Usual | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why theirs is not ours: `ratio` is theirs / ours, `remains` what of it the usual sizes do not tell.

    `unstated` is what one or both do not state, or not which of two.
    """

    ours: Taking
    theirs: Taking
    ratio: float
    unlike: tuple[Unlike, ...]
    unstated: tuple[What, ...]
    remains: float


Evidence = Callable[[What, Taking, Taking], Usual | None]


def explain(ours: Taking, theirs: Taking, evidence: Evidence) -> Explanation:
    """Return what differs between two latencies, its usual size, and what remains."""
    found = tuple(
        Unlike(what=what, ours=mine, theirs=other, usual=evidence(what, ours, theirs))
        for what, mine, other in _differing(ours, theirs)
    )
    ratio = theirs.latency_s / ours.latency_s
    usual = math.prod(one.usual.median for one in found if one.usual is not None and not one.usual.either_way)
    return Explanation(
        ours=ours,
        theirs=theirs,
        ratio=ratio,
        unlike=found,
        unstated=tuple(_unstated(ours, theirs)),
        remains=ratio / usual,
    )


def of_row(row: Row, board: Board, source: Source, address: str) -> Taking:
    """Return what a published row states, and what its source does for all of its rows."""
    stated = None if row.statistic == "not stated" else row.statistic
    return Taking(
        name=address,
        latency_s=row.latency_s,
        model=row.model,
        machine=board.named,
        kind=board.device,
        processor=row.backend,
        clock_hz=clock_hz(f"{board.named} {board.processor or ''}"),
        word_size=word_size(board.named),
        runtime=runtime(row.runtime),
        version=row.version,
        weights=source.weights,
        precision=row.precision,
        threads=row.threads,
        batch=row.batch,
        warm_up=source.warm_up,
        statistic=stated if stated is None or row.runs is None else f"{stated} of {row.runs} calls",
        doubt=row.doubt,
    )


def runtime(name: str) -> str:
    """Return the one name of a runtime; of ours without its options.

    >>> runtime("OpenVINO DLDT"), runtime("ncnn:fp16=no")
    ('openvino', 'ncnn')
    """
    plain = name.partition(":")[0]
    return RUNTIMES.get(name) or RUNTIMES.get(plain, plain)


def clock_hz(named: str) -> float | None:
    """Return the first clock that the name of a board tells.

    >>> clock_hz("Raspberry Pi 4B  (Cortex-A72 1.5GHZ x 4)")
    1500000000.0
    """
    match = _GHZ.search(named)
    return None if match is None else float(match[1]) * 1e9


def word_size(named: str) -> int | None:
    """Return the bits of the programs that a board ran, where its name tells.

    >>> word_size("RPi 4 (BCM2711, ARM64)"), word_size("RPi 4 (BCM2711)")
    (64, None)
    """
    return next((size for size, words in _WORD_SIZES if words.search(named)), None)


def quartiles(factors: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile of one factor or more."""
    ordered = sorted(factors)
    middle = len(ordered) // 2
    lower, upper = ordered[: middle + len(ordered) % 2], ordered[middle:]
    return median(lower), median(ordered), median(upper)


# --- what differs ----------------------------------------------------------------------------------------------------


def _differing(ours: Taking, theirs: Taking) -> Iterator[tuple[What, str, str]]:
    for what, mine, other in _settings(ours, theirs):
        if mine is not None and other is not None and not _same(what, mine, other, ours, theirs):
            yield what, mine, other


def _unstated(ours: Taking, theirs: Taking) -> Iterator[What]:
    for what, mine, other in _settings(ours, theirs):
        if mine is None or other is None or (mine != other and EITHER in mine + other and what == "precision"):
            yield what


def _settings(ours: Taking, theirs: Taking) -> Iterator[tuple[What, str | None, str | None]]:
    for what, said in _SAID.items():
        if what == "runtime version" and ours.runtime != theirs.runtime:
            continue  # versions of two programs are not two versions of one
        yield what, said(ours), said(theirs)


def _same(what: What, mine: str, other: str, ours: Taking, theirs: Taking) -> bool:
    if what == "machine":
        of_one_kind = ours.kind is not None and ours.kind == theirs.kind and ours.kind not in _KINDS_OF_MANY
        return mine == other or of_one_kind
    if what == "clock":
        assert ours.clock_hz is not None
        assert theirs.clock_hz is not None
        both = ours.clock_hz, theirs.clock_hz
        return max(both) <= (1 + MOVED_CLOCK) * min(both)
    if what == "precision":
        return _same_precision(mine, other)
    return mine == other


def _same_precision(mine: str, other: str) -> bool:
    """Tell whether two precisions may be the same; `float` is any of floating point."""
    floating = ("fp32", "fp16", "bf16")
    sides = [set(floating) if one == "float" else set(one.split(EITHER)) for one in (mine, other)]
    return bool(sides[0] & sides[1])


_SAID: dict[What, Callable[[Taking], str | None]] = {
    "machine": lambda one: one.machine,
    "processor": lambda one: one.processor,
    "clock": lambda one: None if one.clock_hz is None else units.clock(one.clock_hz),
    "word size": lambda one: None if one.word_size is None else f"{one.word_size} bit",
    "runtime": lambda one: one.runtime,
    "runtime version": lambda one: one.version,
    "model": lambda one: one.model,
    "weights": lambda one: one.weights,
    "precision": lambda one: one.precision,
    "threads": lambda one: None if one.threads is None else str(one.threads),
    "batch": lambda one: str(one.batch),
    "warm-up": lambda one: one.warm_up,
    "statistic": lambda one: one.statistic,
}
