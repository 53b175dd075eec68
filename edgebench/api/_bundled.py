"""What a run takes from a bundle in place of counting and converting."""

from collections.abc import Iterable
from pathlib import Path

from edgebench import architectures
from edgebench.errors import UsageError
from edgebench.formats import ConversionFailed, format_parts
from edgebench.measure.plan import Files, Trial
from edgebench.store import bundle as bundles
from edgebench.store.bundle import Bundle
from edgebench.store.manifest import RUNS_CODE
from edgebench.store.records import BundleUsed, Converted, Counted, NotConverted


def opened(path: Path) -> Bundle:
    """Return a bundle whose every file was checked."""
    bundle = bundles.read(path)
    bundles.verify(bundle)
    return bundle


def used(bundle: Bundle) -> BundleUsed:
    """Return what a journal keeps of a bundle, to find it again."""
    return BundleUsed(path=str(bundle.path), sha256=bundle.sha256)


def reopened(before: BundleUsed) -> Bundle:
    """Return the bundle that a run began with; raise UsageError when it is gone or another now."""
    path = Path(before.path)
    if not path.is_file():
        raise UsageError(f"The models of this run are from the bundle {path}, which is not there: put it back.")
    bundle = bundles.read(path)
    if bundle.sha256 != before.sha256:
        raise UsageError(f"The models of this run are from another bundle than {path} is now: put the first one back.")
    return bundle


def models(bundle: Bundle, asked: Iterable[str]) -> list[str]:
    """Return the models asked for by their names in the bundle, all of them when none is."""
    return [_model(bundle, text) for text in asked] or list(bundle.models)


def counted(bundle: Bundle, model: str) -> Counted:
    """Return what a model of the bundle costs on paper."""
    return next(one for one in bundle.manifest.counted if one.model == model)


def check(bundle: Bundle, trial: Trial, wanted: str | None) -> None:
    """Raise UsageError when the file that a trial needs was not packed."""
    if wanted is not None and bundle.find(trial.model, trial.batch, wanted) is None:
        held = [f"{one.format} at batch {one.batch}" for one in bundle.manifest.packed if one.model == trial.model]
        raise UsageError(
            f"{bundle.path} does not hold {trial.model} in {wanted} at batch {trial.batch} (for {trial.backend}), but "
            f"in {', '.join(held) or 'no format'}: ask for what is there{_otherwise(trial, wanted)}."
        )


def _otherwise(trial: Trial, wanted: str) -> str:
    """Return how to pack what is missing; code that a file runs is in no bundle."""
    if format_parts(wanted)[0] in RUNS_CODE:
        return f"; no bundle holds {wanted}, which runs code from the file"
    batch = "" if trial.batch == 1 else f" --batch {trial.batch}"
    return f", or pack it again with `edgebench pack ... --backend {trial.backend}{batch}`"


def holds(bundle: Bundle, wanted: str | None) -> bool:
    """Tell whether anything in the bundle is, or was meant to be, in a format."""
    packed = {one.format for one in bundle.manifest.packed}
    return wanted is None or wanted in packed or wanted in {one.format for one in bundle.manifest.not_converted}


def provide(bundle: Bundle, trial: Trial, wanted: str) -> tuple[Files, Converted]:
    """Return the files of a trial, unpacked; raise ConversionFailed when its model was not to be converted."""
    found = bundle.find(trial.model, trial.batch, wanted)
    if found is None or isinstance(found, NotConverted):
        assert found is not None, "checked when the run was planned"
        raise ConversionFailed(found.stage, found.reason, lost=found.lost, stderr_tail=found.stderr_tail)
    paths = bundles.unpack(bundle, (found.artefact, found.inputs, found.reference))
    files = Files(
        artefact=str(paths[found.artefact]), inputs=str(paths[found.inputs]), reference=str(paths[found.reference])
    )
    return files, bundle.converted(found)


def _model(bundle: Bundle, text: str) -> str:
    if text in bundle.models:
        return text
    try:
        name = architectures.name(architectures.parse(text))
    except UsageError:  # an architecture of another package, unknown here: the bundle's own names are all that counts
        name = text
    if name not in bundle.models:
        raise UsageError(f"{bundle.path} holds no model {text!r}: in it are {', '.join(bundle.models)}.")
    return name
