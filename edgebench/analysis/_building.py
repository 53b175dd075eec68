"""A Graph in the making, from the operations of a file: who holds weights, what is constant, what is handed on."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from edgebench.analysis.graph import FLOAT32_BYTES, Graph, Op, Tensor, Window
from edgebench.errors import UsageError
from edgebench.formats import FileGraph, FileOp, FileTensor

_MOST_NAME = 200


@dataclass(slots=True, kw_only=True)
class Building:
    """The operations so far. What is stored, or computed from stored values alone, is constant: it takes no operation.

    `constant` maps each such tensor to the bytes of one element as the file stores it.
    """

    file: FileGraph
    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, FileTensor] = field(default_factory=dict)
    constant: dict[str, int] = field(default_factory=dict)
    readers: Counter[str] = field(default_factory=Counter)
    made: dict[str, Tensor] = field(default_factory=dict)
    makers: dict[str, int] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)

    def shape(self, name: str, reader: FileOp) -> tuple[int, ...]:
        """Return the shape of a tensor; raise UsageError when it is unknown."""
        found = self.tensors[name].shape
        if found is None:
            raise UsageError(
                f"The shape of {name}, at {reader.operator} {called(reader)}, depends on values that are known only "
                "when the model runs: export it with fixed shapes."
            )
        return found

    def data(self, names: Iterable[str], reader: FileOp) -> tuple[Tensor, ...]:
        """Return tensors that an operation reads as data; constants among them become operations of their own."""
        return tuple(self._tensor(name, reader) for name in names if name)

    def add(self, one: FileOp, kind: str, inputs: tuple[Tensor, ...], params: "Params | None" = None) -> None:
        """Add an operation of a kind, which makes the outputs of that of the file."""
        kept = [name for place, name in enumerate(one.outputs) if name and (place == 0 or self.readers[name])]
        outputs = tuple(self._given(name, self.shape(name, one)) for name in kept)
        held = params or Params()
        self.ops.append(
            Op(
                name=called(one),
                kind=kind,
                inputs=inputs,
                outputs=outputs,
                window=held.window,
                params=self.own(held.weights),
                bias_params=self.own(held.biases),
                param_bytes=self.constant[held.weights] if held.weights else FLOAT32_BYTES,
            )
        )
        self.makers.update(dict.fromkeys(kept, len(self.ops) - 1))

    def view(self, one: FileOp, source: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Add an operation that gives a tensor another shape, and return what it gives."""
        seen = Tensor(name=f"{source.name}:{one.name}", shape=shape, element_bytes=source.element_bytes)
        self.ops.append(Op(name=f"{called(one)}.reshape", kind="reshape", inputs=(source,), outputs=(seen,)))
        return seen

    def own(self, name: str) -> int:
        """Return how many numbers a constant holds, 0 for "" and for one that an earlier operation owns."""
        if not name or name in self.owned:
            return 0
        self.owned.add(name)
        return prod(self.tensors[name].shape or ())

    def biased(self, maker: int, bias: str) -> None:
        """Give an operation that was added a bias that stands in the file as an addition after it."""
        self.ops[maker] = replace(self.ops[maker], bias_params=self.own(bias))

    def finished(self) -> Graph:
        """Return the graph."""
        last = FileOp(name="output", operator="output", inputs=(), outputs=())
        outputs = tuple(dict.fromkeys(self._tensor(name, last) for name in self.file.outputs))
        return Graph(ops=tuple(self.ops), outputs=outputs)

    def _tensor(self, name: str, reader: FileOp) -> Tensor:
        if name not in self.made:
            tensor = self._given(name, self.shape(name, reader))
            self.ops.append(Op(name=plain(name), kind="constant", inputs=(), outputs=(tensor,)))
            self.owned.add(name)
        return self.made[name]

    def _given(self, name: str, shape: tuple[int, ...]) -> Tensor:
        self.made[name] = Tensor(
            name=name, shape=channels_first(shape, self.file), element_bytes=self.tensors[name].element_bytes
        )
        return self.made[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What an operation holds: the names of its weights and biases, and a convolution's window."""

    weights: str = ""
    biases: str = ""
    window: Window | None = None


def begun(file: FileGraph) -> Building:
    """Return a building of a file that has its inputs."""
    building = Building(file=file, tensors={one.name: one for one in file.tensors})
    building.constant = {one.name: one.element_bytes for one in file.tensors if one.stored}
    building.readers = Counter(name for one in file.operations for name in one.inputs)
    building.readers.update(file.outputs)
    for name in file.inputs:
        building.add(FileOp(name=name, operator="input", inputs=(), outputs=(name,)), "input", ())
    return building


def channels_first(shape: tuple[int, ...], file: FileGraph) -> tuple[int, ...]:
    """Return the shape of a map as [batch, channels, height, width]; .tflite files have the channels last."""
    if file.format == "tflite" and len(shape) == 4:
        batch, height, width, channels = shape
        return (batch, channels, height, width)
    return shape


def called(one: FileOp) -> str:
    """Return an operation's name as it stands in tables."""
    return plain(one.name)


def plain(text: str) -> str:
    """Return a name of a file in the letters that names of layers have, without a slash in front.

    >>> plain("/features/0/Conv out")
    'features/0/Conv_out'
    """
    return re.sub(r"[^A-Za-z0-9_.:/-]", "_", text).lstrip("/.:-")[:_MOST_NAME] or "unnamed"


def without_rule(one: FileOp, what: str = "") -> UsageError:
    """Return the error that stops a count."""
    return UsageError(
        f"No rule counts the mult-adds of {one.operator!r}{what} (layer {called(one)}): its total would have a hole."
    )


def misfit(one: FileOp, *shapes: tuple[int, ...]) -> UsageError:
    """Return the error of a layer whose shapes do not belong together."""
    listed = " and ".join(str(list(shape)) for shape in shapes)
    return UsageError(f"The shapes {listed} of {one.operator} {called(one)} do not fit each other: the file is wrong.")
