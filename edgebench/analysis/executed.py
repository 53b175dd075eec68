"""What a processor really executes for one inference, beside what the network costs on paper."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from edgebench.analysis.cost import Cost, LayerCost, layer_kind
from edgebench.board.regions import Layer
from edgebench.board.wire import STRICT
from edgebench.errors import UsageError
from edgebench.standin.counter import regions
from edgebench.standin.counter.regions import Part, Region
from edgebench.standin.counter.tally import Tally, tally

SCHEMA: Literal[1] = 1
"""Version of `Executed` in files; another one is refused."""

OUTSIDE = "between layers"
"""The kind of what ran outside all layers: the call itself, copies of inputs and outputs."""

_SAME = 0.01  # lanes and mult-adds that differ by less need no explanation
_LEAST = 0.0005  # what adds less explains nothing
_UNITS = (4, 8, 16)  # channels or pixels that kernels compute at once, in fp32 on 128-bit vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class KindExecuted:
    """What all layers of a kind executed together; `mult_adds` are None where the runtime does not tell their sizes."""

    __pydantic_config__: ClassVar[Any] = STRICT

    kind: str
    layers: int
    mult_adds: int | None
    tally: Tally

    @property
    def lanes_per_mult_add(self) -> float | None:
        """Multiplications in multiply-add instructions for each mult-add on paper."""
        return self.tally.multiply_add_lanes / self.mult_adds if self.mult_adds else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """One steady inference of a model in a runtime on an emulated core, counted.

    `cpu` is QEMU's name of the core; `elsewhere` are instructions of other threads than the one that called; `again`
    holds the totals of further inferences of the same process; `kinds` is None where it was not asked for or the
    runtime's layers cannot be told apart. They come from an inference of their own.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    batch: int
    device: str
    cpu: str
    backend: str
    runtime_version: str
    precision: str
    parity_max_abs_diff: float
    parity_scale: float
    mult_adds: int
    tally: Tally
    elsewhere: int
    again: tuple[int, ...] = ()
    kinds: tuple[KindExecuted, ...] | None = None
    edgebench_version: str
    schema: Literal[1] = SCHEMA

    @property
    def parity(self) -> float:
        """How far the outputs lie from the reference, as a share of their scale."""
        return self.parity_max_abs_diff / self.parity_scale if self.parity_scale else self.parity_max_abs_diff

    @property
    def instructions_per_mult_add(self) -> float:
        """All instructions for each mult-add on paper."""
        return self.tally.total / self.mult_adds

    @property
    def lanes_per_mult_add(self) -> float:
        """Multiplications in multiply-add instructions for each mult-add on paper."""
        return self.tally.multiply_add_lanes / self.mult_adds


def by_kind(layers: Sequence[Layer], region: Region, *, clocked: bool) -> tuple[KindExecuted, ...]:
    """Return what each kind of layer executed, the one with the most instructions first.

    `clocked`: parts ended where a clock was read, so layers have to be found among them (`found_by_clock`). Raise
    UsageError when the parts do not fit the layers.
    """
    places = found_by_clock(region, len(layers)) if clocked else [layer.part for layer in layers]
    if places and max(places) >= len(region):
        raise UsageError(f"The runtime told of {len(layers)} layers: {len(region)} parts of a region do not hold them.")
    members: dict[str, list[tuple[Layer | None, Part]]] = {}
    for layer, place in zip(layers, places, strict=True):
        part = region[place] if layer.less is None else _without(region[place], region[layer.less])
        members.setdefault(kind_of(layer), []).append((layer, part))
    used = {*places, *(layer.less for layer in layers)}
    rest = [part for place, part in enumerate(region) if place not in used]
    kinds = [_kind(kind, found) for kind, found in members.items()]
    outside = KindExecuted(kind=OUTSIDE, layers=0, mult_adds=None, tally=tally(regions.merged(rest).words))
    return (*sorted(kinds, key=lambda one: -one.tally.total), outside)


def found_by_clock(region: Region, layers: int) -> list[int]:
    """Return the places of the parts that are layers, where a clock was read before and after each.

    Every other part is one, from the place on that leaves the fewest multiplications outside, or else the fewest
    instructions. Raise UsageError when there are too few parts.
    """
    starts = range(len(region) - 2 * (layers - 1))
    if not layers or not starts:
        raise UsageError(f"The runtime told of {layers} layers and read a clock {len(region) - 1} times.")
    tallies = [tally(part.words) for part in region]

    def inside(start: int) -> tuple[int, int]:
        chosen = tallies[start : start + 2 * layers : 2]
        return sum(one.multiply_add_lanes for one in chosen), sum(one.total for one in chosen)

    best = max(starts, key=inside)
    return list(range(best, best + 2 * layers, 2))


def kind_of(layer: Layer) -> str:
    """Return what a layer is called in tables, as `analysis.cost.LayerCost.kind`, else the runtime's own word.

    >>> kind_of(Layer(name="a", operation="Conv", part=0, weight=(64, 1, 3, 3), in_channels=64, positions=1))
    'conv_dw_3x3'
    """
    if len(layer.weight) == 4 and layer.in_channels:
        kernel = (layer.weight[2], layer.weight[3])
        return layer_kind(kernel, max(1, layer.in_channels // layer.weight[1]), layer.in_channels)
    return "fc" if layer.weight else layer.operation


def explanations(found: Executed, cost: Cost) -> tuple[str, ...]:
    """Return sentences on why lanes and mult-adds differ; none where they do not.

    With kinds of layers it is told of each by itself; where the sizes of their layers are not known, of the whole.
    """
    kinds = [one for one in found.kinds or () if one.mult_adds]
    known = sum(one.mult_adds or 0 for one in kinds)
    if known < (1 - _SAME) * found.mult_adds:
        told = _explained(found.tally, found.mult_adds, cost.layers)
        return () if told is None else (told,)
    sentences = []
    for one in kinds:
        assert one.mult_adds is not None, "those without are left out above"
        told = _explained(one.tally, one.mult_adds, [layer for layer in cost.layers if layer.kind == one.kind])
        if told is not None:
            sentences.append(f"{one.kind}: {told}")
    return tuple(sentences)


def _explained(tally: Tally, mult_adds: int, layers: Sequence[LayerCost]) -> str | None:
    ratio = tally.multiply_add_lanes / mult_adds
    if abs(ratio - 1) <= _SAME:
        return None
    if ratio > 1:
        return _more(ratio, layers)
    with_plain = (tally.multiply_add_lanes + tally.multiply_lanes) / mult_adds
    if abs(with_plain - 1) <= _SAME:
        told = f"{1 - ratio:.1%} of the multiplications are not fused with an addition"
        return f"{told}: with them {with_plain:.4f} a mult-add"
    return _fewer(ratio, layers)


def _fewer(ratio: float, layers: Sequence[LayerCost]) -> str:
    """Return which transforms that save multiplications fit the layers, and how much of them each works on."""
    shares = {transform: _weighted(layers, works_on) for transform, works_on in _TRANSFORMS.items()}
    fitting = [f"{transform} works on {share:.0%} of the mult-adds" for transform, share in shares.items() if share]
    told = f"{1 - ratio:.1%} fewer multiplications than mult-adds"
    if not fitting:
        return f"{told}: borders of zeros that are skipped, or products that are not fused"
    return f"{told}, as a transform saves them: {'; '.join(fitting)}"


def _winograd(layer: LayerCost) -> float:
    height, width = layer.kernel
    return height == width > 1 and layer.stride == (1, 1) and layer.groups == 1


def _strassen(layer: LayerCost) -> float:
    return layer.kernel == (1, 1) and layer.groups == 1


_TRANSFORMS: dict[str, Callable[[LayerCost], float]] = {
    # Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016), section 4: (m + r - 1)^2 / (m r)^2
    "Winograd's F(m x m, r x r), which leaves ((m + r - 1) / (m r))^2 of them,": _winograd,
    "Strassen's product of matrices, which leaves 7/8 each time,": _strassen,
}


def _more(ratio: float, layers: Sequence[LayerCost]) -> str:
    """Return what filling up vectors would add, by what is filled up to multiples of what."""
    told = f"{ratio - 1:.1%} more multiplications than mult-adds"
    added = {
        f"{what} to multiples of {unit}": _weighted(layers, partial(filled, unit)) - 1
        for what, filled in (("channels", _by_channels), ("pixels", _by_pixels))
        for unit in _UNITS
    }
    fitting = [f"{what} {share:.1%}" for what, share in added.items() if share > _LEAST]
    if not fitting:
        return f"{told}: multiply-adds elsewhere, in activations or transforms"
    return f"{told}: filling up {', '.join(fitting)} would add; the rest are multiply-adds elsewhere"


def _by_channels(unit: int, layer: LayerCost) -> float:
    return _fill(layer.out_channels, unit)


def _by_pixels(unit: int, layer: LayerCost) -> float:
    return _fill(layer.out_h * layer.out_w, unit) if layer.out_h * layer.out_w > 1 else 1.0


def _fill(number: int, unit: int) -> float:
    """Return how many times as many there are when a number is filled up to a multiple.

    >>> _fill(3, 4), _fill(8, 4)
    (1.3333333333333333, 1.0)
    """
    return math.ceil(number / unit) * unit / number


def _weighted(layers: Sequence[LayerCost], value: Callable[[LayerCost], float]) -> float:
    """Return the mean of a value over layers, each weighted by its mult-adds; 0 without any."""
    whole = sum(layer.mult_adds for layer in layers)
    return sum(layer.mult_adds * value(layer) for layer in layers) / whole if whole else 0.0


def _kind(kind: str, found: Iterable[tuple[Layer | None, Part]]) -> KindExecuted:
    pairs = list(found)
    sizes = [mult_adds(layer) for layer, _ in pairs if layer is not None]
    known = [size for size in sizes if size is not None]
    return KindExecuted(
        kind=kind,
        layers=len(pairs),
        mult_adds=sum(known) if known and len(known) == len(sizes) else None,
        tally=tally(regions.merged(part for _, part in pairs).words),
    )


def mult_adds(layer: Layer) -> int | None:
    """Return the mult-adds of a layer, None where the runtime does not tell its sizes."""
    return math.prod(layer.weight) * layer.positions if layer.weight and layer.positions else None


def _without(part: Part, other: Part) -> Part:
    """Return a part without what another executed too."""
    words: Mapping[int, int] = {word: count - other.words.get(word, 0) for word, count in part.words.items()}
    left = {word: count for word, count in words.items() if count > 0}
    return Part(words=left, elsewhere=max(0, part.elsewhere - other.elsewhere))
