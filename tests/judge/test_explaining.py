"""What explains latency: least squares on logarithms, across families and within; where it was measured; the fronts."""

import math
import random
from dataclasses import replace
from statistics import correlation, linear_regression
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.judge import explaining, fronts, places
from edgebench.judge.explaining import QUANTITIES, Counts, Quantity, fit
from edgebench.judge.fronts import Accuracy, front
from edgebench.judge.places import Measurements, Place
from edgebench.store.published import Row

MULT_ADDS: tuple[Quantity, ...] = ("mult-adds",)

Networks = list[tuple[str, float, list[float]]]

ROW = Row(
    source="ncnn",
    board="board",
    date="2024-01-01",
    runtime="ncnn",
    version="1",
    backend="cpu",
    threads=4,
    precision="fp32",
    batch=1,
    statistic="mean",
    model="mobilenet_v1",
    named="mobilenet",
    latency_s=0.1,
)

PLACE = Place(
    source="ncnn",
    board="board",
    runtime="ncnn",
    version="1",
    processor="cpu",
    arithmetic="float",
    precision="fp32",
    threads=4,
    batch=1,
    settings=None,
    chosen=True,
    judged=True,
)


def power_law(slope: float, factor: float = 1.0, family: str = "a", number: int = 7) -> Networks:
    """Networks whose latency is a factor times a power of their quantity."""
    return [(family, factor * x**slope, [float(x)]) for x in range(1, number + 1)]


def scattered(seed: int, number: int = 12, quantities: int = 1) -> Networks:
    """Networks about a line, from a fixed seed."""
    draw = random.Random(seed)
    made = []
    for _ in range(number):
        xs = [math.exp(draw.uniform(0, 5)) for _ in range(quantities)]
        made.append(("a", math.prod(xs) ** 0.7 * math.exp(draw.gauss(0, 0.3)), xs))
    return made


# --- one fit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_quantity_is_plain_regression(seed: int) -> None:
    """R2, slope and residual are those of the standard library's line through the logarithms."""
    networks = scattered(seed)
    xs, ys = [math.log(one[2][0]) for one in networks], [math.log(one[1]) for one in networks]
    line = linear_regression(xs, ys)
    left = sum((y - line.intercept - line.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    found = fit(networks, MULT_ADDS)
    assert found is not None
    assert found.r2 == pytest.approx(correlation(xs, ys) ** 2)
    assert found.slopes == pytest.approx((line.slope,))
    assert math.log(found.residual) ** 2 == pytest.approx(left / 10)
    assert (found.networks, found.families) == (12, 1)


@given(st.floats(0.2, 3), st.floats(1e-6, 1e6))
def test_a_power_law_leaves_nothing(slope: float, factor: float) -> None:
    """The slope is its power whatever the device's speed, and nothing is left over."""
    found = fit(power_law(slope, factor), MULT_ADDS)
    assert found is not None
    assert (found.r2, found.residual, found.slopes[0]) == pytest.approx((1, 1, slope))


def test_within_families_each_has_its_own_constant() -> None:
    """Two families on parallel lines are explained within, and less so across."""
    networks = [*power_law(1.0), *power_law(1.0, 20.0, "b")]
    across, within = fit(networks, MULT_ADDS), fit(networks, MULT_ADDS, within=True)
    assert across is not None
    assert within is not None
    assert across.r2 < 0.5
    assert (within.r2, within.residual) == pytest.approx((1, 1))
    assert (within.networks, within.families) == (14, 2)


def test_a_family_of_one_says_nothing_within() -> None:
    """It neither helps nor counts."""
    alone = fit(power_law(1.0), MULT_ADDS, within=True)
    assert fit([*power_law(1.0), ("b", 99.0, [1.0])], MULT_ADDS, within=True) == alone


@pytest.mark.parametrize(
    ("networks", "within", "enough"), [(5, False, False), (6, False, True), (5, True, False), (6, True, True)]
)
def test_a_fit_needs_four_networks_beyond_its_coefficients(networks: int, within: bool, enough: bool) -> None:
    """A constant and a slope leave four of six."""
    assert (fit(power_law(1.0, number=networks), MULT_ADDS, within=within) is not None) == enough


def test_what_cannot_be_told_apart_is_not_fitted() -> None:
    """Quantities that rise together, and latencies that do not vary, have no fit."""
    twice = [("a", latency_s, [x, 2 * x, x**2]) for _, latency_s, (x,) in scattered(1)]
    assert fit(twice, QUANTITIES) is None
    assert fit([("a", 1.0, [float(x)]) for x in range(1, 9)], MULT_ADDS) is None


def test_more_quantities_explain_no_less() -> None:
    """All three together explain at least what any alone does."""
    networks = scattered(5, quantities=3)
    together = fit(networks, QUANTITIES)
    assert together is not None
    for number, quantity in enumerate(QUANTITIES):
        alone = fit([(family, latency_s, [xs[number]]) for family, latency_s, xs in networks], (quantity,))
        assert alone is not None
        assert alone.r2 <= together.r2


def test_weights_are_read_once_for_a_batch() -> None:
    """All else is there for each input."""
    counts = Counts(family="a", mult_adds=10, activations=3, weight_bytes=100, activation_bytes=7)
    assert [counts.of(quantity, 4) for quantity in QUANTITIES] == [40, 12, 128]


# --- places ----------------------------------------------------------------------------------------------------------


def rows(models: int, latency_s: float = 0.1, **changes: Any) -> list[Row]:
    """Rows of so many networks in one setting."""
    return [replace(ROW, model=f"m{number}", latency_s=latency_s, **changes) for number in range(models)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"models": 3, "threads": 1}, {"models": 2}),
        ({"models": 2, "date": "2025-01-01"}, {"models": 2, "latency_s": 0.05}),
        ({"models": 2, "version": "20"}, {"models": 2, "version": "3"}),
        ({"models": 2, "latency_s": 0.05, "threads": 2}, {"models": 2}),
        ({"models": 2}, {"models": 3, "threads": None}),
        ({"models": 2}, {"models": 3, "precision": None}),
    ],
)
def test_one_setting_speaks_for_a_board(one: dict[str, int], other: dict[str, int]) -> None:
    """That which can be judged, then that of most networks, the latest, the fastest."""
    found = places.published([*rows(**other), *rows(**one)])
    (chosen,) = [measured for measured in found if measured.place.chosen]
    assert (len(found), len(chosen.latency_s)) == (2, one["models"])
    assert all(getattr(chosen.place, key) == value for key, value in one.items() if hasattr(chosen.place, key))
    assert chosen.place.judged


def test_what_is_no_single_answer_of_a_board_is_left_out() -> None:
    """Doubtful figures and batches; of two builds of a network the faster stands."""
    builds = [replace(ROW, latency_s=0.2, named="another"), ROW, replace(ROW, doubt="too fast", model="m1")]
    (found,) = places.published([*builds, *rows(2, batch=8)])
    assert found.latency_s == {"mobilenet_v1": 0.1}


def test_boards_that_say_too_little_are_pooled_apart() -> None:
    """One board and runtime is one of n; those that cannot be judged are counted by themselves."""
    counts = {
        f"m{number}": Counts(
            family="a", mult_adds=2**number, activations=number + 1, weight_bytes=1, activation_bytes=3**number
        )
        for number in range(6)
    }
    line = {model: 0.01 * one.mult_adds for model, one in counts.items()}
    measured = [
        Measurements(place=replace(PLACE, board=board, chosen=chosen, judged=judged), latency_s=line)
        for board, chosen, judged in (("a", True, True), ("a", False, True), ("b", True, True), ("c", True, False))
    ]
    pooled = explaining.pooled(explaining.explained(measured, counts))
    by_mult_adds = [one for one in pooled if one.by == MULT_ADDS and not one.within]
    assert [(one.judged, one.boards, one.best) for one in by_mult_adds] == [(True, 2, 2), (False, 1, 1)]
    assert [one.r2 for one in by_mult_adds] == pytest.approx([1, 1])


# --- fronts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "on"),
    [
        ([], ()),
        ([(1, 60)], (True,)),
        ([(1, 60), (2, 60)], (True, False)),
        ([(1, 60), (1, 61)], (False, True)),
        ([(1, 60), (1, 60)], (True, True)),
        ([(3, 65), (1, 60), (2, 70)], (False, True, True)),
    ],
)
def test_a_front_has_what_no_other_beats(points: list[tuple[float, float]], on: tuple[bool, ...]) -> None:
    """As cheap and as accurate, and better in one of them, beats; what is equal does not."""
    assert front(points) == on


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(0, 100)), min_size=1, max_size=12))
def test_a_front_does_not_know_the_unit_of_its_cost(points: list[tuple[float, float]]) -> None:
    """A device half as fast has the same front, and the most accurate network is on every one."""
    on = front(points)
    assert front([(2 * cost, accuracy) for cost, accuracy in points]) == on
    best = max(accuracy for _, accuracy in points)
    assert any(there for (_, accuracy), there in zip(points, on, strict=True) if accuracy == best)


MODELS = {f"m{number}": 10**number for number in range(5)}
ACCURACIES = {model: Accuracy(top1=60.0 + number, source="a paper") for number, model in enumerate(MODELS)}


def measured(latencies: list[float], **changes: Any) -> Measurements:
    """Latencies of the five networks at a place."""
    return Measurements(place=replace(PLACE, **changes), latency_s=dict(zip(MODELS, latencies, strict=True)))


def test_fronts_by_mult_adds_and_by_latency() -> None:
    """Each network is more accurate and costs more, so all are on one front; who is slower than a better one is not on
    the other."""
    found = fronts.fronts([measured([1, 5, 3, 4, 6]), measured([1, 2, 3, 4, 5], board="b")], ACCURACIES, MODELS)
    assert [network.by_mult_adds for network in found[0].networks] == [True] * 5
    assert [network.by_latency for network in found[0].networks] == [True, False, True, True, True]
    standing = {one.model: (one.boards, one.by_mult_adds, one.by_latency) for one in fronts.standings(found)}
    assert standing["m1"] == (2, 2, 1)


@pytest.mark.parametrize("changes", [{"arithmetic": "integer"}, {"chosen": False}, {"judged": False}])
def test_no_front_of_integers_or_of_what_is_not_judged(changes: dict[str, Any]) -> None:
    """The printed accuracy is not that of integers."""
    assert fronts.fronts([measured([1, 2, 3, 4, 5], **changes)], ACCURACIES, MODELS) == ()


def test_four_networks_are_no_front() -> None:
    """A network without a printed accuracy, or a count, is none of them."""
    assert fronts.fronts([measured([1, 2, 3, 4, 5])], dict(list(ACCURACIES.items())[:4]), MODELS) == ()
