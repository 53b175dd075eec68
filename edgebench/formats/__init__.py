"""Turn a network into files that runtimes load: one set of weights, each conversion in a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgebench.formats._cache import cache_folder, cached_bytes, clear_cache, content_folder, file_sha256
from edgebench.formats._convert import (
    accepts,
    cached,
    calibrates,
    check_weights,
    convert,
    source,
    to_install,
)
from edgebench.formats._filegraph import FileGraph, FileOp, FileTensor
from edgebench.formats._images import Dataset, Prepared, Split, prepared, prepared_key, read_dataset, split
from edgebench.formats._names import for_threads, format_parts
from edgebench.formats._records import Artefact, ConversionFailed, Source
from edgebench.formats._users import SUFFIXES, adopt, adopt_weights, file_graph, input_shapes

if TYPE_CHECKING:
    import torch

__all__ = [
    "SUFFIXES",
    "Artefact",
    "ConversionFailed",
    "Dataset",
    "FileGraph",
    "FileOp",
    "FileTensor",
    "FormatModule",
    "Prepared",
    "Source",
    "Split",
    "accepts",
    "adopt",
    "adopt_weights",
    "cache_folder",
    "cached",
    "cached_bytes",
    "calibrates",
    "check_weights",
    "clear_cache",
    "content_folder",
    "convert",
    "file_graph",
    "file_sha256",
    "for_threads",
    "format_parts",
    "input_shapes",
    "prepared",
    "prepared_key",
    "read_dataset",
    "source",
    "split",
    "to_install",
]


class FormatModule(Protocol):
    """What a module in this folder, or an entry point in `edgebench.formats`, provides.

    A module may also have `CONVERTER`, a package that is installed in an environment of its own where it is not here;
    its version and those of what it asks for stand in constraints/CONVERTER.txt. One that has `FROM`, the format that
    it is converted from ("onnx"), has `convert_file(source, inputs, outputs, path)` in place of `convert`: with the
    source's file, its inputs by name, its outputs in order, arrays of numpy. One that quantises has
    `CALIBRATES = True`, and takes `samples` as well: inputs by name, the user's own images where there are such. One
    whose files are for a number of threads has `FOR_THREADS = True`, and takes `threads` as well: such a file's format
    is called `aoti@2`.
    """

    SUFFIX: str
    DISTRIBUTIONS: tuple[str, ...]
    """The packages that a conversion needs here."""

    def convert(self, module: "torch.nn.Module", inputs: "dict[str, torch.Tensor]", path: Path) -> None:
        """Write the network, traced with these inputs, to a file."""
