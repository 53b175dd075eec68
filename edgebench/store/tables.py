"""Tables made from a run: everything derived, nothing decided while measuring.

`calls` in samples.csv.gz is the number of back-to-back calls of one sample; `wall_s` and `cpu_s` are of the sample.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from edgebench.board.wire import Block, Ready
from edgebench.store import pairs, trials
from edgebench.store.records import Run
from edgebench.store.rows import BackendRow, LayerRow, PairRow, RoundRow, TrialRow
from edgebench.store.series import by_trial, median_s

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE_COLUMNS = (
    "session",
    "invocation",
    "trial",
    "phase",
    "round",
    "sample",
    "calls",
    "wall_s",
    "cpu_s",
    "involuntary_switches",
    "major_faults",
)
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The rows of a run that are about latency: what a person is shown."""

    trials: tuple[TrialRow, ...]
    pairs: tuple[PairRow, ...]
    backends: tuple[BackendRow, ...]


def summarize(run: Run) -> Summary:
    """Return the rows of trials.csv, pairs.csv and backends.csv."""
    series = by_trial(run)
    rows = tuple(trials.rows(run, series))
    return Summary(trials=rows, pairs=tuple(pairs.pairs(rows, series)), backends=tuple(pairs.backends(rows, series)))


def make(run: Run) -> "dict[str, pd.DataFrame]":
    """Return all tables of a run by name."""
    summary = summarize(run)
    return {
        "trials": _frame(TrialRow, summary.trials),
        "pairs": _frame(PairRow, summary.pairs),
        "backends": _frame(BackendRow, summary.backends),
        "rounds": _frame(RoundRow, _rounds(run)),
        "layers": _frame(LayerRow, _layers(run)),
        "samples": _samples(run),
    }


def context(run: Run) -> dict[str, Any]:
    """Return what the rows of this run have in common: machine, versions, settings, plan."""
    started = asdict(run.started)
    started.pop("event")
    return {**started, "ended": run.ended, "files": [asdict(file) for file in run.converted.values()]}


def _frame(kind: type[Any], rows: "list[Any] | tuple[Any, ...]") -> "pd.DataFrame":
    import pandas as pd

    columns = [field.name for field in fields(kind)]
    values = {column: [getattr(row, column) for row in rows] for column in columns}
    return pd.DataFrame({column: pd.Series(entries, dtype="object") for column, entries in values.items()})


def _rounds(run: Run) -> list[RoundRow]:
    began: dict[str, int] = {}
    for block in run.blocks:
        began[block.session] = min(block.start_ns, began.get(block.session, block.start_ns))
    rows = []
    for block in run.blocks:
        wall, cpu = median_s(block)
        rows.append(
            RoundRow(
                session=block.session,
                invocation=block.invocation,
                round=block.round,
                position=block.position,
                trial=block.trial,
                complete=block.invocation in run.invocations.get(block.session, ()),
                start_s=(block.start_ns - began[block.session]) * _NS,
                samples=len(block.wall_ns),
                calls_per_sample=block.calls,
                wall_p50_s=wall,
                cpu_p50_s=cpu,
                involuntary_switches=sum(block.involuntary_switches) if block.involuntary_switches else None,
                major_faults=sum(block.major_faults) if block.major_faults else None,
            )
        )
    return rows


def _layers(run: Run) -> list[LayerRow]:
    rows = []
    for counted in run.counted.values():
        for layer in counted.layers:
            rows.append(
                LayerRow(
                    model=counted.model,
                    layer=layer.name,
                    kind=layer.kind,
                    in_channels=layer.in_channels,
                    out_channels=layer.out_channels,
                    kernel="x".join(str(side) for side in layer.kernel),
                    stride="x".join(str(step) for step in layer.stride),
                    groups=layer.groups,
                    out_h=layer.out_h,
                    out_w=layer.out_w,
                    mult_adds=layer.mult_adds,
                    mult_adds_share=layer.mult_adds / counted.mult_adds,
                    params=layer.params,
                    bias_params=layer.bias_params,
                    bn_params=layer.bn_params,
                )
            )
    return rows


def _samples(run: Run) -> "pd.DataFrame":
    """Return every sample ever taken, warm-up and priming calls too; empty where a figure was not taken."""
    import pandas as pd

    rows = [row for ready in run.ready for row in _start_samples(ready)]
    rows += [row for block in run.blocks for row in _block_samples(block)]
    return pd.DataFrame(rows, columns=list(_SAMPLE_COLUMNS), dtype="object")


def _start_samples(ready: Ready) -> Iterator[tuple[object, ...]]:
    own = (ready.session, ready.invocation, ready.trial)
    nothing = (None, None, None)
    yield (*own, "first", None, 0, 1, ready.first_call_s, *nothing)
    for sample, wall in enumerate(ready.start_up_ns):
        yield (*own, "start_up", None, sample, 1, wall * _NS, *nothing)
    for sample, wall in enumerate(ready.warm_up_ns):
        yield (*own, "warm_up", None, sample, ready.warm_up_calls, wall * _NS, *nothing)


def _block_samples(block: Block) -> Iterator[tuple[object, ...]]:
    own = (block.session, block.invocation, block.trial)
    if block.priming_ns is not None:
        yield (*own, "priming", block.round, 0, 1, block.priming_ns * _NS, None, None, None)
    if not block.cpu_ns:  # the runtime's program took the samples
        for sample, wall in enumerate(block.wall_ns):
            yield (*own, "steady", block.round, sample, block.calls, wall * _NS, None, None, None)
        return
    taken = zip(block.wall_ns, block.cpu_ns, block.involuntary_switches, block.major_faults, strict=True)
    for sample, (wall, cpu, switches, faults) in enumerate(taken):
        yield (*own, "steady", block.round, sample, block.calls, wall * _NS, cpu * _NS, switches, faults)
