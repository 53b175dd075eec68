"""What the machine says of itself around a round; read from a root, so that fake trees test it.

A signal that a machine does not have is told as absent, with the reason: it is never read as zero.
"""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebench.board import throttle
from edgebench.board.probe import parse_cpu_list
from edgebench.board.wire import Signals, Watched

_NS_PER_US = 1000
_NS_PER_S = 10**9
_HZ_PER_KHZ = 1000
_STEAL_FIELD = 8  # proc_stat(5): cpuN user nice system idle iowait irq softirq steal
_PRESSURES = {
    "cpu_waiting": ("proc/pressure/cpu", "some"),
    "memory_stalled": ("proc/pressure/memory", "full"),
    "io_waiting": ("proc/pressure/io", "some"),
}
_ZONE = re.compile(r"cpu|soc|core|pkg|bcm2835|tj\b", re.IGNORECASE)  # a zone's number means nothing
_NOT_A_ZONE = re.compile(r"gpu|pmic|batt", re.IGNORECASE)
_COLDEST_C, _HOTTEST_C = -40.0, 150.0  # an unused zone says -256 degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where each signal of the processor `cpu` is read; `absent` says why one is not."""

    root: Path
    cpu: int
    steal: Path | None
    pressures: dict[str, Path]
    clock: Path | None
    governor: Path | None
    zones: tuple[Path, ...]
    throttle: throttle.Sources
    absent: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Totals since boot at a moment of the wall clock; None where there is no such signal."""

    at_ns: int
    steal_ns: int | None
    cpu_waiting_ns: int | None
    memory_stalled_ns: int | None
    io_waiting_ns: int | None
    throttle: throttle.State


def find(cpus: Sequence[int], root: Path = Path("/")) -> Sources:
    """Return where the signals of these processors are read; the last of them is the one that always measures."""
    cpu = cpus[-1]
    absent: dict[str, str] = {}
    stat = _readable(root, "proc/stat", "steal", absent)
    if stat is not None and steal_ns(_text(stat), cpu) is None:
        stat, absent["steal"] = None, f"/proc/stat has no steal of cpu{cpu}"
    pressures = {name: _readable(root, file, name, absent) for name, (file, _) in _PRESSURES.items()}
    policy = _policy(cpu, root)
    clock = _readable(root, f"{policy}/scaling_cur_freq", "clock", absent) if policy else None
    governor = _readable(root, f"{policy}/scaling_governor", "governor", absent) if policy else None
    if policy is None:
        absent |= dict.fromkeys(("clock", "governor"), f"cpu{cpu} has no cpufreq policy")
    zones = tuple(zone for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*/temp")) if _is_of_cpu(zone))
    if not zones:
        absent["temperature"] = "no thermal zone is a processor's"
    return Sources(
        root=root,
        cpu=cpu,
        steal=stat,
        pressures={name: path for name, path in pressures.items() if path is not None},
        clock=clock,
        governor=governor,
        zones=zones,
        throttle=_throttling(cpus, root, absent),
        absent=absent,
    )


def told(sources: Sources, session: str) -> Signals:
    """Return the record of what there is to watch, and of what is absent."""
    program = (sources.throttle.program,) if sources.throttle.program else ()
    places: dict[str, Sequence[Path]] = {
        "steal": [sources.steal] if sources.steal else [],
        **{name: [path] for name, path in sources.pressures.items()},
        "clock": [sources.clock] if sources.clock else [],
        "governor": [sources.governor] if sources.governor else [],
        "temperature": sources.zones,
        "throttled": sources.throttle.files + program,
    }
    present = {name: " ".join(_shown(path, sources.root) for path in paths) for name, paths in places.items() if paths}
    return Signals(session=session, present=present, absent=sources.absent)


def snapshot(sources: Sources) -> Snapshot:
    """Return the totals as they are now."""
    pressure = {name: pressure_ns(_text(path), _PRESSURES[name][1]) for name, path in sources.pressures.items()}
    return Snapshot(
        at_ns=time.perf_counter_ns(),
        steal_ns=steal_ns(_text(sources.steal), sources.cpu) if sources.steal else None,
        cpu_waiting_ns=pressure.get("cpu_waiting"),
        memory_stalled_ns=pressure.get("memory_stalled"),
        io_waiting_ns=pressure.get("io_waiting"),
        throttle=throttle.read(sources.throttle),
    )


def filled(watched: Watched, sources: Sources, before: Snapshot, after: Snapshot) -> Watched:
    """Return a round's record with what happened between two snapshots, and with clock and temperature of now."""
    return replace(
        watched,
        steal_ns=_difference(before.steal_ns, after.steal_ns),
        cpu_waiting_ns=_difference(before.cpu_waiting_ns, after.cpu_waiting_ns),
        memory_stalled_ns=_difference(before.memory_stalled_ns, after.memory_stalled_ns),
        io_waiting_ns=_difference(before.io_waiting_ns, after.io_waiting_ns),
        clock_hz=_hertz(_text(sources.clock)) if sources.clock else None,
        governor=(_text(sources.governor).strip() or None) if sources.governor else None,
        temperature_c=max((found for zone in sources.zones if (found := _celsius(zone)) is not None), default=None),
        throttled=throttle.new(before.throttle, after.throttle),
    )


def steal_ns(stat: str, cpu: int) -> int | None:
    """Return what the hypervisor has stolen from a processor since boot, None where /proc/stat does not say.

    >>> steal_ns("cpu  9 9 9 9 9 9 9 9 0 0\\ncpu1 4705 356 584 3699 23 23 0 12 0 0\\n", 1)
    120000000
    """
    match = re.search(rf"^cpu{cpu}((?: \d+)+)$", stat, re.MULTILINE)
    fields = match[1].split() if match else []
    if len(fields) < _STEAL_FIELD:
        return None
    return int(fields[_STEAL_FIELD - 1]) * (_NS_PER_S // os.sysconf("SC_CLK_TCK"))  # ticks of 10 ms nearly everywhere


def pressure_ns(text: str, kind: str) -> int | None:
    """Return a total of a /proc/pressure file: how long `some` task, or the `full` lot of them, had to wait.

    >>> pressure_ns("some avg10=0.00 avg60=0.00 avg300=0.00 total=21\\nfull avg10=0.00 total=7\\n", "full")
    7000
    """
    match = re.search(rf"^{kind} .*\btotal=(\d+)$", text, re.MULTILINE)
    return int(match[1]) * _NS_PER_US if match else None


def _throttling(cpus: Sequence[int], root: Path, absent: dict[str, str]) -> throttle.Sources:
    """Return where throttling is told, without a program that does not say."""
    found = throttle.find(cpus, root)
    silent = ""
    if found.program is not None and throttle.ask(found.program).bits is None:
        silent = f"; {_shown(found.program, root)} get_throttled does not either"
        found = replace(found, program=None)
    if not found.files and found.program is None:
        absent["throttled"] = f"no file of kernel or firmware tells of throttling{silent}"
    return found


def _policy(cpu: int, root: Path) -> str | None:
    """Return the folder, under `root`, of the clock that a processor shares with its neighbours."""
    own = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
    if (root / own).is_dir():
        return own
    for policy in sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy*")):
        if cpu in (parse_cpu_list(_text(policy / "affected_cpus").strip().replace(" ", ",")) or []):
            return str(policy.relative_to(root))
    return None


def _is_of_cpu(zone: Path) -> bool:
    kind = _text(zone.with_name("type")).strip()
    return bool(_ZONE.search(kind)) and not _NOT_A_ZONE.search(kind) and _celsius(zone) is not None


def _celsius(zone: Path) -> float | None:
    try:
        degrees = int(_text(zone)) / 1000
    except ValueError:
        return None
    return degrees if _COLDEST_C <= degrees <= _HOTTEST_C else None


def _hertz(text: str) -> int | None:
    return int(text) * _HZ_PER_KHZ if text.strip().isdecimal() else None


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _readable(root: Path, file: str, name: str, absent: dict[str, str]) -> Path | None:
    """Return a file that can be read, or None and the reason among the absent ones.

    Some systems have /proc/pressure switched off: reading says "Operation not supported", and psi=1 on the kernel's
    command line switches it on.
    """
    try:
        (root / file).read_bytes()
    except OSError as error:
        absent[name] = f"/{file}: {error.strerror}"
        return None
    return root / file


def _shown(path: Path, root: Path) -> str:
    return f"/{path.relative_to(root)}"


def _text(path: Path) -> str:
    """Return a file's text, "" where there is none: an unused thermal zone refuses to be read (EAGAIN, EINVAL)."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
