"""Which packages a board needs, and their wheels, fetched by this machine's pip for the board's Python and glibc."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgebench import plugins
from edgebench.errors import DeviceUnreachableError, UsageError

BASE = ("numpy", "psutil")
"""What the agent and its workers import beside a runtime."""

INDEXES = {"torch": "https://download.pytorch.org/whl/cpu"}
"""Packages whose wheels for boards lie elsewhere: the ordinary torch brings CUDA, gigabytes of it, on aarch64 too."""

_LOCAL = {"torch": "+cpu"}
_LIMIT_S = 3600
_TAIL_BYTES = 4000
_CONFLICT = "ResolutionImpossible"  # the line of pip that points to its manual; what is in conflict stands before it
_MANYLINUX = {"x86_64": (5, {17: "2014", 12: "2010", 5: "1"}), "aarch64": (17, {17: "2014"})}  # PEP 600: oldest, legacy


def requirements(backends: Iterable[str]) -> tuple[str, ...]:
    """Return what a board needs for these backends, in this machine's versions, so that both sides run the same.

    A runtime that is not installed here is asked for in its newest version. Raise UsageError for an unknown backend.
    """
    modules = [plugins.load("backends", name) for name in backends]
    found = {
        one for module in modules for one in (module.DISTRIBUTION, *getattr(module, "ALSO", ())) if one is not None
    }
    return tuple(pinned(name) for name in sorted({*BASE, *found}))


def pinned(distribution: str) -> str:
    """Return a requirement on the version that is installed here, on any when none is."""
    try:
        public = version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return distribution
    return f"{distribution}=={public}{_LOCAL.get(distribution, '')}"


def relaxed(requirement: str) -> str:
    """Return a requirement without its version, for a Python that it does not exist for; torch keeps to its CPU builds.

    >>> relaxed("numpy==2.4.6"), relaxed("torch==2.13.0+cpu")
    ('numpy', 'torch==2.13.0+cpu')
    """
    name = name_of(requirement)
    return requirement if name in _LOCAL else name


def name_of(requirement: str) -> str:
    """Return the package that a requirement is on.

    >>> name_of("numpy==2.4.6"), name_of("psutil")
    ('numpy', 'psutil')
    """
    return requirement.partition("==")[0]


def index_options(wanted: Iterable[str]) -> list[str]:
    """Return pip's options for what does not come from the ordinary index.

    >>> index_options(["numpy==2.4.6"])
    []
    """
    names = {name_of(requirement) for requirement in wanted}
    return [word for name, index in INDEXES.items() if name in names for word in ("--extra-index-url", index)]


def platforms(machine: str, glibc: tuple[int, int]) -> tuple[str, ...]:
    """Return the tags of wheels that run on a machine with this glibc, the newest first; none where wheels are unknown.

    >>> platforms("aarch64", (2, 19))
    ('manylinux_2_19_aarch64', 'manylinux_2_18_aarch64', 'manylinux_2_17_aarch64', 'manylinux2014_aarch64')
    """
    major, newest = glibc
    if machine not in _MANYLINUX or major != 2:
        return ()
    oldest, legacy = _MANYLINUX[machine]
    tags = []
    for minor in range(newest, oldest - 1, -1):
        tags.append(f"manylinux_2_{minor}_{machine}")
        if minor in legacy:
            tags.append(f"manylinux{legacy[minor]}_{machine}")
    return tuple(tags)


def fetch(wanted: Sequence[str], python: tuple[int, int], tags: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Fetch wheels and those they need into a folder, for CPython of that version and one of these platforms.

    What does not exist for that Python in the version asked for is taken in the newest that does. Raise
    DeviceUnreachableError with pip's reason when there is none, UsageError when there is no pip here.
    """
    options = ["--dest", str(folder), *_target(python, tags), *index_options(wanted)]
    reason = _either(["download", *options], wanted)
    if reason is not None:
        raise _no_wheels(python, tags, reason)
    return tuple(sorted(folder.glob("*.whl")))


def unpack(wanted: Sequence[str], python: tuple[int, int], tags: Sequence[str], folder: Path, cache: Path) -> None:
    """Fetch wheels as `fetch` does and unpack them into a folder of packages, without running anything of theirs.

    What pip keeps of them it keeps in `cache`.
    """
    options = [
        "--target",
        str(folder),
        "--cache-dir",
        str(cache),
        "--no-compile",
        *_target(python, tags),
        *index_options(wanted),
    ]
    reason = _either(["install", *options], wanted)
    if reason is not None:
        raise _no_wheels(python, tags, reason)


def pip_wheel(folder: Path) -> Path:
    """Fetch pip itself, for a Python that comes without it."""
    reason = _pip(["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), "pip"])
    if reason is not None:
        raise DeviceUnreachableError(f"This machine found no wheel of pip for the board: {reason}.")
    return next(folder.glob("pip-*.whl"))


def _target(python: tuple[int, int], tags: Sequence[str]) -> list[str]:
    """Return pip's options for wheels of another machine: of CPython in that version, for one of these platforms."""
    abi = f"cp{python[0]}{python[1]}"
    target = ["--only-binary=:all:", "--python-version", f"{python[0]}.{python[1]}", "--implementation", "cp"]
    target += [word for tag in (abi, "abi3", "none") for word in ("--abi", tag)]
    return target + [word for tag in tags for word in ("--platform", tag)]


def _either(words: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Run pip for what is wanted, else for the newest versions of it; return why both failed."""
    reason = _pip([*words, *wanted])
    if reason is not None and (loose := [relaxed(one) for one in wanted]) != list(wanted):
        return _pip([*words, *loose])
    return reason


def _no_wheels(python: tuple[int, int], tags: Sequence[str], reason: str) -> DeviceUnreachableError:
    own = [f"{name} without CUDA comes from {index} alone" for name, index in INDEXES.items() if name in reason]
    return DeviceUnreachableError(
        f"This machine found no wheels for Python {python[0]}.{python[1]} and {tags[0]} on the board: "
        f"{'; '.join([reason, *own])}."
    )


def _pip(words: Sequence[str]) -> str | None:
    """Run this machine's pip; return why it failed, None when it did not.

    What the user holds this machine's packages to (PIP_CONSTRAINT, or pip's settings) does not hold for a board's.
    """
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", *words]
    environment = {**os.environ, "PIP_CONSTRAINT": os.devnull}  # an empty text would leave that of pip's settings
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                timeout=_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"pip did not end within {_LIMIT_S} s"
        if done.returncode == 0:
            return None
        said.seek(max(0, said.seek(0, 2) - _TAIL_BYTES))
        text = said.read().decode(errors="replace")
    if "No module named pip" in text:
        raise UsageError(
            f"There is no pip beside {sys.executable}: install it (python -m ensurepip), it fetches wheels."
        )
    return reason_of(text)


def reason_of(text: str) -> str:
    """Return the last error in what pip wrote, else its last line; of a conflict, what it is caused by.

    >>> reason_of("ERROR: No matching distribution found for numpy==9\\n[notice] A new release of pip is available\\n")
    'No matching distribution found for numpy==9'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    last = [*(errors or lines or ["pip said nothing"])][-1].rstrip(".")
    if not last.startswith(_CONFLICT):
        return last
    causes = [line for line in lines if line.startswith("The user requested") or " depends on " in line]
    return f"no versions fit together ({'; '.join(causes) or 'pip does not say which'})"
