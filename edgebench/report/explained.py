"""What explains latency: sentences, tables for a terminal, lines of Markdown, rows of CSV."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.table import Table

from edgebench import units
from edgebench.judge import explaining
from edgebench.judge.explaining import QUANTITIES, Explained, Fit, Pooled, Quantity
from edgebench.judge.places import Place
from edgebench.report.markdown import table_lines
from edgebench.report.terminal import add_row, plain_table

MEANING = (
    "R2 is the share of the variance of log latency that a line over the logarithm of a quantity explains (least "
    "squares; all three: over the logarithms of all); two of three networks lie within the factor of that line. Within "
    "families each architecture has its own constant, and R2 is of what is left inside them. Activations are the "
    "values written, bytes those of weights and of activations read and written. Of boards: the median, and the range."
)

_ALL = "all three"
_LEAST_BOARDS = 3
"""What fewer boards say stands in the table, and in no sentence."""

_COLUMNS = ("explained by", "networks", "R2", "range", "factor", "best on")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow:
    """One fit at one place as a row of CSV; `chosen`: the one setting that speaks for its board and runtime."""

    source: str
    board: str
    runtime: str
    version: str | None
    processor: str
    arithmetic: str
    precision: str | None
    threads: int | None
    batch: int
    settings: str | None
    chosen: bool
    judged: bool
    by: str
    within_families: bool
    networks: int
    families: int
    r2: float
    residual_factor: float
    slope_mult_adds: float | None
    slope_activations: float | None
    slope_bytes: float | None


def rows(found: Iterable[Explained]) -> Iterator[ExplainedRow]:
    """Yield a row for each fit of each place."""
    return (_row(one.place, fit) for one in found for fit in one.fits)


def _row(place: Place, fit: Fit) -> ExplainedRow:
    slopes = dict(zip(fit.by, fit.slopes, strict=True))
    return ExplainedRow(
        source=place.source,
        board=place.board,
        runtime=place.runtime,
        version=place.version,
        processor=place.processor,
        arithmetic=place.arithmetic,
        precision=place.precision,
        threads=place.threads,
        batch=place.batch,
        settings=place.settings,
        chosen=place.chosen,
        judged=place.judged,
        by=_by(fit.by),
        within_families=fit.within,
        networks=fit.networks,
        families=fit.families,
        r2=fit.r2,
        residual_factor=fit.residual,
        slope_mult_adds=slopes.get("mult-adds"),
        slope_activations=slopes.get("activations"),
        slope_bytes=slopes.get("bytes"),
    )


def summary(found: Sequence[Explained]) -> Iterator[str]:
    """Yield what came out of the published boards that can be judged, a sentence a kind of processor."""
    for members in _groups(found):
        across = {one.by: one for one in members if not one.within}
        counted = across.get(("mult-adds",))
        if counted is None or not counted.judged or counted.boards < _LEAST_BOARDS:
            continue
        others = [f"{_by(by)} {percent(one.r2)}" for by, one in across.items() if by != ("mult-adds",)]
        yield (
            f"On {processor(counted.processor, counted.arithmetic)} ({counted.boards} boards) mult-adds explain "
            f"{percent(counted.r2)} of the variance of log latency ({', '.join(others)}); what they leave is a factor "
            f"of {units.digits(counted.residual)}."
        )


def tables(found: Sequence[Explained]) -> Iterator[Table]:
    """Yield a table of the fits of each place where runs measured, then one of each kind of processor."""
    signs = ("", *">" * len(_COLUMNS[1:]))
    for title, lines in _parts(found):
        made = plain_table(title, *map("".join, zip(_COLUMNS, signs, strict=True)))
        for line in lines:
            add_row(made, *line)
        yield made


def markdown(found: Sequence[Explained]) -> Iterator[str]:
    """Yield the same as Markdown."""
    for title, lines in _parts(found):
        yield from (f"### {title}", "")
        yield from table_lines(_COLUMNS, lines, right=_COLUMNS[1:])
        yield ""


def processor(kind: str, arithmetic: str) -> str:
    """Return a kind of processor in words.

    >>> processor("cpu", "integer")
    'CPUs in integers'
    """
    return f"{kind.upper()}s{' in integers' if arithmetic == 'integer' else ''}"


def setting(place: Place) -> str:
    """Return a place where runs measured in words."""
    threads = f" x{place.threads}" if place.threads not in {None, 1} else ""
    batch = f" batch {place.batch}" if place.batch > 1 else ""
    return f"{place.runtime}{threads}{batch} {place.precision} on {place.board}"


def percent(share: float) -> str:
    """Return a share as whole per cent.

    >>> percent(0.8449)
    '84 %'
    """
    return f"{100 * share:.0f} %"


def _parts(found: Sequence[Explained]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield a title and its lines for each place where runs measured, and for each kind of processor."""
    for one in found:
        if one.place.own:
            best = {within: explaining.best(one, within=within) for within in (False, True)}
            yield f"Measured: {setting(one.place)}", [_own(fit, best[fit.within]) for fit in one.fits]
    for members in _groups(found):
        kind = processor(members[0].processor, members[0].arithmetic)
        only = "" if members[0].judged else " that do not say threads, precision or version"
        boards = max(one.boards for one in members)
        yield f"Published: {kind}, {boards} boards{only}", [_of_boards(one) for one in members]


def _groups(found: Sequence[Explained]) -> Iterator[list[Pooled]]:
    pooled = explaining.pooled(found)
    for _, members in groupby(pooled, key=lambda one: (one.judged, one.processor, one.arithmetic)):
        yield list(members)


def _own(fit: Fit, best: tuple[Quantity, ...] | None) -> tuple[str, ...]:
    return (
        _what(fit.by, fit.within),
        str(fit.networks),
        percent(fit.r2),
        "",
        units.ratio(fit.residual),
        "here" if fit.by == best else "",
    )


def _of_boards(one: Pooled) -> tuple[str, ...]:
    return (
        _what(one.by, one.within),
        f"{one.networks:g}",
        percent(one.r2),
        f"{100 * one.r2_low:.0f}..{percent(one.r2_high)}" if one.boards > 1 else "",
        units.ratio(one.residual),
        "" if one.best is None else f"{one.best} of {one.boards}",
    )


def _what(by: tuple[Quantity, ...], within: bool) -> str:
    return f"{_by(by)}{', within families' * within}"


def _by(by: tuple[Quantity, ...]) -> str:
    return by[0] if by != QUANTITIES else _ALL
