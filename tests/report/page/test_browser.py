"""The page in a real browser: Debian's chromium, without a window and without a network."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from edgebench.api import reporting
from edgebench.report.page import charts, composing, document, html
from edgebench.report.page.axes import Quantity
from edgebench.report.page.charts import Dot, Slice, Spot, Stroke
from edgebench.report.page.document import Document, Section
from tests.needing import lacking
from tests.report.page import runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, ViewportSize

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]
WIDE: "ViewportSize" = {"width": 1280, "height": 900}
PHONE: "ViewportSize" = {"width": 390, "height": 844}

NAME = runs.SCRIPT
LONG = "n" * 500


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Return a browser for all tests of this file; without one they lack it."""
    if CHROMIUM is None:
        lacking("chromium is not installed: a page is looked at in Debian's package of it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the sample run."""
    return reporting.report(runs.copied(tmp_path_factory.mktemp("sample"))).path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a run whose every name means harm."""
    return reporting.report(runs.hostile(tmp_path_factory.mktemp("hostile"))).path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with every kind of chart, their names hostile, and a table of many rows."""
    path = tmp_path_factory.mktemp("drawn") / "report.html"
    path.write_text(html.render(every_chart()), encoding="utf-8")
    return path


def every_chart() -> Document:
    """Return a page with each kind of chart, whose texts are hostile, and a table of 120 rows."""
    latency = Quantity(title="latency", unit="seconds")
    dots = [Dot(row=NAME, series=series, x=0.01, low=0.009, high=0.012, shown=NAME) for series in (NAME, LONG)]
    spots = [Spot(series=NAME, x=x, y=x, low=0.9 * x, high=1.1 * x, name=LONG, shown=NAME, label=NAME) for x in (1, 10)]
    strokes = [Stroke(series=NAME, x=x, y=x, low=0.9 * x, high=1.1 * x) for x in (1.0, 10.0)]
    drawn = (
        charts.intervals("intervals", NAME, dots, latency),
        charts.plane("plane", NAME, spots, (latency, latency), lines=strokes, limits=spots),
        charts.bars("bars", NAME, [Slice(row=NAME, part=LONG, x=1.0, shown=NAME)], latency, dots),
        charts.course("course", NAME, strokes, (latency, latency), height=100),
        charts.dates("dates", NAME, spots, latency),
    )
    columns = (document.Column(name="Name"), document.Column(name="Number", number=True))
    rows = tuple((document.text(f"row {number}"), document.whole(number % 7)) for number in range(120))
    table = document.Table(name="many", title="Many rows", columns=columns, rows=rows)
    section = Section(name="all", title="All", charts=drawn, tables=(table,), open=True)
    return Document(title="All", under="", headline="", answer=None, beyond=0, cards=(), sections=(section,))


class Watched:
    """A page that is open, with all that it asked for and complained of."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._refuse)

    def _refuse(self, dialog: "Dialog") -> None:
        self.errors.append(dialog.message)
        dialog.dismiss()

    def open(self, path: Path) -> "Page":
        """Open a file and wait until its charts are drawn."""
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        return self.page


@pytest.fixture
def watched(browser: "Browser") -> Iterator[Watched]:
    """Return a page that is watched."""
    page = browser.new_page(viewport=WIDE)
    yield Watched(page)
    page.close()


def first_cells(page: "Page", table: str) -> list[str]:
    """Return the first cell of each row that a table shows."""
    return page.locator(f"[data-table={table}] tbody tr td:first-child").all_inner_texts()


@pytest.mark.parametrize("which", ["sample", "hostile", "drawn"])
def test_nothing_leaves_the_page_and_nothing_goes_wrong(
    which: str, watched: Watched, request: pytest.FixtureRequest
) -> None:
    """The file is the only thing that is asked for; no error is printed, no dialog opens, every chart is drawn."""
    path: Path = request.getfixturevalue(which)
    page = watched.open(path)
    assert watched.errors == []
    assert [url for url in watched.requests if not url.startswith("data:")] == [path.as_uri()]
    assert page.locator("[data-chart]").count() == page.locator("[data-chart] svg").count() > 0
    assert page.locator("img, iframe, object").count() == 0


def test_a_table_is_sorted_by_its_headings(sample: Path, watched: Watched) -> None:
    """A heading is a button that sorts up, then down, says which, and knows numbers from texts."""
    page = watched.open(sample)
    heading = page.locator("[data-table=trials] th", has_text="Latency")
    column = [*page.locator("[data-table=trials] th").all_inner_texts()].index("Latency")
    cells = page.locator(f"[data-table=trials] tbody tr td:nth-child({column + 1})")
    assert heading.get_attribute("aria-sort") == "none"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    up = cells.all_inner_texts()
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert cells.all_inner_texts() == up[::-1]
    assert (up[0], up[-1]) == ("20.9 us", "207 ms")
    assert page.locator("[data-table=trials] th[aria-sort=descending]").count() == 1


def test_a_table_is_filtered_and_turned(drawn: Path, watched: Watched) -> None:
    """Fifty rows stand on a page; words filter all of them, and how many are left is said."""
    page = watched.open(drawn)
    shown = page.locator("[data-table=many] .shown")
    assert first_cells(page, "many") == [f"row {number}" for number in range(50)]
    page.get_by_role("button", name="Later rows").click()
    assert first_cells(page, "many")[0] == "row 50"
    page.locator("[data-table=many] input").fill("row 11")
    assert first_cells(page, "many") == ["row 11", *(f"row {number}" for number in range(110, 120))]
    assert shown.inner_text() == "11 rows (of 120)"
    page.locator("[data-table=many] input").fill("nothing is called so")
    assert first_cells(page, "many") == []


def test_a_point_tells_what_it_is(sample: Path, watched: Watched) -> None:
    """Pointing at a figure shows its model, its backend and its value."""
    page = watched.open(sample)
    page.locator("[data-chart=backends] .mark-symbol path").first.hover(force=True)
    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert "mobilenet_v1" in told.inner_text()
    assert re.search(r"\d ms \[", told.inner_text())


def test_a_hostile_point_tells_it_as_text(drawn: Path, watched: Watched) -> None:
    """What a tooltip and an axis show of a hostile name is its text."""
    page = watched.open(drawn)
    page.locator("[data-chart=intervals] .mark-symbol path").first.hover(force=True)
    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert "<script>alert(1)</script>" in told.inner_text()
    assert watched.errors == []
    assert page.locator("script").count() == 3


@pytest.mark.parametrize("which", ["sample", "hostile", "drawn"])
def test_a_small_screen_needs_no_scrolling_sideways(
    which: str, watched: Watched, request: pytest.FixtureRequest
) -> None:
    """On 390 pixels nothing is wider than the screen; wide tables scroll in themselves."""
    watched.page.set_viewport_size(PHONE)
    page = watched.open(request.getfixturevalue(which))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_dark_is_dark_and_light_is_light(sample: Path, watched: Watched) -> None:
    """The page and its charts follow what the reader's system prefers, without being drawn again."""
    page = watched.open(sample)
    found: dict[str, Any] = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found[scheme] = page.evaluate(
            """() => [
                getComputedStyle(document.documentElement).getPropertyValue("--surface").trim(),
                getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.querySelector("[data-chart] .role-axis-label text")).fill,
            ]"""
        )
    assert found["light"][0] == "#ffffff"
    assert all(light != dark for light, dark in zip(found["light"], found["dark"], strict=True))


def test_it_prints(sample: Path, watched: Watched) -> None:
    """On paper it is black on white whatever the screen is, what is clicked is left out, and charts fit the page."""
    page = watched.open(sample)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert not page.locator("[data-table=trials] .tools").is_visible()
    page.set_viewport_size({"width": 700, "height": 1000})
    assert page.evaluate("Math.max(...[...document.querySelectorAll('svg')].map((one) => one.clientWidth))") <= 700
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["sample", "hostile"])
def test_axe_finds_nothing_serious(which: str, scheme: Any, watched: Watched, request: pytest.FixtureRequest) -> None:
    """axe-core finds nothing serious or critical, with every row unfolded, in light and in dark."""
    from axe_playwright_python.sync_playwright import Axe

    watched.page.emulate_media(color_scheme=scheme)
    page = watched.open(request.getfixturevalue(which))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    violations = Axe().run(page).response["violations"]
    grave = [
        (one["id"], one["nodes"][0]["html"][:200]) for one in violations if one["impact"] in {"serious", "critical"}
    ]
    assert grave == []


def test_many_runs_are_a_page_too(tmp_path: Path, watched: Watched) -> None:
    """A folder of runs becomes latency over dates, a chart a model, each row leading to its run."""
    made = reporting.report(runs.several(tmp_path))
    page = watched.open(made.path)
    assert watched.errors == []
    assert page.locator("[data-chart]").count() == 4
    links = {one.get_attribute("href") or "" for one in page.locator("[data-table=all] tbody a").all()}
    assert len(links) == 3
    assert all((made.path.parent / link).is_file() for link in links)


def test_the_first_screen_answers(sample: Path, watched: Watched) -> None:
    """Which backend, how sure and what not to trust stand above the fold of an ordinary screen."""
    page = watched.open(sample)
    for text in ("is the fastest for", "How sure", "What not to trust"):
        box = page.get_by_text(text, exact=False).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < WIDE["height"], text


def test_a_page_of_a_run_is_what_was_composed(sample: Path, watched: Watched) -> None:
    """Every section of the document stands on the page, in its order."""
    page = watched.open(sample)
    sections = [section.name for section in composing.page(reporting.material(sample.parent)).sections]
    assert page.evaluate("[...document.querySelectorAll('main > section[id]')].map((one) => one.id)") == sections
