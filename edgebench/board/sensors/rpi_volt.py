"""rpi_volt: the kernel's watch on a Raspberry Pi's supply, where there is no vcgencmd.

Linux: Documentation/hwmon/raspberrypi-hwmon.rst. The driver asks the firmware every two seconds whether the voltage
fell below 4.63 V, and clears the firmware's own mark of it.
"""

from pathlib import Path

from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, absent, sorted_out, within

TITLE = "rpi_volt: under-voltage of a Raspberry Pi"
TELLS = "heat"
STATUS = NOT_RUN

_CHIP = "rpi_volt"
_ALARM = "in0_lcrit_alarm"


def find(place: Place) -> Finding:
    """Return the alarm of under-voltage."""
    found = alarms(place)
    if not found:
        return absent(
            "rpi_volt", "no hwmon chip is called rpi_volt: this is no Raspberry Pi, or its kernel has no driver"
        )
    channels, troubles = sorted_out([_channel(place, file) for file in found])
    return Finding(channels=channels, troubles=troubles)


def alarms(place: Place) -> list[Path]:
    """Return the files that tell of under-voltage."""
    chips = (name.parent for name in place.found("sys/class/hwmon/hwmon*/name") if place.word(name) == _CHIP)
    return [chip / _ALARM for chip in chips]


def alarm(place: Place, file: Path) -> int:
    """Return 1 while the supply's voltage is too low, else 0."""
    return int(within(place.number(file), 0, 1, place.shown(file)))


def _channel(place: Place, file: Path) -> Channel:
    return Channel(
        sensor="rpi_volt",
        name="under-voltage",
        quantity="events",
        where=place.shown(file),
        read=lambda: alarm(place, file),
    )
