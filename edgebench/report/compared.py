"""A comparison of runs in words, as a table for a terminal, and as Markdown for a pull request."""

import math
from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from edgebench import units
from edgebench.judge.compare import ComparedRow, Outcome, tells, unjudged
from edgebench.judge.context import Difference
from edgebench.report.answer import interval
from edgebench.report.markdown import literal, table_lines
from edgebench.report.terminal import add_row, plain_table
from edgebench.untrusted import plain

_NAME = 60
_VALUE = 60
_REASON = 500
_MOST_ROWS = 60
"""Rows of a summary in a pull request; those that say nothing are left out first."""

_ORDER = (
    Outcome.SLOWER,
    Outcome.LOST,
    Outcome.MISSING,
    Outcome.INVALID,
    Outcome.NOISY,
    Outcome.OPEN,
    Outcome.FASTER,
    Outcome.NEW,
    Outcome.WAS_LOST,
    Outcome.NOT_MEASURED,
    Outcome.LEVEL,
)
_PARTS = ("model", "backend", "precision", "threads", "batch")
"""Of the name of a trial, between bars."""

_INTERVALS = "its 95 % interval, below that the one that decided, where it is another"

_COLUMNS = ("trial", "before", "after", "ratio", "machine", "outcome")
_COLUMNS_BY = ("trial", "against", "baseline", "this", "ratio", "outcome")


def sentences(rows: Sequence[ComparedRow], fail_above: float | None, *, fail_noisy: bool = False) -> Iterator[str]:
    """Yield the answer first: what became slower and whether the gate says no, then what became faster or was lost.

    `fail_noisy`: the gate says no to what could not be judged, too.
    """
    counts = [(outcome, [row for row in rows if row.outcome == outcome]) for outcome in _ORDER]
    told = ", ".join(f"{len(found)} {outcome}" for outcome, found in counts if found)
    yield f"{len(rows)} compared: {told}."
    if fail_above is not None:
        yield _gate(rows, fail_above, fail_noisy=fail_noisy)
        yield from _passed(rows, fail_above)
        yield from _sees(rows, fail_above)
    for outcome, found in counts:
        if outcome in (Outcome.NOISY, Outcome.INVALID, Outcome.LOST) and found:
            first = "" if len({row.reason for row in found}) == 1 else "The first: "
            yield f"{outcome.capitalize()}: {name(found[0])}{_more(found)}. {first}{plain(found[0].reason)}"


def _sees(rows: Iterable[ComparedRow], fail_above: float) -> Iterator[str]:
    """Yield which slowdown would have been told apart, of the row that tells the smallest one and of the other end."""
    told = [(row.slower_from, row.fails_from, name(row)) for row in rows if row.slower_from and row.fails_from]
    if not told:
        return
    (least, least_failing, first), (most, most_failing, last) = min(told), max(told)
    several = _per_cent(least) != _per_cent(most)
    said = f"{_per_cent(least)} ({first}) to {_per_cent(most)} ({last})" if several else _per_cent(least)
    failing = f"{_per_cent(least_failing)} to {_per_cent(most_failing)}" if several else _per_cent(least_failing)
    gate = f"; to fail the gate, {failing}" if fail_above else ""
    yield f"The smallest slowdown that would have been told apart: {said}{gate}."


def _per_cent(ratio: float) -> str:
    """Return by how much a ratio lies above 1, a tenth of a per cent rounded up: that much is told for sure.

    >>> _per_cent(1.1485), _per_cent(1.01)
    ('14.9 %', '1 %')
    """
    return f"{math.ceil(1000 * (ratio - 1) - 1e-6) / 10:g} %"


def _gate(rows: Sequence[ComparedRow], fail_above: float, *, fail_noisy: bool) -> str:
    """Return whether the gate says no or yes, or cannot tell as nothing could be judged."""
    failing = [row for row in rows if row.fails]
    limit = f"by more than {100 * fail_above:g} %" if fail_above else "at all"
    if failing:
        said = "; ".join(f"{name(row)} {units.digits(row.ratio)}x" for row in failing[:5])
        return f"The gate says no: slower {limit}: {said}{'; ...' if len(failing) > 5 else ''}."
    open_rows = unjudged(rows)
    not_judged = f"{open_rows} of {len(rows)} could not be judged" if open_rows else "no trial is on both sides"
    if fail_noisy and (open_rows or not tells(rows)):
        return f"The gate says no, as --fail-noisy asks: {not_judged}."
    if not tells(rows):
        return f"The gate cannot tell: {not_judged}."
    if open_rows:
        some = f"nothing of what could be judged is told to be slower {limit}"
        return f"The gate says yes: {some}; {open_rows} of {len(rows)} could not be."
    return f"The gate says yes: nothing is told to be slower {limit}."


def _passed(rows: Sequence[ComparedRow], fail_above: float) -> Iterator[str]:
    """Yield why a gate lets pass what is slower by more than it allows, as far as its ratio alone goes."""
    found = [
        row for row in rows if row.outcome == Outcome.SLOWER and not row.fails and (row.ratio or 0) > 1 + fail_above
    ]
    if found:
        first = f"{name(found[0])} {units.digits(found[0].ratio)}x{_more(found)}"
        limit = f"by more than {100 * fail_above:g} %"
        yield f"Slower, but not told to be so {limit}: {first}. {plain(found[0].reason, _REASON)}"


def _more(found: Sequence[ComparedRow]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def table(rows: Iterable[ComparedRow], *, by: str | None) -> Table:
    """Return a table of all rows, the gravest first; `by`: the trials of one run, else two runs."""
    if by is None:
        made = plain_table(_title(by), "trial", "before>", "after>", "ratio>", "machine>", "outcome")
        for row in _ordered(rows):
            add_row(made, name(row), *_cells(row), row.outcome)
        return made
    made = plain_table(_title(by), "trial", "against", "baseline>", "this>", "ratio>", "outcome")
    for row in _ordered(rows):
        baseline, this, ratio, _ = _cells(row)
        add_row(made, _name_by(row, by), _against(row, by), baseline, this, ratio, row.outcome)
    return made


def changes(differences: Sequence[Difference], rows: Iterable[ComparedRow]) -> Table | None:
    """Return a table of what else changed between two runs; None when nothing did."""
    own = [(name(row), row.changed) for row in rows if row.changed]
    if not differences and not own:
        return None
    made = plain_table("What else changed", "what", "before", "after")
    for one in differences:
        add_row(made, plain(one.what, _VALUE), plain(one.before, _VALUE), plain(one.after, _VALUE))
    for trial, said in own:
        add_row(made, trial, plain(said), "")
    return made


def markdown(
    rows: Sequence[ComparedRow],
    differences: Sequence[Difference],
    notes: Sequence[str],
    fail_above: float | None,
    *,
    fail_noisy: bool = False,
    by: str | None = None,
) -> Iterator[str]:
    """Yield a summary that fits a pull request: the answer, the rows that say something, and what else changed.

    `by`: the trials of one run, each against a baseline, else two runs.
    """
    yield "### edgebench compare"
    yield ""
    yield from (literal(sentence, 1000) for sentence in sentences(rows, fail_above, fail_noisy=fail_noisy))
    yield ""
    ordered = _ordered(rows)
    shown = ordered[:_MOST_ROWS]
    columns = _COLUMNS if by is None else _COLUMNS_BY
    right = set(columns) - {"trial", "against", "outcome"}
    yield from table_lines(columns, [_markdown_row(row, by) for row in shown], right=right)
    if len(ordered) > len(shown):
        yield ""
        yield f"{len(ordered) - len(shown)} more rows are not shown; the first are those that say most."
    if differences:
        yield from ("", "What else changed:", "")
        cells = [
            tuple(literal(part, _VALUE) for part in (found.what, found.before, found.after)) for found in differences
        ]
        yield from table_lines(("what", "before", "after"), cells)
    yield ""
    yield from (f"- {literal(note, 1000).replace('&#96;', '`')}" for note in notes)


def name(row: ComparedRow) -> str:
    """Return what a person calls the trial of a row, in one line.

    Threads and batch are named where there are several.
    """
    words = [plain(row.model, _NAME), plain(row.backend, _NAME), row.precision]
    words += [f"x{row.threads}"] if row.threads > 1 else []
    words += [f"batch {row.batch}"] if row.batch > 1 else []
    return " ".join(words)


def _title(by: str | None) -> str:
    if by is None:
        return f"After against before: ratio with {_INTERVALS}; machine: its own change, taken out"
    return f"By {by}: each against the quickest or the baseline; ratio with {_INTERVALS}"


def _against(row: ComparedRow, by: str) -> str:
    """Return what the baseline has in the one thing in which it differs."""
    parts = (row.before or "").rsplit("|", len(_PARTS) - 1)
    return plain(parts[_PARTS.index(by)], _NAME) if by in _PARTS and len(parts) == len(_PARTS) else "-"


def _name_by(row: ComparedRow, by: str) -> str:
    return f"{name(row)} on {plain(row.unit, _NAME)}" if by == "device" else name(row)


def _ordered(rows: Iterable[ComparedRow]) -> list[ComparedRow]:
    return sorted(rows, key=lambda row: (not row.fails, _ORDER.index(Outcome(row.outcome)), -(row.ratio or 0.0)))


def _cells(row: ComparedRow, before_decided: str = "") -> tuple[str, str, str, str]:
    decided = _decided(row)
    lines = (
        units.ratio(row.ratio),
        interval(row.low, row.high).strip(),
        f"{before_decided}{decided}" if decided else "",
        "(CPU time)" if row.decided_on == "cpu time" else "",
    )
    return (
        units.seconds(row.latency_before_s),
        units.seconds(row.latency_after_s),
        "-" if row.ratio is None else "\n".join(line for line in lines if line),
        units.ratio(row.machine_ratio),
    )


def _decided(row: ComparedRow) -> str:
    """Return the interval that decided, where that is not the row's own."""
    decided = _bounds(row.decided_low, row.decided_high)
    return "" if decided == _bounds(row.low, row.high) else decided


def _bounds(low: float | None, high: float | None) -> str:
    """Return an interval with the digits that its reason has: one that ends at 1.002 excludes 1."""
    return "" if low is None or high is None else f"[{low:.4g}, {high:.4g}]"


def _markdown_row(row: ComparedRow, by: str | None) -> tuple[str, ...]:
    before, after, ratio, machine = (cell.replace("\n", " ") for cell in _cells(row, "decided on "))
    word = f"**{row.outcome}**" if row.fails else row.outcome
    if by is None:
        return literal(name(row)), before, after, ratio, machine, word
    return literal(_name_by(row, by)), literal(_against(row, by)), before, after, ratio, word
