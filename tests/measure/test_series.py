"""What a trial's blocks amount to: medians by invocation and round, in the order in which they were measured."""

from dataclasses import replace

import pytest

from edgebench.board.wire import Block
from edgebench.measure.series import by_invocation, median_s, series

BLOCK = Block(
    session="s1",
    invocation=0,
    round=0,
    position=0,
    trial="t",
    start_ns=0,
    calls=1,
    priming_ns=None,
    wall_ns=(1_000_000, 2_000_000, 9_000_000),
    cpu_ns=(900_000, 1_000_000, 1_100_000),
    involuntary_switches=(0, 0, 0),
    major_faults=(0, 0, 0),
)


def test_block_is_the_median_of_its_samples() -> None:
    """In seconds of one call, however many a sample holds."""
    assert median_s(BLOCK) == pytest.approx((0.002, 0.001))
    assert median_s(replace(BLOCK, calls=10)) == pytest.approx((0.0002, 0.0001))
    assert median_s(replace(BLOCK, wall_ns=(1_000_000, 2_000_000), cpu_ns=()))[0] == pytest.approx(0.0015)


def test_block_timed_by_a_program_has_no_cpu_time() -> None:
    """None, not zero; its rounds are missing from the CPU series."""
    own = replace(BLOCK, cpu_ns=(), involuntary_switches=(), major_faults=())
    assert median_s(own)[1] is None
    found = series([own, replace(BLOCK, round=1)], complete=[0])
    assert found.wall_s == {0: {0: pytest.approx(0.002), 1: pytest.approx(0.002)}}
    assert found.cpu_s == {0: {1: pytest.approx(0.001)}}


def test_complete_invocations_count() -> None:
    """What was cut short is left out as long as anything else is there, and stands in for it when nothing is."""
    blocks = [replace(BLOCK, invocation=i, round=r) for i in range(3) for r in range(2)]
    found = series(blocks, complete=[0, 2])
    assert sorted(found.wall_s) == [0, 2]
    assert len(found.samples_s) == 12
    assert not found.partial
    cut = series(blocks, complete=[])
    assert sorted(cut.wall_s) == [0, 1, 2]
    assert cut.partial


def test_order_is_that_of_measuring() -> None:
    """Blocks and samples come in the order of invocations and rounds, whatever order a journal has them in."""
    blocks = [replace(BLOCK, invocation=i, round=r, wall_ns=(10 * i + r + 1,)) for i in range(3) for r in range(4)]
    forwards, backwards = series(blocks, [0, 1, 2]), series(reversed(blocks), [0, 1, 2])
    assert forwards == backwards
    assert list(forwards.blocks) == blocks
    assert list(forwards.samples_s) == sorted(forwards.samples_s)


def test_nothing_measured_is_an_empty_series() -> None:
    """Without a block there is nothing, and it is partial."""
    found = series([], complete=[0])
    assert (found.wall_s, found.samples_s, found.partial) == ({}, (), True)


def test_samples_by_invocation_are_seconds_of_a_call() -> None:
    """All samples of a process together, in the order of its rounds."""
    blocks = [replace(BLOCK, invocation=i, round=r, calls=2, wall_ns=(2_000_000,)) for i in range(2) for r in range(3)]
    assert by_invocation(blocks) == {0: [pytest.approx(0.001)] * 3, 1: [pytest.approx(0.001)] * 3}
