"""What a board of a kind would show of itself under /sys and in /proc/cpuinfo, made from its devices/*.toml.

Nothing here was read on a board: heat and power are constants, there for what reads them to read something. What
the device's file does not say is absent, as on a board whose kernel keeps it to itself.
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path

from edgebench.board.probe import ARM_CORES
from edgebench.devices.records import Device
from edgebench.errors import UsageError

SYS, CPUINFO = "sys", "proc/cpuinfo"
"""The two parts of a tree, which are bound over those of the system."""

_CPU = "sys/devices/system/cpu"
_TREE = "sys/firmware/devicetree/base"  # where /proc/device-tree leads (Linux, ABI/testing/sysfs-firmware-ofw)
_IMPLEMENTER = 0x41  # Arm
_MIDR = (_IMPLEMENTER << 24) | (0xF << 16)  # Arm ARM, MIDR_EL1: implementer, variant, architecture, part, revision
_ALWAYS = ("evtstrm", "crc32", "cpuid")  # what every ARMv8 Linux prints beside what decides on kernels
_KHZ = 1000
_MILLICELSIUS = 48_312

# hwmon of the driver ina3221 on NVIDIA's boards (Linux, Documentation/hwmon/ina3221.rst): mV and mA by rail.
_RAILS = {"VDD_IN": (4968, 1520), "VDD_CPU_GPU_CV": (4960, 1784), "VDD_SOC": (4960, 496)}
_SUM_OF_SHUNTS = 7

Files = dict[str, str]


def files(device: Device) -> Files:
    """Return the files of the tree by their path from the root."""
    cores = _cores(device)
    found = {CPUINFO: _cpuinfo(device, cores), **_processors(device, cores), **_clocks(device)}
    found |= {f"{_TREE}/model": f"{device.title}\0", f"{_TREE}/compatible": "".join(_ended(device.match.compatible))}
    found |= {
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": f"{_MILLICELSIUS}\n",
    }
    for prefix, extra in (("raspberrypi,", _raspberry_pi()), ("nvidia,", _jetson())):
        if any(name.startswith(prefix) for name in device.match.compatible):
            found |= extra
    return found


def links(device: Device) -> Files:
    """Return the symbolic links of the tree: where each points, by their path from the root."""
    return {
        f"{_CPU}/cpu{number}/cpufreq": f"../cpufreq/policy{first}"
        for first, last in _spans(device)
        for number in range(first, last + 1)
        if device.cpu.mode
    }


def write(device: Device, folder: Path) -> None:
    """Write the tree of a device into a folder."""
    for name, text in files(device).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in links(device).items():
        (folder / name).symlink_to(target)


def _cores(device: Device) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and instruction sets of every core."""
    if not device.cpu.clusters:
        raise UsageError(f"devices/{device.name}.toml has no [[cpu.clusters]]: expected how many cores of which sort.")
    return [
        (cluster.core, cluster.isa or device.cpu.isa) for cluster in device.cpu.clusters for _ in range(cluster.cores)
    ]


def _spans(device: Device) -> Iterator[tuple[int, int]]:
    """Yield the first and last processor of each cluster.

    A cluster of 4 and one of 2 give (0, 3), (4, 5).
    """
    sizes = [cluster.cores for cluster in device.cpu.clusters]
    for end, size in zip(accumulate(sizes), sizes, strict=True):
        yield end - size, end - 1


def _part(core: str) -> str:
    parts = {name: part for part, name in ARM_CORES.items()}
    if core not in parts:
        raise UsageError(f"Linux's number of a {core} is not known: a stand-in of it cannot say what it is.")
    return parts[core]


def _cpuinfo(device: Device, cores: list[tuple[str, tuple[str, ...]]]) -> str:
    """Return /proc/cpuinfo as Linux prints it on arm64 (arch/arm64/kernel/cpuinfo.c)."""
    blocks = []
    for number, (core, isa) in enumerate(cores):
        rows = {
            "processor": str(number),
            "Features": " ".join((*isa, *_ALWAYS)),
            "CPU implementer": hex(_IMPLEMENTER),
            "CPU architecture": "8",
            "CPU variant": "0x0",
            "CPU part": _part(core),
            "CPU revision": "0",
        }
        blocks.append("".join(f"{key}\t: {value}\n" for key, value in rows.items()))
    return "\n".join(blocks) + f"\nModel\t\t: {device.title}\n"


def _processors(device: Device, cores: list[tuple[str, tuple[str, ...]]]) -> Files:
    every = _listed(0, len(cores) - 1)
    found = {f"{_CPU}/{name}": f"{every}\n" for name in ("possible", "present", "online")}
    found[f"{_CPU}/kernel_max"] = "255\n"
    for cluster, (first, last) in enumerate(_spans(device)):
        for number in range(first, last + 1):
            own = f"{_CPU}/cpu{number}"
            topology = {
                "physical_package_id": "0",
                "cluster_id": str(cluster),
                "core_id": str(number - first),
                "core_cpus_list": str(number),
                "thread_siblings_list": str(number),
                "cluster_cpus_list": _listed(first, last),
                "core_siblings_list": every,
                "package_cpus_list": every,
            }
            found |= {f"{own}/topology/{name}": f"{text}\n" for name, text in topology.items()}
            midr = _MIDR | int(_part(cores[number][0]), 16) << 4
            found[f"{own}/regs/identification/midr_el1"] = f"0x{midr:016x}\n"
            found |= _caches(device, own, {"core": str(number), "cluster": _listed(first, last), "all": every})
    return found


def _caches(device: Device, own: str, shared_by: Mapping[str, str]) -> Files:
    found: Files = {}
    for index, cache in enumerate(device.cpu.cache):
        rows = {
            "level": str(cache.level),
            "type": "Data" if cache.level == 1 else "Unified",
            "size": f"{cache.bytes // 1024}K",
            "shared_cpu_list": shared_by[cache.shared_by],
        }
        found |= {f"{own}/cache/index{index}/{name}": f"{text}\n" for name, text in rows.items()}
    return found


def _clocks(device: Device) -> Files:
    """Return cpufreq of the first mode in the device's file, a policy a cluster (Linux, admin-guide/pm/cpufreq.rst)."""
    if not device.cpu.mode:
        return {}
    khz = f"{int(device.cpu.mode[0].clock_hz) // _KHZ}\n"
    found: Files = {}
    for first, last in _spans(device):
        cpus = " ".join(map(str, range(first, last + 1)))
        rows = {
            "affected_cpus": f"{cpus}\n",
            "related_cpus": f"{cpus}\n",
            "scaling_governor": "ondemand\n",
            "scaling_driver": "cpufreq-dt\n",
            **dict.fromkeys(("scaling_cur_freq", "scaling_max_freq", "cpuinfo_max_freq"), khz),
        }
        found |= {f"{_CPU}/cpufreq/policy{first}/{name}": text for name, text in rows.items()}
    return found


def _raspberry_pi() -> Files:
    """Return what the firmware's driver and the one of under-voltage show (drivers/hwmon/raspberrypi-hwmon.c)."""
    return {
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
    }


def _jetson() -> Files:
    monitor = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1"
    found = {f"{monitor}/name": "ina3221\n", f"{monitor}/in{_SUM_OF_SHUNTS}_label": "sum of shunt voltages\n"}
    for number, (label, (millivolts, milliamperes)) in enumerate(_RAILS.items(), 1):
        found |= {
            f"{monitor}/in{number}_label": f"{label}\n",
            f"{monitor}/in{number}_input": f"{millivolts}\n",
            f"{monitor}/curr{number}_input": f"{milliamperes}\n",
        }
    return found


def _ended(names: tuple[str, ...]) -> Iterator[str]:
    """Yield the first name, the board's own, as a device tree ends its strings."""
    for name in names[:1]:
        yield f"{name}\0"


def _listed(first: int, last: int) -> str:
    """Return processors as the kernel lists them.

    >>> _listed(0, 3), _listed(2, 2)
    ('0-3', '2')
    """
    return str(first) if first == last else f"{first}-{last}"
