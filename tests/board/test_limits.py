import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edgebench.board.child import Child, WorkerLost
from edgebench.board.limits import MemoryGroup, kills_of_board, oom_kills
from edgebench.board.wire import Lost, TrialPlan
from tests.failures.running import until

LIMIT = 64 * 2**20
HOG = f"a = bytearray({4 * LIMIT})\nfor i in range(0, len(a), 4096): a[i] = 1"


def tree(root: Path, version: int) -> Path:
    """Make a fake tree of control groups; what a kernel would fill in is not there."""
    folder = root / "memory" if version == 1 else root
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.procs").write_text("")
    return folder


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (1, {"memory.limit_in_bytes": str(LIMIT), "memory.memsw.limit_in_bytes": str(LIMIT)}),
        (2, {"memory.max": str(LIMIT), "memory.swap.max": "0"}),
    ],
)
def test_a_limit_is_written_where_each_version_keeps_it(tmp_path: Path, version: int, files: dict[str, str]) -> None:
    """Version 1 limits memory with swap, version 2 forbids swap."""
    folder = tree(tmp_path, version)
    MemoryGroup(LIMIT, tmp_path)
    (made,) = folder.glob("edgebench-*")
    assert {path.name: path.read_text() for path in made.iterdir()} == files


@pytest.mark.parametrize("version", [1, 2])
def test_a_process_joins_before_it_is_anything_else(tmp_path: Path, version: int) -> None:
    """What stands before a command writes the process into the group, then becomes the command itself."""
    folder = tree(tmp_path, version)
    group = MemoryGroup(LIMIT, tmp_path)
    (made,) = folder.glob("edgebench-*")
    done = subprocess.run([*group.entry, "echo", "a b", "$0"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("a b $0\n", "")
    assert (made / "cgroup.procs").read_text() == "0\n"  # the writer, in a kernel's file


def test_a_process_that_could_not_join_is_not_held(tmp_path: Path) -> None:
    """Whether a limit holds is read from the group, not concluded from having asked; the command runs all the same."""
    folder = tree(tmp_path, 2)
    group = MemoryGroup(LIMIT, tmp_path)
    (made,) = folder.glob("edgebench-*")
    (made / "cgroup.procs").mkdir()
    done = subprocess.run([*group.entry, "echo", "here"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("here\n", "")
    assert group.holds(7) is False
    (made / "cgroup.procs").rmdir()
    (made / "cgroup.procs").write_text("12\n7\n")
    assert (group.holds(7), group.holds(1), group.has(2)) == (True, False, False)


def test_where_no_group_can_be_made_it_is_said(tmp_path: Path) -> None:
    """Without control groups a limit does not hold, and without a limit there is nothing to say."""
    assert MemoryGroup(LIMIT, tmp_path).holds(os.getpid()) is False
    assert MemoryGroup(None, tmp_path).holds(os.getpid()) is None
    assert (MemoryGroup(None, tmp_path).kills(), MemoryGroup(None, tmp_path).peak_bytes()) == (None, None)
    assert MemoryGroup(LIMIT, tmp_path).entry == MemoryGroup(None, tree(tmp_path, 2)).entry == []


@pytest.mark.parametrize(("version", "file"), [(1, "memory.max_usage_in_bytes"), (2, "memory.peak")])
def test_a_group_that_counts_has_no_limit(tmp_path: Path, version: int, file: str) -> None:
    """Its peak is read where each version keeps it; a kernel that keeps none gives None."""
    folder = tree(tmp_path, version)
    group = MemoryGroup(None, tmp_path, counted=True)
    (made,) = folder.glob("edgebench-*")
    assert list(made.iterdir()) == []
    assert group.peak_bytes() is None
    (made / file).write_text("18644992\n")
    assert (group.peak_bytes(), group.holds(7)) == (18644992, None)


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3),
        ("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n", 1),
        ("oom_kill_disable 0\nunder_oom 0\n", None),
    ],
)
def test_the_counter_of_kills_is_read_from_each_file(text: str, kills: int | None) -> None:
    """memory.oom_control, memory.events and /proc/vmstat name it alike; old kernels keep none."""
    assert oom_kills(text) == kills


def test_a_kernel_without_the_counter_is_no_kernel_without_kills(tmp_path: Path) -> None:
    """What is not counted is None, never zero."""
    assert kills_of_board(tmp_path) is None


@pytest.fixture
def real_group() -> MemoryGroup:
    """Give a group of this machine's kernel, or skip."""
    group = MemoryGroup(LIMIT)
    if not group.entry:
        pytest.skip("no control group may be made here")
    return group


def test_a_process_beyond_its_limit_is_killed_and_counted(real_group: MemoryGroup) -> None:
    """The kernel kills what outgrows the group, and the group's counter tells it from another SIGKILL."""
    command = [*real_group.entry, sys.executable, "-c", f"print(flush=True)\ninput()\n{HOG}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        assert hog.stdout is not None
        hog.stdout.readline()
        assert real_group.holds(hog.pid)
        hog.communicate(b"\n")
    assert hog.returncode == -9
    assert (real_group.peak_bytes() or 0) > LIMIT / 2
    assert real_group.kills() == 1
    real_group.close()


TRIAL = TrialPlan(
    id="t",
    backend="null",
    options={},
    precision="fp32",
    threads=1,
    batch=1,
    artefact=None,
    inputs=None,
    reference=None,
)
OPENING = {"do": "open", "limits": {"warm_up_s": 0.01, "warm_up_cap_s": 0.01}}


def workers() -> list[psutil.Process]:
    """Return our children that are workers; other tests may have left processes of theirs."""
    return [one for one in psutil.Process().children() if "edgebench.board.worker" in one.cmdline()]


def lost(limit_bytes: int | None, number: signal.Signals | None) -> Lost:
    """Return the record of a worker that is held to a limit, or ended by a signal before it is asked for anything."""
    with Child.started(TRIAL, [min(os.sched_getaffinity(0))], limit_bytes) as child:
        if number is not None:
            until(workers, "the worker, whose process is a shell's until it has joined its group")
            (worker,) = workers()
            worker.send_signal(number)
            until(lambda: worker.status() == psutil.STATUS_ZOMBIE, "the end of the worker")
        with pytest.raises(WorkerLost) as caught:
            child.ask({**OPENING, "trial": child.description()}, 60)
    return caught.value.record("s1", 0, "t")


def test_a_worker_out_of_memory_is_told_from_a_killed_one(real_group: MemoryGroup) -> None:
    """A worker that outgrows its limit is lost with `out_of_memory`, one killed by hand without."""
    real_group.close()
    starved, killed = lost(8 * 2**20, None), lost(None, signal.SIGKILL)
    assert (starved.signal, starved.out_of_memory) == ("SIGKILL", True)
    assert starved.reason == "killed by the kernel: out of memory"
    assert (killed.signal, killed.out_of_memory, killed.reason) == ("SIGKILL", False, "ended by SIGKILL")


def test_an_illegal_instruction_says_what_it_means() -> None:
    """A runtime built for another processor ends its worker by SIGILL, and the reason says so."""
    record = lost(None, signal.SIGILL)
    assert record.peak_bytes
    assert (record.signal, record.out_of_memory) == ("SIGILL", False)
    assert record.reason == "ended by SIGILL: its runtime was built for another processor"
