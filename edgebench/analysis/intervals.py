"""Make the table of predictions: fit all points, and take intervals from those that a fit did not see."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from edgebench.analysis import fitting
from edgebench.analysis.fitting import Point
from edgebench.analysis.predict import VERSION, Basis, Seen, Spread, Table, merged, spread_of, threads_of
from edgebench.analysis.workload import KINDS

CONFIDENCE = 0.9
LEAST_ROWS = 20
"""With fewer held-out rows than this a runtime shares the interval of all runtimes."""

FOLDS: Mapping[Basis, Callable[[Point], Hashable]] = {
    "model": lambda point: point.model,
    "architecture": lambda point: point.architecture,
    "pair": lambda point: (point.device, point.runtime),
    "device": lambda point: point.device,
    "runtime": lambda point: point.runtime,
}
"""What is left out together, for an interval of what was not seen; from the closest to the farthest."""


def table(points: Sequence[Point], spreads: Iterable[Spread]) -> Table:
    """Return the table that fits the points, with intervals from held-out rows."""
    coefficients = fitting.fit(points)
    shares = [fitting.predicted(coefficients, point)[1] for point in points]
    counts = [point.mult_adds for point in points]
    seen = Seen(
        rows=len(points),
        models=merged((), sorted(point.model for point in points)),
        devices=merged((), sorted(point.device for point in points)),
        runtimes=merged((), sorted(point.runtime for point in points)),
        pairs=merged((), sorted((point.device, point.runtime) for point in points)),
        precisions=merged((), sorted((point.runtime, str(point.precision)) for point in points)),
        threads=threads_of(points, {}),
        mult_adds=(min(counts), max(counts)),
        shares=tuple(max(kind) for kind in zip(*shares, strict=True)),
    )
    return Table(version=VERSION, kinds=KINDS, coefficients=coefficients, spreads=tuple(spreads), seen=seen)


def telling(points: Sequence[Point], basis: Basis) -> list[Point]:
    """Return the points that tell how far predictions go astray when a fold of this basis is left out.

    A device tells nothing where its runtime ran nowhere else, nor a pair where its device or its runtime has no other.
    """
    devices: defaultdict[str, set[str]] = defaultdict(set)
    runtimes: defaultdict[str, set[str]] = defaultdict(set)
    for point in points:
        devices[point.runtime].add(point.device)
        runtimes[point.device].add(point.runtime)
    needs_device = basis in ("pair", "device")
    return [
        point
        for point in points
        if (len(devices[point.runtime]) > 1 or not needs_device)
        and (len(runtimes[point.device]) > 1 or basis != "pair")
    ]


def spreads(points: Sequence[Point], factors: Sequence[float], basis: Basis) -> Iterator[Spread]:
    """Yield the interval of all runtimes together, then of each with rows enough; `factors`: measured by predicted.

    Together, the variants of an architecture count as one: else a runtime of which a hundred of them were published
    would speak for one of which there are few.
    """
    yield _spread(points, factors, basis, None)
    for runtime in sorted({point.runtime for point in points}):
        chosen = [index for index, point in enumerate(points) if point.runtime == runtime]
        if len(chosen) >= LEAST_ROWS and basis in ("model", "architecture"):
            yield _spread([points[index] for index in chosen], [factors[index] for index in chosen], basis, runtime)


def covered(points: Sequence[Point], factors: Sequence[float], basis: Basis) -> float:
    """Return the share of held-out rows inside the interval that the rows of all other folds give."""
    fold = FOLDS[basis]
    folds: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, point in enumerate(points):
        folds[fold(point)].append(index)
    inside = 0
    for one, indices in folds.items():
        others = [index for index, point in enumerate(points) if fold(point) != one]
        known = tuple(spreads([points[index] for index in others], [factors[index] for index in others], basis))
        for index in indices:
            spread = spread_of(known, basis, points[index].runtime)
            inside += spread.low <= factors[index] <= spread.high
    return inside / len(points)


def _spread(points: Sequence[Point], factors: Sequence[float], basis: Basis, runtime: str | None) -> Spread:
    fold = FOLDS["architecture" if runtime is None and basis == "model" else basis]
    low, high = interval(factors, [fold(point) for point in points])
    return Spread(basis=basis, runtime=runtime, rows=len(points), low=low, high=high)


def interval(factors: Sequence[float], folds: Sequence[Hashable]) -> tuple[float, float]:
    """Return the factors between which a row of a new fold lies with 90 %.

    Rows of one fold resemble each other, so folds count, not rows: each has the same weight, and so has the new one,
    half of which may lie beyond either end (hierarchical conformal prediction). Where folds are too few for 90 %, the
    ends are the smallest and the largest factor.

    >>> interval([float(number) for number in range(1, 101)], range(100))
    (5.0, 96.0)
    >>> interval([1.0, 2.0, 3.0, 4.0], "aabb")
    (1.0, 4.0)
    """
    sizes = Counter(folds)
    share = 1 / (len(sizes) + 1)
    beyond = (1 - CONFIDENCE - share) / 2
    weighted = [(factor, share / sizes[fold]) for factor, fold in zip(factors, folds, strict=True)]
    return _end(sorted(weighted), beyond), _end(sorted(weighted, reverse=True), beyond)


def _end(weighted: Sequence[tuple[float, float]], beyond: float) -> float:
    """Return the first factor beyond which there is more weight than may be."""
    total = 0.0
    for factor, weight in weighted:
        total += weight
        if total > beyond:
            return factor
    raise ValueError("no rows: expected one at least")
