"""vcgencmd: what the firmware of a Raspberry Pi says of clock, temperature, core voltage and throttling.

The clock is the real one: cpufreq may show what was asked for while the firmware holds back
(raspberrypi/documentation, os/using-vcgencmd).
"""

import re
from collections.abc import Callable
from pathlib import Path

from edgebench.board.sensors import (
    NOT_RUN,
    Channel,
    Finding,
    Place,
    Quantity,
    SensorError,
    Value,
    absent,
    sorted_out,
    within,
)

TITLE = "vcgencmd: clock, temperature, voltage and throttling of a Raspberry Pi"
TELLS = "heat"
STATUS = NOT_RUN

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
"""The bits of `get_throttled` as a file: hexadecimal, without 0x."""

_DENIED = re.compile(r"VCHI initialization failed|Can't open device file|Permission denied", re.IGNORECASE)
_ERROR = re.compile(r"^error=\d+")
_ADVICE = "add your user to the group that owns /dev/vcio (video): usermod -aG video USER, then log in again"
_COLDEST_C, _HOTTEST_C = -40.0, 150.0


def find(place: Place) -> Finding:
    """Return what the firmware tells; without the program there is nothing, whatever the kernel tells elsewhere."""
    program = place.program("vcgencmd")
    if program is None:
        return absent("vcgencmd", "there is no vcgencmd: this is no Raspberry Pi, or its tools are not installed")

    def channel(name: str, quantity: Quantity, words: tuple[str, ...], parse: Callable[[str], Value]) -> Channel:
        return Channel(
            sensor="vcgencmd",
            name=name,
            quantity=quantity,
            where=" ".join((place.shown(program), *words)),
            read=lambda: parse(asked(place, program, *words)),
        )

    channels, troubles = sorted_out(
        [
            channel("arm clock", "clock_hz", ("measure_clock", "arm"), clock_hz),
            channel("temperature", "temperature_c", ("measure_temp",), temperature_c),
            channel("core voltage", "voltage_v", ("measure_volts", "core"), volts),
            channel("throttled", "events", ("get_throttled",), bits),
        ]
    )
    return Finding(channels=channels, troubles=troubles)


def asked(place: Place, program: Path, *words: str) -> str:
    """Return what vcgencmd says; raise SensorError, with the advice for a device that is not for this user.

    Some releases end with status 0 whatever happened, and say so in their answer.
    """
    try:
        said = place.ask(program, *words)
    except SensorError as error:
        if error.kind == "forbidden" or _DENIED.search(error.reason):
            raise SensorError("forbidden", error.reason, _ADVICE) from error
        raise
    if _DENIED.search(said):
        raise SensorError("forbidden", f"{place.shown(program)} {' '.join(words)}: {_first(said)}", _ADVICE)
    if _ERROR.match(said) or not said.strip():
        what = _first(said) or "nothing"
        raise SensorError("missing", f"{place.shown(program)} {' '.join(words)} says {what}: this board has no such")
    return said


def clock_hz(said: str) -> int:
    """Return the clock in Hz; the number in parentheses differs by board.

    >>> clock_hz("frequency(48)=1500345728\\n")
    1500345728
    """
    return int(within(float(_match(r"frequency\(\d+\)=(\d+)", said)), 1e6, 1e11, "the clock, in Hz,"))


def temperature_c(said: str) -> float:
    """Return the temperature in degrees Celsius.

    >>> temperature_c("temp=48.3'C\\n")
    48.3
    """
    return within(float(_match(r"temp=(-?\d+(?:\.\d+)?)'C", said)), _COLDEST_C, _HOTTEST_C, "the temperature, in C,")


def volts(said: str) -> float:
    """Return the core's voltage in volts.

    >>> volts("volt=0.8600V\\n")
    0.86
    """
    return within(float(_match(r"volt=(\d+\.\d+)V", said)), 0.1, 3.0, "the core's voltage, in V,")


def bits(said: str) -> int:
    """Return the conditions in force (bits 0-3) and since boot (16-19).

    >>> hex(bits("throttled=0x50005\\n"))
    '0x50005'
    """
    return int(_match(r"throttled=0x([0-9a-fA-F]{1,8})", said), 16)


def _match(pattern: str, said: str) -> str:
    match = re.fullmatch(pattern, said.strip())
    if match is None:
        raise SensorError("broken", f"vcgencmd says {_first(said)!r}: expected {pattern}")
    return match[1]


def _first(said: str) -> str:
    return said.strip().splitlines()[0][:120] if said.strip() else ""
