"""Tables made from a run: everything derived, nothing decided while measuring.

`calls` in samples.csv.gz is the number of back-to-back calls of one sample; `wall_s` and `cpu_s` are of the sample.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from edgebench.analysis.hardware import Hardware
from edgebench.board.wire import Block, Ready, Watched
from edgebench.measure import heat
from edgebench.measure.series import median_s
from edgebench.store import energy, layers, pairs, trials, watching
from edgebench.store.energy import RunEnergy
from edgebench.store.records import Run
from edgebench.store.rows import BackendRow, EnergyRow, Images, LayerRow, MinuteRow, PairRow, RoundRow, TrialRow
from edgebench.store.series import Key, Taken, taken
from edgebench.untrusted import plain

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
    "response_s",
)
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The rows of a run that a person is shown; `minutes` are those of a long run.

    `images` are those that trials answered.
    """

    trials: tuple[TrialRow, ...]
    pairs: tuple[PairRow, ...]
    backends: tuple[BackendRow, ...]
    minutes: tuple[MinuteRow, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    images: Images | None = None


def summarize(run: Run, hardware: Hardware | None = None) -> Summary:
    """Return the rows of trials.csv, pairs.csv and backends.csv; `hardware` bounds the trials, where it is known."""
    return _summary(run, energy.of_run(run), hardware)


def _summary(run: Run, energies: RunEnergy, hardware: Hardware | None) -> Summary:
    measured = taken(run)
    data = run.started.data
    rows = tuple(trials.rows(run, measured, energies, hardware))
    return Summary(
        trials=rows,
        pairs=tuple(pairs.pairs(rows, measured, energies.trials)),
        backends=tuple(pairs.backends(rows, measured)),
        minutes=tuple(_minutes(run, measured)),
        layers=tuple(layers.rows(run)),
        images=None if data is None else Images(path=data.path, calibrating=data.calibrating),
    )


def make(run: Run, hardware: Hardware | None = None) -> "dict[str, pd.DataFrame]":
    """Return all tables of a run by name; `hardware` as in `summarize`."""
    energies = energy.of_run(run)
    summary = _summary(run, energies, hardware)
    return {
        "trials": frame(TrialRow, summary.trials),
        "pairs": frame(PairRow, summary.pairs),
        "backends": frame(BackendRow, summary.backends),
        "rounds": frame(RoundRow, _rounds(run)),
        "energy": frame(EnergyRow, energies.rows),
        "minutes": frame(MinuteRow, summary.minutes),
        "layers": frame(LayerRow, summary.layers),
        "samples": _samples(run),
    }


def context(run: Run) -> dict[str, Any]:
    """Return what the rows of this run have in common: machine, versions, settings, plan."""
    started = asdict(run.started)
    started.pop("event")
    if run.started.data is not None:
        started["data"].pop("labels")  # one an image: they stand in the journal
    return {
        **started,
        "ended": run.ended,
        "files": [asdict(file) for file in run.converted.values()],
        "signals": {
            session: {"present": found.present, "absent": found.absent} for session, found in run.signals.items()
        },
        "footprints_s": run.footprints_done,
        "energy_sources": {session: _without_event(found) for session, found in run.energy_sources.items()},
    }


def _without_event(record: Any) -> dict[str, Any]:
    found = asdict(record)
    found.pop("event")
    return found


def frame(kind: type[Any], rows: "list[Any] | tuple[Any, ...]") -> "pd.DataFrame":
    """Return rows as a table whose columns are the fields of their kind, in their order."""
    import pandas as pd

    columns = [field.name for field in fields(kind)]
    values = {column: [getattr(row, column) for row in rows] for column in columns}
    return pd.DataFrame({column: pd.Series(entries, dtype="object") for column, entries in values.items()})


def _rounds(run: Run) -> list[RoundRow]:
    began: dict[str, int] = {}
    for block in run.blocks:
        began[block.session] = min(block.start_ns, began.get(block.session, block.start_ns))
    seen = watching.looks(run)
    clocks = _canary_clocks(run)
    rows = []
    for block in run.blocks:
        wall, cpu = median_s(block)
        watched = watching.around(block, seen)
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
                canary_loop_s=watched.loop_ns * _NS if watched else None,
                canary_stream_s=watched.stream_ns * _NS if watched else None,
                canary_clock_hz=clocks.get(_place(watched)) if watched else None,
                stolen_share=_share(watched, watched.steal_ns) if watched else None,
                cpu_waiting_share=_share(watched, watched.cpu_waiting_ns) if watched else None,
                memory_stalled_share=_share(watched, watched.memory_stalled_ns) if watched else None,
                io_waiting_share=_share(watched, watched.io_waiting_ns) if watched else None,
                clock_hz=watched.clock_hz if watched else None,
                governor=watched.governor if watched else None,
                temperature_c=watched.temperature_c if watched else None,
                throttled=watched.throttled if watched else None,
                throttled_by=plain(", ".join(watched.throttled_by)) or None if watched else None,
            )
        )
    return rows


def _canary_clocks(run: Run) -> "dict[_Place, float]":
    """Return the clock that the canary saw in each round, session by session."""
    found = {}
    for session in run.started.sessions:
        own = [one for one in run.watched if one.session == session.name]
        for place, clock_hz in heat.canary_clocks(own).items():
            found[session.name, *place] = clock_hz
    return found


_Place = tuple[str, int, int, str | None]


def _place(watched: Watched) -> _Place:
    return watched.session, watched.invocation, watched.round, watched.trial


def _minutes(run: Run, measured: Mapping[Key, Taken]) -> list[MinuteRow]:
    """Return the minutes of a long run; no other run has them."""
    if run.started.protocol.sustained_s is None:
        return []
    return [
        MinuteRow(
            session=session,
            trial=trial,
            minute=minute.number,
            blocks=minute.blocks,
            latency_p50_s=minute.latency_s,
            canary_loop_s=minute.canary_loop_s,
            clock_hz=minute.clock_hz,
            temperature_c=minute.temperature_c,
            throttled_by=plain(", ".join(minute.throttled_by)) or None,
        )
        for (session, trial), found in measured.items()
        for minute in heat.minutes(found.series.blocks, found.watched)
    ]


def _share(watched: Watched, part_ns: int | None) -> float | None:
    return None if part_ns is None or not watched.wall_ns else part_ns / watched.wall_ns


def _samples(run: Run) -> "pd.DataFrame":
    """Return every sample ever taken, warm-up and priming calls too; empty where a figure was not taken."""
    import pandas as pd

    rows = [row for ready in run.ready for row in _start_samples(ready)]
    rows += [row for block in run.blocks for row in _block_samples(block)]
    return pd.DataFrame(rows, columns=list(_SAMPLE_COLUMNS), dtype="object")


def _start_samples(ready: Ready) -> Iterator[tuple[object, ...]]:
    own = (ready.session, ready.invocation, ready.trial)
    nothing = (None,) * 4
    yield (*own, "first", None, 0, 1, ready.first_call_s, *nothing)
    for sample, wall in enumerate(ready.start_up_ns):
        yield (*own, "start_up", None, sample, 1, wall * _NS, *nothing)
    for sample, wall in enumerate(ready.warm_up_ns):
        yield (*own, "warm_up", None, sample, ready.warm_up_calls, wall * _NS, *nothing)


def _block_samples(block: Block) -> Iterator[tuple[object, ...]]:
    own = (block.session, block.invocation, block.trial)
    if block.priming_ns is not None:
        yield (*own, "priming", block.round, 0, 1, block.priming_ns * _NS, None, None, None, None)
    count = len(block.wall_ns)
    taken = zip(
        block.wall_ns,
        _or_nothing(block.cpu_ns, count),  # nothing: the runtime's program took the samples
        _or_nothing(block.involuntary_switches, count),
        _or_nothing(block.major_faults, count),
        _or_nothing(block.response_ns, count),
        strict=True,
    )
    for sample, (wall, cpu, switches, faults, response) in enumerate(taken):
        yield (
            *own,
            "steady",
            block.round,
            sample,
            block.calls,
            wall * _NS,
            cpu * _NS if cpu is not None else None,
            switches,
            faults,
            response * _NS if response is not None else None,
        )


def _or_nothing(values: tuple[int, ...], count: int) -> tuple[int | None, ...]:
    return values or (None,) * count
