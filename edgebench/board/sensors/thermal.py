"""Thermal zones: what the kernel knows of temperatures; zones are told by their types, a zone's number means nothing.

Linux: Documentation/driver-api/thermal/sysfs-api.rst.
"""

import re
from pathlib import Path

from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, SensorError, absent, sorted_out, within

TITLE = "Temperatures: the kernel's thermal zones"
TELLS = "heat"
STATUS = NOT_RUN

_ZONES = "sys/class/thermal/thermal_zone*"
_OF_CPU = re.compile(r"cpu|soc|core|pkg|bcm2835|tj\b", re.IGNORECASE)
_NOT_OF_CPU = re.compile(r"gpu|pmic|batt", re.IGNORECASE)
_CONSTANT = {"PMIC-Die": 100_000}  # Jetson: a driver that always says the same
_COLDEST_C, _HOTTEST_C = -40.0, 150.0  # an unused zone says -256 degrees


def find(place: Place) -> Finding:
    """Return the temperature of every zone by its type; unused zones say nothing, or what cannot be."""
    zones = place.found(_ZONES)
    if not zones:
        return absent("thermal", "/sys/class/thermal has no zone: a virtual machine, or a kernel without drivers")
    channels, troubles = sorted_out([_channel(place, zone) for zone in zones])
    return Finding(channels=channels, troubles=troubles)


def of_cpu(place: Place) -> tuple[Path, ...]:
    """Return the `temp` files of the zones that are a processor's and can be read."""
    return tuple(zone / "temp" for zone in place.found(_ZONES) if _is_of_cpu(place, zone))


def closed(place: Place) -> tuple[Path, ...]:
    """Return the `temp` files of a processor's zones that are there, and not for this user."""
    temps = [zone / "temp" for zone in place.found(_ZONES) if _is_named_of_cpu(place, zone)]
    return tuple(temp for temp in temps if place.is_forbidden(temp))


def celsius(place: Place, temp: Path) -> float:
    """Return what a zone's `temp` file says, in degrees; raise SensorError for what no board survives.

    A zone that is off refuses to be read (EAGAIN, EINVAL), or says -256.
    """
    told = place.number(temp)
    kind = place.word(temp.with_name("type"))
    if kind in _CONSTANT and told == _CONSTANT[kind]:
        raise SensorError("implausible", f"{place.shown(temp)} ({kind}) always says {told / 1000:g} C")
    return within(told / 1000, _COLDEST_C, _HOTTEST_C, f"the temperature in {place.shown(temp)}, in C,")


def _is_named_of_cpu(place: Place, zone: Path) -> bool:
    kind = place.word(zone / "type") or ""
    return bool(_OF_CPU.search(kind)) and not _NOT_OF_CPU.search(kind)


def _is_of_cpu(place: Place, zone: Path) -> bool:
    if not _is_named_of_cpu(place, zone):
        return False
    try:
        celsius(place, zone / "temp")
    except SensorError:
        return False
    return True


def _channel(place: Place, zone: Path) -> Channel:
    return Channel(
        sensor="thermal",
        name=place.word(zone / "type") or zone.name,
        quantity="temperature_c",
        where=place.shown(zone / "temp"),
        read=lambda: celsius(place, zone / "temp"),
    )
