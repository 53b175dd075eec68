"""Predict a latency from a fitted table, with an interval, and say when that goes beyond what the table was fitted on.

The interval is how far rows lay from what fits predicted that had not seen them: other models of known architectures,
other architectures, a runtime on a device on which it was never measured, another device, another runtime.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebench.analysis import fitting
from edgebench.analysis.fitting import Coefficients, Point
from edgebench.analysis.workload import KINDS
from edgebench.devices.records import Precision
from edgebench.errors import UsageError

VERSION: Literal[1] = 1
"""Of the table's file; another one is refused."""

_ROOM = 0.1
"""By how much a share of the latency may exceed the largest that was fitted."""

_STRICT: Any = {"extra": "forbid", "strict": True}

Basis = Literal["model", "architecture", "pair", "device", "runtime"]

UNSEEN: Mapping[Basis, str] = {
    "model": "a model of an architecture that was fitted, where its runtime was fitted on this device",
    "architecture": "an architecture that was not fitted",
    "pair": "a runtime, precision or number of threads that was not fitted on this device, though others were",
    "device": "a device that was not fitted",
    "runtime": "a runtime that was not fitted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Between which factors 90 % of held-out rows lay of what was predicted; `runtime` None: of all runtimes."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    basis: Basis
    runtime: str | None
    rows: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a table was fitted on. `threads`: fewest and most by runtime; `shares`: the largest of each kind.

    `own`: devices of which own runs alone tell.
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    rows: int
    models: tuple[str, ...]
    devices: tuple[str, ...]
    runtimes: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]  # device, runtime
    precisions: tuple[tuple[str, str], ...]  # runtime, precision
    threads: dict[str, tuple[int, int]]
    mult_adds: tuple[int, int]
    shares: tuple[float, ...]
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A fit with what it stands on: `edgebench/reference/prediction/latency.json`."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    version: Literal[1]  # VERSION
    kinds: tuple[str, ...]
    coefficients: Coefficients
    spreads: tuple[Spread, ...]
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be predicted; `workload` as in a point."""

    device: str
    runtime: str
    precision: Precision
    threads: int
    batch: int
    model: str
    mult_adds: int
    workload: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A latency with its 90 % interval, the share that each kind takes, and what the interval was taken from.

    `outside`: reasons why this goes beyond what was fitted, of which the interval does not know all.
    """

    latency_s: float
    low_s: float
    high_s: float
    shares: dict[str, float]
    basis: Basis
    outside: tuple[str, ...]


def folder() -> Path:
    """Return where the fitted table stands."""
    return Path(str(files("edgebench.reference"))) / "prediction"


def read(path: Path | None = None) -> Table:
    """Return the shipped table, or another; raise UsageError for a file that is none."""
    from pydantic import TypeAdapter, ValidationError

    path = path or folder() / "latency.json"
    try:
        found = TypeAdapter(Table).validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): expected a table of scripts/fit_prediction."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path} is no table of this version: {where}: {first['msg']}; fit it again.") from None
    if found.kinds != KINDS:
        raise UsageError(f"{path} has the kinds {', '.join(found.kinds)}: expected {', '.join(KINDS)}; fit it again.")
    return found


def predict(table: Table, asked: Asked) -> Prediction:
    """Return the latency of one call."""
    point = _point(asked)
    latency_s, shares = fitting.predicted(table.coefficients, point)
    basis = _basis(table, point)
    spread = spread_of(table.spreads, basis, asked.runtime)
    return Prediction(
        latency_s=latency_s,
        low_s=latency_s * spread.low,
        high_s=latency_s * spread.high,
        shares=dict(zip(KINDS, shares, strict=True)),
        basis=basis,
        outside=tuple(_outside(table.seen, asked, shares)),
    )


def adapted(table: Table, points: Sequence[Point]) -> Table:
    """Return a table that also knows own measurements: what they say of their devices and set-ups alone."""
    if not points:
        return table
    seen = table.seen
    return replace(
        table,
        coefficients=fitting.fit(points, table.coefficients),
        seen=replace(
            seen,
            devices=merged(seen.devices, (point.device for point in points)),
            runtimes=merged(seen.runtimes, (point.runtime for point in points)),
            pairs=merged(seen.pairs, ((point.device, point.runtime) for point in points)),
            precisions=merged(seen.precisions, ((point.runtime, str(point.precision)) for point in points)),
            models=merged(seen.models, (point.model for point in points)),
            threads={**seen.threads, **threads_of([*points], seen.threads)},
            own=merged(seen.own, (point.device for point in points if point.device not in seen.devices)),
        ),
    )


def spread_of(spreads: Iterable[Spread], basis: Basis, runtime: str) -> Spread:
    """Return the interval of a runtime, else that of all."""
    found = [spread for spread in spreads if spread.basis == basis]
    return next((spread for spread in found if spread.runtime == runtime), found[0])


def _basis(table: Table, point: Point) -> Basis:
    seen = table.seen
    if point.runtime not in seen.runtimes:
        return "runtime"
    if point.device not in seen.devices:
        return "device"
    if point.device in seen.own or all(one.setup != point.setup for one in table.coefficients.setups):
        return "pair"
    architectures = {model.partition(":")[0] for model in seen.models}
    return "model" if point.architecture in architectures else "architecture"


def _outside(seen: Seen, asked: Asked, shares: Sequence[float]) -> Iterator[str]:
    """Yield what was asked for and not fitted, in words."""
    runtime, known = asked.runtime, asked.runtime in seen.runtimes
    threads, counts = seen.threads.get(runtime, (asked.threads, asked.threads)), seen.mult_adds
    elsewhere = not counts[0] <= asked.mult_adds <= counts[1]
    beyond = {
        f"no latency of {runtime} was fitted: taken as all runtimes together": not known,
        f"{runtime} was not fitted in {asked.precision}": known and (runtime, asked.precision) not in seen.precisions,
        f"no latency on {asked.device} was fitted: it is as good as its description": asked.device not in seen.devices,
        f"{runtime} was not fitted on {asked.device}": known
        and asked.device in seen.devices
        and (asked.device, runtime) not in seen.pairs,
        "one image a call was fitted, no batches": asked.batch > 1,
        f"{runtime} was fitted with {_between(*threads)} threads": not threads[0] <= asked.threads <= threads[1],
        f"{asked.mult_adds:,} mult-adds: fitted were {_between(*counts)}": elsewhere,
    }
    yield from (reason for reason, holds in beyond.items() if holds)
    for kind, share, largest in zip(KINDS, shares, seen.shares, strict=True):
        if share > largest + _ROOM:
            yield f"{share:.0%} of it is {kind.replace('_', ' ')}: at most {largest:.0%} was where it was fitted"


def _between(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _point(asked: Asked) -> Point:
    return Point(
        device=asked.device,
        runtime=asked.runtime,
        precision=asked.precision,
        threads=asked.threads,
        model=asked.model,
        mult_adds=asked.mult_adds,
        workload=asked.workload,
        latency_s=math.nan,
    )


def merged(before: tuple[Any, ...], more: Iterable[Any]) -> tuple[Any, ...]:
    """Return what was there, then what is new, each once."""
    return tuple(dict.fromkeys((*before, *more)))


def threads_of(points: Sequence[Point], before: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Return the fewest and the most threads of each runtime, those before included."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for point in points:
        found[point.runtime] += [point.threads, *before.get(point.runtime, ())]
    return {runtime: (min(counts), max(counts)) for runtime, counts in sorted(found.items())}
