"""What is planned on a stand-in, and what is refused there; no emulator is needed to see it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench import api, devices
from edgebench.api import emulating
from edgebench.api._reaching import Board, refuse_emulated
from edgebench.api.planning import plan_for
from edgebench.board.probe import probe
from edgebench.devices.records import Unit
from edgebench.errors import UsageError
from edgebench.measure.plan import CHECKING
from tests.failures.running import Bench

UNIT = Unit(name="rpi4-emulated", device="rpi4", host="rpi4-emulated", emulated=True)


def board(unit: Unit = UNIT, **facts: Any) -> Board:
    """Return a board with this machine's memory and processors, and the backend null."""
    return Board(device=devices.find("rpi4"), unit=unit, facts={**probe(), **facts}, runtimes={"null": ""})


def request(**given: Any) -> api.Request:
    """Return what asks for LeNet-5 in null."""
    return api.Request(**{"models": ("lenet5",), "backends": ("null:work=1000", "null:work=2000"), **given})


@pytest.mark.parametrize("stand_in", [board(), board(replace(UNIT, emulated=False), emulated=True)])
def test_a_stand_in_is_checked_and_not_timed(stand_in: Board) -> None:
    """By its entry or by what it says of itself: no rounds, no twin, no expectation of time."""
    planned = plan_for(request(), stand_in)
    assert planned.emulated
    assert planned.protocol == CHECKING
    assert (planned.protocol.rounds, planned.protocol.warm_up_cap_s, planned.protocol.watch) == (0, 0.0, False)
    (session,) = planned.sessions
    assert ([trial.twin for trial in session.trials], session.together) == ([False, False], False)
    assert planned.measuring_s is None
    assert api.expectation(planned).endswith("to see its outputs and its memory; nothing is timed.")


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"invocations": 5}, "--invocations"),
        ({"pace_hz": 30.0, "budget_s": 60.0}, "--budget, --pace"),
        ({"target": 0.01}, "--target"),
        ({"sustained_s": 60.0, "energy": True}, "--sustained, --energy"),
        ({"meter": Path("power.csv")}, "--meter"),
    ],
)
def test_options_of_time_are_refused(given: dict[str, Any], options: str) -> None:
    """What asks a stand-in for time is one sentence that names the options."""
    with pytest.raises(UsageError, match=f"rpi4-emulated is a stand-in.* leave {options} away"):
        plan_for(request(**given), board())


def test_peaks_and_resolution_of_a_stand_in_are_refused() -> None:
    """What devices probe and selftest find of a real board has no meaning on an emulated one."""
    with pytest.raises(UsageError, match="rpi4-emulated is a stand-in, an emulated board: its peaks"):
        refuse_emulated(board(), "its peaks would be those of an emulator")
    refuse_emulated(board(replace(UNIT, emulated=False)), "a real board is not refused")


@pytest.mark.parametrize("name", ["rpi3", "rpi4", "rpi5", "rpi-zero2w", "jetson-nano", "jetson-orin-nano"])
def test_these_kinds_can_be_emulated(name: str) -> None:
    """Each has a core that QEMU knows."""
    assert emulating.emulable(devices.find(name)).startswith("cortex-a")


@pytest.mark.parametrize(
    ("name", "words"),
    [("x86", "64-bit ARM"), ("pixel4", "64-bit ARM"), ("jetson-tx2", "Denver 2"), ("jetson-xavier-nx", "Carmel")],
)
def test_other_kinds_are_refused(name: str, words: str) -> None:
    """A PC is no ARM board, a phone is for reference only, and NVIDIA's own cores are nobody else's."""
    with pytest.raises(UsageError, match=words):
        emulating.emulable(devices.find(name))


@pytest.mark.slow
def test_a_run_on_a_stand_in_is_rows_without_times(tmp_path: Path) -> None:
    """From the plan to the tables, with the agent of this machine told that it is emulated."""
    bench = Bench.made(tmp_path)
    words = ["run", "--model", "lenet5", "--backend", "null:work=1000", "--backend", "null:work=2000"]
    done = bench.run(*words, environment={"EDGEBENCH_STANDIN": "test"})
    assert done.code == 0, done.err
    folder = bench.only_run()
    rows = folder.table("trials")
    assert [(row["status"], row["emulated"], row["flags"]) for row in rows] == [("done", "True", "emulated")] * 2
    assert {row[name] for row in rows for name in row if name.startswith("latency_") or name == "load_s"} == {""}
    assert all(int(row["memory_import_bytes"]) > 0 for row in rows)
    assert [folder.table(name) for name in ("pairs", "backends", "rounds", "verdicts")] == [[], [], [], []]
    refused = bench.run(*words, "--invocations", "1", environment={"EDGEBENCH_STANDIN": "test"})
    assert refused.code == 2
    assert "nothing is timed: leave --invocations away" in refused.sentence()
