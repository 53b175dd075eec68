import json
from pathlib import Path

import pytest

from edgebench.board.wire import Answered
from edgebench.report import answer
from edgebench.store import derived
from edgebench.store.accuracy import share
from edgebench.store.records import DataUsed, SessionEnded
from edgebench.store.rows import Images, TrialRow
from edgebench.store.tables import Summary, context, summarize
from tests.store.test_tables import SMALL, constant, ended, measured, started, told

LABELS = (0, 1, 2, 3)
DATA = DataUsed(path="/photos", sha256="00", labels=LABELS, calibrating=2)
FIVE = ((0, 9, 8, 7, 6), (9, 1, 8, 7, 6), (9, 8, 7, 6, 5), (3, 9, 8, 7, 6))
"""Right at once, right as the second answer, wrong, right at once."""


def answered(*parts: tuple[tuple[int, ...], ...], reason: str | None = None) -> Summary:
    """Return the rows of a run whose only trial answered images in these parts."""
    lines = [
        Answered(session="s1", trial=SMALL.id, part=part, classes=classes, reason=reason)
        for part, classes in enumerate(parts)
    ]
    return summarize(
        told(started(SMALL, data=DATA), *lines, *measured({SMALL: constant(0.01)}), SessionEnded(session="s1"), ended())
    )


def only(summary: Summary) -> TrialRow:
    """Return the row of the only trial."""
    (row,) = summary.trials
    return row


def test_shares_are_of_the_answered_images() -> None:
    """Two of four at once, three of four among five; parts come together in their order."""
    row = only(answered(FIVE[:3], FIVE[3:]))
    assert (row.images, row.top1, row.top5, row.images_reason) == (4, 2 / 4, 3 / 4, None)
    assert (row.top1_low, row.top1_high) == (share(2, 4).low, share(2, 4).high)


def test_few_classes_have_no_top_5() -> None:
    """Where there are no five outputs, to be among the first five says nothing: the cells are empty."""
    row = only(answered(tuple((label, 7) for label in LABELS)))
    assert (row.top1, row.top5, row.top5_low) == (1.0, None, None)


def test_an_image_without_an_answer_is_wrong() -> None:
    """Scores that were not finite give no class, which is not the right one."""
    assert only(answered(((), *FIVE[1:]))).top1 == 1 / 4


def test_a_part_that_is_missing_leaves_no_share() -> None:
    """Without all answers there is no accuracy, and the row says why."""
    cut = only(answered(FIVE[:2]))
    assert (cut.images, cut.top1, cut.images_reason) == (2, None, "2 of 4 images were answered")
    lost = only(answered((), reason="ended by SIGKILL"))
    assert (lost.images, lost.top1, lost.images_reason) == (None, None, "ended by SIGKILL")


def test_a_run_without_images_has_no_accuracy() -> None:
    """Every cell is empty where no images were given."""
    row = only(summarize(told(started(SMALL), *measured({SMALL: constant(0.01)}), SessionEnded(session="s1"), ended())))
    assert [row.images, row.top1, row.top5, row.images_reason] == [None] * 4


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (15, 148, 0.0624, 0.1605)],
)
def test_the_interval_is_wilsons(right: int, images: int, low: float, high: float) -> None:
    """It has width at 0 and 1, and for 15 of 148 is that of Newcombe (1998), Statistics in Medicine 17, Table I."""
    found = share(right, images)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-4)


def test_the_answer_says_of_which_images() -> None:
    """One sentence a model names backend, precision, share and interval, the number of images and their folder."""
    (sentence,) = [one for one in answer.sentences(answered(FIVE)) if "top-1" in one]
    assert sentence == ("mobilenet_v1, top-1 of 4 images of photos (95 %, Wilson): torch fp32 50.0 % [15.0, 85.0].")


def test_the_context_leaves_the_labels_to_the_journal() -> None:
    """context.json says which images were used, and not what each of them shows."""
    found = context(told(started(SMALL, data=DATA)))["data"]
    assert found == {"path": "/photos", "sha256": "00", "calibrating": 2}


@pytest.mark.parametrize(
    ("data", "images"),
    [
        ({"path": "/photos", "sha256": "00", "calibrating": 2}, Images(path="/photos", calibrating=2)),
        (None, None),
        ({"path": 7, "calibrating": 2}, None),
        ({"path": "/photos", "calibrating": "two"}, None),
    ],
)
def test_a_page_of_the_tables_knows_the_images_from_the_context(
    data: object, images: Images | None, tmp_path: Path
) -> None:
    """What is read back from context.json names them; what is no path and number is nothing."""
    (tmp_path / "context.json").write_text(json.dumps({"unit": "host", "data": data}), encoding="utf-8")
    assert derived.context(tmp_path).images == images


def test_a_worker_that_was_lost_over_images_costs_no_latency() -> None:
    """A trial whose images could not be answered is measured all the same."""
    row = only(answered((), reason="ended by SIGKILL"))
    assert row.status == "done"
    assert row.latency_p50_s == pytest.approx(0.01)
