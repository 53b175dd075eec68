"""What a reader infers from a count, held against time and energy: fewer mult-adds, hence faster, hence as much faster.

None of it is what a paper claims; all of it is ours, and is generated for every pair of models far enough apart, that
of energy where a sensor told it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from edgebench.judge.trust import Measured
from edgebench.judge.verdict import Decision, at_least, faster
from edgebench.measure.statistics import CONFIDENCE, Estimate
from edgebench.store.rows import PairRow

WORTH_JUDGING = 1.2
"""Below this ratio of mult-adds no pair of models has consequences."""

PROPORTIONAL = 0.8
"""The share of the mult-adds' ratio that a speed-up must reach to be called proportional."""

_OF_SAMPLES = frozenset({"contention_sensitive", "intervals_disagree", "no_steady_state", "unsteady"})
"""Flags of how the samples of latencies lie: a window of load holds all calls, whatever each of them took."""

Kind = Literal["faster", "proportional", "less_energy", "energy_proportional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """verdicts.csv: one consequence of one pair of models, judged by itself: no correction for how many there are.

    `faster`: the baseline, which has fewer mult-adds, is faster than the subject. `proportional`: its speed-up is 0.8
    times the ratio of mult-adds or more. `less_energy` and `energy_proportional` are the same of the energy of a call,
    idle power included, and `energy_rung` says where that comes from. `low` and `high` bound the ratio it was decided
    on (for `faster` and `less_energy` baseline / subject, else subject / baseline).
    """

    session: str
    consequence: Kind
    subject_model: str
    baseline_model: str
    backend: str
    precision: str
    threads: int
    batch: int
    mult_adds_ratio: float
    latency_ratio: float | None
    energy_ratio: float | None
    energy_rung: str | None
    verdict: str
    decided_on: str
    low: float | None
    high: float | None
    reason: str
    needed_invocations: int | None


def rows(pairs: Iterable[PairRow], resolution: float | None, *, reliable: bool = True) -> Iterator[VerdictRow]:
    """Yield the verdicts on both consequences of each pair of models that are far enough apart in mult-adds.

    `resolution` and `reliable` are what this unit's `selftest --aa` found.
    """
    for pair in pairs:
        if pair.by == "model" and pair.mult_adds_ratio is not None and pair.mult_adds_ratio > WORTH_JUDGING:
            measured = measured_of(pair, reliable)
            yield _row(pair, "faster", is_faster(measured, resolution))
            yield _row(pair, "proportional", is_proportional(measured, pair.mult_adds_ratio))
            if pair.energy_ratio is not None:
                joules = _joules(pair, reliable)
                yield _row(pair, "less_energy", is_faster(joules, None))
                yield _row(pair, "energy_proportional", is_proportional(joules, pair.mult_adds_ratio))


def is_faster(measured: Measured | None, resolution: float | None, confidence: float = CONFIDENCE) -> Decision:
    """Judge whether the baseline is faster than the subject, by more than this machine can tell apart."""
    return faster(None if measured is None else turned(measured), resolution, confidence=confidence)


def is_proportional(measured: Measured | None, mult_adds_ratio: float, confidence: float = CONFIDENCE) -> Decision:
    """Judge whether the ratio of latencies reaches 0.8 times that of mult-adds."""
    return at_least(measured, PROPORTIONAL * mult_adds_ratio, margin=0.0, confidence=confidence)


def _joules(pair: PairRow, reliable: bool) -> Measured:
    """Return the ratio of energies of a pair, to be judged as a ratio of latencies is; there is no A/A' of energies."""
    found = frozenset(pair.flags.split()) - _OF_SAMPLES
    return Measured(
        wall=_estimate(pair, pair.energy_ratio, pair.energy_ratio_low, pair.energy_ratio_high),
        flags=found | ({"unreliable"} if not reliable else frozenset()),
        threads=pair.threads,
        own_cpu=False,
        throttled=pair.throttled,
    )


def measured_of(pair: PairRow, reliable: bool) -> Measured:
    """Return the ratio of a pair and what casts doubt on it; `reliable`: the unit's selftest was right often enough."""
    wall = _estimate(pair, pair.latency_ratio, pair.latency_ratio_low, pair.latency_ratio_high)
    return Measured(
        wall=wall,
        cpu=_estimate(pair, pair.cpu_ratio, pair.cpu_ratio_low, pair.cpu_ratio_high),
        twins=_estimate(pair, pair.twin_ratio, pair.twin_ratio_low, pair.twin_ratio_high),
        cpu_twins=_estimate(pair, pair.twin_cpu_ratio, pair.twin_cpu_ratio_low, pair.twin_cpu_ratio_high),
        flags=frozenset(pair.flags.split()) | ({"unreliable"} if not reliable else frozenset()),
        threads=pair.threads,
        own_cpu=pair.decided_on == "cpu time",
        throttled=pair.throttled,
    )


def _estimate(pair: PairRow, value: float | None, low: float | None, high: float | None) -> Estimate | None:
    return None if value is None else Estimate(value=value, low=low, high=high, invocations=pair.invocations)


def turned(measured: Measured) -> Measured:
    """Return the ratios the other way round: baseline / subject."""
    return replace(measured, wall=_inverse(measured.wall), cpu=_inverse(measured.cpu))


def _inverse(estimate: Estimate | None) -> Estimate | None:
    if estimate is None:
        return None
    return replace(
        estimate,
        value=1 / estimate.value,
        low=None if estimate.high is None else 1 / estimate.high,
        high=None if estimate.low is None else 1 / estimate.low,
    )


def _row(pair: PairRow, consequence: Kind, decision: Decision) -> VerdictRow:
    assert pair.mult_adds_ratio is not None
    return VerdictRow(
        session=pair.session,
        consequence=consequence,
        subject_model=pair.subject_model,
        baseline_model=pair.baseline_model,
        backend=pair.subject_backend,
        precision=pair.precision,
        threads=pair.threads,
        batch=pair.batch,
        mult_adds_ratio=pair.mult_adds_ratio,
        latency_ratio=pair.latency_ratio,
        energy_ratio=pair.energy_ratio,
        energy_rung=pair.energy_rung,
        verdict=decision.text,
        decided_on=decision.on,
        low=decision.low,
        high=decision.high,
        reason=decision.reason,
        needed_invocations=decision.needed_invocations,
    )
