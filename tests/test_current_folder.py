"""Nothing is imported from the folder in which a user stands: not by the command's processes, whoever starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebench import formats
from edgebench.api import boards
from edgebench.board import neighbour
from edgebench.board.child import Child
from edgebench.measure.local import Local
from tests.board.test_child import LIMIT_S, cpus, null_trial, opening
from tests.formats import onnx_files

NAMES = (
    "argparse",
    "ctypes",
    "fcntl",
    "json",
    "numpy",
    "onnx",
    "onnxruntime",
    "psutil",
    "random",
    "resource",
    "select",
)
"""Of the standard library, of packages, and runtimes: each process imports some of them."""


@pytest.fixture
def trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder of modules that write a file when they are imported."""
    for name in NAMES:
        note = tmp_path / f"ran-{name}"
        (tmp_path / f"{name}.py").write_text(f"import pathlib\npathlib.Path({str(note)!r}).touch()\nraise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(folder: Path) -> list[str]:
    """Return which modules of a folder were imported."""
    return sorted(path.name for path in folder.glob("ran-*"))


def test_modules_of_the_folder_would_run(trapped: Path) -> None:
    """Python's own way of starting a module imports what lies in the current folder."""
    subprocess.run([sys.executable, "-m", "edgebench.board.neighbour"], capture_output=True, check=False)
    assert ran(trapped) == ["ran-argparse"]


@pytest.mark.slow
def test_an_agent_and_its_worker_import_nothing_of_it(trapped: Path) -> None:
    """Agent, worker and neighbour start, and do what they are asked."""
    with Local().agent() as (_, hello):
        assert hello.runtimes["null"] == ""
    with Child.started(null_trial(), cpus()) as child:
        assert "precision_found" in child.ask(opening(child), LIMIT_S)
    with neighbour.started(0.01, cpus()[0], 7) as process:
        assert process.wait(LIMIT_S) == 0
    assert ran(trapped) == []


@pytest.mark.slow
def test_a_probe_imports_nothing_of_it(trapped: Path) -> None:
    """The peaks of this machine are measured by our own code."""
    assert boards.probe_host(trapped, 0.5).entries
    assert ran(trapped) == []


@pytest.mark.slow
def test_a_file_is_read_and_run_beside_modules(trapped: Path) -> None:
    """A user's file is adopted, converted and measured in a folder with an onnx.py, a numpy.py and others."""
    path = onnx_files.written(trapped, onnx_files.small())
    assert formats.adopt(path, {}).architecture == "onnx"
    words = ["run", "--model", path.name, "--backend", "onnxruntime", "--invocations", "1", "--budget", "5s", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "edgebench", *words], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert ran(trapped) == []
