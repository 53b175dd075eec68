"""An external meter: a CSV file of its readings, joined with a run afterwards; nothing on the board reads it.

One line a reading: a time, and volts and amperes, or watts. The header names columns and their units; the times are of
the meter's own clock, in seconds or ISO 8601, and need not agree with anything.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from edgebench.board.quantities import Watts, milliwatts, volts_amperes, watts
from edgebench.board.sensors import Finding, Place, SensorError, absent, within

TITLE = "An external meter: its CSV file, joined with a run by the edges of the load"
TELLS = "energy"
STATUS = None

_TIME = ("timestamp", "time", "time_s", "t")
_POWER: Mapping[str, Callable[[float], Watts]] = {
    "watts": watts,
    "power_w": watts,
    "w": watts,
    "milliwatts": milliwatts,
    "power_mw": milliwatts,
    "mw": milliwatts,
}
_VOLTS: Mapping[str, float] = {
    "volts": 1.0,
    "voltage_v": 1.0,
    "v": 1.0,
    "millivolts": 1e-3,
    "voltage_mv": 1e-3,
    "mv": 1e-3,
}
_AMPERES: Mapping[str, float] = {
    "amps": 1.0,
    "amperes": 1.0,
    "current_a": 1.0,
    "a": 1.0,
    "milliamps": 1e-3,
    "current_ma": 1e-3,
    "ma": 1e-3,
}
_MOST_W = 10_000.0
_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a meter recorded: seconds of its own clock, counted from its first reading, and powers."""

    at_s: tuple[float, ...]
    power: tuple[Watts, ...]


def find(place: Place) -> Finding:
    """Return that a meter is never found: its file is given."""
    del place
    return absent(
        "meter",
        "a meter is read from its file",
        "log it while `edgebench run --energy --meter FILE` measures: CSV with timestamp, volts and amps, or watts",
    )


def parse(text: str) -> Log:
    """Return the readings of a meter's CSV file; raise SensorError, naming the line, for anything else.

    >>> parse("timestamp,volts,amps\\n" + "".join(f"{t},5.0,0.5\\n" for t in range(10))).power[0]
    Watts(w=2.5)
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = [name.strip().lower() for name in next(rows, [])]
    time_at = _column(header, _TIME, "a time (timestamp)")
    power_of = _reader(header)
    at_s: list[float] = []
    power: list[Watts] = []
    for row in rows:
        if not row:
            continue
        try:
            at, found = _seconds(row[time_at]), power_of(row)
        except (ValueError, IndexError) as error:
            raise SensorError("broken", f"line {rows.line_num} is no reading: {','.join(row)[:80]!r}") from error
        within(found.w, 0.0, _MOST_W, f"the power in line {rows.line_num}, in W,")
        if at_s and at <= at_s[-1]:
            raise SensorError("implausible", f"line {rows.line_num} is not later than the one before it")
        at_s.append(at)
        power.append(found)
    if len(at_s) < _FEWEST:
        raise SensorError("broken", f"the file has {len(at_s)} readings: expected {_FEWEST} at least")
    return Log(at_s=tuple(at - at_s[0] for at in at_s), power=tuple(power))


def _reader(header: list[str]) -> Callable[[list[str]], Watts]:
    """Return how the power of a row is read: as it is told, else volts times amperes."""
    told = next((name for name in header if name in _POWER), None)
    if told is not None:
        at, of = header.index(told), _POWER[told]
        return lambda row: of(_finite(row[at]))
    volts_at = _column(header, tuple(_VOLTS), "a power (watts), or volts and amps")
    amperes_at = _column(header, tuple(_AMPERES), "amps beside volts")
    volts, amperes = _VOLTS[header[volts_at]], _AMPERES[header[amperes_at]]
    return lambda row: volts_amperes(_finite(row[volts_at]) * volts, _finite(row[amperes_at]) * amperes)


def _column(header: list[str], names: tuple[str, ...], what: str) -> int:
    found = next((at for at, name in enumerate(header) if name in names), None)
    if found is None:
        raise SensorError("broken", f"the header is {','.join(header)[:80]!r}: expected {what}")
    return found


def _seconds(word: str) -> float:
    try:
        return _finite(word)
    except ValueError:
        at = datetime.fromisoformat(word.strip().replace("Z", "+00:00"))
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value
