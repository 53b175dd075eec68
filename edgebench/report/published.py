"""A page that sets published figures beside what counting gives for them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from edgebench.analysis import printed
from edgebench.analysis.discrepancies import Discrepancy, Found
from edgebench.analysis.printed import Comparison, Printed, Verdict
from edgebench.analysis.published import Outcome, Reproduction, Source, Status

Rows = Mapping[str, Sequence[Reproduction]]  # of each source by its name
Known = Sequence[tuple[Discrepancy, Sequence[Found]]]

_NUMBERS = ("rows", "as printed", "truncated", "differ", "no count", "left out")
_FIGURES = ("mult-adds", "parameters")
_COLUMNS = ("where", "network", "counted as", "mult-adds", "counted", "parameters", "counted", "verdict")
_MANY_TIMES = 10  # from here on a difference is said as a factor


def page(sources: Mapping[str, Source], rows: Rows, reasons: Mapping[str, str], discrepancies: Known) -> str:
    """Return the page as Markdown."""
    lines = [*_summary(sources, rows), *_discrepancies(discrepancies, sources, rows)]
    for name, source in sources.items():
        lines += _section(source, rows[name], reasons)
    return "\n".join(lines) + "\n"


def _summary(sources: Mapping[str, Source], rows: Rows) -> Iterator[str]:
    every = [one for each in rows.values() for one in each]
    numbers = Counter(one.status for one in every)
    yield from (
        "# Published figures, counted again",
        "",
        "`scripts/reproduce_published` makes this page from `edgebench/reference/figures`; nothing here is written by",
        "hand, and `edgebench count MODEL --convention WORD` gives each count.",
        "",
        f"{numbers[Status.REPRODUCED] + numbers[Status.DIFFERS]} rows print mult-adds or parameters of a network that "
        f"edgebench has. **{numbers[Status.REPRODUCED]} of them come out**",
        f"to their last printed digit, {numbers[Status.DIFFERS]} differ, each for the reason that is named. Of "
        f"{len(every)} rows in all, {numbers[Status.NO_COUNT]} print no count",
        f"(but accuracy, latency or size), and {numbers[Status.LEFT_OUT]} are left out, most of them because edgebench "
        "does not have the network.",
        "",
        "- **Verdicts.** *As printed*: the count, rounded to the printed digits, is the printed figure. *Truncated*:",
        "  it is when it is cut off there, and rounding would give another digit. Else: how far the count lies above",
        "  or below.",
        "- **Counted as**: edgebench's name of the network, and words of a [convention](counting.md). Without a word",
        "  mult-adds are those of convolutions and fully connected layers, and parameters are weights.",
        "- **Figures** are as printed. `15300 M to 3 digits`: its zeros are rounding. `Ki`: 1024. Rows that print the",
        "  same of the same network share a line (x2).",
        "- **How sure** it is that a source prints a row: *read* there; *recounted*: quoted without the source at",
        "  hand, but confirmed by counting; *recalled*: quoted without it, and unconfirmed.",
        "",
    )
    lines = [(f"[{source.title}](#{_anchor(source.title)})", *_numbers(rows[name])) for name, source in sources.items()]
    yield from _table(("source", *_NUMBERS), [*lines, ("all", *_numbers(every))], right=_NUMBERS)


def _numbers(rows: Sequence[Reproduction]) -> tuple[str, ...]:
    statuses = Counter(one.status for one in rows)
    truncated = sum(one.status is Status.REPRODUCED and _is_truncated(one) for one in rows)
    as_printed = statuses[Status.REPRODUCED] - truncated
    others = (statuses[status] for status in (Status.DIFFERS, Status.NO_COUNT, Status.LEFT_OUT))
    return tuple(str(number) for number in (len(rows), as_printed, truncated, *others))


def _is_truncated(one: Reproduction) -> bool:
    return any(outcome.comparison.verdict is Verdict.TRUNCATED for outcome in one.outcomes)


# --- discrepancies ---------------------------------------------------------------------------------------------------


def _discrepancies(known: Known, sources: Mapping[str, Source], rows: Rows) -> Iterator[str]:
    by_name = {f"{one.row.source}/{one.row.id}": one for each in rows.values() for one in each}
    yield from ("", "## Misprints, contradictions and open questions", "")
    for number, (one, quantities) in enumerate(known, start=1):
        yield f"{number}. **{one.title}.** {one.explanation}"
        for found in quantities:
            counted = printed.like(found.printed, found.counted)
            yield f"    - {found.quantity.what}: {_said(found.printed, counted, found.comparison)}"
        for name in one.rows:
            reproduced = by_name[name]
            yield from (f"    - {said}" for said in _row_said(sources[reproduced.row.source].title, reproduced))


def _row_said(source: str, one: Reproduction) -> Iterator[str]:
    where = f"{source}, {one.row.table}, {_network(one)}"
    if not one.outcomes:
        figures = [text for text in (one.row.printed_mult_adds, one.row.printed_params) if text]
        yield f"{where}: printed {' and '.join(figures)}, not counted"
    for name, outcome in zip(_FIGURES, (one.mult_adds, one.params), strict=True):
        if outcome is not None:
            yield f"{where}, {name}: {_said(outcome.figure.printed, _counted(outcome), outcome.comparison)}"


def _said(text: Printed, counted: str, comparison: Comparison) -> str:
    return f"printed {text.text}, counted {counted}: {_verdict(comparison)}"


# --- sources ---------------------------------------------------------------------------------------------------------


def _section(source: Source, rows: Sequence[Reproduction], reasons: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"## {source.title}", "", source.cite)
    if source.note:
        yield from ("", source.note)
    confidences = Counter(one.row.confidence.value for one in rows)
    yield from ("", f"Rows: {', '.join(f'{number} {name}' for name, number in confidences.items())}.")
    counted = [one for one in rows if one.outcomes]
    if counted:
        used = dict.fromkeys(outcome.figure.reason for one in counted for outcome in one.outcomes)
        numbers = {name: number for number, name in enumerate(filter(None, used), start=1)}
        yield ""
        yield from _table(_COLUMNS, list(_lines(counted, numbers)), right=(*_FIGURES, "counted"))
        if numbers:
            yield ""
        yield from (f"- ({number}) {reasons[name]}" for name, number in numbers.items())
    uncounted = list(_uncounted(rows, reasons))
    if uncounted:
        yield from ("", *uncounted)


def _lines(rows: Iterable[Reproduction], numbers: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    for cells, times in Counter(_line(one, numbers) for one in rows).items():
        where, network, *rest = cells
        yield where, f"{network} (x{times})" if times > 1 else network, *rest


def _line(one: Reproduction, numbers: Mapping[str, int]) -> tuple[str, ...]:
    cells = [one.row.table, _network(one), _counted_as(one)]
    for outcome in (one.mult_adds, one.params):
        cells += ["", ""] if outcome is None else [outcome.figure.printed.text, _counted(outcome)]
    return *cells, _verdicts(one, numbers)


def _network(one: Reproduction) -> str:
    row = one.row
    side = row.resolution if row.resolution not in row.variant.split() else ""
    return " ".join(part for part in (row.network, row.variant, side) if part)


def _counted(outcome: Outcome) -> str:
    return printed.like(outcome.figure.printed, outcome.counted)


def _counted_as(one: Reproduction) -> str:
    figures = [outcome.figure for outcome in one.outcomes]
    models = " and ".join(f"`{model}`" for model in dict.fromkeys(figure.model for figure in figures))
    layers = " and ".join(dict.fromkeys(name for figure in figures for name in figure.layers))
    return "; ".join(filter(None, (models, layers, *_words(one))))


def _words(one: Reproduction) -> Iterator[str]:
    """Yield the words of the conventions of both figures, or those of each where they are not the same."""
    said = [" ".join(outcome.figure.convention) if outcome else "" for outcome in (one.mult_adds, one.params)]
    if said[0] == said[1] or len(one.outcomes) == 1:
        yield said[0] or said[1]
        return
    yield from (f"{name} {words}" for name, words in zip(_FIGURES, said, strict=True) if words)


def _verdicts(one: Reproduction, numbers: Mapping[str, int]) -> str:
    verdicts = []
    for name, outcome in zip(_FIGURES, (one.mult_adds, one.params), strict=True):
        if outcome is not None and outcome.comparison.verdict is not Verdict.AS_PRINTED:
            number = numbers.get(outcome.figure.reason)
            verdicts.append(f"{name} {_verdict(outcome.comparison)}{f' ({number})' if number else ''}")
    return "; ".join(verdicts) or Verdict.AS_PRINTED.value


def _verdict(comparison: Comparison) -> str:
    if comparison.verdict is not Verdict.DIFFERS or comparison.difference is None:
        return comparison.verdict.value
    if comparison.difference >= _MANY_TIMES - 1:
        return f"{comparison.difference + 1:.0f} times as much"
    percent = 100 * abs(comparison.difference)
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} % {'above' if comparison.difference > 0 else 'below'}"


def _uncounted(rows: Sequence[Reproduction], reasons: Mapping[str, str]) -> Iterator[str]:
    silent = Counter(one.row.network for one in rows if one.status is Status.NO_COUNT)
    if silent:
        yield f"- No count is printed of {_listed(silent)}."
    others = {one.row.network for one in rows if not one.row.left_out}
    left_out = sorted((one for one in rows if one.row.left_out), key=lambda one: one.row.left_out)
    for reason, group in groupby(left_out, key=lambda one: one.row.left_out):
        names = Counter(_network(one) if one.row.network in others else one.row.network for one in group)
        yield f"- Left out: {_listed(names)}. {reasons[reason]}"


def _listed(names: Counter[str]) -> str:
    return ", ".join(f"{name} (x{times})" if times > 1 else name for name, times in names.items())


# --- Markdown --------------------------------------------------------------------------------------------------------


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---:' if column in right else '---' for column in columns)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _anchor(title: str) -> str:
    """Return where a heading is linked to.

    >>> _anchor("MobileNetV1, the paper")
    'mobilenetv1-the-paper'
    """
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")
