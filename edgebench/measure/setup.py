"""Make a board ready to measure, without a build: an environment, the runtimes' wheels and `edgebench.board`.

All of it lies in `.edgebench` in the user's home, and goes with that folder.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import edgebench.board
from edgebench import plugins
from edgebench.board.wire import STRICT
from edgebench.errors import DeviceUnreachableError
from edgebench.measure import wheels as fetching
from edgebench.measure.install import ENTER, LIMIT_S, Say, Wheels, install, obstacle, refuse_unfit
from edgebench.measure.link import WORK, BoardCommandFailed, Link
from edgebench.measure.survey import Fit, Python, Survey, ask, fits, survey

__all__ = ["Fit", "Package", "Prepared", "Python", "Survey", "fits", "prepare", "remove", "state", "survey"]

SETUP = "setup.json"
"""The file in the work folder that says how a board is set up."""

_MOST_STATE = 65_536

_BEGIN = f"mkdir -p {WORK} && rm -f {WORK}/{SETUP}"  # until it is written again, the board counts as not set up
_WRITE = f"""
cd {WORK} || exit
printf '%s\\n' "$1" >{SETUP}.new && mv {SETUP}.new {SETUP}
"""
_BUSY = f"""
[ -e {WORK}/agent.lock ] && command -v flock >/dev/null || return 0
flock -n {WORK}/agent.lock true || say busy
return 0
"""
_STATE = f"""
cd {WORK} 2>/dev/null && [ -f {SETUP} ] && venv/bin/python -I -c '' 2>/dev/null || return 0
head -c {_MOST_STATE} {SETUP} | tr -d '\\n' | fold -w 400 |
    while IFS= read -r part || [ -n "$part" ]; do say part "=$part="; done
"""
_LIST = f"""
{ENTER}
rm -rf tmp
found=$(PYTHONPATH=lib venv/bin/python -s -c "$1") || exit
printf '%s\\n' "$found" | while IFS= read -r line; do say package "$line"; done
"""
# The agent's own imports are tried on the way: a board that cannot run them says so now.
_PACKAGES = """
import importlib.metadata
import edgebench.board.agent, numpy, psutil
for found in importlib.metadata.distributions():
    print(found.metadata["Name"], found.version)
"""
_FOLDERS = f"""
cd {WORK} || exit
rm -rf lib.new || exit
for folder; do mkdir -p "lib.new/edgebench/board/$folder" || exit; done
"""
_SWAP = f"""
cd {WORK} || exit
rm -rf lib && mv lib.new lib
"""
_REMOVE = f"""
[ -e {WORK} ] || [ -L {WORK} ] || return 0
[ -L {WORK} ] || chmod -R u+rwX {WORK}
rm -rf {WORK} || exit
say removed
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that is installed on a board."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A board that is set up, as its `setup.json` says: `asked` are the requirements, `packages` what came of them."""

    __pydantic_config__: ClassVar[Any] = STRICT

    python: str
    python_version: str
    backends: tuple[str, ...]
    wheels: Wheels
    asked: tuple[str, ...]
    packages: tuple[Package, ...]
    board_sha256: str


def prepare(
    link: Link,
    backends: Iterable[str],
    *,
    wheels: Wheels | Literal["auto"] = "auto",
    say: Say,
    python: str | None = None,
) -> Prepared:
    """Set a board up for these backends beside those that it has; what is there already is left alone.

    Wheels come from the board's own index access, from this machine, or from there where the board has none (auto);
    `python` is a path or name on the board. Raise UsageError when a backend does not fit the board,
    DeviceUnreachableError for every other obstacle.
    """
    before = state(link)
    kept = () if before is None else (name for name in before.backends if name in plugins.names("backends"))
    names = tuple(sorted({*backends, *kept}))
    asked = fetching.requirements(names)
    found = survey(link, python)
    board = board_sha256()
    installed = before is not None and before.asked == asked and _is(before, found.python)
    if before is not None and installed and (before.board_sha256, before.backends) == (board, names):
        say(f"{link.host} is set up already: nothing to do")
        return before
    if not installed:
        refuse_unfit(found, names)
    assert found.python is not None
    try:
        _refuse_busy(link)
        ask(link, _BEGIN)
        source = before.wheels if before is not None and installed else install(link, found, names, wheels, say)
        if before is None or before.board_sha256 != board:
            _copy_board(link, say)
        done = Prepared(
            python=found.python.path,
            python_version=found.python.text,
            backends=names,
            wheels=source,
            asked=asked,
            packages=_packages(link),
            board_sha256=board,
        )
        ask(link, _WRITE, [json.dumps(dataclasses.asdict(done))])
    except BoardCommandFailed as failed:
        raise obstacle(link, str(failed)) from failed
    return done


def state(link: Link) -> Prepared | None:
    """Return how a board is set up; None when it is not, or not as a whole."""
    from pydantic import TypeAdapter, ValidationError

    try:
        said = ask(link, _STATE)
    except BoardCommandFailed:
        return None
    text = "".join(value[1:-1] for key, value in said if key == "part")
    try:
        return TypeAdapter(Prepared).validate_json(text)
    except ValidationError:
        return None


def remove(link: Link) -> bool:
    """Delete all that was set up, measured files included; return whether there was anything."""
    try:
        _refuse_busy(link)
        return ("removed", "") in ask(link, _REMOVE, limit_s=LIMIT_S)
    except BoardCommandFailed as failed:
        raise DeviceUnreachableError(f"{WORK} on {link.host} could not be deleted: {failed}.") from failed


def board_sha256() -> str:
    """Return a hash of all that is copied to a board."""
    digest = hashlib.sha256()
    for name, path in board_files():
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def board_files() -> Iterator[tuple[str, Path]]:
    """Give the files of `edgebench.board` by their names in it."""
    (folder,) = map(Path, edgebench.board.__path__)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path


def _is(before: Prepared, python: Python | None) -> bool:
    return python is not None and (before.python, before.python_version) == (python.path, python.text)


def _refuse_busy(link: Link) -> None:
    if ("busy", "") in ask(link, _BUSY):
        raise DeviceUnreachableError(f"A session is measuring on {link.host}: wait until it has ended.")


def _copy_board(link: Link, say: Say) -> None:
    """Copy `edgebench.board` beside what is there, then put it in its place."""
    files = list(board_files())
    say(f"copying edgebench.board, {len(files)} files")
    ask(link, _FOLDERS, sorted({str(Path(name).parent) for name, _ in files}))
    link.transfer([("put", str(path), f"{WORK}/lib.new/edgebench/board/{name}") for name, path in files])
    ask(link, _SWAP)


def _packages(link: Link) -> tuple[Package, ...]:
    """Return what is installed on the board, whose agent can be imported."""
    said = (value.split(" ") for key, value in ask(link, _LIST, [_PACKAGES], limit_s=LIMIT_S) if key == "package")
    return tuple(sorted((Package(name=words[0], version=words[1]) for words in said if len(words) == 2), key=_name))


def _name(package: Package) -> str:
    return package.name.lower()
