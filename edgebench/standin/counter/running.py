"""Run an AArch64 program of a root under QEMU with the plugin, as whoever calls it: no root, no namespace, no binfmt.

QEMU looks every absolute path up in a folder of ours first (`-L`): links to the root's own folders, and the board's own
/sys and /proc/cpuinfo. So runtimes that read them see the processor that is emulated and not this machine's.
"""

import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebench.errors import LostTrialError, UsageError
from edgebench.standin.counter.regions import MalformedCounts, Region, parse

_TAIL_BYTES = 4000
_LINKED = ("bin", "etc", "lib", "sbin", "usr")
_NO_PLUGINS = re.compile(r"unknown option 'plugin'|invalid option.*plugin", re.IGNORECASE)
_OTHER_VERSION = re.compile(r"plugin requires API version|supports only (?:a minimum|up to) version")
_SEED = "1"  # of the random bytes that a kernel gives a program: glibc takes its stack protector from there


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """An emulator that counts: QEMU's command, the core it emulates as it calls it, and the compiled plugin."""

    emulator: tuple[str, ...]
    cpu: str
    plugin: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A program for the emulator: its root, its words (the first a path in the root) and its variables.

    `own` holds what the board has in place of the root's: files by their absolute path inside.
    """

    root: Path
    words: tuple[str, ...]
    variables: Mapping[str, str]
    own: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a program printed, and the regions it marked."""

    output: bytes
    regions: tuple[Region, ...]


def count(counter: Counter, guest: Guest, *, given: bytes = b"", clocked: bool = False, limit_s: float) -> Counted:
    """Run a program to its end and return what it printed and marked; `clocked` splits regions where it reads a clock.

    Raise UsageError when this QEMU cannot count, LostTrialError when the program did not end well.
    """
    with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
        folder = Path(scratch)
        counts = folder / "counts"
        command = _command(counter, guest, _prefix(folder / "seen", guest), counts, clocked=clocked)
        with tempfile.TemporaryFile() as stderr:
            try:
                done = subprocess.run(
                    command,
                    input=given,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    cwd=scratch,
                    env={"HOME": scratch, "TMPDIR": scratch, "PATH": "/usr/bin:/bin", **guest.variables},
                    timeout=limit_s,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise LostTrialError(f"The emulated program did not end within {limit_s:g} s.") from None
            stderr.seek(max(0, stderr.seek(0, 2) - _TAIL_BYTES))
            said = stderr.read().decode(errors="replace")
        _refuse(done.returncode, said, counted=counts.exists() or bool(done.stdout))
        try:
            with counts.open(encoding="ascii", errors="replace") as lines:
                return Counted(output=done.stdout, regions=tuple(parse(lines)))
        except (FileNotFoundError, MalformedCounts) as error:
            raise LostTrialError(f"The emulated program was not counted: {error}.") from error


def _prefix(folder: Path, guest: Guest) -> Path:
    """Make the folder in which QEMU looks for every absolute path first."""
    folder.mkdir()
    for name in _LINKED:
        (folder / name).symlink_to((guest.root / name).absolute())
    for path in () if guest.own is None else sorted(guest.own.iterdir()):
        (folder / path.name).symlink_to(path.absolute())
    return folder


def _command(counter: Counter, guest: Guest, prefix: Path, counts: Path, *, clocked: bool) -> list[str]:
    plugin = f"{_escaped(counter.plugin)},out={_escaped(counts)}" + (",clock=on" if clocked else "")
    program, *rest = guest.words
    options = ["-L", str(prefix), "-cpu", counter.cpu, "-seed", _SEED, "-plugin", plugin]
    return [*counter.emulator, *options, str(guest.root / program.lstrip("/")), *rest]


def _escaped(path: Path) -> str:
    """Return a path as QEMU reads it in a list of options: a comma is written twice."""
    return str(path.absolute()).replace(",", ",,")


def _refuse(status: int, said: str, *, counted: bool) -> None:
    """Raise an error that says what went wrong, where something did; a program that answered tells by itself."""
    if not counted and _NO_PLUGINS.search(said):
        raise UsageError(
            "This qemu-aarch64 is built without plugins (static builds are), so it cannot count: take the package "
            "qemu-user of Debian 12."
        )
    if not counted and _OTHER_VERSION.search(said):
        raise UsageError(
            "This qemu-aarch64 has another interface for plugins than versions 6.0 to 8.2: take the package qemu-user "
            "of Debian 12."
        )
    if status < 0:
        raise LostTrialError(f"The emulated program ended by {signal.Signals(-status).name}{_last(said)}.")
    if status and not counted:
        raise LostTrialError(f"The emulated program ended with status {status}{_last(said)}.")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f": {lines[-1].rstrip('.')}" if lines else ""
