"""Recorded sensors: a tree of files, the errors that reading some of them gives, and what programs answer."""

import errno
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebench.board.sensors import Answer, Place

FOLDER = Path(__file__).parents[2] / "data/sensors"

Case = dict[str, Any]


def case(path: Path) -> Case:
    """One recorded case."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def cases(sensor: str = "*") -> list[str]:
    """The names of all cases of a sensor, `sensor/case`."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob(f"{sensor}/*.toml"))


def read(name: str) -> Case:
    """A case by its name."""
    return case(FOLDER / f"{name}.toml")


def place(root: Path, recorded: Case) -> Place:
    """A place under `root` that answers as recorded; written again for what comes `then`."""
    write(root, recorded.get("files", {}))
    errors = {root / name: word for name, word in recorded.get("errors", {}).items()}
    answers = recorded.get("answers", {})
    for command in answers:
        write(root, {f"usr/bin/{command.split()[0]}": ""})

    def opened(path: Path) -> bytes:
        if path in errors:
            raise _error(errors[path], path)
        return path.read_bytes()

    def run(command: Sequence[str]) -> Answer:
        answer = answers[" ".join([Path(command[0]).name, *command[1:]])]
        if "error" in answer:
            raise _error(answer["error"], Path(command[0]))
        return Answer(status=answer.get("status", 0), out=answer["out"], err=answer.get("err", ""))

    return Place(root=root, open=opened, run=run)


def write(root: Path, files: Mapping[str, str]) -> None:
    """Fill a tree."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _error(word: str, path: Path) -> OSError:
    number = getattr(errno, word)
    return OSError(number, os.strerror(number), str(path))
