"""The power chip of a Raspberry Pi 5, asked through vcgencmd: volts and amperes of twelve rails.

Text as `vcgencmd pmic_read_adc` prints it. Not in the sum: USB and whatever else takes 5 V directly, and what the
regulators lose (jfikar/RPi5-power compares it with a meter).
"""

import math
import re

from edgebench.board.quantities import Watts, volts_amperes
from edgebench.board.sensors import (
    NOT_RUN,
    Channel,
    Finding,
    Gauge,
    Place,
    SensorError,
    absent,
    trouble,
    within,
)
from edgebench.board.sensors.vcgencmd import asked

TITLE = "PMIC: the power chip of a Raspberry Pi 5"
TELLS = "energy"
STATUS = NOT_RUN

_LINE = re.compile(r"^\s*(\w+)_([AV]) (?:current|volt)\(\d+\)=(-?\d+\.\d+)([AV])$")
_WITHOUT_CURRENT = {"EXT5V", "BATT"}  # the supply's voltage and the clock's battery
_RAILS = 12
_CORE = "VDD_CORE"
_PERIOD_S = 0.1
_MOST_V, _MOST_A = 6.0, 25.0
_COVERS = "twelve rails behind the power chip: not USB, nor what takes 5 V directly, nor the regulators' losses"


def find(place: Place) -> Finding:
    """Return the sum of the rails; boards before the Raspberry Pi 5 have none."""
    program = place.program("vcgencmd")
    if program is None:
        return absent("pmic", "there is no vcgencmd: this is no Raspberry Pi, or its tools are not installed")
    channel = Channel(
        sensor="pmic",
        name=f"sum of {_RAILS} rails",
        quantity="power",
        where=f"{place.shown(program)} pmic_read_adc",
        read=lambda: total(asked(place, program, "pmic_read_adc")),
        covers=_COVERS,
    )
    try:
        channel.read()
    except SensorError as error:
        return Finding(troubles=(trouble("pmic", "pmic", error),))
    gauge = Gauge(sensor="pmic", rung="board rail", rails=(channel,), covers=_COVERS, period_s=_PERIOD_S)
    return Finding(channels=(channel,), gauges=(gauge,))


def total(text: str) -> Watts:
    """Return the power of all rails together; raise SensorError unless every one of them has volts and amperes."""
    found = rails(text)
    if _CORE not in found or len(found) != _RAILS:
        told = ", ".join(sorted(found)) or "none"
        raise SensorError("broken", f"pmic_read_adc told {len(found)} rails ({told}): expected {_RAILS}, {_CORE} too")
    return Watts(w=math.fsum(power.w for power in found.values()))


def rails(text: str) -> dict[str, Watts]:
    """Return the power of each rail by its name; raise SensorError for a line or a rail with a hole.

    >>> rails("  VDD_CORE_A current(7)=2.00000000A\\n  VDD_CORE_V volt(15)=0.75000000V\\n")
    {'VDD_CORE': Watts(w=1.5)}
    """
    told: dict[str, dict[str, float]] = {}
    for line in filter(str.strip, text.splitlines()):
        match = _LINE.fullmatch(line.rstrip())
        if match is None or match[2] != match[4]:
            raise SensorError("broken", f"pmic_read_adc printed {line.strip()[:80]!r}: expected NAME_A current(N)=...A")
        told.setdefault(match[1], {})[match[2]] = float(match[3])
    found = {}
    for name, pair in told.items():
        if name in _WITHOUT_CURRENT:
            continue
        if pair.keys() != {"A", "V"}:
            raise SensorError("broken", f"pmic_read_adc told {'/'.join(sorted(pair))} of {name}: expected A and V")
        volts = within(pair["V"], 0.0, _MOST_V, f"the voltage of {name}, in V,")
        found[name] = volts_amperes(volts, within(pair["A"], 0.0, _MOST_A, f"the current of {name}, in A,"))
    return found
