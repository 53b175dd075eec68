"""nvpmodel: the power mode of a Jetson, which sets how many cores are on and how fast they may run."""

import re

from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, SensorError, absent, trouble

TITLE = "nvpmodel: the power mode of a Jetson"
TELLS = "heat"
STATUS = NOT_RUN

_MODE = re.compile(r"^NV Power Mode:\s*(\S+)\s*$", re.MULTILINE)


def find(place: Place) -> Finding:
    """Return the mode's name."""
    program = place.program("nvpmodel")
    if program is None:
        return absent("nvpmodel", "there is no nvpmodel: this is no Jetson")
    channel = Channel(
        sensor="nvpmodel",
        name="power mode",
        quantity="mode",
        where=f"{place.shown(program)} -q",
        read=lambda: mode(place.ask(program, "-q")),
    )
    try:
        channel.read()
    except SensorError as error:
        return Finding(troubles=(trouble("nvpmodel", "power mode", error),))
    return Finding(channels=(channel,))


def mode(said: str) -> str:
    """Return the name of the power mode in force.

    >>> mode("NV Power Mode: MAXN\\n0\\n")
    'MAXN'
    """
    match = _MODE.search(said)
    if match is None:
        raise SensorError("broken", f"nvpmodel -q says {said.strip()[:80]!r}: expected a line NV Power Mode: NAME")
    return match[1]
