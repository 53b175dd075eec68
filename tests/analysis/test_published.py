"""Published figures: what is printed, what counting gives, and the page that sets them side by side."""

import csv
import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest

from edgebench import architectures
from edgebench.analysis import convention, cost, discrepancies, printed, published
from edgebench.analysis.printed import Verdict
from edgebench.analysis.published import Reproduction, Row, Source, Status
from edgebench.api import reproducing
from edgebench.errors import UsageError
from edgebench.report import published as report

PAGE = Path(__file__).parents[2] / "docs" / "published.md"

SOURCES = published.sources()
ROWS = {f"{row.source}/{row.id}": row for source in SOURCES for row in published.rows(source)}

SAMPLE = {  # one of each way to print, quick to count: row, verdicts on mult-adds and parameters
    "lenet5/section-ii-b-lenet5-c3": ("as printed", "as printed"),
    "lenet5/section-ii-b-lenet5-s2": ("differs", "as printed"),
    "mobilenet_v1/t3-alpha-0.75-rho-0.714": ("as printed", "as printed"),
    "mobilenet_v1/t7-mobilenet_v1-1.0-160": ("truncated", "as printed"),
    "mobilenet_v1/t9-squeezenet-1.0": ("as printed", "as printed"),
    "mobilenet_v1/t9-alexnet-two-group": ("as printed", "truncated"),
    "mobilenet_v1/t12-mobilenet_v1-0.25-224": ("truncated", "as printed"),
    "mobilenet_v1/t13-ssd_deeplab_vgg-300": ("as printed", "differs"),
    "squeezenet/t1-squeezenet-1.0": (None, "as printed"),
    "tfslim_v1/mobilenet_v1-0.25-192": ("differs", "as printed"),
    "tfslim_v1/mobilenet_v1-0.75-224": ("as printed", "as printed"),
    "torchvision/alexnet-imagenet1k_v1": ("as printed", "as printed"),
    "vgg/t2-vgg-d": (None, "as printed"),
}


# --- printed numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "counted", "verdict"),
    [
        ("569 M", 568_740_352, "as printed"),
        ("290 M", 290_675_200, "truncated"),  # 291 when rounded
        ("291 M", 290_675_200, "as printed"),
        ("292 M", 290_675_200, "differs"),
        ("300 M", 299_499_999, "differs"),  # a zero at the end is a digit
        ("300 M to 1 digit", 349_999_999, "as printed"),
        ("0.50 G", 504_999_999, "as printed"),
        ("0.50 G", 505_000_001, "truncated"),
        ("1.5 M", 1_550_000, "as printed"),  # halves are rounded either way
        ("1.6 M", 1_550_000, "as printed"),
        ("159 Ki", 159 * 1024 + 511, "as printed"),
        ("2.7 k", 2712, "as printed"),
        ("1248424", 1_248_424, "as printed"),
        ("1248424", 1_248_425, "differs"),
        ("under 5 G", 4_999_999_999, "as printed"),
        ("under 5 G", 5_000_000_000, "differs"),
        ("0", 0, "as printed"),
        ("94.86 %", Fraction(948574, 10**6), "as printed"),
    ],
)
def test_a_count_is_a_printed_number_to_its_digits(text: str, counted: int | Fraction, verdict: str) -> None:
    """A count is a printed number when rounding or cutting off at the last printed digit gives it."""
    assert printed.compare(printed.parse(text), counted).verdict == verdict


@pytest.mark.parametrize(
    "text", ["", "about 5 M", "5M", "5 T", "5,000 M", "-1 M", "1.50 G to 2 digits", "15 M to 3 digits"]
)
def test_other_texts_are_no_printed_numbers(text: str) -> None:
    """What is not a number with a known unit, or says digits that it does not have, is refused."""
    with pytest.raises(UsageError, match="expected a number as '569 M'"):
        printed.parse(text)


@pytest.mark.parametrize(
    ("text", "counted", "shown"),
    [
        ("569 M", 568_740_352, "568.74 M"),
        ("15300 M to 3 digits", 15_346_630_656, "15346.63 M"),
        ("1248424", 1_248_425, "1248425"),
        ("1.19 %", Fraction(19056, 10**6), "1.9056 %"),
        ("22 x", Fraction(45, 4), "11.25 x"),
        ("19", Fraction(17), "17"),
    ],
)
def test_a_count_is_shown_like_the_printed_number(text: str, counted: int | Fraction, shown: str) -> None:
    """A count is written in the unit of the printed number, with two digits more, or exactly where there is no unit."""
    assert printed.like(printed.parse(text), counted) == shown


def test_a_difference_is_relative_to_what_is_printed() -> None:
    """The difference is positive when the count is more, and there is none beside a printed zero."""
    assert printed.compare(printed.parse("50 M"), 60_000_000).difference == pytest.approx(0.2)
    assert printed.compare(printed.parse("0"), 1).difference is None


# --- the data --------------------------------------------------------------------------------------------------------


def test_no_row_is_lost() -> None:
    """The tables hold the rows that were collected, and each has a source."""
    assert len(ROWS) >= 1038
    assert {path.stem for path in published.folder().glob("*.csv")} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_every_model_has_its_canonical_name(source: str) -> None:
    """A model is written as edgebench writes it, and a convention in words that combine."""
    for row in published.rows(source):
        for figure in (row.mult_adds, row.params):
            if figure is not None:
                convention.parse(figure.convention)
        for model in filter(None, (row.model, *published.models([row]))):
            assert architectures.name(architectures.parse(model)) == model


def test_every_sentence_is_used() -> None:
    """Each reason is the reason of some row."""
    figures = [figure for row in ROWS.values() for figure in (row.mult_adds, row.params) if figure is not None]
    used = {figure.reason for figure in figures} | {row.left_out for row in ROWS.values()}
    assert used - {""} == set(published.reasons())


def test_what_was_read_says_where() -> None:
    """A row that was read in a source names the file."""
    assert [name for name, row in ROWS.items() if row.confidence == "read" and not row.read_in] == []


def test_discrepancies_name_rows() -> None:
    """Each of the 14 discrepancies has an explanation, and shows figures: rows that exist, or quantities."""
    known = discrepancies.read()
    assert len(known) == 14
    for one in known.values():
        assert one.explanation
        assert one.rows or one.quantities
        assert [name for name in one.rows if name not in ROWS] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "", "left_out": ""}, "line 2: has neither of model and left_out"),
        ({"left_out": "not_ours"}, "line 2: has both of model and left_out"),
        ({"confidence": "sure"}, "line 2: confidence is 'sure': expected read, recounted, recalled"),
        ({"mult_adds_reason": "because"}, "line 2: mult_adds_reason is 'because': expected the name of a sentence"),
        ({"top1": "70%"}, "line 2: top1 is '70%': expected a number"),
        ({"params": "4,2 M"}, "line 2: The printed figure is '4,2 M'"),
    ],
)
def test_a_row_that_is_none_is_refused(
    changes: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is refused with file, line and what was expected."""
    write(tmp_path, [row_text(**changes)])
    monkeypatch.setattr(published, "folder", lambda: tmp_path)
    with pytest.raises(UsageError, match=re.escape(message)):
        published.rows("mine")


def test_a_table_with_other_columns_or_two_rows_of_one_id_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All columns are expected, in their order, and an id for each row."""
    monkeypatch.setattr(published, "folder", lambda: tmp_path)
    write(tmp_path, [row_text(), row_text()])
    with pytest.raises(UsageError, match="two rows have the same id"):
        published.rows("mine")
    (tmp_path / "mine.csv").write_text("id,network\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the columns are"):
        published.rows("mine")


def row_text(**changes: str) -> dict[str, str]:
    """Return the cells of a row, MobileNetV1's, with some changed."""
    cells = dict.fromkeys(published.COLUMNS, "")
    known = {
        "id": "one",
        "network": "mobilenet_v1",
        "mult_adds": "569 M",
        "confidence": "read",
        "model": "mobilenet_v1",
    }
    return {**cells, **known, **changes}


def write(folder: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write a source's table, and the sentences that it may name."""
    (folder / "reasons.toml").write_text('not_ours = "It is not ours."\n', encoding="utf-8")
    with (folder / "mine.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, published.COLUMNS)
        table.writeheader()
        table.writerows(rows)


# --- counted ---------------------------------------------------------------------------------------------------------


def test_a_sample_comes_out() -> None:
    """Rows of many sources give the verdicts that stand in this file, and each that differs names a reason."""
    found = reproducing.reproduce(ROWS[name] for name in SAMPLE)
    verdicts = {f"{one.row.source}/{one.row.id}": tuple(map(verdict, (one.mult_adds, one.params))) for one in found}
    assert verdicts == SAMPLE
    assert list(published.complaints(found)) == []


def verdict(outcome: published.Outcome | None) -> str | None:
    """Return a verdict as text."""
    return None if outcome is None else outcome.comparison.verdict.value


def test_a_figure_that_differs_needs_a_reason_and_no_other_has_one() -> None:
    """Complaints name the row, the figure, what was counted and what to write."""
    costs = {"mobilenet_v1": toy(mult_adds=600, params=6)}
    wrong, right = (published.reproduce(made(text, reason), costs) for text, reason in (("569", ""), ("600", "why")))
    assert list(published.complaints([wrong, right])) == [
        "mine/one: mult_adds 569 is counted as 600: expected the name of a reason in mult_adds_reason.",
        "mine/one: mult_adds 600 comes out (600): expected no reason.",
    ]
    assert (wrong.status, right.status) == (Status.DIFFERS, Status.REPRODUCED)


def test_some_layers_alone_are_counted() -> None:
    """A row of some layers counts these and those inside them; a layer that the network lacks is an error."""
    costs = {"mobilenet_v1": toy(("a.x", "a.y", "ab", "b"), mult_adds=10, params=1)}
    assert published.reproduce(made("30", layers=("a", "b")), costs).status is Status.REPRODUCED
    with pytest.raises(UsageError, match="has no layer c"):
        published.reproduce(made("30", layers=("a", "c")), costs)


def made(text: str, reason: str = "", layers: tuple[str, ...] = ()) -> Row:
    """Return a row that prints mult-adds alone."""
    figure = published.Figure(
        printed=printed.parse(text), model="mobilenet_v1", layers=layers, convention=(), reason=reason
    )
    facts = dict.fromkeys(
        ("table", "variant", "resolution", "printed_params", "top1", "top5", "device", "latency_ms", "read_in"), ""
    )
    return Row(
        **facts,
        source="mine",
        id="one",
        network="mobilenet_v1",
        model="mobilenet_v1",
        mult_adds=figure,
        params=None,
        printed_mult_adds=text,
        confidence=published.Confidence.READ,
        left_out="",
        note="",
    )


def toy(names: tuple[str, ...] = ("a",), *, mult_adds: int, params: int) -> cost.Cost:
    """Return a network of equal layers."""
    return cost.Cost(
        layers=tuple(
            cost.LayerCost(
                name=name,
                kind="conv_1x1",
                in_channels=1,
                out_channels=1,
                kernel=(1, 1),
                stride=(1, 1),
                groups=1,
                out_h=1,
                out_w=1,
                mult_adds=mult_adds,
                params=params,
                bias_params=0,
                bn_params=0,
            )
            for name in names
        )
    )


def test_a_batch_norm_has_two_operations_a_value() -> None:
    """A batch norm counts a multiply and an add for each value of the layer that it belongs to."""
    counted = cost.Cost(
        layers=(
            cost.LayerCost(
                name="conv",
                kind="conv_3x3",
                in_channels=3,
                out_channels=8,
                kernel=(3, 3),
                stride=(1, 1),
                groups=1,
                out_h=5,
                out_w=7,
                mult_adds=5 * 7 * 8 * 3 * 9,
                params=8 * 3 * 9,
                bias_params=0,
                bn_params=2 * 8,
            ),
        )
    )
    found = convention.figures(counted, convention.parse(["with-batch-norm-operations"]))
    assert found.operations == 5 * 7 * 8 * 3 * 9 + 2 * (5 * 7 * 8)


# --- the page --------------------------------------------------------------------------------------------------------


def test_rows_that_print_the_same_share_a_line() -> None:
    """The page has a line for each network and figure, and says how many rows stand behind it."""
    costs = {"mobilenet_v1": toy(mult_adds=600, params=6)}
    rows: list[Reproduction] = [published.reproduce(made(text, "why"), costs) for text in ("569", "569", "600")]
    source = Source(title="Mine", cite="A paper.")
    lines = report.page({"mine": source}, {"mine": rows}, {"why": "It is so."}, []).splitlines()
    assert "|  | mobilenet_v1 (x2) | `mobilenet_v1` | 569 | 600 |  |  | mult-adds 5.4 % above (1) |" in lines
    assert "|  | mobilenet_v1 | `mobilenet_v1` | 600 | 600 |  |  | as printed |" in lines
    assert "- (1) It is so." in lines
    assert "| [Mine](#mine) | 3 | 1 | 0 | 2 | 0 | 0 |" in lines


@pytest.mark.slow
def test_the_page_is_what_counting_gives() -> None:
    """docs/published.md is what `scripts/reproduce_published` writes, and each row comes out or names its reason."""
    found = reproducing.published_figures()
    rows = [one for each in found.rows.values() for one in each]
    assert list(published.complaints(rows)) == []
    assert len(rows) == len(ROWS)
    assert report.page(found.sources, found.rows, found.reasons, found.discrepancies) == PAGE.read_text(
        encoding="utf-8"
    )
    unconfirmed = [one for one in rows if one.row.confidence == "recounted" and not comes_out(one)]
    assert [f"{one.row.source}/{one.row.id}" for one in unconfirmed] == []


def comes_out(one: Reproduction) -> bool:
    """Tell whether a figure of a row comes out, or whether it prints none."""
    return not one.outcomes or any(outcome.comparison.verdict is not Verdict.DIFFERS for outcome in one.outcomes)
