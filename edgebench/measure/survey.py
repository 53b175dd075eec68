"""What a board says of itself before anything is copied to it, and which runtimes fit it."""

import platform
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgebench import plugins
from edgebench.errors import DeviceUnreachableError
from edgebench.measure.link import BoardCommandFailed, Link

OLDEST_PYTHON = (3, 10)  # what edgebench.board is written for, and JetPack 6 brings

_LONGEST = 500
_BYTES_PER_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """A Python on the board: where, which, the tag of its wheels, and whether it can make environments."""

    path: str
    version: tuple[int, int, int]
    bits: int
    abi: str
    glibc: tuple[int, int] | None
    venv: bool
    ensurepip: bool

    @property
    def text(self) -> str:
        """Return the version as people write it."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A board as it stands: None where it did not say."""

    host: str
    machine: str
    kernel: str | None
    system: str | None
    userland_bits: int | None
    glibc: tuple[int, int] | None
    free_bytes: int | None
    memory_bytes: int | None
    pythons: tuple[Python, ...]
    asked_python: str | None = None

    @property
    def python(self) -> Python | None:
        """Return the one to use: what was asked for, else `python3`, else the newest; of those that are new enough."""
        able = [one for one in self.pythons if one.version >= OLDEST_PYTHON and re.fullmatch(r"cp\d+", one.abi)]
        return next((one for one in able if one.venv), able[0] if able else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a backend can be installed on a board: why not, None when it can; a `common` reason holds for any."""

    backend: str
    reason: str | None
    common: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a package asks of a board: the glibc its wheels are built for, by machine, and disk while installing it."""

    glibc: Mapping[str, tuple[int, int]]
    disk_bytes: int
    obstacle: str | None = None
    """Why a board cannot have it from wheels, whatever its glibc and disk."""


# Tags and sizes of the wheels published on 2026-11-22, for CPython 3.13: compressed (they lie on the board while they
# are installed) plus unpacked, with what they depend on, the larger of x86_64 and aarch64, rounded up.
BASE = Need(
    glibc={"x86_64": (2, 27), "aarch64": (2, 27)}, disk_bytes=130_000_000
)  # environment, numpy 2.4.6, psutil 7.2.2
NEEDS = {
    "ai-edge-litert": Need(glibc={"x86_64": (2, 27), "aarch64": (2, 27)}, disk_bytes=110_000_000),  # 2.3.0
    "executorch": Need(  # 1.5.1, with torch
        glibc={"x86_64": (2, 28), "aarch64": (2, 28)},
        disk_bytes=2_200_000_000,
        obstacle="it asks for antlr4-python3-runtime 4.9.3, which has no wheel, and nothing is built on boards",
    ),
    "mnn": Need(glibc={"x86_64": (2, 17), "aarch64": (2, 17)}, disk_bytes=80_000_000),  # 3.6.1
    "ncnn": Need(glibc={"x86_64": (2, 24), "aarch64": (2, 24)}, disk_bytes=50_000_000),  # 1.0.20261020
    "onnxruntime": Need(glibc={"x86_64": (2, 28), "aarch64": (2, 28)}, disk_bytes=100_000_000),  # 1.31.1
    "openvino": Need(glibc={"x86_64": (2, 28), "aarch64": (2, 35)}, disk_bytes=250_000_000),  # 2026.4.1
    "torch": Need(glibc={"x86_64": (2, 28), "aarch64": (2, 28)}, disk_bytes=1_200_000_000),  # 2.13.0, builds for CPUs
}

# Runs on any Python 3, without its site packages; one line, told apart from others by the marker before it.
_FACTS = """
import os, struct, sys, sysconfig
def has(name):
    try:
        __import__(name)
    except Exception:
        return 0
    return 1
try:
    libc = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()[-1]
except Exception:
    libc = "-"
abi = "%s%d%d" % (sys.implementation.name, sys.version_info[0], sys.version_info[1])
abi = abi.replace("cpython", "cp") + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else "")
words = (sys.version_info[0], sys.version_info[1], sys.version_info[2], struct.calcsize("P") * 8, abi, libc)
print("%d.%d.%d %d %s %s" % words + " %d %d" % (has("venv"), has("ensurepip")))
"""

_FRAME = """
say() { printf '\\n%s %s %s\\n' MARK "$1" "$(printf %s "$2" | tr '\\n' ' ')"; }
main() {
cd || exit
SCRIPT
}
main "$@" </dev/null || exit
say end
"""
_SURVEY = """
say machine "$(uname -m)"
say kernel "$(uname -r)"
say bits "$(getconf LONG_BIT)"
say libc "$(getconf GNU_LIBC_VERSION)"
say system "$(. /etc/os-release && printf %s "$PRETTY_NAME")"
say disk "$(df -Pk . | tail -n 1)"
say memory "$(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
facts=$1
shift
for name; do
    found=$(command -v "$name") || continue
    said=$(timeout 20 "$found" -I -S -c "$facts" 2>/dev/null | tail -n 1) && say python "$said $found"
done
"""
_NAMES = ("python3", *(f"python3.{minor}" for minor in range(15, 5, -1)))
_PYTHON = re.compile(
    r"(\d{1,3})\.(\d{1,3})\.(\d{1,3}) (32|64) ([a-z0-9]{1,20}) (?:(\d)\.(\d{1,3})[\d.]*|\S+) ([01]) ([01]) (/.*)"
)


def ask(link: Link, script: str, words: Sequence[str] = (), *, limit_s: float = 60) -> list[tuple[str, str]]:
    """Run a POSIX shell script in the board's home; return what it said with `say KEY VALUE`, and nothing else.

    The script comes on standard input; its words stand in `$1` and on. What profiles print, and whatever else a board
    sends, lacks the marker that is drawn for each call. Raise BoardCommandFailed when the script fails,
    DeviceUnreachableError when its end is missing.
    """
    mark = secrets.token_hex(8)
    # A function is read whole before any of it runs: what it starts cannot read the script from under the shell.
    whole = _FRAME.replace("MARK", mark).replace("SCRIPT", script)
    output = link.run(["sh", "-s", "--", *words], given=whole.encode(), limit_s=limit_s)
    said = answers(output, mark)
    if not said or said[-1] != ("end", ""):
        raise DeviceUnreachableError(f"{link.host} ran no POSIX shell: expected an answer to a script for sh.")
    return said[:-1]


def answers(output: bytes, mark: str) -> list[tuple[str, str]]:
    """Return keys and values of the lines that begin with the marker, printable and of bounded length.

    >>> answers(b"Welcome!\\nm1 bits 64\\nm2 bits 32\\n", "m1")
    [('bits', '64')]
    """
    rows = (line.split(" ", 2) for line in output.decode(errors="replace").split("\n"))
    return [
        (row[1], "".join(character for character in row[2][:_LONGEST] if character.isprintable()).strip())
        for row in rows
        if len(row) == 3 and row[0] == mark
    ]


def survey(link: Link, python: str | None = None) -> Survey:
    """Return what a board says of itself; `python` is a path or name there to try first.

    Raise DeviceUnreachableError when it cannot be reached or does not answer like a board.
    """
    try:
        said = ask(link, _SURVEY, [_FACTS, *_NAMES] if python is None else [_FACTS, python])
    except BoardCommandFailed as failed:
        raise DeviceUnreachableError(f"{link.host} could not be asked what it is: {failed}.") from failed
    return parse(link.host, said, python)


def parse(host: str, said: Iterable[tuple[str, str]], python: str | None = None) -> Survey:
    """Return the survey that a board's answers give; what makes no sense is not known."""
    rows = list(said)
    known = dict(reversed(rows))  # the first answer counts
    pythons = tuple(one for key, value in rows if key == "python" and (one := _python(value)) is not None)
    machine = _match(r"\w{2,20}", known.get("machine"))
    if machine is None:
        raise DeviceUnreachableError(f"{host} did not say what machine it is: expected a Linux board with uname.")
    bits = _match(r"32|64", known.get("bits"))
    libc = re.fullmatch(r"glibc (\d)\.(\d{1,3})[\d.]*", known.get("libc", ""))
    free = re.search(r" (\d{1,15}) +\d{1,3}% ", known.get("disk", ""))
    memory = re.fullmatch(r"(\d{1,15}) kB", known.get("memory", ""))
    return Survey(
        host=host,
        machine=machine,
        kernel=known.get("kernel") or None,
        system=known.get("system") or None,
        userland_bits=int(bits) if bits else next((one.bits for one in pythons), None),
        glibc=(int(libc[1]), int(libc[2])) if libc else next((one.glibc for one in pythons), None),
        free_bytes=int(free[1]) * _BYTES_PER_KIB if free else None,
        memory_bytes=int(memory[1]) * _BYTES_PER_KIB if memory else None,
        pythons=pythons,
        asked_python=python,
    )


def fits(survey: Survey, backends: Iterable[str]) -> list[Fit]:
    """Return for each backend whether the board can have it, and why not."""
    common = _python_obstacle(survey) or _machine_obstacle(survey)
    if common is not None:
        return [Fit(backend=name, reason=common, common=True) for name in backends]
    return [Fit(backend=name, reason=_package_obstacle(survey, name)) for name in backends]


def unfit(backend: str, machine: str) -> str | None:
    """Return why no board of that machine can have a backend, None when one could; raise UsageError for an unknown one.

    >>> unfit("onnxruntime", "aarch64") is None
    True
    """
    module = plugins.load("backends", backend)
    if not module.__name__.startswith("edgebench.board."):
        return "it comes from another package, which is not copied to boards"
    here = platform.machine()
    if getattr(module, "NATIVE", False) and machine != here:
        return f"its files are machine code for the {here} that makes them, which the board, {machine}, cannot run"
    need = NEEDS.get(module.DISTRIBUTION or "")
    return None if need is None else need.obstacle


def _python_obstacle(survey: Survey) -> str | None:
    if survey.python is not None:
        lacks = f"its {survey.python.path} has no venv module: on Debian and Ubuntu, sudo apt install python3-venv"
        return None if survey.python.venv else lacks
    if not survey.pythons:
        what = (
            "there is no Python 3" if survey.asked_python is None else f"{survey.asked_python!r} is no Python 3 there"
        )
        return f"{what}: install 3.10 or newer (on Debian and Ubuntu, sudo apt install python3 python3-venv)"
    found = max(survey.pythons, key=lambda one: one.version)
    if found.version >= OLDEST_PYTHON:
        return (
            f"{found.path} is a build that wheels are not made for ({found.abi}): expected CPython, not free-threaded"
        )
    return (
        f"its Python {found.text} ({found.path}) is too old: 3.10 or newer is needed, as JetPack 6 and Debian 12 bring"
    )


def _machine_obstacle(survey: Survey) -> str | None:
    assert survey.python is not None
    if 32 in {survey.userland_bits, survey.python.bits}:
        return f"its userland is of 32 bits on {survey.machine}, which runtimes have no wheels for: use a 64-bit image"
    if survey.machine not in BASE.glibc:
        return f"there are no wheels for {survey.machine}: x86_64 and aarch64 have them"
    if survey.glibc is None:
        return "its C library is not glibc, which the runtimes' wheels need"
    return None


def _package_obstacle(survey: Survey, backend: str) -> str | None:
    assert survey.glibc is not None
    reason = unfit(backend, survey.machine)
    if reason is not None:
        return reason
    distribution = plugins.load("backends", backend).DISTRIBUTION
    need = NEEDS.get(distribution or "")
    needed = max(BASE.glibc[survey.machine], need.glibc[survey.machine] if need else (0, 0))
    if survey.glibc < needed:
        return (
            f"its glibc {_dotted(survey.glibc)} is older than the {_dotted(needed)} that wheels of"
            f" {distribution or 'numpy'} are built for"
        )
    disk = BASE.disk_bytes + (need.disk_bytes if need else 0)
    if survey.free_bytes is not None and survey.free_bytes < disk:
        return f"{survey.free_bytes // 10**6} MB are free in the home: installing takes {disk // 10**6} MB"
    return None


def _python(value: str) -> Python | None:
    """Return a Python from the line that it printed of itself.

    >>> _python("3.11.2 64 cp311 2.36 1 1 /usr/bin/python3").abi
    'cp311'
    """
    match = _PYTHON.fullmatch(value)
    if match is None:
        return None
    return Python(
        path=match[10],
        version=(int(match[1]), int(match[2]), int(match[3])),
        bits=int(match[4]),
        abi=match[5],
        glibc=(int(match[6]), int(match[7])) if match[6] else None,
        venv=match[8] == "1",
        ensurepip=match[9] == "1",
    )


def _match(pattern: str, text: str | None) -> str | None:
    return text if text is not None and re.fullmatch(pattern, text) else None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
