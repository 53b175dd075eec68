"""A backend without a runtime: a chain of dependent multiplications of known length, exact truth for tests."""

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
_FACTOR = 1.0000001  # keeps the product far from overflow and from subnormal numbers


def import_runtime(settings: Settings) -> str:
    """Return a version: there is nothing to import."""
    return "1"


def load(artefact: Path | None, settings: Settings) -> "Chain":
    """Return a chain of `work=N` multiplications."""
    work = settings.options.get("work", str(_DEFAULT_WORK))
    if not work.isdecimal() or int(work) < 1:
        raise ValueError(f"null:work={work} is not usable: expected a whole number of multiplications from 1 on")
    return Chain(int(work))


class Chain:
    """N multiplications, each needing the result of the one before."""

    def __init__(self, work: int) -> None:
        self._work = range(work)
        self._product = 1.0

    def set_inputs(self, inputs: "Arrays") -> None:
        """Ignore the inputs: the work does not depend on them."""

    def call(self) -> None:
        """Multiply N times."""
        product = 1.0
        for _ in self._work:
            product *= _FACTOR
        self._product = product

    def outputs(self) -> "list[np.ndarray[Any, np.dtype[Any]]]":
        """Return the product."""
        import numpy as np

        return [np.array([self._product])]

    def found(self) -> Found:
        """Return Python's own: the chain has no other precision."""
        return Found(precision="fp32", provider="python")
