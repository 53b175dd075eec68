"""Install an environment and wheels on a board: from its own package index, or fetched by this machine."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import wheels as fetching
from edgebench.measure.link import WORK, Link
from edgebench.measure.survey import Python, Survey, ask, fits, survey

Wheels = Literal["board", "host"]
Say = Callable[[str], None]

LIMIT_S = 3600
"""Longer than pip takes on the slowest board for the largest runtime."""

_FULL_BYTES = 8_000_000
_FULL = ("No space left on device", "Disk quota exceeded")
_NO_INDEX = "(from versions: none)"  # pip's words when an index could not be reached or knows no such package

# Temporary files and caches stay inside: /tmp of a small board is memory, and a wheel of torch does not fit there.
ENTER = f"""
cd {WORK} || exit
mkdir -p tmp || exit
export TMPDIR="$PWD/tmp" XDG_CACHE_HOME="$PWD/tmp" PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
"""
_ENVIRONMENT = f"""
cd {WORK} || exit
venv/bin/python -I -m pip --version >/dev/null 2>&1 || return 0
say python "$(venv/bin/python -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')"
"""
_VENV = f"""
{ENTER}
"$@" venv >&2 || exit
rm -rf tmp
"""
_PIP = f"""
{ENTER}
"$@" >tmp/pip.log 2>&1
say status $?
tail -n 30 tmp/pip.log | while IFS= read -r line; do say pip "$line"; done
rm -rf tmp
"""
_HAVE = f"""
cd {WORK} || exit
mkdir -p wheels || exit
rm -f wheels/*.part
ls wheels | while IFS= read -r name; do say wheel "$name"; done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What an installation needs to know at each step."""

    link: Link
    python: Python
    tags: tuple[str, ...]
    asked: tuple[str, ...]
    say: Say


def refuse_unfit(found: Survey, names: Sequence[str]) -> None:
    """Raise UsageError when a backend does not fit a board, DeviceUnreachableError when none could."""
    obstacles = [fit for fit in fits(found, names or ("null",)) if fit.reason is not None]
    if any(fit.common for fit in obstacles):
        raise DeviceUnreachableError(f"{found.host} cannot be set up: {obstacles[0].reason}.")
    if obstacles:
        reasons = "; ".join(f"{fit.backend}: {fit.reason}" for fit in obstacles)
        raise UsageError(f"{found.host} cannot have what was asked for: {reasons}.")


def install(link: Link, found: Survey, names: Sequence[str], wheels: Wheels | Literal["auto"], say: Say) -> Wheels:
    """Install what backends that fit need; return where the wheels came from."""
    assert found.python is not None
    assert found.glibc is not None
    tags = fetching.platforms(found.machine, found.glibc)
    job = _Job(link=link, python=found.python, tags=tags, asked=fetching.requirements(names), say=say)
    _make_environment(job)
    reason = None if wheels == "host" else _from_index(job)
    if wheels != "host" and reason is None:
        return "board"
    if wheels == "board":
        raise DeviceUnreachableError(
            f"{link.host} could not install from its package index: {reason}; `--wheels host` fetches them here."
        )
    _from_host(job, reason)
    return "host"


def _make_environment(job: _Job) -> None:
    """Leave an environment of the right Python with pip in it."""
    if ("python", job.python.text) in ask(job.link, _ENVIRONMENT):
        return
    job.say(f"making an environment with Python {job.python.text}")
    command = [job.python.path, "-m", "venv", "--clear"]
    if job.python.ensurepip:
        ask(job.link, _VENV, command, limit_s=LIMIT_S)
        return
    ask(job.link, _VENV, [*command, "--without-pip"], limit_s=LIMIT_S)
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetching.pip_wheel(Path(folder))
        _copy_wheels(job, [wheel])
    text = _pip(job, [f"wheels/{wheel.name}/pip"], ["--no-index", f"wheels/{wheel.name}"])
    if text is not None:
        raise DeviceUnreachableError(f"pip could not be installed on {job.link.host}: {fetching.reason_of(text)}.")


def _from_index(job: _Job) -> str | None:
    """Install with the board's own index access; return why that failed, None when it did not."""
    job.say("installing from the board's own package index")
    options = ["--retries", "1", "--timeout", "15", *fetching.index_options(job.asked)]
    text = _pip(job, ["-m", "pip"], [*options, *job.asked])
    loose = [fetching.relaxed(one) for one in job.asked]
    if text is not None and _NO_INDEX not in text and loose != list(job.asked):
        # The index answers, and has none for this Python: take the newest that it has.
        text = _pip(job, ["-m", "pip"], [*options, *loose])
    if text is None:
        return None
    return "no index can be reached" if _NO_INDEX in text else fetching.reason_of(text)


def _from_host(job: _Job, reason: str | None) -> None:
    """Fetch the wheels here, copy those that the board lacks, and install them there."""
    why = "" if reason is None else f" ({job.link.host}: {reason})"
    job.say(f"fetching wheels for Python {job.python.text} and {job.tags[0]} here{why}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetched = fetching.fetch(job.asked, job.python.version[:2], job.tags, Path(folder))
        except DeviceUnreachableError as error:
            own = "" if reason is None else f" Its own access failed too: {reason}."
            raise DeviceUnreachableError(f"{error}{own}") from error
        _copy_wheels(job, fetched)
    job.say("installing on the board")
    text = _pip(job, ["-m", "pip"], ["--no-index", *(f"wheels/{path.name}" for path in fetched)])
    if text is not None:
        raise DeviceUnreachableError(
            f"The wheels could not be installed on {job.link.host}: {fetching.reason_of(text)}."
        )
    ask(job.link, f"rm -rf {WORK}/wheels")


def _copy_wheels(job: _Job, paths: Sequence[Path]) -> None:
    there = {value for key, value in ask(job.link, _HAVE) if key == "wheel"}
    missing = [path for path in paths if path.name not in there]
    if not missing:
        return
    size = sum(path.stat().st_size for path in missing)
    job.say(f"copying {len(missing)} wheels, {size // 10**6} MB")
    for path in missing:
        name = f"{WORK}/wheels/{path.name}"
        job.link.transfer([("put", str(path), f"{name}.part"), ("rename", f"{name}.part", name)])


def _pip(job: _Job, program: Sequence[str], words: Sequence[str]) -> str | None:
    """Run `pip install` on the board; return the end of what it said when it failed, None when it did not."""
    command = ["venv/bin/python", *program, "install", "--no-input", "--only-binary=:all:", *words]
    said = ask(job.link, _PIP, command, limit_s=LIMIT_S)
    if ("status", "0") in said:
        return None
    text = "\n".join(value for key, value in said if key == "pip")
    if any(words in text for words in _FULL):
        raise obstacle(job.link, fetching.reason_of(text))
    return text


def obstacle(link: Link, message: str) -> DeviceUnreachableError:
    """Return the error for a step that failed on the board: a full disk says so in many ways, or not at all."""
    free = survey(link).free_bytes
    if any(words in message for words in _FULL) or (free is not None and free < _FULL_BYTES):
        left = "" if free is None else f", {free // 10**6} MB are free in the home"
        return DeviceUnreachableError(f"The disk of {link.host} is full{left}: setting it up stopped ({message}).")
    return DeviceUnreachableError(f"{link.host} could not be set up: {message or 'a command failed without a word'}.")
