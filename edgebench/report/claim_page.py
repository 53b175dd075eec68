"""Claims as a page of Markdown: what is most telling first, and a footnote with the source of each claim."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from edgebench import units
from edgebench.judge.claims import LeftOut
from edgebench.judge.explaining import Explained
from edgebench.judge.fronts import Front
from edgebench.judge.judgement import Inferred, Judged, Judgements
from edgebench.judge.published import Answer
from edgebench.judge.verdict import Verdict
from edgebench.report import _claim_words as words
from edgebench.report import explained as explained_report
from edgebench.report import fronts as front_report
from edgebench.report.claims import summary
from edgebench.report.markdown import literal, table_lines

_INTRODUCTION = (
    "Papers sell efficient networks by mult-adds. This page holds what they print against counting, against this",
    "program's own runs and against what others published of real boards.",
    "",
    "- **A claim is judged on what it says**: a count under the convention it is printed with, a latency on the class",
    "  of devices that the paper names. Measured elsewhere, a figure is shown, and nothing is said against the paper.",
    "- **What a reader infers from mult-adds is ours**, and no paper's claim: fewer mult-adds, hence *faster*; as many",
    "  times faster, hence *proportional* (a speed-up of 0.8 times the ratio of mult-adds or more).",
    "- **Transfer** is the ratio of latencies over that of mult-adds: 1 where time follows the count.",
    "- **Of 3 runs** stands behind the median of their ratios; its interval reaches over all of theirs.",
    "- **Published measurements** have no interval. They answer by k of n boards, a board with one runtime being one",
    "  of them, and are never a verdict.",
)

_MEASURED = ("pair", "mult-adds", "where", "latency", "transfer", "faster", "proportional")
_PUBLISHED = ("pair", "mult-adds", "latency, median (range)", "transfer", "faster", "proportional")
_COUNTS = ("claim", "printed", "counted", "verdict")
_TIMES = ("claim", "printed", "in mult-adds", "measured", "boards of its class", "elsewhere", "verdict")


def page(
    found: Judgements, explained: Sequence[Explained] = (), fronts: Sequence[Front] = (), made: str = ""
) -> Iterator[str]:
    """Yield the page line by line; `made` says how, when and from what it was made."""
    yield from ("# What the papers claim and what boards do", "")
    yield from (made, "") if made else ()
    yield from (*_INTRODUCTION, "", "## In short", "")
    sentences = (*summary(found), *explained_report.summary(explained), *front_report.summary(fronts))
    yield from (f"- {sentence}" for sentence in sentences)
    yield ""
    yield from _machines(found)
    yield from _transfer(found.inferred)
    yield from _what_differs(found)
    yield from _papers(found)
    if explained:
        yield from ("## What explains latency", "", explained_report.MEANING, "")
        yield from explained_report.markdown(explained)
    if fronts:
        yield from ("## Accuracy against latency", "", front_report.MEANING, "")
        yield from front_report.markdown(fronts)
    yield from _left_out(found)
    yield from (_footnote(one) for one in found.judged)


# --- machines --------------------------------------------------------------------------------------------------------


def _machines(found: Judgements) -> Iterator[str]:
    """Yield a line a machine that this program measured on."""
    if not found.machines:
        return
    yield from ("## Measured on", "")
    for one in found.machines:
        runs = f"{words.plural(one.runs, 'run')} of {', '.join(one.days)}"
        yield f"- **{literal(one.unit)}**: {literal(one.description)}; {runs}; {literal(', '.join(one.versions), 1000)}"
    yield ""


# --- transfer --------------------------------------------------------------------------------------------------------


def _transfer(inferred: Iterable[Inferred]) -> Iterator[str]:
    """Yield what became of mult-adds in time: a table of runs, then one a kind of processor, widest pairs first."""
    pairs = sorted((both for _, both in words.by_pair(inferred)), key=lambda both: -both[0].mult_adds_ratio)
    measured = [_cells(both, cells) for both in pairs for cells in words.measured_cells(*both)]
    published = [(answer, both, also) for both in pairs for answer, also in _answers(both)]
    if not (measured or published):
        return
    yield from ("## Transfer: what mult-adds become in time", "")
    if measured:
        yield from ("### Measured", "", *table_lines(_MEASURED, measured, right=_MEASURED[1:2]), "")
    kinds = sorted({(answer.backend, answer.arithmetic) for answer, _, _ in published})
    for kind in kinds:
        lines = [
            _cells(both, words.board_cells(both[0], answer, also))
            for answer, both, also in published
            if (answer.backend, answer.arithmetic) == kind
        ]
        yield from (f"### Published: {explained_report.processor(*kind)}", "")
        yield from table_lines(_PUBLISHED, lines, right=_PUBLISHED[1:])
        yield ""


def _answers(both: Sequence[Inferred]) -> Iterator[tuple[Answer, Answer]]:
    """Yield the answers on both consequences where a board votes."""
    for faster, proportional in zip(both[0].boards, both[1].boards, strict=True):
        if faster.boards:
            yield faster, proportional


def _cells(both: Sequence[Inferred], cells: Sequence[str]) -> tuple[str, ...]:
    pair = f"`{both[0].subject}` / `{both[0].baseline}`"
    return pair, units.ratio(both[0].mult_adds_ratio), *cells


# --- what does not come out ------------------------------------------------------------------------------------------


def _what_differs(found: Judgements) -> Iterator[str]:
    """Yield what does not come out: what a slip or another convention explains, the rest, what is open."""
    ordered = [one for _, members in _by_paper(found) for one in members]
    explained = [one for one in ordered if one.otherwise and one.decision.verdict is not Verdict.HOLDS]
    others = [one for one in ordered if one.recounted is not None and one not in explained]
    for title, members in (
        ("Misprints and mixed conventions", explained),
        ("What else does not come out", [one for one in others if one.decision.verdict is Verdict.DOES_NOT_HOLD]),
        (
            "Open: quoted without the source at hand",
            [one for one in others if one.decision.verdict is Verdict.INCONCLUSIVE],
        ),
    ):
        if members:
            yield from (f"## {title}", "", *_differences(members, found), "")


def _differences(members: Iterable[Judged], found: Judgements) -> Iterator[str]:
    """Yield a bullet for each claim; those that one sentence of a paper makes of several networks share it."""
    for _, group in groupby(members, key=_sentence):
        first, *rest = group
        yield _difference(first, found)
        yield from (f"    - {_statement(one)} {_compared(one)}" for one in rest)


def _sentence(one: Judged) -> tuple[str, ...]:
    claim = one.claim
    return one.paper, claim.place, claim.kind, claim.quantity or "", claim.printed, claim.subject


def _difference(one: Judged, found: Judgements) -> str:
    claim = one.claim
    title = found.papers[one.paper].title.partition(":")[0]
    said = [f"{_statement(one)} ({title}, {claim.place})"]
    said += [f"Printed: **{claim.printed}**.", _compared(one)]
    said += [f"{how[0].upper()}{how[1:]}." for how in one.otherwise]
    said += [claim.note, f"{one.decision.text}." if one.recounted is None else ""]
    return f"- {' '.join(filter(None, said))}"


def _compared(one: Judged) -> str:
    compared = one.recounted or one.counterpart
    if compared is None:
        return ""
    kind = "Counted" if one.recounted is not None else "In mult-adds"
    return f"{kind}: **{words.like(one.claim, compared)}** ({compared.arithmetic})."


def _by_paper(found: Judgements) -> list[tuple[str, list[Judged]]]:
    """Return the claims of each paper, that with most of them first."""
    groups = [(paper, list(members)) for paper, members in groupby(found.judged, key=lambda one: one.paper)]
    return sorted(groups, key=lambda group: (-len(group[1]), group[0]))


# --- paper by paper --------------------------------------------------------------------------------------------------


def _papers(found: Judgements) -> Iterator[str]:
    """Yield the claims of each paper: what is counted, then what is measured."""
    yield from ("## Claim by claim", "")
    for paper, members in _by_paper(found):
        yield from (f"### {found.papers[paper].title}", "", found.papers[paper].cite, "")
        counted = [_count(one) for one in members if not one.claim.measured]
        timed = [_time(one) for one in members if one.claim.measured]
        if counted:
            yield from (*table_lines(_COUNTS, counted, right=_COUNTS[1:3]), "")
        if timed:
            yield from (*table_lines(_TIMES, timed, right=_TIMES[1:3]), "")


def _count(one: Judged) -> tuple[str, ...]:
    return _statement(one), one.claim.printed, words.counted(one), _verdict(one)


def _time(one: Judged) -> tuple[str, ...]:
    claim = one.claim
    counted = "" if one.counterpart is None else words.quantity(claim, float(one.counterpart.value))
    own = [words.measured(claim, finding) for finding in one.findings]
    return (
        _statement(one),
        claim.printed,
        counted,
        "; ".join(own),
        "; ".join(map(_boards, one.boards)),
        "; ".join(map(_boards, one.boards_elsewhere)),
        _verdict(one),
    )


def _verdict(one: Judged) -> str:
    against = one.decision.verdict is Verdict.DOES_NOT_HOLD
    return f"**{one.decision.text}**" if against else one.decision.text


def _boards(answer: Answer) -> str:
    return f"{words.processor(answer)} {words.holding(answer)}, {words.medians(answer)}"


def _statement(one: Judged) -> str:
    ours = "*Ours:* " if one.claim.inferred else ""
    return f"{ours}{one.claim.statement}[^{one.claim.id}]"


def _footnote(one: Judged) -> str:
    claim = one.claim
    where = f" On: {claim.where.named}." if claim.where is not None else ""
    convention = f" Counted {' '.join(claim.convention)}." if claim.convention else ""
    tolerance = f" Tolerance {claim.tolerance}: {claim.tolerance_reason}" if claim.tolerance else ""
    source = f"{claim.source} ({claim.confidence})."
    return f"[^{claim.id}]: `{claim.id}`: {source}{where}{convention}{tolerance}"


# --- left out --------------------------------------------------------------------------------------------------------


def _left_out(found: Judgements) -> Iterator[str]:
    groups = groupby(found.left_out(), key=lambda one: one[0])
    lines = [line for paper, members in groups for line in _left_out_of(found.papers[paper].title, members)]
    if lines:
        yield from ("## Left out, and why", "", *lines, "")


def _left_out_of(title: str, members: Iterable[tuple[str, LeftOut]]) -> Iterator[str]:
    yield f"- *{title}*"
    for _, one in members:
        yield f"    - {one.statement} (printed: {one.printed}; {one.source}) {one.reason}"
