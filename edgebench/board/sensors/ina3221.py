"""INA3221: the power monitor of NVIDIA's Jetson boards, in the two layouts that their kernels give it.

JetPack 4 and older: an iio device with `rail_name_N` and `in_powerN_input` in mW. JetPack 5 and newer: hwmon with
`inN_label`, `inN_input` in mV and `currN_input` in mA, and no power (Linux: Documentation/hwmon/ina3221.rst).
"""

from pathlib import Path

from edgebench.board.quantities import Watts, millivolts_milliamperes, milliwatts
from edgebench.board.sensors import (
    NOT_RUN,
    Channel,
    Finding,
    Gauge,
    Place,
    SensorError,
    Trouble,
    absent,
    sorted_out,
    trouble,
    within,
)

TITLE = "INA3221: power rails of a Jetson"
TELLS = "energy"
STATUS = NOT_RUN

_OLD = "sys/bus/i2c/drivers/ina3221x/*/iio:device*"
_NEW = ("sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*", "sys/class/hwmon/hwmon*")
_CHIP = "ina3221"
_OLD_CHANNELS, _NEW_CHANNELS = (0, 1, 2), (1, 2, 3)  # in7 is the sum of the shunts' voltages, no rail
_UNCONNECTED = "NC"
_PERIOD_S = 0.05
_MOST_MV, _MOST_MA, _MOST_W = 26_000, 50_000, 300.0  # the chip's bus range; no Jetson draws the others

# rbonghi/jetson_stats, jtop/core/power.py: the rail that feeds a whole module, or the rails that add up to one.
_TOTALS = ("POM_5V_IN", "VDD_IN")
_SUMS = (
    ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"),  # AGX Xavier
    ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),  # AGX Orin
)
_RAILS = {name for names in _SUMS for name in names}


def find(place: Place) -> Finding:
    """Return all rails; the gauge is the rail that feeds the module, or the sum of those that add up to it."""
    made, unnamed = _channels(place)
    if not made and not unnamed:
        return absent("ina3221", "no INA3221 at an I2C bus: this is no Jetson, or its driver is not loaded")
    readable, unreadable = sorted_out(made)
    gauge, without = _gauge(made, readable)
    troubles = (*unnamed, *unreadable, *([] if without is None else [without]))
    return Finding(channels=readable, gauges=() if gauge is None else (gauge,), troubles=troubles)


def _channels(place: Place) -> tuple[list[Channel], list[Trouble]]:
    channels: dict[str, Channel] = {}
    unnamed = []
    folders = [(folder, True) for folder in place.found(_OLD)]
    folders += [(folder, False) for pattern in _NEW for folder in place.found(pattern)]
    for folder, old in folders:
        if not old and place.word(folder / "name") != _CHIP:
            continue
        for number in _OLD_CHANNELS if old else _NEW_CHANNELS:
            label = folder / (f"rail_name_{number}" if old else f"in{number}_label")
            try:
                name = place.text(label)
            except SensorError as error:
                if error.kind != "missing":
                    unnamed.append(trouble("ina3221", place.shown(label), error))
                continue
            if name and _UNCONNECTED not in name.split("_") and _is_on(place, folder, number):
                channels.setdefault(name, _channel(place, folder, number, name, old=old))
    return list(channels.values()), unnamed


def _channel(place: Place, folder: Path, number: int, name: str, *, old: bool) -> Channel:
    if old:
        file = folder / f"in_power{number}_input"
        return Channel(
            sensor="ina3221",
            name=name,
            quantity="power",
            where=place.shown(file),
            read=lambda: _told_power(place, file, name),
            covers=_covers(name),
        )
    volts, amperes = folder / f"in{number}_input", folder / f"curr{number}_input"
    return Channel(
        sensor="ina3221",
        name=name,
        quantity="power",
        where=f"{place.shown(volts)} x {place.shown(amperes)}",
        read=lambda: _power(place, volts, amperes, name),
        covers=_covers(name),
    )


def _gauge(channels: list[Channel], readable: tuple[Channel, ...]) -> tuple[Gauge | None, Trouble | None]:
    """Return the gauge of the whole module, and why there is none."""
    by_name = {channel.name: channel for channel in channels}
    sums: list[tuple[str, ...]] = [*((name,) for name in _TOTALS), *_SUMS]
    names = next((names for names in sums if all(name in by_name for name in names)), None)
    if names is None:
        kind = "of a sum, not all of it" if _RAILS & set(by_name) else "not known to add up to a module"
        reason = f"the rails {', '.join(sorted(by_name)) or 'found'} are {kind}"
        return None, Trouble(sensor="ina3221", name="total", kind="missing", reason=reason)
    rails = tuple(by_name[name] for name in names)
    if not all(rail in readable for rail in rails):
        reason = "a rail of it cannot be read, and a total with a hole in it is not a total"
        return None, Trouble(sensor="ina3221", name="total", kind="broken", reason=reason)
    if len(rails) == 1:
        covers = "the whole module, at its input; not the carrier board"
    else:
        covers = "the sum of the module's rails, which have no common input; regulators' losses are not in it"
    return Gauge(sensor="ina3221", rung="board rail", rails=rails, covers=covers, period_s=_PERIOD_S), None


def _covers(name: str) -> str | None:
    return "the whole module, at its input" if name in _TOTALS else None


def _is_on(place: Place, folder: Path, number: int) -> bool:
    """Tell whether a channel measures: hwmon can switch one off."""
    return place.word(folder / f"in{number}_enable") != "0"


def _told_power(place: Place, file: Path, name: str) -> Watts:
    told = place.number(file)
    within(told, 1 if name in _TOTALS else 0, 1000 * _MOST_W, f"the power of {name}, in mW,")
    return milliwatts(told)


def _power(place: Place, volts: Path, amperes: Path, name: str) -> Watts:
    """Return a rail's power; one that feeds the module is never without voltage, a part may be switched off."""
    mv, ma = place.number(volts), place.number(amperes)
    within(mv, 1 if name in _TOTALS else 0, _MOST_MV, f"the voltage of {name}, in mV,")
    within(ma, 0, _MOST_MA, f"the current of {name}, in mA,")
    return millivolts_milliamperes(mv, ma)
