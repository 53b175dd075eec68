"""Fitting and predicting: what was put in comes out, what was not fitted is said, intervals cover what they should."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edgebench.analysis import fitting, intervals, predict, residence
from edgebench.analysis.cost import Cost, Memory, OpCost
from edgebench.analysis.fitting import Coefficients, Point
from edgebench.analysis.memory import Peak
from edgebench.analysis.predict import Asked, Spread, Table
from edgebench.analysis.residence import Footprint, Overhead
from edgebench.analysis.weights import WeightBytes
from edgebench.analysis.workload import KINDS
from edgebench.errors import UsageError

SLOWNESS = {"quick": 1.5, "slow": 4.0}  # of two runtimes: seconds by seconds at the hardware's best
NETWORKS = {  # seconds by kind, in the order of KINDS
    "a": (0.010, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "b:x=1": (0.0, 0.020, 0.005, 0.0, 0.0, 0.0, 0.0),
    "b:x=2": (0.0, 0.0, 0.030, 0.004, 0.0, 0.001, 0.0),
    "c": (0.005, 0.0, 0.010, 0.0, 0.008, 0.002, 0.0),
    "d": (0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007),
}


def point(model: str, runtime: str = "quick", device: str = "pi", **changes: Any) -> Point:
    """Return a point whose latency is exactly so many times the hardware's best."""
    seconds = NETWORKS[model]
    one = Point(
        device=device,
        runtime=runtime,
        precision="fp32",
        threads=1,
        model=model,
        mult_adds=round(1e9 * sum(seconds)),
        workload=seconds,
        latency_s=SLOWNESS[runtime] * sum(seconds),
    )
    return replace(one, **changes)


POINTS = tuple(
    point(model, runtime, device) for model in NETWORKS for runtime in SLOWNESS for device in ("pi", "pie", "tart")
)


@cache
def table(points: tuple[Point, ...] = POINTS) -> Table:
    """Return a table with an interval of 0.8 to 1.25 for everything that was seen, and wider ones for the rest."""
    widths = dict(zip(intervals.FOLDS, (1.25, 1.5, 2.0, 3.0, 4.0), strict=True))
    spreads = [
        Spread(basis=basis, runtime=None, rows=100, low=1 / width, high=width) for basis, width in widths.items()
    ]
    return intervals.table(points, spreads)


def asked(one: Point, batch: int = 1) -> Asked:
    """Return a point as a question."""
    return Asked(
        device=one.device,
        runtime=one.runtime,
        precision=one.precision,
        threads=one.threads,
        batch=batch,
        model=one.model,
        mult_adds=one.mult_adds,
        workload=one.workload,
    )


# --- fitting ----------------------------------------------------------------------------------------------------------


def test_a_fit_finds_what_made_the_points() -> None:
    """Latencies that are 1.5 and 4 times the hardware's best are predicted as such, within the pull of the priors."""
    found = fitting.fit(POINTS)
    for one in POINTS:
        assert fitting.predicted(found, one)[0] == pytest.approx(one.latency_s, rel=0.05)


def test_shares_are_those_of_the_kinds() -> None:
    """Of a network with one kind of work, all of the latency goes there."""
    _, shares = fitting.predicted(fitting.fit(POINTS), point("a"))
    assert shares == pytest.approx((1.0, 0, 0, 0, 0, 0, 0))


def test_one_wrong_row_does_not_move_the_others() -> None:
    """A latency a hundred times too high weighs little: soft L1."""
    wrong = (*POINTS, replace(point("c"), latency_s=100 * point("c").latency_s))
    found = fitting.fit(wrong)
    assert fitting.predicted(found, point("a", "slow"))[0] == pytest.approx(point("a", "slow").latency_s, rel=0.1)


def test_held_out_points_are_predicted_unseen() -> None:
    """A model whose kinds of work others have is predicted well by a fit that did not see it, its latency unused."""
    factors = dict(zip(POINTS, fitting.held_out(POINTS, lambda one: one.model), strict=True))
    assert all(1 / 1.5 < factor < 1.5 for one, factor in factors.items() if one.model in {"b:x=2", "c"})
    assert factors.keys() == set(POINTS)


def test_own_measurements_move_their_device_alone() -> None:
    """A unit three times slower than its kind is predicted so; other devices are predicted as before."""
    before = table()
    own = [point(model, device="mine", latency_s=3 * point(model).latency_s) for model in NETWORKS]
    after = predict.adapted(before, own)
    assert predict.predict(after, asked(own[0])).latency_s == pytest.approx(own[0].latency_s, rel=0.35)
    assert predict.predict(before, asked(own[0])).latency_s == pytest.approx(own[0].latency_s / 3, rel=0.25)
    same = asked(point("a"))
    assert predict.predict(after, same) == predict.predict(before, same)


def test_without_own_measurements_nothing_changes() -> None:
    """A table adapted to nothing is the table."""
    assert predict.adapted(table(), []) == table()


# --- predicting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "basis", "width"),
    [
        (point("a"), "model", 1.25),
        (replace(point("a"), model="b:x=3"), "model", 1.25),
        (replace(point("a"), model="new"), "architecture", 1.5),
        (point("a", device="elsewhere"), "device", 3.0),
    ],
)
def test_the_interval_is_that_of_what_was_not_seen(one: Point, basis: str, width: float) -> None:
    """Known architectures on known devices have the narrowest interval."""
    found = predict.predict(table(), asked(one))
    assert found.basis == basis
    assert (found.low_s, found.high_s) == pytest.approx((found.latency_s / width, found.latency_s * width))


def test_a_runtime_on_a_device_where_it_never_ran_has_its_own_interval() -> None:
    """Runtime and device are known, but not together."""
    apart = tuple(one for one in POINTS if (one.device, one.runtime) != ("pi", "slow"))
    found = predict.predict(table(apart), asked(point("a", "slow", "pi")))
    assert found.basis == "pair"
    assert found.outside == ("slow was not fitted on pi",)


@pytest.mark.parametrize(
    ("changes", "batch", "reason"),
    [
        ({"runtime": "new"}, 1, "no latency of new was fitted: taken as all runtimes together"),
        ({"precision": "int8"}, 1, "quick was not fitted in int8"),
        ({"device": "new"}, 1, "no latency on new was fitted: it is as good as its description"),
        ({"threads": 4}, 1, "quick was fitted with 1 threads"),
        ({"mult_adds": 10**12}, 1, "1,000,000,000,000 mult-adds: fitted were 10,000,000 to 35,000,000"),
        ({}, 8, "one image a call was fitted, no batches"),
        ({"workload": (0, 0, 0, 0, 0, 0, 1.0)}, 1, "100% of it is calls: at most"),
    ],
)
def test_what_was_not_fitted_is_said(changes: dict[str, Any], batch: int, reason: str) -> None:
    """A prediction outside what was fitted says what is new."""
    (only,) = predict.predict(table(), asked(replace(point("a"), **changes), batch)).outside
    assert only.startswith(reason)


def test_inside_nothing_is_said() -> None:
    """What was fitted is predicted without a word."""
    assert predict.predict(table(), asked(point("d"))).outside == ()


def test_folds_count_and_not_rows() -> None:
    """Ninety rows of one model weigh no more than one row of each of nineteen others."""
    factors = [1.0] * 90 + [float(number) for number in range(2, 21)]
    folds = ["one"] * 90 + list(range(2, 21))
    assert intervals.interval(factors, folds) == (1.0, 20.0)
    assert intervals.interval(factors, range(109)) == (1.0, 16.0)


def test_a_runtime_with_rows_enough_has_its_own_interval() -> None:
    """Twenty rows are enough for a model, none for a device: there the runtimes are too few."""
    points = [point("a")] * 20 + [point("a", "slow")] * 19
    factors = [1.0] * 20 + [2.0] * 19
    assert [one.runtime for one in intervals.spreads(points, factors, "model")] == [None, "quick"]
    assert [one.runtime for one in intervals.spreads(points, factors, "device")] == [None]


def test_coverage_is_told_by_other_folds() -> None:
    """A model that is off by more than all others lies outside the interval that they give."""
    points = [point("a")] * 10 + [point("c")] * 10
    assert intervals.covered(points, [1.0] * 10 + [5.0] * 10, "model") == 0.0
    assert intervals.covered(points, [1.0] * 20, "model") == 1.0


def test_a_device_tells_nothing_where_its_runtime_ran_nowhere_else() -> None:
    """To leave out the only device of a runtime leaves the runtime out."""
    lonely = (*POINTS, point("a", runtime="slow", device="solo", precision="fp32"))
    only = (*lonely, replace(point("a"), runtime="rare", device="solo"))
    assert "rare" not in {one.runtime for one in intervals.telling(only, "device")}
    assert len(intervals.telling(only, "model")) == len(only)


# --- the shipped table ------------------------------------------------------------------------------------------------


def test_the_shipped_table_is_of_this_version() -> None:
    """What a wheel brings can be read, knows ncnn on a Pi 4, and has an interval for everything."""
    found = predict.read()
    assert ("rpi4", "ncnn") in found.seen.pairs
    assert {spread.basis for spread in found.spreads if spread.runtime is None} == set(intervals.FOLDS)
    assert all(0 < spread.low < 1 < spread.high for spread in found.spreads)
    assert all(len(term.values) == len(KINDS) for term in found.coefficients.terms)


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    """One sentence says what is wrong and what to do."""
    path = tmp_path / "latency.json"
    with pytest.raises(UsageError, match="cannot be read"):
        predict.read(path)
    path.write_text('{"version": 2}')
    with pytest.raises(UsageError, match=r"is no table of this version: .*; fit it again\.$"):
        predict.read(path)


# --- memory -----------------------------------------------------------------------------------------------------------


def network(weights: int, activations: int) -> Cost:
    """Return a network that keeps and holds so many bytes in fp32."""
    op = OpCost(
        name="op",
        kind="conv_1x1",
        mult_adds=1,
        weight_bytes=weights,
        activation_read_bytes=0,
        activation_written_bytes=0,
    )
    peak = Peak(activation_bytes=activations, op="op")
    sizes = WeightBytes(fp32=weights, fp16=weights // 2, int8=weights // 4)
    return Cost(layers=(), memory=Memory(ops=(op,), weight_bytes=sizes, peak=peak, peak_out_of_place=peak))


TWICE = {
    "lab": Overhead(
        process_bytes=50_000_000,
        fixed_bytes=5_000_000,
        winograd_factor=5.0,
        convolutions_factor=2.0,
        matrices_factor=1.0,
        activations_factor=1.5,
        excess=1.2,
        models=14,
        version="1",
        source="made up",
    )
}


def test_memory_is_runtime_weights_and_activations() -> None:
    """50 MB of process, 5 MB fixed, kernels twice, activations one and a half times."""
    found = residence.residence(network(10_000_000, 4_000_000), "lab:option=1", TWICE, "fp32")
    assert found.peak_bytes == 50_000_000 + 5_000_000 + 2 * 10_000_000 + 6_000_000
    assert found.high_bytes == round(1.2 * 81_000_000)


def test_half_precision_halves_what_is_kept() -> None:
    """Weights and activations take two bytes a number."""
    found = residence.residence(network(10_000_000, 4_000_000), "lab", TWICE, "fp16", batch=2)
    assert (found.weight_bytes, found.activation_bytes) == (5_000_000, 4_000_000)


def test_a_runtime_without_footprints_is_not_guessed() -> None:
    """Nothing is made up for a runtime that nobody measured."""
    with pytest.raises(UsageError, match="What other takes besides the network is not known: expected lab"):
        residence.residence(network(1, 1), "other", TWICE, "fp32")


def test_memory_is_fitted_without_negative_parts() -> None:
    """Footprints made of 3 MB and of kinds that count five times, twice and once give these back, held out too."""
    sizes = [(10, 1, 3), (500, 20, 1), (30, 40, 9), (2, 9, 70), (100, 3, 5), (7, 90, 2), (15, 4, 33)]
    prints = [
        Footprint(
            model=str(index),
            winograd_bytes=10**6 * (kernels % 7),
            convolution_bytes=10**6 * kernels,
            matrix_bytes=10**6 * matrices,
            activation_bytes=10**6 * activations,
            process_bytes=50 * 10**6,
            peak_bytes=10**6 * (3 + 5 * (kernels % 7) + 2 * kernels + matrices + activations),
        )
        for index, (kernels, matrices, activations) in enumerate(sizes)
    ]
    assert residence.fit(prints) == pytest.approx((3e6, 5.0, 2.0, 1.0, 1.0))
    assert residence.held_out(prints) == pytest.approx([1.0] * len(prints))


def test_coefficients_are_data() -> None:
    """A fit holds numbers and names alone."""
    found = fitting.fit(POINTS[:6])
    assert isinstance(found, Coefficients)
    assert all(isinstance(value, float) for term in found.terms for value in term.values)
