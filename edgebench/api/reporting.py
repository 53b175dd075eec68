"""Write reports: a page of one run, or of all runs below a folder, as HTML or as Markdown with pictures."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgebench import extras
from edgebench.api import _accuracy
from edgebench.errors import UsageError
from edgebench.judge import fronts, places
from edgebench.judge.compare import known_of
from edgebench.judge.consequences import VerdictRow
from edgebench.judge.fronts import Accuracy
from edgebench.judge.places import Measurements
from edgebench.report.page import colours, composing, document, history, markdown, watching
from edgebench.report.page import html as page_html
from edgebench.report.page.document import Document
from edgebench.report.page.material import Material
from edgebench.store import calibration, derived
from edgebench.store.derived import Context
from edgebench.store.rows import BackendRow, LayerRow, MinuteRow, PairRow, RoundRow, TrialRow
from edgebench.store.tables import Summary
from edgebench.untrusted import plain

if TYPE_CHECKING:
    import pandas as pd

NAME = "report"
"""The name of a report in its folder: report.html, report.md."""

_NEEDED = ("altair", "vl_convert", "jinja2")
_PICTURE_SCALE = 2.0
_MOST_REASON = 300  # characters of why a run is left out

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was written: the page, its size, and its answer in a sentence."""

    path: Path
    size_bytes: int
    headline: str


def report(path: str | Path, output: Path | None = None) -> Report:
    """Write the HTML page of a run folder, or of all runs below a folder, and return where it lies.

    Without `output` it lies in that folder as report.html. Raise UsageError where there is no run, where its tables
    cannot be read, and where what draws is not installed.
    """
    _check_installed()
    given = Path(path)
    target = given / f"{NAME}.html" if output is None else output
    if target.is_dir():
        raise UsageError(f"{target} is a folder: expected the name of a file to write, such as {target / NAME}.html.")
    page, tables = _page(given, target.parent)
    text = page_html.render(page, tables)
    _write(target, text.encode("utf-8", "replace"))
    return Report(path=target, size_bytes=target.stat().st_size, headline=page.headline)


def report_markdown(path: str | Path, folder: Path) -> Report:
    """Write the same as Markdown into a folder, each chart as PNG and as SVG; raise UsageError as `report` does."""
    _check_installed()
    given = Path(path)
    page, tables = _page(given, folder)
    target = folder / f"{NAME}.md"
    _write(target, markdown.render(page, tables).encode("utf-8", "replace"))
    _draw(page, folder / markdown.PICTURES)
    return Report(path=target, size_bytes=target.stat().st_size, headline=page.headline)


def _check_installed() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"A report is drawn by Altair, and {', '.join(missing)} is not installed: {extras.way('report')}."
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): name a file that can, with -o or --markdown."
        ) from error


def _draw(page: Document, folder: Path) -> None:
    """Write each chart of a page as PNG and as SVG."""
    import altair as alt
    import vl_convert

    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    for section in page.sections:
        for chart in section.charts:
            spec = colours.printed(chart)
            png = vl_convert.vegalite_to_png(spec, vl_version=version, scale=_PICTURE_SCALE, allowed_base_urls=[])
            svg = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
            _write(folder / f"{chart.name}.png", png)
            _write(folder / f"{chart.name}.svg", svg.encode("utf-8"))


def _relative(given: Path, beside: Path) -> str:
    found = Path(os.path.relpath(given.resolve(), beside.resolve())).as_posix()
    return "" if found == "." else found


def _page(given: Path, beside: Path) -> tuple[Document, str]:
    """Return the page of the one run there is, or of many, and where its tables lie seen from the page."""
    folders = derived.with_tables(given)
    if len(folders) == 1:
        return composing.page(material(folders[0])), _relative(folders[0], beside)
    return _history(given, folders, beside), ""


# --- one run ---------------------------------------------------------------------------------------------------------


def material(folder: Path) -> Material:
    """Return what the tables of a run say, each text fit to be shown; raise UsageError for a table that is none."""
    told = derived.context(folder)
    context = _shown_context(told)
    trials = tuple(_shown(folder / "trials.csv", TrialRow))
    measured = tuple(places.measured(trials))
    accuracies = _printed(measured)
    return Material(
        context=context,
        summary=Summary(
            trials=trials,
            pairs=tuple(_shown(folder / "pairs.csv", PairRow)),
            backends=tuple(_shown(folder / "backends.csv", BackendRow)),
            minutes=tuple(_shown(folder / "minutes.csv", MinuteRow, needed=False)),
            layers=tuple(_shown(folder / "layers.csv", LayerRow)),
            images=context.images,
        ),
        verdicts=tuple(_shown(folder / "verdicts.csv", VerdictRow, needed=False)),
        rounds=derived.frame(folder / "rounds.csv", RoundRow, watching.COLUMNS),
        fronts=fronts.fronts(measured, accuracies, {row.model: row.mult_adds for row in trials if row.mult_adds}),
        printed=len({row.model for row in trials if row.latency_p50_s is not None} & accuracies.keys()),
        known=known_of(calibration.resolution_beside(folder, told.unit)),
    )


def _shown_context(context: Context) -> Context:
    return replace(
        document.shown_row(context),
        versions={document.shown(name): document.shown(version) for name, version in context.versions.items()},
        facts={document.shown(name): document.shown(fact) for name, fact in context.facts.items()},
        absent={document.shown(name): document.shown(why) for name, why in context.absent.items()},
        images=None if context.images is None else document.shown_row(context.images),
        settings=tuple((document.shown(name), document.shown(value)) for name, value in context.settings),
    )


def _shown(path: Path, kind: type[T], *, needed: bool = True) -> Iterator[T]:
    """Yield the rows of a table; of one that earlier versions did not write, nothing where there is none."""
    if needed or path.is_file():
        yield from map(document.shown_row, derived.records(path, kind))


def _printed(measured: Iterable[Measurements]) -> dict[str, Accuracy]:
    """Return the printed accuracies of the networks that were measured."""
    models = {model for one in measured for model in one.latency_s}
    return {
        model: Accuracy(top1=accuracy.top1, source=accuracy.source)
        for model, accuracy in _accuracy.accuracies().items()
        if model in models
    }


# --- many runs -------------------------------------------------------------------------------------------------------


def _history(given: Path, folders: Iterable[Path], beside: Path) -> Document:
    import pandas as pd

    frames, left_out = [], []
    for folder in folders:
        try:
            frames.append(_trials_of(folder, given, beside))
        except UsageError as error:
            left_out.append(f"{document.shown(folder.name)}: {plain(str(error), _MOST_REASON)}")
    frames = [frame for frame in frames if not frame.empty]
    if not frames:
        why = left_out[0] if left_out else "expected one that was measured."
        raise UsageError(f"The runs below {given} hold no trial: {why}")
    rows = pd.concat(frames, ignore_index=True)
    return history.page(rows, f"Runs in {document.shown(given.resolve().name)}", left_out)


def _trials_of(folder: Path, given: Path, beside: Path) -> "pd.DataFrame":
    """Return the trials of one run without its twins, with its date and version beside each."""
    rows = derived.frame(folder / "trials.csv", TrialRow, history.COLUMNS)
    missing: dict[str, Any] = {name: float("nan") for name in history.COLUMNS if name not in rows}
    rows = rows.assign(**missing)
    rows = rows.loc[rows["twin"].astype(str) != "True"].reset_index(drop=True)
    for column in history.TEXTS:
        rows[column] = rows[column].map(lambda text: document.shown(text) if isinstance(text, str) else text)
    said = derived.context(folder)
    try:
        datetime.fromisoformat(said.started)
    except ValueError:
        raise UsageError(
            f"{folder / derived.CONTEXT}: started is {said.started!r}: expected a date as runs write it."
        ) from None
    return rows.assign(
        run=document.shown(folder.relative_to(given).as_posix()),
        path=_relative(folder, beside),
        started=said.started,
        edgebench_version=document.shown(said.edgebench_version),
    )
