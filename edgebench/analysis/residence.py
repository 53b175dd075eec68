"""Predict the peak memory of a process that runs a network: runtime, weights as it keeps them, activations.

The overheads of each runtime are fitted on footprints that this program took. A prediction says by how much one of them
exceeded what a fit without it said, and "fits" is judged on that upper figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebench import tomlfile
from edgebench.analysis.cost import Cost
from edgebench.analysis.workload import kind_of
from edgebench.devices.records import Precision
from edgebench.errors import UsageError

Verdict = Literal["fits", "may not fit", "does not fit"]

SYSTEM_SHARE = 0.3
"""Of the memory of a board, what its system and everything else is left: a run plans with the other 70 % too."""

_STRICT: Any = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """What a runtime takes for what is counted: process + fixed + each kind of bytes times its factor.

    `process_bytes`: Python, numpy and the imported runtime. Weights are of three kinds: those of dense 3x3 convolutions
    of stride 1 are kept as Winograd transforms them too, those of other convolutions are repacked, those of fully
    connected layers often kept as they are. `excess`: the largest ratio of a process to its prediction by a fit that
    had not seen its model; `models`: how many there were.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    process_bytes: int
    fixed_bytes: int
    winograd_factor: float
    convolutions_factor: float
    matrices_factor: float
    activations_factor: float
    excess: float
    models: int
    version: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Residence:
    """The predicted peak of a process in bytes, its parts, and what it may reach."""

    backend: str
    process_bytes: int
    weight_bytes: int  # of the network, in the precision
    activation_bytes: int  # alive at once, of the network, in the precision
    peak_bytes: int
    high_bytes: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One measured footprint, with what is counted of its network."""

    model: str
    winograd_bytes: int
    convolution_bytes: int
    matrix_bytes: int
    activation_bytes: int
    process_bytes: int  # Python, numpy and the imported runtime
    peak_bytes: int  # above these


def overheads(path: Path) -> dict[str, Overhead]:
    """Return what is known of the runtimes, by backend; raise UsageError for a file that is none."""
    return tomlfile.read(path, dict[str, Overhead])


def residence(cost: Cost, backend: str, known: dict[str, Overhead], precision: Precision, batch: int = 1) -> Residence:
    """Return what a network takes in a backend; raise UsageError where one of the two is not known."""
    if cost.memory is None:
        raise UsageError("Memory cannot be predicted of a network of which only a table of layers is known.")
    name = backend.partition(":")[0]
    if name not in known:
        raise UsageError(f"What {name} takes besides the network is not known: expected {', '.join(known)}.")
    overhead = known[name]
    weights: int = getattr(cost.memory.weight_bytes, precision)
    share = weights / max(cost.memory.weight_bytes.fp32, 1)
    winograd, convolutions, matrices = (round(share * part) for part in weights_by_kind(cost))
    activations = round(batch * (share if precision == "fp16" else 1.0) * cost.memory.peak.activation_bytes)
    peak = (
        overhead.process_bytes
        + overhead.fixed_bytes
        + overhead.winograd_factor * winograd
        + overhead.convolutions_factor * convolutions
        + overhead.matrices_factor * matrices
        + overhead.activations_factor * activations
    )
    return Residence(
        backend=backend,
        process_bytes=overhead.process_bytes,
        weight_bytes=weights,
        activation_bytes=activations,
        peak_bytes=round(peak),
        high_bytes=round(peak * max(overhead.excess, 1.0)),
        source=overhead.source,
    )


def fits(needed: Residence, memory_bytes: int) -> Verdict:
    """Return whether a process fits into so much memory, for itself alone.

    >>> one = Residence(backend="x", process_bytes=0, weight_bytes=0, activation_bytes=0, peak_bytes=90,
    ...                 high_bytes=110, source="")
    >>> fits(one, 120), fits(one, 100), fits(one, 80)
    ('fits', 'may not fit', 'does not fit')
    """
    if needed.high_bytes <= memory_bytes:
        return "fits"
    return "may not fit" if needed.peak_bytes <= memory_bytes else "does not fit"


def for_processes(memory_bytes: int) -> int:
    """Return what of a board's memory a process may have.

    >>> for_processes(1000)
    700
    """
    return round((1 - SYSTEM_SHARE) * memory_bytes)


def weights_by_kind(cost: Cost) -> tuple[int, int, int]:
    """Return the bytes of weights of dense 3x3 convolutions of stride 1, of all others, and of fully connected layers.

    What belongs to no layer, such as a batch norm that is not folded, counts among the others.
    """
    assert cost.memory is not None
    kinds = {"winograd": 0, "fully_connected": 0}
    for layer in cost.layers:
        kind = kind_of(layer) if layer.kind != "conv_1x1" else "pointwise"
        if kind in kinds:
            kinds[kind] += layer.weight_bytes or 0
    others = cost.memory.moved_weight_bytes - sum(kinds.values())
    return kinds["winograd"], others, kinds["fully_connected"]


def fit(footprints: Sequence[Footprint]) -> tuple[float, float, float, float, float]:
    """Return fixed bytes and the factors of the three kinds of weights and of activations, none of them negative.

    Non-negative least squares of errors relative to the whole process: what counts is whether that fits.
    """
    import numpy as np
    from scipy.optimize import nnls

    rows = np.array([parts(one) for one in footprints], dtype=float)
    peaks = np.array([one.peak_bytes for one in footprints], dtype=float)
    totals = peaks + np.array([one.process_bytes for one in footprints])
    scales = np.maximum(rows.max(axis=0), 1.0)
    found, _ = nnls(rows / scales / totals[:, None], peaks / totals)
    fixed, winograd, convolutions, matrices, activations = map(float, found / scales)
    return fixed, winograd, convolutions, matrices, activations


def predicted(found: Sequence[float], one: Footprint) -> float:
    """Return what a fit predicts of the whole process of a footprint."""
    return one.process_bytes + sum(factor * part for factor, part in zip(found, parts(one), strict=True))


def held_out(footprints: Sequence[Footprint]) -> list[float]:
    """Return measured by predicted bytes of each whole process, by a fit without its model."""
    return [
        (one.process_bytes + one.peak_bytes)
        / predicted(fit([other for other in footprints if other.model != one.model]), one)
        for one in footprints
    ]


def parts(one: Footprint) -> tuple[int, int, int, int, int]:
    """Return what the factors of a fit multiply."""
    return 1, one.winograd_bytes, one.convolution_bytes, one.matrix_bytes, one.activation_bytes
