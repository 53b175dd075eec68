"""How well what is counted explains what is measured: least squares of log latency on the logarithms of quantities.

Nothing here is a claim or a verdict. A fit across families compares all networks of a place; one within families gives
each family its own constant, and so compares networks with their own kind alone.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

from edgebench.judge.places import Measurements, Place
from edgebench.judge.published import Arithmetic
from edgebench.store.published import Processor

Quantity = Literal["mult-adds", "activations", "bytes"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
_ALONE: tuple[tuple[Quantity, ...], ...] = tuple((quantity,) for quantity in QUANTITIES)

LEAST_FREEDOM = 4
"""Networks that a fit must have beyond its coefficients: with fewer, what is left over says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is counted of a network for one input: mult-adds, values written, bytes of weights and of activations."""

    family: str
    mult_adds: int
    activations: int
    weight_bytes: int
    activation_bytes: int  # read and written

    def of(self, quantity: Quantity, batch: int) -> float:
        """Return a quantity of one call; the weights are read once for all inputs of a batch."""
        if quantity == "bytes":
            return self.weight_bytes + batch * self.activation_bytes
        return batch * (self.mult_adds if quantity == "mult-adds" else self.activations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One regression. `r2` is the share of the variance of log latency that it explains.

    `residual` is the standard deviation of what is left over, as a factor: two of three networks lie within it of the
    line. Within families `r2` is of the variance that is left inside them. `slopes` are one a quantity.
    """

    by: tuple[Quantity, ...]
    within: bool
    networks: int
    families: int
    r2: float
    residual: float
    slopes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The fits of one place: each quantity alone and all together, across families and within."""

    place: Place
    fits: tuple[Fit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One fit over many boards: the middle one, and the range. `best`: on so many no other quantity explains more.

    Boards that are not described well enough to be judged are pooled by themselves.
    """

    judged: bool
    processor: Processor
    arithmetic: Arithmetic
    by: tuple[Quantity, ...]
    within: bool
    boards: int
    networks: float
    r2: float
    r2_low: float
    r2_high: float
    residual: float
    best: int | None  # None of all quantities together


def explained(measured: Iterable[Measurements], counts: Mapping[str, Counts]) -> tuple[Explained, ...]:
    """Return the fits of each place where enough networks were measured."""
    found = (Explained(place=one.place, fits=tuple(_fits(one, counts))) for one in measured)
    return tuple(one for one in found if one.fits)


def _fits(measured: Measurements, counts: Mapping[str, Counts]) -> Iterator[Fit]:
    known = {model: latency_s for model, latency_s in measured.latency_s.items() if model in counts}
    for within in (False, True):
        for by in (*_ALONE, QUANTITIES):
            rows = [
                (counts[model].family, latency_s, [counts[model].of(quantity, measured.place.batch) for quantity in by])
                for model, latency_s in known.items()
            ]
            found = fit(rows, by, within=within)
            if found is not None:
                yield found


def fit(
    rows: Sequence[tuple[str, float, Sequence[float]]], by: tuple[Quantity, ...], *, within: bool = False
) -> Fit | None:
    """Return the least-squares fit of networks given as family, latency and quantities; None for too few of them.

    >>> cubes = [("a", float(x**3), [float(x)]) for x in range(1, 8)]
    >>> found = fit(cubes, ("mult-adds",))
    >>> round(found.r2, 9), round(found.residual, 9), round(found.slopes[0], 9)
    (1.0, 1.0, 3.0)
    """
    import numpy as np

    groups: defaultdict[str, list[list[float]]] = defaultdict(list)
    for family, latency_s, quantities in rows:
        groups[family if within else ""].append([latency_s, *quantities])
    kept = [np.log(members) for members in groups.values() if len(members) > 1]
    networks = sum(map(len, kept))
    freedom = networks - len(kept) - len(by)
    if freedom < LEAST_FREEDOM:
        return None
    centred = np.concatenate([members - members.mean(axis=0) for members in kept])
    latency, regressors = centred[:, 0], centred[:, 1:]
    slopes, _, rank, _ = np.linalg.lstsq(regressors, latency, rcond=None)
    total, left = float(latency @ latency), latency - regressors @ slopes
    if rank < len(by) or total == 0:
        return None
    return Fit(
        by=by,
        within=within,
        networks=networks,
        families=len(kept) if within else len({family for family, *_ in rows}),
        r2=1 - float(left @ left) / total,
        residual=math.exp(math.sqrt(float(left @ left) / freedom)),
        slopes=tuple(float(slope) for slope in slopes),
    )


def pooled(found: Iterable[Explained]) -> tuple[Pooled, ...]:
    """Return the fits of published boards, one a board and runtime, pooled by kind of processor and arithmetic."""
    groups: defaultdict[tuple[bool, Processor, Arithmetic], list[Explained]] = defaultdict(list)
    for one in found:
        if one.place.chosen and not one.place.own:
            groups[not one.place.judged, one.place.processor, one.place.arithmetic].append(one)
    return tuple(
        summary
        for key in sorted(groups)
        for within in (False, True)
        for by in (*_ALONE, QUANTITIES)
        if (summary := _pooled(groups[key], by, within=within)) is not None
    )


def _pooled(places: Sequence[Explained], by: tuple[Quantity, ...], *, within: bool) -> Pooled | None:
    fits = [(one, found) for one in places for found in one.fits if found.by == by and found.within == within]
    if not fits:
        return None
    r2 = [found.r2 for _, found in fits]
    return Pooled(
        judged=fits[0][0].place.judged,
        processor=fits[0][0].place.processor,
        arithmetic=fits[0][0].place.arithmetic,
        by=by,
        within=within,
        boards=len(fits),
        networks=median(found.networks for _, found in fits),
        r2=median(r2),
        r2_low=min(r2),
        r2_high=max(r2),
        residual=median(found.residual for _, found in fits),
        best=sum(best(one, within=within) == by for one, _ in fits) if len(by) == 1 else None,
    )


def best(one: Explained, *, within: bool) -> tuple[Quantity, ...] | None:
    """Return the quantity that alone explains most at a place, None where none was fitted."""
    alone = [found for found in one.fits if found.within == within and len(found.by) == 1]
    return max(alone, key=lambda found: found.r2).by if alone else None
