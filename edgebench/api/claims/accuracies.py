"""The accuracies that are printed of networks, each as the authors of the network print it."""

from collections.abc import Iterator
from dataclasses import replace

from edgebench import architectures
from edgebench.analysis import published
from edgebench.analysis.published import Confidence
from edgebench.architectures import Model
from edgebench.judge.fronts import Accuracy

_TRAINED_ANEW = ("timm", "paddleclas")
"""Sources that trained the networks by recipes of their own, years later: their accuracies are not the papers'."""

_BACKGROUND = 1001
"""Classes of networks with one more for the background, which are those of 1000 otherwise."""


def accuracies() -> dict[str, Accuracy]:
    """Return the accuracy of each network of which one was read: its authors', else torchvision's.

    The sources are taken in their order, papers and their releases first; of several figures in one the first stands.
    """
    found: dict[str, Accuracy] = {}
    for name, source in published.sources().items():
        if name not in _TRAINED_ANEW:
            for model, top1 in _read(name):
                found.setdefault(model, Accuracy(top1=top1, source=source.title))
    return found


def _read(source: str) -> Iterator[tuple[str, float]]:
    for row in published.rows(source):
        if row.top1 and row.model and row.confidence is Confidence.READ:
            yield _of_a_thousand(architectures.parse(row.model)), float(row.top1)


def _of_a_thousand(model: Model) -> str:
    if getattr(model.parameters, "classes", None) == _BACKGROUND:
        model = replace(model, parameters=replace(model.parameters, classes=_BACKGROUND - 1))
    return architectures.name(model)
