"""What the machine says of itself around a round; read from a root, so that fake trees test it.

A signal that a machine does not have is told as absent, with the reason: it is never read as zero.
"""

import contextlib
import errno
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebench.board import throttle
from edgebench.board.probe import standing
from edgebench.board.sensors import Place, SensorError, cpufreq, thermal, vcgencmd
from edgebench.board.wire import Signals, Watched

_NS_PER_US = 1000
_NS_PER_S = 10**9
_STEAL_FIELD = 8  # proc_stat(5): cpuN user nice system idle iowait irq softirq steal
_PRESSURES = {
    "cpu_waiting": ("proc/pressure/cpu", "some"),
    "memory_stalled": ("proc/pressure/memory", "full"),
    "io_waiting": ("proc/pressure/io", "some"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where each signal of the processor `cpu` is read; `absent` says why one is not, `forbidden` which may not be."""

    root: Path
    cpu: int
    steal: Path | None
    pressures: dict[str, Path]
    clock: Path | None
    governor: Path | None
    zones: tuple[Path, ...]
    throttle: throttle.Sources
    absent: dict[str, str]
    forbidden: tuple[str, ...]


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
    cpu, place = cpus[-1], Place(root=root)
    absent: dict[str, str] = {}
    forbidden: list[str] = []
    stat = _readable(root, "proc/stat", "steal", absent, forbidden)
    if stat is not None and steal_ns(_text(stat), cpu) is None:
        stat, absent["steal"] = None, f"/proc/stat has no steal of cpu{cpu}"
    pressures = {name: _readable(root, file, name, absent) for name, (file, _) in _PRESSURES.items()}
    policy = cpufreq.policy(cpu, place)
    clock, governor = (
        _readable(root, f"{policy.relative_to(root)}/{file}", name, absent, forbidden) if policy else None
        for name, file in (("clock", "scaling_cur_freq"), ("governor", "scaling_governor"))
    )
    if policy is None:
        absent |= dict.fromkeys(("clock", "governor"), f"cpu{cpu} has no cpufreq policy")
    return Sources(
        root=root,
        cpu=cpu,
        steal=stat,
        pressures={name: path for name, path in pressures.items() if path is not None},
        clock=clock,
        governor=governor,
        zones=_zones(place, absent, forbidden),
        throttle=_throttling(cpus, place, absent, forbidden),
        absent=absent,
        forbidden=tuple(forbidden),
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
    return Signals(
        session=session,
        present=present,
        absent=sources.absent,
        forbidden=sources.forbidden,
        root=standing(sources.root),
    )


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
        clock_hz=_clock_hz(sources),
        governor=(_text(sources.governor).strip() or None) if sources.governor else None,
        temperature_c=temperature_c(sources),
        throttled=throttle.new(before.throttle, after.throttle),
        throttled_by=throttle.causes(before.throttle, after.throttle),
    )


def temperature_c(sources: Sources) -> float | None:
    """Return the temperature of the processor's hottest zone, in degrees; None where none can be read."""
    place, found = Place(root=sources.root), []
    for zone in sources.zones:
        with contextlib.suppress(SensorError):  # a zone may fall asleep
            found.append(thermal.celsius(place, zone))
    return max(found, default=None)


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


def _zones(place: Place, absent: dict[str, str], forbidden: list[str]) -> tuple[Path, ...]:
    """Return the temperatures of the processor's zones; without any, why there are none."""
    zones, closed = thermal.of_cpu(place), thermal.closed(place)
    if not zones:
        absent["temperature"] = _closed(closed[0], place.root) if closed else "no thermal zone is a processor's"
        forbidden += ["temperature"] * bool(closed)
    return zones


def _throttling(cpus: Sequence[int], place: Place, absent: dict[str, str], forbidden: list[str]) -> throttle.Sources:
    """Return where throttling is told, without a program that does not say."""
    found = throttle.find(cpus, place.root)
    silent = "".join(f"; {_closed(path, place.root)}" for path in found.forbidden[:1])
    forbidden += ["throttled"] * bool(found.forbidden)
    if found.program is not None:
        try:
            vcgencmd.bits(vcgencmd.asked(place, found.program, "get_throttled"))
        except SensorError as error:
            silent += f"; {place.shown(found.program)} get_throttled does not either"
            if error.kind == "forbidden":
                forbidden += ["throttled"] * ("throttled" not in forbidden)
                silent = f"; {error.reason}: {error.advice}"
            found = replace(found, program=None)
    if not found.files and found.program is None:
        absent["throttled"] = f"no file of kernel or firmware tells of throttling{silent}"
    return found


def _clock_hz(sources: Sources) -> int | None:
    if sources.clock is None:
        return None
    try:
        return cpufreq.clock_hz(Place(root=sources.root), sources.clock)
    except SensorError:  # a core that is off
        return None


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _readable(
    root: Path, file: str, name: str, absent: dict[str, str], forbidden: list[str] | None = None
) -> Path | None:
    """Return a file that can be read, or None and the reason among the absent ones; `forbidden` are noted by name.

    Some systems have /proc/pressure switched off: reading says "Operation not supported", and psi=1 on the kernel's
    command line switches it on.
    """
    try:
        (root / file).read_bytes()
    except OSError as error:
        absent[name] = f"/{file}: {error.strerror}"
        if forbidden is not None and isinstance(error, PermissionError):
            forbidden.append(name)
        return None
    return root / file


def _closed(path: Path, root: Path) -> str:
    return f"{_shown(path, root)}: {os.strerror(errno.EACCES)}"


def _shown(path: Path, root: Path) -> str:
    return f"/{path.relative_to(root)}"


def _text(path: Path) -> str:
    """Return a file's text, "" where there is none: an unused thermal zone refuses to be read (EAGAIN, EINVAL)."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
