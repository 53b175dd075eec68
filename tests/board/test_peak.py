"""The peaks of the machine the tests run on: structure and bounds, never speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edgebench.board.peak import Figure, Peak, figure, last_level_cache, measure, working_set_bytes
from edgebench.board.repeating import REPEATS


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Return a finished probe of this machine."""
    command = [sys.executable, "-m", "edgebench.board.peak", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


@pytest.fixture(scope="module")
def peak() -> Peak:
    """Return what a short probe of all cores prints, read as the host reads it."""
    done = run("--seconds", "0.4", OPENBLAS_CORETYPE="Haswell")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"\n") == 1
    return TypeAdapter(Peak).validate_json(done.stdout)


def test_one_line_holds_every_figure(peak: Peak) -> None:
    """Rates on one core and on all are positive, with the range of at least five repetitions."""
    rates = (peak.gemm_mult_adds_per_s, peak.copy_bytes_per_s, peak.add_bytes_per_s)
    figures = [each for rate in rates for each in (rate.one_core, rate.all_cores)]
    for each in (*figures, peak.chain_s):
        assert 0 < each.lowest <= each.median <= each.highest
    assert peak.repeats == REPEATS >= 5
    assert peak.cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert peak.chain_multiplications == 100_000


def test_what_the_figures_depend_on_is_named(peak: Peak) -> None:
    """A product's rate is its BLAS's: name, kernels and what the environment forced on it are said."""
    import numpy as np

    assert peak.blas != "unknown"
    assert peak.openblas_coretype == "Haswell"
    assert peak.blas_core == "Haswell" or "openblas" not in peak.blas or os.uname().machine != "x86_64"
    assert peak.numpy == np.__version__
    assert peak.python == ".".join(map(str, sys.version_info[:3]))


def test_memory_taken_is_bounded(peak: Peak) -> None:
    """The arrays are at most a quarter of what is free, and so many times the caches as that allows."""
    import psutil

    assert 2**20 <= peak.working_set_bytes <= psutil.virtual_memory().total // 4


def test_time_taken_is_bounded(peak: Peak) -> None:
    """A probe says how long it took: what was asked for and the calls that were running, not a multiple of it."""
    assert 0.2 < peak.seconds < 60


def test_one_core_can_be_asked_for() -> None:
    """With one thread the last allowed processor is measured, as the agent takes it."""
    done = run("--seconds", "0.2", "--threads", "1")
    assert json.loads(done.stdout)["cpus"] == [max(os.sched_getaffinity(0))]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seconds", "0"), "0 seconds asked for: expected more than 0, 600 at most"),
        (("--seconds", "1e9"), "1e+09 seconds asked for: expected more than 0, 600 at most"),
        (("--seconds", "nan"), "nan seconds asked for: expected more than 0, 600 at most"),
        (("--threads", "0"), "0 threads asked for: expected 1 to"),
        (("--threads", "100000"), "100000 threads asked for: expected 1 to"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    """What cannot be measured is refused before anything runs, with nothing on standard output."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert sentence in done.stderr.decode().splitlines()[-1]


def test_needs_a_process_of_its_own() -> None:
    """Where numpy is loaded already its BLAS may have threads of its own, which would count twice."""
    import numpy as np

    assert np.__name__ in sys.modules
    with pytest.raises(RuntimeError, match="in a process of their own"):
        measure(1, 0.1)


def test_numpy_is_loaded_when_it_is_needed() -> None:
    """The host imports the records of a peak without numpy, and BLAS is told of its threads before it is loaded."""
    code = "import sys; import edgebench.board.peak; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout.split()


@given(st.none() | st.integers(1, 2**42), st.none() | st.integers(0, 2**40), st.integers(0, 2**30))
def test_working_set_never_takes_more_than_a_quarter(available: int | None, cache: int | None, taken: int) -> None:
    """Whatever the caches ask for, the arrays and what is taken stay in a quarter of what is available."""
    arrays = working_set_bytes(available, cache, taken)
    assert 0 <= arrays <= 2**30
    if available is not None:
        assert arrays == 0 or arrays + taken <= available / 4


def test_working_set_is_many_times_the_caches() -> None:
    """Where there is memory enough, an eighth of the arrays at most can stay in the caches."""
    assert working_set_bytes(64 * 2**30, 32 * 2**20) == 8 * 32 * 2**20
    assert working_set_bytes(None, None) == 24 * 2**20


def test_last_level_caches_are_added(tmp_path: Path) -> None:
    """Two clusters with a cache each have both; a shared cache counts once; levels below do not count."""
    for cpu, shared in ((0, "0-1"), (1, "0-1"), (2, "2")):
        for level, size, cpus in ((1, "64K", str(cpu)), (3, "2048K", shared)):
            index = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cache/index{level}"
            index.mkdir(parents=True)
            for name, text in (("level", str(level)), ("size", size), ("shared_cpu_list", cpus)):
                (index / name).write_text(f"{text}\n")
    assert last_level_cache([0, 1, 2], tmp_path) == 2 * 2048 * 1024
    assert last_level_cache([1], tmp_path) == 2048 * 1024
    assert last_level_cache([0], tmp_path / "empty") is None


def test_figure_of_an_even_number() -> None:
    """The median of four lies between the middle two."""
    assert figure([4.0, 1.0, 2.0, 3.0]) == Figure(median=2.5, lowest=1.0, highest=4.0)


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (-1.0, 1.0, 2.0), (2.0, 1.0, 3.0), (1.0, 4.0, 3.0)])
def test_impossible_figure_is_refused(values: tuple[float, float, float]) -> None:
    """A board that claims nothing, less than nothing or a median outside its range is not believed."""
    lowest, median, highest = values
    line = json.dumps({"lowest": lowest, "median": median, "highest": highest})
    with pytest.raises(ValidationError, match="expected 0 < lowest <= median <= highest"):
        TypeAdapter(Figure).validate_json(line)
