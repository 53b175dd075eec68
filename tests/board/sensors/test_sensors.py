"""What sensors have in common: how they are found, where programs are looked for, and which energy comes first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebench.board import sensors
from edgebench.board.quantities import watts
from edgebench.board.sensors import (
    LADDER,
    Channel,
    Finding,
    Gauge,
    Place,
    Rung,
    SensorError,
    Trouble,
    ladder,
    names,
    survey,
    take,
    vcgencmd,
)
from tests.board.sensors import recorded
from tests.board.sensors.ordinary import open_folder, ordinary_user


def gauge(sensor: str, rung: Rung) -> Gauge:
    """A gauge of one channel that always says one watt."""
    rail = Channel(sensor=sensor, name="rail", quantity="power", where="/", read=lambda: watts(1))
    return Gauge(sensor=sensor, rung=rung, rails=(rail,), covers="all", period_s=0.1)


def script(root: Path, text: str, name: str = "usr/bin/vcgencmd", mode: int = 0o755) -> Path:
    """Put a program into a tree that runs a shell script."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def failing(place: Place, program: Path) -> SensorError:
    """The error of a program that is asked."""
    with pytest.raises(SensorError) as raised:
        place.ask(program, "measure_temp")
    return raised.value


def test_every_sensor_says_what_it_is() -> None:
    """A module a sensor, each with a title, and a status until it was read on hardware."""
    found = {name: sensors.load(name) for name in names()}
    assert {"rapl", "ina3221", "pmic", "battery", "meter", "cpu_time", "thermal", "cpufreq", "vcgencmd"} <= found.keys()
    assert all(sensor.TITLE for sensor in found.values())
    assert {name for name, sensor in found.items() if sensor.STATUS is None} == {"cpu_time", "meter"}


def test_unknown_sensor_is_refused() -> None:
    """A name that no module and no entry point has; what begins with an underscore is none."""
    for name in ("tegrastats", "_private"):
        with pytest.raises(ValueError, match=f"unknown sensor '{name}'"):
            sensors.load(name)


def test_empty_tree_has_no_sensor(tmp_path: Path) -> None:
    """Each one says that it is missing, none reads anything."""
    found = survey(Place(root=tmp_path))
    assert found.keys() == set(names())
    assert not [channel for finding in found.values() for channel in finding.channels]
    assert {one.kind for one in sensors.troubles_of(found)} == {"missing"}


def test_sensor_that_cannot_be_imported_is_broken(tmp_path: Path) -> None:
    """One faulty plugin does not take the others away."""
    found = survey(Place(root=tmp_path), wanted=("nothing", "thermal"))
    assert found["nothing"].troubles[0].kind == "broken"
    assert found["thermal"].troubles[0].kind == "missing"


def test_what_sees_more_of_a_board_stands_higher() -> None:
    """A board's rail comes before a package counter, and on one rung what the device prefers comes first."""
    findings = {
        "rapl": Finding(gauges=(gauge("rapl", "package counter"),)),
        "battery": Finding(gauges=(gauge("battery", "board rail"),)),
        "ina3221": Finding(gauges=(gauge("ina3221", "board rail"),)),
    }
    assert [one.sensor for one in ladder(findings)] == ["battery", "ina3221", "rapl"]
    assert [one.sensor for one in ladder(findings, ("rapl", "ina3221"))] == ["ina3221", "battery", "rapl"]
    assert LADDER[0] == "external meter"
    assert LADDER[-1] == "proxy"


def test_reading_is_a_value_or_a_trouble() -> None:
    """What a sensor raises becomes a record with its name."""

    def broken() -> float:
        raise SensorError("broken", "no answer", "look at the cable")

    channel = Channel(sensor="pmic", name="core", quantity="power", where="/", read=broken)
    assert take(channel) == Trouble(
        sensor="pmic", name="core", kind="broken", reason="no answer", advice="look at the cable"
    )


# --- programs --------------------------------------------------------------------------------------------------------


def test_fake_program_is_run(tmp_path: Path) -> None:
    """What lies under the root is started with the words it is asked, whatever its own PATH holds."""
    script(tmp_path, 'test "$*" = measure_temp && echo "temp=48.3\'C"')
    place = Place(root=tmp_path)
    program = place.program("vcgencmd")
    assert program is not None
    assert vcgencmd.temperature_c(vcgencmd.asked(place, program, "measure_temp")) == 48.3
    assert failing(place, script(tmp_path, "echo out of luck >&2; exit 3")).kind == "broken"


@pytest.mark.parametrize("folder", ["usr/bin", "opt/vc/bin", "bin", "usr/sbin"])
def test_program_is_looked_for_where_systems_keep_it(tmp_path: Path, folder: str) -> None:
    """In folders under the root: a tree's program, never this machine's."""
    assert Place(root=tmp_path).program("sh") is None
    path = script(tmp_path, "", f"{folder}/nvpmodel")
    assert Place(root=tmp_path).program("nvpmodel") == path


@pytest.mark.parametrize(
    ("text", "mode", "kind"), [("exit 0", 0o644, "forbidden"), (None, 0o755, "broken"), ("kill -9 $$", 0o755, "broken")]
)
def test_program_that_cannot_be_run_says_why(tmp_path: Path, text: str | None, mode: int, kind: str) -> None:
    """Not for us, no program at all, or killed."""
    program = script(tmp_path, text or "", mode=mode)
    if text is None:
        program.write_text("?")
    assert failing(Place(root=tmp_path), program).kind == kind


def test_program_that_does_not_end_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is killed, and that is said."""
    monkeypatch.setattr(sensors, "_PROGRAM_LIMIT_S", 0.05)
    error = failing(Place(root=tmp_path), script(tmp_path, "exec sleep 60"))
    assert (error.kind, error.reason) == ("broken", "/usr/bin/vcgencmd measure_temp: no answer within 0.05 s")


# --- permissions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sensor", [name for name in names() if name != "meter"])
def test_ordinary_user_is_told_what_to_do(sensor: str) -> None:
    """The kernel's own refusal of each sensor's files and programs is told as such, never without advice."""
    case = recorded.read(f"{sensor}/forbidden")
    with open_folder() as root:
        recorded.place(root, case)
        programs = [f"usr/bin/{command.split()[0]}" for command in case.get("answers", {})]
        for name in (*case.get("errors", {}), *programs):
            (root / name).chmod(0)
        with ordinary_user():
            finding = sensors.load(sensor).find(Place(root=root))
    forbidden = [one for one in finding.troubles if one.kind == "forbidden"]
    assert {one.name for one in forbidden} == {n for n, told in case["troubles"].items() if told["kind"] == "forbidden"}
    assert all(one.advice for one in forbidden)
    assert not finding.gauges


@pytest.mark.parametrize(("sensor", "words"), [("rapl", "udev"), ("pmic", "group"), ("vcgencmd", "video")])
def test_what_is_commonly_closed_has_advice_of_its_own(sensor: str, words: str, tmp_path: Path) -> None:
    """Sensors that systems close to ordinary users name the rule or the group that opens them."""
    find: Callable[[Place], Finding] = sensors.load(sensor).find
    troubles = find(recorded.place(tmp_path, recorded.read(f"{sensor}/forbidden"))).troubles
    assert troubles
    assert all(words in (one.advice or "") and one.advice != sensors.ACCESS for one in troubles)
