"""The journal of a run: a JSON line an outcome, on the disk before the next thing happens."""

import contextlib
import functools
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

from edgebench import untrusted
from edgebench.board.wire import encode
from edgebench.errors import LostTrialError, UsageError
from edgebench.store.records import SCHEMA, Line

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

# How lines of these kinds end: `encode` writes `event`, the last field of every record, last.
_STARTED = b'"event":"run"}\n'
_RESUMED = b'"event":"resumed"}\n'
_AGENT_LOST = b'"event":"agent_lost"}\n'
_DONE = b'"how":"done","event":"ended"}\n'


class Journal:
    """An open journal; a line that `append` returned from survives a power cut."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def append(self, record: object) -> None:
        """Write one line and have it on the disk; raise LostTrialError when the disk does not take it."""
        try:
            rest = memoryview(encode(record))
            while rest:  # a disk that fills up takes a part first, and says so at the next call
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise LostTrialError(
                f"{self._path} cannot be written ({error.strerror}): what was measured before is kept in it; "
                "make room and go on with --resume."
            ) from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """Open a journal to append to it, without the half line that a full disk or power cut may have left."""
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(
            f"{path.parent} cannot be written ({error.strerror}): choose another folder with --results."
        ) from error
    with file:
        rest = _after_last_newline(path)
        if rest:
            file.truncate(file.seek(0, os.SEEK_END) - rest)
        yield Journal(path, file)


def lines(path: Path) -> Iterator[Line]:
    """Yield the records of a journal or spool; half a last line is left out.

    Raise UsageError for a journal of another schema, and, with the number of the line, for any other line that is none
    of this version's.
    """
    from pydantic import ValidationError

    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if line.endswith(_STARTED):
                _check_schema(path, line)
            try:
                yield _validator().validate_json(line)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = "".join(f"{part}: " for part in first["loc"])
                raise UsageError(
                    f"{path}: line {number} is no record of this version: {where}{first['msg']}."
                ) from error


def unfinished(path: Path) -> bool:
    """Tell whether a journal is of a run that was not measured to its end, or lost an agent since it last went on.

    Nothing is parsed: the end of a line names its kind, and the last line says how the run ended.
    """
    with path.open("rb") as file:
        if not file.readline().endswith(_STARTED):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            end = text.rfind(b"\n")
            last = text[text.rfind(b"\n", 0, end) + 1 : end + 1]
            if not last.endswith(_DONE):
                return True
            return text.find(_AGENT_LOST, max(0, text.rfind(_RESUMED))) >= 0


def _check_schema(path: Path, line: bytes) -> None:
    """Raise UsageError when the first line of a journal is of another schema; other mistakes are its validator's."""
    from pydantic_core import from_json

    try:
        found = from_json(line)
    except ValueError:
        return
    schema = found.get("schema") if isinstance(found, dict) else None
    if isinstance(schema, int) and schema != SCHEMA:
        raise UsageError(
            f"{path} has schema {schema}, written by edgebench {found.get('edgebench_version')!r}: this one reads "
            f"schema {SCHEMA}; read it with the edgebench that wrote it, or measure again."
        )


@functools.cache
def _validator() -> "SchemaValidator":
    from pydantic import Discriminator

    return untrusted.validator(Annotated[Line, Discriminator("event")])


def _after_last_newline(path: Path) -> int:
    rest = 0
    with path.open("rb") as file:
        for line in file:
            rest = 0 if line.endswith(b"\n") else len(line)
    return rest
