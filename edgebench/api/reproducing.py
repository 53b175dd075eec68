"""Count again what others have printed."""

from collections.abc import Iterable
from dataclasses import dataclass

from edgebench.analysis import discrepancies, published
from edgebench.analysis.cost import Cost
from edgebench.analysis.discrepancies import Discrepancy, Found
from edgebench.analysis.published import Reproduction, Row, Source
from edgebench.api.counting import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Everything that is known to be printed, counted; by source and in the order of its rows."""

    sources: dict[str, Source]
    reasons: dict[str, str]
    rows: dict[str, tuple[Reproduction, ...]]
    discrepancies: tuple[tuple[Discrepancy, tuple[Found, ...]], ...]


def reproduce(wanted: Iterable[Row]) -> tuple[Reproduction, ...]:
    """Return what counting gives for these rows; each network is counted once."""
    wanted = tuple(wanted)
    costs = _costs(published.models(wanted))
    return tuple(published.reproduce(row, costs) for row in wanted)


def published_figures() -> Published:
    """Return all published figures, counted: about half a minute of work."""
    sources, known = published.sources(), discrepancies.read()
    rows = [row for source in sources for row in published.rows(source)]
    costs = _costs([*published.models(rows), *discrepancies.models(known.values())])
    by_name = {f"{row.source}/{row.id}": row for row in rows}
    return Published(
        sources=sources,
        reasons=published.reasons(),
        rows={
            source: tuple(published.reproduce(row, costs) for row in rows if row.source == source) for source in sources
        },
        discrepancies=tuple(
            (one, tuple(discrepancies.find(quantity, costs, by_name) for quantity in one.quantities))
            for one in known.values()
        ),
    )


def _costs(models: Iterable[str]) -> dict[str, Cost]:
    return {model: count(model).cost for model in dict.fromkeys(models)}
