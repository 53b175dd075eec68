"""Whether the processor was held back: what firmware and kernel count, or say is in force.

Formats as the kernel's drivers and vcgencmd print them; none of it has been read on hardware yet.
"""

import contextlib
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"  # Raspberry Pi: hexadecimal, without 0x
_PROGRAMS = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd", "bin/vcgencmd")  # today's system, older ones
_PROGRAM_LIMIT_S = 5
_NOW = 0xF  # bits 0-3: under-voltage, frequency capped, throttled, soft temperature limit; 16-19: the same since boot
_SINCE_BOOT = 16
_COOLED_BY_CLOCK = re.compile(r"(thermal-)?cpufreq")  # drivers/thermal/cpufreq_cooling.c, new and old names
_OVER_CURRENT = "soctherm_oc"  # Jetson Orin: counts of over-current and under-voltage, which throttle at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a board tells of throttling; `program` only where no file does."""

    counts: tuple[Path, ...]
    firmware: Path | None
    cooling: tuple[Path, ...]
    program: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files that can be read around every round."""
        return self.counts + ((self.firmware,) if self.firmware else ()) + self.cooling


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One reading: events so far, the firmware's bits, and how many of the kernel's limits on clocks are in force."""

    events: int | None = None
    bits: int | None = None
    limits: int | None = None


def find(cpus: Sequence[int], root: Path = Path("/")) -> Sources:
    """Return where throttling of these processors is told under `root`; the last of them stands for its package."""
    cpu = root / "sys/devices/system/cpu"
    counts = [path for number in cpus for path in _sorted(cpu / f"cpu{number}/thermal_throttle", "core_*_count")]
    counts += _sorted(cpu / f"cpu{cpus[-1]}/thermal_throttle", "package_*_count")
    for name in _sorted(root / "sys/class/hwmon", "hwmon*/name"):
        if _word(name) == _OVER_CURRENT:
            counts += _sorted(name.parent, "oc*_event_cnt")
    cooling = [
        kind.with_name("cur_state")
        for kind in _sorted(root / "sys/class/thermal", "cooling_device*/type")
        if _COOLED_BY_CLOCK.match(_word(kind) or "")
    ]
    firmware = root / _FIRMWARE
    has_firmware = _hexadecimal(_word(firmware)) is not None
    programs = (root / name for name in _PROGRAMS)
    return Sources(
        counts=tuple(path for path in counts if _number(path) is not None),
        firmware=firmware if has_firmware else None,
        cooling=tuple(path for path in cooling if _number(path) is not None),
        program=None if has_firmware else next((path for path in programs if path.is_file()), None),
    )


def read(sources: Sources) -> State:
    """Return what the files say now; no program is started."""
    return State(
        events=_total(sources.counts),
        bits=_hexadecimal(_word(sources.firmware)) if sources.firmware else None,
        limits=_total(sources.cooling, at_most=1),
    )


def ask(program: Path) -> State:
    """Return what the board's program says; it takes a process and a few milliseconds."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [program, "get_throttled"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROGRAM_LIMIT_S,
            check=False,
        )
        match = re.fullmatch(r"throttled=0x([0-9a-fA-F]+)\s*", done.stdout)
        return State(bits=int(match[1], 16) if match else None)
    return State()


def new(before: State, after: State) -> int | None:
    """Return how many events two readings differ by, and limits in force at one of them; None if nothing is told.

    Of the firmware's bits each condition counts once: where it holds at a reading, or has held since boot only now.

    >>> new(State(events=3), State(events=5)), new(State(bits=0x50000), State(bits=0x50005)), new(State(), State())
    (2, 2, None)
    """
    told: list[int] = []
    if before.events is not None and after.events is not None:
        told.append(after.events - before.events)
    if before.bits is not None and after.bits is not None:
        since = (after.bits & ~before.bits) >> _SINCE_BOOT
        told.append(((before.bits | after.bits | since) & _NOW).bit_count())
    if before.limits is not None and after.limits is not None:
        told.append(max(before.limits, after.limits))
    return sum(told) if told else None


def _total(paths: Iterable[Path], at_most: int | None = None) -> int | None:
    found = [value for path in paths if (value := _number(path)) is not None]
    return sum(value if at_most is None else min(value, at_most) for value in found) if found else None


def _hexadecimal(word: str | None) -> int | None:
    return int(word, 16) if word and re.fullmatch(r"[0-9a-fA-F]{1,8}", word) else None


def _number(path: Path) -> int | None:
    word = _word(path)
    return int(word) if word and word.isdecimal() else None


def _sorted(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def _word(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace").strip() or None
    except OSError:  # absent, not for us, or a driver that is asleep
        return None
