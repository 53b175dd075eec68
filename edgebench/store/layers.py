"""Rows of layers.csv: what layers cost on paper, and how long they took where that was measured."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from edgebench.analysis.cost import LayerCost
from edgebench.analysis.parts import Joined, joined
from edgebench.board.wire import ByLayer, LayerTimes
from edgebench.store.records import Counted, Run
from edgebench.store.rows import LayerRow
from edgebench.untrusted import plain

OTHER = "other operations"
"""The kind under which all that is no layer is shown together."""

_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTime:
    """All layers of a kind in one trial: their share of the mult-adds, and of the time of all operations together.

    `layers` of the `layers_there` that the network has were found among the runtime's operations.
    """

    model: str
    trial: str
    source: str
    kind: str
    layers: int
    layers_there: int
    mult_adds_share: float
    time_s: float
    time_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    """What a trial adds to the row of a layer; the sum of all operations is the whole of which shares are.

    `apart_s` is the median of what all operations of a call took together: where something else has the processor now
    and then, that is more than the sum of their medians, as it is of whole calls.
    """

    session: str
    trial: str
    source: str
    sum_s: float
    apart_s: float | None
    whole_s: float | None


def rows(run: Run) -> Iterator[LayerRow]:
    """Yield each model's layers, then those of each trial that was timed layer by layer."""
    for counted in run.counted.values():
        for layer in counted.layers:
            yield _row(counted, layer)
    models = {trial.id: trial.model for trial in run.started.trials}
    for found in run.by_layer.values():
        counted_model = run.counted.get(models.get(found.trial, ""))
        if counted_model is not None and found.layers:
            yield from _timed(counted_model, found)


def kinds(rows: Iterable[LayerRow]) -> tuple[KindTime, ...]:
    """Return what the kinds of layers of each trial took, model by model, those with the most mult-adds first."""
    everything = list(rows)
    there: dict[tuple[str, str], list[LayerRow]] = {}
    together: dict[tuple[str, str, str], list[LayerRow]] = {}
    for row in everything:
        if row.trial is None:
            there.setdefault((row.model, row.kind), []).append(row)
        else:
            together.setdefault((row.model, _kind(row), row.trial), []).append(row)
    shares = {key: sum(row.mult_adds_share for row in members) for key, members in there.items()}
    models = list(dict.fromkeys(row.model for row in everything))
    order = sorted(together, key=lambda key: (models.index(key[0]), -shares.get(key[:2], 0.0), key[1] == OTHER, key[1]))
    return tuple(
        KindTime(
            model=model,
            trial=trial,
            source=str(together[model, kind, trial][0].source),
            kind=kind,
            layers=len(together[model, kind, trial]),
            layers_there=len(there.get((model, kind), ())),
            mult_adds_share=shares.get((model, kind), 0.0),
            time_s=sum(row.time_s or 0.0 for row in together[model, kind, trial]),
            time_share=sum(row.time_share or 0.0 for row in together[model, kind, trial]),
        )
        for model, kind, trial in order
    )


def _kind(row: LayerRow) -> str:
    return row.kind if row.in_channels is not None else OTHER


def _timed(counted: Counted, found: ByLayer) -> Iterator[LayerRow]:
    pairs = list(joined(found, counted.layers))
    timing = _Timing(
        session=found.session,
        trial=found.trial,
        source=found.source,
        sum_s=sum(_seconds(pair.times) for pair in pairs),
        apart_s=_apart_s(found, pairs),
        whole_s=float(np.median(found.whole_ns)) * _NS if found.whole_ns else None,
    )
    for pair in pairs:
        yield _row(counted, pair.layer, timing, pair)


def _apart_s(found: ByLayer, pairs: list[Joined]) -> float | None:
    """Return the median of the sums of calls; layers that were timed alone had no call together."""
    calls = {len(pair.times.wall_ns) for pair in pairs}
    if found.source != "runtime" or len(calls) != 1:
        return sum(_seconds(pair.times) for pair in pairs) if pairs else None
    return float(np.median(np.sum([pair.times.wall_ns for pair in pairs], axis=0))) * _NS


def _seconds(times: LayerTimes) -> float:
    return float(np.median(times.wall_ns)) * _NS if times.wall_ns else 0.0


def _row(
    counted: Counted, layer: LayerCost | None, timing: _Timing | None = None, pair: Joined | None = None
) -> LayerRow:
    times = pair.times if pair else None
    time_s = _seconds(times) if times else None
    return LayerRow(
        model=counted.model,
        layer=layer.name if layer else plain(times.name if times else ""),
        kind=layer.kind if layer else plain(times.operation if times else ""),
        in_channels=layer.in_channels if layer else None,
        out_channels=layer.out_channels if layer else None,
        kernel="x".join(str(side) for side in layer.kernel) if layer else None,
        stride="x".join(str(step) for step in layer.stride) if layer else None,
        groups=layer.groups if layer else None,
        out_h=layer.out_h if layer else None,
        out_w=layer.out_w if layer else None,
        mult_adds=layer.mult_adds if layer else 0,
        mult_adds_share=layer.mult_adds / counted.mult_adds if layer else 0.0,
        params=layer.params if layer else 0,
        bias_params=layer.bias_params if layer else 0,
        bn_params=layer.bn_params if layer else 0,
        session=timing.session if timing else None,
        trial=timing.trial if timing else None,
        source=timing.source if timing else None,
        operation=plain(times.operation) or None if times else None,
        calls=len(times.wall_ns) if times else None,
        time_s=time_s,
        time_share=time_s / timing.sum_s if timing and timing.sum_s and time_s is not None else None,
        apart_s=timing.apart_s if timing else None,
        whole_s=timing.whole_s if timing else None,
    )
