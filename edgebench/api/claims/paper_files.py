"""Read the papers: every file of claims, and what is wrong with one in a sentence that names file and key."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from edgebench import architectures, devices, tomlfile
from edgebench.analysis import convention
from edgebench.errors import UsageError
from edgebench.judge.claims import Claim, Paper
from edgebench.judge.limits import figure, limits

_OWN = Path("papers")


def known() -> dict[str, Path]:
    """Return the file of every paper: ./papers, then the packaged ones; the first of a name wins."""
    found: dict[str, Path] = {}
    for folder in (_OWN, Path(str(files("edgebench.reference"))) / "papers"):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def read(paths: Mapping[str, Path]) -> dict[str, Paper]:
    """Return the papers in these files by their names, models under their canonical names.

    Raise UsageError for a malformed file, and for an id that stands twice.
    """
    papers = {name: check(path) for name, path in paths.items()}
    seen: dict[str, Path] = {}
    for name, paper in papers.items():
        _no_doubles(paths[name], _ids(paper), seen)
    return papers


def check(path: Path) -> Paper:
    """Return the paper in a file; raise UsageError, which names file and key, for what is wrong with it."""
    paper: Paper = tomlfile.read(path, Paper)
    _no_doubles(path, _ids(paper), {})
    return replace(
        paper,
        claims=tuple(_checked(claim, f"{path}: claims[{number}]") for number, claim in enumerate(paper.claims)),
    )


def check_beside(path: Path) -> Paper:
    """Return the paper in a file that is to stand beside those that are known."""
    paper = check(path)
    others = {name: other for name, other in known().items() if other.resolve() != path.resolve()}
    seen = {one: others[name] for name, other in read(others).items() for _, one in _ids(other)}
    _no_doubles(path, _ids(paper), seen)
    return paper


def _ids(paper: Paper) -> list[tuple[str, str]]:
    """Return every id with its key in the file."""
    return [(f"claims[{number}].id", one.id) for number, one in enumerate(paper.claims)] + [
        (f"left_out[{number}].id", one.id) for number, one in enumerate(paper.left_out)
    ]


def _no_doubles(path: Path, ids: Iterable[tuple[str, str]], seen: dict[str, Path]) -> None:
    for key, one in ids:
        if one in seen:
            where = "an earlier table" if seen[one] == path else f"{seen[one]}"
            raise UsageError(f"{path}: {key} is {one!r}, as in {where}: expected another id for each claim.")
        seen[one] = path


def _checked(claim: Claim, where: str) -> Claim:
    """Return a claim with its models under their canonical names; raise UsageError for what does not exist."""
    try:
        limits(claim)
        for text in filter(None, (claim.subject_figure, claim.baseline_figure)):
            figure(text)
    except ValueError as error:
        raise UsageError(f"{where} ({claim.id}) {error}.") from None
    for key, words in (("convention", claim.convention), ("baseline_convention", claim.baseline_words)):
        with _naming(f"{where}.{key} ({claim.id})"):
            convention.parse(words)
    for kind in (claim.where and claim.where.devices) or ():
        if kind not in devices.known():
            known_kinds = ", ".join(sorted(devices.known()))
            raise UsageError(f"{where}.where.devices ({claim.id}): {kind!r} is no device: expected {known_kinds}.")
    subject = _canonical(claim, claim.subject, f"{where}.subject")
    baseline = _canonical(claim, claim.baseline, f"{where}.baseline")
    models = tuple(_canonical(claim, model, f"{where}.models[{number}]") for number, model in enumerate(claim.models))
    found = replace(claim, subject=subject, baseline=baseline, models=models)
    if found.parameter:
        with _naming(f"{where}.parameter ({claim.id})"):
            parameter_values(found)
    return found


def _canonical(claim: Claim, spec: str, where: str) -> str:
    if not spec:
        return spec
    with _naming(f"{where} ({claim.id})"):
        model = architectures.parse(spec)
        return architectures.name(architectures.runnable(model) if claim.measured else model)


@contextlib.contextmanager
def _naming(key: str) -> Iterator[None]:
    """Put file and key before what an error says."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from None


def parameter_values(claim: Claim) -> list[float]:
    """Return the parameter of each model that a scaling exponent is fitted over; raise UsageError for one without."""
    values = [_parameter(spec, claim.parameter) for spec in claim.models]
    if len(set(values)) < len(values):
        raise UsageError(f"{claim.parameter} is {values}: expected another value for each model.")
    return values


def _parameter(spec: str, name: str) -> float:
    parameters = architectures.parse(spec).parameters
    value = getattr(parameters, name, None)
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise UsageError(f"{spec} gives no number for {name}: expected models that name theirs.")
    return float(value)
