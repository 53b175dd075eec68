"""Boards that are this machine: each a real sshd on an address of its own, for an ordinary user, with throwaway keys.

`lab.board()` starts one; its name in the lab's ssh configuration is its `host`. As root every board has a user and a
home of its own, and may stand in a network namespace without any way out; else it is the user who runs the tests, in
another home. Users, namespaces and processes end with the lab; what a killed run left goes with the next one.
"""

import contextlib
import itertools
import os
import pwd
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
PORT = 2200
START_S = 20

_PREFIX = "eb-test"
_POLL_S = 0.01
_HOST_SIDE, _BOARD_SIDE = "198.18.0.1", "198.18.0.2"  # RFC 2544: for benchmarks, routed nowhere


class LabError(Exception):
    """Something that a board needs is missing here; tests skip with this as their reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """Two network namespaces with a cable between them, and nothing else: the host's end and the board's."""

    host: str
    board: str

    def plug(self, state: str) -> None:
        """Take the board's end of the cable `down`, or bring it `up` again and wait until the board is there."""
        _do("ip", "-n", self.board, "link", "set", "cable", state)
        deadline = time.monotonic() + START_S
        while state == "up" and time.monotonic() < deadline:
            tried = subprocess.run(self.relay(_BOARD_SIDE), stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if tried.returncode == 0:
                return

    def relay(self, address: str) -> list[str]:
        """Return the command that connects its standard input and output with a board's sshd."""
        relay = [sys.executable, "-I", "-S", str(Path(__file__).with_name("relay.py")), address, str(PORT)]
        return ["ip", "netns", "exec", self.host, *relay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board that answers at `host`, as long as its sshd runs."""

    host: str
    user: str
    home: Path
    address: str
    sshd: "subprocess.Popen[bytes]"
    namespaces: Namespaces | None

    @property
    def own_home(self) -> bool:
        """Tell whether the home is the user's own, so that a login reads the profiles in it."""
        return Path(pwd.getpwnam(self.user).pw_dir) == self.home

    def sessions(self) -> list[psutil.Process]:
        """Return the processes that sshd started for connections, commands and all they started."""
        return psutil.Process(self.sshd.pid).children(recursive=True)

    def cut(self) -> None:
        """Kill the sshd of every connection; the commands themselves are not told."""
        for process in self.sessions():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name().startswith("sshd"):
                    process.kill()

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Put a file into the board's home, as its user's own."""
        path = self.home / name
        path.write_text(text)
        path.chmod(mode)
        with contextlib.suppress(PermissionError):
            shutil.chown(path, self.user, self.user)

    def tree(self) -> dict[str, tuple[int, int, int]]:
        """Return what lies in the home, hidden things too: size, time of change and mode of each."""
        found = {}
        for path in [self.home, *self.home.rglob("*")]:
            state = path.lstat()
            size = 0 if path.is_dir() else state.st_size
            found[str(path.relative_to(self.home))] = (
                size,
                0 if path == self.home else state.st_mtime_ns,
                state.st_mode,
            )
        return found


class Lab:
    """Keys, an ssh configuration, and the boards of one test run."""

    def __init__(self, folder: Path, sshd: str, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.config = folder / "ssh_config"
        self._sshd = sshd
        self._stack = stack
        self._numbers = itertools.count()
        self.key("host")
        self.key("user")
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        self.config.touch()

    def key(self, name: str) -> Path:
        """Make a key pair, and return the private half."""
        path = self.folder / name
        _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
        return path

    def board(self, *, environment: Mapping[str, str] | None = None, island: bool = False) -> Board:
        """Start a board; an island has no network but the cable to the host. Raise LabError where that cannot be."""
        number = next(self._numbers)
        name = f"{_PREFIX}-{os.getpid()}-{number}"
        home = self.folder / name
        home.mkdir(mode=0o700)
        namespaces = self._stack.enter_context(_namespaces(name)) if island else None
        user = self._stack.enter_context(ordinary_user(name, home))
        # Every board is its own address, as on a real network: a port is never in another run's way.
        address = (
            _BOARD_SIDE if island else f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.{number % 250 + 1}"
        )
        sshd = self._stack.enter_context(self._serving(name, user, home, address, environment or {}, namespaces))
        board = Board(host=name, user=user, home=home, address=address, sshd=sshd, namespaces=namespaces)
        self._known(address)
        self.alias(board, name)
        return board

    def alias(self, board: Board, name: str, **options: str) -> str:
        """Enter another name for a board into the ssh configuration, with other options; return the name."""
        settings = {
            "HostName": board.address,
            "Port": str(PORT),
            "User": board.user,
            "IdentityFile": str(self.folder / "user"),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
        }
        if board.namespaces is not None:
            settings["ProxyCommand"] = shlex.join(board.namespaces.relay(board.address))
        lines = [f"Host {name}", *(f"    {key} {value}" for key, value in {**settings, **options}.items())]
        with self.config.open("a") as file:
            file.write("\n".join(lines) + "\n")
        return name

    def path(self, programs: Mapping[str, str]) -> str:
        """Make a PATH for a board: what the system has without any Python, and these programs by their text."""
        folder = Path(tempfile.mkdtemp(prefix="path-", dir=self.folder))
        folder.chmod(0o755)
        for place in (Path("/bin"), Path("/usr/bin")):
            for program in place.iterdir():
                link = folder / program.name
                if program.name not in programs and not program.name.startswith("python") and not link.is_symlink():
                    link.symlink_to(program)
        for name, text in programs.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        return str(folder)

    def _known(self, address: str) -> None:
        kind, key, _ = (self.folder / "host.pub").read_text().split()
        with (self.folder / "known_hosts").open("a") as file:
            file.write(f"[{address}]:{PORT} {kind} {key}\n")

    @contextlib.contextmanager
    def _serving(
        self,
        name: str,
        user: str,
        home: Path,
        address: str,
        environment: Mapping[str, str],
        namespaces: Namespaces | None,
    ) -> Iterator["subprocess.Popen[bytes]"]:
        settings = self.folder / f"{name}.sshd_config"
        settings.write_text(self._settings(user, home, address, environment))
        inside = ["setpriv", "--pdeathsig", "TERM"]  # not even a killed run leaves a server behind
        if namespaces:
            inside += ["ip", "netns", "exec", namespaces.board]
        log = self.folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*inside, self._sshd, "-D", "-e", "-f", str(settings)], stdin=subprocess.DEVNULL, stderr=file
            )
        try:
            _await_listening(process, log)
            yield process
        finally:
            for child in _kin(process.pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.terminate()
            process.wait()

    def _settings(self, user: str, home: Path, address: str, environment: Mapping[str, str]) -> str:
        lines = [
            f"Port {PORT}",
            f"ListenAddress {address}",
            f"HostKey {self.folder / 'host'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            f"AllowUsers {user}",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin no",
            "PermitUserRC no",
            "PrintMotd no",
            "StrictModes no",  # the keys lie in a folder of /tmp
            "MaxStartups 100",
            f"Subsystem sftp {next(filter(os.path.exists, SFTP_SERVERS))}",
        ]
        if environment:
            lines.append("SetEnv " + " ".join(f'"{key}={value}"' for key, value in environment.items()))
        if home != Path(pwd.getpwnam(user).pw_dir):
            inside = f'cd {shlex.quote(str(home))} && export HOME="$PWD" && exec sh -c "$SSH_ORIGINAL_COMMAND"'
            lines.append(f"ForceCommand {inside}")
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def opened() -> Iterator[Lab]:
    """Give a lab, and take down all that stood in it; raise LabError where no sshd can be run."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if sshd is None or not any(map(os.path.exists, SFTP_SERVERS)):
        raise LabError("no sshd here: on Debian or Ubuntu, apt install openssh-server")
    _sweep()
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, made by its service on a machine that has one
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{_PREFIX}-{os.getpid()}-")))
        folder.chmod(0o755)  # a board's user passes through on the way to its home
        yield Lab(folder, sshd, stack)


@contextlib.contextmanager
def ordinary_user(name: str, home: Path) -> Iterator[str]:
    """Give an ordinary user with that home: a new one as root, else whoever runs this."""
    if os.getuid() != 0:
        yield pwd.getpwuid(os.getuid()).pw_name
        return
    # "*" and not "!": without PAM, sshd takes the latter for a locked account.
    _do("useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--password", "*", name)
    try:
        shutil.chown(home, name, name)
        yield name
    finally:
        _remove_user(name)


def _remove_user(name: str) -> None:
    number = pwd.getpwnam(name).pw_uid
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.uids().real == number:
                process.kill()  # whoever reaps it may take its time: nothing here depends on that
    _do("userdel", "--force", name)


@contextlib.contextmanager
def _namespaces(name: str) -> Iterator[Namespaces]:
    found = Namespaces(host=f"{name}-host", board=f"{name}-board")
    if os.getuid() != 0 or shutil.which("ip") is None:
        raise LabError("network namespaces need root and iproute2")
    try:
        for one in (found.host, found.board):
            _do("ip", "netns", "add", one)
        _do(
            "ip",
            "link",
            "add",
            "cable",
            "netns",
            found.host,
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            found.board,
        )
        for one, address in ((found.host, _HOST_SIDE), (found.board, _BOARD_SIDE)):
            _do("ip", "-n", one, "address", "add", f"{address}/30", "dev", "cable")
            _do("ip", "-n", one, "link", "set", "lo", "up")
            _do("ip", "-n", one, "link", "set", "cable", "up")
        yield found
    finally:
        for one in (found.host, found.board):
            subprocess.run(["ip", "netns", "delete", one], capture_output=True, check=False)


def _sweep() -> None:
    """Remove what runs that were killed left: folders, users and namespaces."""
    for path in Path(tempfile.gettempdir()).iterdir():
        if _stale(path.name):
            shutil.rmtree(path, ignore_errors=True)
    if os.getuid() != 0:
        return
    for user in pwd.getpwall():
        if _stale(user.pw_name):
            _remove_user(user.pw_name)
    folder = Path("/run/netns")
    for path in folder.iterdir() if folder.is_dir() else ():
        if _stale(path.name):
            subprocess.run(["ip", "netns", "delete", path.name], capture_output=True, check=False)


def _stale(name: str) -> bool:
    pid = name.removeprefix(f"{_PREFIX}-").partition("-")[0]
    return name.startswith(f"{_PREFIX}-") and pid.isdigit() and not psutil.pid_exists(int(pid))


def _kin(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _await_listening(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while b"Server listening" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"sshd did not start: {log.read_text(errors='replace').strip()}")
        time.sleep(_POLL_S)


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{shlex.join(words)}: {done.stderr.strip()}")
