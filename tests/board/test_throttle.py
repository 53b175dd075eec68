"""Throttling as firmware and kernels tell it, from fake trees; formats as their drivers print them."""

from pathlib import Path

import pytest

from edgebench.board import throttle
from edgebench.board.throttle import State, ask, find, new, read

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


def write(root: Path, files: dict[str, str]) -> Path:
    """Fill a tree and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def program(root: Path, script: str, where: str = "usr/bin/vcgencmd") -> Path:
    """Put a vcgencmd into a tree that runs a shell script."""
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def x86(core: int, package: int) -> dict[str, str]:
    """Counters of a PC with two processors in one package, as the kernel repeats them."""
    files: dict[str, str] = {}
    for cpu in (0, 1):
        folder = f"sys/devices/system/cpu/cpu{cpu}/thermal_throttle"
        files |= {
            f"{folder}/core_throttle_count": f"{core}\n",
            f"{folder}/package_throttle_count": f"{package}\n",
            f"{folder}/core_throttle_max_time_ms": "123456\n",  # a time, no count
        }
    return files


def test_machine_that_tells_nothing_has_no_state(tmp_path: Path) -> None:
    """Without a file or program nothing is read, and nothing is new: it is not zero."""
    sources = find([0], tmp_path)
    assert (sources.files, sources.program) == ((), None)
    assert read(sources) == State()
    assert new(read(sources), read(sources)) is None


def test_events_of_a_package_count_once(tmp_path: Path) -> None:
    """Each core's own events are added, those of the package they share are not counted for every core."""
    write(tmp_path, x86(core=2, package=7))
    assert read(find([0, 1], tmp_path)).events == 2 + 2 + 7
    assert read(find([1], tmp_path)).events == 2 + 7


def test_events_are_counted_from_one_reading_to_the_next(tmp_path: Path) -> None:
    """What happened before a round is not held against it."""
    sources = find([1], write(tmp_path, x86(core=2, package=7)))
    before = read(sources)
    assert new(before, read(sources)) == 0
    write(tmp_path, x86(core=3, package=9))
    assert new(before, read(sources)) == 1 + 2


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (0x0, 0x0, 0),
        (0x50000, 0x50000, 0),  # since boot, not now
        (0x0, 0x40000, 1),  # throttled for a moment in between
        (0x50000, 0x50005, 2),  # under-voltage and throttling, again
        (0x50005, 0x50000, 2),  # they ended within the round
        (0x50005, 0x50005, 2),  # they lasted
        (0x50005, 0xD000D, 3),  # and the soft temperature limit came
        (0x0, 0x40004, 1),  # one condition, told by both of its bits
        (0xE0000, 0xF0000, 1),
    ],
)
def test_conditions_of_a_raspberry_pi(tmp_path: Path, before: int, after: int, count: int) -> None:
    """Bits 0-3 tell what holds now, 16-19 what has held since boot: new ones, and those in force, count once each."""
    sources = find([3], write(tmp_path, {FIRMWARE: f"{before:x}\n"}))
    assert sources.files == (tmp_path / FIRMWARE,)
    first = read(sources)
    write(tmp_path, {FIRMWARE: f"{after:x}\n"})
    assert (first.bits, new(first, read(sources))) == (before, count)


def test_file_of_the_firmware_makes_the_program_superfluous(tmp_path: Path) -> None:
    """A program is a process: it is run only where no file tells the same."""
    write(tmp_path, {FIRMWARE: "0\n"})
    program(tmp_path, "echo throttled=0x0")
    assert find([3], tmp_path).program is None


@pytest.mark.parametrize("where", ["usr/bin/vcgencmd", "opt/vc/bin/vcgencmd", "bin/vcgencmd"])
def test_program_is_found_where_systems_keep_it(tmp_path: Path, where: str) -> None:
    """Its place differs between releases of the system."""
    assert find([3], tmp_path).program is None
    path = program(tmp_path, 'test "$1" = get_throttled && echo throttled=0x50005', where)
    assert find([3], tmp_path).program == path
    assert ask(path) == State(bits=0x50005)


@pytest.mark.parametrize(
    "script",
    [
        "echo 'error=1 error_msg=\"Command not registered\"'",
        "exit 1",
        "echo throttled=",
        "echo VCHI initialization failed",
    ],
)
def test_program_that_does_not_tell_gives_nothing(tmp_path: Path, script: str) -> None:
    """An error of the firmware, or no permission, is no reading: it is not zero."""
    assert ask(program(tmp_path, script)) == State()


def test_program_that_cannot_be_run_gives_nothing(tmp_path: Path) -> None:
    """A file that is no program is as good as none."""
    write(tmp_path, {"usr/bin/vcgencmd": "?"})
    assert ask(tmp_path / "usr/bin/vcgencmd") == State()


def test_over_current_of_a_jetson_is_counted(tmp_path: Path) -> None:
    """The hwmon device is told by its name; its counts of under-voltage and over-current are added."""
    files = {
        "sys/class/hwmon/hwmon1/name": "ina3221\n",
        "sys/class/hwmon/hwmon1/oc9_event_cnt": "50\n",
        "sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
        "sys/class/hwmon/hwmon3/oc1_event_cnt": "0\n",
        "sys/class/hwmon/hwmon3/oc2_event_cnt": "15\n",
        "sys/class/hwmon/hwmon3/oc3_event_cnt": "37\n",
        "sys/class/hwmon/hwmon3/oc3_throt_en": "1\n",
    }
    assert read(find([5], write(tmp_path, files))).events == 15 + 37


def cooling(*devices: tuple[str, int]) -> dict[str, str]:
    """Cooling devices of the kernel with their states."""
    files: dict[str, str] = {}
    for number, (kind, state) in enumerate(devices):
        folder = f"sys/class/thermal/cooling_device{number}"
        files |= {f"{folder}/type": f"{kind}\n", f"{folder}/cur_state": f"{state}\n"}
    return files


@pytest.mark.parametrize(("old", "now", "count"), [(0, 0, 0), (0, 3, 1), (3, 0, 1), (2, 7, 1)])
def test_clock_that_the_kernel_limits_is_a_limit_in_force(tmp_path: Path, old: int, now: int, count: int) -> None:
    """A cooling device of cpufreq above state 0 holds the clock down; how far is no number of events."""
    kinds = ("cpufreq-cpu0", "thermal-cpufreq-1", "pwm-fan", "devfreq-gpu")
    write(tmp_path, cooling((kinds[0], old), (kinds[1], 0), (kinds[2], 4), (kinds[3], 2)))
    sources = find([0], tmp_path)
    before = read(sources)
    write(tmp_path, cooling((kinds[0], now)))
    assert new(before, read(sources)) == count


@pytest.mark.parametrize("text", ["", "?\n", "-1\n", "throttled=0x0\n", "123456789abc\n"])
def test_file_that_holds_no_number_is_no_source(tmp_path: Path, text: str) -> None:
    """What cannot be read as its driver prints it is left alone."""
    files = {
        FIRMWARE: text,
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": text.replace("123456789abc", "?"),
        **{name: text.replace("123456789abc", "?") for name in cooling(("cpufreq-cpu0", 0)) if name.endswith("state")},
        "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0\n",
    }
    sources = throttle.find([0], write(tmp_path, files))
    assert sources.files == ()
