"""Samples that quantisers see: how far activations reach decides how they are rounded."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SAMPLES = 16
_SEED = 1


def samples(inputs: "dict[str, np.ndarray[Any, Any]]") -> "list[dict[str, np.ndarray[Any, Any]]]":
    """Return a network's own inputs and others like them, drawn by a seed: N(0, 1) for each input of real numbers.

    Inputs of whole numbers are the same in every sample.
    """
    import numpy as np

    generator = np.random.default_rng(_SEED)
    drawn = [
        {
            name: generator.standard_normal(array.shape).astype(array.dtype) if array.dtype.kind == "f" else array
            for name, array in inputs.items()
        }
        for _ in range(SAMPLES - 1)
    ]
    return [inputs, *drawn]
