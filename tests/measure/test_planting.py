"""Setting up a home from here: what is there is believed only as far as it is ours."""

import dataclasses
import fcntl
import json
import os
from pathlib import Path

import pytest

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import planting, wheels
from edgebench.measure.link import WORK
from edgebench.measure.setup import SETUP, Prepared, board_sha256


def prepared(*backends: str) -> Prepared:
    """Return what a home says of itself that was set up by this very version."""
    return Prepared(
        python="/usr/bin/python3.13",
        python_version="3.13.5",
        backends=backends,
        wheels="host",
        asked=wheels.requirements(backends),
        packages=(),
        board_sha256=board_sha256(),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home that is set up for the backend null."""
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / SETUP).write_text(json.dumps(dataclasses.asdict(prepared("null"))))
    return tmp_path


def test_a_home_that_lacks_nothing_is_left_alone(home: Path) -> None:
    """What is set up for a backend needs nothing for it; for another one it does, and so does an empty home."""
    assert planting.planted(home, ["null"]) == prepared("null")
    assert planting.planted(home, ["onnxruntime"]) is None
    assert planting.planted(home / "empty", ["null"]) is None


def test_a_home_that_is_measured_in_is_refused(home: Path) -> None:
    """Nothing is replaced under an agent that holds its lock; what lacks nothing is no matter."""
    with (home / WORK / "agent.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DeviceUnreachableError, match="A session is measuring in"):
            planting.planted(home, ["onnxruntime"])
        assert planting.planted(home, ["null"]) is not None


@pytest.mark.parametrize("name", ["venv", "lib", "."])
def test_a_link_out_of_the_home_is_not_followed(name: str, home: Path) -> None:
    """What ran on the board may have left one for whoever sets it up, who may be root."""
    place = home / WORK / name if name != "." else home / WORK
    if name == ".":
        (place / SETUP).unlink()
        place.rmdir()
    (home / "elsewhere").mkdir()
    place.symlink_to(home / "elsewhere")
    found = planting.machine("board", "/usr/bin/python3.13", "3.13.5", (2, 41), home)
    with pytest.raises(UsageError, match="is a link, which nothing of ours makes"):
        planting.plant(home, found, ["onnxruntime"], lambda _: None, home / "pip")
    assert list((home / "elsewhere").iterdir()) == []


def test_pipes_in_place_of_files_hold_nobody_up(home: Path) -> None:
    """A pipe that is called like our file or our lock is neither waited for nor read."""
    for name in (SETUP, "agent.lock"):
        (home / WORK / name).unlink(missing_ok=True)
        os.mkfifo(home / WORK / name)
    assert planting.planted(home, ["null"]) is None


def test_a_board_that_is_not_asked_is_known_by_its_root() -> None:
    """Wheels are chosen for the Python and the C library of the packages that were unpacked."""
    found = planting.machine("board", "/usr/bin/python3.13", "3.13.5", (2, 41), Path("/"))
    assert found.python is not None
    assert (found.python.abi, found.python.text, found.machine, found.glibc) == ("cp313", "3.13.5", "aarch64", (2, 41))
