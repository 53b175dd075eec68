"""Read what a board says about itself: CPU, memory, clocks, system; over a root folder, so that fake trees test it.

Every value is plain JSON, a fact that cannot be read is None, and nothing here raises for an absent file. The name of
the machine is never read: facts end up in results that people publish, and host names say who and where they are.
"""

import os
import re
import shlex
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# The instruction sets that decide which kernels a runtime picks; names as Linux prints them in /proc/cpuinfo.
_ARM_FLAGS = ("fp", "asimd", "asimdhp", "asimddp", "i8mm", "sve")
_X86_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "avx_vnni", "fma")

# Linux, arch/arm64/include/asm/cputype.h: ARM_CPU_PART_*; numbers are per implementer, these are of 0x41 (Arm).
_ARM_IMPLEMENTER = "0x41"
ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd42": "Cortex-A78AE",
    "0xd44": "Cortex-X1",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}

_STANDIN = "EDGEBENCH_STANDIN"  # set in every session on a stand-in

_HZ_PER_KHZ = 1000  # cpufreq files are in kHz (Linux, Documentation/admin-guide/pm/cpufreq.rst)
_BYTES_PER_KIB = 1024  # /proc/meminfo says kB and means KiB (Linux, Documentation/filesystems/proc.rst)


def probe(root: Path = Path("/")) -> dict[str, Any]:
    """Return the facts of the board under `root`, None where one cannot be read.

    Under "/" the kernel is asked about this process (uname, affinity, Python); under any other root only files speak.
    """
    processors = parse_cpuinfo(_text(root / "proc/cpuinfo") or "")
    memory = parse_meminfo(_text(root / "proc/meminfo") or "")
    clocks = _clocks(root / "sys/devices/system/cpu/cpufreq")
    return {
        **(_live() if root == Path("/") else _recorded(root)),
        "cpu_model": cpu_model(processors),
        "cpu_parts": cpu_parts(processors),
        "cpu_flags": cpu_flags(processors),
        "device_tree_model": next(iter(_tree_strings(root, "model") or []), None),
        "device_tree_compatible": _tree_strings(root, "compatible"),
        "cores": _count(parse_cpu_list(_text(root / "sys/devices/system/cpu/online"))) or len(processors) or None,
        "memory_total_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
        "swap_total_bytes": memory.get("SwapTotal"),
        "os": parse_os_release(_text(root / "etc/os-release") or _text(root / "usr/lib/os-release") or ""),
        "governor": _governor(clocks),
        "clocks": clocks,
    }


def parse_cpuinfo(text: str) -> list[dict[str, str]]:
    """Return the keys and values of each processor in /proc/cpuinfo.

    >>> parse_cpuinfo("processor\\t: 0\\nCPU part\\t: 0xd08\\n\\nModel\\t: Raspberry Pi 4 Model B Rev 1.5\\n")
    [{'processor': '0', 'CPU part': '0xd08'}]
    """
    blocks = [dict(_pairs(block.splitlines())) for block in text.split("\n\n")]
    return [block for block in blocks if "processor" in block]


def cpu_model(processors: list[dict[str, str]]) -> str | None:
    """Return the CPU's name: as printed on x86, the names of its cores on Arm, where Linux prints none.

    >>> cpu_model([{"CPU implementer": "0x41", "CPU part": "0xd08"}])
    'Cortex-A72'
    """
    printed = _unique(processor.get("model name") for processor in processors)
    cores = _unique(
        ARM_CORES.get(processor.get("CPU part", ""))
        for processor in processors
        if processor.get("CPU implementer") == _ARM_IMPLEMENTER
    )
    return " + ".join(cores or printed) or None


def cpu_parts(processors: list[dict[str, str]]) -> list[str]:
    """Return the 'CPU part' numbers of an Arm board, sorted; empty on others.

    >>> cpu_parts([{"CPU part": "0xd0b"}, {"CPU part": "0xd05"}, {"CPU part": "0xd0b"}])
    ['0xd05', '0xd0b']
    """
    return sorted({processor["CPU part"].lower() for processor in processors if "CPU part" in processor})


def cpu_flags(processors: list[dict[str, str]]) -> list[str]:
    """Return the instruction sets that matter to a runtime and that every core has.

    >>> cpu_flags([{"Features": "fp asimd crc32 asimddp"}, {"Features": "fp asimd crc32"}])
    ['fp', 'asimd']
    """
    # x86 prints "fpu", never "fp": one list serves both without a look at the machine
    found = [set((one.get("Features") or one.get("flags") or "").split()) for one in processors]
    return [flag for flag in _ARM_FLAGS + _X86_FLAGS if found and all(flag in flags for flags in found)]


def parse_meminfo(text: str) -> dict[str, int]:
    """Return the entries of /proc/meminfo in bytes.

    >>> parse_meminfo("MemTotal:         944264 kB\\n")
    {'MemTotal': 966926336}
    """
    rows = ((key, value.split()) for key, value in _pairs(text.splitlines()))
    return {key: int(words[0]) * _BYTES_PER_KIB for key, words in rows if words[1:] == ["kB"] and words[0].isdigit()}


def parse_cpu_list(text: str | None) -> list[int] | None:
    """Return the processor numbers of a kernel list, None when it is absent or is no list.

    >>> parse_cpu_list("0-2,5\\n")
    [0, 1, 2, 5]
    """
    numbers: list[int] = []
    for part in (text or "").strip().split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return None
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def parse_os_release(text: str) -> str | None:
    """Return PRETTY_NAME of an os-release file.

    >>> parse_os_release('NAME="Debian"\\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\\n')
    'Debian GNU/Linux 12 (bookworm)'
    """
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "PRETTY_NAME":
            return _unquote(value)
    return None


def emulated(machine: str, kernel: str | None) -> bool:
    """Tell whether a program is emulated: it sees another machine (uname -m) than the kernel is built for.

    The file that tells of the kernel exists since Linux 6.1; an emulator of single programs leaves it alone. The 32-bit
    programs of a 64-bit kernel are no emulation.

    >>> emulated("aarch64", "x86_64"), emulated("armv8l", "aarch64"), emulated("aarch64", None)
    (True, False, False)
    """
    return kernel is not None and _family(machine) != _family(kernel)


def on_standin() -> bool:
    """Tell whether this process runs on an emulated board."""
    return emulated(os.uname().machine, _word(Path("/proc/sys/kernel/arch"))) or _STANDIN in os.environ


def standing(root: Path) -> str | None:
    """Return the tree of files that stands for a board's, None where they are the kernel's own under "/".

    On an emulated board files that nobody measured are bound over some of them, so all of "/" counts as such a tree.
    """
    return None if root == Path("/") and not on_standin() else str(root)


def _family(machine: str) -> str:
    if machine.startswith(("arm", "aarch64")):
        return "arm"
    return "x86" if re.fullmatch(r"i[3-6]86|x86_64|x86", machine) else machine


def _live() -> dict[str, Any]:
    """Return what the kernel says to this process: right on an emulated board too, where files may be the host's."""
    name = os.uname()
    return {
        "machine": name.machine,
        "kernel": name.release,
        "cpus_allowed": sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        "glibc": _glibc(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "userland_bits": struct.calcsize("P") * 8,
        "emulated": on_standin(),
    }


def _recorded(root: Path) -> dict[str, Any]:
    """Return what the files of a tree say of the same; Python and its userland leave no trace in /proc."""
    status = dict(_pairs((_text(root / "proc/self/status") or "").splitlines()))
    return {
        "machine": _word(root / "proc/sys/kernel/arch"),
        "kernel": _word(root / "proc/sys/kernel/osrelease"),
        "cpus_allowed": parse_cpu_list(status.get("Cpus_allowed_list")),
        "glibc": None,
        "python": None,
        "userland_bits": None,
        "emulated": None,
    }


def _glibc() -> str | None:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")  # "glibc 2.36"; platform.libc_ver() reads the whole executable instead
    except (ValueError, OSError):  # musl and macOS do not know the name
        return None
    return text.split()[-1] if text else None


def _clocks(folder: Path) -> list[dict[str, Any]]:
    """Return a row a cpufreq policy (a group of cores with one clock): what may run, what is set, what runs now."""
    policies = sorted(_children(folder, "policy"), key=lambda path: int(path.name.removeprefix("policy")))
    return [
        {
            "cores": parse_cpu_list((_word(path / "affected_cpus") or "").replace(" ", ",")),
            "governor": _word(path / "scaling_governor"),
            "max_hz": _hertz(path / "cpuinfo_max_freq"),  # what the silicon allows
            "limit_hz": _hertz(path / "scaling_max_freq"),  # what firmware or power mode allows
            "now_hz": _hertz(path / "scaling_cur_freq"),  # what was asked for: firmware may give less
        }
        for path in policies
    ]


def _children(folder: Path, prefix: str) -> list[Path]:
    try:
        found = list(folder.iterdir())
    except OSError:
        return []
    return [path for path in found if path.name.startswith(prefix) and path.name.removeprefix(prefix).isdigit()]


def _governor(clocks: list[dict[str, Any]]) -> str | None:
    return " + ".join(_unique(clock["governor"] for clock in clocks)) or None


def _hertz(path: Path) -> int | None:
    word = _word(path)
    return int(word) * _HZ_PER_KHZ if word and word.isdigit() else None  # "<unknown>" while a core is off


def _count(numbers: list[int] | None) -> int | None:
    return None if numbers is None else len(numbers)


def _unique(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _pairs(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def _unquote(value: str) -> str | None:
    try:
        words = shlex.split(value)
    except ValueError:  # a quotation mark that never closes
        return value.strip() or None
    return " ".join(words) or None


def _tree_strings(root: Path, name: str) -> list[str] | None:
    """Return the strings of a property of the device tree's root.

    /proc/device-tree is the stable way to it, and a link to the other (Linux, ABI/testing/sysfs-firmware-ofw), which an
    emulated board has alone: /proc is the host's there, and takes no new entries.
    """
    found = _strings(root / "proc/device-tree" / name)
    return _strings(root / "sys/firmware/devicetree/base" / name) if found is None else found


def _strings(path: Path) -> list[str] | None:
    """Return the strings of a device-tree property: each ends in NUL."""
    text = _text(path)
    return None if text is None else [part for part in text.split("\0") if part.strip()]


def _word(path: Path) -> str | None:
    return (_text(path) or "").strip() or None


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:  # absent, not readable for us, or a driver that is asleep
        return None
