"""What stands in a user's file, as records: tensors with their shapes, operations under the format's own names.

Nothing here is trusted to be a network that makes sense; `edgebench.analysis` turns it into one or says why not.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from edgebench.board.wire import STRICT

MOST_OPERATIONS = 100_000
MOST_SIDE = 2**31 - 1
MOST_ELEMENTS = 2**31
"""Of one tensor: 8 GiB at four bytes, more than any board here has."""

MOST_NUMBERS = 64
"""In one attribute that is carried along: a kernel, a stride, axes. Longer ones are of no use for counting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTensor:
    """A tensor by its name in the file; `stored` when the file holds its values. `shape` is None when it is unknown."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    shape: tuple[int, ...] | None
    type: str  # numpy's name: "float32"
    element_bytes: int
    stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOp:
    """An operation by its name in the file's format; inputs and outputs by name, "" for one that is left out."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGraph:
    """A file: the names of its inputs and outputs, its tensors, its operations in an order in which they can run.

    `sha256` is that of the self-contained file; `open` tells whether the file itself leaves shapes of inputs open.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    format: str
    sha256: str
    open: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[FileTensor, ...]
    operations: tuple[FileOp, ...]

    def tensor(self, name: str) -> FileTensor:
        """Return one of the tensors."""
        return next(tensor for tensor in self.tensors if tensor.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the process that reads a file answers: the graph, or why there is none."""

    __pydantic_config__: ClassVar[Any] = STRICT

    graph: FileGraph | None = None
    failed: str | None = None


class Malformed(Exception):  # noqa: N818 - an answer about a file, not a mistake of the program
    """A file cannot be used; the message completes `FILE cannot be used: `, without a full stop."""


def shown(text: object) -> str:
    """Return text of a file in at most 120 printable characters: it is nobody's to rewrite a terminal.

    >>> shown("conv\\x1b[31m")
    'conv?[31m'
    """
    plain = "".join(character if character.isprintable() else "?" for character in str(text))
    return plain if len(plain) <= 120 else plain[:117] + "..."
