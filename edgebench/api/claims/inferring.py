"""What a reader infers from mult-adds: which pairs of models have consequences, and what is known of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from edgebench import architectures
from edgebench.analysis.cost import Cost
from edgebench.api.claims import settings
from edgebench.api.claims.findings import Judge, Open
from edgebench.api.claims.known import Known
from edgebench.api.claims.settings import Setting
from edgebench.judge import published, relations
from edgebench.judge.claims import Claim
from edgebench.judge.consequences import PROPORTIONAL, WORTH_JUDGING, is_faster, is_proportional
from edgebench.judge.consequences import Kind as Inference
from edgebench.judge.judgement import Finding, Inferred
from edgebench.judge.published import Asked

KINDS: tuple[Inference, ...] = ("faster", "proportional")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two models, the one with more mult-adds first."""

    subject: str
    baseline: str
    mult_adds_ratio: Fraction
    claims: tuple[str, ...]


def pairs(wanted: Iterable[Claim], costs: Mapping[str, Cost], runs: Iterable[Setting]) -> list[Pair]:
    """Return the pairs of models that claims compare, and of networks that runs measured, far enough apart to judge."""
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    ratios: dict[tuple[str, str], Fraction] = {}
    for claim in wanted:
        if claim.kind in {"mult_adds_ratio", "latency_ratio"} and _comparable(claim):
            counts = {model: costs[model].mult_adds for model in (claim.subject, claim.baseline)}
            key = _ordered(counts)
            named[key].append(claim.id)
            ratios[key] = Fraction(counts[key[0]], counts[key[1]])
    for setting in runs:
        counts = {model: row.mult_adds for model, (row, _) in setting.trials.items() if row.mult_adds}
        for one, other in combinations(sorted(model for model in counts if not _is_layer(model)), 2):
            key = _ordered({one: counts[one], other: counts[other]})
            ratios.setdefault(key, Fraction(counts[key[0]], counts[key[1]]))
    return [
        Pair(subject=key[0], baseline=key[1], mult_adds_ratio=ratio, claims=tuple(named[key]))
        for key, ratio in ratios.items()
        if ratio > WORTH_JUDGING
    ]


def _comparable(claim: Claim) -> bool:
    """Tell whether a claim compares two models that run, once each."""
    if not (claim.subject and claim.baseline) or claim.subject == claim.baseline:
        return False
    if claim.subject_times * claim.baseline_times > 1:
        return False
    return all(architectures.table(architectures.parse(model)) is None for model in (claim.subject, claim.baseline))


def _ordered(counts: Mapping[str, int]) -> tuple[str, str]:
    more, fewer = sorted(counts, key=lambda model: (-counts[model], model))
    return more, fewer


def _is_layer(model: str) -> bool:
    return model.startswith("layer:")


def opened(pair: Pair, kind: Inference, runs: Iterable[Setting]) -> list[Open]:
    """Return what runs measured of a consequence, before it is judged."""
    return [
        Open(
            setting=setting,
            measured=measured,
            elsewhere=False,
            judge=_faster(setting.resolution) if kind == "faster" else _proportional(pair.mult_adds_ratio),
            bound=settings.bound_ratio(pair.subject, pair.baseline, setting),
        )
        for setting in runs
        if (measured := settings.ratio(pair.subject, pair.baseline, setting)) is not None
    ]


def _faster(resolution: float | None) -> Judge:
    return lambda measured, confidence: is_faster(measured, resolution, confidence)


def _proportional(mult_adds_ratio: Fraction) -> Judge:
    return lambda measured, confidence: is_proportional(measured, float(mult_adds_ratio), confidence)


def inferred(pair: Pair, kind: Inference, findings: tuple[Finding, ...], known: Known | None) -> Inferred:
    """Return a consequence with its findings, the answer of published measurements, and what the bound predicts."""
    if kind == "faster":
        asked = Asked(relation="above", low=1.0)
    else:
        asked = Asked(relation="at_least", low=PROPORTIONAL * float(pair.mult_adds_ratio))
    return Inferred(
        consequence=kind,
        subject=pair.subject,
        baseline=pair.baseline,
        mult_adds_ratio=float(pair.mult_adds_ratio),
        claims=pair.claims,
        findings=findings,
        boards=() if known is None else published.answers(known.published.rows, pair.subject, pair.baseline, asked),
        expected=None if known is None else known.expected(pair.subject, pair.baseline),
        decision=relations.together([found.decision for found in findings]),
    )
