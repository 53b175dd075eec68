"""Samples that quantisers see: how far activations reach decides how they are rounded."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Sample = dict[str, np.ndarray[Any, Any]]

DRAWN = 16
_SEED = 1


def drawn(inputs: "Sample") -> "list[Sample]":
    """Return a network's own inputs and others like them, drawn by a seed: N(0, 1) for each input of real numbers.

    Inputs of whole numbers are the same in every sample.
    """
    import numpy as np

    generator = np.random.default_rng(_SEED)
    others = [
        {
            name: np.asarray(generator.standard_normal(array.shape), array.dtype) if array.dtype.kind == "f" else array
            for name, array in inputs.items()
        }
        for _ in range(DRAWN - 1)
    ]
    return [inputs, *others]


def of_images(path: Path, inputs: "Sample") -> "list[Sample]":
    """Return a user's images as inputs, as many in one as the network takes; a rest that fills none is left out.

    Of few images the last inputs begin with the first images again, so that there is one.
    """
    import numpy as np

    ((name, own),) = inputs.items()
    with np.load(path, allow_pickle=False) as stored:
        images = stored[name].astype(own.dtype, copy=False)
    batch = len(own)
    if len(images) < batch:
        images = np.resize(images, own.shape)
    return [{name: images[first : first + batch]} for first in range(0, len(images) - batch + 1, batch)]
