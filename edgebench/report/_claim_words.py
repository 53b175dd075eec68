"""Claims in words: counts, measurements and boards as they stand in tables, stories and pages."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from edgebench import units
from edgebench.analysis import printed
from edgebench.judge.claims import Claim
from edgebench.judge.expectations import Expected, Span
from edgebench.judge.judgement import Finding, Inferred, Judged, Recounted
from edgebench.judge.limits import stated
from edgebench.judge.published import Answer
from edgebench.report.answer import interval

_MORE_DIGITS = 2  # of a count than of the figure beside it
_CELL = 12
_SIGNS = {"equals": "", "between": "", "at_least": ">= ", "at_most": "<= "}
_RATIOS = ("mult_adds_ratio", "params_ratio", "latency_ratio")

# --- one claim -------------------------------------------------------------------------------------------------------


def printed_cell(claim: Claim) -> str:
    """Return what is printed, in a narrow cell: of words that say no number, or many, the number that they mean."""
    if not claim.value or (len(claim.printed) <= _CELL and any(letter.isdigit() for letter in claim.printed)):
        return claim.printed
    return f"{_SIGNS[claim.relation]}{claim.value}"


def counted(one: Judged) -> str:
    """Return what counting gives for a claim, a dash where it is measured."""
    return "-" if one.recounted is None else like(one.claim, one.recounted)


def like(claim: Claim, found: Recounted) -> str:
    """Return a count in the unit of the claim, with two digits more than stand there; a whole number as it is."""
    said, value = stated(claim), in_unit(claim, found)
    whole = claim.kind == "absolute" and said.unit is None
    number = f"{value:,.0f}" if whole else f"{value:,.{said.decimals + _MORE_DIGITS}f}"
    return f"{number} {said.unit}" if said.unit else number


def in_unit(claim: Claim, found: Recounted) -> float:
    """Return a count in the unit of the claim."""
    unit = stated(claim).unit
    return float(found.value / (printed.parse(f"1 {unit}").value if unit else 1))


def quantity(claim: Claim, value: float) -> str:
    """Return a ratio, a share or an exponent with three digits."""
    if claim.kind in _RATIOS:
        return units.ratio(value)
    return f"{units.digits(100 * value)}%" if claim.kind == "share" else units.digits(value)


def span(claim: Claim, finding: Finding) -> str:
    """Return what was measured with its interval."""
    if finding.low is None or finding.high is None:
        return quantity(claim, finding.value)
    return f"{quantity(claim, finding.value)} [{quantity(claim, finding.low)}, {quantity(claim, finding.high)}]"


def measured(claim: Claim, finding: Finding) -> str:
    """Return what one setting says of a claim."""
    elsewhere = "elsewhere, " if finding.elsewhere else ""
    return f"{elsewhere}{finding.setting}: {span(claim, finding)} {finding.decision.text}"


# --- consequences and boards -----------------------------------------------------------------------------------------


def setting_ratio(finding: Finding) -> str:
    """Return what one setting says of a consequence."""
    return f"{finding.setting}: {_ratio(finding)} {finding.decision.text}"


def latencies(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the ratio of latencies that each setting measured, and where; its runs together."""
    found = list(findings)
    for setting, members in _by_setting(found, found):
        yield f"{_ratios([one for one, _ in members])} in {setting}"


def inference(one: Inferred) -> str:
    """Return a consequence as a statement."""
    faster = f"{one.baseline} is faster than {one.subject}"
    return faster if one.consequence == "faster" else f"{faster}, by 0.8 of the ratio of mult-adds or more"


def medians(answer: Answer) -> str:
    """Return the median ratio of boards and their range; where none votes, the median of all rows."""
    if answer.median is None:
        return f"{units.ratio(answer.rows.median)} of {plural(answer.rows.rows, 'row')}"
    return f"{units.ratio(answer.median)} ({units.digits(answer.low)}..{units.digits(answer.high)})"


def expected(found: Expected) -> str:
    """Return what the bound makes of a ratio beside what was measured, where the peak of published boards is known."""
    times = f"in {found.nearest} of {plural(found.settings, 'setting')}"
    return (
        f"{_span(found.bound)} predicted, {_span(found.measured)} measured on published boards of a known peak; of "
        f"mult-adds, direct convolution and the bound it came nearest {times}"
    )


def bound_cells(found: Expected) -> tuple[str, str]:
    """Return where a bound is known, and what it makes of a ratio: median and range."""
    return f"the bound, {plural(found.settings, 'published setting')}", _span(found.bound)


def holding(answer: Answer) -> str:
    """Return on how many boards it is as asked, in a cell."""
    return f"{answer.holding} of {answer.boards}" if answer.boards else "not judged"


def processor(answer: Answer) -> str:
    """Return what the boards of an answer computed on."""
    return answer.backend.upper() + (" integer" if answer.arithmetic == "integer" else "")


def by_pair(inferred: Iterable[Inferred]) -> Iterator[tuple[tuple[str, str], list[Inferred]]]:
    """Yield the consequences of each pair: faster, then proportional."""
    for key, members in groupby(inferred, key=lambda one: (one.subject, one.baseline)):
        yield key, list(members)


def evidence_cells(faster: Inferred, proportional: Inferred) -> Iterator[tuple[str, ...]]:
    """Yield where, the ratio of latencies, its transfer and both answers, for each setting and kind of board."""
    yield from measured_cells(faster, proportional)
    for answer, also in zip(faster.boards, proportional.boards, strict=True):
        yield f"published, {processor(answer)}", *board_cells(faster, answer, also)


def measured_cells(faster: Inferred, proportional: Inferred) -> Iterator[tuple[str, ...]]:
    """Yield where, the ratio of latencies, its transfer and both verdicts, for each setting that was measured.

    Of several runs of a setting: the median of their ratios within the ends of all their intervals, and how often each
    verdict came out.
    """
    for setting, members in _by_setting(faster.findings, proportional.findings):
        ratio = statistics.median(one.value for one, _ in members)
        yield (
            setting,
            _ratios([one for one, _ in members]),
            units.digits(ratio / faster.mult_adds_ratio),
            _tally(one.decision.text for one, _ in members),
            _tally(other.decision.text for _, other in members),
        )


def _by_setting(
    findings: Iterable[Finding], others: Iterable[Finding]
) -> Iterator[tuple[str, list[tuple[Finding, Finding]]]]:
    together: dict[str, list[tuple[Finding, Finding]]] = {}
    for pair in zip(findings, others, strict=True):
        together.setdefault(pair[0].setting, []).append(pair)
    yield from together.items()


def _ratios(findings: Sequence[Finding]) -> str:
    lows = [one.low for one in findings if one.low is not None]
    highs = [one.high for one in findings if one.high is not None]
    ratio = units.ratio(statistics.median(one.value for one in findings))
    ends = interval(min(lows), max(highs)) if lows and highs else ""
    return f"{ratio}{ends}{f' of {len(findings)} runs' * (len(findings) > 1)}"


def _tally(verdicts: Iterable[str]) -> str:
    """Return a verdict that all came to as it is, others with their numbers.

    >>> _tally(["HOLDS", "NOISY", "HOLDS"])
    'HOLDS 2, NOISY 1'
    """
    counts = Counter(verdicts)
    return next(iter(counts)) if len(counts) == 1 else ", ".join(f"{text} {n}" for text, n in counts.most_common())


def board_cells(faster: Inferred, answer: Answer, also: Answer) -> tuple[str, ...]:
    """Return the median ratio of latencies over boards, its transfer and both answers."""
    transfer = "-" if answer.median is None else units.digits(answer.median / faster.mult_adds_ratio)
    return medians(answer), transfer, holding(answer), holding(also)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "row"), plural(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _span(span: Span) -> str:
    return f"{units.ratio(span.median)} ({units.digits(span.low)}..{units.digits(span.high)})"


def _ratio(finding: Finding) -> str:
    return f"{units.ratio(finding.value)}{interval(finding.low, finding.high)}"
