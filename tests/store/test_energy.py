"""The energy of runs whose power is known beforehand: its value, its pedigree, and why there is none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from edgebench.board.wire import EnergySource, EnergyWindow, SensorTrouble
from edgebench.judge import consequences
from edgebench.measure.energy import NoEnergyError
from edgebench.measure.plan import Trial
from edgebench.report import answer, terminal
from edgebench.store.calibration import PowerFit
from edgebench.store.energy import fit_of
from edgebench.store.records import Line, Run, SessionEnded
from edgebench.store.rows import TrialRow
from edgebench.store.tables import make, summarize
from tests.store.metering import BOARD, CALLS, IDLE_W, NOTHING, WINDOW_S, Pass, made, metered
from tests.store.test_tables import BIG, SMALL, constant, ended, measured, started, told

FIT = PowerFit(
    at="2026-11-22T10:15:00+00:00",
    edgebench_version="0",
    run="2026-11-22T09-00-00Z-ab12",
    rung="external meter",
    rail="the board's supply",
    idle_w=2.5,
    slope_w=4.0,
    residual_w=0.1,
    windows=20,
    lowest=0.0,
    highest=1.0,
    cores=4,
    mean_utilisation=0.25,
    utilisation_squares=4.0,
)
CALL_S = 0.01
STEADY = made({BIG: [2.0] * 5, SMALL: [1.0] * 5})
TOTAL_J = {BIG.id: (IDLE_W + 2.0) * WINDOW_S / CALLS, SMALL.id: (IDLE_W + 1.0) * WINDOW_S / CALLS}
RAPL = replace(BOARD, sensor="rapl", rung="package counter", rails=("package-0",), unit="J", wraps_at_j=(262143.0,))


def run(windows: Sequence[EnergyWindow], source: EnergySource = BOARD, *trials: Trial, **changes: Any) -> Run:
    """A run of these trials, five invocations, to its end, with this energy; `changes` to its plan and protocol."""
    wanted, protocol = trials or (BIG, SMALL), changes.pop("protocol", {})
    first: Line = metered(started(*wanted, **changes), **protocol)
    lines = measured(dict.fromkeys(wanted, constant(CALL_S)))
    return told(first, *lines, source, *windows, SessionEnded(session="s1"), ended())


def row(found: Run, trial: Trial = BIG) -> TrialRow:
    """The row of a trial."""
    return next(one for one in summarize(found).trials if one.trial == trial.id)


# --- what is measured ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", [BIG, SMALL])
def test_energy_of_a_call_is_that_of_its_window_over_its_calls(trial: Trial) -> None:
    """In total and above idle, with rung, rail, rate, window and idle power; no spread, so no width of the interval."""
    found = row(run(STEADY.with_readings()), trial)
    assert found.energy_j == pytest.approx(TOTAL_J[trial.id], rel=1e-9)
    assert found.energy_above_idle_j == pytest.approx(TOTAL_J[trial.id] - IDLE_W * WINDOW_S / CALLS, rel=1e-9)
    assert (found.energy_low_j, found.energy_high_j) == pytest.approx((found.energy_j, found.energy_j))
    assert (found.energy_rung, found.energy_sensor, found.energy_rail) == ("board rail", "ina3221", "VDD_IN")
    assert (found.energy_rate_hz, found.energy_window_s) == pytest.approx((20.0, WINDOW_S))
    assert (found.energy_idle_w, found.energy_invocations) == pytest.approx((IDLE_W, 5))
    assert (found.energy_idle_moved, found.energy_reason) == (0, None)
    assert found.provenance == "measured; sensor ina3221 not run on hardware"


def test_counter_gives_the_same_energy_as_power() -> None:
    """Joules that were counted, wrapping at the range of the counter now and then."""
    small = replace(RAPL, wraps_at_j=(5003.0,))
    found = row(run(STEADY.with_readings(small), small))
    assert found.energy_j == pytest.approx(TOTAL_J[BIG.id], rel=2e-3)
    assert found.energy_rung == "package counter"


def test_interval_is_over_invocations() -> None:
    """Loads that differ between processes make it; below five processes there is none."""
    various = made({BIG: [2.0, 2.2, 1.8, 2.1, 1.9]})
    found = row(run(various.with_readings(), BOARD, BIG))
    assert found.energy_above_idle_j == pytest.approx(0.02, rel=1e-6)
    assert found.energy_above_idle_low_j == pytest.approx(0.02 - 2.7764 * 0.00158114 / 5**0.5, rel=1e-3)
    few = made({BIG: [2.0] * 4})
    assert row(run(few.with_readings(), BOARD, BIG)).energy_low_j is None


def test_windows_are_a_table() -> None:
    """energy.csv has every window, those of rest without a trial, with what the best source told of it."""
    table = make(run(STEADY.with_readings()))["energy"]
    assert len(table) == 5 * 5
    assert list(table["mean_w"][:5]) == pytest.approx([IDLE_W, IDLE_W + 2, IDLE_W, IDLE_W + 1, IDLE_W])
    assert list(table["trial"][:3]) == [None, BIG.id, None]


def test_energy_is_not_there_unless_asked_for() -> None:
    """Windows of a run that did not ask leave no figure and no reason."""
    lines: list[Line] = [started(BIG, power=FIT), *measured({BIG: constant(CALL_S)})]
    found = row(told(*lines, BOARD, *STEADY.with_readings(), SessionEnded(session="s1"), ended()))
    assert (found.energy_j, found.energy_rung, found.energy_reason) == (None, None, None)


# --- the ladder ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("offset_s", [0.0, 4.37])
def test_meter_comes_before_the_board(offset_s: float) -> None:
    """Its log is joined by the edges of the load; the board's own sensor is left alone."""
    found = replace(run(STEADY.with_readings(RAPL), RAPL), meter=STEADY.logged(offset_s))
    assert row(found).energy_rung == "external meter"
    assert row(found).energy_j == pytest.approx(TOTAL_J[BIG.id], rel=0.03)
    assert row(found, SMALL).energy_above_idle_j == pytest.approx(0.01, rel=0.1)


def test_log_that_does_not_fit_leaves_the_board() -> None:
    """Why the meter does not count is said, and the next rung is taken."""
    silent = made({BIG: [0.0] * 5, SMALL: [0.0] * 5})
    found = row(replace(run(STEADY.with_readings()), meter=silent.logged(0.0)))
    assert found.energy_rung == "board rail"
    assert "external meter" in (found.energy_reason or "")


def test_meter_whose_log_is_not_there_is_told() -> None:
    """A run that was measured for a meter says what it waits for."""
    found = row(run(STEADY.windows, NOTHING, protocol={"meter": True}))
    assert found.energy_j is None
    assert (found.energy_reason or "").startswith("external meter: the run folder has no log of it (meter.csv)")


def test_model_stands_below_every_sensor() -> None:
    """It is taken where there is no sensor, with the fit as pedigree and the interval of a new window."""
    with_sensor = row(run(STEADY.with_readings(), power=FIT))
    assert with_sensor.energy_rung == "board rail"
    found = row(run((), NOTHING, power=FIT))
    assert found.energy_rung == "calibrated model"
    assert found.energy_j == pytest.approx(2.5 * CALL_S + 4.0 * CALL_S / 4)
    assert found.energy_above_idle_j == pytest.approx(4.0 * CALL_S / 4)
    assert found.energy_low_j is not None
    assert found.energy_high_j is not None
    assert found.energy_high_j - found.energy_low_j == pytest.approx(2 * 2.1009 * 0.1 * 1.05**0.5 * CALL_S, rel=1e-3)
    assert found.energy_sensor == "fitted 2026-11-22 on external meter"
    assert (found.energy_rate_hz, found.energy_window_s) == (None, None)


def test_model_of_unknown_uncertainty_is_not_used() -> None:
    """An entry of before its spread of utilisations was kept makes no interval: no energy, and what to do."""
    for old in (replace(FIT, mean_utilisation=None), replace(FIT, utilisation_squares=None)):
        found = row(run((), NOTHING, power=old))
        assert (found.energy_j, found.energy_rung) == (None, None)
        assert "the power model of 2026-11-22 does not tell how uncertain its line is: fit one again" in str(
            found.energy_reason
        )


def test_model_beyond_its_range_says_so() -> None:
    """What it was not fitted on it does not tell."""
    found = row(run((), NOTHING, power=replace(FIT, highest=0.2)))
    assert found.energy_j is None
    assert "0 to 0.2: 0.25 lies beyond" in (found.energy_reason or "")


# --- why there is none -----------------------------------------------------------------------------------------------


def test_machine_without_a_sensor_prints_no_joule() -> None:
    """No figure, the reason in its place; answer and tables have no joule, the proxy has its columns."""
    found = run((), NOTHING)
    assert row(found).energy_j is None
    assert row(found).energy_reason == "rapl: no zone"
    assert row(found).proxy_cpu_energy_j_low is not None
    summary = summarize(found)
    sentences = list(answer.sentences(summary))
    (said,) = [one for one in sentences if "nergy" in one]
    assert said.startswith("Energy was not measured, so none is given: rapl: no zone.")
    assert "list sensors" in said
    assert terminal.energy(summary.trials) is None
    assert not [one for one in sentences if " J" in one or "mJ" in one]


def test_sensor_that_may_not_be_read_is_a_flag() -> None:
    """`permission` says that there would be a figure; what is missing besides is not worth saying."""
    forbidden = SensorTrouble(sensor="rapl", name="package-0", kind="forbidden", reason="no access", advice="udev")
    found = row(run((), replace(NOTHING, troubles=(*NOTHING.troubles, forbidden))))
    assert "permission" in found.flags.split()
    assert found.energy_reason == "package-0: no access"
    assert "permission" not in row(run((), NOTHING)).flags.split()


def test_sensor_that_vanished_costs_its_windows_alone() -> None:
    """Invocations before it are kept; those that it left are told, and count for nothing."""
    windows = STEADY.with_readings()
    gone = [
        replace(one, readings=((None,) * len(one.at_ns),), trouble="VDD_IN: no such device")
        if one.invocation > 2
        else one
        for one in windows
    ]
    found = row(run(gone))
    assert (found.energy_invocations, found.energy_low_j) == (3, None)
    assert found.energy_j == pytest.approx(TOTAL_J[BIG.id])
    assert "ina3221, invocation 4: VDD_IN: no such device" in (found.energy_reason or "")


def test_load_without_rest_on_both_sides_is_refused() -> None:
    """An invocation that was cut short in its energy pass has no baseline."""
    windows = [one for one in STEADY.with_readings() if one.number < 4]
    assert row(run(windows), BIG).energy_j is not None
    found = row(run(windows), SMALL)
    assert found.energy_j is None
    assert "no window of rest on both sides" in (found.energy_reason or "")


def test_invocation_that_was_not_completed_does_not_count() -> None:
    """As with latencies."""
    six = made({BIG: [2.0] * 6, SMALL: [1.0] * 6})
    assert row(run(six.with_readings())).energy_invocations == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": None},
        {"rails": ()},
        {"wraps_at_j": ()},
        {"wraps_at_j": (0.0,)},
        {"period_s": None},
        {"period_s": 0.0},
    ],
)
def test_board_that_makes_no_sense_has_no_energy(changes: dict[str, Any]) -> None:
    """What a board says of its own sensor is not trusted: nothing is divided by its nought."""
    found = row(run(STEADY.with_readings(), replace(BOARD, **changes)))
    assert found.energy_j is None
    assert found.energy_reason == "ina3221: what the board says of it makes no sense"


@pytest.mark.parametrize(
    "changes", [{"end_ns": 0}, {"at_ns": (3, 2, 1)}, {"readings": ((1.0,), (2.0,))}, {"readings": ((None,),)}]
)
def test_windows_that_make_no_sense_have_no_energy(changes: dict[str, Any]) -> None:
    """A window that ends before it begins, readings out of order, or more of them than rails."""
    found = row(run([replace(one, **changes) for one in STEADY.with_readings()]))
    assert found.energy_j is None
    assert found.energy_reason


# --- pairs and verdicts ----------------------------------------------------------------------------------------------


def test_pair_has_the_ratio_of_its_energies() -> None:
    """In total and above idle, paired by invocations, and its verdicts stand beside those of latency."""
    summary = summarize(run(STEADY.with_readings()))
    (pair,) = [one for one in summary.pairs if one.by == "model"]
    assert pair.energy_ratio == pytest.approx(5.0 / 4.0)
    assert pair.energy_above_idle_ratio == pytest.approx(2.0)
    assert pair.energy_rung == "board rail"
    verdicts = {one.consequence: one.verdict for one in consequences.rows(summary.pairs, None)}
    assert verdicts["less_energy"] == "HOLDS"  # 1.25 times less at 4 times fewer mult-adds
    assert verdicts["energy_proportional"] == "DOES NOT HOLD"


def test_without_energies_there_is_no_verdict_on_them() -> None:
    """Nothing is said of what nobody measured; two rungs make no ratio."""
    summary = summarize(run((), NOTHING, power=FIT))
    (pair,) = [one for one in summary.pairs if one.by == "model"]
    assert (pair.energy_ratio, pair.energy_rung) == (None, None)
    kinds = {one.consequence for one in consequences.rows(summary.pairs, None)}
    assert kinds == {"faster", "proportional"}


# --- fitting ---------------------------------------------------------------------------------------------------------


def test_model_is_fitted_to_the_windows_of_a_run() -> None:
    """Utilisation is the busy time of all processors over what they have; the power is that of the best source."""
    model, source = fit_of(run(made({BIG: [2.0] * 5}).with_readings(), BOARD, BIG), cores=4)
    assert (model.idle.w, model.slope.w) == pytest.approx((3.0, 8.0))
    assert (model.lowest, model.windows) == (0.0, 15)
    assert model.highest == pytest.approx(0.25)
    assert source.rung == "board rail"


@pytest.mark.parametrize(
    ("windows", "source", "said"),
    [((), NOTHING, "rapl: no zone"), ((), BOARD, "no windows of load and rest")],
)
def test_run_without_power_fits_no_model(windows: Sequence[EnergyWindow], source: EnergySource, said: str) -> None:
    """What is missing is named."""
    with pytest.raises(NoEnergyError, match=said):
        fit_of(run(windows, source), cores=4)


def test_truth_of_these_tests_is_what_it_says() -> None:
    """The power of the made pass is idle outside of its loads."""
    found: Pass = STEADY
    assert found.power_w(0.0) == IDLE_W
    assert found.power_w(found.windows[1].start_ns * 1e-9) == IDLE_W + 2.0
