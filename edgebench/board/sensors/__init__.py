"""One module a sensor: it finds what there is of it under a root folder, by name, type and label, never by number.

A reading is a value with its unit, or a `Trouble` that says of which of four kinds it is. Nothing becomes zero because
it could not be read.
"""

import importlib
import os
import pkgutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, Protocol, cast

from edgebench.board.quantities import Joules, Watts

NOT_RUN = "not run on hardware"
"""What `STATUS` says of a sensor that was tested on recorded and constructed files only."""

Kind = Literal["missing", "forbidden", "broken", "implausible"]
"""Not there; there, but not for us; there, but it does not answer as it should; it answers what cannot be."""

Rung = Literal["external meter", "board rail", "package counter", "calibrated model", "proxy"]

LADDER: tuple[Rung, ...] = ("external meter", "board rail", "package counter", "calibrated model", "proxy")
"""Where an energy can come from, best first: what sees more of the board, and more directly, stands higher."""

Quantity = Literal["power", "energy", "temperature_c", "clock_hz", "load_share", "voltage_v", "cpu_s", "events", "mode"]
"""What a channel tells; `events` are counts since boot or bits in force, `mode` is a word."""

Value = Watts | Joules | float | int | str

ACCESS = "give your user access to it, such as by a rule in /etc/udev/rules.d that sets its group, or run as root"
"""What to do about anything that is there and not for us, where the sensor itself knows nothing better."""

_PROGRAM_LIMIT_S = 5.0
_PROGRAMS = ("usr/bin", "opt/vc/bin", "bin", "usr/sbin", "sbin", "usr/local/bin")
_WORDS = 200  # of what a program said that is told on


class SensorError(Exception):
    """A reading failed; carries of which kind the trouble is, and what to do about it."""

    def __init__(self, kind: Kind, reason: str, advice: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a sensor, or a channel of it, cannot be read; `advice` where its user can do something about it."""

    sensor: str
    name: str
    kind: Kind
    reason: str
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One thing that can be read: `name` is its rail, zone or domain, `where` the file or program.

    `covers` says what a power or energy is of. A counter of energy begins again at zero after `wraps_at`; None: not
    known.
    """

    sensor: str
    name: str
    quantity: Quantity
    where: str
    read: Callable[[], Value]
    covers: str | None = None
    wraps_at: Joules | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Channels that together are the energy of a board, or of a named part of it: all powers, or all counters.

    `period_s` is how often the sensor has something new.
    """

    sensor: str
    rung: Rung
    rails: tuple[Channel, ...]
    covers: str
    period_s: float

    @property
    def rail(self) -> str:
        """Return what is measured, as files and tables name it."""
        return " + ".join(channel.name for channel in self.rails)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What there is of one sensor; a gauge's rails are among its channels."""

    channels: tuple[Channel, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a program said, and its exit status."""

    status: int
    out: str
    err: str = ""


def run_program(command: Sequence[str]) -> Answer:
    """Run a program for five seconds at most; raise OSError when it cannot be started, or does not end."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROGRAM_LIMIT_S,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer within {_PROGRAM_LIMIT_S:g} s") from None
    return Answer(status=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where sensors are looked for: a root folder, how its files are read, and how its programs are run."""

    root: Path = Path("/")
    open: Callable[[Path], bytes] = Path.read_bytes
    run: Callable[[Sequence[str]], Answer] = run_program

    def text(self, path: Path) -> str:
        """Return what a file says, without what stands around it; raise SensorError."""
        try:
            return self.open(path).decode(errors="replace").strip("\0 \n\t")
        except OSError as error:
            raise SensorError(_kind(error), f"{self.shown(path)}: {error.strerror or error}") from error

    def number(self, path: Path) -> int:
        """Return the whole number that a file holds; raise SensorError."""
        text = self.text(path)
        try:
            return int(text)
        except ValueError:
            raise SensorError("broken", f"{self.shown(path)} says {text[:_WORDS]!r}: expected a number") from None

    def word(self, path: Path) -> str | None:
        """Return what a file says, None where it cannot be read or says nothing."""
        try:
            return self.text(path) or None
        except SensorError:
            return None

    def is_forbidden(self, path: Path) -> bool:
        """Tell whether a file is there, and not for this user."""
        try:
            self.text(path)
        except SensorError as error:
            return error.kind == "forbidden"
        return False

    def found(self, pattern: str) -> list[Path]:
        """Return the files and folders that fit a pattern, in the order of their names."""
        return sorted(self.root.glob(pattern))

    def program(self, name: str) -> Path | None:
        """Return where a program lies, None when there is none."""
        paths = (self.root / folder / name for folder in _PROGRAMS)
        return next((path for path in paths if path.is_file()), None)

    def ask(self, program: Path, *words: str) -> str:
        """Return what a program says to these words; raise SensorError when it cannot be asked or fails."""
        command = " ".join((self.shown(program), *words))
        try:
            answer = self.run((str(program), *words))
        except OSError as error:
            raise SensorError(_kind(error), f"{command}: {error.strerror or error}") from error
        if answer.status != 0:
            said = " ".join((answer.err.strip() or answer.out.strip()).split())[:_WORDS]
            raise SensorError("broken", f"{command} ended with status {answer.status}: {said or 'without a word'}")
        return answer.out

    def shown(self, path: Path) -> str:
        """Return a path as it is called on the board itself.

        >>> Place(root=Path("/tmp/tree")).shown(Path("/tmp/tree/proc/stat"))
        '/proc/stat'
        """
        return f"/{path.relative_to(self.root)}"


class Sensor(Protocol):
    """What a module in this folder, or an entry point in `edgebench.sensors`, provides."""

    TITLE: str
    """What it is, in a few words."""
    TELLS: Literal["energy", "heat", "proxy"]
    """Energy; heat with clocks, loads and modes; or what stands for energy where there is none."""
    STATUS: str | None
    """What has to be known of its readings: `NOT_RUN`."""

    def find(self, place: Place) -> Finding:
        """Return what there is of it; a sensor that is not there is a trouble of the kind `missing`."""


def names() -> tuple[str, ...]:
    """Return the names of all sensors, this package's and others'."""
    own = {module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")}
    return tuple(sorted(own | {point.name for point in entry_points(group="edgebench.sensors")}))


def of_energy() -> tuple[str, ...]:
    """Return the names of those sensors that tell energy; one that cannot be imported is among them, and says so."""
    return tuple(name for name in names() if _tells_energy(name))


def load(name: str) -> Sensor:
    """Import one sensor; raise ValueError when there is none of that name."""
    if any(module.name == name and not name.startswith("_") for module in pkgutil.iter_modules(__path__)):
        return cast(Sensor, importlib.import_module(f"{__name__}.{name}"))
    for point in entry_points(group="edgebench.sensors"):
        if point.name == name:
            return cast(Sensor, point.load())
    raise ValueError(f"unknown sensor {name!r}")


def survey(place: Place, wanted: Sequence[str] | None = None) -> dict[str, Finding]:
    """Return what there is of each sensor by its name; one that cannot be imported is broken, and says why."""
    found = {}
    for name in names() if wanted is None else wanted:
        try:
            found[name] = load(name).find(place)
        except (ImportError, ValueError) as error:
            trouble = Trouble(sensor=name, name=name, kind="broken", reason=f"{type(error).__name__}: {error}")
            found[name] = Finding(troubles=(trouble,))
    return found


def ladder(findings: Mapping[str, Finding], preference: Sequence[str] = ()) -> tuple[Gauge, ...]:
    """Return all gauges, the highest rung first; on one rung those that a device prefers come before the others."""
    gauges = [gauge for finding in findings.values() for gauge in finding.gauges]
    order = {name: number for number, name in enumerate(preference)}
    return tuple(sorted(gauges, key=lambda one: (LADDER.index(one.rung), order.get(one.sensor, len(order)))))


def take(channel: Channel) -> Value | Trouble:
    """Return what a channel tells now, or why it does not."""
    try:
        return channel.read()
    except SensorError as error:
        return trouble(channel.sensor, channel.name, error)


def trouble(sensor: str, name: str, error: SensorError) -> Trouble:
    """Return a failed reading as a record; one that is forbidden always says what to do about it."""
    advice = error.advice or (ACCESS if error.kind == "forbidden" else None)
    return Trouble(sensor=sensor, name=name, kind=error.kind, reason=error.reason, advice=advice)


def absent(sensor: str, reason: str, advice: str | None = None) -> Finding:
    """Return the finding of a sensor that is not there."""
    return Finding(troubles=(Trouble(sensor=sensor, name=sensor, kind="missing", reason=reason, advice=advice),))


def sorted_out(channels: Sequence[Channel]) -> tuple[tuple[Channel, ...], tuple[Trouble, ...]]:
    """Return those of some channels that can be read now, and the troubles of the others."""
    taken = [(channel, take(channel)) for channel in channels]
    readable = tuple(channel for channel, value in taken if not isinstance(value, Trouble))
    return readable, tuple(value for _, value in taken if isinstance(value, Trouble))


def within(value: float, low: float, high: float, what: str) -> float:
    """Return a value that lies between two bounds; raise SensorError where it cannot be true."""
    if not low <= value <= high:
        raise SensorError("implausible", f"{what} is {value:g}: expected {low:g} to {high:g}")
    return value


def troubles_of(findings: Mapping[str, Finding]) -> Iterator[Trouble]:
    """Yield every trouble of a survey."""
    for finding in findings.values():
        yield from finding.troubles


def _tells_energy(name: str) -> bool:
    try:
        return load(name).TELLS == "energy"
    except (ImportError, ValueError):
        return True


def _kind(error: OSError) -> Kind:
    if isinstance(error, PermissionError):
        return "forbidden"
    return "missing" if isinstance(error, (FileNotFoundError, NotADirectoryError)) else "broken"
