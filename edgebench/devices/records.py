"""What a kind of board and a board are, key for key as in devices/*.toml and boards.toml.

pydantic reads these records through `__pydantic_config__`, which needs no import here: a wrong key or type is refused.
"""

import re
from dataclasses import dataclass, fields
from typing import Literal

Precision = Literal["fp32", "fp16", "int8"]

_REFERENCE_ONLY = "reference only"
_STATUS = re.compile(rf"not run on hardware|run on hardware \d{{4}}-\d{{2}}-\d{{2}}|{_REFERENCE_ONLY}")
_STRICT = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a board must say to be of this kind: every key that is given has to hold."""

    __pydantic_config__ = _STRICT
    machine: str | None = None  # uname -m
    compatible: tuple[str, ...] = ()  # device tree: any of these
    cpu_part: tuple[str, ...] = ()  # /proc/cpuinfo: any of these
    cpu_model: tuple[str, ...] = ()  # the processor's name as the probe gives it, whole: any of these


@dataclass(frozen=True, slots=True, kw_only=True)
class PerCycle:
    """Mult-adds of one core, or of the whole GPU, in a cycle; None where there is no such arithmetic or nobody says."""

    __pydantic_config__ = _STRICT
    fp32: float | None = None
    fp16: float | None = None
    int8: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Cores of one sort that share a clock."""

    __pydantic_config__ = _STRICT
    core: str
    cores: int
    isa: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One level of cache, data side."""

    __pydantic_config__ = _STRICT
    level: int
    bytes: int
    shared_by: Literal["core", "cluster", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """Clock and width of the CPU in one power mode; memory figures only where the mode changes them."""

    __pydantic_config__ = _STRICT
    name: str
    clock_hz: float
    cores: int
    mult_adds_per_cycle: PerCycle = PerCycle()
    bandwidth_nominal_bytes_per_s: float | None = None
    bandwidth_measured_bytes_per_s: float | None = None
    bandwidth_measured_how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processor; empty for a generic kind, whose core and clock cannot be known."""

    __pydantic_config__ = _STRICT
    core: str | None = None
    isa: tuple[str, ...] = ()  # names as Linux prints them in /proc/cpuinfo
    clusters: tuple[Cluster, ...] = ()
    cache: tuple[Cache, ...] = ()
    mode: tuple[Mode, ...] = ()  # slowest first


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMode:
    """Clock and width of the GPU in the power mode of the same name."""

    __pydantic_config__ = _STRICT
    name: str
    clock_hz: float
    mult_adds_per_cycle: PerCycle = PerCycle()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """The graphics processor."""

    __pydantic_config__ = _STRICT
    name: str
    mode: tuple[GpuMode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Main memory: sizes the board is sold with, and what it moves."""

    __pydantic_config__ = _STRICT
    type: str | None = None
    variants_bytes: tuple[int, ...] = ()
    bandwidth_nominal_bytes_per_s: float | None = None
    bandwidth_measured_bytes_per_s: float | None = None
    bandwidth_measured_how: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is measured when the user does not say; the first thread count is the default, the others are offered."""

    __pydantic_config__ = _STRICT
    backends: tuple[str, ...] = ()
    precisions: tuple[Precision, ...] = ()
    threads: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a run on no thread."""
        if self.threads and min(self.threads) < 1:
            raise ValueError(f"has {min(self.threads)} threads: expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a worker may take before it counts as lost; memory None: all there is."""

    __pydantic_config__ = _STRICT
    stage_s: float = 300.0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    """Sensors by plugin name, best first, and in words what measures power on this board."""

    __pydantic_config__ = _STRICT
    preference: tuple[str, ...] = ()
    power: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Watts for the energy proxy of a board without a sensor: a bracket, and what each figure means."""

    __pydantic_config__ = _STRICT
    watts_per_core_low: float
    watts_per_core_high: float
    watts_per_core_meaning: str
    idle_w: float | None = None
    idle_meaning: str | None = None
    load_w: float | None = None
    load_meaning: str | None = None

    def __post_init__(self) -> None:
        """Refuse a bracket that holds nothing."""
        low, high = self.watts_per_core_low, self.watts_per_core_high
        if not 0 < low <= high:
            raise ValueError(f"has the bracket {low}..{high} W per core: expected 0 < low <= high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the figures of one table come from, and how far to trust them."""

    __pydantic_config__ = _STRICT
    table: str  # "cpu.mode"
    fact: str
    source: str
    confidence: Literal["verified-source", "secondary", "derived", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A kind of board: what is known of it before one is measured.

    A phone is "reference only": edgebench cannot measure it, so its file has neither [match] nor [run].
    """

    __pydantic_config__ = _STRICT
    name: str
    title: str
    status: str
    match: Match = Match()
    run: Run = Run()
    cpu: Cpu = Cpu()
    gpu: Gpu | None = None
    memory: Memory = Memory()
    limits: Limits = Limits()
    sensors: Sensors = Sensors()
    power: Power | None = None
    source: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a status that leaves open whether this was ever tried, and a kind that fits all or runs nothing."""
        if not _STATUS.fullmatch(self.status):
            expected = f"'not run on hardware', 'run on hardware YYYY-MM-DD' or '{_REFERENCE_ONLY}'"
            raise ValueError(f"status is {self.status!r}: expected {expected}")
        if self.reference_only:
            if self.match != Match() or self.run != Run():
                raise ValueError(
                    f"has [match] or [run] and the status '{_REFERENCE_ONLY}': expected the one or the other"
                )
            return
        if self.match == Match():
            names = ", ".join(field.name for field in fields(Match))
            raise ValueError(f"match is missing or empty: expected at least one of {names}")
        if not (self.run.backends and self.run.precisions and self.run.threads):
            names = ", ".join(field.name for field in fields(Run))
            raise ValueError(f"run is missing or has an empty list: expected at least one of each of {names}")

    @property
    def reference_only(self) -> bool:
        """Tell whether this kind is described to be compared with, not to be measured."""
        return self.status == _REFERENCE_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEntry:
    """A line of boards.toml."""

    __pydantic_config__ = _STRICT
    device: str
    host: str | None = None
    python: str | None = None
    ssh_config: str | None = None
    emulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One board: its kind, its ssh address (None: this machine) and the Python to run there (None: to be found).

    `ssh_config` is read in place of the user's own configuration (`ssh -F`). An `emulated` one is a stand-in.
    """

    name: str
    device: str
    host: str | None = None
    python: str | None = None
    ssh_config: str | None = None
    emulated: bool = False
