"""A model that is a file (.onnx, .tflite): what its name says. What is in it, `edgebench.formats` reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebench.architectures import _spec
from edgebench.architectures._users import words
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "your file: path/to/model.onnx or model.tflite"
PAPER = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A file by its stem and the first digits of its SHA-256; the shapes of its inputs where it leaves them open."""

    file: str = ""
    sha256: str = ""
    input: str = ""

    def __post_init__(self) -> None:
        """Refuse values that no file of a user has."""
        _spec.check(self)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.file) or words.stem(self.file) != self.file:
            raise UsageError(f"{self.file!r} is no name of a user's file: give the path of a .onnx or .tflite file.")
        words.check_hash(self.sha256)
        words.read_shapes(self.input)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Raise UsageError: the names of a file's inputs stand in the file."""
    raise UsageError(f"The inputs of {parameters.file} stand in its file: expected a network that is built.")


def build(parameters: Parameters) -> nn.Module:
    """Raise UsageError: a file is run as it is."""
    raise UsageError(f"{parameters.file} is a file that is run as it is: expected a network that is built.")
