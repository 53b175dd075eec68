"""What people are told of sensors: the source of energy first, then what can be done, then every reading."""

import re
from pathlib import Path

import pytest

from edgebench.board import listing
from edgebench.board.wire import SensorsState
from edgebench.report import sensing
from tests.board.sensors import recorded


def state(root: Path, *cases: str) -> SensorsState:
    """Return what a tree with these recorded cases has; only files, and no program, can be asked there."""
    for case in cases:
        recorded.write(root, recorded.read(case).get("files", {}))
    return listing.sensors(root)


def said(found: SensorsState) -> str:
    """Return all sentences."""
    return "\n".join(sensing.sentences(found))


def shown(found: SensorsState) -> str:
    """Return the table as text."""
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as capture:
        console.print(sensing.table(found))
    return capture.get()


def test_machine_without_a_sensor_says_exactly_that(tmp_path: Path) -> None:
    """No energy, what stands for it, and not one joule or watt anywhere."""
    found = state(tmp_path, "cpu_time/good")
    text = said(found)
    assert "there is no sensor here that can be read, so `run --energy` gives no energy" in text
    assert "a proxy, no measurement: CPU time" in text
    for everything in (text, shown(found)):
        assert not re.search(r"\d [mu]?[JW]\b", everything)
    assert f"Read under {tmp_path}, a tree that stands for a board." in text


def test_best_sensor_comes_first(tmp_path: Path) -> None:
    """The highest rung with its rail and what it covers; others are named."""
    text = said(state(tmp_path, "rapl/good", "ina3221/good"))
    assert "`run --energy` reads ina3221 (board rail): VDD_IN, 20 times a second at most" in text
    assert "Also there: rapl (package counter): package-0." in text


def test_what_can_be_done_is_said(tmp_path: Path) -> None:
    """A charger that can be pulled; what is simply not there is left to the table."""
    found = state(tmp_path, "battery/charging")
    text = said(found)
    assert "battery is missing: /sys/class/power_supply/BAT0 is 'Full'" in text
    assert "To do: unplug the charger." in text
    assert "nvpmodel" not in text
    assert "missing: there is no nvpmodel" in shown(found)


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("ina3221/good", "VDD_IN: 7.55 W"),
        ("thermal/good", "cpu-thermal: 48.3 C"),
        ("cpufreq/good", "policy4: 2.26 GHz"),
        ("cpufreq/good", "policy4 governor: performance"),
        ("gpu/good", "load: 99.9 %"),
        ("rapl/good", "package-0: 52514.3 J since it began"),
        ("x86_throttle/good", "cpu1 package_throttle: 7"),
        ("thermal/implausible", "implausible: cv0-thermal: "),
        ("rpi_volt/malformed", "broken: under-voltage: "),
    ],
)
def test_readings_have_their_units(case: str, line: str, tmp_path: Path) -> None:
    """Each in that of its quantity, and troubles with their kind."""
    assert line in shown(state(tmp_path, case))


def test_words_of_a_board_steer_no_terminal(tmp_path: Path) -> None:
    """A rail may be called anything; what does not print is a space."""
    recorded.write(tmp_path, recorded.read("ina3221/good")["files"])
    recorded.write(tmp_path, {"sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in2_label": "VDD\x1b[2J\nGPU\n"})
    found = listing.sensors(tmp_path)
    assert "\x1b" not in said(found) + shown(found)
    assert "VDD [2J GPU: 8.85 W" in shown(found)
