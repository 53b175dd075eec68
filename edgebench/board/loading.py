"""What every worker does first: keep to its processors, read its arrays, compare its outputs with the reference."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebench.board.backends import Settings
from edgebench.board.wire import Parity

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays


def prepare(trial: dict[str, Any]) -> Settings:
    """Keep to the trial's processors and return its settings; a runtime that is imported later has its threads."""
    os.sched_setaffinity(0, trial["cpus"])
    settings = Settings(threads=trial["threads"], precision=trial["precision"], options=trial["options"])
    os.environ["OPENBLAS_NUM_THREADS"] = str(settings.threads)  # for a runtime's own copy (torch on ARM)
    return settings


def arrays(path: str | None) -> "Arrays":
    """Return the arrays of an .npz file by name, in its order; none without a file."""
    if path is None:
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def parity(outputs: "list[np.ndarray[Any, Any]]", reference: "list[np.ndarray[Any, Any]]") -> Parity | None:
    """Return how far outputs lie from the reference, None without one; raise ValueError when the shapes differ."""
    if not reference:
        return None
    found, expected = [output.shape for output in outputs], [array.shape for array in reference]
    if found != expected:
        raise ValueError(f"outputs have the shapes {found}: expected {expected}")
    pairs = list(zip(outputs, reference, strict=True))
    if not all(np.isfinite(output).all() for output in outputs):
        raise ValueError("outputs hold values that are not finite")
    return Parity(
        max_abs_diff=max(float(np.abs(output - array).max()) for output, array in pairs),
        scale=max(float(np.abs(array).max()) for array in reference),
    )
