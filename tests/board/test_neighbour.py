"""A neighbour: how much it takes in the mean, and that it always ends."""

import itertools
import os
import subprocess
import sys
from statistics import fmean

import psutil
import pytest

from edgebench.board.neighbour import LONGEST_S, disturb, spans, started

CPU = max(os.sched_getaffinity(0))


def run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Return a neighbour that has ended."""
    return subprocess.run(
        [sys.executable, "-m", "edgebench.board.neighbour", *arguments], capture_output=True, check=False
    )


def test_it_is_busy_for_a_second_and_idle_for_one_and_a_half() -> None:
    """In the mean over a fixed seed, exponentially: 95 % of the spans lie below three times the mean."""
    found = list(itertools.islice(spans(20261122), 4000))
    for mean, values in zip((1.0, 1.5), zip(*found, strict=True), strict=True):
        assert fmean(values) == pytest.approx(mean, rel=0.05)
        assert fmean(value < 3 * mean for value in values) == pytest.approx(0.95, abs=0.01)


def test_seed_replays_the_spans() -> None:
    """The same seed gives the same load, another seed another one."""
    first, again, other = (list(itertools.islice(spans(seed), 10)) for seed in (1, 1, 2))
    assert first == again != other


def test_it_ends_by_itself_and_prints_nothing() -> None:
    """After its time it is gone, with status 0 and without a word."""
    done = run("--seconds", "0.2", "--cpu", str(CPU), "--seed", "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_time_that_is_over_disturbs_nobody(seconds: float) -> None:
    """However long the first spans are, the end comes when it was asked for."""
    disturb(seconds, seed=3)


def test_it_ends_with_its_context_and_stays_on_its_processor() -> None:
    """Leaving the context kills it; until then it is on the processor that it was given, and nowhere else."""
    with started(60, CPU, seed=1) as process:
        neighbour = psutil.Process(process.pid)
        while neighbour.cpu_affinity() != [CPU]:
            os.sched_yield()
    assert not neighbour.is_running()


def test_it_ends_with_the_process_that_started_it() -> None:
    """A host that is killed leaves no load behind."""
    code = (
        "import os, signal\n"
        "from edgebench.board.neighbour import started\n"
        "import psutil\n"
        f"with started(60, {CPU}, 1) as process:\n"
        f"    while psutil.Process(process.pid).cpu_affinity() != [{CPU}]: os.sched_yield()\n"
        "    print(process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    try:
        psutil.Process(int(done.stdout)).wait(10)
    except psutil.NoSuchProcess:
        return


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_time_out_of_bounds_is_refused(seconds: str) -> None:
    """A load that would go on for days is a mistake, and so is none at all."""
    done = run("--seconds", seconds, "--cpu", str(CPU), "--seed", "1")
    assert done.returncode == 2
    expected = f"{float(seconds):g} seconds asked for: expected more than 0, {LONGEST_S:g} at most"
    assert expected in done.stderr.decode().splitlines()[-1]


def test_neighbour_that_could_not_run_is_an_error() -> None:
    """A load that never was must not be taken for one: the context raises when it ends."""
    reason = r"the neighbour on processor 1023 ended by itself \(2\)"
    with pytest.raises(ChildProcessError, match=reason), started(60, 1023, seed=1) as process:
        process.wait()
