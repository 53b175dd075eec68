"""What a ratio of two models was expected to be, and what it is: by mult-adds, by the bound, as measured, side by side.

Mult-adds are what papers print. The bound knows how many of them the hardware does at once, Winograd's convolution and
the memory. What is left between the bound and the measurement is the runtime's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from edgebench.analysis import bound
from edgebench.analysis.cost import Cost
from edgebench.store.observations import Observation
from edgebench.store.rows import PairRow, TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Ratios of subject / baseline in one setting; `measured` has an interval where a run measured it.

    `rows` is how many published pairs `measured` and `bound` are the medians of, 1 of a run.
    """

    subject: str
    baseline: str
    setting: str
    rows: int
    mult_adds: float
    direct: float | None
    bound: float | None
    measured: float
    low: float | None = None
    high: float | None = None

    @property
    def nearest(self) -> str:
        """Return which expectation came nearest: "mult-adds", "direct" or "bound"."""
        named = {"mult-adds": self.mult_adds, "direct": self.direct, "bound": self.bound}
        known = {name: ratio for name, ratio in named.items() if ratio is not None}
        return min(known, key=lambda name: max(known[name] / self.measured, self.measured / known[name]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Median, lowest and highest ratio over settings."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was expected of two models, and what came of it, over all settings in which a bound is known.

    `nearest`: in how many of them the bound came nearest, before mult-adds and direct convolution.
    """

    settings: int
    mult_adds: float
    bound: Span
    measured: Span
    nearest: int


def pooled(found: Iterable[Expectation]) -> Expected | None:
    """Return what settings say together; None where no bound is known."""
    known = [one for one in found if one.bound is not None]
    if not known:
        return None
    return Expected(
        settings=len(known),
        mult_adds=known[0].mult_adds,
        bound=_span([one.bound for one in known if one.bound is not None]),
        measured=_span([one.measured for one in known]),
        nearest=sum(one.nearest == "bound" for one in known),
    )


def of_run(pairs: Iterable[PairRow], trials: Iterable[TrialRow]) -> Iterator[Expectation]:
    """Yield what was expected of each pair of models of a run; without bounds where no peak is known."""
    by_setting = {_setting(row): row for row in trials if not row.twin}
    for pair in pairs:
        if pair.by != "model" or pair.mult_adds_ratio is None or pair.latency_ratio is None:
            continue
        subject, baseline = (
            by_setting.get((pair.session, model, backend, pair.precision, pair.threads, pair.batch))
            for model, backend in (
                (pair.subject_model, pair.subject_backend),
                (pair.baseline_model, pair.baseline_backend),
            )
        )
        yield Expectation(
            subject=pair.subject_model,
            baseline=pair.baseline_model,
            setting=f"{pair.subject_backend} {pair.precision} x{pair.threads}",
            rows=1,
            mult_adds=pair.mult_adds_ratio,
            direct=_ratio(subject.direct_s, baseline.direct_s) if subject and baseline else None,
            bound=_ratio(subject.bound_s, baseline.bound_s) if subject and baseline else None,
            measured=pair.latency_ratio,
            low=pair.latency_ratio_low,
            high=pair.latency_ratio_high,
        )


def of_published(
    observations: Iterable[Observation], costs: Mapping[str, Cost], subject: str, baseline: str
) -> Iterator[Expectation]:
    """Yield what was expected of two models and what boards of each kind measured, by device, runtime and set-up.

    Where a kind has several boards, or a board several rows, the medians are compared.
    """
    found: defaultdict[tuple[str, ...], dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for one in observations:
        if one.model in (subject, baseline):
            setting = (one.device, one.runtime, str(one.precision), f"x{one.threads}")
            found[setting][one.model].append(one)
    for where, models in sorted(found.items()):
        if len(models) == 2:
            yield _published(models[subject], models[baseline], costs, " ".join(where))


def _published(
    above: list[Observation], below: list[Observation], costs: Mapping[str, Cost], setting: str
) -> Expectation:
    subject, baseline = costs[above[0].model], costs[below[0].model]
    limits = [
        bound.bound(costs[one.model], one.hardware, precision=one.precision, threads=one.threads)
        for one in (above[0], below[0])
    ]
    return Expectation(
        subject=above[0].model,
        baseline=below[0].model,
        setting=setting,
        rows=len(above) + len(below),
        mult_adds=subject.mult_adds / baseline.mult_adds,
        direct=limits[0].reference_s / limits[1].reference_s,
        bound=limits[0].lower_s / limits[1].lower_s,
        measured=median(one.latency_s for one in above) / median(one.latency_s for one in below),
    )


def _span(ratios: Sequence[float]) -> Span:
    return Span(median=median(ratios), low=min(ratios), high=max(ratios))


def _setting(row: TrialRow) -> tuple[str, str, str, str, int, int]:
    return row.session, row.model, row.backend, row.precision_asked, row.threads_asked, row.batch


def _ratio(subject: float | None, baseline: float | None) -> float | None:
    return None if subject is None or not baseline else subject / baseline
