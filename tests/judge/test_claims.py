"""Claims against figures: every kind and relation at its limit, just inside and just outside; slips; combinations."""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.analysis.published import Confidence
from edgebench.judge import combining, relations
from edgebench.judge.claims import Claim
from edgebench.judge.limits import Limits, figure, limits, stated
from edgebench.judge.slips import slips
from edgebench.judge.trust import Measured
from edgebench.judge.verdict import Decision, Verdict
from edgebench.measure import statistics
from edgebench.measure.statistics import Estimate

RATIO: dict[str, Any] = {
    "id": "one",
    "statement": "A needs 27 times less than B.",
    "place": "Table 8",
    "kind": "mult_adds_ratio",
    "printed": "27 x",
    "source": "a paper",
    "confidence": Confidence.READ,
    "subject": "vgg:depth=16",
    "baseline": "mobilenet_v1",
}
LATENCY = {**RATIO, "kind": "latency_ratio"}
SHARE: dict[str, Any] = {
    **RATIO,
    "kind": "share",
    "quantity": "mult_adds",
    "printed": "94.86 %",
    "subject": "mobilenet_v1",
    "baseline": "",
    "part": ("conv_1x1",),
}
EXPONENT: dict[str, Any] = {
    **RATIO,
    "kind": "scaling_exponent",
    "quantity": "params",
    "printed": "2",
    "subject": "",
    "baseline": "",
    "models": ("mobilenet_v1", "mobilenet_v1:width=0.5"),
    "parameter": "width",
    "tolerance": "10 %",
    "tolerance_reason": "roughly",
}
ABSOLUTE: dict[str, Any] = {**RATIO, "kind": "absolute", "quantity": "mult_adds", "printed": "569 M", "baseline": ""}
POINTS: dict[str, Any] = {
    **RATIO,
    "kind": "accuracy_delta",
    "printed": "4 points",
    "subject_figure": "60.2",
    "baseline_figure": "57.2",
    "figures_in": "Table 9",
}


def ends(claim: dict[str, Any], **changes: Any) -> tuple[Fraction | None, Fraction | None]:
    """The limits of a claim with changes."""
    found = limits(Claim(**{**claim, **changes}))
    return found.low, found.high


# --- what a claim states ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "low", "high"),
    [
        ({}, "26.5", "27.5"),
        ({"printed": "27.0 x"}, "26.95", "27.05"),
        ({"printed": "27 times", "value": "27 x"}, "26.5", "27.5"),
        ({"tolerance": "1 digit"}, "26", "28"),
        ({"tolerance": "2 digits"}, "25", "29"),
        ({"tolerance": "10 %"}, "24.3", "29.7"),
        ({"tolerance": "exact"}, "27", "27"),
        ({"relation": "at_least"}, "27", None),
        ({"relation": "at_least", "tolerance": "1 digit"}, "26", None),
        ({"relation": "at_most"}, None, "27"),
        ({"relation": "at_most", "tolerance": "10 %"}, None, "29.7"),
        ({"relation": "between", "printed": "8 to 9 x"}, "8", "9"),
        ({"relation": "between", "printed": "8 to 9 x", "tolerance": "0.5 digits"}, "7.5", "9.5"),
        ({"relation": "between", "printed": "18 to 19.5 %"}, "0.18", "0.195"),
        ({"printed": "18 %"}, "0.175", "0.185"),
        ({"printed": "1/4 + 1/2^2 x"}, "0.5", "0.5"),
        ({"printed": "1/N + 1/K^2 x", "variables": {"N": 10, "K": 5}}, "0.14", "0.14"),
        ({"printed": "(N - 1) * 2 x", "variables": {"N": 10}}, "18", "18"),
        ({"printed": "113/50 x", "tolerance": "10 %"}, "2.034", "2.486"),
    ],
)
def test_limits_follow_from_print_relation_and_tolerance(
    changes: dict[str, Any], low: str | None, high: str | None
) -> None:
    """Half a unit of the last digit unless another tolerance is stated; formulas and bounds are exact."""
    reason = {"tolerance_reason": "stated"} if "tolerance" in changes else {}
    expected = tuple(None if end is None else Fraction(end) for end in (low, high))
    assert ends(RATIO, **changes, **reason) == expected


@pytest.mark.parametrize(
    ("claim", "printed", "low", "high"),
    [
        (SHARE, "94.86 %", "0.94855", "0.94865"),
        (EXPONENT, "2", "1.8", "2.2"),
        (ABSOLUTE, "569 M", "568500000", "569500000"),
        (ABSOLUTE, "15300 M to 3 digits", "15250000000", "15350000000"),
        (ABSOLUTE, "864", "863.5", "864.5"),
        (POINTS, "4 points", "3.5", "4.5"),
        (POINTS, "-1.1 points", "-1.15", "-1.05"),
    ],
)
def test_each_kind_has_its_unit(claim: dict[str, Any], printed: str, low: str, high: str) -> None:
    """Shares are per cent, exponents plain, counts in thousands and more, accuracies in points."""
    assert ends(claim, printed=printed) == (Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    ("claim", "changes", "said"),
    [
        (RATIO, {"printed": "27 M"}, "printed is '27 M', in M: expected x or %"),
        (SHARE, {"printed": "95 x"}, "in x: expected % for share"),
        (EXPONENT, {"printed": "2 x"}, "expected no unit for scaling_exponent"),
        (POINTS, {"printed": "4 %"}, "expected points"),
        (RATIO, {"printed": "about 27"}, "words need a number as value"),
        (RATIO, {"printed": "27 times", "value": "twenty-seven"}, "value is 'twenty-seven': expected"),
        (RATIO, {"printed": "1/N x"}, "'N' is no variable"),
        (RATIO, {"printed": "1/0 x"}, "it is no number either"),
        (RATIO, {"printed": "2^99 x"}, "it is no number either"),
        (RATIO, {"printed": "__import__('os') x"}, "it is no number either"),
        (RATIO, {"printed": "8 to 9 x"}, "expected one number, or the relation between"),
        (RATIO, {"relation": "between"}, "expected a range"),
        (RATIO, {"relation": "between", "printed": "9 to 8 x"}, "expected the lower end first"),
        (RATIO, {"printed": "under 5 x"}, "expected the number, and the relation at_most"),
        (RATIO, {"tolerance": "-5 %"}, "tolerance is '-5 %': expected exact"),
        (RATIO, {"tolerance": "0 %"}, "expected more than 0, or exact"),
        (RATIO, {"tolerance": "100 %"}, "expected less than 100 %"),
        (RATIO, {"tolerance": "5"}, "tolerance is '5': expected exact"),
        (RATIO, {"tolerance": "27 digits"}, "expected less than it"),
        (RATIO, {"printed": "1/3 x", "tolerance": "1 digit"}, "a formula has no last digit"),
    ],
)
def test_what_cannot_be_judged_is_refused(claim: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    """Wrong units, words, ranges the wrong way round and impossible tolerances: what is expected is said."""
    reason = {"tolerance_reason": "stated"} if "tolerance" in changes else {}
    with pytest.raises(ValueError, match=r".") as error:
        limits(Claim(**{**claim, **changes, **reason}))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("claim", "changes", "said"),
    [
        (RATIO, {"source": " "}, "source of one is empty"),
        (RATIO, {"baseline": ""}, "(one) baseline is missing: expected it for mult_adds_ratio"),
        (RATIO, {"quantity": "params"}, "expected none, which mult_adds_ratio says itself"),
        (SHARE, {"quantity": "layers"}, "expected one of mult_adds, params, time"),
        (SHARE, {"part": ()}, "part is missing"),
        (EXPONENT, {"models": ("mobilenet_v1",)}, "expected two or more"),
        (EXPONENT, {"parameter": ""}, "parameter is missing"),
        (ABSOLUTE, {"quantity": None}, "quantity is None"),
        (POINTS, {"figures_in": ""}, "figures_in is missing"),
        (RATIO, {"baseline_figure": "3 M", "figures_in": "Table 1"}, "baseline_figure stands beside baseline"),
        (LATENCY, {"baseline": "", "baseline_figure": "3 M", "figures_in": "Table 1"}, "expected models"),
        (LATENCY, {"subject_times": 10}, "expected models that run once"),
        (RATIO, {"subject_times": 0}, "expected an integer from 1"),
        (RATIO, {"tolerance": "1 digit"}, "tolerance_reason is missing"),
        (RATIO, {"tolerance_reason": "why"}, "without a tolerance"),
    ],
)
def test_a_claim_names_what_its_kind_needs(claim: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    """What is missing, empty or too much is named, with the claim's id."""
    with pytest.raises(ValueError, match=r".") as error:
        Claim(**{**claim, **changes})
    assert said in str(error.value)


def test_a_figure_from_elsewhere_is_read_in_its_unit() -> None:
    """7.5 M is seven and a half million."""
    assert (figure("7.5 M"), figure("60.2")) == (Fraction(7_500_000), Fraction("60.2"))


# --- counted claims --------------------------------------------------------------------------------------------------

TINY = Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        (RATIO, {}),
        (RATIO, {"relation": "at_least"}),
        (RATIO, {"relation": "at_most"}),
        (RATIO, {"relation": "between", "printed": "8 to 9 x"}),
        (RATIO, {"printed": "1/N + 1/K^2 x", "variables": {"N": 512, "K": 3}}),
        ({**RATIO, "kind": "params_ratio"}, {}),
        ({**RATIO, "kind": "params_ratio"}, {"relation": "at_least"}),
        (SHARE, {}),
        (SHARE, {"relation": "at_most"}),
        (EXPONENT, {}),
        (EXPONENT, {"relation": "at_most", "tolerance": "", "tolerance_reason": ""}),
        (ABSOLUTE, {}),
        (ABSOLUTE, {"relation": "at_most"}),
        (POINTS, {}),
        (POINTS, {"relation": "at_least", "printed": "0 points"}),
    ],
)
def test_a_count_holds_up_to_its_limit(claim: dict[str, Any], changes: dict[str, Any]) -> None:
    """At a limit and just inside it holds, just outside it does not."""
    made = Claim(**{**claim, **changes})
    found = limits(made)
    for end, inward in ((found.low, TINY), (found.high, -TINY)):
        if end is None:
            continue
        assert relations.of_count(made, end).verdict is Verdict.HOLDS
        if found.low != found.high:
            assert relations.of_count(made, end + inward).verdict is Verdict.HOLDS
        assert relations.of_count(made, end - inward).verdict is Verdict.DOES_NOT_HOLD


@pytest.mark.parametrize(
    ("claim", "confidence", "value", "verdict"),
    [
        (RATIO, Confidence.READ, 27, Verdict.HOLDS),
        (RATIO, Confidence.RECOUNTED, 27, Verdict.HOLDS),
        (RATIO, Confidence.RECALLED, 27, Verdict.HOLDS),
        (RATIO, Confidence.READ, 30, Verdict.DOES_NOT_HOLD),
        (RATIO, Confidence.RECOUNTED, 30, Verdict.INCONCLUSIVE),
        (RATIO, Confidence.RECALLED, 30, Verdict.INCONCLUSIVE),
        (POINTS, Confidence.READ, 4, Verdict.HOLDS),
        (POINTS, Confidence.RECALLED, 4, Verdict.INCONCLUSIVE),
        (POINTS, Confidence.RECALLED, 3, Verdict.INCONCLUSIVE),
    ],
)
def test_what_is_quoted_without_its_source_decides_nothing_alone(
    claim: dict[str, Any], confidence: Confidence, value: int, verdict: Verdict
) -> None:
    """A count confirms a quotation; where it does not, and where both sides are quoted, nothing is decided."""
    found = relations.of_count(Claim(**{**claim, "confidence": confidence}), Fraction(value))
    assert found.verdict is verdict


# --- measured claims -------------------------------------------------------------------------------------------------


def between(low: float, high: float, *flags: str) -> Measured:
    """A ratio with this interval over ten invocations."""
    wall = Estimate(value=math.sqrt(low * high), low=low, high=high, invocations=10)
    return Measured(wall=wall, flags=frozenset(flags))


@pytest.mark.parametrize(
    ("changes", "low", "high", "verdict"),
    [
        ({"relation": "at_least"}, 25.72, 26, Verdict.HOLDS),  # 27 / 1.05 = 25.714
        ({"relation": "at_least"}, 25.70, 26, Verdict.INCONCLUSIVE),
        ({"relation": "at_least"}, 25, 25.70, Verdict.DOES_NOT_HOLD),
        ({"relation": "at_least"}, 25, 25.72, Verdict.INCONCLUSIVE),
        ({"relation": "at_most"}, 28, 28.34, Verdict.HOLDS),  # 27 x 1.05 = 28.35
        ({"relation": "at_most"}, 28, 28.36, Verdict.INCONCLUSIVE),
        ({"relation": "at_most"}, 28.36, 29, Verdict.DOES_NOT_HOLD),
        ({"relation": "at_most", "tolerance": "10 %"}, 29, 29.69, Verdict.HOLDS),
        ({"relation": "at_most", "tolerance": "10 %"}, 29.71, 30, Verdict.DOES_NOT_HOLD),
        ({}, 26.9, 27.1, Verdict.HOLDS),
        ({}, 28.4, 29, Verdict.DOES_NOT_HOLD),
        ({}, 25, 25.7, Verdict.DOES_NOT_HOLD),
        ({}, 28.2, 29, Verdict.INCONCLUSIVE),
        ({}, 25, 30, Verdict.INCONCLUSIVE),
        ({"tolerance": "exact"}, 26.9, 27.1, Verdict.INCONCLUSIVE),
        ({"relation": "between", "printed": "8 to 9 x"}, 8.1, 8.9, Verdict.HOLDS),
        ({"relation": "between", "printed": "8 to 9 x"}, 9.46, 9.6, Verdict.DOES_NOT_HOLD),  # 9 x 1.05 = 9.45
        ({"relation": "between", "printed": "8 to 9 x"}, 9.3, 9.6, Verdict.INCONCLUSIVE),
        ({"relation": "between", "printed": "8 to 9 x"}, 7.4, 7.61, Verdict.DOES_NOT_HOLD),  # 8 / 1.05 = 7.619
    ],
)
def test_a_measurement_is_judged_by_its_whole_interval(
    changes: dict[str, Any], low: float, high: float, verdict: Verdict
) -> None:
    """Builds may differ by 5 % unless the claim states a tolerance; equality and ranges are two one-sided tests."""
    reason = {"tolerance_reason": "stated"} if "tolerance" in changes else {}
    found = relations.of_measurement(Claim(**{**LATENCY, **changes, **reason}), between(low, high))
    assert found.verdict is verdict
    assert found.low is not None
    assert found.low == pytest.approx(low, rel=0.05)  # an equality is held by its 90 % interval


def test_equality_is_two_one_sided_tests() -> None:
    """The 90 % interval may lie inside where that of 95 % reaches outside."""
    claim = Claim(**LATENCY)
    wide = between(27 / 1.05 * 0.999, 27 * 1.05 * 1.001)
    assert relations.of_measurement(claim, wide).verdict is Verdict.HOLDS
    assert relations.of_measurement(claim, between(25.0, 29.2)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.948, 0.955, Verdict.HOLDS), (0.6, 0.7, Verdict.DOES_NOT_HOLD), (0.85, 0.95, Verdict.INCONCLUSIVE)],
)
def test_a_share_of_time(low: float, high: float, verdict: Verdict) -> None:
    """A share is judged like any ratio."""
    claim = Claim(**{**SHARE, "quantity": "time", "printed": "95 %"})
    assert relations.of_measurement(claim, between(low, high)).verdict is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.82, 2.18, Verdict.HOLDS),
        (1.2, 1.79, Verdict.DOES_NOT_HOLD),
        (2.21, 2.4, Verdict.DOES_NOT_HOLD),
        (1.6, 1.9, Verdict.INCONCLUSIVE),
    ],
)
def test_an_exponent_is_judged_in_its_own_numbers(low: float, high: float, verdict: Verdict) -> None:
    """Its exponential is a ratio; the interval and the limits that are told are those of the exponent."""
    claim = Claim(**{**EXPONENT, "quantity": "latency"})
    found = relations.of_measurement(claim, between(math.exp(low), math.exp(high)))
    assert found.verdict is verdict
    assert "[1.8, 2.2]" in found.reason
    assert found.high == pytest.approx(high, abs=0.05)


@pytest.mark.parametrize("confidence", [Confidence.RECALLED, Confidence.RECOUNTED])
def test_a_quoted_figure_is_no_ground_for_a_measured_verdict(confidence: Confidence) -> None:
    """However clear the measurement, the claim stays open until its source is read."""
    claim = Claim(**{**LATENCY, "confidence": confidence})
    assert relations.of_measurement(claim, between(9.0, 9.1)).verdict is Verdict.INCONCLUSIVE
    assert relations.of_measurement(claim, None).verdict is Verdict.NOT_MEASURED


def test_flags_forbid_a_verdict() -> None:
    """What measures something else than was asked for is INVALID."""
    assert relations.of_measurement(Claim(**LATENCY), between(27, 27.1, "parity")).verdict is Verdict.INVALID


def decision(verdict: Verdict) -> Decision:
    """A decision of this verdict."""
    return Decision(verdict=verdict, reason="because.")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], Verdict.NOT_MEASURED),
        ([Verdict.HOLDS], Verdict.HOLDS),
        ([Verdict.HOLDS, Verdict.HOLDS], Verdict.HOLDS),
        ([Verdict.HOLDS, Verdict.INCONCLUSIVE], Verdict.HOLDS),
        ([Verdict.DOES_NOT_HOLD, Verdict.NOISY], Verdict.DOES_NOT_HOLD),
        ([Verdict.HOLDS, Verdict.DOES_NOT_HOLD], Verdict.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.NOISY], Verdict.INCONCLUSIVE),
        ([Verdict.NOISY, Verdict.INVALID], Verdict.NOISY),
    ],
)
def test_settings_speak_together(found: list[Verdict], verdict: Verdict) -> None:
    """They decide where those that decide agree; where they contradict each other, nothing is decided."""
    assert relations.together([decision(one) for one in found]).verdict is verdict


# --- combinations of rounds ------------------------------------------------------------------------------------------


def blocks(scale: float, seed: int = 1, invocations: int = 6, rounds: int = 5) -> dict[int, dict[int, float]]:
    """Block medians that vary by a common drift."""
    return {i: {r: scale * (1 + 0.1 * math.sin(seed * 7.0 * i + r)) for r in range(rounds)} for i in range(invocations)}


def test_a_ratio_is_that_of_the_pairs_table() -> None:
    """The estimator is the one that runs are summarised with."""
    one, other = blocks(2.0, 1), blocks(1.0, 2)
    own, known = combining.ratio(one, other), statistics.latency_ratio(one, other)
    assert own is not None
    assert known is not None
    assert (own.value, own.low, own.high) == pytest.approx((known.value, known.low, known.high))


def test_a_share_sums_its_parts_round_by_round() -> None:
    """Drift that parts and whole have in common leaves the share as it is, with no width."""
    found = combining.share([(blocks(1.0), 3), (blocks(2.0), 1)], blocks(10.0))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


@given(st.floats(-3, 3), st.lists(st.floats(0.1, 10), min_size=2, max_size=5, unique=True))
def test_an_exponent_is_the_slope_of_the_logarithms(slope: float, xs: list[float]) -> None:
    """A power law gives its power, whatever the points."""
    if max(xs) / min(xs) < 1.01:
        return
    found = combining.exponent([(x, blocks(x**slope)) for x in xs])
    assert found is not None
    assert math.log(found.value) == pytest.approx(slope, abs=1e-6)


def test_only_rounds_that_measured_everything_count() -> None:
    """A trial that lacks an invocation takes it from the others; without any shared round there is no figure."""
    part = {0: {0: 1.0, 1: 9.0}, 1: {0: 1.0}}
    found = combining.ratio(part, {0: {0: 0.5}, 1: {0: 0.5}, 2: {0: 0.1}})
    assert found is not None
    assert (found.value, found.invocations) == (2.0, 2)
    assert combining.ratio({0: {0: 1.0}}, {1: {0: 1.0}}) is None


# --- slips -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "value", "said"),
    [
        ("0.58 M", 577_716_352, ["with another unit it comes out: 0.58 G"]),
        ("75 M", 7_500_000, ["with the decimal point moved it comes out: 7.5 M"]),
        ("0.75 M", 7_500_000, ["with the decimal point moved it comes out: 7.5 M"]),
        ("596 M", 568_740_352, ["with two digits swapped it comes out: 569 M"]),
        ("500 M", 568_740_352, []),
    ],
)
def test_slips_are_tried_on_the_text(printed: str, value: int, said: list[str]) -> None:
    """A unit, a decimal point and two digits that stand the wrong way round are told, and nothing else."""
    assert list(slips(Claim(**{**ABSOLUTE, "printed": printed}), Fraction(value))) == said


def test_swapped_digits_of_a_share() -> None:
    """1.19 % for 1.91 %."""
    claim = Claim(**{**SHARE, "printed": "1.19%", "value": "1.19 %"})
    assert list(slips(claim, Fraction(19056, 10**6))) == ["with two digits swapped it comes out: 1.91 %"]
    assert list(slips(replace(claim, value="1/84 %"), Fraction(19056, 10**6))) == []


def test_stated_keeps_the_digits() -> None:
    """What is stated knows its unit and the size of its last digit."""
    said = stated(Claim(**{**ABSOLUTE, "printed": "2.36 M"}))
    assert (said.low, said.step, said.unit, said.decimals) == (Fraction(2_360_000), Fraction(10_000), "M", 2)
    assert Limits(low=None, high=Fraction(1)).hold(Fraction(-5))
