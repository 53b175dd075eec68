"""What a bundle says of itself: its records, and what they must be beyond their types before anything trusts them."""

import functools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebench import untrusted
from edgebench.analysis.cost import LayerCost
from edgebench.board.wire import STRICT
from edgebench.store.archive import Unusable, shown
from edgebench.store.records import Counted, NotConverted

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

SCHEMA: Literal[1] = 1
"""Version of the manifest; a bundle of another one is refused."""

RUNS_CODE = ("pt2", "aoti")
"""Formats that a bundle may not hold.

To load an exported program is to unpickle it and to evaluate text from it (torch 2.13); an AOTInductor package is code.
"""

_MODEL = re.compile(r"[a-z][a-z0-9_]{0,63}(:[A-Za-z0-9_.,=+-]{1,150})?")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,199}")
_FORMAT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FILE = re.compile(r"files/([0-9a-f]{64})\.[a-z0-9]{1,8}")
_SCHEMA = re.compile(rb'\{"schema":(\d{1,9}),')
_MOST_KEYS = 64
_MOST_VALUES = 300_000  # 4 MiB of layers; pydantic keeps what it validates about 15 times when fields are missing
_MOST = 2**53  # whole numbers that a float holds too: ratios are made of them
_TOTALS = ("mult_adds", "params", "bias_params", "bn_params")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a bundle: `files/SHA256.SUFFIX`."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedModel:
    """A model in one format at one batch: the names of its three files, and how it was converted."""

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    batch: int
    format: str
    artefact: str
    inputs: str
    reference: str
    seconds: float
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that a bundle holds; `converted` is when the newest of its files was made, UTC in ISO 8601."""

    __pydantic_config__: ClassVar[Any] = STRICT

    schema: Literal[1]
    edgebench_version: str
    converted: str
    counted: tuple[Counted, ...]
    packed: tuple[PackedModel, ...]
    not_converted: tuple[NotConverted, ...]
    files: tuple[Member, ...]

    def member(self, name: str) -> Member:
        """Return one of the files."""
        return next(file for file in self.files if file.name == name)


def parse_manifest(text: bytes) -> Manifest:
    """Return the manifest in a text, checked; raise Unusable when it is none."""
    from pydantic import ValidationError

    version = _SCHEMA.match(text)
    if version is not None and int(version[1]) != SCHEMA:
        raise Unusable(f"it is of schema {int(version[1])}, this version reads {SCHEMA}")
    _check_json(text)
    try:
        manifest: Manifest = _validator().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise Unusable(f"its manifest is none: {shown(where + first['msg'])}") from None
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    """Raise Unusable for names, numbers and references that no bundle of this program has."""
    for counted in manifest.counted:
        _check_counted(counted)
    _check_unique((one.model for one in manifest.counted), "model")
    _check_unique((file.name for file in manifest.files), "file")
    for file in manifest.files:
        match = _FILE.fullmatch(file.name)
        if match is None or match[1] != file.sha256:
            raise Unusable(f"{shown(file.name)} is no name of a file in it")
        _check_number(file.size_bytes, f"the size of {file.name}")
    models = {one.model for one in manifest.counted}
    packed_as = [(one.model, one.batch, one.format) for one in manifest.packed]
    for variant in (*packed_as, *((one.model, one.batch, one.format) for one in manifest.not_converted)):
        _check_variant(*variant, models)
    _check_unique(packed_as, "packed model")
    names = {file.name for file in manifest.files}
    for packed in manifest.packed:
        _check_files(packed, names)


@functools.cache
def _validator() -> "SchemaValidator":
    """Return pydantic's validator that stops at a list's first mistake.

    By itself it collects all of them, at 450 bytes each: 4 MiB of `{},{},...` became 8 GB.
    """

    return untrusted.validator(Manifest)


def _check_json(text: bytes) -> None:
    """Raise Unusable for JSON that would fill the memory as a tree, or with a validator's complaints."""
    if text.count(b",") > _MOST_VALUES:
        raise Unusable(f"its manifest has more than {_MOST_VALUES} values")
    try:
        json.loads(text.decode(), object_pairs_hook=_few, parse_int=len, parse_float=len)
    except RecursionError:
        raise Unusable("its manifest is nested without end") from None
    except UnicodeDecodeError:
        raise Unusable("its manifest is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unusable(f"its manifest is no JSON ({shown(str(error))})") from None


def _few(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > _MOST_KEYS:
        raise Unusable(f"its manifest has an object of {len(pairs)} keys")


def _check_counted(counted: Counted) -> None:
    if not _MODEL.fullmatch(counted.model):
        raise Unusable(f"{shown(counted.model)} is no name of a model")
    _check_inputs(counted)
    for layer in counted.layers:
        _check_layer(layer, counted.model)
    for total in _TOTALS:
        if getattr(counted, total) != sum(getattr(layer, total) for layer in counted.layers):
            raise Unusable(f"the layers of {counted.model} do not sum to its {total}")
    if not 1 <= counted.mult_adds <= _MOST:
        raise Unusable(f"the mult-adds of {counted.model} are out of range")


def _check_inputs(counted: Counted) -> None:
    for name, shape in counted.inputs.items():
        if not _WORD.fullmatch(name) or not shape or not all(1 <= side <= _MOST for side in shape):
            raise Unusable(f"{counted.model} has an input {shown(name)} without a shape")


def _check_layer(layer: LayerCost, model: str) -> None:
    if not (_WORD.fullmatch(layer.name) and _WORD.fullmatch(layer.kind)):
        raise Unusable(f"{model} has a layer {shown(layer.name)}, which is no name")
    for number in _numbers(layer):
        _check_number(number, f"a figure of layer {layer.name} of {model}")


def _numbers(layer: LayerCost) -> Iterator[int]:
    for field in fields(layer):
        value = getattr(layer, field.name)
        if isinstance(value, tuple):
            yield from value
        elif isinstance(value, int):
            yield value


def _check_variant(model: str, batch: int, format_name: str, models: set[str]) -> None:
    if model not in models:
        raise Unusable(f"{shown(model)} is packed but not counted")
    if not 1 <= batch <= _MOST or not _FORMAT.fullmatch(format_name):
        raise Unusable(f"{model} is packed in {shown(format_name)} at a batch that is none")
    if format_name in RUNS_CODE:
        raise Unusable(f"it holds the format {format_name}, and to load that is to run code from it")


def _check_files(packed: PackedModel, names: set[str]) -> None:
    for name in (packed.artefact, packed.inputs, packed.reference):
        if name not in names:
            raise Unusable(f"a file of {packed.model}, {shown(name)}, is not in its list")
    for name in (packed.inputs, packed.reference):
        if not name.endswith(".npz"):
            raise Unusable(f"the arrays of {packed.model} are not in an .npz file")


def _check_number(number: int, what: str) -> None:
    if not 0 <= number <= _MOST:
        raise Unusable(f"{what} is out of range")


def _check_unique(names: Iterable[object], what: str) -> None:
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise Unusable(f"a {what} is in it twice")
        seen.add(name)
