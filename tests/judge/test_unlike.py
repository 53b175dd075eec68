"""Why a number is not another number: the differences that exist, and no others."""

from dataclasses import replace
from typing import Any

import pytest

from edgebench.judge import unlike
from edgebench.judge.unlike import Taking, Usual
from edgebench.judge.usual import usual
from edgebench.store.published import Board, Row, Source

OURS = Taking(
    name="ours",
    latency_s=0.01,
    model="mobilenet_v1",
    machine="Some CPU",
    kind="x86",
    processor="cpu",
    clock_hz=2e9,
    word_size=64,
    runtime="onnxruntime",
    version="1.31.1",
    weights="drawn from a seed",
    precision="fp32",
    threads=1,
    batch=1,
    warm_up="until at rest",
    statistic="geometric mean of 5 processes' medians",
)


def published(**given: Any) -> Row:
    """Return a published row of a Raspberry Pi 4."""
    row = {
        "source": "ncnn",
        "board": "rpi4b",
        "runtime": "ncnn",
        "version": "2024-01-08",
        "backend": "cpu",
        "threads": 4,
        "precision": "fp32",
        "batch": 1,
        "statistic": "mean",
        "runs": 8,
        "model": "mobilenet_v1",
        "named": "mobilenet",
        "latency_s": 0.06,
    }
    return Row(**{**row, **given})


def differing(**changes: Any) -> list[str]:
    """Return what differs between ours and ours with these changes."""
    return [one.what for one in unlike.explain(OURS, replace(OURS, **changes), lambda *_: None).unlike]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, []),
        ({"threads": 4}, ["threads"]),
        ({"threads": None}, []),
        ({"precision": "fp16 or fp32"}, []),
        ({"precision": "float"}, []),
        ({"precision": "int8"}, ["precision"]),
        ({"clock_hz": 2.05e9}, []),
        ({"clock_hz": 2.5e9}, ["clock"]),
        ({"machine": "Another CPU"}, ["machine"]),
        ({"version": "1.30"}, ["runtime version"]),
        ({"runtime": "ncnn", "version": "2024"}, ["runtime"]),
        ({"word_size": 32, "batch": 8, "processor": "gpu"}, ["processor", "word size", "batch"]),
        (
            {"weights": "zeros", "warm_up": "8 calls", "statistic": "mean of 8 calls"},
            ["weights", "warm-up", "statistic"],
        ),
        ({"model": "vgg:depth=16"}, ["model"]),
    ],
)
def test_differences_that_exist_are_named_and_no_others(changes: dict[str, Any], what: list[str]) -> None:
    """Each setting that both state and that differs is one difference; unknown ones are none."""
    assert differing(**changes) == what


def test_two_boards_of_one_kind_are_one_machine() -> None:
    """A Raspberry Pi 4 is one whatever a source calls it; x86 is no machine but a family of them."""
    pi = replace(OURS, kind="rpi4", machine="Raspberry Pi 4 Model B Rev 1.4")
    theirs = replace(pi, machine="RPi 4 (BCM2711)")
    assert unlike.explain(pi, theirs, lambda *_: None).unlike == ()


def test_what_remains_is_what_usual_sizes_do_not_tell() -> None:
    """Twice as slow, and threads usually make it half as slow: four times remain; what has no direction counts not."""
    sizes = {
        "threads": Usual(median=0.5, low=0.4, high=0.6, pairs=3, seen="rows"),
        "runtime version": Usual(median=1.1, low=1.0, high=1.2, pairs=3, seen="rows", either_way=True),
    }
    theirs = replace(OURS, latency_s=0.02, threads=4, version="1", weights=None)
    found = unlike.explain(OURS, theirs, lambda what, *_: sizes.get(what))
    assert found.ratio == pytest.approx(2.0)
    assert found.remains == pytest.approx(4.0)
    assert found.unstated == ("weights",)


def test_a_published_row_states_what_its_source_does() -> None:
    """Clock, word size and weights come from the board's name and the source; the rest from the row."""
    board = Board(source="ncnn", board="rpi4b", kind="embedded", device="rpi4", named="Pi 4 aarch64 (1.8GHz x 4)")
    source = Source(
        title="t", url="u", licence="MIT", copyright="c", read="2026-11-22", rows="r", version="v", weak_points=(),
        weights="zeros", warm_up="8 calls",
    )  # fmt: skip
    found = unlike.of_row(published(), board, source, "ncnn:2")
    assert (found.clock_hz, found.word_size, found.weights, found.warm_up) == (1.8e9, 64, "zeros", "8 calls")
    assert (found.statistic, found.threads, found.kind) == ("mean of 8 calls", 4, "rpi4")
    assert unlike.of_row(published(statistic="not stated"), board, source, "ncnn:2").statistic is None


def test_the_usual_size_is_that_of_rows_which_differ_in_nothing_else() -> None:
    """Four threads for one made 0.5 and 0.25 of two boards' latencies; doubted rows and other versions tell nothing."""
    rows = [
        published(threads=1, latency_s=0.1),
        published(threads=4, latency_s=0.05),
        published(board="rpi3", threads=1, latency_s=0.4),
        published(board="rpi3", threads=4, latency_s=0.1),
        published(board="rpi5", threads=1, latency_s=0.1),
        published(board="rpi5", threads=4, latency_s=9.0, doubt="disturbed"),
        published(board="tx2", threads=1, latency_s=0.1),
        published(board="tx2", threads=4, latency_s=9.0, version="2020"),
    ]
    found = usual(rows, "threads", OURS, replace(OURS, threads=4))
    assert found is not None
    assert (found.median, found.pairs, found.seen) == (0.375, 2, "published rows of 2 boards")
    assert usual(rows, "threads", OURS, replace(OURS, threads=2)) is None
    assert usual(rows, "weights", OURS, replace(OURS, weights="zeros")) is None


def test_versions_of_a_runtime_have_no_direction() -> None:
    """The factor between versions is above 1 whichever was quicker."""
    rows = [published(version=version, latency_s=latency) for version, latency in (("1", 0.1), ("2", 0.08), ("3", 0.1))]
    ncnn = replace(OURS, runtime="ncnn")
    found = usual(rows, "runtime version", ncnn, ncnn)
    assert found is not None
    assert found.median == pytest.approx(1.25)
    assert (found.pairs, found.either_way) == (2, True)
