"""Users' images for the trials of a run: what accuracy is told of, and what int8 is calibrated on."""

from pathlib import Path

import numpy as np

from edgebench import architectures, formats
from edgebench.api._measuring import Execution
from edgebench.architectures._images import refuse_untold
from edgebench.errors import UsageError
from edgebench.formats import Dataset, Prepared, Source
from edgebench.store.records import DataUsed


def opened(path: Path, models: tuple[str, ...]) -> Dataset:
    """Return the images that all these models are to answer; raise UsageError when one of them cannot."""
    dataset = formats.read_dataset(path)
    for model in models:
        refuse_untold(architectures.parse(model))
        formats.prepared_key(model, dataset)
    return dataset


def used(dataset: Dataset) -> DataUsed:
    """Return what is kept of the images with a run."""
    chosen = formats.split(len(dataset.labels))
    return DataUsed(
        path=str(dataset.path.absolute()),
        sha256=dataset.sha256,
        labels=tuple(dataset.labels[place] for place in chosen.answered),
        calibrating=len(chosen.calibrating),
    )


def reopened(data: DataUsed | None) -> Dataset | None:
    """Return the images of a run that goes on; raise UsageError when they are not the same any more."""
    if data is None:
        return None
    dataset = formats.read_dataset(Path(data.path))
    if dataset.sha256 != data.sha256:
        raise UsageError(f"The images of {data.path} are others than when the run began: start a new one.")
    return dataset


def prepared(execution: Execution, model: str) -> Prepared | None:
    """Return a run's images as a model's inputs, None where it has none."""
    return None if execution.dataset is None else formats.prepared(model, execution.dataset)


def check_classes(origin: Source, dataset: Dataset | None) -> None:
    """Raise UsageError when what images show is no class of a model: then its accuracy would be of other classes."""
    if dataset is None:
        return
    with np.load(origin.reference, allow_pickle=False) as reference:
        shapes = [reference[name].shape for name in reference.files]
    if len(shapes) != 1 or len(shapes[0]) < 2:
        raise UsageError(f"{origin.model} gives outputs of the shapes {shapes}: --data is for scores of classes.")
    classes = int(np.prod(shapes[0][1:]))
    if dataset.classes is not None and dataset.classes != classes:
        raise UsageError(
            f"{dataset.path} has {dataset.classes} folders and {origin.model} {classes} classes: expected a folder a "
            "class in the order of its outputs, or folders that are named by the places of their classes, from 0 on."
        )
    if max(dataset.labels) >= classes:
        raise UsageError(f"{dataset.path} has the class {max(dataset.labels)}: {origin.model} has {classes}, from 0.")
