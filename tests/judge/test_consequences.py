"""Consequences: which pairs have any, and what becomes of them at, inside and outside their limits."""

from dataclasses import fields, replace
from typing import Any

import pytest

from edgebench.judge import consequences
from edgebench.judge.consequences import VerdictRow
from edgebench.report import terminal
from edgebench.store.rows import PairRow

BLANK: dict[str, Any] = {field.name: None for field in fields(PairRow)}
PAIR = PairRow(
    **{
        **BLANK,
        "session": "s1",
        "by": "model",
        "subject_model": "vgg:depth=16",
        "baseline_model": "mobilenet_v1",
        "subject_backend": "onnxruntime",
        "baseline_backend": "onnxruntime",
        "precision": "fp32",
        "threads": 1,
        "batch": 1,
        "invocations": 10,
        "latency_ratio": 10.0,
        "latency_ratio_low": 9.9,
        "latency_ratio_high": 10.1,
        "cpu_ratio": 10.0,
        "cpu_ratio_low": 9.95,
        "cpu_ratio_high": 10.05,
        "decided_on": "wall",
        "twin_ratio": 1.0,
        "twin_ratio_low": 0.995,
        "twin_ratio_high": 1.005,
        "twin_cpu_ratio": 1.0,
        "twin_cpu_ratio_low": 0.999,
        "twin_cpu_ratio_high": 1.001,
        "mult_adds_ratio": 27.2,
        "flags": "",
    }
)


def told(pair: PairRow, resolution: float | None = 0.005, *, reliable: bool = True) -> dict[str, VerdictRow]:
    """The verdicts on one pair by consequence."""
    return {row.consequence: row for row in consequences.rows([pair], resolution, reliable=reliable)}


def between(low: float, high: float, mult_adds_ratio: float = 27.2) -> PairRow:
    """The pair with a ratio of latencies in this interval."""
    middle = (low * high) ** 0.5
    return replace(
        PAIR, latency_ratio=middle, latency_ratio_low=low, latency_ratio_high=high, mult_adds_ratio=mult_adds_ratio
    )


@pytest.mark.parametrize(
    ("low", "high", "faster", "proportional"),
    [
        (9.9, 10.1, "HOLDS", "DOES NOT HOLD"),
        (21.77, 22.5, "HOLDS", "HOLDS"),  # 0.8 x 27.2 = 21.76
        (21.7, 22.5, "HOLDS", "INCONCLUSIVE"),
        (21.0, 21.75, "HOLDS", "DOES NOT HOLD"),
        (1.011, 1.05, "HOLDS", "DOES NOT HOLD"),  # twice the resolution is 1 %
        (1.009, 1.05, "INCONCLUSIVE", "DOES NOT HOLD"),
        (0.9, 0.99, "DOES NOT HOLD", "DOES NOT HOLD"),
        (0.9, 1.2, "INCONCLUSIVE", "DOES NOT HOLD"),
    ],
)
def test_a_consequence_is_decided_by_the_whole_interval(
    low: float, high: float, faster: str, proportional: str
) -> None:
    """On one side of its limit it is decided, across it is open."""
    found = told(between(low, high))
    assert (found["faster"].verdict, found["proportional"].verdict) == (faster, proportional)


def test_a_coarse_machine_calls_less_faster() -> None:
    """What its selftest could not tell from nothing is no difference."""
    assert told(between(1.03, 1.05), resolution=0.02)["faster"].verdict == "INCONCLUSIVE"
    assert told(between(1.03, 1.05), resolution=None)["faster"].verdict == "HOLDS"


def test_only_pairs_of_models_that_are_far_apart_have_consequences() -> None:
    """Backends, twins and models within 1.2 x of each other imply nothing."""
    for pair in (replace(PAIR, by="backend", mult_adds_ratio=None), between(1.0, 1.1, 1.2)):
        assert told(pair) == {}
    assert set(told(between(1.0, 1.1, 1.21))) == {"faster", "proportional"}


def test_a_verdict_on_cpu_time_says_so_and_needs_agreement() -> None:
    """A contended session is decided on CPU time, as long as that lies inside what the wall clock says."""
    shared = replace(PAIR, flags="contended", decided_on="cpu time")
    found = told(shared)
    assert (found["faster"].verdict, found["faster"].decided_on) == ("HOLDS (CPU time)", "cpu time")
    assert found["proportional"].verdict == "DOES NOT HOLD (CPU time)"
    apart = replace(shared, cpu_ratio=12.0, cpu_ratio_low=11.9, cpu_ratio_high=12.1)
    assert told(apart)["faster"].verdict == "NOISY (CPU time)"


def test_a_machine_that_fails_its_selftest_gets_no_verdict() -> None:
    """Too many false differences: every ratio is in doubt."""
    assert {row.verdict for row in told(PAIR, reliable=False).values()} == {"NOISY"}


def test_flags_that_forbid_a_figure_forbid_its_verdicts() -> None:
    """Outputs that differ, or paging, leave nothing to judge."""
    for flag in ("parity", "invalid_paging"):
        assert {row.verdict for row in told(replace(PAIR, flags=flag)).values()} == {"INVALID"}


def test_a_pair_without_an_interval_is_open() -> None:
    """Fewer than five invocations decide nothing, and how many would is told."""
    found = told(replace(PAIR, invocations=2, latency_ratio_low=None, latency_ratio_high=None))["faster"]
    assert (found.verdict, found.needed_invocations) == ("INCONCLUSIVE", 10)


JOULES = replace(
    PAIR,
    energy_ratio=20.0,
    energy_ratio_low=19.0,
    energy_ratio_high=21.0,
    energy_rung="board rail",
)


@pytest.mark.parametrize(
    ("low", "high", "less", "proportional"),
    [
        (21.8, 23.0, "HOLDS", "HOLDS"),
        (19.0, 21.0, "HOLDS", "DOES NOT HOLD"),
        (1.005, 1.2, "INCONCLUSIVE", "DOES NOT HOLD"),
        (0.7, 0.9, "DOES NOT HOLD", "DOES NOT HOLD"),
    ],
)
def test_energy_is_judged_as_latency_is(low: float, high: float, less: str, proportional: str) -> None:
    """By its own interval, with its rung beside it; latency's verdicts do not change."""
    found = told(replace(JOULES, energy_ratio=(low * high) ** 0.5, energy_ratio_low=low, energy_ratio_high=high))
    assert (found["less_energy"].verdict, found["energy_proportional"].verdict) == (less, proportional)
    assert found["less_energy"].energy_rung == "board rail"
    assert (found["faster"].verdict, found["proportional"].verdict) == ("HOLDS", "DOES NOT HOLD")


def test_flags_of_the_machine_hold_for_energy_and_those_of_samples_do_not() -> None:
    """A window holds all calls, whatever each of them took; a processor that was held back spoils it all the same."""
    assert told(replace(JOULES, flags="no_steady_state unsteady"))["less_energy"].verdict == "HOLDS"
    assert told(replace(JOULES, flags="contended"))["less_energy"].verdict == "NOISY"
    assert told(replace(JOULES, flags="invalid_throttled"))["less_energy"].verdict == "INVALID"


def test_a_run_that_was_held_back_says_when_and_by_what() -> None:
    """INVALID with minute and cause, in every verdict of the pair."""
    found = told(replace(JOULES, flags="invalid_throttled undervolted", throttled="in minute 7: under-voltage"))
    assert {row.verdict for row in found.values()} == {"INVALID"}
    assert {row.reason for row in found.values()} == {
        "Flagged: invalid_throttled; throttled in minute 7: under-voltage."
    }


def test_the_table_names_pairs_once_and_verdicts_in_full() -> None:
    """A row a backend; "(CPU time)" is part of the verdict."""
    shared = replace(PAIR, subject_backend="openvino", flags="contended", decided_on="cpu time")
    table = terminal.verdicts(list(consequences.rows([PAIR, shared], None)))
    assert table is not None
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert cells[0] == ["vgg:depth=16 / mobilenet_v1", "  onnxruntime", "  openvino"]
    assert cells[1] == ["", "HOLDS", "HOLDS (CPU time)"]
    assert cells[2] == ["", "DOES NOT HOLD", "DOES NOT HOLD (CPU time)"]
    assert terminal.verdicts([]) is None
