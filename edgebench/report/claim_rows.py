"""Claims as rows of CSV and as a document of JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edgebench.judge.judgement import Finding, Inferred, Judged, Judgements, Recounted
from edgebench.judge.limits import limits
from edgebench.judge.published import Answer
from edgebench.report import _claim_words as words

_INFERRED = ("consequence", "subject", "baseline", "mult_adds_ratio", "claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One claim or consequence as a row: of a consequence `paper` is empty and `kind` faster or proportional.

    `recounted` is in the unit of `value`; `holding` of `boards` boards of the class that the claim names say what it
    says, of the kind of processor with the most of them; `bound_ratio` is what bounds predict, the median over
    published boards of a known peak; `transfer` is the median of their ratios / `mult_adds_ratio`;
    `otherwise` says what makes a figure come out that does not.
    """

    paper: str
    claim: str
    kind: str
    statement: str
    place: str
    subject: str
    baseline: str
    printed: str
    relation: str
    inferred: bool
    recounted: float | None
    mult_adds_ratio: float | None
    bound_ratio: float | None
    measured: str
    holding: int | None
    boards: int | None
    boards_median: float | None
    boards_low: float | None
    boards_high: float | None
    transfer: float | None
    verdict: str
    reason: str
    otherwise: str
    source: str
    confidence: str


def rows(found: Judgements) -> Iterator[ClaimRow]:
    """Yield a row for each claim, then one for each consequence and kind of processor."""
    for one in found.judged:
        yield _claim_row(one)
    for inferred in found.inferred:
        answers = inferred.boards or (None,)
        yield from (_inferred_row(inferred, answer) for answer in answers)


def document(found: Judgements) -> dict[str, Any]:
    """Return all that is known of the claims, for JSON."""
    return {
        "evidence": found.evidence,
        "claims": [_claim_document(one) for one in found.judged],
        "consequences": [
            {
                **{name: getattr(one, name) for name in _INFERRED},
                "verdict": one.decision.text,
                "reason": one.decision.reason,
                "measured": [_finding_document(finding, one.mult_adds_ratio) for finding in one.findings],
                "boards": [_answer_document(answer) for answer in one.boards],
                "expected": one.expected,
            }
            for one in found.inferred
        ],
        "left_out": [{"paper": paper, **_record(one)} for paper, one in found.left_out()],
    }


def _claim_row(one: Judged) -> ClaimRow:
    claim, answer = one.claim, _pooled(one.boards)
    return ClaimRow(
        paper=one.paper,
        claim=claim.id,
        kind=claim.kind,
        statement=claim.statement,
        place=claim.place,
        subject=claim.subject or " ".join(claim.models),
        baseline=claim.baseline,
        printed=claim.printed,
        relation=claim.relation,
        inferred=claim.inferred,
        recounted=None if one.recounted is None else words.in_unit(claim, one.recounted),
        mult_adds_ratio=None if one.counterpart is None else float(one.counterpart.value),
        bound_ratio=None if one.expected is None else one.expected.bound.median,
        measured="; ".join(words.measured(claim, finding) for finding in one.findings),
        holding=None if answer is None else answer.holding,
        boards=None if answer is None else answer.boards,
        boards_median=None if answer is None else answer.median,
        boards_low=None if answer is None else answer.low,
        boards_high=None if answer is None else answer.high,
        transfer=None,
        verdict=one.decision.text,
        reason=one.decision.reason,
        otherwise="; ".join(one.otherwise),
        source=claim.source,
        confidence=str(claim.confidence),
    )


def _pooled(answers: Sequence[Answer]) -> Answer | None:
    """Return the answer of the kind of processor with the most boards, None without one."""
    return max(answers, key=lambda answer: answer.boards, default=None)


def _inferred_row(one: Inferred, answer: Answer | None) -> ClaimRow:
    median = None if answer is None else answer.median
    return ClaimRow(
        paper="",
        claim=" ".join(one.claims),
        kind=one.consequence if answer is None else f"{one.consequence} ({words.processor(answer)})",
        statement=words.inference(one),
        place="",
        subject=one.subject,
        baseline=one.baseline,
        printed="",
        relation="",
        inferred=True,
        recounted=None,
        mult_adds_ratio=one.mult_adds_ratio,
        bound_ratio=None if one.expected is None else one.expected.bound.median,
        measured="; ".join(words.setting_ratio(finding) for finding in one.findings),
        holding=None if answer is None else answer.holding,
        boards=None if answer is None else answer.boards,
        boards_median=median,
        boards_low=None if answer is None else answer.low,
        boards_high=None if answer is None else answer.high,
        transfer=None if median is None else median / one.mult_adds_ratio,
        verdict=one.decision.text,
        reason=one.decision.reason,
        otherwise="",
        source="edgebench, not a paper",
        confidence="",
    )


def _claim_document(one: Judged) -> dict[str, Any]:
    claim = one.claim
    return {
        "paper": one.paper,
        **_record(claim),
        "limits": {"low": _float(limits(claim).low), "high": _float(limits(claim).high)},
        "recounted": _counted_document(one.recounted),
        "counterpart": _counted_document(one.counterpart),
        "otherwise": one.otherwise,
        "measured": [_finding_document(finding, None) for finding in one.findings],
        "boards": [_answer_document(answer) for answer in one.boards],
        "boards_elsewhere": [_answer_document(answer) for answer in one.boards_elsewhere],
        "expected": one.expected,
        "verdict": one.decision.text,
        "reason": one.decision.reason,
    }


def _counted_document(found: Recounted | None) -> dict[str, Any] | None:
    return None if found is None else {"value": float(found.value), "arithmetic": found.arithmetic}


def _finding_document(finding: Finding, mult_adds_ratio: float | None) -> dict[str, Any]:
    decision = {"verdict": finding.decision.text, **_record(finding.decision)}
    decision["verdict"] = finding.decision.text
    transfer = None if mult_adds_ratio is None else finding.value / mult_adds_ratio
    return {**_record(finding), "run": str(finding.run), "transfer": transfer, "decision": decision}


def _answer_document(answer: Answer) -> dict[str, Any]:
    return {**_record(answer), "votes": [{**_record(vote), "ratio": vote.ratio} for vote in answer.votes]}


def _record(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
