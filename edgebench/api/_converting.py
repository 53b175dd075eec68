"""Have the files made that the trials of a run need, or take them from its bundle."""

from functools import partial

from edgebench import architectures, formats
from edgebench.api import _bundled, _imaging
from edgebench.api._measuring import Execution
from edgebench.formats import ConversionFailed
from edgebench.measure.plan import Files, Trial, format_of
from edgebench.store.records import Converted, NotConverted

_SOURCE = "source"  # stands for the format of what could not even be built


def convert_all(execution: Execution) -> None:
    """Convert every model that has to become a file; one that does not is noted, and its trials are left out."""
    state = execution.folder.read()
    used = state.started.bundle
    provide = partial(_convert, execution) if used is None else partial(_bundled.provide, _bundled.reopened(used))
    noted = set(state.converted)
    refused = {(one.model, one.batch, one.format) for one in state.not_converted}
    for trial in (one for one in state.started.trials if one.id not in state.not_started):
        wanted = format_of(state.started.formats, trial)
        if wanted is None:
            execution.files[trial.id] = Files()
            continue
        key = (trial.model, trial.batch, wanted)
        if refused & {key, (trial.model, trial.batch, _SOURCE)}:
            continue
        try:
            execution.files[trial.id], record = provide(trial, wanted)
        except ConversionFailed as failed:
            answer = refusal(trial.model, trial.batch, wanted, failed)
            refused.add((answer.model, answer.batch, answer.format))
            execution.journal.append(answer)
            continue
        if key not in noted:
            noted.add(key)
            execution.journal.append(record)


def _convert(execution: Execution, trial: Trial, wanted: str) -> tuple[Files, Converted]:
    data = _imaging.prepared(execution, trial.model)
    if not formats.cached(trial.model, wanted, batch=trial.batch, calibration=None if data is None else data.key):
        new = formats.to_install(wanted)
        if new:
            execution.say(f"Installing {new}, which converts to {wanted}, in an environment of its own: once.")
        execution.say(doing(trial.model, wanted))
    origin = formats.source(trial.model, batch=trial.batch)
    artefact = formats.convert(origin, wanted, data)
    if data is not None:
        _imaging.check_classes(origin, execution.dataset)
    files = Files(
        artefact=str(artefact.path),
        inputs=str(origin.inputs),
        reference=str(origin.reference),
        images=() if data is None else tuple(str(part) for part in data.parts),
    )
    record = Converted(
        model=trial.model,
        batch=trial.batch,
        format=wanted,
        sha256=artefact.sha256,
        size_bytes=artefact.size_bytes,
        seconds=artefact.seconds,
        versions=artefact.versions,
    )
    return files, record


def doing(model: str, wanted: str) -> str:
    """Return what is said before a model becomes a file: a user's may be one, and only lack what to compare with."""
    if architectures.parse(model).architecture == wanted:
        return f"Computing the reference outputs of {model}."
    return f"Converting {model} to {wanted}."


def refusal(model: str, batch: int, wanted: str, failed: ConversionFailed) -> NotConverted:
    """Return what is kept of a model that did not become a file."""
    return NotConverted(
        model=model,
        batch=batch,
        format=_SOURCE if failed.stage == "build" else wanted,
        stage=failed.stage,
        reason=str(failed),
        lost=failed.lost,
        stderr_tail=failed.stderr_tail,
    )
