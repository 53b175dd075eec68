"""The time that processors were busy, from /proc/stat: no energy, but what most of it is spent on.

proc_stat(5): cpu user nice system idle iowait irq softirq steal, in ticks since boot.
"""

import os
import re

from edgebench.board.sensors import Channel, Finding, Place, SensorError, trouble

TITLE = "CPU time: a proxy, no sensor"
TELLS = "proxy"
STATUS = None

_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq; guests are in user, stolen time ran elsewhere
_FIELDS = 8


def find(place: Place) -> Finding:
    """Return the busy seconds of all processors together since boot."""
    file = place.root / "proc/stat"
    channel = Channel(
        sensor="cpu_time",
        name="busy processors",
        quantity="cpu_s",
        where=place.shown(file),
        read=lambda: busy_s(place.text(file)),
    )
    try:
        channel.read()
    except SensorError as error:
        return Finding(troubles=(trouble("cpu_time", "cpu_time", error),))
    return Finding(channels=(channel,))


def busy_s(stat: str) -> float:
    """Return the seconds that processors were busy since boot.

    >>> busy_s("cpu  4705 356 584 3699 23 23 0 12 0 0\\ncpu0 1 2 3 4 5 6 7 8 9 0\\n")
    56.68
    """
    match = re.search(r"^cpu +((?:\d+ ?)+)$", stat, re.MULTILINE)
    fields = [int(word) for word in match[1].split()] if match else []
    if len(fields) < _FIELDS:
        raise SensorError("broken", f"/proc/stat begins with {stat[:60]!r}: expected cpu and {_FIELDS} numbers")
    return sum(fields[at] for at in _BUSY) / os.sysconf("SC_CLK_TCK")
