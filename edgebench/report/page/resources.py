"""The sections on what a trial needs beside time: memory by part, energy and its rung; and on what long runs do."""

from collections.abc import Iterator, Sequence

from edgebench import units
from edgebench.report.page import charts, document
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Dot, Slice, Stroke
from edgebench.report.page.document import Column, Section, Table
from edgebench.report.page.material import Material, Naming, distinct, some
from edgebench.report.page.trials import LATENCY, MOST_ROWS
from edgebench.store.rows import MinuteRow, TrialRow

_PARTS = (
    ("importing the runtime", "memory_import_bytes"),
    ("model: anonymous", "memory_load_anonymous_bytes"),
    ("model: mapped files", "memory_load_file_bytes"),
)
_MEMORY = Quantity(title="memory", unit="mebibytes")
_ENERGY = Quantity(title="energy of a call, idle included", unit="joules")
_MINUTES = Quantity(title="minute", unit="plain")
_MOST_COURSES = 8


def memory(material: Material) -> Section:
    """Return the memory of each trial by part, and the highest that was seen during calls."""
    title = "Memory by part"
    rows = [row for row in material.own if row.memory_load_bytes is not None and row.memory_import_bytes is not None]
    if not rows:
        return Section(
            name="memory",
            title=title,
            says=("The memory of no trial was taken: a run takes it unless its budget leaves no room for that.",),
        )
    naming = Naming(material.own)
    drawn = rows[: 2 * MOST_ROWS]
    slices = [one for row in drawn for one in _slices(row, naming)]
    marks = [one for row in drawn for one in _peak(row, naming)]
    chart = charts.bars("memory", f"Memory by part of {len(drawn)} trials, and their peaks.", slices, _MEMORY, marks)
    says = [
        "Bars are what importing the runtime and loading the model added; the black stroke is the highest during "
        "calls. Imports and peaks are resident memory, loading is the proportional share, so shared pages count less "
        "in it."
    ]
    if len(rows) > len(drawn):
        says.append(f"The picture leaves out {len(rows) - len(drawn)} trials; trials.csv has all.")
    figures = [name for name, _ in _PARTS]
    table = Table(
        name="memory",
        title="Rows: memory",
        columns=(
            Column(name="Model"),
            Column(name="Setting"),
            *(Column(name=name[0].upper() + name[1:], number=True) for name in figures),
            Column(name="Peak above import", number=True),
            Column(name="Artefact", number=True),
        ),
        rows=tuple(
            (
                document.text(row.model),
                document.text(naming.setting(row)),
                *(document.size(getattr(row, field)) for _, field in _PARTS),
                document.size(row.memory_peak_bytes),
                document.size(row.artefact_bytes),
            )
            for row in rows
        ),
        source="trials.csv",
    )
    return Section(name="memory", title=title, says=tuple(says), charts=(chart,), tables=(table,))


def _slices(row: TrialRow, naming: Naming) -> Iterator[Slice]:
    for part, field in _PARTS:
        value = getattr(row, field)
        if value is not None and value > 0:
            yield Slice(row=naming.trial(row), part=part, x=value, shown=units.size(value))


def _peak(row: TrialRow, naming: Naming) -> Iterator[Dot]:
    if row.memory_peak_bytes is not None and row.memory_import_bytes is not None:
        highest = row.memory_import_bytes + row.memory_peak_bytes
        shown = f"highest {units.size(highest)}"
        yield Dot(row=naming.trial(row), series="peak", x=highest, low=None, high=None, shown=shown)


# --- energy ----------------------------------------------------------------------------------------------------------


def energy(material: Material) -> Section:
    """Return the energy of a call with its interval and its rung; where nothing told any, why."""
    title = "Energy, and where it comes from"
    told = [row for row in material.own if row.energy_j is not None and row.energy_j > 0]
    if not told:
        return Section(name="energy", title=title, says=tuple(_no_energy(material)))
    naming = Naming(material.own)
    models = distinct(row.model for row in told)
    drawn = set(models[:MOST_ROWS])
    dots = [_joules(row, naming) for row in told if row.model in drawn]
    chart = charts.intervals("energy", f"Energy of a call of {len(dots)} trials, with intervals.", dots, _ENERGY)
    sources = distinct(f"{row.energy_rung} ({row.energy_sensor}: {row.energy_rail})" for row in told)
    says = (
        f"From {some(sources, 4)}. Calls follow one another without a pause, and idle power is part of it.",
        *([f"The picture leaves out {len(models) - MOST_ROWS} models."] if len(models) > MOST_ROWS else []),
    )
    table = Table(
        name="energy",
        title="Rows: energy",
        columns=(
            Column(name="Model"),
            Column(name="Setting"),
            Column(name="A call", number=True),
            Column(name="95 % interval", number=True),
            Column(name="Above idle", number=True),
            Column(name="Idle power", number=True),
            Column(name="Rung"),
            Column(name="Sensor"),
            Column(name="Rail"),
        ),
        rows=tuple(
            (
                document.text(row.model),
                document.text(naming.setting(row)),
                document.energy(row.energy_j),
                document.text(_bracket(row.energy_low_j, row.energy_high_j)),
                document.energy(row.energy_above_idle_j),
                document.text("" if row.energy_idle_w is None else units.power(row.energy_idle_w)),
                document.text(row.energy_rung),
                document.text(row.energy_sensor),
                document.text(row.energy_rail),
            )
            for row in told
        ),
        source="trials.csv",
    )
    return Section(name="energy", title=title, says=says, charts=(chart,), tables=(table,))


def _no_energy(material: Material) -> Iterator[str]:
    reasons = distinct(row.energy_reason for row in material.own if row.energy_reason)
    if reasons:
        yield f"No energy was measured: {some(reasons, 3)}. `edgebench list sensors` says what can be done."
    else:
        yield (
            "Energy was not asked for: `edgebench run --energy` measures it where the board has a sensor, "
            "`--meter FILE` takes it from an external meter."
        )


def _joules(row: TrialRow, naming: Naming) -> Dot:
    assert row.energy_j is not None
    bounds = _bracket(row.energy_low_j, row.energy_high_j)
    return Dot(
        row=row.model,
        series=naming.setting(row),
        x=row.energy_j,
        low=row.energy_low_j,
        high=row.energy_high_j,
        shown=f"{units.energy(row.energy_j)} [{bounds}], {row.energy_rung}"
        if bounds
        else f"{units.energy(row.energy_j)}",
    )


def _bracket(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else units.energy_span(low, high)


# --- long runs -------------------------------------------------------------------------------------------------------


def sustained(material: Material) -> Section | None:
    """Return latency minute by minute of a long run; None of any other run, which is not asked for it."""
    rows = material.summary.minutes
    if not rows:
        return None
    names = set(distinct(row.trial for row in rows)[:_MOST_COURSES])
    strokes = [Stroke(series=row.trial, x=row.minute, y=row.latency_p50_s) for row in rows if row.trial in names]
    chart = charts.course("minutes", "Latency minute by minute.", strokes, (_MINUTES, LATENCY), height=220)
    return Section(
        name="sustained",
        title="Minute by minute",
        says=("Calls follow one another without a pause, as long as the run was asked to go on.",),
        charts=(chart,),
        tables=(_minutes_table(rows),),
    )


def _minutes_table(rows: Sequence[MinuteRow]) -> Table:
    return Table(
        name="minutes",
        title="Rows: minutes",
        columns=(
            Column(name="Trial"),
            Column(name="Minute", number=True),
            Column(name="Latency", number=True),
            Column(name="Clock", number=True),
            Column(name="Temperature", number=True),
            Column(name="Held back by"),
        ),
        rows=tuple(
            (
                document.text(row.trial),
                document.whole(row.minute),
                document.seconds(row.latency_p50_s),
                document.text("" if row.clock_hz is None else units.clock(row.clock_hz)),
                document.text("" if row.temperature_c is None else units.celsius(row.temperature_c)),
                document.text(row.throttled_by),
            )
            for row in rows
        ),
        source="minutes.csv",
    )
