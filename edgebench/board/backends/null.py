"""A backend without a runtime: multiplications of known number in numpy's own loop, exact truth for tests.

The loop is compiled code that touches no memory, so that processes of one amount of work differ as little as the
machine allows; a loop of Python's differed by some per cent from process to process.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Found, Settings

if TYPE_CHECKING:
    import numpy as np

    from edgebench.board.backends import Arrays

FORMAT = None
DISTRIBUTION = None
PRECISIONS = ("fp32",)
OPTIONS = ("work",)

_DEFAULT_WORK = 20_000
_MULTIPLICATIONS = 32  # a unit of work: about 20 ns on a PC
_FACTOR = 1.0000001  # keeps the product far from overflow and from subnormal numbers


def import_runtime(settings: Settings) -> str:
    """Return a version: there is nothing to import."""
    return "2"


def load(artefact: Path | None, settings: Settings) -> "Chain":
    """Return a chain of `work=N` times 32 multiplications."""
    work = settings.options.get("work", str(_DEFAULT_WORK))
    if not work.isdecimal() or int(work) < 1:
        raise ValueError(f"null:work={work} is not usable: expected a whole number of units of work from 1 on")
    return Chain(int(work))


class Chain:
    """The product of 32 equal factors for each unit of work, which need no room."""

    def __init__(self, work: int) -> None:
        import numpy as np

        self._factors = np.broadcast_to(np.float64(_FACTOR), (work * _MULTIPLICATIONS,))
        self._multiply = np.multiply.reduce
        self._product = 1.0

    def set_inputs(self, inputs: "Arrays") -> None:
        """Ignore the inputs: the work does not depend on them."""

    def call(self) -> None:
        """Multiply all factors."""
        self._product = self._multiply(self._factors)

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the product."""
        import numpy as np

        return [np.array([self._product])]

    def found(self) -> Found:
        """Return numpy's own: the chain has no other precision."""
        return Found(precision="fp32", provider="numpy")
