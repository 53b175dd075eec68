"""What a conversion starts from and what it leaves."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network with its weights, seeded inputs, and the outputs of torch eager on them: what all formats share."""

    model: str
    batch: int
    seed: int
    folder: Path

    @property
    def weights(self) -> Path:
        """Return the state dictionary's file."""
        return self.folder / "weights.pt"

    @property
    def inputs(self) -> Path:
        """Return the .npz file of the inputs, by name."""
        return self.folder / "inputs.npz"

    @property
    def reference(self) -> Path:
        """Return the .npz file of the outputs, in order."""
        return self.folder / "reference.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A network in one format; `sha256` names its content, `seconds` is what the conversion took when it was made."""

    model: str
    format: str
    path: Path
    size_bytes: int
    sha256: str
    seconds: float
    versions: dict[str, str]


class ConversionFailed(Exception):  # noqa: N818 - an answer about a network, not a mistake of the program
    """A network did not become a file; `lost` when the converter crashed or hung rather than said no."""

    def __init__(self, stage: str, reason: str, *, lost: bool, stderr_tail: str = "") -> None:
        super().__init__(reason)
        self.stage = stage
        self.lost = lost
        self.stderr_tail = stderr_tail
