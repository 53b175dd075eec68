"""Tables for a terminal, 80 columns wide; colours only where a person looks."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import get_args

from rich import box
from rich.table import Table
from rich.text import Text

from edgebench import units
from edgebench.judge.consequences import Kind, VerdictRow
from edgebench.report.answer import interval
from edgebench.store.rows import MinuteRow, PairRow, TrialRow

_ROOM = 50
"""Columns of 80 that the backends of a pair may take, so that the names of its models have room."""

_RATIO = 12  # [26.1, 28.3]

FLAGGED = "!"
"""Stands at a flagged row."""

_CPU_TIME = "cpu time"

_FLOOR_SHARE = 0.05
"""From this share of a latency on the call floor stands below it (docs/measuring.md).

It was 18 % of LeNet-5's: 4.6 of 26.2 us in onnxruntime on a virtual machine.
"""


def trials(rows: Iterable[TrialRow]) -> Table:
    """Return a table of trials, without twins; lost ones say at which stage, those of several units where they ran."""
    own = [row for row in rows if not row.twin]
    several = len({row.unit for row in own}) > 1
    models = list(dict.fromkeys(row.model for row in own))
    own.sort(key=lambda row: models.index(row.model))
    paces = {row.pace_hz for row in own if row.pace_hz is not None}
    bounded = any(row.efficiency is not None for row in own)
    paced = f"; calls arrive at {', '.join(f'{pace:g}' for pace in sorted(paces))} Hz" if paces else ""
    table = plain_table(
        f"Trials: latency with 95 % interval; memory: peak above the imported runtime; CPU time of a call"
        f"{'; eff.: the least that the hardware allows, over the latency' * bounded}{paced}",
        "model, backend",
        "latency>",
        *["eff.>"] * bounded,
        "p90>",
        "memory>",
        "CPU time>",
    )
    for model, members in groupby(own, key=lambda row: row.model):
        add_row(table, model)
        for row in members:
            name, latency, *cells = _trial(row)
            share = [_efficiency(row)] * bounded
            add_row(table, f"{name} on {row.unit}" if several else name, latency, *share, *cells)
            for label, figure in _below(row):
                add_row(table, f"   {label}", figure)
        table.add_section()
    legend(table, (row.flags for row in own))
    return table


def pairs(rows: Iterable[PairRow]) -> Table | None:
    """Return a table of pairs of models, ratios of mult-adds beside ratios of latencies; None without pairs."""
    by_model = [row for row in rows if row.by == "model"]
    if not by_model:
        return None
    backends = list(dict.fromkeys(row.subject_backend for row in by_model))
    title = "Pairs of models: how many times the mult-adds, and how many times the latency in each backend"
    if any(row.decided_on == _CPU_TIME for row in by_model):
        title += "; (CPU time): of a processor that was shared"
    wide = sum(max(_RATIO, len(backend)) + 2 for backend in backends) <= _ROOM
    columns = [f"{backend}>" for backend in backends] if wide else ["latency>"]
    table = plain_table(title, "pair", "mult-adds>", *columns)
    together: dict[tuple[str, str, str, int, int], dict[str, PairRow]] = {}
    for row in sorted(by_model, key=lambda row: -(row.mult_adds_ratio or 0)):
        key = (row.subject_model, row.baseline_model, row.precision, row.threads, row.batch)
        together.setdefault(key, {})[row.subject_backend] = row
    for (subject, baseline, *_), found in together.items():
        first = next(iter(found.values()))
        cells = {backend: _ratio(found.get(backend)) for backend in backends}
        add_row(
            table,
            f"{subject} / {baseline}",
            units.ratio(first.mult_adds_ratio),
            *(cells.values() if wide else [""]),
        )
        if not wide:
            for backend, cell in cells.items():
                add_row(table, f"  {backend}", "", cell.replace("\n", " "))
    return table


def energy(rows: Iterable[TrialRow]) -> Table | None:
    """Return a table of energies with where each comes from; None where nothing told any."""
    told = [row for row in rows if row.energy_j is not None and not row.twin]
    if not told:
        return None
    table = plain_table(
        "Energy of a call with 95 % interval, in total and above idle, and where it comes from",
        "model, backend",
        "a call>",
        "above idle>",
        "idle>",
    )
    for row in told:
        add_row(
            table,
            f"{row.model} {row.backend}{_times(row.threads_asked)}\n  {row.energy_rung}",
            _joules(row.energy_j, row.energy_low_j, row.energy_high_j),
            _joules(row.energy_above_idle_j, row.energy_above_idle_low_j, row.energy_above_idle_high_j),
            units.power(row.energy_idle_w),
        )
    return table


def minutes(rows: Iterable[MinuteRow]) -> Table | None:
    """Return a table of a long run minute by minute; None without one."""
    found = list(rows)
    if not found:
        return None
    table = plain_table("Minute by minute", "trial, minute", "latency>", "clock>", "temperature>", "held back by")
    for trial, members in groupby(found, key=lambda row: row.trial):
        add_row(table, trial)
        for row in members:
            add_row(
                table,
                f"  {row.minute}",
                units.seconds(row.latency_p50_s),
                units.clock(row.clock_hz),
                units.celsius(row.temperature_c),
                row.throttled_by or "-",
            )
        table.add_section()
    return table


def _joules(value: float | None, low: float | None, high: float | None) -> str:
    """Return an energy above its interval."""
    if low is None or high is None:
        return units.energy(value)
    return f"{units.energy(value)}\n{units.energy_span(low, high)}"


def _times(threads: int) -> str:
    return f" x{threads}" if threads > 1 else ""


def verdicts(rows: Iterable[VerdictRow]) -> Table | None:
    """Return a table of what follows from fewer mult-adds, and what does not; None without pairs far enough apart."""
    found = sorted(rows, key=lambda row: -row.mult_adds_ratio)
    if not found:
        return None
    consequences = [kind for kind in get_args(Kind) if any(row.consequence == kind for row in found)]
    table = plain_table(
        "Fewer mult-adds, hence faster, hence as much faster (0.8 of it or more)? Each judged by itself",
        "pair, backend",
        *(word.replace("_", " ") for word in consequences),
    )
    for (subject, baseline), members in groupby(found, key=lambda row: (row.subject_model, row.baseline_model)):
        add_row(table, f"{subject} / {baseline}")
        told: dict[tuple[object, ...], dict[str, str]] = {}
        for row in members:
            setting = (row.session, row.backend, row.precision, row.threads, row.batch)
            told.setdefault(setting, {})[row.consequence] = row.verdict
        for (_, backend, *_), words in told.items():
            add_row(table, f"  {backend}", *(words.get(kind, "-") for kind in consequences))
        table.add_section()
    return table


def _trial(row: TrialRow) -> tuple[str, ...]:
    name = f"{FLAGGED if row.flags else ' '} {row.backend}{_times(row.threads_asked)}"
    name += f" batch {row.batch}" if row.batch > 1 else ""
    if row.emulated and row.status == "done":
        return name, "emulated", "", units.size(row.memory_peak_bytes), "-"
    if row.latency_p50_s is None:
        return name, row.status if row.stage is None else f"{row.status}: {row.stage}", "", "", ""
    latency = units.seconds(row.latency_p50_s)
    if row.latency_p50_low_s is not None and row.latency_p50_high_s is not None:
        latency += f" {units.span(row.latency_p50_low_s, row.latency_p50_high_s)}"
    figures = (units.seconds(row.latency_p90_s), units.size(row.memory_peak_bytes), units.seconds(row.cpu_p50_s))
    return name, latency, *figures


def _efficiency(row: TrialRow) -> str:
    """Return the bound over the latency with two digits behind the point, nothing where one of them is not known."""
    return "" if row.efficiency is None else f"{row.efficiency:.2f}"


def _below(row: TrialRow) -> Iterator[tuple[str, str]]:
    """Yield what stands below a trial: a small model's call floor, a paced one's calls, accuracy, a long run's ends."""
    if row.latency_p50_s is None:
        return
    if row.call_floor_s is not None and row.call_floor_s >= _FLOOR_SHARE * row.latency_p50_s:
        yield "call floor", units.seconds(row.call_floor_s)
    if row.response_p50_s is not None:
        yield "response", units.seconds(row.response_p50_s)
        yield "late", f"{row.deadline_misses} of {row.paced_calls}"
    for name, top, low, high in (
        ("top-1", row.top1, row.top1_low, row.top1_high),
        ("top-5", row.top5, row.top5_low, row.top5_high),
    ):
        if top is not None and low is not None and high is not None:
            yield name, f"{units.share(top)} {units.share_span(low, high)}"
    if row.burst_p50_s is not None and row.sustained_p50_s is not None:
        yield "burst", units.seconds(row.burst_p50_s)
        yield "sustained", units.seconds(row.sustained_p50_s)


def _ratio(row: PairRow | None) -> str:
    """Return a ratio above its interval, of the clock that a verdict takes; CPU time says so."""
    if row is None:
        return "-"
    if row.decided_on == _CPU_TIME:
        bounds = interval(row.cpu_ratio_low, row.cpu_ratio_high).strip()
        return f"{units.ratio(row.cpu_ratio)}\n{bounds}\n(CPU time)"
    bounds = interval(row.latency_ratio_low, row.latency_ratio_high).strip()
    return f"{units.ratio(row.latency_ratio)}\n{bounds}" if bounds else units.ratio(row.latency_ratio)


def plain_table(title: str | None, *columns: str) -> Table:
    """Return an empty table; columns whose names end in `>` or `!` are never broken, those in `>` right-aligned."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        if column.endswith(">"):
            table.add_column(Text(column.removesuffix(">")), justify="right", no_wrap=True)
        else:
            table.add_column(column.removesuffix("!"), no_wrap=column.endswith("!"), overflow="fold")
    return table


def legend(table: Table, flags: Iterable[str]) -> None:
    """Say below a table which flags its marks stand for; `flags` has those of each row, with spaces between."""
    names = sorted({name for of_row in flags for name in of_row.split()})
    if names:
        table.caption = Text(f"{FLAGGED} flagged: {', '.join(names)}")
        table.caption_justify = "left"


def add_row(table: Table, *cells: str) -> None:
    """Add a row of plain text: brackets in the name of a model are no markup."""
    table.add_row(*(Text(cell) for cell in cells))
