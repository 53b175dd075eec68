"""Turn a network into files that runtimes load: one set of weights, each conversion in a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgebench.formats._cache import cache_folder, cached_bytes, clear_cache, content_folder, file_sha256
from edgebench.formats._convert import cached, convert, source
from edgebench.formats._records import Artefact, ConversionFailed, Source

if TYPE_CHECKING:
    import torch

__all__ = [
    "Artefact",
    "ConversionFailed",
    "FormatModule",
    "Source",
    "cache_folder",
    "cached",
    "cached_bytes",
    "clear_cache",
    "content_folder",
    "convert",
    "file_sha256",
    "source",
]


class FormatModule(Protocol):
    """What a module in this folder, or an entry point in `edgebench.formats`, provides."""

    SUFFIX: str
    DISTRIBUTIONS: tuple[str, ...]
    """The packages that a conversion needs."""

    def convert(self, module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
        """Write the network, traced with these inputs, to a file."""
