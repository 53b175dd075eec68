"""What may be said of a ratio of latencies: one of six verdicts, decided from its interval and its flags."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from edgebench.judge.trust import Clock, Measured, deciding, forbidding, noise
from edgebench.measure.plan import VERDICT_INVOCATIONS
from edgebench.measure.statistics import CONFIDENCE, Estimate, at_level, fewest_invocations, log_sd

__all__ = ["Clock", "Decision", "Measured", "Verdict", "at_least", "at_most", "differs", "equal", "faster", "holm"]

MARGIN = 0.05
"""How far two builds of one network may differ in latency without contradicting a claim."""

TARGET = 0.01
"""The half-width that a session aims at."""


class Verdict(StrEnum):
    """What is said of a claim."""

    HOLDS = "HOLDS"
    DOES_NOT_HOLD = "DOES NOT HOLD"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOISY = "NOISY"
    INVALID = "INVALID"
    NOT_MEASURED = "NOT MEASURED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict, the clock and the interval of the ratio it was decided on, and why in a sentence.

    `needed_invocations` is what would probably decide an INCONCLUSIVE one, None where nothing would. `narrower`: a
    NOISY one that a narrower interval of the same session would have decided.
    """

    verdict: Verdict
    on: Clock = "wall"
    reason: str
    low: float | None = None
    high: float | None = None
    needed_invocations: int | None = None
    narrower: bool = False

    @property
    def undecided(self) -> bool:
        """Tell whether it is the width of the interval that leaves this open."""
        return self.verdict is Verdict.INCONCLUSIVE or self.narrower

    @property
    def text(self) -> str:
        """Return the verdict as it is printed everywhere: one that was decided on CPU time says so."""
        return f"{self.verdict} (CPU time)" if self.on == "cpu time" else str(self.verdict)

    @property
    def headline(self) -> bool:
        """Tell whether this may stand in a headline: CPU time is not latency."""
        return self.on == "wall"


Rule = Callable[[Estimate, Clock], Decision]


def at_most(
    measured: Measured | None,
    limit: float,
    margin: float = MARGIN,
    target: float = TARGET,
    confidence: float = CONFIDENCE,
) -> Decision:
    """Judge "ratio <= limit": whether the interval lies on one side of limit x (1 + margin).

    >>> at_most(Measured(wall=Estimate(value=0.78, low=0.76, high=0.80, invocations=10)), 0.74).text
    'INCONCLUSIVE'
    """
    threshold = limit * (1 + margin)
    return _judged(measured, target, confidence, lambda estimate, on: _beside(estimate, on, threshold, below=True))


def at_least(
    measured: Measured | None,
    limit: float,
    margin: float = MARGIN,
    target: float = TARGET,
    confidence: float = CONFIDENCE,
) -> Decision:
    """Judge "ratio >= limit": whether the interval lies on one side of limit / (1 + margin).

    >>> at_least(Measured(wall=Estimate(value=9.0, low=8.9, high=9.1, invocations=10)), 27.2).text
    'DOES NOT HOLD'
    """
    threshold = limit / (1 + margin)
    return _judged(measured, target, confidence, lambda estimate, on: _beside(estimate, on, threshold, below=False))


def equal(measured: Measured | None, within: float, target: float = TARGET, confidence: float = CONFIDENCE) -> Decision:
    """Judge "ratio = 1 but for a factor 1 + within": two one-sided tests for it, the interval outside against it.

    The first use the interval with twice the error (90 % for 95), as each of the two tests looks at one end of it.

    >>> equal(Measured(wall=Estimate(value=1.0, low=0.99, high=1.01, invocations=10)), 0.02).text
    'HOLDS'
    """
    return _judged(measured, target, confidence, lambda estimate, on: _inside(estimate, on, within))


def faster(
    measured: Measured | None, resolution: float | None, target: float = TARGET, confidence: float = CONFIDENCE
) -> Decision:
    """Judge "the subject is faster": by more than this machine tells apart for it, ratio > 1 against it.

    `resolution` is what `selftest --aa` found: 95 % of its ratios of equal trials were that near to 1.

    >>> faster(Measured(wall=Estimate(value=0.9, low=0.88, high=0.92, invocations=10)), 0.004).text
    'HOLDS'
    """
    limit = 1 / (1 + least_difference(resolution))
    return _judged(measured, target, confidence, lambda estimate, on: _below(estimate, on, limit))


def differs(
    measured: Measured | None,
    least: float,
    beyond: float = 0.0,
    target: float = TARGET,
    confidence: float = CONFIDENCE,
) -> Decision:
    """Judge "the ratio lies outside a factor 1 + beyond": its interval must, and its value be `least` away from 1.

    Nothing decides against it: what is not told apart is INCONCLUSIVE.

    >>> differs(Measured(wall=Estimate(value=1.05, low=1.03, high=1.07, invocations=10)), 0.01).text
    'HOLDS'
    """
    return _judged(measured, target, confidence, lambda estimate, on: _outside(estimate, on, least, beyond))


def least_difference(resolution: float | None) -> float:
    """Return the smallest relative difference called one: 1 %, or twice the machine's resolution.

    >>> least_difference(None), least_difference(0.012)
    (0.01, 0.024)
    """
    return max(TARGET, 2 * (resolution or 0.0))


def holm(claims: Sequence[Callable[[float], Decision]], confidence: float = CONFIDENCE) -> list[Decision]:
    """Judge several claims together, so that all verdicts are right with this confidence (Holm 1979).

    Each claim is a function from a level of confidence to its decision. With k of them left to decide each is held
    against an interval with a kth of the error; those that decides are taken out, and the others get another try. A
    claim that no interval decides (not measured, invalid, noisy whatever its interval) does not count. One that is
    noisy as its interval, widened by the A/A', is too wide does: it had its chance to be decided wrongly.
    """
    first = enumerate(claim(confidence) for claim in claims)
    settled = {number: found for number, found in first if found.verdict in _UNJUDGED and not found.undecided}
    while remaining := [number for number in range(len(claims)) if number not in settled]:
        level = 1 - (1 - confidence) / len(remaining)
        tried = {number: claims[number](level) for number in remaining}
        done = {number: found for number, found in tried.items() if not found.undecided}
        settled |= done or tried
    return [settled[number] for number in range(len(claims))]


_UNJUDGED = (Verdict.NOISY, Verdict.INVALID, Verdict.NOT_MEASURED)


def _judged(measured: Measured | None, target: float, confidence: float, rule: Rule) -> Decision:
    if measured is None or measured.wall is None:
        return Decision(verdict=Verdict.NOT_MEASURED, reason="No session measured both trials.")
    invalid = forbidding(measured.flags)
    if invalid:
        told = f"; throttled {measured.throttled}" if "invalid_throttled" in invalid and measured.throttled else ""
        return Decision(verdict=Verdict.INVALID, reason=f"Flagged: {', '.join(invalid)}{told}.")
    if measured.wall.low is None:
        return Decision(
            verdict=Verdict.INCONCLUSIVE,
            reason=f"{measured.wall.invocations} invocations give no interval.",
            needed_invocations=VERDICT_INVOCATIONS,
        )
    on, estimate = deciding(measured, measured.wall)
    leveled, doubt = at_level(estimate, confidence), noise(measured, on, target)
    if doubt is None:
        return rule(leveled, on)
    if doubt.factor is not None:
        found = rule(_widened(leveled, doubt.factor), on)
        if found.verdict is not Verdict.INCONCLUSIVE:
            return replace(found, reason=f"{found.reason} It was widened by what the session's A/A' leaves open.")
    return Decision(verdict=Verdict.NOISY, on=on, reason=doubt.reason, narrower=doubt.factor is not None)


def _widened(estimate: Estimate, factor: float) -> Estimate:
    low, high = _interval(estimate)
    return replace(estimate, low=low / factor, high=high * factor)


def _beside(estimate: Estimate, on: Clock, threshold: float, *, below: bool) -> Decision:
    low, high = _interval(estimate)
    if high <= threshold if below else low >= threshold:
        return _decided(Verdict.HOLDS, estimate, on, f"does not reach beyond {threshold:.4g}")
    if low > threshold if below else high < threshold:
        return _decided(Verdict.DOES_NOT_HOLD, estimate, on, f"lies beyond {threshold:.4g}")
    return _open(estimate, on, f"contains {threshold:.4g}", [threshold])


def _inside(estimate: Estimate, on: Clock, within: float) -> Decision:
    bounds = (1 / (1 + within), 1 + within)
    both_tests = at_level(estimate, 1 - 2 * (1 - estimate.confidence))
    low, high = _interval(both_tests)
    said = f"[{bounds[0]:.4g}, {bounds[1]:.4g}]"
    if bounds[0] <= low and high <= bounds[1]:
        return _decided(Verdict.HOLDS, both_tests, on, f"lies inside {said}")
    low, high = _interval(estimate)
    if high < bounds[0] or low > bounds[1]:
        return _decided(Verdict.DOES_NOT_HOLD, estimate, on, f"lies outside {said}")
    inside = bounds[0] < estimate.value < bounds[1]
    return _open(both_tests if inside else estimate, on, f"is not all on one side of {said}", bounds)


def _below(estimate: Estimate, on: Clock, limit: float) -> Decision:
    low, high = _interval(estimate)
    if high < limit:
        return _decided(Verdict.HOLDS, estimate, on, f"lies below {limit:.4g}")
    if low > 1:
        return _decided(Verdict.DOES_NOT_HOLD, estimate, on, "lies above 1")
    indifferent = limit <= estimate.value <= 1
    return _open(estimate, on, f"is neither below {limit:.4g} nor above 1", [] if indifferent else [limit, 1.0])


def _outside(estimate: Estimate, on: Clock, least: float, beyond: float) -> Decision:
    low, high = _interval(estimate)
    inner = (1 / (1 + beyond), 1 + beyond)
    if abs(math.log(estimate.value)) < math.log1p(least):
        told = f"lies around {estimate.value:.4g}, within the {100 * least:.3g} % that can be told from 1 here"
        return _open(estimate, on, told, [])
    if low > inner[1] or high < inner[0]:
        where = "excludes 1" if beyond == 0 else f"lies beyond {inner[1] if low > 1 else inner[0]:.4g}"
        return _decided(Verdict.HOLDS, estimate, on, where)
    near = 1.0 if beyond == 0 else inner[1] if estimate.value > 1 else inner[0]
    return _open(estimate, on, f"contains {near:.4g}" if low <= near <= high else f"does not reach {near:.4g}", [near])


def _decided(verdict: Verdict, estimate: Estimate, on: Clock, where: str) -> Decision:
    low, high = _interval(estimate)
    return Decision(verdict=verdict, on=on, low=low, high=high, reason=f"{_words(estimate)} {where}.")


def _open(estimate: Estimate, on: Clock, where: str, thresholds: Sequence[float]) -> Decision:
    """Return an INCONCLUSIVE decision, with the invocations that bring the nearest of these thresholds outside."""
    low, high = _interval(estimate)
    distance = min((abs(math.log(threshold / estimate.value)) for threshold in thresholds), default=0.0)
    spread = log_sd(estimate)
    needed = fewest_invocations(spread, distance, estimate.confidence) if spread is not None else None
    return Decision(
        verdict=Verdict.INCONCLUSIVE,
        on=on,
        low=low,
        high=high,
        reason=f"{_words(estimate)} {where}.",
        needed_invocations=needed,
    )


def _words(estimate: Estimate) -> str:
    low, high = _interval(estimate)
    return f"The {100 * estimate.confidence:.4g} % interval [{low:.4g}, {high:.4g}]"


def _interval(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high
