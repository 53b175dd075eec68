import numpy as np
import pytest

from edgebench.board.answering import answers, largest
from edgebench.board.backends import Found


class Doubled:
    """A model whose scores are its inputs, twice; it remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []

    def set_inputs(self, inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> None:
        """Take the one input."""
        (array,) = inputs.values()
        self.given.append(array)

    def call(self) -> None:
        """Do nothing."""

    def outputs(self) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """Return the scores."""
        return [2 * self.given[-1]]

    def found(self) -> Found:
        """Return something."""
        return Found(precision="fp32", provider="none")


def test_five_largest_in_order_and_ties_by_place() -> None:
    """An answer is the places of the five largest scores, the largest first, of equal ones the first."""
    assert largest([np.array([[1, 5, 5, 0, 9, 2, 3]])], 1) == [[4, 1, 2, 6, 5]]
    assert largest([np.array([0.1, 0.9])], 1) == [[1, 0]]


def test_scores_that_are_not_finite_are_no_answer() -> None:
    """An image whose scores hold NaN or infinity has no class; its neighbour in the batch keeps its own."""
    assert largest([np.array([[np.nan, 1.0], [0.0, 1.0]])], 2) == [[], [1, 0]]


@pytest.mark.parametrize("shapes", [[(2, 3), (2, 3)], [(3, 3)], [(2, 1)]])
def test_outputs_that_are_no_scores_are_refused(shapes: list[tuple[int, ...]]) -> None:
    """Several outputs, one that the batch does not divide, and one number an image tell no class."""
    with pytest.raises(ValueError, match="are no scores of classes"):
        largest([np.zeros(shape) for shape in shapes], 2)


def test_the_last_batch_is_filled_up() -> None:
    """A batch that images do not fill repeats the last one, whose answer is given once."""
    model = Doubled()
    images = np.eye(3, dtype=np.float32)
    assert [answer[0] for answer in answers(model, {"x": images}, 2)] == [0, 1, 2]
    assert [len(batch) for batch in model.given] == [2, 2]
    assert np.array_equal(model.given[1][0], model.given[1][1])
