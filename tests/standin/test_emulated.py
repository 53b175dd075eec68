"""Stand-ins as a user has them: made from nothing, measured on, stopped and removed.

As root by namespaces and binfmt_misc, and as an ordinary user by proot. It takes minutes, and Debian's archive.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgebench import api, plugins
from edgebench.api._reaching import reached
from edgebench.api.planning import plan_for
from edgebench.api.reading import Result
from edgebench.api.running import carry_out, silent
from edgebench.board.sensors.vcgencmd import FIRMWARE
from tests.board.sensors.living import Course
from tests.board.sensors.rewriting import rewritten
from tests.failures.running import Ended, Folder
from tests.loopback import lab as labs
from tests.needing import lacking

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LIMIT_S = 900
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The system's own: pip starts every rustc that it finds, and some write to the home."""

HEAVY = {"executorch", "openvino", "torch"}
"""Packages that alone take longer than all of this; two backends are torch."""

TREE = ".cache/edgebench/standins/boards/rpi4-emulated/tree"
"""Under the home: what the stand-in has bound over its /sys."""

ZONE = "sys/class/thermal/thermal_zone0"
ALARM = "sys/class/hwmon/hwmon1/in0_lcrit_alarm"
RAIL = "sys/class/hwmon/hwmon7"
MODELS = ("lenet5", "mobilenet_v1:width=0.25,resolution=96")
EQUAL = 1e-3
NO_WAY = ("may not make namespaces", "this version of binfmt", "could not be fetched", "There is no apt-get")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A user's home with nothing in it, and the commands that are run there.

    `through` are words before each command, which lead it somewhere else; `seen_by` is a process, by its folder in
    /proc, that sees the mounts and handlers of that place.
    """

    home: Path
    user: str | None = None
    python: str = sys.executable
    packages: Path | None = None
    through: tuple[str, ...] = ()
    seen_by: str = "self"
    path: str = PATH

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a user who sets none of his own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EDGEBENCH_"))}
        path = os.pathsep.join(map(str, filter(None, (ROOT, self.packages))))
        own = {"HOME": str(self.home), "PATH": self.path, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return {**kept, **own}

    def run(self, *words: str) -> Ended:
        """Run edgebench to its end; whatever it says, it is never a traceback."""
        done = self.python_run("-m", "edgebench", *words)
        assert "Traceback" not in done.stderr, done.stderr
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def python_run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the home's Python as its user."""
        return subprocess.run(
            [*self.through, *self._as_user(), self.python, *words],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def _as_user(self) -> list[str]:
        """Return what makes a command the user's, who can gain no privilege by any program."""
        if self.user is None:
            return []
        whose = [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return ["setpriv", *whose, "--bounding-set=-all", "--no-new-privs"]

    def only_run(self) -> Folder:
        """Return the one run folder there is, and forget it for the next."""
        (journal,) = self.home.glob("results/*/*/journal.jsonl")
        kept = self.home / "seen" / journal.parent.name
        shutil.move(journal.parent, kept)
        return Folder(path=kept)

    def state(self) -> dict[str, object]:
        """Return all that a stand-in could leave behind: files, mounts, handlers, processes."""
        seen = (self.home / "seen", self.home / "results", self.home / ".cache" / "edgebench" / "artefacts")
        files = [path for path in self.home.rglob("*") if not any(path.is_relative_to(one) for one in seen)]
        own = Path("/proc", self.seen_by)
        binfmt = own / "root/proc/sys/fs/binfmt_misc"
        return {
            "files": sorted(map(str, files)),
            "mounts": (own / "mounts").read_text(),
            "handlers": sorted(path.name for path in binfmt.iterdir()) if binfmt.is_dir() else None,
            "processes": sorted(one.pid for one in psutil.process_iter() if self._started(one)),
        }

    def _started(self, process: psutil.Process) -> bool:
        try:
            return str(self.home) in " ".join([*process.cmdline(), *process.environ().values()])
        except psutil.Error:
            return False


def light() -> list[str]:
    """Return all backends that come as a wheel of moderate size."""
    return [name for name in plugins.names("backends") if _distribution(name) not in {None, *HEAVY}]


def _distribution(name: str) -> str | None:
    found: str | None = plugins.load("backends", name).DISTRIBUTION
    return found


def emulated(place: Place, kind: str, *words: str) -> Ended:
    """Make and start a stand-in; the test lacks it where this machine or its network cannot."""
    done = place.run("devices", "emulate", kind, "--yes", *words)
    if done.code and any(reason in done.err for reason in NO_WAY):
        lacking(done.err.strip().splitlines()[-1])
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A home in a folder with a space in its name; what was started there ends with it."""
    with tempfile.TemporaryDirectory(prefix="eb-test a home ") as folder:
        made = Place(home=Path(folder))
        _share_converters(made)
        try:
            yield made
        finally:
            for kind in ("rpi4", "rpi5"):
                made.run("devices", "emulate", kind, "--remove")


def _share_converters(place: Place) -> None:
    """Have a home use the environments of converters that other tests of this run made: one holds 953 MB."""
    shared = Path(os.environ["XDG_CACHE_HOME"]) / "edgebench" / "environments"
    shared.mkdir(parents=True, exist_ok=True)
    own = place.home / ".cache" / "edgebench" / "environments"
    own.parent.mkdir(parents=True)
    own.symlink_to(shared)


@pytest.fixture(scope="module")
def rpi4(place: Place) -> str:
    """The name of an emulated Raspberry Pi 4 with every light runtime."""
    emulated(place, "rpi4", *(word for name in light() for word in ("--backend", name)))
    return "rpi4-emulated"


def test_outputs_equal_the_hosts(place: Place, rpi4: str) -> None:
    """LeNet-5 and MobileNetV1 run in every runtime with outputs within 1e-3 of scale; rows hold no time and no rank."""
    backends = [word for name in light() for word in ("--backend", name)]
    models = [word for model in MODELS for word in ("--model", model)]
    done = place.run("run", "--device", rpi4, *models, *backends)
    assert done.code == 0, done.err
    folder = place.only_run()
    rows = folder.table("trials")
    assert {(row["model"], row["backend"]) for row in rows} == {(model, name) for model in MODELS for name in light()}
    for row in rows:
        assert (row["status"], row["emulated"], row["device"]) == ("done", "True", "rpi4")
        assert float(row["parity_max_abs_diff"]) <= EQUAL * float(row["parity_scale"])
        assert int(row["memory_peak_bytes"]) > 0
        assert {name for name in row if name.endswith("_s") and row[name]} == set()
    assert [folder.table(name) for name in ("pairs", "backends", "verdicts")] == [[], [], []]


def test_a_stand_in_is_the_board_it_stands_for(place: Place, rpi4: str) -> None:
    """Its own probe finds a Raspberry Pi 4 with four A72 in its /sys and /proc, and that it is emulated."""
    done = place.run("devices", "check", rpi4, "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)["facts"]
    assert (facts["machine"], facts["cores"], facts["emulated"]) == ("aarch64", 4, True)
    assert (facts["cpu_parts"], facts["cpu_flags"]) == (["0xd08"], ["fp", "asimd"])
    assert facts["device_tree_compatible"] == ["raspberrypi,4-model-b"]
    assert facts["clocks"][0]["limit_hz"] == 1_500_000_000


def test_sensors_are_read_from_the_bound_tree(place: Place, rpi4: str) -> None:
    """What its files say now, each time; none of it is the machine's under it, and it says so."""
    tree = place.home / TREE

    def told() -> tuple[float, float]:
        done = place.run("list", "sensors", rpi4, "--json")
        assert done.code == 0, done.err
        found = json.loads(done.out)
        assert found["root"] == "/"
        numbers = {one["name"]: one["number"] for sensor in found["sensors"] for one in sensor["channels"]}
        return numbers["cpu-thermal"], numbers["under-voltage"]

    for celsius, alarm in ((48.312, 0), (71.234, 1), (48.312, 0)):
        with rewritten(tree, {f"{ZONE}/temp": f"{round(1000 * celsius)}\n", ALARM: f"{alarm}\n"}, {}):
            assert told() == (celsius, alarm)
    assert "Read under /, a tree that stands for a board." in place.run("list", "sensors", rpi4).out


@pytest.fixture
def at_home(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process find what belongs to the home, as commands that are run there do."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "EDGEBENCH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place.home))


def timed(place: Place, say: Callable[[str], None] = silent, **given: Any) -> Result:
    """Run what `run` refuses to time on a stand-in: its agent takes it for a board, and the times mean nothing."""
    request = api.Request(device="rpi4-emulated", backends=("null:work=200",), memory=False, **given)
    with reached(request.device) as side:
        assert side.board.emulated
        board = replace(
            side.board, unit=replace(side.board.unit, emulated=False), facts={**side.board.facts, "emulated": False}
        )
        result = carry_out(plan_for(request, board), side, place.home / "results", say)
    assert api.recompute(result.folder).summary == result.summary
    for row in result.summary.trials:
        assert (row.status, "sensors of /, a tree that stands for a board" in row.provenance) == ("done", True)
    return result


@pytest.mark.usefixtures("at_home")
def test_a_rail_ramps_throughout_a_run(place: Place, rpi4: str) -> None:
    """From the bound /sys through the agent there to the tables: each window has the power of its middle."""
    still = {f"{RAIL}/name": "ina3221\n", f"{RAIL}/in1_label": "VDD_IN\n", f"{RAIL}/in1_input": "5000\n"}
    course: Course = lambda at: f"{round(200 * (2.0 + 0.01 * at))}\n"  # noqa: E731 - a course is a function
    with rewritten(place.home / TREE, still, {f"{RAIL}/curr1_input": course}) as began_ns:
        result = timed(place, models=("lenet5",), energy=True, invocations=1)
    row = result.summary.trials[0]
    assert (row.energy_rung, row.energy_rail) == ("board rail", "VDD_IN")
    middles = [((one.start_ns + one.end_ns) / 2 - began_ns) * 1e-9 for one in result.run.energy_windows]
    told = [float(one["mean_w"]) for one in place.only_run().table("energy")]
    assert len(told) == 3
    assert told == pytest.approx([2.0 + 0.01 * middle for middle in middles], rel=0.02)


@pytest.mark.usefixtures("at_home")
def test_a_run_is_throttled_half_way(place: Place, rpi4: str) -> None:
    """Its firmware's file tells it after the first of two invocations: INVALID with the cause, the first is kept."""
    over: list[str] = []

    def say(line: str) -> None:
        over.extend([line] * (": invocation " in line))

    with rewritten(place.home / TREE, {}, {FIRMWARE: lambda _: "50005\n" if over else "0\n"}):
        result = timed(place, say, models=("lenet5", "squeezenet:version=1.1,resolution=64"), invocations=2)
    place.only_run()
    cause = "under-voltage, throttled by the firmware"
    for row in result.summary.trials:
        assert (row.throttled_by, row.throttled_at_s is not None) == (cause, True)
        assert row.rounds_before_throttling == result.run.started.protocol.rounds
        assert row.latency_before_throttling_s is not None
    assert {one.verdict for one in result.verdicts} == {"INVALID"}
    assert all("throttled in minute" in one.reason and cause in one.reason for one in result.verdicts)


def test_what_needs_time_is_refused(place: Place, rpi4: str) -> None:
    """Probe, selftest, paced runs and energy are one sentence each."""
    for words in (
        ("devices", "probe", rpi4),
        ("selftest", "--aa", "--device", rpi4),
        ("run", "--device", rpi4, "--pace", "9"),
        ("run", "--device", rpi4, "--energy"),
    ):
        done = place.run(*words)
        assert (done.code, "is a stand-in" in done.sentence()) == (2, True)


def test_a_second_start_has_nothing_to_do(place: Place, rpi4: str) -> None:
    """What is built is not built again, and what runs goes on running."""
    before = place.state()["processes"]
    done = emulated(place, "rpi4")
    assert "fetching" not in done.err
    assert place.state()["processes"] == before


def test_a_newer_core_has_newer_instructions(place: Place, rpi4: str) -> None:
    """A Raspberry Pi 5 beside it shares what was built, has an address of its own, and dot products."""
    emulated(place, "rpi5", "--backend", "null")
    done = place.run("devices", "check", "rpi5-emulated", "--json")
    assert done.code == 0, done.err
    assert "asimddp" in json.loads(done.out)["facts"]["cpu_flags"]
    assert place.run("devices", "emulate", "rpi5", "--remove").code == 0
    assert place.run("devices", "check", rpi4).code == 0


def test_a_stand_in_that_is_stopped_says_how_to_start_it(place: Place, rpi4: str) -> None:
    """Stopping leaves its files; a run then ends with 4 and the command that starts it."""
    assert place.run("devices", "emulate", "rpi4", "--stop").out == "Stopped.\n"
    assert place.state()["processes"] == []
    done = place.run("run", "--device", rpi4, "--model", "lenet5")
    assert done.code == 4
    assert done.sentence().endswith("`edgebench devices emulate rpi4` starts it.")
    assert place.run("devices", "emulate", "rpi4", "--stop").out == "It was not running.\n"


@pytest.fixture
def stranger() -> Iterator[Place]:
    """The home of an ordinary user, a new one as root."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="eb-test-home "))
        stack.callback(shutil.rmtree, folder)
        user = None
        if os.getuid() == 0:
            user = stack.enter_context(labs.ordinary_user(f"eb-test-{os.getpid()}-home", folder))
        made = next((place for place in places(folder, user) if usable(place)), None)
        if made is None:
            lacking("an ordinary user may not read the Python that runs the tests, nor is there another like it")
        yield made
        made.run("devices", "emulate", "rpi4", "--remove")


def places(folder: Path, user: str | None) -> Iterator[Place]:
    """Yield a home with the Python that runs the tests, and one with the system's and what ours has installed."""
    yield Place(home=folder, user=user)
    yield Place(home=folder, user=user, python="/usr/bin/python3", packages=Path(pytest.__file__).parents[1])


def usable(place: Place) -> bool:
    """Tell whether the user of a home can start edgebench, and it its own Python."""
    code = "import edgebench.cli, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    return place.python_run("-c", code).returncode == 0


def test_an_ordinary_user_needs_nothing(stranger: Place) -> None:
    """Without root, binfmt or any package, proot runs the same board; --remove leaves the home as it was."""
    before = stranger.state()
    done = stranger.run("devices", "emulate", "rpi4")
    if done.code and any(reason in done.err for reason in NO_WAY):
        pytest.skip(done.sentence())
    assert done.code == 0, done.err
    measured = stranger.run("run", "--device", "rpi4-emulated", "--model", "lenet5", "--backend", "onnxruntime")
    assert measured.code == 0, measured.err
    row = stranger.only_run().trial("onnxruntime")
    assert (row["status"], row["emulated"]) == ("done", "True")
    assert float(row["parity_max_abs_diff"]) <= EQUAL * float(row["parity_scale"])
    assert stranger.run("devices", "emulate", "rpi4", "--remove").code == 0
    shutil.rmtree(stranger.home / "seen")
    shutil.rmtree(stranger.home / "results")
    shutil.rmtree(stranger.home / ".cache" / "edgebench" / "artefacts", ignore_errors=True)
    # The run converted a model, and `edgebench cache --clear` is for what that leaves.
    own = [str(stranger.home / name) for name in (".cache", ".cache/edgebench")]
    assert stranger.state() == {**before, "files": own}


def test_nothing_is_left_after_the_last_one_is_removed(tmp_path: Path) -> None:
    """Files, mounts, handlers and processes are after --remove what they were before; a second --remove says so."""
    place = Place(home=tmp_path)
    before = place.state()
    emulated(place, "rpi3", "--backend", "null")
    during = place.state()
    assert during["processes"]
    done = place.run("devices", "emulate", "rpi3", "--remove")
    assert (done.code, "The stand-in rpi3-emulated is deleted." in done.out) == (0, True)
    assert place.state() == before
    assert place.run("devices", "emulate", "rpi3", "--remove").out == "There was nothing to remove.\n"
