"""Whole runs - plan, agent, journal, tables, and the tables again - on boards whose files change under them."""

import csv
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgebench import api
from edgebench.api.reading import Result
from edgebench.board.agent import ROOT_VARIABLE
from edgebench.board.sensors.vcgencmd import FIRMWARE
from edgebench.report import answer
from edgebench.store.rows import TrialRow
from tests.board.sensors.living import Course
from tests.board.sensors.rewriting import rewritten

pytestmark = [pytest.mark.alone, pytest.mark.slow]  # a reading that comes late is a gap, and a gap has no energy

RAPL = "sys/class/powercap/intel-rapl:0"
INA = "sys/class/hwmon/hwmon1"
ZONE = "sys/class/thermal/thermal_zone0"
TABLES = ("trials", "pairs", "rounds", "energy", "verdicts")
SHORT = {"models": ("lenet5",), "backends": ("null:work=2000",), "invocations": 1, "memory": False}


@dataclass(slots=True, kw_only=True)
class Said:
    """What a run says between invocations; `done` counts those that are over."""

    done: int = 0
    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)
        self.done += ": invocation " in line


@dataclass(frozen=True, slots=True, kw_only=True)
class Boards:
    """Runs on trees under one folder, each of which stands for a board."""

    folder: Path
    set_root: Callable[[str], None]

    @property
    def tree(self) -> Path:
        """Return the tree of the board."""
        return self.folder / "board"

    def changing(self, still: Mapping[str, str], courses: Mapping[str, Course]) -> AbstractContextManager[int]:
        """Have the board's files follow courses meanwhile."""
        self.set_root(str(self.tree))
        return rewritten(self.tree, still, courses)

    def run(self, said: Said | None = None, **given: Any) -> Result:
        """Run the backend null on the board, and check that all tables come out again as they were."""
        result = api.run(api.Request(**{**SHORT, "results": self.folder / "results", **given}), said or Said())
        before = {name: (result.folder / f"{name}.csv").read_bytes() for name in TABLES}
        again = api.recompute(result.folder)
        assert {name: (result.folder / f"{name}.csv").read_bytes() for name in TABLES} == before
        assert again.summary == result.summary
        return result


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boards:
    """A folder for boards and runs."""
    return Boards(folder=tmp_path, set_root=lambda root: monkeypatch.setenv(ROOT_VARIABLE, root))


def table(result: Result, name: str) -> list[dict[str, str]]:
    """The rows of NAME.csv."""
    with (result.folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def row(result: Result, model: str = "lenet5") -> TrialRow:
    """The row of a model, its twin apart."""
    return next(one for one in result.summary.trials if one.model == model and not one.twin)


def test_counter_wraps_throughout_a_run(boards: Boards) -> None:
    """250 W pass a range of 600 J every 2.4 s: each window has 250 W, and the rows name the tree that stood there."""
    still = {f"{RAPL}/name": "package-0\n", f"{RAPL}/max_energy_range_uj": "600000000\n"}
    course: Course = lambda at: f"{round((599.0 + 250.0 * at) % 600.0 * 1e6)}\n"  # noqa: E731 - a course is a function
    with boards.changing(still, {f"{RAPL}/energy_uj": course}):
        result = boards.run(energy=True)
    windows = table(result, "energy")
    assert [bool(one["trial"]) for one in windows] == [False, True, False]
    assert [float(one["mean_w"]) for one in windows] == pytest.approx([250.0] * 3, rel=0.02)
    found = row(result)
    assert (found.energy_rung, found.energy_rail) == ("package counter", "package-0")
    assert abs(found.energy_above_idle_j or 0.0) < 0.03 * (found.energy_j or 0.0)
    assert f"sensors of {boards.tree}, a tree that stands for a board" in found.provenance
    assert "sensor rapl not run on hardware" in found.provenance


def test_power_ramps_throughout_a_run(boards: Boards) -> None:
    """A rail that rises by half a watt a second: each window has the power of its middle."""
    still = {f"{INA}/name": "ina3221\n", f"{INA}/in1_label": "VDD_IN\n", f"{INA}/in1_input": "5000\n"}
    course: Course = lambda at: f"{round(200 * (5.0 + 0.5 * at))}\n"  # noqa: E731 - a course is a function
    with boards.changing(still, {f"{INA}/curr1_input": course}) as began_ns:
        result = boards.run(energy=True)
    found = result.run.energy_windows
    assert len(found) == 3
    for window, told in zip(found, table(result, "energy"), strict=True):
        middle_s = ((window.start_ns + window.end_ns) / 2 - began_ns) * 1e-9
        assert float(told["mean_w"]) == pytest.approx(5.0 + 0.5 * middle_s, abs=0.05)
    assert row(result).energy_idle_moved == 1  # 2 W and more between the windows of rest


def test_sensor_vanishes_between_invocations(boards: Boards) -> None:
    """Its driver goes after the first: that energy is kept, the second has none and says why, latencies have both."""
    still = {f"{INA}/name": "ina3221\n", f"{INA}/in1_label": "VDD_IN\n", f"{INA}/in1_input": "5000\n"}
    said = Said()
    course: Course = lambda _: None if said.done else "1000\n"  # noqa: E731 - a course is a function
    with boards.changing(still, {f"{INA}/curr1_input": course}):
        result = boards.run(said, energy=True, invocations=2)
    found = row(result)
    assert (found.status, found.invocations, found.energy_invocations) == ("done", 2, 1)
    assert found.energy_idle_w == pytest.approx(5.0)
    assert "invocation 2: VDD_IN:" in (found.energy_reason or "")
    assert "No such file" in (found.energy_reason or "")
    assert [one["mean_w"] for one in table(result, "energy")][3:] == ["", "", ""]


def test_run_that_is_throttled_half_way_is_invalid(boards: Boards) -> None:
    """Minute and cause stand in the verdicts and the answer; both invocations that came before are kept."""
    said = Said()
    firmware: Course = lambda _: "50005\n" if said.done >= 2 else "0\n"  # noqa: E731 - a course is a function
    still = {f"{ZONE}/type": "cpu-thermal\n", f"{ZONE}/temp": "50000\n"}
    with boards.changing(still, {FIRMWARE: firmware}):
        result = boards.run(said, models=("lenet5", "squeezenet:version=1.1,resolution=64"), invocations=5)
    rounds = result.run.started.protocol.rounds
    for found in result.summary.trials:
        assert {"invalid_throttled", "undervolted"} <= set(found.flags.split())
        assert found.throttled_by == "under-voltage, throttled by the firmware"
        assert found.rounds_before_throttling == 2 * rounds
        assert found.latency_before_throttling_s is not None
        assert found.invocations == 5
        assert (found.temperature_start_c, found.temperature_highest_c) == (50.0, 50.0)
    cause = "throttled in minute 1: under-voltage, throttled by the firmware"
    assert {one.verdict for one in result.verdicts} == {"INVALID"}
    assert all("invalid_throttled" in one["reason"] and cause in one["reason"] for one in table(result, "verdicts"))
    (told,) = (one for one in answer.sentences(result.summary) if one.startswith("The processor was held back"))
    assert told.startswith("The processor was held back in minute 1: under-voltage, throttled by the firmware. Before")
    assert f"({2 * rounds} rounds)" in told
