"""Read files named on standard input, one a line, as the process does that reads a user's: held to memory, to the end.

Answers a line each: `graph`, `counted`, `refused`, `malformed` with the reason, `memory`, or `bug` with the exception.
"""

import contextlib
import os
import sys
from pathlib import Path

from edgebench import analysis
from edgebench.analysis.cost import cost
from edgebench.errors import UsageError
from edgebench.formats._filegraph import Malformed
from edgebench.formats._limits import hold
from edgebench.formats._reader import read

LIMIT_BYTES = 1024 * 2**20


def outcome(path: Path) -> str:
    """Return what comes of one file."""
    try:
        file = read(path, path.suffix.removeprefix("."), {}, None)
    except Malformed as malformed:
        return f"malformed {malformed}"
    except MemoryError:
        return "memory"
    except Exception as error:  # noqa: BLE001 - this is what the test looks for
        return f"bug {error!r}"
    with contextlib.suppress(UsageError):
        return f"counted {cost(analysis.file_graph(file)).mult_adds}"
    return "refused"


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    hold(LIMIT_BYTES)
    for line in sys.stdin:
        answers.write(outcome(Path(line.strip())).replace("\n", " ") + "\n")
        answers.flush()
