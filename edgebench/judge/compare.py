"""What became slower, faster or was lost from one run to another, or from one trial of a run to the next; pure.

A difference is said where its interval excludes 1, the rows of a table judged together (Holm), and where it is further
from 1 than the unit can tell: noise is never called one. docs/decisions/0010 has the reasons.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Literal

from edgebench.judge import verdict
from edgebench.judge.context import Difference
from edgebench.judge.trust import Measured, deciding, forbidding, noise, reliable
from edgebench.judge.verdict import Decision, Verdict
from edgebench.measure.statistics import CONFIDENCE, Estimate, at_level, half_width
from edgebench.store.calibration import Resolution
from edgebench.store.rows import TrialRow


class Outcome(StrEnum):
    """What is said of a row."""

    SLOWER = "slower"
    FASTER = "faster"
    LEVEL = "not told apart"
    NOISY = "noisy"
    INVALID = "invalid"
    OPEN = "no interval"
    NEW = "new"
    MISSING = "missing"
    LOST = "lost"
    WAS_LOST = "was lost"
    NOT_MEASURED = "not measured"


JUDGED = frozenset({Outcome.SLOWER, Outcome.FASTER, Outcome.LEVEL})
UNJUDGED = frozenset(
    {Outcome.NOISY, Outcome.INVALID, Outcome.OPEN, Outcome.LOST, Outcome.MISSING, Outcome.NOT_MEASURED}
)
"""What was asked for and could not be judged; what is new or was lost before is neither."""

Taken = Literal["together", "apart"]
Ruler = Literal["null"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a unit: the resolution of its A/A sessions, and whether these were right often enough.

    None: it was never tested.
    """

    resolution: float | None = None
    reliable: bool = True


UNTESTED = Known()
"""Of a unit without a selftest."""


def known_of(entry: Resolution | None) -> Known:
    """Return what a unit's selftest says of differences on it."""
    if entry is None:
        return UNTESTED
    return Known(resolution=entry.resolution, reliable=reliable(entry.excluded_one, entry.sessions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A trial and what it is set against, as far as either is there.

    `measured` is the ratio after / before: taken together, in the rounds of one session, or apart, against a `ruler`
    whose own change is `machine`.
    """

    before: TrialRow | None
    after: TrialRow | None
    taken: Taken = "apart"
    measured: Measured | None = None
    machine: float | None = None
    ruler: Ruler | None = None
    changed: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One row of a comparison. Ratios are after / before; spans in seconds; empty means not measured.

    `low` and `high` are the 95 % interval of this row alone; `outcome` takes it together with the other rows, and with
    what else casts doubt on it (`reason`): `decided_low` and `decided_high` are what it then was, empty where no
    interval decided. `machine_ratio` is by how much the machine itself changed, by the `ruler`; it is taken out of
    `ratio`. `fails`: slower by more than was allowed. `slower_from` is the smallest ratio that would have been told to
    be slower, `fails_from` the smallest that would have failed, whatever the other rows say; None where no ratio would.
    """

    before: str | None
    after: str | None
    unit: str
    model: str
    backend: str
    precision: str
    threads: int
    batch: int
    taken: str | None
    latency_before_s: float | None
    latency_after_s: float | None
    ratio: float | None
    low: float | None
    high: float | None
    decided_on: str | None
    decided_low: float | None
    decided_high: float | None
    machine_ratio: float | None
    ruler: str | None
    least_difference: float | None
    slower_from: float | None
    fails_from: float | None
    outcome: str
    fails: bool
    reason: str
    changed: str
    flags: str


def rows(
    compared: Sequence[Compared], known: Known, fail_above: float | None, target: float = verdict.TARGET
) -> tuple[ComparedRow, ...]:
    """Return a row for each thing compared; with `fail_above` None none fails.

    `fail_above` 0.05 fails what is slower by more than 5 %: the whole interval that decides lies above 1.05.
    """
    least = verdict.least_difference(known.resolution)
    doubted = [_doubted(one.measured, known) for one in compared]
    judged = {number: one for number, one in enumerate(doubted) if one is not None}
    differs = _decided(judged, lambda one, level: verdict.differs(one, least, 0.0, target, level))
    limit = fail_above or 0.0
    beyond = (
        _decided(judged, lambda one, level: verdict.differs(one, least, limit, target, level)) if limit else differs
    )
    reaches = _reaches(judged, target)
    return tuple(
        _row(
            one,
            _with_gate(differs.get(number), beyond.get(number), limit),
            least,
            fails=fail_above is not None and _slower(beyond.get(number)),
            slower_from=_told_from(reaches.get(number), least, 0.0),
            fails_from=None if fail_above is None else _told_from(reaches.get(number), least, fail_above),
        )
        for number, one in enumerate(compared)
    )


def usable(row: TrialRow | None) -> bool:
    """Tell whether a row has a latency that may be compared."""
    if row is None or row.emulated or row.status != "done":
        return False
    return row.invocations > 0 and row.latency_p50_s is not None


def worse(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """Return which of two sessions' A/A' says less for its session: one that is not there, excludes 1, or is wider.

    >>> calm = Estimate(value=1.0, low=0.99, high=1.01, invocations=5)
    >>> worse(calm, None) is None
    True
    """
    told = [estimate for estimate in (one, other) if estimate is not None and estimate.low is not None]
    if len(told) < 2:
        return None
    return max(told, key=lambda estimate: (not _contains_one(estimate), half_width(estimate) or 0.0))


def _contains_one(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= 1 <= estimate.high


def _doubted(measured: Measured | None, known: Known) -> Measured | None:
    if measured is None or known.reliable:
        return measured
    return Measured(
        wall=measured.wall,
        cpu=measured.cpu,
        twins=measured.twins,
        cpu_twins=measured.cpu_twins,
        flags=measured.flags | {"unreliable"},
        threads=measured.threads,
        own_cpu=measured.own_cpu,
        throttled=measured.throttled,
    )


def _decided(measured: Mapping[int, Measured], rule: Callable[[Measured, float], Decision]) -> dict[int, Decision]:
    """Return decisions on all that was measured, judged together."""
    claims = [partial(rule, one) for one in measured.values()]
    return dict(zip(measured, verdict.holm(claims), strict=True))


def _reaches(measured: Mapping[int, Measured], target: float) -> dict[int, float]:
    """Return by which factor each row's interval reaches below its ratio, at the level that Holm first asks for.

    A row that no ratio would decide has none, nor has one without an interval.
    """
    deciding = {number: _deciding(one, target) for number, one in measured.items()}
    rivals = sum(found is not None for found in deciding.values())
    reaches = {}
    for number, found in deciding.items():
        if found is None:
            continue
        told = at_level(found[0], 1 - (1 - CONFIDENCE) / rivals)
        if told.low is not None:
            reaches[number] = told.value / told.low * found[1]
    return reaches


def _deciding(one: Measured, target: float) -> tuple[Estimate, float] | None:
    """Return the ratio that a row is decided on, and by which factor it is widened; None where it cannot be decided."""
    if one.wall is None or forbidding(one.flags):
        return None
    if one.wall.low is None:
        return one.wall, 1.0
    on, estimate = deciding(one, one.wall)
    doubt = noise(one, on, target)
    if doubt is None:
        return estimate, 1.0
    return None if doubt.factor is None else (estimate, doubt.factor)


def _told_from(reach: float | None, least: float, beyond: float) -> float | None:
    """Return the smallest ratio that is told to be slower by more than `beyond`.

    >>> _told_from(1.149, 0.01, 0.0), round(_told_from(1.149, 0.01, 0.05), 3), _told_from(1.001, 0.01, 0.0)
    (1.149, 1.206, 1.01)
    """
    return None if reach is None else max(1 + least, (1 + beyond) * reach)


def _slower(decision: Decision | None) -> bool:
    return decision is not None and decision.verdict is Verdict.HOLDS and decision.low is not None and decision.low > 1


def _with_gate(decision: Decision | None, gate: Decision | None, limit: float) -> Decision | None:
    """Return a decision, and with its reason why what is slower is not told to be by more than a gate allows."""
    if decision is None or gate is None or limit == 0 or not _slower(decision) or _slower(gate):
        return decision
    return replace(decision, reason=f"{decision.reason} Against {100 * limit:g} %: {gate.reason}")


def _row(
    one: Compared,
    decision: Decision | None,
    least: float,
    *,
    fails: bool,
    slower_from: float | None,
    fails_from: float | None,
) -> ComparedRow:
    named = one.after or one.before
    assert named is not None
    on = decision.on if decision is not None and one.measured is not None else None
    estimate = None if one.measured is None else one.measured.cpu if on == "cpu time" else one.measured.wall
    outcome, reason = _outcome(one, decision)
    flags = one.measured.flags if one.measured else frozenset()
    return ComparedRow(
        before=one.before.trial if one.before else None,
        after=one.after.trial if one.after else None,
        unit=named.unit,
        model=named.model,
        backend=named.backend,
        precision=named.precision_asked,
        threads=named.threads_asked,
        batch=named.batch,
        taken=one.taken if estimate else None,
        latency_before_s=one.before.latency_p50_s if one.before else None,
        latency_after_s=one.after.latency_p50_s if one.after else None,
        ratio=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        decided_on=on,
        decided_low=decision.low if decision and estimate else None,
        decided_high=decision.high if decision and estimate else None,
        machine_ratio=one.machine,
        ruler=one.ruler,
        least_difference=least if estimate else None,
        slower_from=slower_from,
        fails_from=fails_from,
        outcome=outcome,
        fails=fails,
        reason=reason,
        changed="; ".join(f"{found.what}: {found.before} -> {found.after}" for found in one.changed),
        flags=" ".join(sorted(flags)),
    )


def _outcome(one: Compared, decision: Decision | None) -> tuple[Outcome, str]:
    if one.after is None:
        return Outcome.MISSING, "Only the first run has it."
    if one.before is None:
        return Outcome.NEW, "Only the second run has it."
    if not (usable(one.before) and usable(one.after)):
        return _lost(one.before, one.after)
    assert decision is not None
    if decision.verdict is Verdict.INCONCLUSIVE and decision.low is None:
        return Outcome.OPEN, decision.reason
    return _WORDS[decision.verdict] if decision.verdict in _WORDS else _told(decision), decision.reason


def _told(decision: Decision) -> Outcome:
    return Outcome.SLOWER if _slower(decision) else Outcome.FASTER


_WORDS = {
    Verdict.INCONCLUSIVE: Outcome.LEVEL,
    Verdict.NOISY: Outcome.NOISY,
    Verdict.INVALID: Outcome.INVALID,
    Verdict.NOT_MEASURED: Outcome.NOT_MEASURED,
}


def _lost(before: TrialRow, after: TrialRow) -> tuple[Outcome, str]:
    if usable(before):
        return Outcome.LOST, f"It was measured before; now it is {_fate(after)}."
    if usable(after):
        return Outcome.WAS_LOST, f"It was {_fate(before)} before; now it is measured."
    return Outcome.NOT_MEASURED, f"It was {_fate(before)} before, and now is {_fate(after)}."


def _fate(row: TrialRow) -> str:
    words = [row.status, *([f"at {row.stage}"] if row.stage else []), *([f"({row.reason})"] if row.reason else [])]
    return " ".join(words)


def unjudged(found: Iterable[ComparedRow]) -> int:
    """Return how many rows were asked for and could not be judged."""
    return sum(row.outcome in UNJUDGED for row in found)


def tells(found: Iterable[ComparedRow]) -> bool:
    """Tell whether anything could be judged: else a gate can say neither yes nor no."""
    return any(row.outcome in JUDGED for row in found)


def failed(found: Sequence[ComparedRow], *, noisy: bool = False) -> bool:
    """Tell whether a gate says no; with `noisy` also for a row that could not be judged, and where none could."""
    return any(row.fails for row in found) or (noisy and (unjudged(found) > 0 or not tells(found)))
