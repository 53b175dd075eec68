"""The accuracy that is printed of a model, for whoever chooses one: nothing here was measured by this program."""

from edgebench.analysis import published
from edgebench.analysis.forecasts import Accuracy
from edgebench.analysis.published import Confidence


def accuracies() -> dict[str, Accuracy]:
    """Return the accuracy of every model for which one is printed: of what was read first, of one source the first."""
    order = list(Confidence)
    rows = [row for source in published.sources() for row in published.rows(source) if row.model and row.top1]
    found: dict[str, Accuracy] = {}
    for row in sorted(rows, key=lambda row: order.index(row.confidence)):
        found.setdefault(row.model, Accuracy(top1=float(row.top1), source=row.source))
    return found
