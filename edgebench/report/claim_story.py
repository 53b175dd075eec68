"""The full story of a claim: what is printed, the arithmetic, the evidence, the verdict and what it stands on."""

from collections.abc import Iterator

from edgebench import units
from edgebench.judge.claims import Claim, Paper
from edgebench.judge.judgement import Finding, Inferred, Judged, Judgements
from edgebench.judge.limits import limits
from edgebench.judge.published import Answer
from edgebench.judge.relations import threshold
from edgebench.judge.verdict import Decision
from edgebench.report import _claim_words as words

_RELATIONS = {"equals": "equal to", "at_least": "at least", "at_most": "at most", "between": "between"}


def story(found: Judgements) -> Iterator[str]:
    """Yield all that is known of each of a few claims, and of their consequences, line by line."""
    for one in found.judged:
        yield from _claim_story(one, found.papers[one.paper])
        for inferred in found.inferred:
            if one.claim.id in inferred.claims:
                yield ""
                yield from _inferred_story(inferred)


def _claim_story(one: Judged, paper: Paper) -> Iterator[str]:
    claim = one.claim
    yield claim.id
    yield f"{claim.statement}{' (Ours: the paper does not say it.)' * claim.inferred}"
    yield ""
    yield f"Paper:      {paper.title}. {paper.cite}"
    yield f"Place:      {claim.place} (source: {claim.source}; {claim.confidence})"
    yield f"Printed:    {claim.printed}{f', that is {claim.value}' if claim.value else ''}; judged as {_judged_as(one)}"
    if claim.tolerance:
        yield f"Tolerance:  {claim.tolerance}. {claim.tolerance_reason}"
    if claim.where is not None:
        yield f"Where:      {claim.where.named}"
    counted_as = " ".join(claim.convention) or "our own"
    yield f"Compared:   {_compared(claim)}"
    if one.recounted is not None:
        yield f"Counted:    {one.recounted.arithmetic} = {words.like(claim, one.recounted)} (convention: {counted_as})"
    if one.counterpart is not None:
        value = words.quantity(claim, float(one.counterpart.value))
        yield f"Mult-adds:  {one.counterpart.arithmetic} = {value}"
    if one.expected is not None:
        yield f"Bound:      {words.expected(one.expected)}"
    yield f"Verdict:    {one.decision.text}. {one.decision.reason}"
    yield from (f"Otherwise:  {said}." for said in one.otherwise)
    if claim.note:
        yield f"Note:       {claim.note}"
    yield from (line for finding in one.findings for line in _finding_story(claim, finding))
    yield from (line for answer in one.boards for line in _answer_story(answer, "Published"))
    yield from (line for answer in one.boards_elsewhere for line in _answer_story(answer, "Elsewhere"))


def _judged_as(one: Judged) -> str:
    claim = one.claim
    ends = threshold(claim) if claim.measured else limits(claim)
    low, high = (None if end is None else units.digits(float(end)) for end in (ends.low, ends.high))
    return f"{_RELATIONS[claim.relation]} it ({' to '.join(filter(None, (low, high)))})"


def _compared(claim: Claim) -> str:
    sides = []
    for side in ("subject", "baseline"):
        times, model = getattr(claim, f"{side}_times"), getattr(claim, side)
        text = getattr(claim, f"{side}_figure") or model
        sides.append(f"{times} x {text}" if times > 1 else text)
    if claim.models:
        return f"{', '.join(claim.models)} over {claim.parameter}"
    if claim.part:
        return f"{', '.join(claim.part)} of {claim.subject}"
    return " / ".join(filter(None, sides))


def _finding_story(claim: Claim, finding: Finding) -> Iterator[str]:
    elsewhere = "Elsewhere: " if finding.elsewhere else "Measured:  "
    yield f"{elsewhere} {words.span(claim, finding)} in {finding.setting} ({finding.device}), {finding.run}"
    if finding.bound is not None:
        yield f"            the bound of this unit predicts {units.ratio(finding.bound)}"
    yield f"            {_decision(finding.decision)} Flags: {', '.join(finding.flags) or 'none'}."


def _decision(decision: Decision) -> str:
    more = (
        f" {decision.needed_invocations} invocations would probably decide it." if decision.needed_invocations else ""
    )
    return f"{decision.text}. {decision.reason}{more}"


def _inferred_story(one: Inferred) -> Iterator[str]:
    yield f"Consequence (ours, not the paper's): {words.inference(one)}."
    yield f"Mult-adds:  {one.subject} / {one.baseline} = {units.ratio(one.mult_adds_ratio)}"
    if one.expected is not None:
        yield f"Bound:      {words.expected(one.expected)}"
    yield f"Verdict:    {_decision(one.decision)}"
    for finding in one.findings:
        transfer = units.digits(finding.value / one.mult_adds_ratio)
        flags = ", ".join(finding.flags) or "none"
        bound = "" if finding.bound is None else f"; the bound predicts {units.ratio(finding.bound)}"
        yield f"Measured:   {words.setting_ratio(finding)}; transfer {transfer}{bound}; flags: {flags}"
    for answer in one.boards:
        yield from _answer_story(answer, "Published")


def _answer_story(answer: Answer, label: str) -> Iterator[str]:
    yield f"{f'{label}:':<11} {words.processor(answer)}: {answer.text}; median and range {words.medians(answer)}"
    rows = answer.rows
    yield f"            median of all {rows.rows} rows, of {rows.boards} boards: {units.ratio(rows.median)}"
    for reason, number in answer.unjudged:
        yield f"            {number} rows do not vote: {reason}"
    for vote in sorted(answer.votes, key=lambda vote: vote.ratio):
        yield f"              {units.ratio(vote.ratio):>7}  {vote.board}, {vote.runtime} ({vote.source})"
