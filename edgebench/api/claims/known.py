"""What is published of boards, and what the bound predicts on those of them whose peak is known."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgebench.analysis.cost import Cost
from edgebench.api.counting import count
from edgebench.judge import expectations
from edgebench.judge.expectations import Expected
from edgebench.store import observations
from edgebench.store.observations import Observation
from edgebench.store.published import Published


@dataclass(slots=True, kw_only=True)
class Known:
    """Published measurements, and those of them on known hardware by model; what was counted is kept."""

    published: Published
    by_model: Mapping[str, tuple[Observation, ...]]
    costs: dict[str, Cost]
    made: dict[tuple[str, str], Expected | None] = field(default_factory=dict)

    def expected(self, subject: str, baseline: str) -> Expected | None:
        """Return what mult-adds and bounds predict of two models; None where no board of a known peak has both."""
        key = (subject, baseline)
        if subject == baseline or not (subject in self.by_model and baseline in self.by_model):
            return None
        if key not in self.made:
            self.costs |= {model: count(model).cost for model in key if model not in self.costs}
            rows = (*self.by_model[subject], *self.by_model[baseline])
            self.made[key] = expectations.pooled(expectations.of_published(rows, self.costs, subject, baseline))
        return self.made[key]


def known(published: Published, costs: Mapping[str, Cost]) -> Known:
    """Return what is published; `costs` are those of models that are counted already."""
    by_model: defaultdict[str, list[Observation]] = defaultdict(list)
    for one in observations.take(published).observations:
        by_model[one.model].append(one)
    return Known(
        published=published, by_model={model: tuple(rows) for model, rows in by_model.items()}, costs=dict(costs)
    )
