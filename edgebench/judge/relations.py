"""Whether a figure fits what a claim states: a count exactly, a measurement by its whole interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from edgebench.analysis.published import Confidence
from edgebench.judge.claims import Claim
from edgebench.judge.limits import Limits, limits, stated
from edgebench.judge.verdict import MARGIN, Decision, Measured, Verdict, at_least, at_most, equal
from edgebench.measure.statistics import CONFIDENCE, Estimate

Scale = Callable[[float], float]

_TOO_LONG = "The layers by themselves take longer than the network that they are part of: they do not tell its share."


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Between which ratios a measurement must lie; None: no such end."""

    low: float | None
    high: float | None


def of_count(claim: Claim, value: Fraction) -> Decision:
    """Judge a claim by what counting gives.

    A figure that was quoted without its source decides nothing by itself: it is INCONCLUSIVE where it does not come
    out, and where it is held against other figures so quoted.
    """
    holds = limits(claim).hold(value)
    quoted = claim.confidence is not Confidence.READ
    if quoted and (not holds or (claim.on_figures and claim.confidence is Confidence.RECALLED)):
        confirmed = "and so is what it is held against" if claim.on_figures else "and counting does not confirm it"
        return Decision(
            verdict=Verdict.INCONCLUSIVE,
            reason=f"The printed figure is quoted without its source at hand, {confirmed}: read the source.",
        )
    return Decision(
        verdict=Verdict.HOLDS if holds else Verdict.DOES_NOT_HOLD,
        reason=f"{_number(float(value))} lies {'inside' if holds else 'outside'} {_between(limits(claim))}.",
    )


def of_measurement(claim: Claim, measured: Measured | None, confidence: float = CONFIDENCE) -> Decision:
    """Judge a claim by a ratio and its interval; that of a scaling exponent is its exponential.

    Equality, and a range, are two one-sided tests; bounds take the interval on their side of the limit. Two builds of
    one network may differ by 5 %, unless the claim states another tolerance. What was quoted without its source is
    never decided: no measurement confirms a quotation; nor is a share of more than all of the time.
    """
    limit = threshold(claim)
    if limit.low is not None and limit.high is not None:
        centre, within = math.sqrt(limit.low * limit.high), math.sqrt(limit.high / limit.low) - 1
        found = equal(_scaled(measured, 1 / centre), within, confidence=confidence)
        found = _moved(found, lambda value: value * centre)
    elif limit.low is not None:
        found = at_least(measured, limit.low, margin=0.0, confidence=confidence)
    else:
        assert limit.high is not None
        found = at_most(measured, limit.high, margin=0.0, confidence=confidence)
    if found.low is None or found.high is None:
        return found
    if claim.kind == "share" and found.high > 1:
        return replace(found, verdict=Verdict.INCONCLUSIVE, needed_invocations=None, reason=_TOO_LONG)
    if claim.confidence is not Confidence.READ:
        found = replace(found, verdict=Verdict.INCONCLUSIVE, needed_invocations=None)
    return _said(claim, found, limit)


def threshold(claim: Claim) -> Threshold:
    """Return between which measured ratios a claim holds."""
    said, found = stated(claim), limits(claim)
    exponential: Scale = math.exp if claim.kind == "scaling_exponent" else float
    if claim.tolerance or claim.kind == "scaling_exponent":
        low, high = (None if end is None else float(end) for end in (found.low, found.high))
    else:
        ends = (float(said.low) / (1 + MARGIN), float(said.high) * (1 + MARGIN))
        low = None if found.low is None else min(ends[0], float(found.low))
        high = None if found.high is None else max(ends[1], float(found.high))
    return Threshold(low=None if low is None else exponential(low), high=None if high is None else exponential(high))


def together(decisions: list[Decision]) -> Decision:
    """Return what several settings say together: their verdict where they agree, else that they do not.

    Those that no interval decides are outvoted by those that one does.
    """
    if not decisions:
        return Decision(verdict=Verdict.NOT_MEASURED, reason="No session measured it.")
    verdicts = {found.verdict for found in decisions}
    told = verdicts & {Verdict.HOLDS, Verdict.DOES_NOT_HOLD}
    if len(told) == 2:
        holding = sum(found.verdict is Verdict.HOLDS for found in decisions)
        return Decision(
            verdict=Verdict.INCONCLUSIVE,
            reason=f"It depends on the setting: {holding} of {len(decisions)} settings hold.",
        )
    order = (*told, Verdict.INCONCLUSIVE, Verdict.NOISY, Verdict.INVALID, Verdict.NOT_MEASURED)
    strongest = next(verdict for verdict in order if verdict in verdicts)
    same = [found for found in decisions if found.verdict is strongest]
    chosen = next((found for found in same if found.headline), same[0])
    if len(decisions) == 1:
        return chosen
    return replace(chosen, reason=f"{len(same)} of {len(decisions)} settings: {chosen.reason}")


def _scaled(measured: Measured | None, factor: float) -> Measured | None:
    """Return a measurement with its ratios times a factor; those of the twins stay."""
    if measured is None:
        return None
    return replace(measured, wall=_times(measured.wall, factor), cpu=_times(measured.cpu, factor))


def _times(estimate: Estimate | None, factor: float) -> Estimate | None:
    if estimate is None:
        return None
    return replace(
        estimate,
        value=estimate.value * factor,
        low=None if estimate.low is None else estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
    )


def _moved(decision: Decision, scale: Scale) -> Decision:
    return replace(
        decision,
        low=None if decision.low is None else scale(decision.low),
        high=None if decision.high is None else scale(decision.high),
    )


def _said(claim: Claim, decision: Decision, limit: Threshold) -> Decision:
    """Return a decision in the claim's own numbers."""
    if claim.kind == "scaling_exponent":
        decision = _moved(decision, math.log)
        limit = Threshold(
            low=None if limit.low is None else math.log(limit.low),
            high=None if limit.high is None else math.log(limit.high),
        )
    assert decision.low is not None
    assert decision.high is not None
    where = {
        Verdict.HOLDS: "lies inside",
        Verdict.DOES_NOT_HOLD: "lies outside",
        Verdict.INCONCLUSIVE: "is not all on one side of",
    }[decision.verdict]
    if claim.confidence is not Confidence.READ:
        where = "is held against a figure quoted without its source at hand, which decides nothing:"
    reason = f"The interval [{decision.low:.4g}, {decision.high:.4g}] {where} {_between(limit)}."
    return replace(decision, reason=reason)


def _between(limit: Limits | Threshold) -> str:
    low = None if limit.low is None else _number(float(limit.low))
    high = None if limit.high is None else _number(float(limit.high))
    if low is None:
        return f"what is at most {high}"
    return f"what is at least {low}" if high is None else f"[{low}, {high}]"


def _number(value: float) -> str:
    """Return a number with the digits that tell it from its neighbours: all of an integer, else five.

    >>> _number(462422016.0), _number(26.98382)
    ('462,422,016', '26.984')
    """
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1000 else f"{value:.5g}"
