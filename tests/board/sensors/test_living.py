"""Whole sessions, with real workers, on trees that change under them: from the agent's records to the tables."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench.board import agent, energy, wire
from edgebench.board.sensors.vcgencmd import FIRMWARE
from edgebench.board.session import Session as Running
from edgebench.board.wire import EnergyPlan, SessionPlan, TrialPlan
from edgebench.judge import consequences
from edgebench.measure.plan import Protocol, Session, Trial
from edgebench.report import answer
from edgebench.store import SCHEMA, RunFolder
from edgebench.store.records import Counted, Ended, Run, RunStarted, SessionEnded
from edgebench.store.rows import TrialRow
from edgebench.store.tables import make, summarize
from tests.board.sensors.living import Course, Tree
from tests.board.serving import Json, planned, served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_own_processors")]

QUICK = Trial(model="small", backend="null", backend_options=(("work", "2000"),))
LARGE = Trial(model="large", backend="null", backend_options=(("work", "2000"),))
MULT_ADDS = {"small": 1000, "large": 4000}
RAPL = "sys/class/powercap/intel-rapl:0"
INA = "sys/class/hwmon/hwmon1"
BATTERY = "sys/class/power_supply/BAT0"
ZONE = "sys/class/thermal/thermal_zone0"


@pytest.fixture(autouse=True)
def _short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a second; a sensor that is slow to read, such as a battery, is not waited for."""
    monkeypatch.setattr(energy, "_READINGS_A_WINDOW", 0)


def session(*trials: Trial, **changes: Any) -> SessionPlan:
    """A plan of these trials: short rounds that are watched, then windows of energy."""
    plans = tuple(
        TrialPlan(
            id=trial.id,
            backend=trial.backend,
            options=dict(trial.backend_options),
            precision="fp32",
            threads=1,
            batch=1,
            artefact=None,
            inputs=None,
            reference=None,
        )
        for trial in trials
    )
    return replace(planned(*plans, watch=True, rounds=4, block_s=0.005, energy=EnergyPlan(window_s=1.0)), **changes)


def run(tree: Tree, plan: SessionPlan, monkeypatch: pytest.MonkeyPatch, invocations: int = 2) -> Run:
    """Serve a session while a tree lives, and return the run that its records tell."""
    monkeypatch.setenv(agent.ROOT_VARIABLE, str(tree.root))
    with tree.living():
        answers = [b"another\n"] * (invocations - 1) + [b"stop\n"]
        chunks = served(plan, *answers)
    return told([record for chunk in chunks for record in chunk], plan, tree.root)


def told(records: Iterable[Json], plan: SessionPlan, folder: Path) -> Run:
    """Put an agent's records into a journal, and read it as a run's."""
    trials = tuple(one for one in (QUICK, LARGE) if one.id in {trial.id for trial in plan.trials})
    started = RunStarted(
        schema=SCHEMA,
        edgebench_version="0",
        started="2026-11-22T10:15:00+00:00",
        unit="tree",
        device="x86",
        seed=1,
        protocol=Protocol(energy=plan.energy is not None, sustained_s=plan.sustained_s),
        trials=trials,
        sessions=(Session(name="s1", seed=1, together=True, trials=trials),),
        formats={"null": None},
        watts_per_core_low=1.0,
        watts_per_core_high=2.0,
        facts={"machine": "x86_64"},
        versions={},
    )
    counted = [
        Counted(
            model=trial.model,
            inputs={"x": (1, 1)},
            mult_adds=MULT_ADDS[trial.model],
            params=1,
            bias_params=0,
            bn_params=0,
            layers=(),
        )
        for trial in trials
    ]
    path = folder / "run"
    path.mkdir()
    ending = (SessionEnded(session="s1"), Ended(at="2026-11-22T10:25:00+00:00", how="done"))
    lines = [wire.encode(record) for record in (started, *counted, *records, *ending)]
    (path / "journal.jsonl").write_bytes(b"".join(lines))
    return RunFolder(path=path).read()


def rows(found: Run) -> dict[str, TrialRow]:
    """The rows of a run by model."""
    return {row.model: row for row in summarize(found).trials}


def rapl(power_w: float, range_j: float, start_j: float) -> tuple[dict[str, str], dict[str, Course]]:
    """A package that draws so much, whose counter begins somewhere and passes its range."""
    still = {f"{RAPL}/name": "package-0\n", f"{RAPL}/max_energy_range_uj": f"{round(range_j * 1e6)}\n"}
    return still, {f"{RAPL}/energy_uj": lambda at: f"{round((start_j + power_w * at) % range_j * 1e6)}\n"}


def test_counter_that_wraps_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """250 W pass a range of 300 J every 1.2 s: every window has 250 W, and nothing above idle."""
    tree = Tree(tmp_path, *rapl(power_w=250.0, range_j=300.0, start_j=299.0))
    found = run(tree, session(QUICK, LARGE), monkeypatch, invocations=1)
    table = make(found)["energy"]
    assert list(table["mean_w"]) == pytest.approx([250.0] * 5, rel=0.02)
    row = rows(found)["large"]
    assert row.energy_rung == "package counter"
    assert row.energy_j is not None
    assert abs(row.energy_above_idle_j or 0.0) < 0.03 * row.energy_j
    assert f"sensors of {tmp_path}, a tree that stands for a board" in row.provenance


def test_power_that_ramps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rail that rises by half a watt a second: each window has the power of its middle."""
    still = {f"{INA}/name": "ina3221\n", f"{INA}/in1_label": "VDD_IN\n", f"{INA}/in1_input": "5000\n"}
    tree = Tree(tmp_path, still, {f"{INA}/curr1_input": lambda at: f"{round(200 * (5.0 + 0.5 * at))}\n"})
    found = run(tree, session(QUICK), monkeypatch, invocations=1)
    assert len(found.energy_windows) == 3
    for window, mean_w in zip(found.energy_windows, make(found)["energy"]["mean_w"], strict=True):
        middle_s = (tree.seconds(window.start_ns) + tree.seconds(window.end_ns)) / 2
        assert mean_w == pytest.approx(5.0 + 0.5 * middle_s, abs=0.05)
        assert len(window.at_ns) >= 5
    source = found.energy_sources["s1"]
    assert (source.sensor, source.rails, source.unit) == ("ina3221", ("VDD_IN",), "W")
    assert source.reading_cpu_s is not None
    assert source.reading_cpu_s / (source.period_s or 1) < energy.MOST_SHARE


def test_sensor_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A battery put on its charger after the first invocation: that one is kept, the second is told and not made up."""
    still = {f"{BATTERY}/type": "Battery\n", f"{BATTERY}/power_now": "8000000\n"}
    spent: list[bool] = []
    status: Course = lambda _: "Charging\n" if spent else "Discharging\n"  # noqa: E731 - a course is a function
    tree = Tree(tmp_path, still, {f"{BATTERY}/status": status})
    monkeypatch.setattr("edgebench.board.sensors.battery._PERIOD_S", 0.05)
    serve_second = Running.invoke

    def invoke(self: Running, invocation: int) -> bool:
        if invocation == 1:
            spent.append(True)
        return serve_second(self, invocation)

    monkeypatch.setattr(Running, "invoke", invoke)
    found = run(tree, session(QUICK), monkeypatch)
    row = rows(found)["small"]
    assert (row.status, row.invocations) == ("done", 2)  # latencies do not depend on it
    assert (row.energy_rung, row.energy_rail, row.energy_invocations) == ("board rail", "BAT0", 1)
    assert row.energy_idle_w == pytest.approx(8.0)
    assert "invocation 2: BAT0:" in (row.energy_reason or "")
    assert "'Charging'" in (row.energy_reason or "")


def test_run_that_is_throttled_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """INVALID with the minute and the cause in the verdict and the answer; the rounds before it are kept."""
    calls: list[int] = []
    firmware: Course = lambda _: "50005\n" if len(calls) > 6 else "0\n"  # noqa: E731 - a course is a function
    still = {f"{ZONE}/type": "cpu-thermal\n"}
    tree = Tree(tmp_path, still, {FIRMWARE: firmware, f"{ZONE}/temp": lambda at: f"{50000 + round(1000 * at)}\n"})
    block = Running._block

    def counted(self: Running, *words: Any) -> None:
        calls.append(1)
        block(self, *words)

    monkeypatch.setattr(Running, "_block", counted)
    found = run(tree, session(QUICK, LARGE, energy=None), monkeypatch)
    row = rows(found)["large"]
    assert {"invalid_throttled", "undervolted"} <= set(row.flags.split())
    assert row.throttled_by == "under-voltage, throttled by the firmware"
    assert row.throttled_at_s is not None
    assert 1 <= (row.rounds_before_throttling or 0) <= 4
    assert row.latency_before_throttling_s is not None
    assert (row.temperature_start_c or 0) < (row.temperature_highest_c or 0)
    summary = summarize(found)
    verdicts = list(consequences.rows(summary.pairs, None))
    assert {one.verdict for one in verdicts} == {"INVALID"}
    cause = "throttled in minute 1: under-voltage, throttled by the firmware"
    assert verdicts[0].reason == f"Flagged: invalid_throttled; {cause}."
    said = [one for one in answer.sentences(summary) if "held back" in one and one.startswith("The processor")]
    assert len(said) == 1
    assert said[0].startswith(
        "The processor was held back in minute 1: under-voltage, throttled by the firmware. Before"
    )


def test_long_run_follows_clock_and_temperature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block after block without a pause; burst and sustained are told, and throttling does not invalidate it."""
    policy = "sys/devices/system/cpu/cpufreq/policy0"
    cores = ",".join(str(number) for number in range(64))
    still = {
        f"{ZONE}/type": "cpu-thermal\n",
        f"{policy}/affected_cpus": f"{cores.replace(',', ' ')}\n",
        f"{policy}/scaling_governor": "performance\n",
        FIRMWARE: "2\n",
    }
    clocks = itertools.chain(["1500000\n"] * 2, itertools.repeat("1000000\n"))  # when it is found, and one block
    courses: dict[str, Course] = {
        f"{ZONE}/temp": lambda at: f"{round(50_000 + 1000 * at)}\n",
        f"{policy}/scaling_cur_freq": lambda _: next(clocks),
    }
    plan = session(QUICK, energy=None, sustained_s=4.0, gate_s=0.5)
    found = run(Tree(tmp_path, still, courses), plan, monkeypatch, 1)
    row = rows(found)["small"]
    assert row.status == "done"
    assert row.burst_p50_s is not None
    assert row.sustained_p50_s is not None
    assert (row.sustained_reached, (row.sustained_after_s or 0) > 3.5) == (False, True)
    assert "throttled" in row.flags.split()
    assert not [flag for flag in row.flags.split() if flag.startswith("invalid_thr")]
    (gated,) = found.gated
    assert (gated.reached, gated.target_c, gated.start_c < gated.end_c) == (False, None, True)  # it only warms
    assert row.gate_s == gated.waited_s >= 0.5
    (minute,) = summarize(found).minutes
    assert minute.throttled_by == "frequency capped"
    assert minute.blocks == len(found.blocks)
    assert 50.0 < (minute.temperature_c or 0) < 110.0
    assert (row.clock_lowest_hz, row.clock_highest_hz) == (1_000_000_000, 1_500_000_000)


def test_machine_without_sensors_makes_no_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is spent on energy where nobody would read it; the reasons are told once."""
    found = run(Tree(tmp_path, {}, {}), session(QUICK), monkeypatch, invocations=1)
    assert found.energy_windows == ()
    assert found.energy_sources["s1"].sensor is None
    row = rows(found)["small"]
    assert (row.energy_j, row.energy_rung) == (None, None)
    assert "no intel-rapl zone" in (row.energy_reason or "")


def test_meter_has_windows_where_nothing_else_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load and rest in turn, without a reading of ours; the load of the worker is real."""
    plan = session(QUICK, energy=EnergyPlan(window_s=1.0, meter=True))
    found = run(Tree(tmp_path, {}, {}), plan, monkeypatch, invocations=1)
    rest, load, again = found.energy_windows
    assert (rest.trial, load.trial, again.trial) == (None, QUICK.id, None)
    assert (rest.readings, load.readings) == ((), ())
    assert (rest.calls, again.calls) == (0, 0)
    assert load.calls > 100
    assert load.began_ns < load.start_ns < load.end_ns < load.ended_ns
    assert load.start_ns - load.began_ns >= 0.2e9
    assert load.cpu_ns is not None
    assert load.cpu_ns > 0


def test_trials_that_run_alone_have_windows_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbered on through the invocation, so that each load stands between its own rests."""
    tree = Tree(tmp_path, *rapl(power_w=5.0, range_j=262143.0, start_j=1.0))
    found = run(tree, session(QUICK, LARGE, together=False), monkeypatch, invocations=1)
    windows = sorted(found.energy_windows, key=lambda one: one.start_ns)
    assert [one.number for one in windows] == list(range(6))
    assert [one.trial is None for one in windows] == [True, False, True] * 2
    assert {row.energy_invocations for row in rows(found).values()} == {1}
