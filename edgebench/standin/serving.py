"""A stand-in that runs: an arm64 sshd over the shared root, with what is its own bound in, on a loopback address."""

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.standin import entering, kept, tree
from edgebench.standin.entering import Bind
from edgebench.standin.making import PORT, VARIABLE, Standin
from edgebench.standin.requirements import Way
from edgebench.standin.rootfs import HOME, OWN, Root

_START_S = 60  # sshd itself takes two seconds under QEMU
_STOP_S = 10
_POLL_S = 0.05
_STATE, _LOG = "state.json", "sshd.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """What a stand-in runs in and under: the shared root, the way into it, and the commands of the programs for that.

    `proot` is empty where the way is a namespace.
    """

    root: Root
    way: Way
    qemu: tuple[str, ...]
    proot: tuple[str, ...]
    cpu: str


def binds(standin: Standin) -> list[Bind]:
    """Return what of a stand-in's folder is seen where."""
    folder = standin.folder
    places = {
        HOME: "home",
        OWN: "own",
        "/tmp": "tmp",  # noqa: S108 - of the stand-in
        "/var/tmp": "tmp",  # noqa: S108
        "/etc/passwd": "etc/passwd",
        "/etc/group": "etc/group",
        "/sys": f"tree/{tree.SYS}",
        "/proc/cpuinfo": f"tree/{tree.CPUINFO}",
    }
    return [Bind(source=folder / name, target=target) for target, name in places.items()]


def command(standin: Standin, emulation: Emulation, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs words on a stand-in's system, and the variables that it needs."""
    bound = binds(standin)
    variables = {"QEMU_CPU": emulation.cpu, VARIABLE: standin.name, "HOME": HOME, "LC_ALL": "C.UTF-8"}
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    if emulation.way == "namespace":
        return entering.by_namespace(emulation.root.path, bound, words), {**variables, "PATH": path}
    # proot breaks the emulator's command at spaces, and looks its program up on PATH: so no folder's name is in it.
    program = Path(emulation.qemu[0])
    started = entering.by_proot(
        emulation.proot, [program.name, "-cpu", emulation.cpu], emulation.root.path, bound, words
    )
    found = entering.proot_environment(standin.folder / "tmp")
    return started, {**variables, **found, "PATH": f"{program.parent}:{path}"}


def start(standin: Standin, emulation: Emulation) -> None:
    """Start a stand-in's sshd, which stays when this process ends; one that runs is left alone.

    Raise UsageError where its address is taken, DeviceUnreachableError when it does not come up.
    """
    if running(standin) is not None:
        return
    with socket.socket() as free, contextlib.suppress(ConnectionError):
        if free.connect_ex((standin.address, PORT)) == 0:
            raise UsageError(
                f"{standin.address}, port {PORT}, is taken: end what listens there to start {standin.name}."
            )
    started, variables = command(standin, emulation, ["/usr/sbin/sshd", "-D", "-e", "-f", f"{OWN}/sshd_config"])
    log = standin.folder / _LOG
    log.write_bytes(b"")
    pid = _spawned(started, variables, log)
    state = {"pid": pid, "created": psutil.Process(pid).create_time()}
    (standin.folder / _STATE).write_text(json.dumps(state))
    deadline = time.monotonic() + _START_S
    while b"Server listening" not in log.read_bytes():
        if running(standin) is None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            stop(standin)
            raise DeviceUnreachableError(f"The sshd of {standin.name} did not start: {said[0].rstrip('.')}.")
        time.sleep(_POLL_S)


def running(standin: Standin) -> int | None:
    """Return the process that leads a stand-in, None when there is none."""
    try:
        state = json.loads((standin.folder / _STATE).read_text())
        process = psutil.Process(state["pid"])
        same = process.create_time() == state["created"] and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return process.pid if same else None


def stop(standin: Standin) -> bool:
    """End a stand-in with all that runs on it; return whether it ran."""
    leader = running(standin)
    (standin.folder / _STATE).unlink(missing_ok=True)
    if leader is None:
        return False
    left = [psutil.Process(leader), *_descendants(leader), *_traced(leader)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=_STOP_S)
    return True


def delete(standin: Standin) -> bool:
    """Stop a stand-in and delete its folder; return whether there was one."""
    there = standin.folder.exists()
    stop(standin)
    kept.delete(standin.folder)
    return there


def _spawned(words: Sequence[str], variables: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own that writes to a log; it is nobody's to wait for."""
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(f"There is no {words[0]} here: expected it with the system's own programs.")
    write = os.O_WRONLY | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(program, list(words), variables, file_actions=files, setsid=True)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _traced(pid: int) -> Iterator[psutil.Process]:
    """Yield what a process traces: proot's programs, also those whose parents have ended."""
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            status = Path(f"/proc/{process.pid}/status").read_text()
            if f"\nTracerPid:\t{pid}\n" in status:
                yield process
