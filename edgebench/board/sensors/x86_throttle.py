"""Thermal throttling of x86 processors, as the kernel counts it: events since boot, by core and by package.

Linux: arch/x86/kernel/cpu/mce/therm_throt.c.
"""

from collections.abc import Sequence
from pathlib import Path

from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, absent, sorted_out, within

TITLE = "Throttling: the kernel's counters on x86"
TELLS = "heat"
STATUS = NOT_RUN

_FOLDERS = "sys/devices/system/cpu/cpu*[0-9]/thermal_throttle"
_MOST = 2**63


def find(place: Place) -> Finding:
    """Return the events of every core, and those of the package that the last of them is in."""
    cpus = [int(folder.parent.name.removeprefix("cpu")) for folder in place.found(_FOLDERS)]
    if not cpus:
        return absent("x86_throttle", "no processor has a folder thermal_throttle: no x86, or a virtual machine")
    channels, troubles = sorted_out([_channel(place, file) for file in counters(place, sorted(cpus))])
    return Finding(channels=channels, troubles=troubles)


def counters(place: Place, cpus: Sequence[int]) -> list[Path]:
    """Return the counters of these processors; every core repeats its package's, so the last one stands for it."""
    cpu = place.root / "sys/devices/system/cpu"
    found = [file for number in cpus for file in sorted((cpu / f"cpu{number}/thermal_throttle").glob("core_*_count"))]
    return found + sorted((cpu / f"cpu{cpus[-1]}/thermal_throttle").glob("package_*_count"))


def events(place: Place, file: Path) -> int:
    """Return how many events one counter has seen since boot."""
    return int(within(place.number(file), 0, _MOST, place.shown(file)))


def _channel(place: Place, file: Path) -> Channel:
    return Channel(
        sensor="x86_throttle",
        name=f"{file.parent.parent.name} {file.name.removesuffix('_count')}",
        quantity="events",
        where=place.shown(file),
        read=lambda: events(place, file),
    )
