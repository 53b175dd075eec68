"""Set up a board whose home is a folder of this machine: nothing runs there, pip least of all.

What comes of it is what `setup.prepare` makes over ssh, so that this finds nothing left to do.
"""

import dataclasses
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import wheels as fetching
from edgebench.measure.install import Say, refuse_unfit
from edgebench.measure.link import WORK
from edgebench.measure.setup import SETUP, Package, Prepared, board_files, board_sha256
from edgebench.measure.survey import Python, Survey

_LOCK = "agent.lock"
_MOST_STATE = 65_536
_SITE = "venv/lib/python{}.{}/site-packages"


def machine(name: str, python: str, version: str, glibc: tuple[int, int], home: Path) -> Survey:
    """Return what an aarch64 board with that Python would say of itself, without asking it."""
    major, minor, patch = (int(part) for part in version.split("."))
    return Survey(
        host=name,
        machine="aarch64",
        kernel=None,
        system=None,
        userland_bits=64,
        glibc=glibc,
        free_bytes=shutil.disk_usage(home).free,
        memory_bytes=None,
        pythons=(
            Python(
                path=python,
                version=(major, minor, patch),
                bits=64,
                abi=f"cp{major}{minor}",
                glibc=glibc,
                venv=True,
                ensurepip=False,
            ),
        ),
    )


def planted(home: Path, backends: Iterable[str]) -> Prepared | None:
    """Return how a home is set up when it lacks nothing for these backends, None when it does.

    Raise DeviceUnreachableError for a home in which something has to be replaced while a session measures there.
    """
    work = home / WORK
    before = _state(work)
    asked = fetching.requirements(_names(before, backends))
    if before is not None and (before.asked, before.board_sha256) == (asked, board_sha256()):
        return before
    _refuse_busy(work)
    return None


def plant(home: Path, found: Survey, backends: Iterable[str], say: Say, cache: Path) -> Prepared:
    """Leave in a board's home what it needs for these backends beside those that it has, and return how it is set up.

    Nothing may run on the board meanwhile. `cache` is where pip keeps what it fetches. Raise UsageError when a backend
    does not fit, or the home leads elsewhere, DeviceUnreachableError when wheels cannot be had.
    """
    assert found.python is not None
    assert found.glibc is not None
    done = planted(home, backends)
    if done is not None:
        return done
    work = home / WORK
    _refuse_links(work)
    before = _state(work)
    names = _names(before, backends)
    asked = fetching.requirements(names)
    refuse_unfit(found, names)
    (work / SETUP).unlink(missing_ok=True)  # until it is written again, the board counts as not set up
    site = work / _SITE.format(*found.python.version[:2])
    if before is None or before.asked != asked:
        say(f"fetching wheels of {', '.join(map(fetching.name_of, asked))} for aarch64")
        _make_environment(work, found.python, site)
        fetching.unpack(asked, found.python.version[:2], fetching.platforms(found.machine, found.glibc), site, cache)
    _copy_board(work)
    prepared = Prepared(
        python=found.python.path,
        python_version=found.python.text,
        backends=names,
        wheels="host",
        asked=asked,
        packages=tuple(sorted(_packages(site), key=lambda package: package.name.lower())),
        board_sha256=board_sha256(),
    )
    (work / SETUP).write_text(json.dumps(dataclasses.asdict(prepared)) + "\n")
    return prepared


def _names(before: Prepared | None, backends: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*backends, *(before.backends if before else ())}))


def _refuse_busy(work: Path) -> None:
    """Raise DeviceUnreachableError while an agent holds its lock; what lies there in its place is none."""
    try:
        lock = os.open(work / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DeviceUnreachableError(f"A session is measuring in {work}: wait until it has ended.") from None
    finally:
        os.close(lock)


def _refuse_links(work: Path) -> None:
    """Raise UsageError where something that ran on the board left a link for us to follow, as root perhaps."""
    for path in (work, work / "venv", work / "lib"):
        if path.is_symlink():
            raise UsageError(f"{path} is a link, which nothing of ours makes: remove the stand-in, and make it anew.")


def _state(work: Path) -> Prepared | None:
    """Return how a home says that it is set up, None when it is not, or what it says is not to be believed."""
    from pydantic import TypeAdapter, ValidationError

    path = work / SETUP
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > _MOST_STATE:
            return None
        return TypeAdapter(Prepared).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _make_environment(work: Path, python: Python, site: Path) -> None:
    """Make what `python -m venv` makes there, in place of what was there."""
    venv = work / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(python.path)
    (venv / "bin" / "python3").symlink_to("python")
    settings = {
        "home": str(Path(python.path).parent),
        "include-system-site-packages": "false",
        "version": python.text,
        "executable": python.path,
    }
    (venv / "pyvenv.cfg").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    site.mkdir(parents=True)


def _copy_board(work: Path) -> None:
    lib = work / "lib"
    shutil.rmtree(lib, ignore_errors=True)
    for name, path in board_files():
        target = lib / "edgebench" / "board" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def _packages(site: Path) -> Iterable[Package]:
    """Yield the packages in a folder of them, by the names of their dist-info folders (PEP 376)."""
    for folder in site.glob("*.dist-info"):
        name, dash, version = folder.name.removesuffix(".dist-info").partition("-")
        if not dash:
            raise UsageError(f"{folder} names no version: the wheels were unpacked in part, remove the stand-in.")
        yield Package(name=name, version=version)
