"""Boards through ssh: every test talks to a real sshd on this machine (tests/loopback), with real timings."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebench.board.wire import FileName, FilesAsked, encode
from edgebench.errors import DeviceUnreachableError, LostTrialError
from edgebench.measure import setup
from edgebench.measure.link import linked
from edgebench.measure.ssh import Ssh
from edgebench.measure.transport import started as agent_started
from tests.failures.running import Bench, until
from tests.loopback.lab import Board

ROOT = Path(__file__).parents[1]
QUICK = ["--model", "lenet5", "--backend", "null:work=2000", "--backend", "null:work=4000", "--invocations", "2"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _empty_spool(request: pytest.FixtureRequest) -> None:
    """Take what a test before this one left in the spool off the board that they share."""
    if "ready" in request.fixturenames:
        shutil.rmtree(request.getfixturevalue("ready").home / ".edgebench" / "spool", ignore_errors=True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a folder to run commands in."""
    return Bench.made(tmp_path)


def measuring(board: Board) -> None:
    """Wait until a block of the run that was just started is in the board's spool."""
    spool = board.home / ".edgebench" / "spool"
    until(lambda: any(b'"event":"block"' in path.read_bytes() for path in spool.glob("*")), "a block in the spool")


def measure(bench: Bench, board: Board, *arguments: str) -> list[str]:
    """Return the command line that measures on a board whose kind is found."""
    return [sys.executable, "-m", "edgebench", "run", "--host", board.host, *(arguments or QUICK)]


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of a language in the README."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_commands_for_boards_in_the_readme_work(bench: Bench, board: Board) -> None:
    """Every command of "Your Raspberry Pi" and "Your Jetson" runs, in order, against a board; nothing is left on it."""
    before = board.tree()
    lines = [line for block in blocks("shell") for line in block.splitlines()]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(re.sub(r"\w+@192\.168\.1\.\d+", board.host, line))
        assert words[0] == "scripts/edgebench"
        done = bench.run_any([sys.executable, "-m", "edgebench", *words[1:]])
        assert (done.code, line) == (0, line), done.err
    assert board.tree() == before


def test_a_board_is_measured_like_this_machine(bench: Bench, ready: Board) -> None:
    """A run through ssh has the same files and rows; a second one copies nothing again."""
    arguments = ["--model", "lenet5", "--backend", "onnxruntime", "--invocations", "2"]
    first = bench.run_any(measure(bench, ready, *arguments))
    assert first.code == 0, first.err
    folder = bench.only_run()
    row = folder.trial("onnxruntime")
    assert (row["status"], row["precision_found"], row["threads_found"]) == ("done", "fp32", "1")
    assert not {"parity", "precision", "threads", "unlimited"} & set(row["flags"].split())  # others are the machine's
    assert float(row["parity_max_abs_diff"]) < 1e-3
    files = {path: path.stat().st_mtime_ns for path in (ready.home / ".edgebench" / "files").rglob("*.*")}
    assert files
    assert bench.run_any(measure(bench, ready, *arguments)).code == 0
    assert files == {path: path.stat().st_mtime_ns for path in (ready.home / ".edgebench" / "files").rglob("*.*")}
    assert not list((ready.home / ".edgebench" / "spool").glob("*"))


def cut(bench: Bench, board: Board, sever: Callable[[], None], mend: Callable[[], None]) -> None:
    """Sever the way to a board in the second invocation, and check that nothing measured is lost or repeated."""
    arguments = [*QUICK[:-1], "4"]
    with bench.started(measure(bench, board, *arguments), {}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "invocation 1 of 4" in line:
                break
        measuring(board)
        sever()
        process.stderr.read()
        assert process.wait() == 3
    folder = bench.only_run()
    assert {row["stage"] for row in folder.table("trials")} == {"agent"}
    measured = [line["invocation"] for line in folder.journal("invocation")]
    assert measured[0] == 0
    mend()
    resumed = bench.run_any(measure(bench, board, "--resume"))
    assert resumed.code == 0, resumed.err
    again = [line["invocation"] for line in folder.journal("invocation")]
    assert again[: len(measured)] == measured
    assert len(again) == len(set(again)) == 4
    assert {row["status"] for row in folder.table("trials")} == {"done"}
    assert {row["invocations"] for row in folder.table("trials")} == {"4"}


def test_a_connection_that_is_killed_loses_nothing(bench: Bench, ready: Board) -> None:
    """sshd's child ends in mid-run: the rows say so, the spool is fetched, --resume repeats nothing."""

    def sever() -> None:
        for process in ready.sessions():
            if process.name() == "sshd":
                process.kill()

    cut(bench, ready, sever, lambda: None)


def test_a_cable_that_is_pulled_loses_nothing(bench: Bench, island: Board) -> None:
    """The link goes down in mid-run and comes back: what the board measured meanwhile is fetched by --resume."""
    with linked(island.host) as link:
        setup.prepare(link, ["null"], wheels="host", say=lambda _: None)
    assert island.namespaces is not None
    namespaces = island.namespaces
    cut(bench, island, lambda: namespaces.plug("down"), lambda: namespaces.plug("up"))


def test_an_interrupted_run_ends_the_agent_on_the_board(bench: Bench, ready: Board) -> None:
    """Ctrl-C ends what runs on the board too, at once."""
    with bench.started(measure(bench, ready, *QUICK[:-1], "9"), {}) as process:
        measuring(ready)
        process.send_signal(2)
        assert process.wait() == 130
    until(lambda: not [one for one in ready.sessions() if "edgebench.board" in " ".join(one.cmdline())], "no agent")
    assert {row["status"] for row in bench.only_run().table("trials")} == {"unfinished"}


def test_an_agent_that_is_killed_on_the_board_is_told(bench: Bench, ready: Board) -> None:
    """The agent dies on the board: the rows are lost at stage agent, and no worker is left there."""
    with bench.started(measure(bench, ready, *QUICK[:-1], "9"), {}) as process:
        measuring(ready)
        for one in ready.sessions():
            if "edgebench.board.agent" in " ".join(one.cmdline()) and "python" in one.name():
                one.kill()
        _, said = process.communicate()
        assert process.returncode == 3, said
    assert {row["stage"] for row in bench.only_run().table("trials")} == {"agent"}
    until(lambda: not [one for one in ready.sessions() if "edgebench.board" in " ".join(one.cmdline())], "no worker")


def test_a_board_of_another_kind_is_refused(bench: Bench, ready: Board) -> None:
    """--device rpi4 on a machine that is none says what was found, and nothing is written."""
    done = bench.run_any([sys.executable, "-m", "edgebench", "run", "--device", "rpi4", "--host", ready.host, *QUICK])
    assert done.code == 2
    assert "is not of the kind rpi4: found x86_64" in done.sentence()
    assert not bench.results.exists()


def test_a_board_that_is_not_set_up_says_how(bench: Bench, board: Board) -> None:
    """Without the work folder there is one sentence with the command that makes it."""
    done = bench.run_any(measure(bench, board))
    assert done.code == 4
    assert f"edgebench devices setup --host {board.host}" in done.sentence()


def test_a_backend_that_is_not_on_the_board_says_how(bench: Bench, ready: Board) -> None:
    """What the host has is no matter: the board's own runtimes count."""
    done = bench.run_any(measure(bench, ready, "--model", "lenet5", "--backend", "torch"))
    assert done.code == 2
    assert f"edgebench devices setup --host {ready.host} --backend torch" in done.sentence()


def test_noise_before_the_hello_is_passed_over(bench: Bench, ready: Board) -> None:
    """A login shell that greets everybody does not break the wire."""
    ready.write(".bashrc", "echo Welcome; echo 'to { this board'\n")
    try:
        assert bench.run_any(measure(bench, ready)).code == 0
    finally:
        (ready.home / ".bashrc").unlink()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("yes garbage", "no record of this protocol|the agent ended|no hello"),
        ("head -c 200000000 /dev/zero", "a line of more than"),
        ('printf \'{"event":"hello","protocol":1}\\n\'', "no record of this protocol"),
        ('printf \'{"event":"hello","protocol":99,"pid":1,"facts":{},"runtimes":{}}\\n\'', "another protocol"),
        ("exit 7", "exit status 7"),
        ("echo no such thing >&2; kill -KILL $$", "no such thing"),
    ],
)
def test_what_is_no_agent_is_told(program: str, words: str) -> None:
    """Garbage, an endless line, half a record, another version and an early end each give one sentence."""
    with pytest.raises(DeviceUnreachableError, match=words), agent_started(["sh", "-c", program], "the board"):
        pass


def test_a_board_without_room_is_told(bench: Bench, ready: Board) -> None:
    """A file that does not fit is one sentence with its size, and what was there stays."""
    files = ready.home / ".edgebench" / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", str(files)], check=False)
    if mounted.returncode:
        pytest.skip("a small file system for the board needs root")
    try:
        done = bench.run_any(measure(bench, ready, "--model", "lenet5", "--backend", "onnxruntime"))
        assert done.code == 3
        assert re.search(r"model.onnx \(\d+ KiB\) could not be copied to", done.err)
    finally:
        subprocess.run(["umount", str(files)], check=True)
        files.rmdir()


def test_a_copy_that_broke_off_is_gone_on_with(ready: Board, tmp_path: Path) -> None:
    """The second half of a file follows the first; another beginning is thrown away; a wrong name is refused."""
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 4000)
    with linked(ready.host) as link:
        transport = Ssh(link=link)
        with transport.agent() as (connection, _):
            there = ready.home / ".edgebench" / transport.place(connection, path)
            assert there.read_bytes() == path.read_bytes()
            part = there.with_name("model.onnx.part")
            for beginning in (path.read_bytes()[:100_000], b"\x00" * 100, path.read_bytes() + b"more"):
                there.unlink()
                part.write_bytes(beginning)
                shutil.chown(part, ready.user, ready.user)
                transport.place(connection, path)
                assert there.read_bytes() == path.read_bytes()
                assert not part.exists()
            connection.send(encode(FilesAsked(wanted=(FileName(sha256="../..", name="x"),))))
            assert connection.receive().event == "refused"
            strange = tmp_path / "no good name.onnx"
            strange.write_bytes(b"x")
            with pytest.raises((DeviceUnreachableError, LostTrialError)):
                transport.place(connection, strange)


def test_two_units_are_measured_side_by_side(bench: Bench, ready: Board) -> None:
    """Two names of boards.toml give two run folders and one table; a unit in use is refused to another run."""
    toml = f'a-1 = {{device = "x86", host = "{ready.host}"}}\n'
    (bench.folder / "boards.toml").write_text(toml)
    command = [sys.executable, "-m", "edgebench", "run", "--device", "a-1", "--device", "host", *QUICK]
    done = bench.run_any(command)
    assert done.code == 0, done.err
    assert {path.parent.parent.name for path in bench.results.glob("*/*/journal.jsonl")} == {"a-1", "host"}
    assert "on a-1" in done.out
    assert "on host" in done.out
    assert "a-1: Session s1: invocation 2 of 2" in done.err
    both = bench.run_any([*command, "--json"])
    assert set(json.loads(both.out)) == {"a-1", "host"}


def test_a_unit_is_measured_by_one_run_at_a_time(bench: Bench) -> None:
    """A second run of a unit is refused while the first one lasts."""
    with bench.started(bench.command("run", *QUICK[:-1], "40"), {}) as process:
        until(lambda: list(bench.results.glob("*/*/journal.jsonl")), "a journal")
        second = bench.run("run", *QUICK)
        process.send_signal(2)
        process.wait()
    assert second.code == 2
    assert "Another run is measuring host" in second.sentence()


def test_the_board_side_never_asks_for_the_date() -> None:
    """A clock that is years off changes nothing: no module of the board calls the wall clock; files may hold dates."""
    asking = {"time.time", "time.time_ns", "time.localtime", "time.gmtime"}
    asking |= {
        f"{what}.{when}" for what in ("datetime", "datetime.datetime", "date") for when in ("now", "utcnow", "today")
    }
    for path in (ROOT / "edgebench" / "board").rglob("*.py"):
        tree = ast.parse(path.read_text())
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        taken = {
            one.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "time"
            for one in node.names
        }
        assert not (called | {f"time.{name}" for name in taken}) & asking, path
