"""RAPL: the energy counters of Intel's and AMD's processors, through the kernel's powercap.

Linux: Documentation/power/powercap/powercap.rst. Since 5.10 only root may read them (CVE-2020-8694, PLATYPUS).
"""

from pathlib import Path

from edgebench.board.quantities import Joules, microjoules
from edgebench.board.sensors import (
    NOT_RUN,
    Channel,
    Finding,
    Gauge,
    Place,
    SensorError,
    absent,
    sorted_out,
    trouble,
    within,
)

TITLE = "RAPL: the processor's own energy counters (Intel, AMD)"
TELLS = "energy"
STATUS = NOT_RUN

_ZONES = "sys/class/powercap/intel-rapl:*"  # intel-rapl-mmio:* counts the same packages once more
_PERIOD_S = 0.05  # the counters move every millisecond; this is how often they are read
_SUMMED = ("package", "dram")  # memory is not part of a package; core and uncore are
_COVERS = {
    "package": "a processor package: cores, caches, integrated GPU; not the memory, the board, its regulators",
    "core": "the cores of a package",
    "uncore": "the integrated GPU of a package",
    "dram": "the memory at a package's controllers",
    "psys": "what the firmware's maker calls the platform",
}
_ADVICE = (
    "let your group read it: a file in /etc/udev/rules.d with "
    'SUBSYSTEM=="powercap", KERNEL=="intel-rapl*", RUN+="/usr/bin/chmod g+r /sys/%p/energy_uj", '
    'RUN+="/usr/bin/chgrp GROUP /sys/%p/energy_uj", then udevadm trigger; or run as root'
)


def find(place: Place) -> Finding:
    """Return the counters of all domains; the gauge is the sum of packages and memory, if all of them can be read."""
    zones = place.found(_ZONES)
    if not zones:
        return absent(
            "rapl",
            "/sys/class/powercap has no intel-rapl zone: no such processor or driver, or a virtual machine",
            "on a PC: modprobe intel_rapl_msr",
        )
    channels, unnamed = [], []
    for zone in zones:
        try:
            channels.append(_channel(place, zone))
        except SensorError as error:
            unnamed.append(trouble("rapl", zone.name, error))
    readable, unreadable = sorted_out(channels)
    summed = [one for one in channels if _domain(one.name).startswith(_SUMMED)]
    whole = bool(summed) and all(one in readable for one in summed) and not unnamed
    gauge = Gauge(
        sensor="rapl",
        rung="package counter",
        rails=tuple(summed),
        covers="the processor, and memory where it is counted; not the board, its regulators and disks",
        period_s=_PERIOD_S,
    )
    return Finding(channels=readable, gauges=(gauge,) if whole else (), troubles=(*unnamed, *unreadable))


def _channel(place: Place, zone: Path) -> Channel:
    name = place.text(zone / "name")
    parent = zone.with_name(zone.name.rpartition(":")[0])  # intel-rapl:0 of intel-rapl:0:2, intel-rapl of intel-rapl:0
    above = place.word(parent / "name") if parent.name != "intel-rapl" else None
    try:
        wraps_at: Joules | None = microjoules(place.number(zone / "max_energy_range_uj"))
    except SensorError:
        wraps_at = None
    return Channel(
        sensor="rapl",
        name=f"{above}/{name}" if above else name,
        quantity="energy",
        where=place.shown(zone / "energy_uj"),
        read=lambda: _energy(place, zone / "energy_uj", wraps_at),
        covers=_COVERS.get(name.partition("-")[0]),
        wraps_at=wraps_at,
    )


def _energy(place: Place, file: Path, wraps_at: Joules | None) -> Joules:
    try:
        found = microjoules(place.number(file))
    except SensorError as error:
        raise SensorError(error.kind, error.reason, _ADVICE if error.kind == "forbidden" else None) from error
    within(found.j, 0.0, float("inf") if wraps_at is None else wraps_at.j, f"{place.shown(file)}, in joules,")
    return found


def _domain(name: str) -> str:
    """Return the last part of a channel's name.

    >>> _domain("package-0/dram")
    'dram'
    """
    return name.rpartition("/")[2]
