"""The front of accuracy against cost: networks that none other beats in both, by mult-adds and by latency.

Accuracy is what the papers print: nothing is trained here, so the latency alone is measured.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgebench.judge.places import Measurements, Place
from edgebench.store.published import Processor

LEAST_NETWORKS = 5
"""With fewer networks at a place there is no front worth the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """A printed top-1 accuracy on ImageNet in per cent, and who prints it."""

    top1: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network at a place, and whether it is on either front there."""

    model: str
    accuracy: Accuracy
    mult_adds: int
    latency_s: float
    by_mult_adds: bool
    by_latency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The networks of one place, those of fewest mult-adds first."""

    place: Place
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """On how many boards of one kind of processor a network is on either front, of those where it was measured."""

    processor: Processor
    model: str
    accuracy: Accuracy
    mult_adds: int
    boards: int
    by_mult_adds: int
    by_latency: int


def front(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Tell of each point, a cost and an accuracy, whether no other costs as little and is as accurate, or better.

    >>> front([(1.0, 60.0), (2.0, 70.0), (3.0, 65.0)])
    (True, True, False)
    """
    return tuple(
        not any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points) for one in points
    )


def fronts(
    measured: Iterable[Measurements], accuracies: Mapping[str, Accuracy], mult_adds: Mapping[str, int]
) -> tuple[Front, ...]:
    """Return the front of each board and runtime that can be judged; what is printed is not of integers."""
    return tuple(
        found
        for one in measured
        if one.place.chosen and one.place.judged and one.place.arithmetic == "float"
        if len((found := _front(one, accuracies, mult_adds)).networks) >= LEAST_NETWORKS
    )


def _front(measured: Measurements, accuracies: Mapping[str, Accuracy], mult_adds: Mapping[str, int]) -> Front:
    models = measured.latency_s.keys() & accuracies.keys() & mult_adds.keys()
    known = sorted(models, key=lambda model: (mult_adds[model], model))
    by_mult_adds = front([(mult_adds[model], accuracies[model].top1) for model in known])
    by_latency = front([(measured.latency_s[model], accuracies[model].top1) for model in known])
    return Front(
        place=measured.place,
        networks=tuple(
            Network(
                model=model,
                accuracy=accuracies[model],
                mult_adds=mult_adds[model],
                latency_s=measured.latency_s[model],
                by_mult_adds=counted,
                by_latency=timed,
            )
            for model, counted, timed in zip(known, by_mult_adds, by_latency, strict=True)
        ),
    )


def standings(found: Iterable[Front]) -> tuple[Standing, ...]:
    """Return how networks stand over all published boards of a kind of processor."""
    seen: defaultdict[tuple[Processor, int, str], list[Network]] = defaultdict(list)
    for one in found:
        if not one.place.own:
            for network in one.networks:
                seen[one.place.processor, network.mult_adds, network.model].append(network)
    return tuple(
        Standing(
            processor=processor,
            model=model,
            accuracy=members[0].accuracy,
            mult_adds=mult_adds,
            boards=len(members),
            by_mult_adds=sum(network.by_mult_adds for network in members),
            by_latency=sum(network.by_latency for network in members),
        )
        for (processor, mult_adds, model), members in sorted(seen.items())
    )
