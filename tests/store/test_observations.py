"""Which published rows a fit may see, and how far repeated ones lie apart."""

from dataclasses import replace
from typing import Any

import pytest

from edgebench.analysis.hardware import Hardware, Rates
from edgebench.store import observations, published
from edgebench.store.observations import Observation, Taken
from edgebench.store.published import Board, Published, Row

PI = Board(source="ncnn", board="rpi4b", kind="embedded", device="rpi4", named="Raspberry Pi 4 Model B")
XAVIER = Board(source="ncnn", board="xavier", kind="embedded", device="jetson-agx-xavier", named="Xavier")
PHONE = Board(source="ncnn", board="phone", kind="phone", named="Phone")
PC = Board(source="dli", board="i3-8100", kind="pc", named="i3-8100")
ROW = Row(
    source="ncnn",
    board="rpi4b",
    runtime="ncnn",
    backend="cpu",
    threads=4,
    precision="fp16 or fp32",
    batch=1,
    statistic="mean",
    model="mobilenet_v1",
    named="mobilenet",
    latency_s=0.06,
)
SEEN = Observation(
    source="ncnn",
    board="rpi4b",
    device="rpi4",
    hardware=Hardware(name="rpi4", cores=4, clock_hz=1.8e9, rates=Rates(fp32=7.2e9)),
    runtime="ncnn",
    precision="fp32",
    threads=4,
    model="mobilenet_v1",
    latency_s=0.1,
)


def take(**changes: Any) -> Taken:
    """Return what becomes of one row."""
    boards = {(board.source, board.board): board for board in (PI, XAVIER, PHONE, PC)}
    return observations.take(Published(sources={}, boards=boards, rows=(replace(ROW, **changes),), derived=()))


def reason(**changes: Any) -> str:
    """Return why a row is left out."""
    ((why, count),) = take(**changes).left_out
    assert count == 1
    return why


def test_every_published_row_is_taken_or_left_out_for_one_reason() -> None:
    """No row is lost on the way, and none is counted twice."""
    known = published.read()
    taken = observations.take(known)
    assert len(taken.observations) + sum(count for _, count in taken.left_out) == len(known.rows)
    assert {one.device for one in taken.observations} >= {"rpi-zero2w", "rpi3", "rpi4", "rpi5", "rk3588", "i3-8100"}


def test_a_row_is_of_the_mode_that_its_board_was_in() -> None:
    """A Pi 4 that is said to run at 1.8 GHz has the peak of 1.8 GHz, on each thread that computed."""
    (seen,) = take().observations
    assert (seen.device, seen.precision) == ("rpi4", "fp32")
    assert seen.hardware.mult_adds_per_s("fp32", 4) == pytest.approx(4 * 1.8e9 * 4)


def test_half_precision_is_taken_where_the_processor_has_it() -> None:
    """`fp16 or fp32` means half precision on Carmel, which computes in it."""
    (seen,) = take(board="xavier").observations
    assert seen.precision == "fp16"


def test_threads_that_are_not_stated_are_all_cores_where_the_board_says_so() -> None:
    """DLI's desktop rows ran on all cores; elsewhere a row without threads is left out."""
    (seen,) = take(source="dli", board="i3-8100", threads=None, precision="fp32").observations
    assert seen.threads == seen.hardware.cores == 4
    assert reason(threads=None) == "number of threads not stated"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"backend": "gpu"}, "ran on a gpu"),
        ({"batch": 8}, "more than one image a call"),
        ({"doubt": "mean far above minimum"}, "doubtful"),
        ({"settings": "powersave 1"}, "ran on the slow cores"),
        ({"settings": "optimisation 0"}, "compiled below the full level"),
        ({"board": "phone"}, "no description of the board"),
        ({"threads": 8}, "more threads than cores of the described sort"),
        ({"precision": None}, "precision not stated"),
        ({"board": "xavier", "precision": "int8"}, "no int8 peak of the board is known"),
    ],
)
def test_what_a_source_leaves_open_is_left_out(changes: dict[str, Any], why: str) -> None:
    """A row goes for what its source says of it, with the reason."""
    assert reason(**changes) == why


def test_noise_is_the_ratio_of_rows_that_measure_the_same() -> None:
    """Two rows of one model, 0.1 and 0.12 s, differ by 1.2x; a row alone says nothing."""
    again, other = replace(SEEN, latency_s=0.12), replace(SEEN, model="vgg", latency_s=3.0)
    found = observations.noise((SEEN, again, other), one_board=True)
    assert found is not None
    assert (found.groups, found.pairs) == (1, 1)
    assert found.median == pytest.approx(1.2)


def test_boards_of_a_kind_are_repetitions_of_that_kind() -> None:
    """A second board is a repetition for the kind, not for the board."""
    second = replace(SEEN, board="another", latency_s=0.2)
    assert observations.noise((SEEN, second), one_board=True) is None
    found = observations.noise((SEEN, second), one_board=False)
    assert found is not None
    assert found.p90 == pytest.approx(2.0)
