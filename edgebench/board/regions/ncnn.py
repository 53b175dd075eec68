"""ncnn: its blobs are asked for one after the other, and each twice, as every answer is copied into plain layout.

What the second answer takes is the copy alone, and is taken off the first.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Settings, ncnn
from edgebench.board.marks import Marks
from edgebench.board.regions import Layer

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

CLOCKED = False

_MOST_PARAM_BYTES = 64 * 2**20
_HEAD_LINES = 2  # a magic number, and how many layers and blobs there are
# Sizes by their numbers in a .param file: ncnn, docs/developer-guide/operators.md
_OUTPUTS, _KERNEL_WIDTH, _KERNEL_HEIGHT, _GROUPS, _WEIGHTS, _PRODUCT_WEIGHTS = "0", "1", "11", "7", "6", "2"
_CONVOLUTIONS = {"Convolution", "ConvolutionDepthWise"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A layer as a line of a .param file has it: what it gives, and its sizes by their numbers."""

    operation: str
    name: str
    outputs: tuple[str, ...]
    sizes: dict[str, str]


def by_layer(artefact: Path | None, inputs: "Arrays", settings: Settings, marks: Marks) -> tuple[Layer, ...]:
    """Load a network, ask for blob after blob, and return its layers."""
    assert artefact is not None
    network = ncnn.load(artefact, settings)
    network.set_inputs(inputs)
    with zipfile.ZipFile(artefact) as stored, stored.open("model.param") as file:
        rows = tuple(row for row in parse(file.read(_MOST_PARAM_BYTES).decode()) if row.operation != "Input")
    _walk(network.extractor(), rows, None)
    extractor = network.extractor()
    marks.open()
    positions = _walk(extractor, rows, marks)
    marks.close()
    return tuple(layer(row, place, positions[place]) for place, row in enumerate(rows))


def parse(text: str) -> Iterator[Row]:
    """Yield the layers of a .param file.

    >>> [row.outputs for row in parse("7767517\\n1 2\\nReLU a 1 1 in0 out0 0=0.1")]
    [('out0',)]
    """
    for line in text.splitlines()[_HEAD_LINES:]:
        words = line.split()
        if not words:
            continue
        given, made = int(words[2]), int(words[3])
        first = 4 + given
        sizes = dict(word.split("=", 1) for word in words[first + made :])
        yield Row(operation=words[0], name=words[1], outputs=tuple(words[first : first + made]), sizes=sizes)


def _walk(extractor: Any, rows: tuple[Row, ...], marks: Marks | None) -> list[int]:
    """Ask for the first output of every layer, twice; return how many places it has: height x width."""
    import ncnn as runtime

    positions = []
    for row in rows:
        for _ in range(2):
            if marks is not None:
                marks.split()
            mat = runtime.Mat()
            extractor.extract(row.outputs[0], mat)
        if marks is not None:
            marks.split()
        positions.append(max(1, mat.w) * max(1, mat.h) if mat.dims == 3 else 1)
        del mat  # a blob that somebody else holds is copied by layers that work in place
    return positions


def layer(row: Row, place: int, positions: int) -> Layer:
    """Return a layer by its line, its place among all, and the places of its output.

    >>> sizes = {"0": "32", "1": "3", "6": "864"}
    >>> layer(Row(operation="Convolution", name="a", outputs=("b",), sizes=sizes), 0, 12544).weight
    (32, 3, 3, 3)
    """
    weight: tuple[int, ...] = ()
    in_channels = None
    sizes = {number: int(row.sizes[number]) for number in _NUMBERS if number in row.sizes}
    outputs = sizes.get(_OUTPUTS, 0)
    if row.operation in _CONVOLUTIONS and outputs:
        width = sizes.get(_KERNEL_WIDTH, 1)
        height = sizes.get(_KERNEL_HEIGHT, width)
        of_group = sizes.get(_WEIGHTS, 0) // (outputs * width * height)
        weight, in_channels = (outputs, of_group, height, width), of_group * sizes.get(_GROUPS, 1)
    elif row.operation == "InnerProduct" and outputs:
        in_channels = sizes.get(_PRODUCT_WEIGHTS, 0) // outputs
        weight = (outputs, in_channels)
    return Layer(
        name=row.name,
        operation=row.operation,
        part=3 * place + 1,
        less=3 * place + 2,
        weight=weight,
        in_channels=in_channels,
        positions=positions if weight else None,
    )


_NUMBERS = (_OUTPUTS, _KERNEL_WIDTH, _KERNEL_HEIGHT, _GROUPS, _WEIGHTS, _PRODUCT_WEIGHTS)
