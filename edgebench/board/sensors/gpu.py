"""Load and clock of a GPU, from devfreq: per mille, and Hz.

Jetson's drivers give the load beside the device (`device/load`, or `/sys/devices/gpu.0/load` with JetPack 4), most
others none. A device of devfreq is a GPU by its name: its address, a dot and `gpu` or the chip's (`17000000.ga10b`).
"""

import re
from pathlib import Path

from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, absent, sorted_out, within

TITLE = "GPU: load and clock"
TELLS = "heat"
STATUS = NOT_RUN

_DEVICES = "sys/class/devfreq/*"
_GPU = re.compile(r"gpu|g[pvamb]\d\d[b0-9]?$|mali|v3d", re.IGNORECASE)
_OLD_LOAD = "sys/devices/gpu.0/load"
_PER_MILLE = 1000
_SLOWEST_HZ, _FASTEST_HZ = 1e6, 1e11


def find(place: Place) -> Finding:
    """Return load and clock of each GPU."""
    devices = [folder for folder in place.found(_DEVICES) if _GPU.search(folder.name)]
    loads = [file for folder in devices if (file := folder / "device/load").is_file()]
    old = place.root / _OLD_LOAD
    loads += [old] if not loads and old.is_file() else []
    if not devices and not loads:
        return absent("gpu", "/sys/class/devfreq has no GPU: its driver tells neither load nor clock there")
    channels = [_load(place, file) for file in loads]
    channels += [_clock(place, folder) for folder in devices]
    readable, troubles = sorted_out(channels)
    return Finding(channels=readable, troubles=troubles)


def _load(place: Place, file: Path) -> Channel:
    return Channel(
        sensor="gpu",
        name="load",
        quantity="load_share",
        where=place.shown(file),
        read=lambda: within(place.number(file), 0, _PER_MILLE, place.shown(file)) / _PER_MILLE,
    )


def _clock(place: Place, folder: Path) -> Channel:
    file = folder / "cur_freq"
    return Channel(
        sensor="gpu",
        name=f"{folder.name} clock",
        quantity="clock_hz",
        where=place.shown(file),
        read=lambda: int(within(place.number(file), _SLOWEST_HZ, _FASTEST_HZ, place.shown(file))),
    )
