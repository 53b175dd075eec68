"""What explains latency, and the front of accuracy against it: published measurements and runs, with their counts."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from edgebench import architectures
from edgebench.analysis.cost import Cost
from edgebench.api.claims import accuracies
from edgebench.api.claims.evidence import PUBLISHED, runs
from edgebench.api.claims.settings import Setting
from edgebench.api.counting import count
from edgebench.judge import explaining, fronts, places
from edgebench.judge.explaining import Counts, Explained
from edgebench.judge.fronts import Front
from edgebench.judge.places import Measurements, Place
from edgebench.judge.trust import FORBIDDING
from edgebench.store import published as latencies
from edgebench.store.rows import TrialRow

_VALUE_BYTES = 4  # of the graphs that are counted, which are in single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains latency at each place, and the fronts there."""

    explained: tuple[Explained, ...]
    fronts: tuple[Front, ...]


def explain(evidence: Iterable[str | Path] = (PUBLISHED,)) -> Explanation:
    """Return what explains latency in published measurements, run folders, or folders of such, and the fronts there."""
    given = tuple(evidence)
    rows = latencies.read().rows if PUBLISHED in given else ()
    return explanation((*places.published(rows), *measured(runs(given))))


def explanation(found: Iterable[Measurements]) -> Explanation:
    """Return the fits and fronts of these places; only what one of them needs is counted."""
    wanted = tuple(one for one in found if len(one.latency_s) >= fronts.LEAST_NETWORKS)
    counts = _counts({model: None for one in wanted for model in one.latency_s})
    return Explanation(
        explained=explaining.explained(wanted, counts),
        fronts=fronts.fronts(
            wanted, accuracies.accuracies(), {model: counted.mult_adds for model, counted in counts.items()}
        ),
    )


def measured(settings: Iterable[Setting]) -> Iterator[Measurements]:
    """Yield what runs measured at each place: networks of all sessions together, as no ratio is taken of them.

    A network that several sessions measured stands with the geometric mean. Layers by themselves, and figures of
    something else than was asked for, are left out.
    """
    found: defaultdict[Place, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for setting in settings:
        for model, (row, _) in setting.trials.items():
            if row.latency_p50_s is not None and not model.startswith("layer:") and not _forbidden(row):
                found[_place(setting)][model].append(row.latency_p50_s)
    for place, networks in found.items():
        yield Measurements(
            place=place,
            latency_s={model: math.exp(fmean(map(math.log, times))) for model, times in networks.items()},
        )


def _forbidden(row: TrialRow) -> bool:
    return any(flag in FORBIDDING or flag.startswith("invalid_") for flag in row.flags.split())


def _place(setting: Setting) -> Place:
    return Place(
        source=places.RUNS,
        board=setting.unit,
        runtime=setting.backend,
        version=None,
        processor=setting.processor,
        arithmetic="integer" if setting.precision.startswith("int") else "float",
        precision=setting.precision,
        threads=setting.threads,
        batch=setting.batch,
        settings=None,
        chosen=True,
        judged=True,
    )


def _counts(models: Iterable[str]) -> dict[str, Counts]:
    """Return what is counted of each network; a user's own is left out, for a run's journal is no reason to run it."""
    own = set(architectures.names())
    families = {model: model.partition(":")[0] for model in models}
    counted = {model: _counted(family, count(model).cost) for model, family in families.items() if family in own}
    return {model: counts for model, counts in counted.items() if counts is not None}


def _counted(family: str, cost: Cost) -> Counts | None:
    if cost.memory is None:
        return None
    return Counts(
        family=family,
        mult_adds=cost.mult_adds,
        activations=cost.memory.activation_written_bytes // _VALUE_BYTES,
        weight_bytes=cost.memory.moved_weight_bytes,
        activation_bytes=cost.memory.activation_read_bytes + cost.memory.activation_written_bytes,
    )
