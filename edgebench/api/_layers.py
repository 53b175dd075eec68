"""The layers of a run's models as models of their own, for runtimes that do not tell how long each took."""

from dataclasses import replace

from edgebench import formats
from edgebench.analysis.parts import part
from edgebench.api._measuring import Execution
from edgebench.board import layers
from edgebench.board.wire import LayerFile
from edgebench.formats import ConversionFailed
from edgebench.measure.plan import Trial, format_of

NO_LAYERS = ("inductor",)
"""Runtimes for which a layer takes as long to convert as a network, and would be another program than in one."""


def add_layers(execution: Execution) -> None:
    """Give every trial whose runtime does not tell its layers the layers as files, where they can be made."""
    state = execution.folder.read()
    if not state.started.protocol.by_layer or state.started.bundle is not None:
        return
    for trial in state.started.trials:
        wanted = format_of(state.started.formats, trial)
        lacking = trial.backend not in (*layers.names(), *NO_LAYERS)
        if lacking and wanted is not None and trial.id in execution.files:
            names = dict.fromkeys(part(layer) for layer in state.counted[trial.model].layers)
            known = [name for name in names if name is not None]
            _announce(execution, trial, wanted, known)
            made = [_made(name, wanted, trial.batch) for name in known]
            files = tuple(one for one in made if one is not None)
            execution.files[trial.id] = replace(execution.files[trial.id], layers=files)


def _announce(execution: Execution, trial: Trial, wanted: str, names: list[str]) -> None:
    missing = [name for name in names if not formats.cached(name, wanted, batch=trial.batch)]
    if missing:
        execution.say(
            f"Converting {len(missing)} layers of {trial.model} to {wanted}, one by one: {trial.backend} does not tell "
            "how long each takes."
        )


def _made(name: str, wanted: str, batch: int) -> LayerFile | None:
    """Return a layer in a format, None where that cannot hold it."""
    try:
        origin = formats.source(name, batch=batch)
        artefact = formats.convert(origin, wanted)
    except ConversionFailed:
        return None
    return LayerFile(name=name, artefact=str(artefact.path), inputs=str(origin.inputs))
