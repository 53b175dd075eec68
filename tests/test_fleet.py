import signal
import sys

from edgebench import fleet

# Each waits until the other has started, so one after the other would never end.
MEET = """
import pathlib, sys, time
own, other = map(pathlib.Path, sys.argv[1:])
own.touch()
until = time.monotonic() + 60
while not other.exists():
    assert time.monotonic() < until
    time.sleep(0.01)
print(own.name)
print("seen", file=sys.stderr)
"""


def test_units_run_side_by_side(tmp_path: object) -> None:
    """Two units that wait for each other both end, each with its own output, status and prefix."""
    a, b = f"{tmp_path}/a", f"{tmp_path}/b"
    said: list[str] = []
    ended = fleet.run({"a": [sys.executable, "-c", MEET, a, b], "b": [sys.executable, "-c", MEET, b, a]}, said.append)
    assert {unit: (one.status, one.printed) for unit, one in ended.items()} == {"a": (0, b"a\n"), "b": (0, b"b\n")}
    assert sorted(said) == ["a: seen", "b: seen"]


def test_one_that_fails_does_not_end_the_others() -> None:
    """The status of each unit is its own, signals included."""
    commands = {
        "good": [sys.executable, "-c", "print('done')"],
        "lost": [sys.executable, "-c", "raise SystemExit(3)"],
        "killed": [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
    }
    ended = fleet.run(commands, lambda _: None)
    assert {unit: one.status for unit, one in ended.items()} == {"good": 0, "lost": 3, "killed": -signal.SIGKILL}
    assert ended["good"].printed == b"done\n"
