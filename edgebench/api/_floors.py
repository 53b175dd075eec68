"""The call floor: what a runtime takes to be called when there is nothing to compute."""

from dataclasses import replace
from functools import cache

from edgebench import formats
from edgebench.api._measuring import Execution
from edgebench.formats import ConversionFailed
from edgebench.measure.plan import format_of

_MODEL = "layer:identity"


def add_floors(execution: Execution) -> None:
    """Give every trial that loads a file an identity network in the same format, where that can be made.

    A run from a bundle makes no files: its trials have no floor, nor have those that nobody times.
    """
    state = execution.folder.read()
    protocol = state.started.protocol
    if state.started.bundle is not None or not (protocol.footprints and protocol.rounds):
        return
    floor = cache(_floor)
    for trial in state.started.trials:
        wanted = format_of(state.started.formats, trial)
        if trial.id in execution.files and wanted is not None:
            path, inputs = floor(wanted)
            execution.files[trial.id] = replace(execution.files[trial.id], floor=path, floor_inputs=inputs)


def _floor(wanted: str) -> tuple[str | None, str | None]:
    """Return the paths of the identity network and its inputs, None where a format cannot hold it."""
    try:
        source = formats.source(_MODEL)
        return str(formats.convert(source, wanted).path), str(source.inputs)
    except ConversionFailed:
        return None, None
