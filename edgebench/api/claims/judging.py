"""Hold what papers claim against counting, against this program's own runs and against published measurements."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgebench.analysis.cost import Cost
from edgebench.api.claims import evidence as evidence_of
from edgebench.api.claims import inferring, paper_files, recounting, settings
from edgebench.api.claims.findings import Open, judged_together
from edgebench.api.claims.known import Known, known
from edgebench.api.claims.settings import Setting
from edgebench.api.counting import count
from edgebench.errors import UsageError
from edgebench.judge import published, relations
from edgebench.judge.claims import Claim, Paper, Where
from edgebench.judge.judgement import Finding, Judged, Judgements
from edgebench.judge.published import Answer, Asked
from edgebench.judge.trust import Measured
from edgebench.judge.verdict import Decision, Verdict
from edgebench.store import published as latencies
from edgebench.store.published import Published


def claims(paper: str | None = None, claim: str | None = None, evidence: Iterable[str | Path] = ()) -> Judgements:
    """Return the claims of all papers, of one, or a single one, judged on this evidence.

    `evidence` is `published`, run folders, or folders of such. Raise UsageError for a name that is none.
    """
    given = tuple(evidence)
    papers = _asked(paper_files.read(paper_files.known()), paper, claim)
    return judge(papers, given, networks=paper is None and claim is None)


def check(path: Path) -> Paper:
    """Return the paper in a file; raise UsageError, which names file and key, for what is wrong with it."""
    return paper_files.check_beside(path)


def judge(papers: dict[str, Paper], evidence: Sequence[str | Path], *, networks: bool = True) -> Judgements:
    """Return what evidence says of papers; with `networks` also of all pairs of networks that runs measured."""
    costs = _costs(papers)
    board_rows = known(latencies.read(), costs) if evidence_of.PUBLISHED in evidence else None
    runs = evidence_of.runs(evidence)
    named = [(name, one) for name, paper in papers.items() for one in paper.claims]
    opened = [_opened(one, costs, runs) for _, one in named]
    pairs = inferring.pairs([one for _, one in named], costs, runs if networks else [])
    inferences = [(pair, kind) for pair in pairs for kind in inferring.KINDS]
    opened += [inferring.opened(pair, kind, runs) for pair, kind in inferences]
    found = judged_together(opened)
    return Judgements(
        papers=papers,
        judged=tuple(
            _judged(name, one, costs, own, board_rows)
            for (name, one), own in zip(named, found[: len(named)], strict=True)
        ),
        inferred=tuple(
            inferring.inferred(pair, kind, own, board_rows)
            for (pair, kind), own in zip(inferences, found[len(named) :], strict=True)
        ),
        evidence=tuple(str(one) for one in evidence),
        machines=evidence_of.machines(runs),
    )


def _asked(papers: dict[str, Paper], paper: str | None, claim: str | None) -> dict[str, Paper]:
    if paper is not None and paper not in papers:
        raise UsageError(f"Unknown paper {paper!r}: expected {', '.join(papers)}.")
    chosen = papers if paper is None else {paper: papers[paper]}
    if claim is None:
        return chosen
    for name, one in chosen.items():
        for candidate in one.claims:
            if candidate.id == claim:
                return {name: replace(one, claims=(candidate,), left_out=())}
    raise UsageError(f"Unknown claim {claim!r}: `edgebench claims` lists them.")


def _costs(papers: Mapping[str, Paper]) -> dict[str, Cost]:
    """Return the cost of every model of these papers; each is counted once."""
    models = (model for paper in papers.values() for claim in paper.claims for model in claim.counted_models)
    return {model: count(model).cost for model in dict.fromkeys(models)}


# --- what runs measured ----------------------------------------------------------------------------------------------


def _opened(claim: Claim, costs: Mapping[str, Cost], runs: Iterable[Setting]) -> list[Open]:
    if not claim.measured:
        return []
    return [
        Open(
            setting=setting,
            measured=measured,
            elsewhere=not settings.belongs(setting, claim.where),
            judge=partial(_of_measurement, claim),
            bound=settings.bound_ratio(claim.subject, claim.baseline, setting) if _is_ratio(claim) else None,
            scale=math.log if claim.kind == "scaling_exponent" else float,
        )
        for setting in runs
        if (measured := settings.measured(claim, costs, setting)) is not None
    ]


def _is_ratio(claim: Claim) -> bool:
    return claim.kind == "latency_ratio"


def _of_measurement(claim: Claim, measured: Measured, confidence: float) -> Decision:
    return relations.of_measurement(claim, measured, confidence)


# --- claims ----------------------------------------------------------------------------------------------------------


def _judged(
    paper: str, claim: Claim, costs: Mapping[str, Cost], findings: tuple[Finding, ...], rows: Known | None
) -> Judged:
    recounted, counterpart = recounting.recount(claim, costs), recounting.counterpart(claim, costs)
    compared = recounted or counterpart
    inside, outside = _boards(claim, None if rows is None else rows.published)
    return Judged(
        paper=paper,
        claim=claim,
        recounted=recounted,
        counterpart=counterpart,
        otherwise=() if compared is None else recounting.otherwise(claim, compared, costs),
        findings=findings,
        boards=inside,
        boards_elsewhere=outside,
        expected=rows.expected(claim.subject, claim.baseline) if rows is not None and _is_ratio(claim) else None,
        decision=_decided(findings) if recounted is None else relations.of_count(claim, recounted.value),
    )


def _decided(findings: Sequence[Finding]) -> Decision:
    inside = [found.decision for found in findings if not found.elsewhere]
    if not inside and findings:
        return Decision(
            verdict=Verdict.NOT_MEASURED, reason=f"Measured elsewhere alone, in {len(findings)} settings: no verdict."
        )
    return relations.together(inside)


def _boards(claim: Claim, found: Published | None) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """Return what published measurements say of a claim: of the class of devices that it names, and of all others."""
    if found is None or not _is_ratio(claim):
        return (), ()
    asked = _as_asked(claim)
    inside = [row for row in found.rows if _in_class(row, found, claim.where)]
    outside = [row for row in found.rows if not _in_class(row, found, claim.where)]
    return (
        published.answers(inside, claim.subject, claim.baseline, asked),
        published.answers(outside, claim.subject, claim.baseline, asked),
    )


def _as_asked(claim: Claim) -> Asked:
    limit = relations.threshold(claim)
    if limit.low is not None and limit.high is not None:
        return Asked(relation="between", low=limit.low, high=limit.high)
    if limit.low is not None:
        return Asked(relation="at_least", low=limit.low)
    return Asked(relation="at_most", high=limit.high)


def _in_class(row: latencies.Row, found: Published, where: Where | None) -> bool:
    return settings.of_class(where, found.boards[row.source, row.board].device, row.backend)
