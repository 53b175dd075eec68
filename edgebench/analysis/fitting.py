"""Fit how far runtimes stay behind the hardware, kind by kind: nonlinear least squares with priors, by scipy.

The model: latency is the sum over kinds of the seconds of `edgebench.analysis.workload`, each multiplied by the
exponential of a sum of terms (of the runtime, the precision, the threads, the device), times one factor a set-up. Every
term has a normal prior around zero, so that what few rows tell stays close to what all rows tell. Residuals are
logarithms of ratios, and large ones weigh less (soft L1): some published rows are wrong.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebench.analysis.workload import KINDS
from edgebench.devices.records import Precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TermName = Literal["all", "precision", "runtime", "runtime and precision", "threads", "runtime and threads", "device"]
Setup = tuple[str, str, Precision, int]

PRIOR_SD: Mapping[TermName, float] = {  # of the logarithm of a factor; chosen before held-out rows were looked at
    "all": 2.0,
    "precision": 0.7,
    "runtime": 0.5,
    "runtime and precision": 0.4,
    "threads": 0.4,  # for each doubling
    "runtime and threads": 0.2,
    "device": 0.25,
}
SETUP_SD = 0.3
OWN_SETUP_SD = 1.0
"""Of a set-up that own runs bring: how good the peak of a probe is, nothing that was fitted tells."""

NOISE_SD = 0.12
"""A row against its repetition on another board of its kind, median (1.14x, docs/prediction_fit.md)."""

FIRST_GUESS = 1.0  # kinds take e times the hardware's best

_STRICT: Any = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One latency with what it depends on; `workload` in the order of KINDS."""

    device: str
    runtime: str
    precision: Precision
    threads: int
    model: str
    mult_adds: int
    workload: tuple[float, ...]
    latency_s: float

    @property
    def setup(self) -> Setup:
        """What shares a factor of its own."""
        return self.device, self.runtime, self.precision, self.threads

    @property
    def architecture(self) -> str:
        """The name of the model before its parameters."""
        return self.model.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What multiplies the kinds' seconds under a condition: logarithms of factors, in the order of KINDS."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    name: TermName
    of: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFactor:
    """The logarithm of what multiplies all latencies of a set-up."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    device: str
    runtime: str
    precision: Precision
    threads: int
    value: float

    @property
    def setup(self) -> Setup:
        """Whose factor it is."""
        return self.device, self.runtime, self.precision, self.threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """All that a fit found."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    terms: tuple[Term, ...]
    setups: tuple[SetupFactor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """The matrices of one fit: n rows, p free terms, k kinds, s free set-ups.

    log latency = logsumexp over kinds(offset + terms @ b + log_seconds) + setups @ f + shift.
    """

    terms: "Floats"  # [n, p]
    setups: "Floats"  # [n, s]
    offset: "Floats"  # [n, k] with the logarithms of the seconds
    log_latency: "Floats"  # [n]
    means: "Floats"  # [p, k]
    sds: "Floats"  # [p]
    setup_means: "Floats"  # [s]
    setup_sds: "Floats"  # [s]

    def latency(self, values: "Floats") -> "tuple[Floats, Floats]":
        """Return the logarithms of the latencies, and the kinds' shares of them, [n, k]."""
        import numpy as np

        size = self.means.size
        exponents = self.offset + self.terms @ values[:size].reshape(self.means.shape)
        highest = exponents.max(axis=1, keepdims=True)
        parts = np.exp(exponents - highest)
        total = parts.sum(axis=1, keepdims=True)
        return (highest + np.log(total))[:, 0] + self.setups @ values[size:], parts / total

    def residuals(self, values: "Floats") -> "Floats":
        """Return the rows' residuals, then the priors', in standard deviations."""
        import numpy as np

        size = self.means.size
        rows = (self.latency(values)[0] - self.log_latency) / NOISE_SD
        terms = (values[:size].reshape(self.means.shape) - self.means) / self.sds[:, None]
        return np.concatenate([rows, terms.ravel(), (values[size:] - self.setup_means) / self.setup_sds])

    def jacobian(self, values: "Floats") -> "Floats":
        """Return the derivatives of the residuals."""
        import numpy as np

        rows, size, kinds = len(self.log_latency), self.means.size, self.means.shape[1]
        _, shares = self.latency(values)
        by_term = (self.terms[:, :, None] * shares[:, None, :]).reshape(rows, size)
        priors = np.concatenate([np.repeat(1 / self.sds, kinds), 1 / self.setup_sds])
        return np.vstack([np.hstack([by_term, self.setups]) / NOISE_SD, np.diag(priors)])

    def loss(self, squares: "Floats") -> "Floats":
        """Return soft L1 of the rows and squares of the priors, each with two derivatives, as scipy asks for it."""
        import numpy as np

        rows = len(self.log_latency)
        found = np.vstack([squares, np.ones_like(squares), np.zeros_like(squares)])
        outside = 1 + squares[:rows]
        found[:, :rows] = 2 * (np.sqrt(outside) - 1), outside**-0.5, -0.5 * outside**-1.5
        return found


def fit(
    points: Sequence[Point], known: Coefficients | None = None, *, start: Coefficients | None = None
) -> Coefficients:
    """Return the coefficients that fit the points best.

    With `known`, only devices and set-ups of the points move, from where they were: that is how own runs adapt a table.
    `start` is where to begin; it does not change what is found, only how soon.
    """
    names = tuple(PRIOR_SD) if known is None else ("device",)
    columns = list(dict.fromkeys((name, of) for point in points for name, of, _ in factors(point) if name in names))
    setups = list(dict.fromkeys(point.setup for point in points))
    problem = _problem(points, columns, setups, known)
    begin = _beginning(problem, columns, setups, start or known)
    found = _solved(problem, begin)
    values = found[: problem.means.size].reshape(problem.means.shape)
    terms = {column: tuple(map(float, row)) for column, row in zip(columns, values, strict=True)}
    shifts = dict(zip(setups, map(float, found[problem.means.size :]), strict=True))
    if known is not None:
        terms = {**{(term.name, term.of): term.values for term in known.terms}, **terms}
        shifts = {**{one.setup: one.value for one in known.setups}, **shifts}
    return Coefficients(
        terms=tuple(Term(name=name, of=of, values=row) for (name, of), row in terms.items()),
        setups=tuple(
            SetupFactor(device=device, runtime=runtime, precision=precision, threads=threads, value=value)
            for (device, runtime, precision, threads), value in shifts.items()
        ),
    )


def _solved(problem: _Problem, begin: "Floats") -> "Floats":
    """Return the values of the smallest loss; by another solver where LAPACK's SVD does not converge, which happens."""
    import numpy as np
    from scipy.optimize import least_squares

    settings: dict[str, Any] = {"loss": problem.loss, "ftol": 1e-5, "xtol": 1e-5, "gtol": 1e-6, "max_nfev": 100}
    try:
        found: Any = least_squares(problem.residuals, begin, problem.jacobian, tr_solver="exact", **settings)
    except np.linalg.LinAlgError:
        found = least_squares(problem.residuals, begin, problem.jacobian, tr_solver="lsmr", **settings)
    values: Floats = found.x
    return values


def factors(point: Point) -> tuple[tuple[TermName, str, float], ...]:
    """Return the terms that a point has, each with what it is multiplied by."""
    doublings = math.log2(point.threads)
    return (
        ("all", "", 1.0),
        ("precision", point.precision, 1.0),
        ("runtime", point.runtime, 1.0),
        ("runtime and precision", f"{point.runtime} {point.precision}", 1.0),
        ("threads", "", doublings),
        ("runtime and threads", point.runtime, doublings),
        ("device", point.device, 1.0),
    )


def predicted(coefficients: Coefficients, point: Point) -> tuple[float, tuple[float, ...]]:
    """Return the latency of a point in seconds, its own latency unseen, and the share of each kind in it.

    A term that was not fitted is left out: the runtime is then like all, the device as good as its description.
    """
    values = {(term.name, term.of): term.values for term in coefficients.terms}
    used = [(weight, values[name, of]) for name, of, weight in factors(point) if (name, of) in values]
    parts = [
        seconds * math.exp(sum(weight * value[kind] for weight, value in used))
        for kind, seconds in enumerate(point.workload)
    ]
    shift = next((one.value for one in coefficients.setups if one.setup == point.setup), 0.0)
    total = math.fsum(parts)
    return total * math.exp(shift), tuple(part / total for part in parts)


def held_out(
    points: Sequence[Point], fold: Callable[[Point], Hashable], telling: Sequence[Point] | None = None
) -> list[float]:
    """Return measured by predicted latency of each telling point, by a fit that saw no point of the same fold.

    Points tell without being asked; where some alone do, only these are predicted, and all others are fitted.
    """
    asked = points if telling is None else telling
    whole = fit(points)
    fitted = {
        one: fit([point for point in points if fold(point) != one], start=whole)
        for one in dict.fromkeys(map(fold, asked))
    }
    return [point.latency_s / predicted(fitted[fold(point)], point)[0] for point in asked]


def _problem(
    points: Sequence[Point],
    columns: Sequence[tuple[TermName, str]],
    setups: Sequence[Setup],
    known: Coefficients | None,
) -> _Problem:
    import numpy as np

    before = {} if known is None else {(term.name, term.of): term.values for term in known.terms}
    shifts = {} if known is None else {one.setup: one.value for one in known.setups}
    place = {column: index for index, column in enumerate(columns)}
    terms = np.zeros((len(points), len(columns)))
    with np.errstate(divide="ignore"):  # a kind that a network lacks takes no time: its logarithm is -inf
        offset = np.log(np.array([point.workload for point in points]))
    for row, point in enumerate(points):
        for name, of, weight in factors(point):
            if (name, of) in place:
                terms[row, place[name, of]] = weight
            elif (name, of) in before:
                offset[row] += weight * np.array(before[name, of])
    return _Problem(
        terms=terms,
        setups=np.array([[float(point.setup == setup) for setup in setups] for point in points]),
        offset=offset,
        log_latency=np.log([point.latency_s for point in points]),
        means=np.array([before.get(column, _guess(column[0])) for column in columns]),
        sds=np.array([PRIOR_SD[name] for name, _ in columns]),
        setup_means=np.array([shifts.get(setup, 0.0) for setup in setups]),
        setup_sds=np.array([SETUP_SD if known is None or setup in shifts else OWN_SETUP_SD for setup in setups]),
    )


def _beginning(
    problem: _Problem, columns: Sequence[tuple[TermName, str]], setups: Sequence[Setup], start: Coefficients | None
) -> "Floats":
    """Return where a fit begins: where another ended, at the priors' means for what that one did not have."""
    import numpy as np

    terms = {} if start is None else {(term.name, term.of): term.values for term in start.terms}
    shifts = {} if start is None else {one.setup: one.value for one in start.setups}
    rows = [terms.get(column, mean) for column, mean in zip(columns, problem.means, strict=True)]
    factors = [shifts.get(setup, mean) for setup, mean in zip(setups, problem.setup_means, strict=True)]
    return np.concatenate([np.array(rows).ravel(), np.array(factors)])


def _guess(name: TermName) -> tuple[float, ...]:
    return (FIRST_GUESS if name == "all" else 0.0,) * len(KINDS)
