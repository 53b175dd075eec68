"""What an ordinary user is told where sensors are for root alone: commands that run without root's rights."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgebench.board.agent import ROOT_VARIABLE
from edgebench.board.sensors import names
from tests.board.sensors import recorded
from tests.board.sensors.ordinary import NOBODY, open_folder
from tests.board.test_throttle import FIRMWARE
from tests.needing import lacking

pytestmark = pytest.mark.slow

LIMIT_S = 300
PATHS = ("files", "errors")
"""Parts of a case whose keys are paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user without rights in a folder that is open to all; the board's tree lies in it.

    `packages` are those of a Python that is not the one that runs the tests.
    """

    folder: Path
    interpreter: str = sys.executable
    packages: Path | None = None

    @property
    def tree(self) -> Path:
        """Return the tree that stands for the board."""
        return self.folder / "board"

    def python(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run Python as that user; whoever runs the tests without root's rights stays who he is."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EDGEBENCH_"))}
        path = os.pathsep.join(map(str, filter(None, (Path(__file__).parents[1], self.packages))))
        own = {"HOME": str(self.folder), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return subprocess.run(  # type: ignore[call-overload, no-any-return] # mypy cannot see what `other` holds
            [self.interpreter, *words],
            cwd=self.folder,
            env={**kept, **own, ROOT_VARIABLE: str(self.tree)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            **other,
        )

    def is_possible(self) -> bool:
        """Tell whether this user can start edgebench, and it its own Python."""
        code = "import edgebench.cli, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
        try:
            return self.python("-c", code).returncode == 0
        except PermissionError:
            return False

    def edgebench(self, *words: str) -> str:
        """Run a command to its good end, and return what it prints."""
        done = self.python("-m", "edgebench", *words)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout


def moved(case: recorded.Case, number: int) -> recorded.Case:
    """A case whose chip of hwmon has a number of its own: several stand in one tree."""
    parts = {part: {_numbered(name, number): value for name, value in case.get(part, {}).items()} for part in PATHS}
    return {**case, **parts}


def _numbered(name: str, number: int) -> str:
    return name.replace("/hwmon1/", f"/hwmon{number}/")


@pytest.fixture
def user() -> Iterator[User]:
    """A user before a board of which root alone may read every sensor."""
    with open_folder() as folder:
        system = User(folder=folder, interpreter="/usr/bin/python3", packages=Path(pytest.__file__).parents[1])
        made = next((user for user in (User(folder=folder), system) if user.is_possible()), None)
        if made is None:
            lacking("an ordinary user may not read the Python that runs the tests, nor is there another like it")
        for number, name in enumerate(name for name in names() if name != "meter"):
            case = moved(recorded.read(f"{name}/forbidden"), number)
            recorded.place(made.tree, case)
            for closed in (*case.get("errors", {}), *(f"usr/bin/{one.split()[0]}" for one in case.get("answers", {}))):
                (made.tree / closed).chmod(0)
        yield made


def test_every_closed_sensor_is_listed_with_its_hint(user: User) -> None:
    """Each that is forbidden says what to do, in JSON and in words, and none has become a reading."""
    found = json.loads(user.edgebench("list", "sensors", "--json"))["sensors"]
    troubles = {one["name"]: [t for t in one["troubles"] if t["kind"] == "forbidden"] for one in found}
    assert [name for name, own in troubles.items() if not own and name != "meter"] == []
    assert all(trouble["advice"] for own in troubles.values() for trouble in own)
    assert not [one for sensor in found for one in sensor["gauges"]]
    said = " ".join(user.edgebench("list", "sensors").split())
    assert [name for name, own in troubles.items() if own and f"{name} is forbidden: " not in said] == []
    assert said.count("To do: ") >= sum(map(bool, troubles.values()))


def test_run_without_rights_says_so_and_has_no_joule(user: User) -> None:
    """Rows get the flag `permission`, no energy is made up, and the reason names the file that is closed."""
    (user.tree / FIRMWARE).parent.mkdir(parents=True)
    (user.tree / FIRMWARE).write_text("0\n")
    (user.tree / FIRMWARE).chmod(0)
    words = ("--model", "lenet5", "--backend", "null:work=2000", "--invocations", "1", "--energy", "--results", "out")
    said = " ".join(user.edgebench("run", *words).split())
    (path,) = user.folder.glob("out/*/*/trials.csv")
    with path.open(newline="") as file:
        row, _ = csv.DictReader(file)
    assert "permission" in row["flags"].split()
    assert (row["energy_j"], row["energy_rung"]) == ("", "")
    assert "Permission denied" in row["energy_reason"]
    assert "`edgebench list sensors` says what can be done." in said
    assert "Flag permission" in said
