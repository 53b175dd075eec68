"""Memory figures and threads from /proc, over fake folders and over the running process."""

import threading
from pathlib import Path

import pytest

from edgebench.board import memory
from edgebench.board.memory import active_threads, status_bytes, thread_seconds

STATUS = """Name:	python
VmPeak:	  999999 kB
VmHWM:	   20480 kB
VmRSS:	   10240 kB
RssAnon:	    6144 kB
RssFile:	    4096 kB
Threads:	3
"""


@pytest.mark.parametrize(
    ("key", "kib"),
    [("VmHWM", 20480), ("VmRSS", 10240), ("RssAnon", 6144), ("RssFile", 4096), ("Rss", None), ("Threads", None)],
)
def test_status_gives_bytes_of_the_whole_key(key: str, kib: int | None) -> None:
    """A figure is its kB times 1024; a part of a key, a key without a unit and a missing key give None."""
    assert status_bytes(STATUS, key) == (kib * 1024 if kib is not None else None)


def test_read_takes_the_process_it_is_given(tmp_path: Path) -> None:
    """The figure comes from the status file of the folder."""
    (tmp_path / "status").write_text(STATUS)
    assert memory.read("VmHWM", tmp_path) == 20480 * 1024


def test_missing_figure_is_an_error_never_zero(tmp_path: Path) -> None:
    """A kernel that does not tell is named, with what was expected."""
    (tmp_path / "status").write_text("VmHWM: 1 kB\n")
    with pytest.raises(OSError, match=r"has no RssAnon: expected a Linux kernel of 4\.5 or newer"):
        memory.read("RssAnon", tmp_path)


def test_this_process_has_a_peak_above_its_present() -> None:
    """Under /proc/self the high-water mark is no smaller than what is resident, and that consists of its parts."""
    resident = memory.read("VmRSS")
    assert memory.read("VmHWM") >= resident > 0
    assert memory.read("RssAnon") > 0
    assert memory.read("RssFile") > 0


def test_threads_are_read_one_by_one(tmp_path: Path) -> None:
    """The first field of a thread's schedstat are nanoseconds; a thread that is gone is not counted."""
    for thread, line in (("7", "1500000000 200 3\n"), ("8", "0 0 0\n")):
        folder = tmp_path / "task" / thread
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(line)
    (tmp_path / "task/9").mkdir()
    assert thread_seconds(tmp_path) == {7: 1.5, 8: 0.0}


def test_this_thread_is_among_those_of_this_process() -> None:
    """Under /proc/self the calling thread is found by its native id."""
    assert thread_seconds()[threading.get_native_id()] > 0


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ({}, {}, 0),
        ({1: 5.0}, {1: 5.0}, 0),  # idle
        ({1: 5.0}, {1: 5.03}, 1),
        ({1: 5.0}, {1: 5.01}, 0),  # 1 % of the span
        ({1: 5.0}, {1: 6.0, 2: 0.5}, 2),  # the second began within the span
        ({1: 5.0, 2: 1.0}, {1: 6.0}, 1),  # the second ended within it
    ],
)
def test_threads_that_computed_are_counted(before: dict[int, float], after: dict[int, float], count: int) -> None:
    """A thread counts when it ran for more than 2 % of the span, however long it ran before."""
    assert active_threads(before, after, 1.0) == count
