"""Memory figures and threads from /proc, over fake folders and over the running process."""

import threading
from pathlib import Path

import pytest

from edgebench.board import memory
from edgebench.board.memory import (
    Mapped,
    active_threads,
    mapped,
    parse_mapped,
    reset_peak,
    status_bytes,
    thread_seconds,
)

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


ROLLUP = """55d0c0000000-7ffd00000000 ---p 00000000 00:00 0                          [rollup]
Rss:               20000 kB
Pss:               15000 kB
Pss_Dirty:         11000 kB
Pss_Anon:          10000 kB
Pss_File:           4000 kB
Pss_Shmem:          1000 kB
Shared_Clean:       5000 kB
Private_Clean:      2000 kB
Private_Dirty:     11000 kB
Anonymous:         11000 kB
Swap:                 64 kB
SwapPss:              32 kB
"""
ONE_BY_ONE = """55d0c0000000-55d0c0001000 r--p 00000000 fe:00 11   /usr/bin/python3.11
Size:                  4 kB
Pss:                   2 kB
Private_Clean:         1 kB
Private_Dirty:         0 kB
Swap:                  0 kB
VmFlags: rd mr mw me sd
7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0   [stack]
Size:                132 kB
Pss:                  20 kB
Private_Clean:         0 kB
Private_Dirty:        20 kB
Swap:                  8 kB
VmFlags: rd wr mr mw me gd ac
"""


def test_rollup_gives_each_figure_once() -> None:
    """Anonymous and file-backed pages apart; unique are those that nobody else has, dirty or not."""
    assert parse_mapped(ROLLUP) == Mapped(
        proportional_bytes=15000 * 1024,
        anonymous_bytes=10000 * 1024,
        file_bytes=4000 * 1024,
        unique_bytes=13000 * 1024,
        swapped_bytes=64 * 1024,
    )


def test_old_kernels_are_added_up(tmp_path: Path) -> None:
    """Before Linux 4.14 there is a part for every mapping; what kernels before 5.3 do not tell apart is None."""
    (tmp_path / "smaps").write_text(ONE_BY_ONE)
    found = Mapped(proportional_bytes=22 * 1024, unique_bytes=21 * 1024, swapped_bytes=8 * 1024)
    assert mapped(tmp_path) == found
    (tmp_path / "smaps_rollup").write_text(ROLLUP)
    assert mapped(tmp_path) == parse_mapped(ROLLUP)


def test_kernel_that_tells_nothing_of_mappings_gives_none(tmp_path: Path) -> None:
    """No figure is made up from others."""
    assert mapped(tmp_path) == Mapped()
    assert parse_mapped("Rss: 4 kB\n") == Mapped()


def test_this_process_has_mapped_what_it_uses() -> None:
    """Under /proc/self what is unique is part of what is proportional, and that of what is resident."""
    found = mapped()
    assert 0 < (found.unique_bytes or 0) <= (found.proportional_bytes or 0) <= memory.read("VmHWM")


def test_peak_begins_anew() -> None:
    """After a reset the high-water mark has forgotten what was given back before."""
    block = bytearray(64 * 2**20)
    before = memory.read("VmHWM")
    assert before >= memory.read("RssAnon") >= len(block)
    del block
    if not reset_peak():
        pytest.skip("this kernel does not let a process reset its peak")
    assert memory.read("VmHWM") < before - 32 * 2**20


def test_peak_that_cannot_be_reset_is_told(tmp_path: Path) -> None:
    """A kernel without clear_refs, or one that refuses, leaves the mark as it is."""
    assert not reset_peak(tmp_path)
    (tmp_path / "clear_refs").mkdir()
    assert not reset_peak(tmp_path)
    assert not (tmp_path / "clear_refs").is_file()
    (tmp_path / "clear_refs").rmdir()
    (tmp_path / "clear_refs").write_text("")
    assert reset_peak(tmp_path)
    assert (tmp_path / "clear_refs").read_text() == "5"
