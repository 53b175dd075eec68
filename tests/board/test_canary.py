"""The canary: what it does to the process that carries it; how long it takes is the machine's business."""

import os

import pytest

from edgebench.board.canary import Canary


def test_canary_sings_of_both() -> None:
    """A song has the nanoseconds of a chain and of a copy, and another song is timed anew."""
    canary = Canary(max(os.sched_getaffinity(0)))
    first, second = canary.sing(), canary.sing()
    for song in (first, second):
        assert min(song.loop_ns, song.stream_ns) > 0
    assert first != second


def test_process_returns_to_where_it_ran() -> None:
    """Afterwards the thread may use the same processors as before."""
    home = os.sched_getaffinity(0)
    for cpu in sorted(home):
        Canary(cpu).sing()
        assert os.sched_getaffinity(0) == home


def test_processor_that_is_not_ours_is_an_error_and_moves_nobody() -> None:
    """A canary of a processor that does not exist cannot sing, and leaves its process where it was."""
    home = os.sched_getaffinity(0)
    with pytest.raises(OSError, match="Invalid argument"):
        Canary(1023).sing()
    assert os.sched_getaffinity(0) == home
