"""Reading published measurements: what the files hold, and what is refused with file and line."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebench import devices
from edgebench.errors import UsageError
from edgebench.store import published
from edgebench.store.published import BOARDS, DERIVED, NAMES, SOURCES

SOURCE = """
[lab]
title = "A lab"
url = "https://example.org/lab"
licence = "{licence}"
copyright = "the lab"
read = "2026-11-22"
rows = "line of the page"
version = "stated"
weak_points = ["one board"]
"""
BOARD = "source,board,kind,device,processor,named\nlab,pi,embedded,rpi4,,Raspberry Pi\n"
NAME = "source,named,side,model,reason\nlab,mobilenet,224,mobilenet_v1,width in the name\n"
FIGURE = "source,board,runtime,quantity,subject,baseline,ratio\nlab,pi,ncnn,latency_ratio,a,b,1.5\n"
HEADER = ",".join(published.columns(published.Row))
CELLS = {
    "board": "pi",
    "date": "2024-05-01",
    "runtime": "ncnn",
    "version": "1.0",
    "backend": "cpu",
    "threads": "4",
    "precision": "fp32",
    "batch": "1",
    "statistic": "mean",
    "runs": "10",
    "model": "mobilenet_v1",
    "named": "mobilenet",
    "latency_s": "0.1",
    "line": "7",
}


def line(**changes: str) -> str:
    """Return a line of a file of rows."""
    cells = {**CELLS, **changes}
    return ",".join(cells.get(column, "") for column in published.columns(published.Row)) + "\n"


Files = Callable[..., Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return a function that writes a folder of published measurements, with other texts where they are given."""

    def write(rows: str = line(), licence: str = "MIT", **texts: str) -> Path:
        (tmp_path / SOURCES).write_text(SOURCE.format(licence=licence))
        (tmp_path / BOARDS).write_text(texts.get("boards", BOARD))
        (tmp_path / NAMES).write_text(texts.get("names", NAME))
        (tmp_path / DERIVED).write_text(texts.get("derived", FIGURE))
        (tmp_path / "lab.csv").write_text(f"{HEADER}\n{rows}")
        return tmp_path

    return write


def test_a_row_is_read_as_it_stands(files: Files) -> None:
    """Cells become numbers and texts, an empty one a value that is missing; the file's name is the source."""
    found = published.read(files())
    (row,) = found.rows
    assert (row.source, row.board, row.model) == ("lab", "pi", "mobilenet_v1")
    assert (row.threads, row.runs, row.latency_s, row.line) == (4, 10, 0.1, 7)
    assert (row.settings, row.run, row.note, row.doubt) == (None, None, None, None)
    assert found.boards["lab", "pi"].device == "rpi4"
    assert found.derived[0].ratio == 1.5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"latency_s": "0"}, "latency_s is 0.0: expected seconds above 0"),
        ({"latency_s": "-0.1"}, "latency_s is '-0.1': expected a number"),
        ({"latency_s": "nan"}, "latency_s is 'nan': expected a number"),
        ({"latency_s": "inf"}, "latency_s is 'inf': expected a number"),
        ({"latency_s": "12 ms"}, "latency_s is '12 ms': expected a number"),
        ({"latency_s": "0,1"}, "cells: expected 18"),
        ({"latency_s": ""}, "latency_s is '': expected a value"),
        ({"latency_s": f"0.{'0' * 400}1"}, "latency_s is 0.0: expected seconds above 0"),
        ({"latency_s": "9" * 400}, "latency_s is inf: expected seconds above 0"),
        ({"threads": "0"}, "threads is 0: expected an integer from 1"),
        ({"threads": "4.0"}, "threads is '4.0': expected an integer"),
        ({"threads": "1_0"}, "threads is '1_0': expected an integer"),
        ({"threads": " 4"}, "threads is ' 4': expected an integer"),
        ({"threads": "\u0664"}, "threads is '\u0664': expected an integer"),
        ({"threads": "all"}, "threads is 'all': expected an integer"),
        ({"batch": ""}, "batch is '': expected a value"),
        ({"batch": "0"}, "batch is 0: expected an integer from 1"),
        ({"runs": "0"}, "runs is 0: expected an integer from 1"),
        ({"date": "2019-2-18"}, "date is '2019-2-18': expected YYYY-MM-DD"),
        ({"backend": "dsp"}, "backend is 'dsp': expected one of 'cpu', 'gpu' or 'npu'"),
        ({"statistic": "best"}, "statistic is 'best': expected one of"),
        ({"board": "pi-2"}, "board 'pi-2' is unknown: expected one of boards.csv"),
        ({"model": "mobilenet"}, "model 'mobilenet' is none"),
        ({"model": "vgg"}, "model is 'vgg': expected it as 'vgg:depth=16'"),
        ({"model": ""}, "model is '': expected a value"),
    ],
)
def test_a_row_that_is_none_is_refused_with_its_line(files: Files, changes: dict[str, str], said: str) -> None:
    """Whatever is wrong with a row is one sentence with file, line and what was expected."""
    with pytest.raises(UsageError) as error:
        published.read(files(line() + line(**{"line": "8", "run": "2", **changes})))
    assert "lab.csv, line 3: " in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_same_measurement_twice_is_refused(files: Files) -> None:
    """Two rows with the same model, name and conditions would be two votes for one."""
    with pytest.raises(UsageError, match=r"lab\.csv, line 3: measures the same as an earlier line"):
        published.read(files(line() + line(latency_s="0.2", line="9")))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"boards": BOARD.replace("kind", "class")}, "boards.csv, line 1: expected the columns source,board,kind"),
        ({"boards": ""}, "boards.csv, line 1: expected the columns"),
        ({"boards": BOARD + "lab,pi,phone,,,Other\n"}, "boards.csv, line 3: pi of lab stands there twice"),
        ({"boards": BOARD.replace("embedded", "toaster")}, "boards.csv, line 2: kind is 'toaster': expected one of"),
        ({"boards": BOARD + "\n"}, "boards.csv, line 3: has 0 cells: expected 6"),
        ({"boards": BOARD + 'lab,"pi'}, "boards.csv, line 3: is not CSV"),
        ({"boards": BOARD + "elsewhere,a,phone,,,A\n"}, "source 'elsewhere' is unknown: expected one of lab"),
        ({"derived": FIGURE.replace("1.5", "0")}, "derived.csv, line 2: ratio is 0.0: expected a number above 0"),
        ({"derived": FIGURE.replace("lab", "elsewhere")}, "derived.csv, line 2: source 'elsewhere' is unknown"),
        ({"derived": FIGURE.replace("latency_ratio", "speed")}, "quantity is 'speed': expected one of"),
    ],
)
def test_a_file_that_is_none_is_refused(files: Files, texts: dict[str, str], said: str) -> None:
    """Boards and derived figures are held to their columns and words too."""
    with pytest.raises(UsageError) as error:
        published.read(files(**texts))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NAME + NAME.splitlines()[1] + "\n", "names.csv, line 3: mobilenet of lab stands there twice"),
        (NAME.replace("mobilenet_v1", "mobilenet_v9"), "names.csv, line 2: model 'mobilenet_v9' is none"),
        (NAME.replace("width in the name", ""), "names.csv, line 2: reason is '': expected a value"),
    ],
)
def test_a_name_needs_a_model_that_exists_and_a_reason(files: Files, text: str, said: str) -> None:
    """What a source's name means is said once, with its reason."""
    with pytest.raises(UsageError) as error:
        published.names(files(names=text))
    assert said in str(error.value)


def test_a_source_without_a_licence_has_no_rows(files: Files) -> None:
    """Rows of a source that allows no copying are refused; its derived figures are not."""
    folder = files(licence="none")
    with pytest.raises(UsageError, match="rows of a source without a licence"):
        published.read(folder)
    (folder / "lab.csv").unlink()
    assert [figure.source for figure in published.read(folder).derived] == ["lab"]


def test_a_file_that_is_missing_or_no_text_is_refused(files: Files) -> None:
    """A file that cannot be read is named."""
    folder = files()
    (folder / "lab.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"lab\.csv: byte 0 is not UTF-8"):
        published.read(folder)
    (folder / "lab.csv").unlink()
    with pytest.raises(UsageError, match=r"lab\.csv: cannot be read"):
        published.read(folder)


@pytest.fixture(scope="module")
def shipped() -> published.Published:
    """Read what is shipped."""
    return published.read()


def test_every_file_of_rows_has_a_source_and_a_notice(shipped: published.Published) -> None:
    """No file of rows lies there unread, each source with a licence has one, and the notice names both."""
    stems = {path.stem for path in published.folder().glob("*.csv")} - {"boards", "names", "derived"}
    assert stems == {name for name, source in shipped.sources.items() if source.licence != published.NO_LICENCE}
    assert stems == {row.source for row in shipped.rows}
    notice = (published.folder() / "NOTICE").read_text(encoding="utf-8")
    assert [name for name in stems if f"  {name}.csv " not in notice] == []
    assert [source.title for source in shipped.sources.values() if source.licence == "MIT"] != []


def test_every_source_says_what_is_weak(shipped: published.Published) -> None:
    """Each source has a link to one commit, a date and at least one weak point."""
    for source in shipped.sources.values():
        assert source.url.startswith("https://github.com/")
        assert source.weak_points


def test_rows_that_may_not_be_shipped_are_ratios_alone(shipped: published.Published) -> None:
    """Of the source without a licence there are ratios and no latencies."""
    without = {name for name, source in shipped.sources.items() if source.licence == published.NO_LICENCE}
    assert without == {"deepedgebench"}
    assert {figure.source for figure in shipped.derived} == without


def test_every_row_means_its_model_by_a_name(shipped: published.Published) -> None:
    """Each row's model is what names.csv says of the source's name for it, with a reason."""
    meant = {(name.source, name.named, name.model) for name in published.names().values()}
    assert {(row.source, row.named, row.model) for row in shipped.rows} <= meant


def test_kinds_of_boards_have_a_file(shipped: published.Published) -> None:
    """A board that is of a kind in devices/ names one that is there."""
    assert {board.device for board in shipped.boards.values() if board.device} <= set(devices.known())


def test_rows_stand_in_order_and_once() -> None:
    """Files change where their rows do: sorted by board, then by the rest."""
    for path in published.folder().glob("*.csv"):
        boards = [text.split(",")[0] for text in path.read_text(encoding="utf-8").splitlines()[1:]]
        assert boards == sorted(boards), path.name


def test_the_page_describes_every_source_and_column(shipped: published.Published) -> None:
    """docs/published_latency.md counts the rows of each source as they are, and describes each column."""
    page = (Path(__file__).parents[2] / "docs" / "published_latency.md").read_text(encoding="utf-8")
    for name, source in shipped.sources.items():
        rows = [row for row in shipped.rows if row.source == name]
        boards = len({row.board for row in rows})
        counted = (
            f"{len(rows)} rows, {boards} board{'s' if boards > 1 else ''}"
            if rows
            else f"{len(shipped.derived)} figures"
        )
        assert re.search(rf"^\| `{name}` \| .* \| {source.licence} \| {counted} \|$", page, re.MULTILINE), name
    described = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page.partition("## Rows")[2], re.MULTILINE)
    columns = [column for cell in described for column in re.findall(r"`(\w+)`", cell)]
    assert columns == list(published.columns(published.Row))
    boards = len({(row.source, row.board) for row in shipped.rows})
    assert f"{len(shipped.rows)} rows of {boards} boards from ten sources" in page


def test_a_disturbed_mean_is_marked(shipped: published.Published) -> None:
    """The run of MobileNet on a Raspberry Pi 5 whose mean is four times its minimum is in the rows, with a doubt."""
    (row,) = (row for row in shipped.rows if row.board == "rpi5" and row.latency_s == 0.03388)
    assert (row.model, row.threads, row.doubt) == ("mobilenet_v1", 4, "mean above 1.5 times the minimum")
