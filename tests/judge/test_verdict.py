"""Verdicts from intervals and flags: each at its border, on its clock, and several together."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgebench.judge.trust import BIASING, DISTRUSTED, FORBIDDING, reliable
from edgebench.judge.verdict import (
    MARGIN,
    Decision,
    Measured,
    Verdict,
    at_least,
    at_most,
    equal,
    faster,
    holm,
    least_difference,
)
from edgebench.measure.statistics import Estimate


def around(value: float, half: float, invocations: int = 10) -> Estimate:
    """An estimate whose interval reaches to value x and / (1 + half)."""
    return Estimate(value=value, low=value / (1 + half), high=value * (1 + half), invocations=invocations)


def of(value: float, half: float = 0.01, *flags: str) -> Measured:
    """A ratio with quiet twins."""
    twins = around(1.0, 0.01)
    return Measured(
        wall=around(value, half), cpu=around(value, half), twins=twins, cpu_twins=twins, flags=frozenset(flags)
    )


# --- borders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.70, 0.776, Verdict.HOLDS),
        (0.70, 0.778, Verdict.INCONCLUSIVE),
        (0.776, 0.80, Verdict.INCONCLUSIVE),
        (0.778, 0.80, Verdict.DOES_NOT_HOLD),
    ],
)
def test_at_most(low: float, high: float, verdict: Verdict) -> None:
    """A ratio of at most 0.74, with 5 % for other builds: the threshold is 0.777."""
    estimate = Estimate(value=math.sqrt(low * high), low=low, high=high, invocations=10)
    found = at_most(Measured(wall=estimate), 0.74)
    assert found.verdict is verdict
    assert (found.low, found.high) == pytest.approx((low, high))
    assert "0.777" in found.reason
    mirrored = Estimate(value=1 / estimate.value, low=1 / high, high=1 / low, invocations=10)
    assert at_least(Measured(wall=mirrored), 1 / 0.74).verdict is verdict


@pytest.mark.parametrize(
    ("value", "half", "verdict"),
    [
        (1.0, 0.020, Verdict.HOLDS),
        (1.0, 0.023, Verdict.HOLDS),  # its 90 % interval reaches to 1.0187
        (1.0, 0.025, Verdict.INCONCLUSIVE),
        (1.015, 0.005, Verdict.HOLDS),
        (1.019, 0.005, Verdict.INCONCLUSIVE),
        (1.022, 0.005, Verdict.INCONCLUSIVE),
        (1.027, 0.005, Verdict.DOES_NOT_HOLD),
        (1 / 1.027, 0.005, Verdict.DOES_NOT_HOLD),
    ],
)
def test_equal(value: float, half: float, verdict: Verdict) -> None:
    """Within 2 %: two one-sided tests for it, the whole interval outside against it."""
    assert equal(of(value, half), 0.02).verdict is verdict


@pytest.mark.parametrize(
    ("value", "half", "resolution", "verdict"),
    [
        (0.95, 0.01, None, Verdict.HOLDS),
        (0.985, 0.004, None, Verdict.HOLDS),
        (0.985, 0.006, None, Verdict.INCONCLUSIVE),
        (0.985, 0.004, 0.02, Verdict.INCONCLUSIVE),  # this machine tells 4 % apart
        (0.95, 0.01, 0.02, Verdict.HOLDS),
        (0.995, 0.001, None, Verdict.INCONCLUSIVE),  # faster, but by less than counts
        (1.005, 0.004, None, Verdict.DOES_NOT_HOLD),
        (1.005, 0.006, None, Verdict.INCONCLUSIVE),
    ],
)
def test_faster(value: float, half: float, resolution: float | None, verdict: Verdict) -> None:
    """Below 1 by what the machine can tell apart; above 1 not."""
    assert faster(of(value, half), resolution).verdict is verdict


def test_least_difference() -> None:
    """1 %, or twice what the machine resolves."""
    assert [least_difference(resolution) for resolution in (None, 0.0, 0.004, 0.01)] == [0.01, 0.01, 0.01, 0.02]


@given(st.floats(0.2, 5), st.floats(0.001, 0.2), st.floats(0.2, 5))
def test_claim_and_its_inverse_are_one(value: float, half: float, limit: float) -> None:
    """That A / B is at most q and that B / A is at least 1 / q are judged alike."""
    border = limit * (1 + MARGIN)
    assume(not any(math.isclose(end, border) for end in (value / (1 + half), value * (1 + half))))  # but for rounding
    one, other = at_most(of(value, half), limit), at_least(of(1 / value, half), 1 / limit)
    assert one.verdict is other.verdict


# --- what forbids a verdict ------------------------------------------------------------------------------------------


def test_nothing_measured() -> None:
    """Without a session, or without a round of both trials, there is no figure and no verdict."""
    for judge in (at_most, at_least, equal, faster):
        for nothing in (None, Measured(wall=None, flags=frozenset({"invalid_paging"}))):
            found = judge(nothing, 0.5)
            assert (found.text, found.low, found.high) == ("NOT MEASURED", None, None)


@pytest.mark.parametrize("flag", [*sorted(FORBIDDING), "invalid_paging", "invalid_throttled", "invalid_contended"])
def test_figures_of_something_else_are_invalid(flag: str) -> None:
    """However clear the interval and quiet the twins; and before all that could make them noisy."""
    found = at_most(of(0.5, 0.01, flag, "contended", "unreliable"), 0.74)
    assert found.text == "INVALID"
    assert flag in found.reason


@pytest.mark.parametrize("flag", sorted(DISTRUSTED - {"contended"}))
def test_disturbed_session_needs_its_twins(flag: str) -> None:
    """1 inside the interval of A/A', and no more than twice the target to each side; else NOISY, if it is near."""
    session = of(0.5, 0.01, flag)
    assert at_most(session, 0.74).text == "HOLDS"
    assert at_most(replace(session, twins=around(1.0, 0.0199)), 0.74).text == "HOLDS"
    for twins in (
        around(1.02, 0.019),
        None,
        Estimate(value=1.0, low=None, high=None, invocations=4),
    ):
        found = at_most(replace(session, twins=twins), 0.74)
        assert found.text == "NOISY"
        assert flag in found.reason
    near = of(0.76, 0.01, flag)
    assert at_most(near, 0.74).text == "HOLDS"
    assert at_most(replace(near, twins=around(1.0, 0.03)), 0.74).text == "NOISY"
    assert at_most(replace(near, twins=around(1.0, 0.03)), 0.74, target=0.02).text == "HOLDS"


@pytest.mark.parametrize(("ratio", "text"), [(0.5, "HOLDS"), (0.7, "NOISY"), (0.85, "NOISY"), (1.0, "DOES NOT HOLD")])
def test_wide_twins_leave_a_doubt_of_known_size(ratio: float, text: str) -> None:
    """What an interval still decides when it is widened by all that A/A' leaves open is decided."""
    session = replace(of(ratio, 0.01, "drift"), twins=around(1.0, 0.2))
    found = at_most(session, 0.74)
    assert found.text == text
    assert ("widened" in found.reason) == (text != "NOISY")


def test_quiet_session_does_not_need_them() -> None:
    """One in twenty A/A' excludes 1 by chance: without a sign of disturbance that is no reason."""
    for twins in (None, around(1.05, 0.01)):
        assert at_most(replace(of(0.5), twins=twins), 0.74).text == "HOLDS"
        assert at_most(replace(of(0.5, 0.01, "governor", "unlimited"), twins=twins), 0.74).text == "HOLDS"


@pytest.mark.parametrize("flag", sorted(BIASING))
def test_twins_do_not_excuse_everything(flag: str) -> None:
    """What shifts a ratio of unequal trials leaves that of equal ones at 1."""
    found = at_most(of(0.5, 0.01, flag), 0.74)
    assert found.text == "NOISY"
    assert found.reason == BIASING[flag]


def test_too_few_invocations() -> None:
    """No interval, no verdict, and a plan that would give one."""
    found = at_most(Measured(wall=Estimate(value=0.1, low=None, high=None, invocations=4)), 0.74)
    assert (found.text, found.needed_invocations) == ("INCONCLUSIVE", 10)


# --- CPU time --------------------------------------------------------------------------------------------------------

CONTENDED = replace(of(0.75, 0.05, "contended"), cpu=around(0.74, 0.005))


def test_one_contended_thread_is_judged_on_cpu_time() -> None:
    """By the interval of CPU time, and it says so everywhere; it never enters a headline."""
    found = at_most(CONTENDED, 0.74)
    assert (found.verdict, found.text, found.on) == (Verdict.HOLDS, "HOLDS (CPU time)", "cpu time")
    assert found.high == pytest.approx(0.74 * 1.005)
    assert not found.headline
    assert at_most(CONTENDED, 0.5).text == "DOES NOT HOLD (CPU time)"
    assert at_most(CONTENDED, 0.705).text == "INCONCLUSIVE (CPU time)"
    assert at_most(replace(CONTENDED, flags=frozenset()), 0.74).on == "wall"
    assert at_most(of(0.5), 0.74).headline


@pytest.mark.parametrize("threads", [2, 4])
def test_cpu_time_of_several_threads_is_no_latency(threads: int) -> None:
    """With more than one thread, or computing elsewhere, the wall clock decides, if the twins let it."""
    for changed in (
        replace(CONTENDED, threads=threads),
        replace(CONTENDED, own_cpu=False),
        replace(CONTENDED, cpu=None),
    ):
        assert at_most(changed, 0.9).text == "HOLDS"
        assert at_most(replace(changed, twins=around(1.0, 0.3)), 0.9).text == "NOISY"
        assert at_most(replace(changed, twins=None), 0.9).text == "NOISY"


def test_cpu_time_must_agree_with_the_wall_clock() -> None:
    """A ratio in CPU time outside the wall's interval says that something else than sharing happened."""
    for cpu in (around(0.70, 0.005), around(0.80, 0.005)):
        found = at_most(replace(CONTENDED, cpu=cpu), 0.9)
        assert found.verdict is Verdict.NOISY
        assert "CPU time" in found.reason


def test_cpu_time_needs_twins_in_cpu_time() -> None:
    """The A/A' of the clock that decides has to be in order; that of the wall clock may be as wide as it is."""
    assert at_most(replace(CONTENDED, twins=None), 0.74).text == "HOLDS (CPU time)"
    for twins in (None, around(1.0, 0.05), around(1.05, 0.01)):
        assert at_most(replace(CONTENDED, cpu_twins=twins), 0.74).verdict is Verdict.NOISY


def test_cpu_time_answers_what_contention_shifts() -> None:
    """A wall ratio that depends on disturbed rounds is no obstacle when it is not the one that decides."""
    both = replace(CONTENDED, flags=frozenset({"contended", "contention_sensitive"}))
    assert at_most(both, 0.74).text == "HOLDS (CPU time)"
    assert at_most(replace(both, threads=2), 0.9).text == "NOISY"
    assert at_most(replace(both, flags=both.flags | {"unreliable"}), 0.74).verdict is Verdict.NOISY


# --- how much more ---------------------------------------------------------------------------------------------------


def test_open_verdicts_say_what_would_decide_them() -> None:
    """The nearer the ratio to its threshold, the more invocations; on the threshold none are enough."""
    needed = [at_most(of(value, 0.05), 1.0, margin=0.0).needed_invocations for value in (0.97, 0.98, 0.99)]
    assert all(one is not None for one in needed)
    assert needed == sorted(needed, key=lambda one: one or 0)
    assert needed[0] is not None
    assert needed[0] > 10
    assert at_most(of(1.0, 0.05), 1.0, margin=0.0).needed_invocations is None
    assert at_most(of(0.5), 1.0).needed_invocations is None  # decided


def test_indifferent_truth_is_never_decided() -> None:
    """Between 1 / 1.01 and 1 a trial is neither faster by what counts nor slower: more measuring does not help."""
    assert faster(of(0.995, 0.02), None).needed_invocations is None
    assert faster(of(0.97, 0.05), None).needed_invocations is not None
    assert faster(of(1.01, 0.05), None).needed_invocations is not None


# --- several claims --------------------------------------------------------------------------------------------------


def texts(decisions: list[Decision]) -> list[str]:
    """The verdicts as they are printed."""
    return [decision.text for decision in decisions]


def below_one(claim: Measured | None) -> Callable[[float], Decision]:
    """That the ratio is at most 1, at a level of confidence to come."""
    return partial(_below_one, claim)


def _below_one(claim: Measured | None, confidence: float) -> Decision:
    return at_most(claim, 1.0, margin=0.0, confidence=confidence)


def test_holm_steps_down() -> None:
    """Clear claims are decided first and make it easier for the others, not the other way round."""
    clear, close, closer = of(0.5), of(1 / 1.0119), of(1 / 1.0101)

    def judge(*claims: Measured) -> list[str]:
        return texts(holm([below_one(claim) for claim in claims]))

    assert judge(closer) == ["HOLDS"]
    assert judge(closer, clear) == ["HOLDS", "HOLDS"]  # 0.05 is left for it once the clear one is decided
    assert judge(closer, closer) == ["INCONCLUSIVE", "INCONCLUSIVE"]  # neither is clear at 0.025
    assert judge(closer, close) == ["HOLDS", "HOLDS"]
    assert judge(clear, of(1.0), clear) == ["HOLDS", "INCONCLUSIVE", "HOLDS"]
    assert judge() == []


def test_claims_that_no_interval_decides_do_not_count() -> None:
    """What was not measured, is noisy or invalid makes it no harder for the rest, and keeps its place."""
    border = of(1 / 1.0101)
    claims = [None, border, of(0.5, 0.01, "parity"), of(0.5, 0.01, "unreliable")]
    assert texts(holm([below_one(claim) for claim in claims])) == ["NOT MEASURED", "HOLDS", "INVALID", "NOISY"]


def lucky(
    sessions: int, claims: int, spread: float, seed: int, undecided: Verdict, **doubt: Any
) -> tuple[float, float]:
    """The shares of sessions in which a claim on its threshold is decided, with Holm's correction and without."""
    together = alone = 0
    for logs in np.random.default_rng(seed).normal(0, spread, (sessions, claims, 10)):
        half = 2.2622 * logs.std(axis=1, ddof=1) / math.sqrt(10)
        found = [
            below_one(Measured(wall=around(math.exp(centre), math.expm1(h)), **doubt))
            for centre, h in zip(logs.mean(axis=1), half, strict=True)
        ]
        together += any(one.verdict is not undecided for one in holm(found))
        alone += any(claim(0.95).verdict is not undecided for claim in found)
    return together / sessions, alone / sessions


def test_holm_keeps_the_error_of_the_whole() -> None:
    """Of five claims on their thresholds one or more is decided, by luck alone, in 5 of 100 sessions."""
    together, alone = lucky(1000, 5, 0.01, 7, Verdict.INCONCLUSIVE)
    assert 0.03 <= together <= 0.07
    assert alone > 0.18


def test_holm_keeps_the_error_of_a_disturbed_session() -> None:
    """Of 20 claims on their thresholds, widened by the A/A', at most 5 in 100 sessions decide one by luck."""
    doubt = {"twins": around(1.0, 0.021), "flags": frozenset({"crowded"})}
    together, alone = lucky(400, 20, 0.2, 11, Verdict.NOISY, **doubt)
    assert together <= 0.05
    assert alone > 0.3


def test_holm_tries_a_noisy_claim_again() -> None:
    """Where a clear claim is decided, one that the session left noisy gets its error; until then it counts."""
    twins = around(1.0, 0.021)
    noisy = Measured(wall=around(0.947, 0.03), twins=twins, flags=frozenset({"crowded"}))
    assert below_one(noisy)(0.975).verdict is Verdict.NOISY
    assert texts(holm([below_one(noisy)])) == ["HOLDS"]
    assert texts(holm([below_one(of(0.5)), below_one(noisy)])) == ["HOLDS", "HOLDS"]
    assert texts(holm([below_one(of(1.0)), below_one(noisy)])) == ["INCONCLUSIVE", "NOISY"]


# --- the machine's own record ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("excluded", "sessions", "trusted"),
    [(0, 1, True), (0, 40, True), (5, 40, True), (6, 40, False), (40, 40, False), (2, 10, True), (3, 10, False)],
)
def test_selftest_that_failed(excluded: int, sessions: int, trusted: bool) -> None:
    """So many false positives that 5 % would give them in fewer than 25 of 1000 selftests."""
    assert reliable(excluded, sessions) is trusted


def test_nothing_is_said_of_an_emulated_ratio() -> None:
    """Whatever its interval, a ratio of times that an emulator took is INVALID."""
    found = faster(of(0.5, 0.01, "emulated"), None)
    assert (found.verdict, found.reason) == (Verdict.INVALID, "Flagged: emulated.")
