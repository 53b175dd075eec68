"""Reach a board by the system's OpenSSH: the user's configuration, agents, jump hosts and known hosts hold."""

import contextlib
import os
import re
import selectors
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebench.errors import DeviceUnreachableError, UsageError

OPTIONS_VARIABLE = "EDGEBENCH_SSH_OPTIONS"
"""Options for ssh and sftp that do not stand in ~/.ssh/config, such as `-F /path/to/config`."""

WORK = ".edgebench"
"""The only folder on a board that edgebench writes to, in the user's home."""

UNREACHED = 255
"""ssh's own exit status; also what it says when the remote command was killed by a signal."""

_MOST_OUTPUT = 2**20
_TAIL_BYTES = 2000
_CHUNK_BYTES = 2**20
_CHUNK_BYTES = 2**16
_CLOSE_S = 10
_NOISE = b"Received message too long"  # sftp read a shell's greeting as the length of a message
# No character that a shell would act on: the user's ProxyCommand may hand the address to one.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@%/+\[\]-]*")
_ADVICE = {
    "Host key verification failed": "connect once with plain ssh, which shows the key and asks",
    "Permission denied (": "ssh-copy-id puts your key there",
    "Could not resolve hostname": "correct the name, or give the board's IP address",
    "No route to host": "see that the board is on, and on this network",
    "timed out": "see that the board is on, and on this network",
    "Connection refused": "start the ssh server of the board, or name its port in ~/.ssh/config",
}
_OPTIONS = {
    "BatchMode": "yes",  # never ask: nobody answers
    "ConnectTimeout": "10",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "ControlMaster": "auto",
    "ControlPersist": "60",
}


class BoardCommandFailed(Exception):  # noqa: N818 - an answer of the board, which the caller words
    """A command on the board ended with another status than 0; the message is its last line on stderr."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A board that answers: its address as ssh takes it, and the socket of the shared connection.

    `config` is read in place of the user's configuration.
    """

    host: str
    control: Path
    config: str | None = None

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the local command that runs these words on the board; the shell there sees them quoted."""
        return ["ssh", "-T", *self._options(), "--", self.host, shlex.join(words)]

    def run(self, words: Sequence[str], *, given: bytes = b"", limit_s: float = 60) -> bytes:
        """Run a command on the board and return what it printed.

        Raise DeviceUnreachableError when ssh itself failed, BoardCommandFailed when the command did, also when it
        printed more than one MiB.
        """
        try:
            done = _exchange(self.command(words), given, limit_s)
        except TimeoutError:
            raise DeviceUnreachableError(f"{self.host} did not answer within {limit_s:g} s.") from None
        if done.status == UNREACHED:
            raise DeviceUnreachableError(f"{self.host} cannot be reached: {_why(done.errors)}.")
        if len(done.output) > _MOST_OUTPUT:
            raise BoardCommandFailed(done.status, f"it printed more than {_MOST_OUTPUT} bytes")
        if done.status:
            raise BoardCommandFailed(done.status, _last_line(done.errors))
        return done.output

    def fetch(self, words: Sequence[str], path: Path, most_bytes: int) -> None:
        """Run a command on the board and write what it prints to a file here, `most_bytes` at most.

        Raise BoardCommandFailed when it prints more or fails; the file then holds the beginning.
        """
        process = subprocess.Popen(
            self.command(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        rest = most_bytes
        with process, path.open("wb") as file:
            while chunk := process.stdout.read(min(_CHUNK_BYTES, rest + 1)):
                rest -= len(chunk)
                if rest < 0:
                    process.kill()
                    raise BoardCommandFailed(1, f"it sent more than {most_bytes} bytes")
                file.write(chunk)
        if process.returncode:
            raise BoardCommandFailed(process.returncode, "the file did not arrive")

    def transfer(self, commands: Sequence[Sequence[str]], limit_s: float = 3600) -> None:
        """Do sftp commands in order; one whose first word begins with `-` may fail.

        Raise BoardCommandFailed with sftp's own words.
        """
        lines = "\n".join(" ".join([command[0], *map(_quoted, command[1:])]) for command in commands)
        command = ["sftp", *self._options(), "-q", "-b", "-", "--", sftp_host(self.host)]
        try:
            done = _exchange(command, lines.encode() + b"\n", limit_s)
        except TimeoutError:
            raise DeviceUnreachableError(f"{self.host}: a transfer did not end within {limit_s:g} s.") from None
        if _NOISE in done.errors:
            raise DeviceUnreachableError(
                f"The shell of {self.host} prints to stdout before it is asked, which breaks sftp: silence its .bashrc"
                " for sessions that are not interactive."
            )
        if done.status == UNREACHED:
            raise DeviceUnreachableError(f"{self.host} cannot be reached: {_why(done.errors)}.")
        if done.status:
            raise BoardCommandFailed(done.status, _last_line(done.errors))

    def close(self) -> None:
        """End the shared connection, if there is one."""
        command = ["ssh", *self._options(), "-O", "exit", "--", self.host]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_CLOSE_S)

    def _options(self) -> list[str]:
        options = {**_OPTIONS, "ControlPath": str(self.control)}
        own = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        config = [] if self.config is None else ["-F", self.config]  # of two, ssh takes the last
        return [*shlex.split(os.environ.get(OPTIONS_VARIABLE, "")), *config, *own]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """How a local command ended: output up to one byte above the most, and the end of what it said on stderr."""

    status: int
    output: bytes
    errors: bytes


@contextlib.contextmanager
def linked(host: str, config: str | None = None) -> Iterator[Link]:
    """Give a link to a board, and close its shared connection in the end; `config` is as `ssh -F` takes it.

    Raise UsageError for what cannot be an address.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(f"The host is {host!r}: expected an address as ssh takes it, such as pi@192.168.1.20.")
    with tempfile.TemporaryDirectory(prefix="eb-") as folder:  # short: a socket's path has 104 characters at most
        link = Link(host=host, control=Path(folder) / "s", config=config)
        try:
            yield link
        finally:
            link.close()


def sftp_host(host: str) -> str:
    """Return an address of ssh as sftp takes it, which reads a colon as the beginning of a path.

    >>> sftp_host("pi@rpi4"), sftp_host("pi@fe80::1%eth0"), sftp_host("ssh://pi@rpi4:2222")
    ('pi@rpi4', 'pi@[fe80::1%eth0]', 'sftp://pi@rpi4:2222')
    """
    if host.startswith("ssh://"):
        return "sftp://" + host.removeprefix("ssh://")
    user, at, address = host.rpartition("@")
    if ":" in address and not address.startswith("["):
        return f"{user}{at}[{address}]"
    return host


def _exchange(command: Sequence[str], given: bytes, limit_s: float) -> _Done:
    """Run a local command; keep a bounded part of what it writes, and end it when that or the time is used up.

    Raise TimeoutError. The shared connection may outlive the command with its stderr, so its end is not waited for.
    """
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            return _gathered(process, time.perf_counter() + limit_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            process.kill()  # does nothing to one that has ended


def _gathered(process: "subprocess.Popen[bytes]", deadline: float) -> _Done:
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = process.stdout.fileno(), process.stderr.fileno()
    kept = {output: b"", errors: b""}
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            selector.register(descriptor, selectors.EVENT_READ)
        while output in selector.get_map() and len(kept[output]) <= _MOST_OUTPUT:
            if not _read(selector, kept, max(0.0, deadline - time.perf_counter())):
                raise TimeoutError
            kept[errors] = kept[errors][-_TAIL_BYTES:]
        if output in selector.get_map():
            process.kill()
        status = process.wait(max(0.0, deadline - time.perf_counter()))
        while errors in selector.get_map() and len(kept[errors]) <= _MOST_OUTPUT and _read(selector, kept, 0):
            pass
    return _Done(status=status, output=kept[output], errors=kept[errors][-_TAIL_BYTES:])


def _read(selector: selectors.BaseSelector, kept: dict[int, bytes], limit_s: float) -> bool:
    """Take what is there or comes in time; return whether anything did, an end included."""
    ready = selector.select(limit_s)
    for key, _ in ready:
        chunk = os.read(key.fd, _CHUNK_BYTES)
        kept[key.fd] += chunk
        if not chunk:
            selector.unregister(key.fd)
    return bool(ready)


def _quoted(word: str) -> str:
    """Return a word as sftp's own command language takes it.

    >>> _quoted('a "b" c')
    '"a \\\\"b\\\\" c"'
    """
    if any(ord(character) < ord(" ") for character in word):
        raise UsageError(f"The path {word!r} holds control characters: expected a printable one.")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _why(errors: bytes) -> str:
    said = _last_line(errors) or "the connection was lost"
    return "; ".join([said, *advice(said)])


def advice(said: str) -> tuple[str, ...]:
    """Return what to do about what ssh said, nothing where that is not known.

    >>> advice("pi@rpi4: Permission denied (publickey).")
    ('ssh-copy-id puts your key there',)
    """
    return tuple(text for words, text in _ADVICE.items() if words in said)


def _last_line(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    text = lines[-1] if lines else ""
    return "".join(character if character.isprintable() else " " for character in text).rstrip(".")
