"""What this machine has for running an arm64 root, which way follows from it, and which commands that takes.

Two ways: as root in namespaces of its own, where the kernel has to hand aarch64 programs to QEMU (binfmt_misc); as
anybody else through proot, which needs nothing of the system. Commands that change the system are named here and run by
no one but `carry_out`.
"""

import contextlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgebench.errors import UsageError
from edgebench.standin.emulator import OLDEST

Way = Literal["namespace", "proot"]

HANDLER = "edgebench-aarch64"
"""The name of the handler that we register, so that no other is ever taken out."""

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_SYSTEM = "system.json"
_LIMIT_S = 20
_RAW_VERSION = re.compile(r"version (\d+)\.(\d+)")
_ELF = "7f454c460201"  # 64 bit, little-endian; byte 18 begins the machine: 183 (ELF for the Arm 64-bit Architecture)
_MACHINE = slice(36, 40)
_AARCH64 = "b700"
# Documentation/admin-guide/binfmt-misc.rst; of byte 7, the ABI, any; of byte 16, the type, executables and libraries.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_FIXED = "F"  # opened at registration, so found in every root


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A program that the kernel starts aarch64 programs with: by its entry, `version` None where it does not say."""

    name: str
    interpreter: str
    fixed: bool
    version: tuple[int, int] | None

    @property
    def obstacle(self) -> str | None:
        """Return why it cannot run a stand-in, None when it can."""
        if not self.fixed:
            return f"the handler {self.name} is registered without F, so it is not found in another root"
        if self.version is None:
            return f"the handler {self.name} ({self.interpreter}) does not say which version it is"
        if self.version < OLDEST:
            return f"the handler {self.name} is QEMU {_dotted(self.version)}: {_dotted(OLDEST)} or newer is needed"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is: `handlers` in the order in which the kernel asks them, None where binfmt_misc is not mounted.

    `binfmt`: the kernel has binfmt_misc. `namespaces`: why root may not make namespaces here, None when it may.
    """

    machine: str
    root: bool
    namespaces: str | None
    binfmt: bool
    handlers: tuple[Handler, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that changes the system, and what for."""

    words: tuple[str, ...]
    why: str

    @property
    def text(self) -> str:
        """Return it as one types it."""
        return shlex.join(self.words)


def found() -> Found:
    """Return what this machine has; one harmless command is run as root to see whether it may make namespaces."""
    root = os.geteuid() == 0
    return Found(
        machine=platform.machine(),
        root=root,
        namespaces=_namespaces() if root else None,
        binfmt=_BINFMT.is_dir(),
        handlers=handlers(_BINFMT),
    )


def way(here: Found) -> Way:
    """Return how a root is entered here; raise UsageError where it cannot be."""
    if here.machine == "aarch64":
        raise UsageError(
            "This machine is aarch64 itself, so nothing is there to emulate: measure it with --device host."
        )
    if not here.root:
        return "proot"
    if here.namespaces is not None:
        raise UsageError(
            f"Root may not make namespaces here ({here.namespaces}): run this as an ordinary user, who needs none."
        )
    return "namespace"


def commands(here: Found, emulator: Path) -> list[Command]:
    """Return the commands that make the system ready for the way it takes; none for an ordinary user.

    The handler that the kernel asks first counts. Ours, registered later, would be asked before it.
    """
    if way(here) == "proot":
        return []
    if here.handlers and here.handlers[0].obstacle is None:
        return []
    needed = []
    if not here.binfmt:
        needed.append(Command(words=("modprobe", "binfmt_misc"), why="the kernel's module for foreign programs"))
    if here.handlers is None:
        words = ("mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT))
        needed.append(Command(words=words, why="where handlers of foreign programs are registered"))
    script = f'printf %s "$1" >{_BINFMT}/register'
    why = here.handlers[0].obstacle if here.handlers else "nothing is registered for aarch64 programs"
    words = ("sh", "-c", script, "sh", registration(emulator))
    return [*needed, Command(words=words, why=f"QEMU for aarch64 programs ({why})")]


def registration(emulator: Path) -> str:
    r"""Return the line that has the kernel start aarch64 programs with an emulator, in any root.

    >>> registration(Path("/q")).rpartition(":/q:")[2]
    'F'
    """
    if ":" in str(emulator):
        raise UsageError(
            f"{emulator} has a colon in its path, which ends a field: name another cache in XDG_CACHE_HOME."
        )
    return f":{HANDLER}:M::{_MAGIC}:{_MASK}:{emulator}:{_FIXED}"


def asked_for(needed: Sequence[Command]) -> UsageError:
    """Return the sentence that names commands and what runs them."""
    texts = "; ".join(f"`{one.text}` ({one.why})" for one in needed)
    return UsageError(
        "As root, a stand-in needs commands that change the system until --remove takes that back: "
        f"{texts}. Run this again with --yes to have them run, or as an ordinary user, who needs none."
    )


def carry_out(needed: Sequence[Command], folder: Path) -> None:
    """Run commands that the user agreed to and note what has to be undone; raise UsageError at one that fails."""
    done = _noted(folder)
    for one in needed:
        ended = subprocess.run(one.words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if ended.returncode:
            last = ended.stderr.strip().splitlines()[-1:] or [f"status {ended.returncode}"]
            raise UsageError(f"`{one.text}` failed ({last[0]}): a stand-in cannot be started as root here.")
        done |= {"mounted": True} if one.words[0] == "mount" else {}
        done |= {"registered": True} if one.words[0] == "sh" else {}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SYSTEM).write_text(json.dumps(done))


def undo(folder: Path) -> list[str]:
    """Take back what `carry_out` did and return it in words: our handler, and the mount where no other handler came."""
    done, said = _noted(folder), []
    if done.get("registered") and (_BINFMT / HANDLER).exists():
        (_BINFMT / HANDLER).write_text("-1")
        said.append(f"the handler {HANDLER} is taken out")
    if done.get("mounted") and os.path.ismount(_BINFMT) and not _entries(_BINFMT):
        subprocess.run(["umount", str(_BINFMT)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        said.append(f"{_BINFMT} is unmounted")
    (folder / _SYSTEM).unlink(missing_ok=True)
    return said


def handlers(folder: Path) -> tuple[Handler, ...] | None:
    """Return the enabled handlers of aarch64 programs, the newest first as the kernel asks them; None: not mounted."""
    if not (folder / "register").exists():
        return None
    found = [(path.stat().st_ctime_ns, handler) for path in _entries(folder) if (handler := _handler(path)) is not None]
    return tuple(handler for _, handler in sorted(found, key=lambda pair: -pair[0]))


def parse_handler(name: str, text: str) -> Handler | None:
    """Return the handler that an entry of binfmt_misc describes, None when it is off or for other programs.

    >>> parse_handler("q", "enabled\\ninterpreter /q\\nflags: OCF\\nmagic 7f454c46\\n") is None
    True
    """
    rows = dict(line.partition(" ")[::2] for line in text.splitlines())
    magic = rows.get("magic", "")
    if "enabled" not in rows or not magic.startswith(_ELF) or magic[_MACHINE] != _AARCH64:
        return None
    return Handler(
        name=name,
        interpreter=rows.get("interpreter", ""),
        fixed=_FIXED in rows.get("flags:", ""),
        version=None,
    )


def _handler(path: Path) -> Handler | None:
    with contextlib.suppress(OSError):
        found = parse_handler(path.name, path.read_text(errors="replace"))
        if found is not None:
            return Handler(
                name=found.name,
                interpreter=found.interpreter,
                fixed=found.fixed,
                version=OLDEST if found.name == HANDLER else _version(found.interpreter),
            )
    return None


def _version(interpreter: str) -> tuple[int, int] | None:
    try:
        said = subprocess.run(
            [interpreter, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _RAW_VERSION.search(said)
    return (int(match[1]), int(match[2])) if match else None


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in ("register", "status")]


def _namespaces() -> str | None:
    """Return why root may not make namespaces, None when it may."""
    if shutil.which("unshare") is None:
        return "unshare is missing: it comes with util-linux"
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason"])[-1]


def _noted(folder: Path) -> dict[str, bool]:
    try:
        return dict(json.loads((folder / _SYSTEM).read_text()))
    except (OSError, ValueError):
        return {}


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
