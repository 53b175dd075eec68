"""What a stand-in shows of itself, and that its probe and sensors read it as a board's."""

from pathlib import Path

import pytest

from edgebench import devices
from edgebench.board import signals, throttle
from edgebench.board.probe import probe
from edgebench.devices.records import Device
from edgebench.errors import UsageError
from edgebench.standin import emulator, tree

EMULATED = ("rpi3", "rpi4", "rpi5", "rpi-zero2w", "jetson-nano", "jetson-orin-nano")


@pytest.mark.parametrize("name", EMULATED)
def test_a_tree_is_a_board_of_its_kind(name: str, tmp_path: Path) -> None:
    """The probe finds in the tree what the device's file says: kind, cores, instruction sets, clock."""
    device = devices.find(name)
    tree.write(device, tmp_path)
    facts = {**probe(tmp_path), "machine": "aarch64"}
    devices.check(device, facts)
    assert facts["cores"] == sum(cluster.cores for cluster in device.cpu.clusters)
    assert facts["cpu_model"] == device.cpu.core
    assert facts["cpu_flags"] == list(device.cpu.isa)
    assert facts["device_tree_model"] == device.title
    assert {clock["limit_hz"] for clock in facts["clocks"]} == {int(device.cpu.mode[0].clock_hz) // 1000 * 1000}


def test_signals_are_found_in_a_tree(tmp_path: Path) -> None:
    """Heat, clock, governor and the firmware's throttling of a Raspberry Pi are read where a board has them."""
    tree.write(devices.find("rpi4"), tmp_path)
    found = signals.find([0, 1, 2, 3], tmp_path)
    assert {"temperature", "clock", "governor", "throttled"} <= signals.told(found, "s1").present.keys()
    assert throttle.read(found.throttle).bits == 0


def test_rails_of_a_jetson_stand_in_its_tree() -> None:
    """The power monitor of a Jetson has its three rails, and the sum that is none."""
    files = tree.files(devices.find("jetson-orin-nano"))
    monitor = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1"
    labels = [files[f"{monitor}/in{number}_label"].strip() for number in (1, 2, 3, 7)]
    assert labels == ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC", "sum of shunt voltages"]


def test_clusters_share_a_clock_each(tmp_path: Path) -> None:
    """Every core's cpufreq leads to the policy of its cluster."""
    tree.write(devices.find("jetson-orin-nano"), tmp_path)
    cpu = tmp_path / "sys/devices/system/cpu"
    assert [(cpu / f"cpu{number}/cpufreq").resolve().name for number in range(6)] == ["policy0"] * 4 + ["policy4"] * 2


@pytest.mark.parametrize("name", EMULATED)
def test_the_core_that_is_shown_is_the_one_that_is_emulated(name: str) -> None:
    """QEMU is given the core of the device's file; the nearest it has where it lacks that one."""
    device = devices.find(name)
    nearest = {"Cortex-A78AE": "cortex-a76"}
    core = device.cpu.core or ""
    assert emulator.cpu(core) == nearest.get(core, core.lower())


def test_a_core_that_qemu_lacks_is_one_sentence() -> None:
    """A kind whose core is not emulated says which are."""
    with pytest.raises(UsageError, match=r"has no Carmel: it has Cortex-A35, "):
        emulator.cpu("Carmel")


def test_a_kind_without_clusters_has_no_tree() -> None:
    """What no file says is not made up: without clusters there are no cores to show."""
    bare = Device(name="bare", title="Bare", status="reference only")
    with pytest.raises(UsageError, match=r"has no \[\[cpu.clusters\]\]"):
        tree.files(bare)
