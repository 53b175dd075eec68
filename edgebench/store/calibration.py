"""What was measured on one unit beside models: `results/UNIT/calibration.json`, dated entries, the newest last.

The file of a kind (devices/*.toml) is never written: it holds what is true of every board of the kind.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from edgebench.board.peak import Peak
from edgebench.board.wire import STRICT, encode
from edgebench.errors import LostTrialError, UsageError

SCHEMA: Literal[1] = 1
"""Version of calibration.json; another one is refused, not guessed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One run of `devices probe`; `at` is UTC in ISO 8601, by the clock of the host."""

    __pydantic_config__: ClassVar[Any] = STRICT

    at: str
    edgebench_version: str
    peak: Peak
    kind: Literal["probe"] = "probe"

    def __post_init__(self) -> None:
        """Refuse a date that is none, or that leaves open of which zone it is."""
        _check_date(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """One run of `selftest --aa`: `sessions` sessions that each compared a trial with itself; `at` as in `Probe`.

    `excluded_one` of them had an interval without 1, which is `false_positive_rate` with its binomial 95 % interval.
    `resolution` is the 95th percentile of |ratio - 1|: what is smaller cannot be told from no difference here.
    `naive_excluded_one` counts the same sessions by the usual protocol on the same samples. `run` is the run folder's
    name; `neighbour` tells of a load of our own beside it. `between_sessions` is the standard deviation between the
    sessions of the trial's log-latency, beyond what processes explain, over `span_s` seconds; `between_sessions_ruled`
    that of its ratio to the canary, which one agent sang for all of them. None in entries of before they were taken,
    and of few sessions.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    at: str
    edgebench_version: str
    trial: str
    sessions: int
    invocations: int
    rounds: int
    neighbour: bool
    seed: int
    excluded_one: int
    false_positive_rate: float
    false_positive_rate_low: float
    false_positive_rate_high: float
    resolution: float
    median_half_width: float
    naive_excluded_one: int
    run: str
    between_sessions: float | None = None
    between_sessions_ruled: float | None = None
    span_s: float | None = None
    kind: Literal["resolution"] = "resolution"

    def __post_init__(self) -> None:
        """Refuse a date without its zone, and more sessions that excluded 1 than there were."""
        _check_date(self.at)
        if not 0 <= self.excluded_one <= self.sessions or not 0 <= self.naive_excluded_one <= self.sessions:
            raise ValueError(f"sessions is {self.sessions}: expected at least as many as excluded 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFit:
    """One fit of `devices power`: watts = `idle_w` + `slope_w` x utilisation of all processors; `at` as in `Probe`.

    From `windows` of `run`, whose power `rung` told (`rail`: what of the board). `residual_w` is the standard deviation
    of one window from the line; it holds from utilisation `lowest` to `highest`, of `cores` processors. The windows'
    utilisations have the mean `mean_utilisation` and the sum of squared differences from it `utilisation_squares`: None
    in entries of before they were kept, which tell no energy.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    at: str
    edgebench_version: str
    run: str
    rung: str
    rail: str
    idle_w: float
    slope_w: float
    residual_w: float
    windows: int
    lowest: float
    highest: float
    cores: int
    mean_utilisation: float | None = None
    utilisation_squares: float | None = None
    kind: Literal["power"] = "power"

    def __post_init__(self) -> None:
        """Refuse a date without its zone, and a line that goes the wrong way."""
        _check_date(self.at)
        if not (self.idle_w > 0 and self.slope_w > 0 and self.cores > 0 and self.windows > 2):
            raise ValueError("a power fit needs idle_w, slope_w and cores above 0, and more than two windows")
        if self.utilisation_squares is not None and not self.utilisation_squares > 0:
            raise ValueError("a power fit needs utilisation_squares above 0")


class _ByKind:
    """Has pydantic choose a record by its `kind`, without importing it before something is read."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Field

        return handler(Annotated[source, Field(discriminator="kind")])


Entry = Probe | Resolution | PowerFit


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All entries of a unit, oldest first."""

    __pydantic_config__: ClassVar[Any] = STRICT

    schema: Literal[1]  # SCHEMA
    unit: str
    entries: tuple[Annotated[Entry, _ByKind()], ...] = ()


def path_of(results: Path, unit: str) -> Path:
    """Return where the calibration of a unit is kept."""
    return results / unit / "calibration.json"


def read(results: Path, unit: str) -> Calibration:
    """Return what was measured on a unit so far, no entries when nothing was; raise UsageError for a wrong file."""
    from pydantic import TypeAdapter, ValidationError

    path = path_of(results, unit)
    try:
        found = TypeAdapter(Calibration).validate_json(path.read_bytes())
    except FileNotFoundError:
        return Calibration(schema=SCHEMA, unit=unit)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): choose another folder with --results.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        said = f"{where}{first['msg']}"
        raise UsageError(f"{path} is no calibration of this version: {said}; move it away and probe again.") from error
    if found.unit != unit:
        raise UsageError(f"{path} is of the unit {found.unit!r}: expected {unit!r}, as its folder is called.")
    return found


def add(results: Path, unit: str, entry: Entry) -> Calibration:
    """Append an entry to the calibration of a unit and return the whole; the file changes at once or not at all."""
    before = read(results, unit)
    after = replace(before, entries=(*before.entries, entry))
    path = path_of(results, unit)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as draft, draft.open("wb") as file:
            file.write(encode(after))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LostTrialError(
            f"{path} cannot be written ({error.strerror}): choose a folder that you may write to with --results."
        ) from error
    return after


def latest_probe(calibration: Calibration) -> Probe | None:
    """Return the newest probe of a unit, None when it was never probed."""
    return next((entry for entry in reversed(calibration.entries) if isinstance(entry, Probe)), None)


def latest_resolution(calibration: Calibration, *, neighbour: bool = False) -> Resolution | None:
    """Return the newest resolution of a unit, measured alone or beside a neighbour; None when it never was."""
    found = (entry for entry in reversed(calibration.entries) if isinstance(entry, Resolution))
    return next((entry for entry in found if entry.neighbour is neighbour), None)


def resolution_beside(folder: Path, unit: str) -> Resolution | None:
    """Return what the newest selftest of a run's unit found; None where the run does not lie in its unit's folder."""
    place = folder.resolve().parent
    return latest_resolution(read(place.parent, unit)) if place.name == unit else None


def latest_power(calibration: Calibration) -> PowerFit | None:
    """Return the newest power model of a unit, None when none was fitted."""
    return next((entry for entry in reversed(calibration.entries) if isinstance(entry, PowerFit)), None)


def _check_date(at: str) -> None:
    """Raise ValueError for a date that is none, or that leaves open of which zone it is."""
    if datetime.fromisoformat(at).utcoffset() is None:
        raise ValueError(f"at is {at!r}: expected a date with its zone")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
