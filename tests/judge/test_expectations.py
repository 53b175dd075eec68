"""What mult-adds and bounds predict of a ratio, beside what was measured."""

from dataclasses import fields, replace
from typing import Any

import pytest

from edgebench.analysis.cost import Cost, LayerCost
from edgebench.analysis.hardware import Hardware, Rates
from edgebench.judge.expectations import Expectation, Expected, Span, of_published, of_run, pooled
from edgebench.report.expectations import expectations
from edgebench.store.observations import Observation
from edgebench.store.rows import PairRow, TrialRow

CORE = Hardware(name="pi", cores=1, clock_hz=1e9, rates=Rates(fp32=1e9))
DENSE = LayerCost(
    name="conv",
    kind="conv_3x3",
    in_channels=8,
    out_channels=8,
    kernel=(3, 3),
    stride=(1, 1),
    groups=1,
    out_h=48,
    out_w=48,
    mult_adds=48 * 48 * 8 * 8 * 9,
    params=8 * 8 * 9,
    bias_params=0,
    bn_params=0,
)
THIN = replace(DENSE, kind="conv_1x1", kernel=(1, 1), mult_adds=48 * 48 * 8 * 8)
COSTS = {"dense": Cost(layers=(DENSE,)), "thin": Cost(layers=(THIN,))}


def seen(model: str, latency_s: float, board: str = "a") -> Observation:
    """Return a published row."""
    return Observation(
        source="lab",
        board=board,
        device="pi",
        hardware=CORE,
        runtime="ncnn",
        precision="fp32",
        threads=1,
        model=model,
        latency_s=latency_s,
    )


def row(kind: type[Any], **values: Any) -> Any:
    """Return a row in which all that is not given is None."""
    return kind(**{field.name: values.get(field.name) for field in fields(kind)})


def test_the_bound_knows_what_mult_adds_do_not() -> None:
    """9 times the mult-adds in 3x3 convolutions are 9 / 5.0625 times the multiplications."""
    (found,) = of_published([seen("dense", 0.02), seen("thin", 0.01)], COSTS, "dense", "thin")
    assert (found.mult_adds, found.direct) == pytest.approx((9.0, 9.0))
    assert found.bound == pytest.approx(9 / 5.0625)
    assert (found.measured, found.nearest) == (2.0, "bound")


def test_boards_of_a_kind_stand_together() -> None:
    """The medians of all rows of a kind are compared; a model that one kind lacks makes no pair."""
    rows = [
        seen("dense", 0.03, "a"),
        seen("dense", 0.05, "b"),
        seen("thin", 0.01),
        replace(seen("thin", 1), device="x"),
    ]
    (found,) = of_published(rows, COSTS, "dense", "thin")
    assert found.rows == 3
    assert found.measured == pytest.approx(4.0)


def test_a_run_has_its_interval_beside_what_was_expected() -> None:
    """The pair of a run takes the bounds of its trials."""
    where = {"session": "s1", "batch": 1}
    pair = row(
        PairRow,
        **where,
        by="model",
        subject_model="dense",
        baseline_model="thin",
        subject_backend="torch",
        baseline_backend="torch",
        precision="fp32",
        threads=1,
        mult_adds_ratio=9.0,
        latency_ratio=2.5,
        latency_ratio_low=2.4,
        latency_ratio_high=2.6,
    )
    trial = {**where, "backend": "torch", "precision_asked": "fp32", "threads_asked": 1, "twin": False}
    trials = [
        row(TrialRow, model="dense", bound_s=0.004, direct_s=0.02, **trial),
        row(TrialRow, model="thin", bound_s=0.002, direct_s=0.002, **trial),
    ]
    (found,) = of_run([pair, replace(pair, by="backend")], trials)
    assert found == Expectation(
        subject="dense",
        baseline="thin",
        setting="torch fp32 x1",
        rows=1,
        mult_adds=9.0,
        direct=10.0,
        bound=2.0,
        measured=2.5,
        low=2.4,
        high=2.6,
    )
    (unbound,) = of_run([pair], [])
    assert (unbound.bound, unbound.nearest) == (None, "mult-adds")


def test_settings_are_told_together() -> None:
    """Median and range of both ratios, and how often the bound came nearest; what has no bound does not count."""
    one = Expectation(
        subject="a", baseline="b", setting="x", rows=2, mult_adds=9.0, direct=9.0, bound=2.0, measured=2.5
    )
    found = pooled([one, replace(one, bound=4.0, measured=8.9), replace(one, bound=3.0, measured=3.0)])
    assert found == Expected(
        settings=3,
        mult_adds=9.0,
        bound=Span(median=3.0, low=2.0, high=4.0),
        measured=Span(median=3.0, low=2.5, high=8.9),
        nearest=2,
    )
    assert pooled([replace(one, bound=None)]) is None


def test_a_table_needs_rows() -> None:
    """Without a pair there is nothing to print; with one it stands in a row."""
    assert expectations([]) is None
    table = expectations(of_published([seen("dense", 0.02), seen("thin", 0.01)], COSTS, "dense", "thin"))
    assert table is not None
    assert table.row_count == 1
