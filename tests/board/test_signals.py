"""What a machine says of itself, from fake trees: recorded boards, and trees that change between two snapshots."""

import os
from pathlib import Path

import pytest

from edgebench.board import signals
from edgebench.board.signals import Sources, filled, find, pressure_ns, snapshot, steal_ns, told
from edgebench.board.watching import Watcher
from edgebench.board.wire import Watched
from tests.board.sensors.ordinary import open_folder, ordinary_user
from tests.board.test_throttle import FIRMWARE, program, write, x86

BOARDS = Path(__file__).parents[1] / "data/boards"
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
LAST = max(os.sched_getaffinity(0))
EVERYTHING = {"steal", "cpu_waiting", "memory_stalled", "io_waiting", "clock", "governor", "temperature", "throttled"}


def stat(cpu: int, steal: int) -> str:
    """A /proc/stat in which one processor was stolen for so many ticks, and others for more."""
    stolen = {"cpu ": 9999, f"cpu9{cpu}": 8888, f"cpu{cpu}": steal}
    return "".join(f"{name} 10 0 20 300 4 0 5 {ticks} 0 0\n" for name, ticks in stolen.items()) + "ctxt 5\n"


def pressure(some_us: int, full_us: int) -> str:
    """A file of /proc/pressure."""
    return "".join(
        f"{kind} avg10=0.05 avg60=0.22 avg300=0.67 total={total}\n"
        for kind, total in (("some", some_us), ("full", full_us))
    )


def zones(**degrees: str) -> dict[str, str]:
    """Thermal zones by their types, which have dashes where Python's names have underlines."""
    files: dict[str, str] = {}
    for number, (kind, value) in enumerate(degrees.items()):
        folder = f"sys/class/thermal/thermal_zone{number}"
        files |= {f"{folder}/type": kind.replace("_", "-") + "\n", f"{folder}/temp": f"{value}\n"}
    return files


def machine(cpu: int, steal: int = 5, waited_us: int = 100, khz: str = "1500000") -> dict[str, str]:
    """The files of a machine that has every signal."""
    return {
        "proc/stat": stat(cpu, steal),
        "proc/pressure/cpu": pressure(waited_us, 0),
        "proc/pressure/memory": pressure(10 * waited_us, 2 * waited_us),
        "proc/pressure/io": pressure(3 * waited_us, waited_us),
        f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq": f"{khz}\n",
        f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor": "ondemand\n",
        **zones(cpu_thermal="48312"),
        FIRMWARE: "0\n",
    }


def watched() -> Watched:
    """A round of which nothing is known yet."""
    return Watched(session="s1", invocation=0, round=0, start_ns=0, wall_ns=1, loop_ns=1, stream_ns=1)


# --- what there is ---------------------------------------------------------------------------------------------------


def test_machine_with_everything_lacks_nothing(tmp_path: Path) -> None:
    """Each signal is told with the place where it is read, as it is named on the machine itself."""
    record = told(find([3], write(tmp_path, machine(3))), "s1")
    assert record.present.keys() == EVERYTHING
    assert record.absent == {}
    assert record.present["steal"] == "/proc/stat"
    assert record.present["temperature"] == "/sys/class/thermal/thermal_zone0/temp"
    assert record.present["throttled"] == f"/{FIRMWARE}"


def test_machine_without_anything_says_why(tmp_path: Path) -> None:
    """Every signal is absent with a reason, none is read as zero."""
    sources = find([3], tmp_path)
    record = told(sources, "s1")
    assert record.present == {}
    assert record.absent == {
        "steal": "/proc/stat: No such file or directory",
        "cpu_waiting": "/proc/pressure/cpu: No such file or directory",
        "memory_stalled": "/proc/pressure/memory: No such file or directory",
        "io_waiting": "/proc/pressure/io: No such file or directory",
        "clock": "cpu3 has no cpufreq policy",
        "governor": "cpu3 has no cpufreq policy",
        "temperature": "no thermal zone is a processor's",
        "throttled": "no file of kernel or firmware tells of throttling",
    }
    assert filled(watched(), sources, snapshot(sources), snapshot(sources)) == watched()


@pytest.mark.parametrize("board", sorted(path.name for path in BOARDS.iterdir() if path.is_dir()))
def test_every_signal_of_a_recorded_board_is_present_or_absent(board: str) -> None:
    """Whatever a board has, each signal is told once."""
    record = told(find([0], BOARDS / board), "s1")
    assert sorted([*record.present, *record.absent]) == sorted(EVERYTHING)


def test_clock_is_that_of_the_processor_that_measures() -> None:
    """A chip with several clocks has a policy for each group of cores: the recorded RK3588 has them at 0, 4 and 6."""
    found = {cpu: find([cpu], BOARDS / "rk3588").clock for cpu in (0, 3, 4, 5, 6, 7)}
    policies = {cpu: path.parent.name for cpu, path in found.items() if path is not None}
    assert policies == {0: "policy0", 3: "policy0", 4: "policy4", 5: "policy4", 6: "policy6", 7: "policy6"}


def test_processor_that_stat_does_not_list_is_told(tmp_path: Path) -> None:
    """A kernel without the field, or without the processor, does not say how much was stolen from it."""
    write(tmp_path, {"proc/stat": "cpu  1 2 3 4\ncpu0 1 2 3 4 5 6 7 8 9\ncpu1 1 2 3 4\n"})
    assert "steal" not in find([0], tmp_path).absent
    assert find([1], tmp_path).absent["steal"] == "/proc/stat has no steal of cpu1"
    assert find([2], tmp_path).absent["steal"] == "/proc/stat has no steal of cpu2"


def closed(files: dict[str, str], *names: str) -> Sources:
    """What an ordinary user finds in a tree some of whose files are not for him."""
    with open_folder() as root:
        write(root, files)
        for name in names:
            (root / name).chmod(0)
        with ordinary_user():
            return find([0], root)


def test_file_that_may_not_be_read_is_absent_for_that_reason() -> None:
    """Permission denied is said, so that it can be changed."""
    found = closed(machine(0), "proc/pressure/io")
    assert found.absent == {"io_waiting": "/proc/pressure/io: Permission denied"}
    assert found.forbidden == ()  # no sensor: `list sensors` has nothing to say of it


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "clock"),
        ("sys/class/thermal/thermal_zone0/temp", "temperature"),
        (FIRMWARE, "throttled"),
    ],
)
def test_sensor_of_heat_that_may_not_be_read_is_forbidden(name: str, signal: str) -> None:
    """It is absent with the kernel's reason, and noted, so that rows get the flag `permission`."""
    found = closed(machine(0), name)
    assert found.forbidden == (signal,)
    assert f"/{name}: Permission denied" in found.absent[signal]


# --- what happened ---------------------------------------------------------------------------------------------------


def test_round_has_what_changed_since_it_began(tmp_path: Path) -> None:
    """Totals are differences in nanoseconds; clock, governor and temperature are those at the end."""
    sources = find([3], write(tmp_path, machine(3, steal=5, waited_us=100)))
    before = snapshot(sources)
    write(tmp_path, machine(3, steal=8, waited_us=150, khz="1800000") | zones(cpu_thermal="51000"))
    found = filled(watched(), sources, before, snapshot(sources))
    assert found.steal_ns == 3 * TICK_NS
    assert found.cpu_waiting_ns == 50_000
    assert found.memory_stalled_ns == 2 * 50_000  # of all tasks
    assert found.io_waiting_ns == 3 * 50_000  # of some task
    assert (found.clock_hz, found.governor) == (1_800_000_000, "ondemand")
    assert (found.temperature_c, found.throttled) == (51.0, 0)


def test_signal_that_stops_being_told_is_none(tmp_path: Path) -> None:
    """A file that is gone at the end gives no difference and no value, and no error."""
    sources = find([3], write(tmp_path, machine(3)))
    before = snapshot(sources)
    for name in machine(3):
        (tmp_path / name).unlink()
    assert filled(watched(), sources, before, snapshot(sources)) == watched()


@pytest.mark.parametrize(
    ("found", "hottest"),
    [
        ({"cpu_thermal": "48312", "gpu_thermal": "60000"}, 48.312),
        ({"CPU_therm": "40000", "GPU_therm": "41000", "PMIC_Die": "100000", "AO_therm": "44000"}, 40.0),
        ({"MCPU_therm": "37500", "BCPU_therm": "39000"}, 39.0),
        ({"soc0_thermal": "45000", "soc1_thermal": "46968", "cv0_thermal": "-256000"}, 46.968),
        ({"cpu_thermal": "44093", "tj_thermal": "46968", "cpu_off": "-256000"}, 46.968),
        ({"bigcore0_thermal": "50000", "littlecore_thermal": "49000", "npu_thermal": "70000"}, 50.0),
        ({"acpitz": "27800", "x86_pkg_temp": "61000"}, 61.0),
        ({"gpu_thermal": "60000", "battery": "30000"}, None),
        ({"cpu_thermal": "?"}, None),
    ],
)
def test_hottest_zone_of_a_processor_counts(tmp_path: Path, found: dict[str, str], hottest: float | None) -> None:
    """Zones are told by their types; other chips', unused ones and one that always says 100 degrees are left out."""
    sources = find([0], write(tmp_path, zones(**found)))
    assert filled(watched(), sources, snapshot(sources), snapshot(sources)).temperature_c == hottest
    assert ("temperature" in sources.absent) == (hottest is None)


def test_clock_of_a_core_that_is_off_is_none(tmp_path: Path) -> None:
    """The kernel prints <unknown> there."""
    sources = find([0], write(tmp_path, machine(0, khz="<unknown>")))
    assert filled(watched(), sources, snapshot(sources), snapshot(sources)).clock_hz is None


@pytest.mark.parametrize(("kind", "total"), [("some", 21_000), ("full", 7_000)])
def test_pressure_of_a_kind(kind: str, total: int) -> None:
    """A file has a line for some tasks and one for all; kernels before 5.13 have only the first for processors."""
    assert pressure_ns(pressure(21, 7), kind) == total
    assert pressure_ns("", kind) is None


def test_steal_of_this_machine_is_read() -> None:
    """Under "/" the kernel's own file is understood."""
    assert steal_ns(Path("/proc/stat").read_text(), LAST) is not None
    assert signals.told(find([LAST]), "s1").session == "s1"


# --- watching --------------------------------------------------------------------------------------------------------


def test_watcher_sings_before_it_looks(tmp_path: Path) -> None:
    """The canary's own time is not part of the round, which begins with the snapshot after it."""
    watcher = Watcher("s1", [LAST], write(tmp_path, machine(LAST)))
    look = watcher.look()
    found = watcher.watched(look, 2, 5, "a", last=False)
    assert (found.invocation, found.round, found.trial) == (2, 5, "a")
    assert (found.loop_ns, found.stream_ns) == (look.song.loop_ns, look.song.stream_ns)
    assert (found.start_ns, found.wall_ns > 0) == (look.snapshot.at_ns, True)
    assert found.steal_ns == 0


def test_program_is_asked_once_an_invocation(tmp_path: Path) -> None:
    """Where no file tells of throttling, the last round has what the program tells of all rounds; others have None."""
    log = tmp_path / "log"
    program(tmp_path, f'echo asked >>"{log}"; cat "{tmp_path}/said"')
    (tmp_path / "said").write_text("throttled=0x0\n")
    watcher = Watcher("s1", [LAST], tmp_path)
    assert watcher.signals().present["throttled"] == "/usr/bin/vcgencmd"
    asked = len(log.read_text().split())
    (tmp_path / "said").write_text("throttled=0x40000\n")
    rounds = [watcher.watched(watcher.look(), 0, number, None, last=number == 2) for number in range(3)]
    assert [one.throttled for one in rounds] == [None, None, 1]
    assert watcher.watched(watcher.look(), 1, 0, None, last=True).throttled == 0
    assert len(log.read_text().split()) == asked + 2


def test_program_that_does_not_tell_is_absent(tmp_path: Path) -> None:
    """An old firmware's answer is an error: nothing is asked of it again."""
    program(tmp_path, "echo error=1")
    watcher = Watcher("s1", [LAST], tmp_path)
    reason = "no file of kernel or firmware tells of throttling; /usr/bin/vcgencmd get_throttled does not either"
    assert watcher.signals().absent["throttled"] == reason
    assert watcher.watched(watcher.look(), 0, 0, None, last=True).throttled is None


def test_events_of_a_file_and_of_the_program_are_added(tmp_path: Path) -> None:
    """A board may tell of the kernel's limits in a file and of the firmware's through its program."""
    program(tmp_path, f'cat "{tmp_path}/said"')
    write(tmp_path, {"said": "throttled=0x0\n"} | x86(core=0, package=0))
    watcher = Watcher("s1", [0], tmp_path) if LAST == 0 else Watcher("s1", [1], tmp_path)
    look = watcher.look()
    write(tmp_path, {"said": "throttled=0x50000\n"} | x86(core=1, package=0))
    assert watcher.watched(look, 0, 0, None, last=True).throttled == 1 + 2
