"""MNN: it calls a function of ours before and after each operation."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Settings, mnn
from edgebench.board.marks import Marks
from edgebench.board.regions import Layer

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

CLOCKED = False

_CALLS_BEFORE = 1
_DEPTHWISE = "ConvolutionDepthwise"
_CONVOLUTIONS = {"Convolution", _DEPTHWISE}


def by_layer(artefact: Path | None, inputs: "Arrays", settings: Settings, marks: Marks) -> tuple[Layer, ...]:
    """Run a session with functions between its operations, mark one call, and return them."""
    session = mnn.load(artefact, settings)
    session.set_inputs(inputs)
    for _ in range(_CALLS_BEFORE):
        session.call()
    seen = Seen(marks)
    marks.open()
    session.call_between(seen.before, seen.after)
    marks.close()
    return tuple(seen.layers)


class Seen:
    """What was told of operations before and after each; a region's parts are in turn what is between and inside."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._given: list[int] = []
        self.layers: list[Layer] = []

    def before(self, tensors: Any, operation: Any) -> bool:
        """Note the inputs' channels, and end the part between operations."""
        self._given = [tensor.getShape()[1] for tensor in tensors if len(tensor.getShape()) > 1]
        self._marks.split()
        return True  # MNN goes on

    def after(self, tensors: Any, operation: Any) -> bool:
        """End the part of an operation, and note which it was."""
        self._marks.split()
        self.layers.append(
            layer(
                operation.getName(),
                operation.getType(),
                part=2 * len(self.layers) + 1,
                in_channels=self._given[0] if self._given else None,
                made=tuple(tensors[0].getShape()),
                million_mult_adds=operation.getFlops(),
            )
        )
        return True


def layer(
    name: str, operation: str, *, part: int, in_channels: int | None, made: tuple[int, ...], million_mult_adds: float
) -> Layer:
    """Return an operation; the kernel of a convolution, which MNN does not tell, follows from its mult-adds if square.

    >>> layer("a", "Convolution", part=1, in_channels=3, made=(1, 32, 112, 112), million_mult_adds=10.838016).weight
    (32, 3, 3, 3)
    """
    plain = Layer(name=name, operation=operation, part=part)
    if operation not in _CONVOLUTIONS or in_channels is None or len(made) != 4:
        return plain
    inputs = 1 if operation == _DEPTHWISE else in_channels
    area = round(million_mult_adds * 1e6 / (math.prod(made) * inputs))
    side = math.isqrt(area)
    if side * side != area or not area:
        return plain
    return Layer(
        name=name,
        operation=operation,
        part=part,
        weight=(made[1], inputs, side, side),
        in_channels=in_channels,
        positions=math.prod(made[2:]),
    )
