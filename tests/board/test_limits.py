import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edgebench.board.child import Child, WorkerLost
from edgebench.board.limits import MemoryGroup, kills_of_board, oom_kills
from edgebench.board.wire import TrialPlan

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
    group = MemoryGroup(LIMIT, tmp_path)
    (made,) = folder.glob("edgebench-*")
    assert group.held is True
    assert {path.name: path.read_text() for path in made.iterdir()} == files
    group.adopt(7)
    assert (made / "cgroup.procs").read_text() == "7"


def test_where_no_group_can_be_made_it_is_said(tmp_path: Path) -> None:
    """Without control groups a limit does not hold, and without a limit there is nothing to say."""
    assert MemoryGroup(LIMIT, tmp_path).held is False
    assert MemoryGroup(None, tmp_path).held is None
    assert MemoryGroup(LIMIT, tmp_path).kills() is None


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
    if not group.held:
        pytest.skip("no control group may be made here")
    return group


def test_a_process_beyond_its_limit_is_killed_and_counted(real_group: MemoryGroup) -> None:
    """The kernel kills what outgrows the group, and the group's counter tells it from another SIGKILL."""
    command = [sys.executable, "-c", f"input()\n{HOG}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as hog:
        real_group.adopt(hog.pid)
        hog.communicate(b"\n")
    assert hog.returncode == -9
    assert real_group.kills() == 1
    real_group.close()


def test_a_worker_out_of_memory_is_told_from_a_killed_one(real_group: MemoryGroup) -> None:
    """A worker that outgrows its limit is lost with `out_of_memory`, one killed by hand without."""
    real_group.close()
    trial = TrialPlan(
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
    opening = {"do": "open", "limits": {"warm_up_s": 0.01, "warm_up_cap_s": 0.01}}
    for limit, expected in ((8 * 2**20, True), (None, False)):
        with Child.started(trial, [0], limit) as child:
            if limit is None:
                (worker,) = psutil.Process().children()
                worker.kill()
            with pytest.raises(WorkerLost) as caught:
                child.ask({**opening, "trial": child.description()}, 60)
        lost = caught.value.record("s1", 0, "t")
        assert (lost.signal, lost.out_of_memory) == ("SIGKILL", expected)
