"""Claims as tables for a terminal: what is printed, counted, measured and published, and what follows from it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.table import Table

from edgebench import units
from edgebench.judge.judgement import Inferred, Judged, Judgements
from edgebench.judge.published import Answer
from edgebench.judge.verdict import Verdict
from edgebench.report import _claim_words as words
from edgebench.report.terminal import add_row, plain_table

_OURS = "*"


def summary(found: Judgements) -> Iterator[str]:
    """Yield what came out, in sentences: the widest pair on boards and in runs, and how many claims hold."""
    pairs = [both for _, both in words.by_pair(found.inferred)]
    yield from _published([both for both in pairs if any(answer.boards for answer in both[0].boards)])
    yield from _measured([both for both in pairs if both[0].findings])
    counts = Counter(one.decision.verdict for one in found.judged if one.decision.headline)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    rest = len(found.judged) - counts.total()
    said += f"; {rest} decided on CPU time, which is not latency" if rest else ""
    papers = {one.paper for one in found.judged}
    yield f"{words.plural(len(found.judged), 'claim')} in {words.plural(len(papers), 'file')}: {said}."


def _measured(pairs: Sequence[Sequence[Inferred]]) -> Iterator[str]:
    """Yield what runs say of all pairs, and of that which is widest apart in mult-adds."""
    if not pairs:
        return
    yield from (_verdicts([both[number] for both in pairs]) for number in range(len(pairs[0])))
    faster = max((both[0] for both in pairs), key=lambda one: one.mult_adds_ratio)
    ratios = list(words.latencies(finding for finding in faster.findings if finding.decision.headline))
    if ratios:
        yield f"{_apart(faster)}; measured it takes {', '.join(ratios)} the time."


def _verdicts(inferred: Sequence[Inferred]) -> str:
    """Return how often one consequence holds, over all pairs and settings."""
    counts = Counter(
        finding.decision.verdict for one in inferred for finding in one.findings if finding.decision.headline
    )
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    pairs = words.plural(len(inferred), "pair")
    return f"Measured, {pairs} of networks, {inferred[0].consequence}: {said or 'no verdict'}."


def _published(pairs: Sequence[Sequence[Inferred]]) -> Iterator[str]:
    """Yield what boards say of the pair that is widest apart in mult-adds."""
    if not pairs:
        return
    faster, proportional = max(pairs, key=lambda both: both[0].mult_adds_ratio)
    said = [
        _on_boards(faster, *both) for both in zip(faster.boards, proportional.boards, strict=True) if both[0].boards
    ]
    yield f"{_apart(faster)}; on boards it takes {'; '.join(said)}."


def _on_boards(faster: Inferred, answer: Answer, also: Answer) -> str:
    assert answer.median is not None
    boards = f"{answer.backend.upper()}s{' in integers' if answer.arithmetic == 'integer' else ''}"
    transfer = units.digits(answer.median / faster.mult_adds_ratio)
    return (
        f"{words.medians(answer)} the time on {boards}, a transfer of {transfer} (more time on {answer.text}, 0.8 of "
        f"the ratio of mult-adds or more on {also.holding})"
    )


def _apart(one: Inferred) -> str:
    return f"{one.subject} has {units.ratio(one.mult_adds_ratio)} the mult-adds of {one.baseline}"


def told(found: Judgements) -> Iterator[str]:
    """Yield the printed figures that a slip of the pen or another convention explains, a sentence each."""
    for one in found.judged:
        compared = one.recounted or one.counterpart
        if one.otherwise and compared is not None and one.decision.verdict is not Verdict.HOLDS:
            how = "counted" if one.recounted is not None else "in mult-adds"
            counted = words.like(one.claim, compared)
            yield f"{one.claim.id}: printed {one.claim.printed}, {how} {counted}; {'; '.join(one.otherwise)}."


def claims_table(found: Judgements) -> Table:
    """Return a table of the claims, paper by paper: printed, counted, measured, published boards, verdict."""
    table = plain_table(
        "What the papers claim; of runs and boards the ratio and its range", "claim", "printed!", "counted>", "verdict!"
    )
    for paper, members in groupby(found.judged, key=lambda one: one.paper):
        add_row(table, paper)
        for one in members:
            name = f"  {one.claim.id}{_OURS * one.claim.inferred}"
            add_row(table, name, words.printed_cell(one.claim), words.counted(one), one.decision.text)
            for label, text, verdict in _below(one):
                value, _, bounds = text.partition(" ")
                add_row(table, f"    {label}", value, bounds.strip("()"), verdict)
        table.add_section()
    if any(one.claim.inferred for one in found.judged):
        table.caption = f"{_OURS} ours: a reader concludes it, and the paper does not say it"
        table.caption_justify = "left"
    return table


def consequences_table(found: Judgements) -> Table | None:
    """Return a table of what a reader infers from the mult-adds; None where no pair has any evidence."""
    known = [both for _, both in words.by_pair(found.inferred) if both[0].findings or both[0].boards]
    if not known:
        return None
    table = plain_table(
        "What a reader infers, and no paper says: more mult-adds, hence slower, hence as much slower (0.8 of it)",
        "pair, where",
        "mult-adds, time>",
        "transfer>",
        "faster!",
        "proportional!",
    )
    for faster, proportional in known:
        pair = f"{faster.subject} /\n{faster.baseline}"
        add_row(table, pair, units.ratio(faster.mult_adds_ratio), "", "", "")
        if faster.expected is not None:
            where, ratio = words.bound_cells(faster.expected)
            value, _, bounds = ratio.partition(" ")
            add_row(table, f"  {where}", f"{value}\n{bounds.strip('()')}", "", "", "")
        for where, ratio, *cells in words.evidence_cells(faster, proportional):
            value, _, bounds = ratio.partition(" ")
            add_row(table, f"  {where}", f"{value}\n{bounds.strip('()')}", *cells)
        table.add_section()
    return table


def further(found: Judgements) -> Iterator[str]:
    """Yield what the tables leave out, and where it is told."""
    silent = sum(not (both[0].findings or both[0].boards) for _, both in words.by_pair(found.inferred))
    if silent:
        pairs = words.plural(silent, "more pair")
        yield f"Of {pairs}, far enough apart in mult-adds, nothing is known: --measure finds out."
    left_out = len(list(found.left_out()))
    if left_out:
        yield f"Left out, with the reason in --json and --markdown: {words.plural(left_out, 'claim')}."
    yield "What explains latency: --explain-latency. The front of accuracy against it: --front. All of it: --markdown."


def _below(one: Judged) -> Iterator[tuple[str, str, str]]:
    """Yield what stands below a claim on latency: mult-adds for comparison, each setting, each kind of board."""
    claim = one.claim
    if one.counterpart is not None:
        yield "in mult-adds", words.quantity(claim, float(one.counterpart.value)), ""
    for finding in one.findings:
        where = f"elsewhere, {finding.setting}" if finding.elsewhere else finding.setting
        yield where, words.span(claim, finding), finding.decision.text
    for answers, label in ((one.boards, "published"), (one.boards_elsewhere, "elsewhere")):
        for answer in answers:
            yield f"{label}, {words.processor(answer)}", words.medians(answer), words.holding(answer)
