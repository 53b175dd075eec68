"""A battery: while it is discharging, what leaves it is what the whole device takes.

Linux: Documentation/power/power_supply_class.rst; uV, uA, uW, and a new value about once a second.
"""

from pathlib import Path

from edgebench.board.quantities import Watts, microvolts_microamperes, microwatts
from edgebench.board.sensors import (
    NOT_RUN,
    Channel,
    Finding,
    Gauge,
    Place,
    SensorError,
    absent,
    sorted_out,
    within,
)

TITLE = "A battery, while it is discharging"
TELLS = "energy"
STATUS = NOT_RUN

_SUPPLIES = "sys/class/power_supply/*"
_PERIOD_S = 1.0
_MOST_W = 300.0
_COVERS = "the whole device, screen and disks included"


def find(place: Place) -> Finding:
    """Return the batteries of the device itself; several together are the gauge, those of its mouse are left out."""
    supplies = [one for one in place.found(_SUPPLIES) if _is_battery(place, one)]
    if not supplies:
        return absent("battery", "/sys/class/power_supply has no battery of this device")
    channels, troubles = sorted_out([_channel(place, one) for one in supplies])
    gauge = Gauge(sensor="battery", rung="board rail", rails=channels, covers=_COVERS, period_s=_PERIOD_S)
    return Finding(channels=channels, gauges=() if troubles else (gauge,), troubles=troubles)


def _is_battery(place: Place, supply: Path) -> bool:
    return place.word(supply / "type") == "Battery" and place.word(supply / "scope") != "Device"


def _channel(place: Place, supply: Path) -> Channel:
    return Channel(
        sensor="battery",
        name=supply.name,
        quantity="power",
        where=place.shown(supply),
        read=lambda: _power(place, supply),
        covers=_COVERS,
    )


def _power(place: Place, supply: Path) -> Watts:
    """Return what leaves a battery; drivers differ in whether the current of a discharge is negative."""
    status = place.text(supply / "status")
    if status != "Discharging":
        raise SensorError(
            "missing", f"{place.shown(supply)} is {status!r}: only a discharge is measured", "unplug the charger"
        )
    told = _told(place, supply)
    within(told.w, 1e-3, _MOST_W, f"the power of {supply.name}, in W,")
    return told


def _told(place: Place, supply: Path) -> Watts:
    try:
        return microwatts(abs(place.number(supply / "power_now")))
    except SensorError as error:
        if error.kind != "missing":
            raise
    return microvolts_microamperes(place.number(supply / "voltage_now"), abs(place.number(supply / "current_now")))
