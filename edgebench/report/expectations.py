"""What ratios of models were expected to be, and what they are: a table."""

from collections.abc import Iterable

from rich.table import Table

from edgebench import units
from edgebench.judge.expectations import Expectation, of_run
from edgebench.report.answer import interval
from edgebench.report.terminal import add_row, plain_table
from edgebench.store.tables import Summary


def of_summary(summary: Summary) -> Table | None:
    """Return the table of a run; None where no bound is known, which would leave mult-adds beside the measurement."""
    return expectations(one for one in of_run(summary.pairs, summary.trials) if one.bound is not None)


def expectations(found: Iterable[Expectation]) -> Table | None:
    """Return a table of what mult-adds and the bound predict beside what was measured; None without any."""
    rows = list(found)
    if not rows:
        return None
    table = plain_table(
        "Ratios: what mult-adds and the bound predict, and what was measured",
        "models",
        "setting",
        "mult-adds>",
        "bound>",
        "measured>",
    )
    for one in rows:
        add_row(
            table,
            f"{one.subject} / {one.baseline}",
            one.setting,
            units.ratio(one.mult_adds),
            units.ratio(one.bound),
            f"{units.ratio(one.measured)}{interval(one.low, one.high)}",
        )
    return table
