"""Pack counted and converted models for a machine that has no torch."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edgebench import __version__, extras, formats, plugins
from edgebench.api._converting import doing, refusal
from edgebench.api._models import runnable, served
from edgebench.api.counting import counted
from edgebench.api.listing import backend, suites, versions
from edgebench.errors import UsageError
from edgebench.formats import Artefact, ConversionFailed, Source
from edgebench.store import bundle as bundles
from edgebench.store.archive import shown
from edgebench.store.manifest import RUNS_CODE, SCHEMA, Manifest, Member, PackedModel
from edgebench.store.records import NotConverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A bundle that was made, and what of it was asked for in vain.

    `not_packed` are backends that nobody named, and whose format is not in it for want of an installed converter.
    """

    path: Path
    size_bytes: int
    models: tuple[str, ...]
    formats: tuple[str, ...]
    batches: tuple[int, ...]
    not_converted: tuple[NotConverted, ...]
    not_packed: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Contents:
    """What a bundle being made is going to hold."""

    members: dict[str, Member] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    packed: list[PackedModel] = field(default_factory=list)
    not_converted: list[NotConverted] = field(default_factory=list)

    def add(self, path: Path, sha256: str | None = None) -> str:
        """Take in a file, once, and return its name in the bundle."""
        one = bundles.member(path, sha256)
        self.members[one.name], self.paths[one.name] = one, path
        return one.name


def pack(  # noqa: PLR0913 - what, where, and five choices by name
    what: Sequence[str],
    path: Path,
    *,
    backends: Iterable[str] = (),
    batches: Iterable[int] = (1,),
    inputs: Iterable[str] = (),
    weights: Path | None = None,
    say: Callable[[str], None],
) -> Packed:
    """Write a bundle of models and suites in the formats of these backends, by default all that a bundle may hold.

    Those whose converter would have to be installed first are packed when they are named, else told in `not_packed`.

    `inputs` and `weights` are as in `Request`. Raise UsageError for what cannot be packed. A model that a format cannot
    express is left out, and the bundle says why.
    """
    sizes = tuple(dict.fromkeys(batches))
    models, (wanted, not_packed) = _models(runnable(_named(what), inputs, weights, sizes)), _formats(tuple(backends))
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} cannot be written: expected a file in a folder that exists.")
    totals = tuple(counted(model) for model in models)
    contents = _Contents()
    for model, batch in itertools.product(models, sizes):
        _add(contents, model, batch, wanted, say)
    if not contents.packed:
        reasons = "; ".join(dict.fromkeys(f"{one.model}: {one.reason}" for one in contents.not_converted))
        raise UsageError(f"Nothing could be converted, so there is nothing to pack: {shown(reasons)}.")
    manifest = Manifest(
        schema=SCHEMA,
        edgebench_version=__version__,
        converted=_newest(contents),
        counted=totals,
        packed=tuple(contents.packed),
        not_converted=tuple(contents.not_converted),
        files=tuple(contents.members[name] for name in sorted(contents.members)),
    )
    bundles.write(path, manifest, contents.paths)
    return Packed(
        path=path,
        size_bytes=path.stat().st_size,
        models=models,
        formats=wanted,
        batches=sizes,
        not_converted=manifest.not_converted,
        not_packed=not_packed,
    )


def _named(what: Sequence[str]) -> list[str]:
    """Return models as users write them, those of a suite in its place."""
    known = suites()
    return [model for text in what for model in (known[text].models if text in known else (text,))]


def _models(models: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models; raise UsageError for one that no backend could load on a board."""
    for model in models:
        served(model, [(name, ()) for name in plugins.names("backends") if name != "null"], asked=False)
    return models


def _formats(backends: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the formats of these backends, and by default the backends whose converter has to be installed first.

    Those are left out unless they are named. Raise UsageError for one that cannot be packed.
    """
    named = {name: backend(name).format for name in backends or plugins.names("backends")}
    for name, wanted in named.items():
        if backends and wanted in RUNS_CODE:
            raise UsageError(
                f"{name} loads the format {wanted}, and that runs code from the file: a bundle does not hold it; "
                f"a machine that has {name} can measure without a bundle."
            )
    plain = {name: one for name, one in named.items() if one is not None and one not in RUNS_CODE}
    not_packed = () if backends else tuple(name for name, one in plain.items() if formats.to_install(one))
    found = tuple(dict.fromkeys(one for name, one in plain.items() if name not in not_packed))
    if not found:
        raise UsageError(f"{', '.join(named)} loads no file: expected a backend that has a format.")
    for one in found:
        needed = plugins.load("formats", one).DISTRIBUTIONS
        missing = [name for name in needed if name not in versions(needed)]
        if missing:
            raise UsageError(
                f"To convert to {one} needs {', '.join(missing)}, which is not installed: {extras.way('host')}."
            )
    return found, not_packed


def _add(contents: _Contents, model: str, batch: int, wanted: tuple[str, ...], say: Callable[[str], None]) -> None:
    """Take in a model at one batch in all formats, or note why it is in none of them."""
    for one in wanted:
        if not formats.cached(model, one, batch=batch):
            say(doing(model, one))
        try:
            origin = formats.source(model, batch=batch)
            contents.packed.append(_pack(contents, origin, formats.convert(origin, one)))
        except ConversionFailed as failed:
            refused = refusal(model, batch, one, failed)
            contents.not_converted.append(refused)
            say(f"{model} is not packed in {one}: {shown(refused.reason)}.")
            if failed.stage == "build":  # then it is in no format
                return


def _pack(contents: _Contents, origin: Source, artefact: Artefact) -> PackedModel:
    return PackedModel(
        model=origin.model,
        batch=origin.batch,
        format=artefact.format,
        artefact=contents.add(artefact.path, artefact.sha256),
        inputs=contents.add(origin.inputs),
        reference=contents.add(origin.reference),
        seconds=artefact.seconds,
        versions=artefact.versions,
    )


def _newest(contents: _Contents) -> str:
    newest = max(path.stat().st_mtime for path in contents.paths.values())
    return datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
