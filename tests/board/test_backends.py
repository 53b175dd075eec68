"""Which backends a side has, and which of them are broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebench.board.backends import installed, survey

MODULES = {
    "fine_dsp": "FORMAT = DISTRIBUTION = None\nPRECISIONS = ('fp32',)\nOPTIONS = ()\n",
    "broken_dsp": "import library_that_is_not_here\n",
}


@pytest.fixture
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with one backend that works and two that do not."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    info = tmp_path / "dsp-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dsp\nVersion: 1.0\n")
    points = "fine = fine_dsp\nbroken = broken_dsp\nWrong-Name = fine_dsp\n"
    (info / "entry_points.txt").write_text(f"[edgebench.backends]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("_plugins")
def test_broken_backend_is_told_as_broken() -> None:
    """A module that cannot be imported is no runtime that is not installed: its reason is told beside the versions."""
    versions, broken = survey()
    assert versions["fine"] == versions["null"] == ""
    assert broken["broken"] == "ModuleNotFoundError: No module named 'library_that_is_not_here'"
    assert broken["Wrong-Name"].startswith("ValueError: 'Wrong-Name' is no backend's name")
    assert installed() == versions
    assert not versions.keys() & broken.keys()


def test_nothing_is_broken_here() -> None:
    """All backends of this tree can be imported without their runtimes."""
    assert survey()[1] == {}


IMPORT = """
import os
from edgebench.board.backends import Settings, onnxruntime
onnxruntime.import_runtime(Settings(threads=1, precision="fp32", options={}))
print(len(os.listdir("/proc/self/task")))
"""


def test_onnxruntime_reports_nothing_about_its_user(tmp_path: Path) -> None:
    """A worker's runtime keeps no device id in the user's cache."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", IMPORT], env=environment, check=True, capture_output=True)
    assert list(tmp_path.iterdir()) == []
