"""What explains latency, and the front of accuracy against it: published measurements and runs, with their counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgebench import architectures
from edgebench.analysis.cost import Cost
from edgebench.api.claims import accuracies
from edgebench.api.claims.evidence import PUBLISHED, runs
from edgebench.api.counting import count
from edgebench.judge import explaining, fronts, places
from edgebench.judge.explaining import Counts, Explained
from edgebench.judge.fronts import Front
from edgebench.judge.places import Measurements
from edgebench.store import published as latencies

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
    own = (row for setting in runs(given) for row, _ in setting.trials.values())
    return explanation((*places.published(rows), *places.measured(own)))


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
