"""Reports as files: where they lie, what is in them, and what is refused."""

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from edgebench import cli
from edgebench.api import comparing, reading, reporting
from edgebench.errors import UsageError
from edgebench.report import answer
from edgebench.report.page import composing, document
from tests.report.page import runs

RUN = CliRunner()
ELEMENTS = {"h1", "h2", "h3", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "a", "img"}
"""All that the Markdown of a report becomes."""

PNG = b"\x89PNG\r\n\x1a\n"


def test_without_its_packages_a_report_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence names what is missing and the pip command; nothing is written."""
    monkeypatch.setattr(reporting, "_NEEDED", ("json", "a_package_that_is_not_there"))
    with pytest.raises(UsageError) as told:
        reporting.report(runs.SAMPLE, Path("never.html"))
    assert "a_package_that_is_not_there is not installed" in str(told.value)
    assert "`.venv/bin/pip install -c constraints.txt -e '.[report]'` in the clone" in str(told.value)
    assert not Path("never.html").exists()


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    """A report needs a run: one sentence, exit code 2."""
    with pytest.raises(UsageError, match="expected a run folder"):
        reporting.report(tmp_path)


def test_an_output_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """-o names a file."""
    with pytest.raises(UsageError, match="expected the name of a file"):
        reporting.report(runs.SAMPLE, tmp_path)


@pytest.mark.slow
def test_the_page_lies_in_the_run_folder_and_leads_to_its_tables(tmp_path: Path) -> None:
    """report.html stands beside the CSV files, which it names by relative links that resolve, and its vows are kept."""
    made = reporting.report(runs.copied(tmp_path))
    text = made.path.read_text(encoding="utf-8")
    assert made.path == tmp_path / "run" / "report.html"
    assert made.size_bytes == len(text.encode()) < 8_000_000
    links = set(re.findall(r'<a href="([.]/[^"]+)"', text))
    assert {"./trials.csv", "./pairs.csv", "./rounds.csv", "./context.json"} <= links
    assert all((made.path.parent / link).is_file() for link in links)
    assert text.count("vegaEmbed=") <= 1


@pytest.mark.slow
def test_page_terminal_and_compare_say_the_same() -> None:
    """What a page and a terminal say of backends is what `compare --by backend` decides of the same run."""
    compared = comparing.within(runs.SAMPLE, "backend").rows
    material = reporting.material(runs.SAMPLE)
    shown = [row for one in material.standings for row in one.behind]
    assert {(row.after, row.outcome, row.decided_on) for row in shown} == {
        (row.after, row.outcome, row.decided_on) for row in compared
    }
    read = reading.read(runs.SAMPLE)
    assert answer.answer(read.summary, read.known).fastest == answer.answer(material.summary, material.known).fastest


@pytest.mark.slow
def test_one_trial_without_an_interval_is_a_page_too(tmp_path: Path) -> None:
    """What a single trial cannot show is told in sentences; nothing is drawn of it."""
    page = composing.page(reporting.material(runs.single(tmp_path)))
    drawn = {chart.name for section in page.sections for chart in section.charts}
    assert page.headline == "mobilenet_v1 takes 18.6 ms in torch."
    assert {"backends", "counts"} <= drawn
    assert not {"pairs", "memory", "energy", "accuracy"} & drawn
    json.dumps([chart.spec for section in page.sections for chart in section.charts], allow_nan=False)


@pytest.mark.slow
def test_a_page_elsewhere_leads_back(tmp_path: Path) -> None:
    """Written to another folder, its links go there and back."""
    folder = runs.copied(tmp_path)
    made = reporting.report(folder, tmp_path / "pages" / "page.html")
    links = set(re.findall(r'<a href="([.]/[^"]+)"', made.path.read_text(encoding="utf-8")))
    assert "./../run/trials.csv" in links


@pytest.mark.slow
def test_markdown_has_its_pictures(tmp_path: Path) -> None:
    """Every picture that the Markdown names is there as PNG and as SVG, and no colour is left a name."""
    made = reporting.report_markdown(runs.copied(tmp_path), tmp_path / "page")
    named = re.findall(r"\]\((figures/[^)]+)\)", made.path.read_text(encoding="utf-8"))
    assert len(named) > 10
    for name in named:
        content = (made.path.parent / name).read_bytes()
        assert content.startswith(PNG) if name.endswith(".png") else b"var(--" not in content


@pytest.mark.slow
def test_hostile_names_are_text_in_every_file(tmp_path: Path) -> None:
    """Markdown of a hostile run has no element and no link of its names; in its pictures they are text."""
    made = reporting.report_markdown(runs.hostile(tmp_path), tmp_path / "page")
    read = MarkdownIt("commonmark", {"html": True}).enable("table").render(made.path.read_text(encoding="utf-8"))
    found = runs.Elements(read)
    assert {tag for tag, _ in found.found} == ELEMENTS
    links = {one[name] or "" for _, one in found.found for name in ("href", "src") if name in one}
    assert all(link.startswith(("./", "figures/")) for link in links)
    for picture in (made.path.parent / "figures").glob("*.svg"):
        assert "<script" not in picture.read_text(encoding="utf-8")
    assert all(document.shown(name) in found.text for name in runs.HOSTILE.values())


@pytest.mark.slow
def test_the_command_prints_the_answer_and_where_it_is(tmp_path: Path) -> None:
    """`edgebench report RUN -o FILE` prints the headline, then the file with its size."""
    target = tmp_path / "page.html"
    done = RUN.invoke(cli.app, ["report", str(runs.SAMPLE), "-o", str(target)])
    assert done.exit_code == 0
    assert done.output.startswith("onnxruntime is the fastest for 3 of 4 models")
    assert f"{target}: " in done.output.replace("\n", "")


def test_markdown_takes_no_other_output(tmp_path: Path) -> None:
    """--markdown writes a folder, so -o and --open have nothing to name."""
    done = RUN.invoke(cli.app, ["report", str(runs.SAMPLE), "--markdown", str(tmp_path), "--open"])
    assert isinstance(done.exception, UsageError)


def test_a_run_that_cannot_be_read_is_left_out_by_name(tmp_path: Path) -> None:
    """The page of many runs tells the others and why it lacks this one; where none is left, that is the reason."""
    runs.several(tmp_path)
    folders = sorted((tmp_path / "board").iterdir())
    (folders[0] / "context.json").write_text("[" * 200_000, encoding="utf-8")
    made = reporting.report(tmp_path)
    page = made.path.read_text(encoding="utf-8")
    assert "Runs left out" in page
    assert f"{folders[0].name}: " in page
    assert "in 2 runs" in made.headline
    for folder in folders[1:]:
        (folder / "trials.csv").write_text("twin\nperhaps\n", encoding="utf-8")
    with pytest.raises(UsageError, match=f"hold no trial: {folders[0].name}: "):
        reporting.report(tmp_path)
