"""Turn a network into files that runtimes load: one set of weights, each conversion in a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgebench.formats._cache import cache_folder, cached_bytes, clear_cache, content_folder, file_sha256
from edgebench.formats._convert import cached, check_weights, convert, source
from edgebench.formats._filegraph import FileGraph, FileOp, FileTensor
from edgebench.formats._records import Artefact, ConversionFailed, Source
from edgebench.formats._users import SUFFIXES, adopt, adopt_weights, file_graph, input_shapes

if TYPE_CHECKING:
    import torch

__all__ = [
    "SUFFIXES",
    "Artefact",
    "ConversionFailed",
    "FileGraph",
    "FileOp",
    "FileTensor",
    "FormatModule",
    "Source",
    "adopt",
    "adopt_weights",
    "cache_folder",
    "cached",
    "cached_bytes",
    "check_weights",
    "clear_cache",
    "content_folder",
    "convert",
    "file_graph",
    "file_sha256",
    "input_shapes",
    "source",
]


class FormatModule(Protocol):
    """What a module in this folder, or an entry point in `edgebench.formats`, provides."""

    SUFFIX: str
    DISTRIBUTIONS: tuple[str, ...]
    """The packages that a conversion needs."""

    def convert(self, module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
        """Write the network, traced with these inputs, to a file."""
