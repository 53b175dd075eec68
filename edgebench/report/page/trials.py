"""The sections on latency: all trials, the backends of each model side by side, and what fewer mult-adds became."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from edgebench import units
from edgebench.judge import expectations
from edgebench.judge.consequences import VerdictRow
from edgebench.measure.flags import forbidding
from edgebench.report.answer import interval
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Dot, Spot, Stroke
from edgebench.report.page.document import Cell, Chart, Column, Section, Table
from edgebench.report.page.material import Material, Naming, distinct
from edgebench.report.page.thinning import thinned
from edgebench.store.rows import BackendRow, PairRow, TrialRow

MOST_ROWS = 24
"""Rows of a chart of names; more are read in the table."""

_MOST_SERIES = 12
LATENCY = Quantity(title="latency of a call", unit="seconds")

Read = Callable[[TrialRow], Cell]

_COLUMNS: tuple[tuple[str, bool, Read], ...] = (
    ("Model", False, lambda row: document.text(row.model)),
    ("Backend", False, lambda row: document.text(row.backend)),
    ("Precision", False, lambda row: document.text(row.precision_found or row.precision_asked)),
    ("Threads", True, lambda row: document.whole(row.threads_asked)),
    ("Batch", True, lambda row: document.whole(row.batch)),
    ("Status", False, lambda row: document.text(row.status if row.stage is None else f"{row.status}: {row.stage}")),
    ("Latency", True, lambda row: document.seconds(row.latency_p50_s)),
    ("95 % interval", True, lambda row: document.between(row.latency_p50_low_s, row.latency_p50_high_s)),
    ("p90", True, lambda row: document.seconds(row.latency_p90_s)),
    ("CPU time", True, lambda row: document.seconds(row.cpu_p50_s)),
    ("Mult-adds", True, lambda row: document.count(row.mult_adds)),
    ("Mult-adds/s", True, lambda row: document.count(row.mult_adds_per_s)),
    ("Of the bound", True, lambda row: document.share(row.efficiency)),
    ("Memory peak", True, lambda row: document.size(row.memory_peak_bytes)),
    ("Energy", True, lambda row: document.energy(row.energy_j)),
    ("Invocations", True, lambda row: document.whole(row.invocations)),
    ("Unit", False, lambda row: document.text(row.unit)),
    ("Flags", False, lambda row: document.text(row.flags)),
)
_ONLY_WHERE_THEY_DIFFER = frozenset({"Precision", "Threads", "Batch", "Status", "Unit", "Invocations"})


def trials(material: Material) -> Section:
    """Return the table of all trials, twins left out; columns without anything to tell are left to the CSV file."""
    rows = material.own
    cells = {name: [read(row) for row in rows] for name, _, read in _COLUMNS}
    kept = [(name, number) for name, number, _ in _COLUMNS if _tells(name, cells[name])]
    same = [f"{name.lower()} {cells[name][0].text}" for name in cells if rows and _same(name, cells[name])]
    says = [
        "Latency is the geometric mean of the medians of fresh processes; the interval is of that. Memory is the peak "
        "above the imported runtime."
    ]
    if same:
        says.append(f"The same in all rows: {', '.join(same)}.")
    table = Table(
        name="trials",
        title="All trials",
        columns=tuple(Column(name=name, number=number) for name, number in kept),
        rows=tuple(zip(*(cells[name] for name, _ in kept), strict=True)),
        source="trials.csv",
    )
    return Section(name="trials", title="Trials", says=tuple(says), tables=(table,), open=True)


def _tells(name: str, cells: Sequence[Cell]) -> bool:
    texts = {cell.text for cell in cells}
    return bool(texts - {""}) and not (name in _ONLY_WHERE_THEY_DIFFER and len(texts) == 1 and len(cells) > 1)


def _same(name: str, cells: Sequence[Cell]) -> bool:
    return name in _ONLY_WHERE_THEY_DIFFER and len(cells) > 1 and len({cell.text for cell in cells}) == 1


def backends(material: Material) -> Section:
    """Return the backends of each model side by side."""
    title = "Backends side by side"
    timed, naming = material.timed, Naming(material.own)
    if not timed:
        return Section(
            name="backends", title=title, says=("No trial has a latency, so there is nothing to set side by side.",)
        )
    models = distinct(row.model for row in timed)
    settings = distinct(naming.setting(row) for row in timed)
    shown_models, shown_settings = set(models[:MOST_ROWS]), set(settings[:_MOST_SERIES])
    dots = [_dot(row, naming) for row in timed if row.model in shown_models and naming.setting(row) in shown_settings]
    says = ["Each point is a latency, the line through it its 95 % interval; further left is faster."]
    left_out = [
        f"{len(all_of) - most} of {len(all_of)} {what}"
        for all_of, most, what in ((models, MOST_ROWS, "models"), (settings, _MOST_SERIES, "settings"))
        if len(all_of) > most
    ]
    if left_out:
        says.append(f"The picture leaves out {' and '.join(left_out)}; the CSV files have all.")
    chart = charts.intervals(
        "backends", f"Latency of {len(models)} models in {len(settings)} settings, with intervals.", dots, LATENCY
    )
    return Section(
        name="backends", title=title, says=tuple(says), charts=(chart,), tables=(_ranking(material.summary.backends),)
    )


def _dot(row: TrialRow, naming: Naming) -> Dot:
    assert row.latency_p50_s is not None
    return Dot(
        row=row.model,
        series=naming.setting(row),
        x=row.latency_p50_s,
        low=row.latency_p50_low_s,
        high=row.latency_p50_high_s,
        shown=latency(row),
    )


def latency(row: TrialRow) -> str:
    """Return the latency of a trial with its interval."""
    bounds = ""
    if row.latency_p50_low_s is not None and row.latency_p50_high_s is not None:
        bounds = f" {units.span(row.latency_p50_low_s, row.latency_p50_high_s)}"
    return f"{units.seconds(row.latency_p50_s)}{bounds}"


def _ranking(rows: Iterable[BackendRow]) -> Table:
    found = list(rows)
    several = len({row.session for row in found}) > 1
    columns = (
        Column(name="Model"),
        Column(name="Backend"),
        Column(name="Precision"),
        Column(name="Threads", number=True),
        Column(name="Latency", number=True),
        Column(name="To the fastest", number=True),
        Column(name="95 % interval", number=True),
        Column(name="Fastest"),
        *([Column(name="Session")] if several else []),
    )
    return Table(
        name="ranking",
        title="Rows: the backends of each model",
        columns=columns,
        rows=tuple(
            (
                document.text(row.model),
                document.text(row.backend),
                document.text(row.precision),
                document.whole(row.threads),
                document.seconds(row.latency_p50_s) if row.status == "done" else document.text(row.status),
                document.ratio(row.ratio_to_best),
                document.text(interval(row.ratio_to_best_low, row.ratio_to_best_high).strip()),
                document.text("fastest" if row.best and not forbidding(row.flags.split()) else ""),
                *([document.text(row.session)] if several else []),
            )
            for row in found
        ),
        source="backends.csv",
    )


# --- pairs of models -------------------------------------------------------------------------------------------------


def pairs(material: Material) -> Section:
    """Return what became of the mult-adds that one model has more than another: ratios, and verdicts."""
    title = "What fewer mult-adds became"
    timed = [row for row in material.summary.pairs if row.by == "model" and row.mult_adds_ratio and row.latency_ratio]
    if not timed:
        return Section(
            name="pairs",
            title=title,
            says=(
                "No two models were timed in one session, so nothing can be said of their ratio: measure them in one "
                "run, `edgebench run --model A --model B`.",
            ),
        )
    return Section(
        name="pairs",
        title=title,
        says=(*consequences(material.verdicts), _PAIR),
        charts=(_ratios(timed),),
        tables=(_pairs_table(material, timed), *_verdict_tables(material.verdicts)),
    )


_PAIR = (
    "Each point is a pair of models in one backend. On the line a model with so many times the mult-adds takes so many "
    "times as long; below it, the mult-adds promise more than the clock gives. What papers claim of these networks is "
    "held against a run by `edgebench claims --evidence RUN`."
)


def consequences(verdicts: Iterable[VerdictRow]) -> Iterator[str]:
    """Yield how often each consequence of fewer mult-adds holds, a sentence a consequence."""
    found = list(verdicts)
    for consequence in distinct(row.consequence for row in found):
        told = [row.verdict.partition(" (")[0] for row in found if row.consequence == consequence]
        first, *others = [f"{verdict} for {told.count(verdict)}" for verdict in sorted(set(told), key=_gravity)]
        yield f"{_CONSEQUENCES[consequence]}: {', '.join((f'{first} of {len(told)} pairs', *others))}."


_CONSEQUENCES = {
    "faster": "Fewer mult-adds, hence faster",
    "proportional": "Hence as much faster (at least 0.8 of it)",
    "less_energy": "Fewer mult-adds, hence less energy",
    "energy_proportional": "Hence as much less energy (at least 0.8 of it)",
}
_ORDER = ("HOLDS", "DOES NOT HOLD", "INCONCLUSIVE", "NOISY", "INVALID", "NOT MEASURED")


def _gravity(verdict: str) -> int:
    return _ORDER.index(verdict) if verdict in _ORDER else len(_ORDER)


def _ratios(rows: Sequence[PairRow]) -> Chart:
    follows = "latency follows mult-adds"
    spots = [
        Spot(
            series=row.subject_backend,
            x=row.mult_adds_ratio or 0,
            y=row.latency_ratio or 0,
            low=row.latency_ratio_low,
            high=row.latency_ratio_high,
            name=f"{row.subject_model} / {row.baseline_model}",
            shown=f"mult-adds {units.ratio(row.mult_adds_ratio)}, latency {units.ratio(row.latency_ratio)}"
            f"{interval(row.latency_ratio_low, row.latency_ratio_high)}",
        )
        for row in rows
    ]
    ends = (min(one.x for one in spots), max(one.x for one in spots))
    diagonal = [Stroke(series=follows, x=end, y=end) for end in ends]
    kept, bands = thinned(spots)
    return charts.plane(
        "pairs",
        f"Ratio of latencies against ratio of mult-adds, {len(rows)} pairs of models.",
        kept,
        (Quantity(title="times the mult-adds", unit="plain"), Quantity(title="times the latency", unit="plain")),
        lines=(*bands, *diagonal),
    )


def _pairs_table(material: Material, rows: Sequence[PairRow]) -> Table:
    expected = {
        (one.subject, one.baseline, one.setting): one
        for one in expectations.of_run(rows, material.summary.trials)
        if one.bound is not None
    }
    columns = [
        Column(name="More mult-adds"),
        Column(name="Fewer"),
        Column(name="Backend"),
        Column(name="Mult-adds", number=True),
        *([Column(name="Bound", number=True)] if expected else []),
        Column(name="Latency", number=True),
        Column(name="95 % interval", number=True),
        Column(name="Transfer", number=True),
        Column(name="Decided on"),
        Column(name="Flags"),
    ]
    body = []
    for row in rows:
        setting = f"{row.subject_backend} {row.precision} x{row.threads}"
        bound = expected.get((row.subject_model, row.baseline_model, setting))
        body.append(
            (
                document.text(row.subject_model),
                document.text(row.baseline_model),
                document.text(f"{row.subject_backend}{f' x{row.threads}' if row.threads > 1 else ''}"),
                document.ratio(row.mult_adds_ratio),
                *([document.ratio(bound.bound if bound else None)] if expected else []),
                document.ratio(row.latency_ratio),
                document.text(interval(row.latency_ratio_low, row.latency_ratio_high).strip()),
                document.digits(row.transfer),
                document.text(row.decided_on),
                document.text(row.flags),
            )
        )
    return Table(
        name="pairs", title="Rows: pairs of models", columns=tuple(columns), rows=tuple(body), source="pairs.csv"
    )


def _verdict_tables(rows: Iterable[VerdictRow]) -> Iterator[Table]:
    found = list(rows)
    if found:
        names = ("Consequence", "Verdict", "More mult-adds", "Fewer", "Backend", "Why")
        yield Table(
            name="verdicts",
            title="Verdicts, each with its reason",
            columns=tuple(Column(name=name) for name in names),
            rows=tuple(
                (
                    document.text(row.consequence.replace("_", " ")),
                    document.text(row.verdict),
                    document.text(row.subject_model),
                    document.text(row.baseline_model),
                    document.text(f"{row.backend}{f' x{row.threads}' if row.threads > 1 else ''}"),
                    document.text(row.reason),
                )
                for row in found
            ),
            source="verdicts.csv",
        )
