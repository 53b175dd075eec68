"""Published measurements: which rows make a pair, which vote, and what k of n boards say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.errors import UsageError
from edgebench.judge import published
from edgebench.judge.published import Answer, Asked
from edgebench.store import published as store
from edgebench.store.published import Board, Row

FOLDER = Path(store.__file__).parents[1] / "reference" / "latency"
VGG, MOBILENET = "vgg:depth=16", "mobilenet_v1"
FASTER = Asked(relation="above", low=1.0)
TWENTY = Asked(relation="at_least", low=20.0)
ROW = Row(
    source="lab",
    board="pi",
    date="2024-05-01",
    runtime="ncnn",
    version="2024-05-01",
    backend="cpu",
    threads=4,
    precision="fp32",
    batch=1,
    statistic="mean",
    runs=10,
    model=VGG,
    named="vgg16",
    latency_s=0.9,
)


def both(subject_s: float, baseline_s: float, **changes: Any) -> list[Row]:
    """Return a row of each model under the same conditions."""
    row = replace(ROW, **changes)
    return [
        replace(row, latency_s=subject_s),
        replace(row, latency_s=baseline_s, model=MOBILENET, named="mobilenet"),
    ]


def answer(rows: list[Row], asked: Asked = FASTER) -> Answer:
    """Return the only answer there is."""
    (only,) = published.answers(rows, VGG, MOBILENET, asked)
    return only


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_a_ratio_is_subject_over_baseline() -> None:
    """The ratio of a pair is the subject's latency by the baseline's."""
    (pair,) = published.pairs(both(0.9, 0.1), VGG, MOBILENET)
    assert pair.ratio == pytest.approx(9.0)
    (pair,) = published.pairs(both(0.9, 0.1), MOBILENET, VGG)
    assert pair.ratio == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    "other",
    [
        {"source": "other lab"},
        {"board": "pi-2"},
        {"date": None},
        {"runtime": "Tengine"},
        {"version": "2024-05-02"},
        {"backend": "gpu"},
        {"threads": 1},
        {"threads": None},
        {"precision": "int8"},
        {"precision": None},
        {"batch": 8},
        {"statistic": "inverse throughput"},
        {"runs": 20},
        {"settings": "powersave 2"},
        {"run": 2},
    ],
)
def test_rows_of_other_conditions_make_no_pair(other: dict[str, Any]) -> None:
    """Two rows that differ in anything but model, time and notes are not compared."""
    subject, baseline = both(0.9, 0.1)
    assert published.pairs([subject, replace(baseline, **other)], VGG, MOBILENET) == ()


def test_two_builds_of_a_model_make_two_pairs() -> None:
    """Where a source measured two builds of one network, each is compared."""
    subject, baseline = both(0.9, 0.1)
    pairs = published.pairs([subject, baseline, replace(baseline, named="mobilenet-tf", latency_s=0.3)], VGG, MOBILENET)
    assert sorted(round(pair.ratio, 6) for pair in pairs) == [3.0, 9.0]


def test_a_model_is_not_compared_with_itself() -> None:
    """One model on both sides is a mistake, not a ratio of 1."""
    with pytest.raises(UsageError, match="both sides"):
        published.pairs(both(0.9, 0.1), VGG, VGG)


def test_models_that_nobody_measured_have_no_answer() -> None:
    """Without rows of both models under the same conditions there is no answer at all."""
    assert published.answers(both(0.9, 0.1), VGG, "lenet5", FASTER) == ()
    assert published.answers([], VGG, MOBILENET, FASTER) == ()


# --- who votes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"precision": None}, ("no precision",)),
        ({"threads": None}, ("no threads",)),
        ({"version": None}, ("no version",)),
        ({"doubt": "mean above 1.5 times the minimum"}, ("doubtful",)),
        ({"precision": None, "threads": None, "version": None}, ("no precision", "no threads", "no version")),
        ({"backend": "gpu", "threads": None}, ()),
        ({"backend": "npu", "threads": None}, ()),
        ({"date": None, "runs": None, "line": None}, ()),
    ],
)
def test_what_is_not_stated_is_listed_and_not_judged(changes: dict[str, Any], reasons: tuple[str, ...]) -> None:
    """A pair without precision, version or a CPU's threads, or with a doubt, is shown and does not vote."""
    found = answer(both(0.9, 0.1, **changes))
    assert found.unjudged == tuple((reason, 1) for reason in reasons)
    assert found.boards == (0 if reasons else 1)
    assert found.rows.rows == 1
    assert found.text == ("no board can be judged" if reasons else "1 of 1 boards")
    assert (found.median is None) is bool(reasons)


def test_a_doubt_about_one_model_is_one_about_the_pair() -> None:
    """A doubtful baseline keeps its pair from voting."""
    subject, baseline = both(0.9, 0.1)
    assert answer([subject, replace(baseline, doubt="disturbed")]).unjudged == (("doubtful", 1),)


# --- one board, one vote ----------------------------------------------------------------------------------------------


def test_a_board_votes_once_for_each_runtime() -> None:
    """Many rows of one board and runtime are one vote; another runtime on that board has its own."""
    rows = [row for threads in (1, 2, 4) for row in both(0.9 / threads, 0.1 / threads, threads=threads)]
    assert answer(rows).boards == 1
    assert answer([*rows, *both(0.5, 0.1, runtime="Tengine")]).boards == 2
    assert answer([*rows, *both(0.5, 0.1, board="pi-2")]).boards == 2


def test_each_model_counts_at_its_own_best_number_of_threads() -> None:
    """As a user would run them: the large model on four threads, the small one on the one where it is fastest."""
    rows = [*both(2.0, 0.05, threads=1), *both(0.8, 0.1, threads=4)]
    (vote,) = answer(rows).votes
    assert vote.ratio == pytest.approx(0.8 / 0.05)
    assert (vote.subject.threads, vote.baseline.threads) == (4, 1)


def test_best_includes_cores_and_runs() -> None:
    """Which cores, and which of several runs, is the user's choice too."""
    rows = [*both(2.0, 0.2, settings="powersave 1"), *both(0.9, 0.1, settings="powersave 2"), *both(1.0, 0.09, run=2)]
    (vote,) = answer(rows).votes
    assert vote.ratio == pytest.approx(0.9 / 0.09)


def test_a_number_of_threads_that_one_model_lacks_is_left_out() -> None:
    """A time for which there is no other model's under the same conditions does not make a model look faster."""
    alone = replace(ROW, threads=8, latency_s=0.01)
    (vote,) = answer([*both(0.9, 0.1), alone]).votes
    assert vote.ratio == pytest.approx(9.0)


def test_what_does_not_vote_does_not_better_a_vote() -> None:
    """A doubtful row is not the best time of a board that has sound ones, and stands in the range of all rows."""
    found = answer([*both(0.9, 0.1, threads=4), *both(0.9, 0.01, threads=2, doubt="disturbed")])
    assert found.boards == 1
    assert found.median == pytest.approx(9.0)
    assert found.rows.rows == 2
    assert found.rows.high == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"batch": 1}, {"batch": 8}),
        ({"date": "2024-05-02"}, {"date": "2023-12-31"}),
        ({"date": None, "version": "2.10"}, {"date": None, "version": "2.9"}),
        ({"batch": 1, "date": "2020-01-01"}, {"batch": 2, "date": "2024-01-01"}),
    ],
)
def test_the_smallest_batch_and_then_the_latest_version_vote(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Of several set-ups of a board and runtime the one a user of today would take votes, however fast the others."""
    rows = [*both(0.9, 0.1, **first), *both(0.02, 0.01, **second)]
    assert answer(rows).median == pytest.approx(9.0)
    assert answer(rows[::-1]).median == pytest.approx(9.0)


def test_of_two_precisions_the_faster_votes_and_they_are_not_mixed() -> None:
    """Half precision votes where it is faster for both together; its time is never set against a single one's."""
    rows = [*both(0.9, 0.1, precision="fp32"), *both(0.6, 0.12, precision="fp16")]
    (vote,) = answer(rows).votes
    assert vote.subject.precision == "fp16"
    assert vote.ratio == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("precision", "arithmetic"),
    [
        ("int8", "integer"),
        ("w8a8", "integer"),
        ("w8a16_mixed_int16", "integer"),
        ("fp16 or fp32", "float"),
        (None, "float"),
    ],
)
def test_integers_have_an_answer_of_their_own(precision: str | None, arithmetic: str) -> None:
    """Integer arithmetic is answered apart from floating point, which is what a source means that does not say."""
    assert published.arithmetic(replace(ROW, precision=precision)) == arithmetic


def test_processors_and_arithmetics_are_answered_apart() -> None:
    """CPU, GPU and NPU, float and integer: an answer each, in that order."""
    rows = [row for backend in ("npu", "gpu", "cpu") for row in both(0.9, 0.1, backend=backend)]
    rows += both(0.9, 0.3, precision="int8")
    found = published.answers(rows, VGG, MOBILENET, FASTER)
    assert [(one.backend, one.arithmetic) for one in found] == [
        ("cpu", "float"),
        ("cpu", "integer"),
        ("gpu", "float"),
        ("npu", "float"),
    ]


SOME = [
    *both(2.0, 0.1, threads=1),
    *both(0.9, 0.1, threads=4),
    *both(0.9, 0.1, threads=2),
    *both(0.9, 0.1, precision="fp16"),
    *both(0.5, 0.1, board="pi-2", doubt="disturbed"),
    *both(0.4, 0.5, board="pi-3"),
]


@given(st.permutations(SOME))
def test_the_order_of_rows_does_not_matter(rows: list[Row]) -> None:
    """The same rows give the same answer in any order, ties included."""
    assert answer(rows) == answer(SOME)


# --- what is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "just_below", "at", "just_above"),
    [
        (Asked(relation="above", low=2.0), False, False, True),
        (Asked(relation="at_least", low=2.0), False, True, True),
        (Asked(relation="at_most", high=2.0), True, True, False),
        (Asked(relation="between", low=2.0, high=3.0), False, True, True),
        (Asked(relation="between", low=1.0, high=2.0), True, True, False),
    ],
)
def test_a_relation_at_its_limit(asked: Asked, just_below: bool, at: bool, just_above: bool) -> None:
    """Limits belong to what is asked, but for `above`: a tie is not faster."""
    assert [asked.holds(ratio) for ratio in (1.999, 2.0, 2.001)] == [just_below, at, just_above]


@pytest.mark.parametrize(
    "wrong",
    [
        {"relation": "above"},
        {"relation": "at_least", "high": 2.0},
        {"relation": "at_most", "low": 1.0, "high": 2.0},
        {"relation": "between", "low": 2.0},
        {"relation": "between", "low": 3.0, "high": 2.0},
        {"relation": "at_least", "low": float("nan")},
        {"relation": "at_most", "high": float("inf")},
    ],
)
def test_a_relation_without_its_limits_is_refused(wrong: dict[str, Any]) -> None:
    """A relation has exactly its own limits, in order, and they are numbers."""
    with pytest.raises(ValueError, match=wrong["relation"]):
        Asked(**wrong)


def test_k_of_n_counts_boards_and_not_rows() -> None:
    """A board with many rows weighs as much as one with two."""
    many = [row for threads in (1, 2, 3, 4, 5) for row in both(3.0, 0.1, threads=threads)]
    found = answer([*many, *both(0.5, 0.1, board="a"), *both(0.6, 0.1, board="b")], TWENTY)
    assert found.text == "1 of 3 boards"
    assert [found.median, found.low, found.high] == pytest.approx([6.0, 5.0, 30.0])
    assert (found.rows.rows, found.rows.boards, found.rows.holding) == (7, 3, 5)
    assert [found.rows.median, found.rows.board_median] == pytest.approx([30.0, 6.0])


def test_rows_are_chosen_by_kind_of_board() -> None:
    """A claim that names phones is asked of phones."""
    boards = {
        ("lab", "pi"): Board(source="lab", board="pi", kind="embedded", named="Pi"),
        ("lab", "phone"): Board(source="lab", board="phone", kind="phone", named="Phone"),
    }
    rows = [*both(0.9, 0.1), *both(0.5, 0.1, board="phone")]
    assert published.on(rows, boards, {"phone"}) == tuple(rows[2:])
    assert published.on(rows, boards, {"phone", "embedded"}) == tuple(rows)


# --- the figures of VGG-16 and MobileNetV1, from the files themselves -------------------------------------------------

PLACE = ["source", "board", "backend", "runtime", "version", "date"]
CONDITIONS = [*PLACE, "threads", "precision", "batch", "statistic", "runs", "settings", "run"]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """Read every file of rows as text, without the program's reader; floating point alone."""
    paths = [path for path in sorted(FOLDER.glob("*.csv")) if path.stem not in {"boards", "names", "derived"}]
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False).assign(source=path.stem) for path in paths]
    table = pd.concat(tables, ignore_index=True)
    return table[~table["precision"].str.match("int8|w8")].assign(
        latency_s=lambda rows: rows["latency_s"].astype(float)
    )


@pytest.fixture(scope="module")
def read() -> store.Published:
    """Read the same files as the program does."""
    return store.read()


def joined(raw: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Return VGG-16 beside MobileNetV1 where both were measured alike, and their ratio."""
    vgg, mobilenet = (raw[raw["model"] == model] for model in (VGG, MOBILENET))
    table = vgg.merge(mobilenet, on=on, suffixes=("_vgg", "_mobilenet"))
    return table.assign(ratio=table["latency_s_vgg"] / table["latency_s_mobilenet"])


def by_board(table: pd.DataFrame) -> "pd.Series[float]":
    """Return the median ratio of each board."""
    return table.groupby(["source", "board"])["ratio"].median()


def test_nine_times_on_cpus(raw: pd.DataFrame, read: store.Published) -> None:
    """27 times in mult-adds are 9.0 in the median row of 78 boards, 9.4 in the median board; 6 rows reach 20."""
    table = joined(raw, CONDITIONS)
    cpu = table[table["backend"] == "cpu"]
    boards = by_board(cpu)
    assert (len(cpu), len(boards)) == (186, 78)
    assert (round(cpu["ratio"].median(), 1), round(boards.median(), 1), int((cpu["ratio"] >= 20).sum())) == (
        9.0,
        9.4,
        6,
    )
    found = published.answers(read.rows, VGG, MOBILENET, TWENTY)[0]
    assert (found.backend, found.arithmetic) == ("cpu", "float")
    assert (found.rows.rows, found.rows.boards, found.rows.holding) == (186, 78, 6)
    assert found.rows.median == pytest.approx(cpu["ratio"].median())
    assert found.rows.board_median == pytest.approx(boards.median())
    assert (found.rows.low, found.rows.high) == pytest.approx((cpu["ratio"].min(), cpu["ratio"].max()))


def test_one_board_ran_on_either_cluster(raw: pd.DataFrame) -> None:
    """Without looking at which cores were used there are 185 rows: the Khadas VIM3 has one thread on either cluster."""
    alike = [column for column in CONDITIONS if column not in {"settings", "runs"}]
    mean = raw.groupby([*alike, "model"])["latency_s"].mean().reset_index()
    table = joined(mean, alike)
    cpu = table[table["backend"] == "cpu"]
    assert (len(cpu), len(by_board(cpu)), round(cpu["ratio"].median(), 1)) == (185, 78, 9.0)


def test_six_times_on_gpus(raw: pd.DataFrame, read: store.Published) -> None:
    """On GPUs the median of 60 rows is 6.4."""
    table = joined(raw, CONDITIONS)
    gpu = table[table["backend"] == "gpu"]
    assert (len(gpu), round(gpu["ratio"].median(), 1)) == (60, 6.4)
    found = next(one for one in published.answers(read.rows, VGG, MOBILENET, TWENTY) if one.backend == "gpu")
    assert found.rows.rows == len(gpu)
    assert found.rows.median == pytest.approx(gpu["ratio"].median())


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_the_votes_are_what_pandas_makes_of_the_rows(raw: pd.DataFrame, read: store.Published, backend: str) -> None:
    """One vote a board and runtime: complete rows, smallest batch, latest version, then each model's best time."""
    table = joined(raw, CONDITIONS)
    table = table[(table["backend"] == backend) & (table["precision"] != "") & (table["version"] != "")]
    table = table[(table["doubt_vgg"] == "") & (table["doubt_mobilenet"] == "")]
    if backend == "cpu":
        table = table[table["threads"] != ""]
    board = ["source", "board", "runtime"]
    table = table.assign(batch=table["batch"].astype(int))
    table = table[table["batch"] == table.groupby(board)["batch"].transform("min")]
    table = table[table["version"] == table.groupby(board)["version"].transform("max")]
    times = ["latency_s_vgg", "latency_s_mobilenet"]
    setups = table.groupby([*board, "precision"], as_index=False)[times].min()
    setups = setups.assign(both=setups[times[0]] * setups[times[1]]).sort_values("both").drop_duplicates(board)
    ratios = setups[times[0]] / setups[times[1]]
    found = next(one for one in published.answers(read.rows, VGG, MOBILENET, TWENTY) if one.backend == backend)
    assert (found.holding, found.boards) == (int((ratios >= 20).sum()), len(ratios))
    assert sorted(vote.ratio for vote in found.votes) == pytest.approx(sorted(ratios))
    assert found.median == pytest.approx(ratios.median())


def test_the_page_says_what_the_rows_say(read: store.Published) -> None:
    """The table of docs/published_latency.md holds the figures that the rows give."""
    page = (FOLDER.parents[2] / "docs" / "published_latency.md").read_text(encoding="utf-8")
    for found in published.answers(read.rows, VGG, MOBILENET, TWENTY):
        if found.arithmetic == "float":
            rows = found.rows
            medians = (
                f"{rows.median:.1f} | {rows.board_median:.1f} | {rows.holding} | {found.text.removesuffix(' boards')}"
            )
            line = f"| {found.backend.upper()} | {rows.rows} | {rows.boards} | {medians} | {found.median:.1f} |"
            assert line in page.splitlines()


def test_one_raspberry_pi_says_three_things_of_one_pair(read: store.Published) -> None:
    """MobileNetV1 / V2, 1.9 times in mult-adds, is slower, equal or 1.7 times as fast by runtime alone."""
    pi = [row for row in read.rows if read.boards[row.source, row.board].device == "rpi4"]
    (found, *_) = published.answers(pi, MOBILENET, "mobilenet_v2", FASTER)
    ratios = {f"{vote.source} {vote.board}": round(vote.ratio, 2) for vote in found.votes}
    assert ratios == {"ncnn rpi4b": 0.99, "tengine rpi4b": 0.83, "xnnpack rpi4": 1.76, "xnnpack rpi4-arm64": 1.67}
