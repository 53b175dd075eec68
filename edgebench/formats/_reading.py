"""Have a user's file read by a process that is held to memory and time, and check what it answers."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgebench import untrusted
from edgebench.board.child import signal_name
from edgebench.errors import UsageError
from edgebench.formats._filegraph import Answer, FileGraph, shown
from edgebench.formats._limits import COPIES, OWN_BYTES

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

Shapes = dict[str, tuple[int, ...]]

_LIMIT_S = 120
_OUT_OF_MEMORY = (b"MemoryError", b"bad_alloc", b"allocate memory")  # as Python, C++ and its libraries end
_MOST_ANSWER_BYTES = 256 * 2**20
_WORDS = {"onnx": "an ONNX model", "tflite": "a TensorFlow Lite model"}


def read(path: Path, form: str, shapes: Shapes, packed: Path | None = None) -> FileGraph:
    """Return what a user's file holds, its inputs at these shapes ("0", "1" for those without a name).

    Where its weights lie in other files it is written with them to `packed`, if given. Raise UsageError in one sentence
    for everything that cannot be used, and for what crashes or exhausts its reader.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file: expected {_WORDS[form]}.")
    request: dict[str, object] = {
        "path": str(path.absolute()),
        "format": form,
        "shapes": shapes,
        "packed": None if packed is None else str(packed),
        "limit_bytes": OWN_BYTES + COPIES * path.stat().st_size,
    }
    what = f"{path} cannot be used as {_WORDS[form]}"
    return _graph(_ask(request, what), what)


def _ask(request: dict[str, object], what: str) -> bytes:
    try:
        done = subprocess.run(
            # -P: a user stands beside the file, and an onnx.py there is none of ours.
            [sys.executable, "-P", "-m", "edgebench.formats._reader"],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{what}: it could not be read within {_LIMIT_S} s.") from None
    if done.returncode or not done.stdout:
        raise UsageError(f"{what}: {_ending(done.returncode, done.stderr)}.")
    if len(done.stdout) > _MOST_ANSWER_BYTES:
        raise UsageError(f"{what}: what it holds fills {len(done.stdout)} bytes.")
    return done.stdout


def _ending(status: int, stderr: bytes) -> str:
    if any(word in stderr for word in _OUT_OF_MEMORY):
        return "to read it takes more memory than a file of its size may"
    if status < 0:
        return f"its reader ended by {signal_name(-status)}"
    lines = stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    return f"its reader failed ({shown(lines[-1])})"


def _graph(said: bytes, what: str) -> FileGraph:
    from pydantic import ValidationError

    try:
        answer: Answer = _validator().validate_json(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError(f"{what}: {shown(first['msg'])}.") from None
    if answer.graph is None:
        raise UsageError(f"{what}: {answer.failed}.")
    return answer.graph


@functools.cache
def _validator() -> "SchemaValidator":
    return untrusted.validator(Answer)
