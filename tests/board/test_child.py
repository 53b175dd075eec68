"""A worker process as its agent sees it, with real workers of the null backend."""

import os
import time
from collections.abc import Iterator

import psutil
import pytest

from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import TrialPlan

LIMITS = {"warm_up_s": 0.02, "warm_up_cap_s": 0.02}
RUN = {"do": "run", "samples": 2, "calls": 1, "priming": False}
LIMIT_S = 60


def null_trial(work: str = "1000") -> TrialPlan:
    """A trial that needs no files."""
    return TrialPlan(
        id="net|null",
        backend="null",
        options={"work": work},
        precision="fp32",
        threads=1,
        batch=1,
        artefact=None,
        inputs=None,
        reference=None,
    )


@pytest.fixture
def child() -> Iterator[Child]:
    """A worker that has loaded its model."""
    with Child.started(null_trial(), cpus()) as started:
        started.ask(opening(started), LIMIT_S)
        yield started


def cpus() -> list[int]:
    """The processor that a worker of one thread gets."""
    return sorted(os.sched_getaffinity(0))[-1:]


def opening(child: Child) -> dict[str, object]:
    """The command that loads and warms a worker."""
    return {"do": "open", "trial": child.description(), "limits": LIMITS}


def process_of() -> psutil.Process:
    """The only worker of this process."""
    (found,) = (one for one in psutil.Process().children() if "edgebench.board.worker" in one.cmdline())
    return found


def comes_to(process: psutil.Process, status: str) -> bool:
    """Tell whether a process reaches a status: a signal takes effect when the kernel next looks."""
    deadline = time.perf_counter() + 10
    while process.status() != status and time.perf_counter() < deadline:
        os.sched_yield()
    return process.status() == status


def test_worker_is_stopped_between_its_answers(child: Child) -> None:
    """After an answer the whole process is stopped, so that its pools cannot spin; a command wakes it."""
    process = process_of()
    assert comes_to(process, psutil.STATUS_STOPPED)
    assert len(child.ask(RUN, LIMIT_S)["wall_ns"]) == 2
    assert comes_to(process, psutil.STATUS_STOPPED)


def test_worker_that_is_closed_ends_by_itself(child: Child) -> None:
    """`close` is answered and not followed by a stop signal: the process ends with status 0."""
    process = process_of()
    assert child.ask({"do": "close"}, LIMIT_S) == {}
    assert process.wait(10) in (0, None)  # None: it was gone before we asked


def test_worker_killed_while_it_measures_is_lost_in_its_block(child: Child) -> None:
    """A signal from outside gives stage, signal by name and no exit status."""
    process_of().kill()
    with pytest.raises(WorkerLost) as caught:
        child.ask(RUN, LIMIT_S)
    lost = caught.value.record("s1", 3, "net|null")
    assert (lost.session, lost.invocation, lost.trial) == ("s1", 3, "net|null")
    assert (lost.stage, lost.reason, lost.signal, lost.exit_status) == ("block", "ended by SIGKILL", "SIGKILL", None)


def test_worker_that_hangs_is_lost_in_the_stage_it_had_reached() -> None:
    """A call that never returns ends the trial at the stage limit, with the limit as its reason."""
    with Child.started(null_trial(work="1" + "0" * 15), cpus()) as hanging:
        with pytest.raises(WorkerLost, match="no answer within 1 s") as caught:
            hanging.ask(opening(hanging), 1)
        assert caught.value.record("s1", 0, "t").stage in ("first call", "start", "import", "load")
        assert caught.value.record("s1", 0, "t").signal is None


def test_failure_of_a_command_is_its_reason_not_a_crash() -> None:
    """What a worker cannot do comes back as type and sentence of the exception."""
    with Child.started(null_trial(), cpus()) as fresh, pytest.raises(WorkerLost) as caught:
        fresh.ask(RUN, LIMIT_S)
    assert str(caught.value) == "ValueError: asked to run before a model was opened"


@pytest.mark.parametrize("work", ["0", "-1", "1e3", "many", ""])
def test_work_of_the_null_backend_is_validated(work: str) -> None:
    """`null:work=N` takes whole numbers from 1 on; anything else is a trial lost at loading, with the value named."""
    with Child.started(null_trial(work=work), cpus()) as fresh, pytest.raises(WorkerLost) as caught:
        fresh.ask(opening(fresh), LIMIT_S)
    lost = caught.value.record("s1", 0, "t")
    assert lost.stage == "load"
    assert lost.reason.startswith(f"ValueError: null:work={work} is not usable")


def test_other_peoples_settings_do_not_reach_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that steer threads and allocators are replaced; the rest of the environment stays."""
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_AFFINITY", "ORT_LOG", "MALLOC_ARENA_MAX", "TORCH_LOGS"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("EDGEBENCH_TEST", "kept")
    with Child.started(null_trial(), cpus()) as started:
        started.ask(opening(started), LIMIT_S)
        found = process_of().environ()
    assert found["EDGEBENCH_TEST"] == "kept"
    assert found["OMP_NUM_THREADS"] == found["MKL_NUM_THREADS"] == "1"
    assert not {"OMP_WAIT_POLICY", "KMP_AFFINITY", "ORT_LOG", "MALLOC_ARENA_MAX", "TORCH_LOGS"} & found.keys()


def test_worker_that_is_weighed_has_one_arena() -> None:
    """Only there: an allocator that is held to one arena would change what is timed."""
    for weighed, expected in ((True, "1"), (False, None)):
        with Child.started(null_trial(), cpus(), weighed=weighed) as started:
            started.ask(opening(started), LIMIT_S)
            assert process_of().environ().get("MALLOC_ARENA_MAX") == expected


def test_worker_is_never_older_than_it_says(child: Child) -> None:
    """What the agent takes for a worker's start lies before the process, by the clock that both read."""
    block = child.ask(RUN, LIMIT_S)
    assert 0 < block["start_ns"] - child.started_ns < 600e9


def test_nothing_is_left_of_a_worker() -> None:
    """Leaving the context ends the process, asked or not."""
    with Child.started(null_trial(), cpus()):
        process = process_of()
    assert not process.is_running()
