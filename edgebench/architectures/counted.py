"""Networks that are counted only: a table of layers stands for each, and nothing runs them.

A table is a file in `edgebench/reference/counted`, named after the network, and an entry in `tables.toml` there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from edgebench import tomlfile
from edgebench.architectures import _spec
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

TITLE = "network that is counted only"
PAPER = (
    "Ioffe and Szegedy, Batch Normalization, 2015, arXiv:1502.03167 (inception_v2); Schroff et al., FaceNet, 2015, "
    "arXiv:1503.03832, Table 2 (facenet); Howard et al., MobileNets, 2017, arXiv:1704.04861, Tables 11 and 13 (all "
    "others); how each table came about: edgebench/reference/counted/tables.toml"
)

_INDEX = "tables.toml"
_KINDS = ("conv", "fc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is known of a network beside its layers."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    title: str
    paper: str
    note: str  # how the table came about, and which printed figures confirm it
    input: tuple[int, int, int]  # channels, height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One convolution or fully connected layer of a table; pairs are height, width."""

    name: str
    kind: str  # "conv" or "fc"
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: int
    groups: int
    out_h: int
    out_w: int
    repeat: int  # how often it runs for one image: once for each proposal of a detector
    bias_params: int
    bn_params: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The network, by the name of its table."""

    kind: str = field(default="inception_v2", metadata={"always": True})

    def __post_init__(self) -> None:
        """Refuse a network of which there is no table."""
        _spec.check(self)
        if self.kind not in networks():
            raise UsageError(
                f"Found no table of layers for {self.kind!r}: counted networks are {', '.join(networks())}."
            )


def networks() -> tuple[str, ...]:
    """Return the names of all networks that have a table, in alphabetical order.

    >>> "faster_rcnn_vgg_600" in networks()
    True
    """
    return tuple(sorted(path.stem for path in _folder().glob("*.csv")))


def table(network: str) -> Table:
    """Return what is known of a network beside its layers.

    >>> table("inception_v2").input
    (3, 224, 224)
    """
    known: dict[str, Table] = tomlfile.read(_folder() / _INDEX, dict[str, Table])
    if network not in known:
        raise UsageError(f"{_folder() / _INDEX}: lacks {network}: expected an entry for each table beside it.")
    return known[network]


def layers(parameters: Parameters) -> tuple[Layer, ...]:
    """Return the layers of a network in their order; raise UsageError for a row that is none."""
    path = _folder() / f"{parameters.kind}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file, restval="")
        return tuple(_layer(row, f"{path}, line {lines.line_num}") for row in lines)


def input_shapes(parameters: Parameters, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the image."""
    return {"x": (batch, *table(parameters.kind).input)}


def build(parameters: Parameters) -> nn.Module:
    """Raise UsageError: there is nothing to build."""
    refuse(parameters)


def refuse(parameters: Parameters) -> NoReturn:
    """Raise UsageError, which says that a table cannot be run."""
    raise UsageError(
        f"{parameters.kind} is counted only, from a table of its layers: expected a network that can be built "
        "(`edgebench list models` names them), or `edgebench count`."
    )


def _folder() -> Path:
    return Path(str(files("edgebench.reference"))) / "counted"


def _layer(row: Mapping[str, str], where: str) -> Layer:
    try:
        height, width = (int(side) for side in row["kernel"].split("x"))
        numbers = {name: int(row[column]) for name, column in _COLUMNS.items()}
    except (KeyError, ValueError) as error:
        raise UsageError(f"{where}: is no layer ({error}): expected {', '.join(_COLUMNS.values())}.") from error
    if row["kind"] not in _KINDS:
        raise UsageError(f"{where}: kind is {row['kind']!r}: expected {' or '.join(_KINDS)}.")
    return Layer(name=row["layer"], kind=row["kind"], kernel=(height, width), **numbers)


_COLUMNS = {
    "in_channels": "in_ch",
    "out_channels": "out_ch",
    **{name: name for name in ("stride", "groups", "out_h", "out_w", "repeat", "bias_params", "bn_params")},
}
