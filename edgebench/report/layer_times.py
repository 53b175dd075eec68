"""Where the time of a network goes, beside where its mult-adds are."""

from collections.abc import Iterable
from itertools import groupby

from rich.table import Table

from edgebench import units
from edgebench.report.answer import backend_of
from edgebench.report.terminal import add_row, plain_table
from edgebench.store import layers
from edgebench.store.layers import KindTime
from edgebench.store.rows import LayerRow

_ALONE = "each layer as a model of its own"


def table(rows: Iterable[LayerRow]) -> Table | None:
    """Return a table of kinds of layers in each trial, and of all operations against a whole call; None without any."""
    everything = list(rows)
    timed = [row for row in everything if row.trial is not None]
    if not timed:
        return None
    found = plain_table(
        "Time by kind of layer: share of mult-adds, share of the time of all operations, and that time",
        "kind, backend",
        "mult-adds>",
        "of the time>",
        "time>",
    )
    for model, of_model in groupby(layers.kinds(everything), key=lambda one: one.model):
        add_row(found, model)
        for kind, members in groupby(of_model, key=lambda one: one.kind):
            shown = list(members)
            add_row(found, f"  {kind}", units.share(shown[0].mult_adds_share))
            for one in shown:
                add_row(found, f"    {_name(one)}", "", units.share(one.time_share), units.seconds(one.time_s))
        _add_whole(found, [row for row in timed if row.model == model])
        found.add_section()
    return found


def _add_whole(found: Table, rows: list[LayerRow]) -> None:
    """Add what all operations took together, as a share of a call of the whole model just before."""
    add_row(found, "  all, of a whole call")
    for trial, members in groupby(rows, key=lambda row: row.trial):
        own = list(members)
        apart_s, whole_s = own[0].apart_s, own[0].whole_s
        told = units.share(apart_s / whole_s) if apart_s is not None and whole_s else "-"
        label = f"    {backend_of(str(trial))}{'*' * (own[0].source != 'runtime')}"
        add_row(found, label, "", told, units.seconds(apart_s))
    if any(row.source != "runtime" for row in rows):
        found.caption = f"* {_ALONE}: the runtime does not tell; what it fuses is not seen"
        found.caption_justify = "left"


def _name(one: KindTime) -> str:
    """Return the backend, marked where layers were timed alone, and how many of the layers were found if not all."""
    found = f" ({one.layers} of {one.layers_there} layers)" if one.kind != layers.OTHER else ""
    missing = found if one.layers != one.layers_there else ""
    return f"{backend_of(one.trial)}{'*' * (one.source != 'runtime')}{missing}"
