"""What a model answers to images: the classes of its largest outputs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from edgebench.board.backends import Loaded

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

MOST_CLASSES = 5


def answers(model: Loaded, images: "Arrays", batch: int) -> list[list[int]]:
    """Return the answers to images, [n, ...] under the input's name; raise ValueError when outputs are no scores."""
    ((name, array),) = images.items()
    found: list[list[int]] = []
    for first in range(0, len(array), batch):
        part = array[first : first + batch]
        given = part if len(part) == batch else np.concatenate([part, np.repeat(part[-1:], batch - len(part), axis=0)])
        model.set_inputs({name: np.ascontiguousarray(given)})
        model.call()
        found += largest(model.outputs(), batch)[: len(part)]
    return found


def largest(outputs: "list[np.ndarray[Any, Any]]", batch: int) -> list[list[int]]:
    """Return the places of the largest scores of each input, the first of equal ones first.

    >>> largest([np.array([[0.1, 0.7, 0.2]])], 1)
    [[1, 2, 0]]
    """
    if len(outputs) != 1 or outputs[0].size % batch or outputs[0].size == batch:
        raise ValueError(f"outputs of the shapes {[array.shape for array in outputs]} are no scores of classes")
    scores = outputs[0].reshape(batch, -1).astype(np.float64)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :MOST_CLASSES]
    return [row.tolist() if np.isfinite(own).all() else [] for row, own in zip(order, scores, strict=True)]
