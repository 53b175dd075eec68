"""The process that reads a user's file: held to memory before it opens the file, which is not to be trusted.

One request as JSON on standard input, one answer out: the file's graph, or why it cannot be used.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgebench.formats._filegraph import Answer, FileGraph, Malformed
from edgebench.formats._limits import hold


def read(path: Path, form: str, shapes: dict[str, tuple[int, ...]], packed: Path | None) -> FileGraph:
    """Return what a file holds; where its weights lie elsewhere, write it with them to `packed`."""
    if form == "onnx":
        from edgebench.formats import _onnx_file

        return _onnx_file.read(path, shapes, packed)
    from edgebench.formats import _tflite_file

    return _tflite_file.read(path, shapes)


def main() -> int:
    """Read the file that standard input names."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for the answer
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    hold(request["limit_bytes"])
    shapes = {name: tuple(shape) for name, shape in request["shapes"].items()}
    packed = None if request["packed"] is None else Path(request["packed"])
    try:
        answer = Answer(graph=read(Path(request["path"]), request["format"], shapes, packed))
    except Malformed as malformed:
        answer = Answer(failed=str(malformed))
    except MemoryError:
        answer = Answer(failed="to read it takes more memory than a file of its size may")
    except ModuleNotFoundError as missing:
        answer = Answer(failed=f"to read it needs the package {missing.name}, which is not installed")
    json.dump(asdict(answer), answers)
    answers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
