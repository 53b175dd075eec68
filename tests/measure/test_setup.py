"""How a board is made ready and left as it was, on a real sshd; what stands in the way is one sentence each."""

import contextlib
import fcntl
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import setup, survey, wheels
from edgebench.measure.link import WORK, Link, linked
from tests.loopback.fixtures import started
from tests.loopback.lab import Board, Lab

AGENT = f"cd {WORK} && PYTHONPATH=lib exec venv/bin/python -m edgebench.board.agent"
DEBIAN = "3.11.2 64 cp311 2.36 1 1 /usr/bin/python3"
SAID = {
    "machine": "aarch64",
    "kernel": "6.12.47-v8",
    "bits": "64",
    "libc": "glibc 2.36",
    "system": "Debian GNU/Linux 12 (bookworm)",
    "disk": "/dev/mmcblk0p2 30000000 20000000 9000000 69% /",
    "memory": "944264 kB",
    "python": DEBIAN,
}


FOREIGN = "x86_64" if platform.machine() == "aarch64" else "aarch64"


def silent(_: str) -> None:
    """Say nothing."""


def parsed(**changes: str) -> setup.Survey:
    """Return the survey of a Raspberry Pi with Debian 12 that differs in some answers."""
    return survey.parse("rpi", list({**SAID, **changes}.items()))


def reason(backend: str, **changes: str) -> str | None:
    """Return why a backend does not fit such a board."""
    (fit,) = setup.fits(parsed(**changes), [backend])
    return fit.reason


def fake(version: str) -> str:
    """Return a program that says it is a Python, whatever it is asked."""
    return f"#!/bin/sh\necho '{version}'\n"


def hello(link: Link) -> dict[str, Any]:
    """Start the agent and return its first line."""
    line = link.run(["sh", "-c", AGENT]).splitlines()[0]
    found: dict[str, Any] = json.loads(line)
    return found


# --- what a board says -----------------------------------------------------------------------------------------------


def test_a_board_says_what_it_is(shared: Board) -> None:
    """One command tells machine, system, disk, memory and the Pythons, and leaves nothing."""
    before = shared.tree()
    with linked(shared.host) as link:
        found = setup.survey(link)
    assert found.machine == os.uname().machine
    assert found.userland_bits == 64
    assert found.glibc is not None and found.glibc >= (2, 28)
    assert found.free_bytes is not None and found.free_bytes > 10**6
    assert found.memory_bytes is not None and found.memory_bytes > 10**8
    assert found.system and found.kernel
    assert found.python is not None and found.python.path.startswith("/")
    assert shared.tree() == before


def test_noise_does_not_reach_the_survey(board: Board) -> None:
    """What a profile prints, even in the survey's own form, is not taken for an answer."""
    board.write(".bashrc", "echo 0123456789abcdef machine vax; printf 'end \\377\\0 no newline'; echo oops >&2\n")
    with linked(board.host) as link:
        found = setup.survey(link)
    assert found.machine == os.uname().machine
    assert found.python is not None


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "free_bytes", 9_000_000 * 1024),
        ({}, "memory_bytes", 944_264 * 1024),
        ({"bits": ""}, "userland_bits", 64),
        ({"libc": ""}, "glibc", (2, 36)),
        ({"libc": "glibc 2.35.1"}, "glibc", (2, 35)),
        ({"disk": "df: no such file"}, "free_bytes", None),
        ({"memory": "lots"}, "memory_bytes", None),
        ({"python": "3.11.2 64 cp311 2.36 1 1 relative/python3"}, "pythons", ()),
        ({"python": "Python 3.11.2"}, "pythons", ()),
        ({"python": "3.11.2; 64 cp311 2.36 1 1 /usr/bin/python3"}, "pythons", ()),
    ],
)
def test_answers_are_read_strictly(changes: dict[str, str], field: str, value: object) -> None:
    """What is not in its form is not known, never guessed."""
    assert getattr(parsed(**changes), field) == value


@pytest.mark.parametrize("machine", ["", "../../etc", "a b", "x" * 1000])
def test_a_machine_that_makes_no_sense_is_refused(machine: str) -> None:
    """Without a machine there is no board to speak of."""
    with pytest.raises(DeviceUnreachableError, match="did not say what machine"):
        parsed(machine=machine)


def test_answers_are_bounded_and_printable() -> None:
    """A board cannot send control characters to a terminal, nor a value without end."""
    (row,) = survey.answers(b"m key \033[31mred" + b"x" * 10**6 + b"\nm short\nother key value\n", "m")
    assert row[0] == "key"
    assert row[1].isprintable() and len(row[1]) <= 500


def test_the_first_python_that_will_do_is_taken() -> None:
    """`python3` comes first; one that is too old, free-threaded or without venv gives way to another."""
    rows = [*SAID.items()]
    for value in (
        "3.8.10 64 cp38 2.31 1 1 /usr/bin/python3",
        "3.13.1 64 cp313t 2.36 1 1 /opt/t",
        "3.12.1 64 cp312 2.36 0 0 /a",
    ):
        rows.insert(-1, ("python", value))
    found = survey.parse("rpi", rows)
    assert len(found.pythons) == 4
    assert found.python is not None and found.python.path == "/usr/bin/python3" and found.python.text == "3.11.2"


# --- what fits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "changes", "words"),
    [
        ("onnxruntime", {}, None),
        ("openvino", {}, None),
        ("null", {"libc": "glibc 2.27"}, None),
        ("onnxruntime", {"python": "3.10.12 64 cp310 2.35 1 1 /usr/bin/python3", "libc": "glibc 2.35"}, None),
        ("openvino", {"libc": "glibc 2.31"}, "glibc 2.31 is older than the 2.35 that wheels of openvino"),
        ("openvino", {"libc": "glibc 2.31", "machine": "x86_64"}, None),
        ("onnxruntime", {"libc": "glibc 2.27"}, "older than the 2.28"),
        ("null", {"python": "3.8.10 64 cp38 2.31 1 1 /usr/bin/python3"}, r"Python 3\.8\.10 .* too old: 3\.10 or newer"),
        ("null", {"python": ""}, "no Python 3"),
        ("null", {"python": "3.13.1 64 cp313t 2.36 1 1 /usr/bin/python3"}, "free-threaded"),
        ("null", {"python": "3.11.2 64 pypy311 2.36 1 1 /usr/bin/pypy3"}, "expected CPython"),
        ("null", {"python": "3.11.2 64 cp311 2.36 0 0 /usr/bin/python3"}, "no venv module.*python3-venv"),
        (
            "null",
            {"python": "3.11.2 32 cp311 2.36 1 1 /usr/bin/python3", "bits": "32"},
            "32 bits on aarch64.*64-bit image",
        ),
        ("null", {"machine": "armv7l"}, "no wheels for armv7l"),
        ("null", {"libc": "", "python": "3.12.1 64 cp312 - 1 1 /usr/bin/python3"}, "not glibc"),
        (
            "onnxruntime",
            {"disk": "/dev/root 300000 200000 100000 67% /"},
            "102 MB are free in the home: installing takes 230",
        ),
        ("torch", {"disk": "/dev/root 9000000 8000000 1000000 89% /"}, "1024 MB are free"),
        ("inductor", {"machine": platform.machine()}, None),
        (
            "inductor",
            {"machine": FOREIGN},
            f"machine code for the {platform.machine()} .* the board, {FOREIGN}, cannot run",
        ),
    ],
)
def test_what_fits_is_known_before_anything_is_copied(backend: str, changes: dict[str, str], words: str | None) -> None:
    """Python, userland, C library and disk decide, and the reason says what was found and what is needed."""
    found = reason(backend, **changes)
    if words is None:
        assert found is None
    else:
        with pytest.raises(ValueError, match=words):
            raise ValueError(found)


def test_every_backend_with_wheels_has_its_needs() -> None:
    """A backend whose package is not in the table would be promised to any board."""
    from edgebench import plugins

    packages = {plugins.load("backends", name).DISTRIBUTION for name in plugins.names("backends")} - {None}
    assert packages <= set(survey.NEEDS)


# --- obstacles, each before anything is copied -----------------------------------------------------------------------


def refused(board: Board, words: str, backends: tuple[str, ...] = ("null",), **options: Any) -> None:
    """Check that a board is refused with these words and left as it was."""
    before = board.tree()
    with linked(board.host) as link, pytest.raises(DeviceUnreachableError, match=words):
        setup.prepare(link, backends, say=silent, **options)
    assert board.tree() == before


def test_no_python(lab: Lab) -> None:
    """A board without any Python says what to install."""
    refused(started(lab, PATH=lab.path({})), "cannot be set up: there is no Python 3: install 3.10 or newer")


def test_python_too_old(lab: Lab) -> None:
    """A board whose Python is too old says which it has and which it needs."""
    programs = {"python3": fake("3.8.10 64 cp38 2.31 1 1")}
    refused(started(lab, PATH=lab.path(programs)), r"its Python 3\.8\.10 \(/.*/python3\) is too old: 3\.10 or newer")


def claim(board: Board, text: str) -> None:
    """Make a board say of itself that it is set up, and how."""
    folder = board.home / WORK / "venv" / "bin"
    shutil.rmtree(board.home / WORK, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "python").symlink_to("/bin/true")
    (board.home / WORK / "setup.json").write_text(text)


@pytest.mark.parametrize(
    "text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nyes | head -c 3000000\n", "#!/bin/sh\nkill -SEGV $$\n"]
)
def test_a_python_that_does_not_work_is_none(lab: Lab, text: str) -> None:
    """A shim with nothing behind it, or one that prints without end, is no Python."""
    refused(started(lab, PATH=lab.path({"python3": text})), "there is no Python 3")


def test_a_python_that_was_asked_for_is_the_one(shared: Board) -> None:
    """The user's choice is tried alone, and is never a shell's text."""
    refused(shared, r"'\$\(touch x\)' is no Python 3 there", python="$(touch x)")


def test_a_backend_that_does_not_fit_is_the_users_choice(lab: Lab) -> None:
    """A board that could do less is not unreachable: the sentence names the backend."""
    programs = {
        "python3": fake("3.11.2 64 cp311 2.35 1 1"),
        "uname": "#!/bin/sh\necho aarch64\n",
        "getconf": "#!/bin/sh\n[ $1 = LONG_BIT ] && echo 64 || echo glibc 2.31\n",
    }
    board = started(lab, PATH=lab.path(programs))
    with (
        linked(board.host) as link,
        pytest.raises(UsageError, match=r"cannot have .*: openvino: its glibc 2\.31 is older"),
    ):
        setup.prepare(link, ["null", "openvino"], say=silent)
    assert not list(board.home.iterdir())


def test_a_home_that_cannot_be_written(board: Board) -> None:
    """A read-only home is said in the words of the board."""
    board.home.chmod(0o500)
    try:
        refused(board, r"could not be set up: mkdir: .*Permission denied")
    finally:
        board.home.chmod(0o700)


def test_too_small_a_disk(board: Board) -> None:
    """What will not fit is said before the first byte is copied."""
    with small_disk(board, megabytes=60), linked(board.host) as link:
        with pytest.raises(UsageError, match=r"null: \d+ MB are free in the home: installing takes 130 MB"):
            setup.prepare(link, ["null"], say=silent)
        assert not list(board.home.iterdir())


def test_a_session_that_runs_is_not_disturbed(board: Board) -> None:
    """Neither setup nor removal pulls the files from under an agent."""
    (board.home / WORK).mkdir()
    with (board.home / WORK / "agent.lock").open("w") as lock, linked(board.host) as link:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for act in (lambda: setup.remove(link), lambda: setup.prepare(link, ["null"], say=silent)):
            with pytest.raises(DeviceUnreachableError, match="A session is measuring on"):
                act()
        assert (board.home / WORK).is_dir()


@contextlib.contextmanager
def small_disk(board: Board, megabytes: int) -> Iterator[None]:
    """Give a board's home a small disk of its own."""
    options = f"size={megabytes}M,uid={board.home.stat().st_uid},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "eb-small", str(board.home)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(board.home)], check=True)


# --- what stands on the board ----------------------------------------------------------------------------------------


def test_nothing_there_is_no_state_and_nothing_to_remove(shared: Board) -> None:
    """A board that was never set up says so."""
    shutil.rmtree(shared.home / WORK, ignore_errors=True)
    with linked(shared.host) as link:
        assert setup.state(link) is None
        assert not setup.remove(link)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"python": 3}', "x" * 10**6, '{"a": ' * 10**4, "\\033]0;title\\007", "null"], ids=range(8)
)
def test_a_state_that_makes_no_sense_is_none(shared: Board, text: str) -> None:
    """What a board claims of itself is read strictly; a setup that was cut short counts as none."""
    claim(shared, text)
    with linked(shared.host) as link:
        assert setup.state(link) is None


def test_a_state_is_read_as_it_was_written(shared: Board) -> None:
    """The record on the board survives its way through the shell, spaces, quotes and length included."""
    packages = tuple(setup.Package(name=f"package '\"$x` {number}", version="1  2") for number in range(200))
    record = {
        "python": "/opt/my python/bin/python3",
        "python_version": "3.11.2",
        "backends": ["null"],
        "wheels": "host",
        "asked": [],
        "packages": [{"name": one.name, "version": one.version} for one in packages],
        "board_sha256": "0" * 64,
    }
    claim(shared, json.dumps(record))
    with linked(shared.host) as link:
        found = setup.state(link)
    assert found is not None
    assert found.packages == packages and found.python == "/opt/my python/bin/python3"


def test_removal_follows_no_link_and_minds_no_mode(board: Board, tmp_path: Path) -> None:
    """Only the folder itself goes: not what a link points at, and read-only folders too."""
    board.write("kept", "mine")
    before = board.tree()
    folder = board.home / WORK / "a" / "b"
    folder.mkdir(parents=True)
    (board.home / WORK / "link").symlink_to(board.home / "kept")
    for path in (board.home / WORK, *(board.home / WORK).rglob("*")):
        subprocess.run(["chown", "-h", board.user, path], check=True)
    folder.chmod(0)
    with linked(board.host) as link:
        assert setup.remove(link)
        assert not setup.remove(link)
    assert board.tree() == before


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    """A folder with the wheels for a board here, which a board takes for its package index."""
    board = started(lab)
    with linked(board.host) as link:
        found = setup.survey(link)
    assert found.python is not None and found.glibc is not None
    folder = lab.folder / "house"
    folder.mkdir()
    tags = wheels.platforms(found.machine, found.glibc)
    wheels.fetch(wheels.requirements(["onnxruntime"]), found.python.version[:2], tags, folder)
    return folder


@pytest.mark.slow
def test_from_the_boards_own_index(lab: Lab, house: Path) -> None:
    """Setup, a second one that copies nothing, one more backend, the agent, and removal without a trace."""
    board = started(lab, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(house), PIP_CONFIG_FILE="/dev/null")
    before = board.tree()
    said: list[str] = []
    with linked(board.host) as link:
        first = setup.prepare(link, ["null"], say=said.append)
        assert first.wheels == "board"
        assert setup.Package(name="numpy", version=version("numpy")) in first.packages
        assert setup.state(link) == first
        assert hello(link)["runtimes"] == {"null": ""}

        between = board.tree()
        assert setup.prepare(link, ["null"], say=silent) == first
        assert {k: v for k, v in board.tree().items() if "__pycache__" not in k} == {
            k: v for k, v in between.items() if "__pycache__" not in k
        }

        said.clear()
        second = setup.prepare(link, ["onnxruntime"], say=said.append)
        assert second.backends == ("null", "onnxruntime")
        assert not [text for text in said if "environment" in text or "copying" in text]
        assert hello(link)["runtimes"] == {"null": "", "onnxruntime": version("onnxruntime")}

        (board.home / WORK / "setup.json").write_text("cut short")
        said.clear()
        assert setup.prepare(link, ["onnxruntime", "null"], say=said.append) == second
        assert not [text for text in said if "environment" in text]

        assert [path.name for path in board.home.iterdir()] == [WORK]
        user = board.home.stat().st_uid
        if user != os.getuid():
            assert not [path for path in Path(tempfile.gettempdir()).iterdir() if path.stat().st_uid == user]
        assert setup.remove(link)
    assert board.tree() == before


@pytest.mark.slow
def test_from_wheels_that_the_host_fetched(island: Board) -> None:
    """A board that is cut off from every index gets the wheels over the cable, and leaves no trace either."""
    before = island.tree()
    said: list[str] = []
    with linked(island.host) as link:
        with pytest.raises(DeviceUnreachableError, match=r"no index can be reached; `--wheels host`"):
            setup.prepare(link, ["onnxruntime"], wheels="board", say=silent)
        done = setup.prepare(link, ["onnxruntime"], say=said.append)
        assert done.wheels == "host"
        assert any("no index can be reached" in text for text in said)
        assert any(text.startswith("copying") and text.endswith("MB") for text in said)
        assert hello(link)["runtimes"] == {"null": "", "onnxruntime": version("onnxruntime")}
        assert not (island.home / WORK / "wheels").exists()
        assert setup.remove(link)
    assert island.tree() == before


@pytest.mark.slow
def test_neither_side_has_wheels(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """No index on the board and none for this machine: both reasons in the sentence."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with (
        linked(board.host) as link,
        pytest.raises(DeviceUnreachableError, match=r"This machine found no wheels for Python"),
    ):
        setup.prepare(link, ["null"], wheels="host", say=silent)


@pytest.mark.slow
def test_a_python_without_ensurepip(lab: Lab) -> None:
    """Debian's Python without python3-venv gets pip from its own wheel."""
    hide = 'import sys; sys.modules["ensurepip"] = None; exec(sys.argv[1])'
    text = f"""#!/bin/sh
[ "$1$2" = -I-S ] && exec /usr/bin/python3 -I -S -c '{hide}' "$4"
case "$*" in *venv*--without-pip*) ;; *venv*) exit 1 ;; esac
exec /usr/bin/python3 "$@"
"""
    board = started(lab, PATH=lab.path({"python3": text}))
    with linked(board.host) as link:
        found = setup.survey(link).python
        assert found is not None and found.venv and not found.ensurepip
        done = setup.prepare(link, ["null"], wheels="host", say=silent)
        assert "pip" in {package.name for package in done.packages}
        assert hello(link)["runtimes"] == {"null": ""}


@pytest.mark.slow
def test_a_disk_that_fills_up_on_the_way(board: Board) -> None:
    """A full disk is named as such, whatever step it stops; removal still works."""
    with small_disk(board, megabytes=200), linked(board.host) as link:

        def fill(text: str) -> None:
            if text.startswith("copying") and "wheels" in text:
                free = setup.survey(link).free_bytes
                assert free is not None
                (board.home / "ballast").write_bytes(b"\1" * (free - 3_000_000))

        with pytest.raises(DeviceUnreachableError, match=r"The disk of .* is full, \d MB are free"):
            setup.prepare(link, ["null"], wheels="host", say=fill)
        assert setup.state(link) is None
        assert setup.remove(link)
