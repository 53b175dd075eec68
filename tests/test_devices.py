"""The shipped descriptions, the search path, which kind a board is, and the user's boards.toml."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from edgebench import devices, plugins
from edgebench.devices import Device, Unit
from edgebench.errors import UsageError

REPOSITORY = Path(__file__).parents[1]
SHIPPED = sorted((REPOSITORY / "devices").glob("*.toml"))
BOARDS = Path(__file__).parent / "data/boards"

SMALL = """
name = "mine"
title = "My board"
status = "not run on hardware"
[match]
machine = "riscv64"
[run]
backends = ["onnxruntime"]
precisions = ["fp32"]
threads = [1]
"""

NAMES = ", ".join(path.stem for path in SHIPPED)
PHONES = {"pixel1", "pixel4", "pixel6"}
TREES = ["rpi3", "rpi4", "rpi5", "jetson-nano", "jetson-orin-nano", "rk3588", "n100", "x86"]

shipped = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
measurable = pytest.mark.parametrize(
    "path", [path for path in SHIPPED if path.stem not in PHONES], ids=lambda path: path.stem
)


@pytest.fixture(autouse=True)
def empty_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in an empty folder as a user without configuration; returns the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def facts(board: str) -> dict[str, Any]:
    """Return the recorded facts of a fake board."""
    found: dict[str, Any] = json.loads((BOARDS / board / "facts.json").read_text())
    return found


def write(path: str, text: str) -> Path:
    """Write a file, relative to the test's folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return Path(path)


def refusal(call: Any, *arguments: Any) -> str:
    """Return the one sentence with which a call is refused."""
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    return str(caught.value)


# --- shipped descriptions ---------------------------------------------------------------------------------------------


@shipped
def test_description_loads_under_its_file_name(path: Path) -> None:
    """Every shipped file is a device called like the file."""
    assert devices.load(path).name == path.stem


@shipped
def test_every_table_of_facts_has_its_source(path: Path) -> None:
    """A table that states figures has a source, and a source speaks of a table that is there."""
    device = devices.load(path)
    stated = set() if device.reference_only else {"match"}
    stated |= {"cpu"} if device.cpu.core else set()
    stated |= {"cpu.mode"} if device.cpu.mode else set()
    stated |= {name for name in ("gpu", "power") if getattr(device, name) is not None}
    stated |= {"memory"} if device.memory.bandwidth_nominal_bytes_per_s is not None else set()
    sourced = {source.table for source in device.source}
    assert stated <= sourced <= stated | {"run", "sensors"}
    assert all(source.fact and source.source for source in device.source)


def test_every_kind_of_the_design_is_described() -> None:
    """The kinds that were promised are there; of phones, those whose latencies papers quote."""
    boards = "rpi3 rpi4 rpi5 rpi-zero2w jetson-nano jetson-tx2 jetson-xavier-nx jetson-agx-xavier jetson-orin-nano "
    boards += "jetson-orin-nx jetson-agx-orin rk3588 coral n100 x86"
    assert {path.stem for path in SHIPPED} == {*boards.split(), *PHONES}
    assert {path.stem for path in SHIPPED if devices.load(path).reference_only} == PHONES


@shipped
def test_status_is_honest(path: Path) -> None:
    """A description says when it was tried on hardware, on a day that has been, or that it was not."""
    tried = re.fullmatch(r"run on hardware (.+)", devices.load(path).status)
    assert tried is None or date.fromisoformat(tried[1]) <= datetime.now(UTC).date()


@measurable
def test_default_is_one_thread(path: Path) -> None:
    """The default is the papers' convention for mobile CPUs, one thread in fp32, on runtimes we can drive."""
    run = devices.load(path).run
    assert run.threads[0] == 1
    assert list(run.threads) == sorted(set(run.threads))
    assert run.precisions[0] == "fp32"
    assert set(run.backends) <= set(plugins.names("backends")) - {"null"}


@shipped
def test_modes_agree_with_clusters_and_gpu(path: Path) -> None:
    """Modes stand slowest first, use no more cores than there are, and a GPU's modes have the CPU's names."""
    device = devices.load(path)
    modes = device.cpu.mode
    assert [one.clock_hz for one in modes] == sorted(one.clock_hz for one in modes)
    assert all(one.cores <= sum(cluster.cores for cluster in device.cpu.clusters) for one in modes)
    if device.gpu is not None and len(modes) > 1 and len(device.gpu.mode) > 1:
        assert [one.name for one in device.gpu.mode] == [one.name for one in modes]


PEAKS = [  # G operations/s in fp32, two a mult-add, on the cores of the mode
    ("rpi3", "1.4 GHz", 44.8e9),
    ("rpi-zero2w", "1 GHz", 32.0e9),
    ("rpi4", "1.5 GHz", 48.0e9),
    ("rpi4", "1.8 GHz", 57.6e9),
    ("rpi5", "2.4 GHz", 153.6e9),
    ("jetson-nano", "MAXN of 1.43 GHz", 45.8e9),
    ("jetson-tx2", "MAXN", 65.0e9),
    ("jetson-xavier-nx", "15W_2CORE", 182.4e9 / 6 * 2),  # printed for 6 cores, which no mode runs at 1.9 GHz
    ("jetson-agx-xavier", "MAXN", 289.3e9),
    ("jetson-orin-nano", "15W", 145.0e9),
    ("jetson-orin-nano", "MAXN_SUPER", 166.1e9),
    ("jetson-orin-nx", "MAXN", 256.0e9),
    ("jetson-agx-orin", "MAXN", 422.4e9),
    ("rk3588", "2.4 GHz", 153.6e9),
    ("coral", "1.5 GHz", 48.0e9),
    ("n100", "turbo", 217.6e9),
    ("pixel1", "fast cores", 34.4e9),
    ("pixel4", "prime core", 45.4e9),
    ("pixel6", "fast cores", 179.2e9),
]

GPU_PEAKS = [  # the same for GPUs, where a peak is known with its clock
    ("rpi4", 32e9),
    ("jetson-nano", 236e9),
    ("jetson-tx2", 666e9),
    ("jetson-xavier-nx", 845e9),
    ("jetson-agx-xavier", 1410e9),
    ("jetson-orin-nano", 2089e9),
    ("jetson-orin-nx", 1880e9),
    ("jetson-agx-orin", 5325e9),
]


@pytest.mark.parametrize(("name", "mode", "peak"), PEAKS)
def test_peaks_are_those_of_the_reference(name: str, mode: str, peak: float) -> None:
    """Mult-adds per cycle are half the flop per cycle: cores x clock x 2 x mult-adds is the published peak."""
    (found,) = (one for one in devices.find(name).cpu.mode if one.name == mode)
    assert found.mult_adds_per_cycle.fp32 is not None
    assert found.cores * found.clock_hz * 2 * found.mult_adds_per_cycle.fp32 == pytest.approx(peak, rel=5e-3)


@pytest.mark.parametrize(("name", "peak"), GPU_PEAKS)
def test_gpu_peaks_are_those_of_the_reference(name: str, peak: float) -> None:
    """The fastest mode of a GPU reaches its published peak."""
    gpu = devices.find(name).gpu
    assert gpu is not None
    assert gpu.mode[-1].mult_adds_per_cycle.fp32 is not None
    assert gpu.mode[-1].clock_hz * 2 * gpu.mode[-1].mult_adds_per_cycle.fp32 == pytest.approx(peak, rel=2e-3)


BRACKETS = {  # watts a core, each a quotient that the description's source names
    "rpi3": ((5.6 - 3.1) / 4, 5.6 / 4),
    "rpi4": ((5.0 - 1.6) / 4, (7.2 - 1.6) / 4),
    "rpi5": ((9 - 2.9) / 4, (12.7 - 2.9) / 4),
    "n100": (6 / 4, 25 / 4),
    "x86": (6 / 4, 64 / 4),
}


@shipped
def test_brackets_follow_from_the_watts_they_name(path: Path) -> None:
    """A bracket is what its source says, and there is none where load or idle watts have no source."""
    power = devices.load(path).power
    found = None if power is None else pytest.approx((power.watts_per_core_low, power.watts_per_core_high), abs=0.06)
    assert BRACKETS.get(path.stem) == found


@pytest.mark.parametrize("name", TREES[:-1])
def test_instruction_sets_are_named_as_linux_names_them(name: str) -> None:
    """What a description promises, the recorded board shows in /proc/cpuinfo."""
    assert devices.find(name).cpu.isa == tuple(facts(name)["cpu_flags"])


@pytest.mark.parametrize("name", ["rpi3", "rpi4", "rpi5", "jetson-nano", "jetson-orin-nano"])
def test_cores_are_named_as_the_probe_names_them(name: str) -> None:
    """A chip with one sort of Arm cores has the name that the probe gives it."""
    assert devices.find(name).cpu.core == facts(name)["cpu_model"]


# --- which kind a board is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TREES)
def test_board_is_of_its_kind(name: str) -> None:
    """Facts of a board find its kind; every other kind refuses them, but the generic one of its processor."""
    found = devices.matching(facts(name))
    assert found is not None
    assert found.name == name
    also = {"n100": {"x86"}}.get(name, set())
    for path in SHIPPED:
        device = devices.load(path)
        if device.name in {name, *also}:
            devices.check(device, facts(name))
        elif not device.reference_only:
            assert "This machine is not of the kind" in refusal(devices.check, device, facts(name))


COMPATIBLE = [  # as boards have them: the board first, its family last
    ("raspberrypi,3-model-b brcm,bcm2837", "rpi3"),
    ("raspberrypi,model-zero-2-w brcm,bcm2837", "rpi-zero2w"),
    ("nvidia,p3541-0000 nvidia,p3450-0000 nvidia,tegra210", "jetson-nano"),
    ("nvidia,p3449-0000-b00+p3448-0002-b00 nvidia,jetson-nano nvidia,tegra210", "jetson-nano"),
    ("nvidia,p2597-0000+p3310-1000 nvidia,tegra186", "jetson-tx2"),
    ("nvidia,quill nvidia,p2597-0000+p3310-1000 nvidia,tegra186", "jetson-tx2"),
    ("nvidia,p3509-0000+p3636-0001 nvidia,tegra186", None),  # the TX2 NX
    ("nvidia,p3449-0000+p3668-0001 nvidia,p3509-0000+p3668-0001 nvidia,tegra194", "jetson-xavier-nx"),
    ("nvidia,galen nvidia,jetson-xavier nvidia,p2822-0000+p2888-0001 nvidia,tegra194", "jetson-agx-xavier"),
    ("nvidia,p3768-0000+p3767-0000 nvidia,p3767-0000 nvidia,tegra234", "jetson-orin-nx"),
    ("nvidia,p3768-0000+p3767-0001 nvidia,p3767-0001 nvidia,tegra234", None),  # the Orin NX of 8 GB
    ("nvidia,p3768-0000+p3767-0005 nvidia,p3767-0005 nvidia,tegra234", "jetson-orin-nano"),
    ("nvidia,p3737-0000+p3701-0005 nvidia,p3701-0005 nvidia,tegra234", "jetson-agx-orin"),
    ("nvidia,p3737-0000+p3701-0008 nvidia,p3701-0008 nvidia,tegra234", None),  # the industrial one
    ("xunlong,orangepi-5 rockchip,rk3588s", "rk3588"),
    ("rockchip,rk3588s-orangepi-5 rockchip,rk3588", "rk3588"),
    ("google,imx8mq-phanbell fsl,imx8mq", "coral"),
    ("fsl,imx8mq-phanbell fsl,imx8mq", "coral"),
]


@pytest.mark.parametrize(("compatible", "name"), COMPATIBLE)
def test_device_tree_tells_the_kind(compatible: str, name: str | None) -> None:
    """Boards of one family are told apart by what they alone say, and a sibling that is not described is of no kind."""
    tree = {**facts("rpi4"), "device_tree_compatible": compatible.split(), "cpu_parts": [], "cpu_model": None}
    found = devices.matching(tree)
    assert (found and found.name) == name


def test_no_two_kinds_match_a_board_equally() -> None:
    """No name is in two descriptions, and of those without a device tree no two ask for the same."""
    matches = [devices.load(path).match for path in SHIPPED if path.stem not in PHONES]
    names = [name for match in matches for name in match.compatible]
    assert len(names) == len(set(names))
    others = [match for match in matches if not match.compatible]
    assert len(others) == len(set(others)) == 2


@pytest.mark.parametrize("name", sorted(PHONES))
def test_phone_is_never_measured(name: str) -> None:
    """A phone's description can be read, but neither resolved nor checked, and no board is one."""
    device = devices.find(name)
    sentence = f"{name} ({device.title}) is for reference only: edgebench has no way to measure it; "
    sentence += "name a board that runs Linux."
    assert refusal(devices.resolve, name) == sentence
    assert refusal(devices.check, device, facts("rpi4")) == sentence
    write("boards.toml", f'a = {{device = "{name}", host = "phone"}}')
    assert refusal(devices.resolve, "a") == sentence


def test_phone_alone_is_no_kind_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A description without [match] fits nothing, where it would else fit everything."""
    monkeypatch.setattr(devices, "_packaged", lambda: Path("nowhere"))
    text = (REPOSITORY / "devices/pixel4.toml").read_text()
    write("devices/pixel4.toml", text)
    assert devices.matching(facts("rpi4")) is None


def test_wrong_kind_is_said_plainly() -> None:
    """The refusal says what was found, what was expected, and what to do."""
    sentence = "This machine is not of the kind rpi4: found x86_64 Intel(R) Core(TM) i3-8100 CPU @ 3.60GHz, "
    sentence += "expected device-tree compatible "
    sentence += "'raspberrypi,4-model-b' (or 2 more); name a board by --host, emulate one "
    sentence += "(edgebench devices emulate rpi4), or use --device host to measure it as what it is."
    assert refusal(devices.check, devices.find("rpi4"), facts("x86")) == sentence


def test_wrong_unit_is_said_with_its_address() -> None:
    """For a board elsewhere the advice is to correct boards.toml."""
    unit = Unit(name="rpi4-a", device="rpi4", host="pi@10.0.0.4")
    assert refusal(devices.check, devices.find("rpi4"), facts("rpi5"), unit) == (
        "The unit rpi4-a (pi@10.0.0.4) is not of the kind rpi4: found aarch64 Cortex-A76 (CPU part 0xd0b), device-tree "
        "compatible 'raspberrypi,5-model-b', 'brcm,bcm2712', expected device-tree compatible 'raspberrypi,4-model-b' "
        "(or 2 more); correct its device in boards.toml."
    )


def test_right_board_with_a_32_bit_kernel_is_another_kind() -> None:
    """Every key of [match] has to hold: a Pi 4 under a 32-bit kernel has no wheels and no such instruction sets."""
    assert "expected machine 'aarch64'; use" in refusal(
        devices.check, devices.find("rpi4"), {**facts("rpi4"), "machine": "armv7l"}
    )


def test_no_kind_fits() -> None:
    """A machine of no known kind is said so, with what was found and how to add it."""
    strange = {**facts("rpi4"), "device_tree_compatible": ["radxa,rock-5b"], "cpu_model": None, "cpu_parts": []}
    assert devices.matching(strange) is None
    assert refusal(devices.host_kind, strange) == (
        "No device describes this machine: found aarch64 unknown CPU, device-tree compatible 'radxa,rock-5b', known "
        f"are {NAMES}; write devices/NAME.toml with a [match] that fits it."
    )
    blank: dict[str, Any] = {"machine": None, "cpu_model": None, "cpu_parts": [], "device_tree_compatible": None}
    assert "found unknown machine unknown CPU, known are" in refusal(devices.host_kind, blank)


def test_most_specific_match_wins() -> None:
    """The board's own compatible beats its family's, any compatible beats a CPU part, a CPU part beats the machine."""
    order = ['compatible = ["brcm,bcm2711"]', 'cpu_part = ["0xd08"]', 'machine = "aarch64"']
    for number, condition in enumerate(order):
        text = SMALL.replace('machine = "riscv64"', condition)
        write(f"devices/kind{number}.toml", text.replace("mine", f"kind{number}"))
    pi4 = facts("rpi4")

    def kind(**changed: Any) -> str:
        return devices.host_kind({**pi4, **changed}).name

    assert kind() == "rpi4"
    assert kind(device_tree_compatible=["somebody,board", "brcm,bcm2711"]) == "kind0"
    assert kind(device_tree_compatible=None) == "kind1"
    assert kind(device_tree_compatible=None, cpu_parts=["0xd03"]) == "kind2"


@pytest.mark.parametrize(
    ("board", "limit_hz", "name"),
    [
        ("rpi4", None, "1.5 GHz"),
        ("rpi4", 1_800_000_000, "1.8 GHz"),
        ("rpi4", 2_000_000_000, None),
        ("jetson-orin-nano", None, "15W"),  # 1497.6 MHz now, 1510.4 MHz in the release that was described
        ("jetson-orin-nano", 1_344_000_000, "25W"),
        ("jetson-orin-nano", 1_728_000_000, "MAXN_SUPER"),
        ("x86", None, None),
        ("jetson-nano", None, "MAXN"),
        ("jetson-nano", 1_428_000_000, "MAXN of 1.43 GHz"),
        ("rk3588", None, "2.4 GHz"),
        ("n100", None, "turbo"),
    ],
)
def test_mode_is_told_by_the_clock(board: str, limit_hz: int | None, name: str | None) -> None:
    """A board is in the mode whose clock is its highest allowed one; an overclocked or unknown one is in none."""
    found = facts(board)
    for clock in found["clocks"]:
        clock["limit_hz"] = limit_hz or clock["limit_hz"]
    found_mode = devices.mode(devices.find(board), found)
    assert (found_mode and found_mode.name) == name


@pytest.mark.parametrize(
    ("kind", "limit_hz", "cores", "name"),
    [
        ("jetson-agx-xavier", 1_190_400_000, 2, "10W"),
        ("jetson-agx-xavier", 1_190_400_000, 4, "15W"),
        ("jetson-agx-xavier", 1_190_400_000, 8, "30W, 8 cores"),
        ("jetson-agx-xavier", 2_265_600_000, 8, "MAXN"),
        ("jetson-agx-xavier", 2_265_600_000, 3, "MAXN"),  # somebody switched cores off: the clock still tells
        ("jetson-tx2", 1_996_800_000, 4, "MAXP_CORE_ARM"),
        ("jetson-tx2", 2_035_200_000, 6, "MAXN"),
    ],
)
def test_modes_of_one_clock_are_told_by_the_cores(kind: str, limit_hz: int, cores: int, name: str) -> None:
    """Where modes share a clock, the one with as many cores as are on is it."""
    found = {"clocks": [{"limit_hz": limit_hz}], "cores": cores}
    mode = devices.mode(devices.find(kind), found)
    assert mode is not None
    assert mode.name == name


def test_mode_needs_a_clock() -> None:
    """Where no clock can be read, no mode is guessed."""
    assert devices.mode(devices.find("rpi4"), {**facts("rpi4"), "clocks": []}) is None


# --- search path ------------------------------------------------------------------------------------------------------


def test_shipped_kinds_are_known_anywhere() -> None:
    """From an empty folder, the packaged descriptions are there."""
    assert set(devices.known()) == {path.stem for path in SHIPPED} >= {"jetson-orin-nano", "rpi4", "rpi5", "x86"}


def test_toml_in_the_current_folder_adds_a_kind() -> None:
    """A new kind of board is one file in ./devices, no code."""
    path = write("devices/mine.toml", SMALL)
    assert devices.known()["mine"] == path
    assert devices.find("mine").title == "My board"
    assert devices.host_kind({**facts("rpi4"), "machine": "riscv64"}) == devices.load(path)
    assert devices.resolve("mine") == (devices.load(path), Unit(name="host", device="mine"))


def test_first_of_a_name_wins() -> None:
    """./devices comes before the user's configuration, and that before what is packaged."""
    own = SMALL.replace("mine", "rpi4")
    write("config/edgebench/devices/rpi4.toml", own.replace("My board", "configured"))
    assert devices.find("rpi4").title == "configured"
    write("devices/rpi4.toml", own.replace("My board", "here"))
    assert devices.find("rpi4").title == "here"


def test_home_is_searched_without_xdg(empty_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CONFIG_HOME unset or empty means ~/.config."""
    monkeypatch.setenv("HOME", str(empty_user))
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    write(".config/edgebench/devices/mine.toml", SMALL)
    assert devices.find("mine").title == "My board"


def test_unknown_kind() -> None:
    """An unknown name is answered with the known ones."""
    assert refusal(devices.find, "rpi9") == (
        f"Unknown device 'rpi9': known are {NAMES}; to add one, write devices/rpi9.toml."
    )


def test_host_is_no_kind() -> None:
    """Where a kind is expected, nobody is told to describe one that is called host."""
    assert refusal(devices.find, "host") == (
        f"host means this machine, whatever its kind: expected a kind, one of {NAMES}; `edgebench devices check` says "
        "of which kind this machine is."
    )


# --- mistakes in a description ----------------------------------------------------------------------------------------

MISTAKES = [
    (
        'machine = "riscv64"',
        'machin = "riscv64"',
        "unknown key match.machin: expected one of machine, compatible, cpu_part, cpu_model.",
    ),
    ('machine = "riscv64"', 'compatible = "a,b"', "match.compatible is 'a,b' (str): expected list of str."),
    (
        'machine = "riscv64"',
        "",
        "match is missing or empty: expected at least one of machine, compatible, cpu_part, cpu_model.",
    ),
    (
        '[match]\nmachine = "riscv64"',
        "",
        "match is missing or empty: expected at least one of machine, compatible, cpu_part, cpu_model.",
    ),
    ("threads = [1]", "threads = 1", "run.threads is 1 (int): expected list of int."),
    ("threads = [1]", "threads = [0]", "run has 0 threads: expected at least 1."),
    (
        'backends = ["onnxruntime"]',
        "backends = []",
        "run is missing or has an empty list: expected at least one of each of backends, precisions, threads.",
    ),
    (
        'precisions = ["fp32"]',
        'precisions = ["fp64"]',
        "run.precisions[0] is 'fp64' (str): expected one of 'fp32', 'fp16', 'int8'.",
    ),
    (
        "[run]",
        '[[cpu.clusters]]\ncore = "U74"\ncores = "four"\n[run]',
        "cpu.clusters[0].cores is 'four' (str): expected int.",
    ),
    (
        "[run]",
        '[power]\nwatts_per_core_low = 2\nwatts_per_core_high = 1\nwatts_per_core_meaning = ""\n[run]',
        "power has the bracket 2.0..1.0 W per core: expected 0 < low <= high.",
    ),
    (
        '"not run on hardware"',
        '"works"',
        "status is 'works': expected 'not run on hardware', 'run on hardware YYYY-MM-DD' or 'reference only'.",
    ),
    (
        '"not run on hardware"',
        '"reference only"',
        "has [match] or [run] and the status 'reference only': expected the one or the other.",
    ),
    ('"mine"', '"yours"', "name is 'yours': expected 'mine', as the file is called."),
    ("[run]", "[run", "is not TOML: Expected ']' at the end of a table declaration (at line 7, column 5)."),
]


@pytest.mark.parametrize(("right", "wrong", "sentence"), MISTAKES, ids=[sentence for _, _, sentence in MISTAKES])
def test_mistake_is_one_sentence(right: str, wrong: str, sentence: str) -> None:
    """A wrong description is refused with file, key, what was found and what was expected."""
    assert right in SMALL
    write("devices/mine.toml", SMALL.replace(right, wrong, 1))
    assert refusal(devices.find, "mine") == f"devices/mine.toml: {sentence}"


def test_host_is_no_name_for_a_kind() -> None:
    """ "host" means this machine and cannot be described."""
    write("devices/host.toml", SMALL.replace("mine", "host"))
    assert refusal(devices.find, "host") == (
        "devices/host.toml: name is 'host', which means this machine: expected another name."
    )


# --- boards.toml ------------------------------------------------------------------------------------------------------

TWO_UNITS = """
rpi4-a = {device = "rpi4", host = "pi@10.0.0.4", python = "/home/pi/venv/bin/python"}

[jetson-a]
device = "jetson-orin-nano"
host = "nano"
"""


def test_units_of_here_and_of_the_user() -> None:
    """Both files are read; without them there are no units."""
    assert devices.units() == {}
    write("boards.toml", TWO_UNITS)
    write("config/edgebench/boards.toml", 'rpi5-a = {device = "rpi5", host = "pi5"}')
    assert devices.units() == {
        "rpi4-a": Unit(name="rpi4-a", device="rpi4", host="pi@10.0.0.4", python="/home/pi/venv/bin/python"),
        "jetson-a": Unit(name="jetson-a", device="jetson-orin-nano", host="nano"),
        "rpi5-a": Unit(name="rpi5-a", device="rpi5", host="pi5"),
    }


def test_unit_resolves_to_its_kind() -> None:
    """A unit's name gives its description and its address."""
    write("boards.toml", TWO_UNITS)
    device, unit = devices.resolve("rpi4-a")
    assert (device.name, unit.host) == ("rpi4", "pi@10.0.0.4")


@pytest.mark.parametrize("name", TREES)
def test_host_resolves_to_the_kind_of_this_machine(name: str) -> None:
    """The unit of this machine is called host, whatever its kind."""
    device, unit = devices.resolve("host", BOARDS / name)
    assert device == devices.find(name)
    assert unit == Unit(name="host", device=name, host=None, python=None)


def test_unit_twice_alike_is_one_unit() -> None:
    """The same line in both files is no contradiction."""
    for path in ("boards.toml", "config/edgebench/boards.toml"):
        write(path, 'a = {device = "rpi4", host = "pi"}')
    assert set(devices.units()) == {"a"}


def test_unit_twice_with_other_values(empty_user: Path) -> None:
    """One name for two boards would mix their results: it is refused."""
    write("boards.toml", 'a = {device = "rpi4", host = "pi"}')
    write("config/edgebench/boards.toml", 'a = {device = "rpi4", host = "other"}')
    assert refusal(devices.units) == (
        f"{empty_user}/config/edgebench/boards.toml: the unit 'a' stands in ./boards.toml too, with other values: "
        "expected the same, or another name."
    )


UNIT_MISTAKES = [
    (
        'a = {device = "rpi4"}\na = {device = "rpi5"}',
        "is not TOML: Cannot overwrite a value (at end of document).",
    ),
    (
        'a = {device = "rpi4", hots = "pi"}',
        "unknown key a.hots: expected one of device, host, python, ssh_config, emulated.",
    ),
    ('a = {host = "pi"}', "a.device is missing: expected str."),
    ('a = "pi@10.0.0.4"', "a is 'pi@10.0.0.4' (str): expected table."),
    ('host = {device = "x86"}', "the unit 'host' is called like this machine: expected a name like 'host-a'."),
    (
        '"../x" = {device = "rpi4"}',
        "the unit '../x' cannot name a folder of results: expected letters, digits, dots, dashes and underscores.",
    ),
    ('rpi4 = {device = "rpi4"}', "the unit 'rpi4' is called like a kind of board: expected a name like 'rpi4-a'."),
]


@pytest.mark.parametrize(("text", "sentence"), UNIT_MISTAKES, ids=[sentence for _, sentence in UNIT_MISTAKES])
def test_mistake_in_boards_is_one_sentence(text: str, sentence: str) -> None:
    """A wrong boards.toml is refused with file, key, what was found and what was expected."""
    write("boards.toml", text)
    assert refusal(devices.units) == f"boards.toml: {sentence}"


def test_unit_of_an_unknown_kind() -> None:
    """Only the unit that is asked for is held against the known kinds: another's folder may describe the rest."""
    write("boards.toml", 'a = {device = "rpi9", host = "pi"}\nb = {device = "rpi5", host = "pi"}')
    assert devices.resolve("b")[0].name == "rpi5"
    assert refusal(devices.resolve, "a") == (f"boards.toml: a.device is 'rpi9': expected one of {NAMES}.")


def test_unknown_name() -> None:
    """A name that is neither unit nor kind is answered with both lists."""
    assert refusal(devices.resolve, "rpi9") == (
        f"Unknown device 'rpi9': known are host, {NAMES} and of your boards none; write "
        "devices/rpi9.toml for a kind, or a line in boards.toml for a board."
    )
    write("boards.toml", TWO_UNITS)
    assert "and of your boards jetson-a, rpi4-a; write" in refusal(devices.resolve, "rpi9")


def test_descriptions_are_values() -> None:
    """Two readings of a file are equal, and nobody can change one."""
    device: Device = devices.find("rpi5")
    assert device == devices.find("rpi5")
    with pytest.raises(AttributeError):
        device.name = "other"  # type: ignore[misc]  # what this test is about
