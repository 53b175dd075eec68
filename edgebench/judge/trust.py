"""What casts doubt on a ratio, and whether its session answers it: flags, the clock to decide on, the A/A' test."""

from dataclasses import dataclass
from typing import Literal

from edgebench.measure.flags import FORBIDDING, forbidding, shared_processor
from edgebench.measure.statistics import CONFIDENCE, Estimate, half_width

__all__ = [
    "BIASING",
    "DISTRUSTED",
    "FORBIDDING",
    "Clock",
    "Doubt",
    "Measured",
    "clock",
    "forbidding",
    "noise",
    "reliable",
]

NOMINAL = 1 - CONFIDENCE
_REFUSED_AT = 0.025  # P(so many false positives or more) below it: 6 of 40

DISTRUSTED = frozenset(
    {
        "clock_moved",
        "contended",
        "crowded",
        "drift",
        "no_steady_state",
        "not_thermally_steady",
        "stolen",
        "throttled",
        "undervolted",
        "unstable_clock_or_bandwidth",
        "unsteady",
    }
)
"""Flags of a disturbed machine: a verdict needs a session whose A/A' shows that pairing dealt with it."""

BIASING = {
    "contention_sensitive": "Undisturbed rounds alone give another ratio.",
    "unreliable": "The selftest of this machine found more false differences than its intervals allow.",
}
"""Flags that no A/A' excuses, and why: what shifts a ratio of unequal trials leaves that of equal ones at 1."""

Clock = Literal["wall", "cpu time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The latency ratio of two trials of one session, subject / baseline, and what casts doubt on it.

    `cpu` is the same ratio in CPU time, `twins` and `cpu_twins` the session's A/A' on either clock. `flags` are those
    of both trials, their pair and their session. `own_cpu`: both computed on processors whose time was taken.
    `throttled` says when the processor was held back, and by what.
    """

    wall: Estimate | None
    cpu: Estimate | None = None
    twins: Estimate | None = None
    cpu_twins: Estimate | None = None
    flags: frozenset[str] = frozenset()
    threads: int = 1
    own_cpu: bool = True
    throttled: str | None = None


def clock(measured: Measured) -> Clock:
    """Return the clock that a verdict is decided on: CPU time where one thread had to share its processor."""
    shared = shared_processor(measured.flags, measured.threads, own_cpu=measured.own_cpu)
    return "cpu time" if shared and measured.cpu is not None and measured.cpu.low is not None else "wall"


def deciding(measured: Measured, wall: Estimate) -> tuple[Clock, Estimate]:
    """Return the clock that a verdict is decided on, and the ratio by it; `wall` is the one by the wall clock."""
    if clock(measured) == "cpu time" and measured.cpu is not None:
        return "cpu time", measured.cpu
    return "wall", wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a disturbed session allows no verdict, but for one that an interval wider by `factor` still decides.

    The factor is what the session's A/A' leaves open: it told a trial from its twin by no more than that. None: nothing
    helps.
    """

    reason: str
    factor: float | None = None


def noise(measured: Measured, on: Clock, target: float) -> Doubt | None:
    """Return what forbids a verdict in a disturbed session, None when nothing does."""
    assert measured.wall is not None
    assert measured.wall.low is not None
    assert measured.wall.high is not None
    answered = {"contention_sensitive"} if on == "cpu time" else set()
    for flag in sorted(measured.flags & BIASING.keys() - answered):
        return Doubt(reason=BIASING[flag])
    if on == "cpu time":
        assert measured.cpu is not None
        if not measured.wall.low <= measured.cpu.value <= measured.wall.high:
            told = f"{measured.cpu.value:.4g}"
            return Doubt(reason=f"The ratio in CPU time, {told}, lies outside the interval by the wall clock.")
    doubts = sorted(measured.flags & DISTRUSTED)
    twins = measured.cpu_twins if on == "cpu time" else measured.twins
    if doubts and not _excused(twins, target):
        reason = f"Flagged: {', '.join(doubts)}; and the session's A/A' {_said(twins, target)}."
        return Doubt(reason=reason, factor=_left_open(twins))
    return None


def reliable(excluded: int, sessions: int) -> bool:
    """Tell whether so many A/A intervals that exclude 1 are what 95 % intervals do; else all verdicts are refused.

    The lower end of the exact binomial interval (Clopper and Pearson) lies above 5 % from 6 of 40 on.

    >>> reliable(5, 40), reliable(6, 40)
    (True, False)
    """
    from scipy.stats import binom

    return bool(binom.sf(excluded - 1, sessions, NOMINAL) >= _REFUSED_AT)


def _excused(twins: Estimate | None, target: float) -> bool:
    """Tell whether a session told a trial from its twin as little as it should: 1 inside, and twice the target wide."""
    if twins is None or twins.low is None or twins.high is None:
        return False
    width = half_width(twins)
    return twins.low <= 1 <= twins.high and width is not None and width <= 2 * target


def _left_open(twins: Estimate | None) -> float | None:
    """Return the largest factor between a trial and its twin that A/A' allows, None when it excludes 1."""
    if twins is None or twins.low is None or twins.high is None or not twins.low <= 1 <= twins.high:
        return None
    return max(1 / twins.low, twins.high)


def _said(twins: Estimate | None, target: float) -> str:
    if twins is None or twins.low is None or twins.high is None:
        return "was not measured"
    wide = f"is wider than {100 * 2 * target:.3g} % to each side"
    return f"[{twins.low:.4g}, {twins.high:.4g}] {wide if twins.low <= 1 <= twins.high else 'excludes 1'}"
