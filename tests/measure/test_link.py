"""How a board is reached: with OpenSSH, whatever it sends, and with a clear word when it is not."""

import os
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure.link import OPTIONS_VARIABLE, BoardCommandFailed, Link, linked
from tests.loopback.lab import PORT, Board, Lab

GONE_S = 20


def reached(board: Board, host: str) -> bytes:
    """Ask a board under that name for its machine."""
    with linked(host) as link:
        return link.run(["uname", "-m"])


def cut_when_asleep(board: Board) -> None:
    """Cut the board's connections as soon as its user sleeps."""
    deadline = time.monotonic() + GONE_S
    while time.monotonic() < deadline and "sleep" not in {process.name() for process in board.sessions()}:
        time.sleep(0.01)
    board.cut()


WORDS = [
    "plain",
    "two words",
    "$(id)",
    "`id`",
    "'",
    '"',
    "a;b",
    "*",
    "~",
    "\\",
    "line\nline",
    "-n",
    "",
    "!x",
    "é",
    "#x",
    "%d",
]
NAMES = ["plain", "two words", "a[b]*?", 'quo"te', "back\\slash", "$(id)", "#x", "-l", "é", "'"]


def test_words_arrive_as_they_are(shared: Board) -> None:
    """The board's shell expands, splits and drops nothing of a command's words."""
    with linked(shared.host) as link:
        assert link.run(["printf", "%s|", *WORDS]).decode().split("|")[:-1] == WORDS


def test_runs_in_the_home_and_answers_over_one_connection(board: Board) -> None:
    """All commands of a link share a connection, which ends with the link."""
    with linked(board.host) as link:
        assert link.run(["pwd"]).decode().strip() == str(board.home)
        assert link.run(["cat"], given=b"\x00\xff" * 1000) == b"\x00\xff" * 1000
        link.transfer([("mkdir", "folder")])
        listeners = [one for one in board.sessions() if one.ppid() == board.sshd.pid]
        assert len(listeners) == 1
    gone, alive = psutil.wait_procs(listeners, timeout=GONE_S)
    assert gone and not alive


def test_a_command_that_fails_says_how(shared: Board) -> None:
    """A failure keeps its status and the last line of what it said, without control characters."""
    with linked(shared.host) as link, pytest.raises(BoardCommandFailed, match=r"^no\s+\[31mway$") as caught:
        link.run(["sh", "-c", "echo first >&2; printf 'no \\033[31mway.\\n' >&2; exit 7"])
    assert caught.value.status == 7


@pytest.mark.parametrize("stream", ["1", "2"])
def test_endless_output_ends(shared: Board, stream: str) -> None:
    """Neither stream of a board can fill the host's memory or disk."""
    with linked(shared.host) as link:
        link.run(["true"])
        with pytest.raises((BoardCommandFailed, DeviceUnreachableError), match=r"more than|did not answer"):
            link.run(["sh", "-c", f"yes >&{stream}"], limit_s=1)


def test_a_command_that_hangs_is_given_up(shared: Board) -> None:
    """A command has a time limit."""
    with linked(shared.host) as link, pytest.raises(DeviceUnreachableError, match=r"did not answer within 0\.5 s"):
        link.run(["sleep", "60"], limit_s=0.5)


def test_a_connection_cut_mid_command_is_told_from_a_failure(board: Board) -> None:
    """A killed sshd child is a lost connection, not an answer."""
    with linked(board.host) as link:
        thread = threading.Thread(target=cut_when_asleep, args=[board])
        thread.start()
        with pytest.raises(DeviceUnreachableError, match="cannot be reached"):
            link.run(["sleep", "1000"])
        thread.join()


def test_files_of_any_name_are_copied(shared: Board, tmp_path: Path) -> None:
    """sftp's command language takes no name apart, on either side."""
    for name in NAMES:
        (tmp_path / name).write_text(name)
    with linked(shared.host) as link:
        link.transfer([("put", str(tmp_path / name), f"./{name}") for name in NAMES])
        link.transfer([("-rm", "not there")])
        for name in NAMES:
            link.transfer([("get", f"./{name}", str(tmp_path / "back"))])
            assert (tmp_path / "back").read_text() == name
    assert {name: (shared.home / name).read_text() for name in NAMES} == {name: name for name in NAMES}


def test_names_with_control_characters_are_refused(shared: Board) -> None:
    """A newline would begin another sftp command."""
    with linked(shared.host) as link, pytest.raises(UsageError, match="control characters"):
        link.transfer([("put", "a\n!touch b", "c")])


def test_a_transfer_that_fails_says_how(shared: Board) -> None:
    """sftp's own words reach the caller."""
    with linked(shared.host) as link, pytest.raises(BoardCommandFailed, match=r"denied|ermission"):
        link.transfer([("put", "/etc/hostname", "/root-only")])


def test_a_noisy_shell_breaks_sftp_with_a_sentence(board: Board) -> None:
    """A .bashrc that prints is named, for sftp's own words say little."""
    if not board.own_home:
        pytest.skip("only root can make a user whose login shell reads the board's .bashrc")
    board.write(".bashrc", "echo Welcome to this fine board\n")
    with linked(board.host) as link, pytest.raises(DeviceUnreachableError, match=r"prints to stdout.*\.bashrc"):
        link.transfer([("mkdir", "folder")])


def test_a_wrong_host_key_is_refused(lab: Lab, shared: Board) -> None:
    """A board with another key than the known one is not talked to, and the sentence says what to do."""
    other = (lab.folder / "user.pub").read_text().split()
    known = lab.folder / f"{shared.host}.known"
    known.write_text(f"[{shared.address}]:{PORT} {other[0]} {other[1]}\n")
    name = lab.alias(shared, f"{shared.host}-other-key", UserKnownHostsFile=str(known))
    with pytest.raises(DeviceUnreachableError, match=r"Host key verification failed; connect once with plain ssh"):
        reached(shared, name)


def test_a_wrong_user_key_is_refused(lab: Lab, shared: Board) -> None:
    """A board that does not take the user's key says so, and the sentence says what to do."""
    key = lab.key(f"{shared.host}-stranger")
    name = lab.alias(shared, f"{shared.host}-stranger", IdentityFile=str(key))
    with pytest.raises(DeviceUnreachableError, match=r"Permission denied.*ssh-copy-id"):
        reached(shared, name)


def test_a_board_that_is_off_is_unreachable(board: Board) -> None:
    """No sshd, no answer: one sentence."""
    board.sshd.terminate()
    board.sshd.wait()
    with pytest.raises(DeviceUnreachableError, match="Connection refused"):
        reached(board, board.host)


def test_an_unknown_name_is_unreachable(lab: Lab) -> None:
    """A name that nobody resolves is one sentence too."""
    with linked("no-such-board.invalid") as link, pytest.raises(DeviceUnreachableError, match="no-such-board"):
        link.run(["true"])


def test_a_board_that_says_nothing_is_given_up(lab: Lab, shared: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that takes the connection and stays silent does not hold the host."""
    monkeypatch.setenv(OPTIONS_VARIABLE, f"-o ConnectTimeout=1 {os.environ[OPTIONS_VARIABLE]}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        name = lab.alias(shared, f"{shared.host}-silent", HostName="127.0.0.1", Port=port)
        with pytest.raises(DeviceUnreachableError, match=r"cannot be reached: .*timed out"):
            reached(shared, name)


def test_a_board_that_is_no_ssh_server_is_unreachable(lab: Lab, shared: Board) -> None:
    """A server that speaks another protocol is one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" * 2000)

        threading.Thread(target=answer, daemon=True).start()
        name = lab.alias(shared, f"{shared.host}-web", HostName="127.0.0.1", Port=str(server.getsockname()[1]))
        with pytest.raises(DeviceUnreachableError, match="cannot be reached"):
            reached(shared, name)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "-oProxyCommand=touch x",
        "a b",
        "a\nb",
        "pi@a;id",
        "pi@$(id)",
        "`id`",
        "a|b",
        "a'b",
        "pi@a\x00b",
        "~root",
        "a&",
    ],
)
def test_what_cannot_be_an_address_is_refused(host: str) -> None:
    """An address can be no option and hold nothing that a shell acts on."""
    with pytest.raises(UsageError, match="expected an address"), linked(host):
        pass


@pytest.mark.parametrize("host", ["rpi4", "pi@192.168.1.20", "pi@fe80::1%eth0", "ssh://pi@rpi4:2222", "pi@rpi-4.local"])
def test_usual_addresses_are_taken(host: str) -> None:
    """Names, addresses of both versions and ssh's own form of both with a port are addresses."""
    link = Link(host=host, control=Path("control"))
    assert link.command(["true"])[-3:] == ["--", host, "true"]


@pytest.mark.slow
def test_a_link_taken_down_is_noticed(island: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pulled cable ends a command by keep-alive, and another works once it is back."""
    options = "-o ServerAliveInterval=1 -o ServerAliveCountMax=2 -o ConnectTimeout=2"
    monkeypatch.setenv(OPTIONS_VARIABLE, f"{options} {os.environ[OPTIONS_VARIABLE]}")
    assert island.namespaces is not None
    with linked(island.host) as link:
        link.run(["true"])
        island.namespaces.plug("down")
        with pytest.raises(DeviceUnreachableError, match="cannot be reached"):
            link.run(["true"])
        island.namespaces.plug("up")
        assert link.run(["echo", "back"]) == b"back\n"
