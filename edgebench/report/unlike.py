"""Why a number is not another number: in words, as a table, and as Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from edgebench import units
from edgebench.judge.unlike import Explanation, Unlike, Usual
from edgebench.report.markdown import literal, table_lines
from edgebench.report.terminal import add_row, plain_table
from edgebench.untrusted import plain

_VALUE = 60
_COLUMNS = ("what", "ours", "theirs", "usually")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlikeRow:
    """One difference of an explanation. Factors are theirs / ours; empty: there is no evidence of its usual size."""

    what: str
    ours: str
    theirs: str
    usual: float | None
    usual_low: float | None
    usual_high: float | None
    pairs: int | None
    seen: str | None


def sentences(found: Explanation) -> Iterator[str]:
    """Yield both figures, what differs, what that usually makes, and what remains."""
    yield (
        f"Ours: {units.seconds(found.ours.latency_s)} ({plain(found.ours.name)}). Theirs: "
        f"{units.seconds(found.theirs.latency_s)} ({plain(found.theirs.name)}), {units.ratio(found.ratio)}."
    )
    if found.theirs.doubt is not None:
        yield f"Theirs cannot be right: {plain(found.theirs.doubt)}."
    if not found.unlike:
        yield f"Nothing that both state differs: {units.ratio(found.ratio)} is for what nobody states, and for noise."
    else:
        yield f"{len(found.unlike)} settings differ: {', '.join(one.what for one in found.unlike)}."
    known = [one for one in found.unlike if one.usual is not None and not one.usual.either_way]
    if known:
        factors = " and ".join(f"{one.what} {units.ratio(one.usual.median)}" for one in known if one.usual)
        yield f"Usually that makes {factors}; {units.ratio(found.remains)} remains{_for_the_rest(found)}."
    elif found.unlike:
        yield f"There is no evidence of what that usually makes: all of {units.ratio(found.ratio)} remains."
    if found.unstated:
        yield f"Not stated by both, and so no difference: {', '.join(found.unstated)}."


def table(found: Explanation) -> Table | None:
    """Return a table of what differs; None when nothing does."""
    if not found.unlike:
        return None
    made = plain_table("What differs, and the factor that it usually makes of a latency (quartiles)", *_COLUMNS)
    for one in found.unlike:
        add_row(made, one.what, plain(one.ours, _VALUE), plain(one.theirs, _VALUE), _usually(one.usual))
    return made


def markdown(found: Explanation) -> Iterator[str]:
    """Yield the same as Markdown."""
    yield from (literal(sentence, 1000) for sentence in sentences(found))
    if found.unlike:
        yield ""
        cells = [
            (one.what, literal(one.ours, _VALUE), literal(one.theirs, _VALUE), literal(_usually(one.usual)))
            for one in found.unlike
        ]
        yield from table_lines(_COLUMNS, cells)


def rows(unlike: Sequence[Unlike]) -> Iterator[UnlikeRow]:
    """Yield the differences as rows."""
    for one in unlike:
        yield UnlikeRow(
            what=one.what,
            ours=one.ours,
            theirs=one.theirs,
            usual=one.usual.median if one.usual else None,
            usual_low=one.usual.low if one.usual else None,
            usual_high=one.usual.high if one.usual else None,
            pairs=one.usual.pairs if one.usual else None,
            seen=one.usual.seen if one.usual else None,
        )


def _for_the_rest(found: Explanation) -> str:
    rest = [one.what for one in found.unlike if one.usual is None or one.usual.either_way]
    return f", for {', '.join(rest)} and what nobody states" if rest else ", for what nobody states"


def _usually(usual: Usual | None) -> str:
    if usual is None:
        return "no evidence"
    factor = f"{units.ratio(usual.median)} [{units.digits(usual.low)}, {units.digits(usual.high)}]"
    told = f"{factor} either way" if usual.either_way else factor
    return f"{told}, {usual.pairs} pair{'s' * (usual.pairs != 1)}: {usual.seen}"
