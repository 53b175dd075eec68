"""Whether the processor was held back, and by what: what firmware and kernel count, or say is in force.

Formats as the kernel's drivers and vcgencmd print them; none of it has been read on hardware yet.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebench.board.sensors import Place, SensorError, rpi_volt, vcgencmd, x86_throttle

UNDER_VOLTAGE = "under-voltage"
"""The one cause that is no heat: the supply, or its cable."""

_CONDITIONS = (UNDER_VOLTAGE, "frequency capped", "throttled by the firmware", "soft temperature limit")
_NOW = 0xF  # bits 0-3: these conditions; 16-19: the same since boot
_SINCE_BOOT = 16
_COOLED_BY_CLOCK = re.compile(r"(thermal-)?cpufreq")  # drivers/thermal/cpufreq_cooling.c, new and old names
_OVER_CURRENT = "soctherm_oc"  # Jetson Orin: counts of over-current and under-voltage, which throttle at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a board tells of throttling; `program` only where no file does, `forbidden` are files not for this user."""

    root: Path
    counts: tuple[Path, ...]
    over_currents: tuple[Path, ...]
    firmware: Path | None
    cooling: tuple[Path, ...]
    alarms: tuple[Path, ...]
    program: Path | None
    forbidden: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that can be read around every round."""
        told = (self.firmware,) if self.firmware else ()
        return self.counts + self.over_currents + told + self.cooling + self.alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One reading: events so far, the firmware's bits, and how many of the kernel's limits on clocks are in force.

    `over_currents` of the events were over-current or under-voltage; `alarms` are of under-voltage, in force.
    """

    events: int | None = None
    bits: int | None = None
    limits: int | None = None
    over_currents: int | None = None
    alarms: int | None = None


def find(cpus: Sequence[int], root: Path = Path("/")) -> Sources:
    """Return where throttling of these processors is told under `root`; the last of them stands for its package."""
    place = Place(root=root)
    over_currents = [
        count
        for name in place.found("sys/class/hwmon/hwmon*/name")
        if _word(name) == _OVER_CURRENT
        for count in sorted(name.parent.glob("oc*_event_cnt"))
    ]
    cooling = [
        kind.with_name("cur_state")
        for kind in place.found("sys/class/thermal/cooling_device*/type")
        if _COOLED_BY_CLOCK.match(_word(kind) or "")
    ]
    firmware = root / vcgencmd.FIRMWARE
    has_firmware = _hexadecimal(_word(firmware)) is not None
    counts, alarms = x86_throttle.counters(place, cpus), rpi_volt.alarms(place)
    return Sources(
        root=root,
        counts=_numbers(counts),
        over_currents=_numbers(over_currents),
        firmware=firmware if has_firmware else None,
        cooling=_numbers(cooling),
        alarms=_numbers(alarms),
        program=None if has_firmware else place.program("vcgencmd"),
        forbidden=tuple(filter(place.is_forbidden, (*counts, *over_currents, firmware, *cooling, *alarms))),
    )


def read(sources: Sources) -> State:
    """Return what the files say now; no program is started."""
    return State(
        events=_total(sources.counts + sources.over_currents),
        bits=_hexadecimal(_word(sources.firmware)) if sources.firmware else None,
        limits=_total(sources.cooling, at_most=1),
        over_currents=_total(sources.over_currents),
        alarms=_total(sources.alarms, at_most=1),
    )


def ask(program: Path, root: Path = Path("/")) -> State:
    """Return what the board's program says; it takes a process and a few milliseconds."""
    try:
        return State(bits=vcgencmd.bits(vcgencmd.asked(Place(root=root), program, "get_throttled")))
    except SensorError:
        return State()


def new(before: State, after: State) -> int | None:
    """Return how many events two readings differ by, and limits in force at one of them; None if nothing is told.

    Of the firmware's bits each condition counts once: where it holds at a reading, or has held since boot only now.

    >>> new(State(events=3), State(events=5)), new(State(bits=0x50000), State(bits=0x50005)), new(State(), State())
    (2, 2, None)
    """
    conditions = _conditions(before, after)
    told = (
        _difference(before.events, after.events),
        None if conditions is None else conditions.bit_count(),
        _in_force(before.limits, after.limits),
        _in_force(before.alarms, after.alarms),
    )
    return None if told == (None,) * len(told) else sum(number or 0 for number in told)


def causes(before: State, after: State) -> tuple[str, ...]:
    """Return in words what held the processor back between two readings, nothing where nothing did.

    >>> causes(State(bits=0x0), State(bits=0x50005))
    ('under-voltage', 'throttled by the firmware')
    """
    conditions = _conditions(before, after) or 0
    found = [name for bit, name in enumerate(_CONDITIONS) if conditions >> bit & 1]
    over_currents = _difference(before.over_currents, after.over_currents) or 0
    if _in_force(before.alarms, after.alarms):
        found.append(UNDER_VOLTAGE)
    if (_difference(before.events, after.events) or 0) > over_currents:
        found.append("thermal events of the processor")
    if over_currents:
        found.append("over-current or under-voltage of a rail")
    if _in_force(before.limits, after.limits):
        found.append("clock limited by the kernel for heat")
    return tuple(dict.fromkeys(found))


def _conditions(before: State, after: State) -> int | None:
    """Return the firmware's conditions that hold at one of two readings, or have held since boot only now, as bits."""
    if before.bits is None or after.bits is None:
        return None
    since = (after.bits & ~before.bits) >> _SINCE_BOOT
    return (before.bits | after.bits | since) & _NOW


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _in_force(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(before, after)


def _numbers(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of some files that hold a number."""
    return tuple(path for path in paths if _number(path) is not None)


def _total(paths: Iterable[Path], at_most: int | None = None) -> int | None:
    found = [value for path in paths if (value := _number(path)) is not None]
    return sum(value if at_most is None else min(value, at_most) for value in found) if found else None


def _hexadecimal(word: str | None) -> int | None:
    return int(word, 16) if word and re.fullmatch(r"[0-9a-fA-F]{1,8}", word) else None


def _number(path: Path) -> int | None:
    word = _word(path)
    return int(word) if word and word.isdecimal() else None


def _word(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace").strip() or None
    except OSError:  # absent, not for us, or a driver that is asleep
        return None
