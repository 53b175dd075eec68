"""Files of counted instructions: what `count --executed --json` prints, read again."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgebench import untrusted
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.analysis.executed import Executed

_MOST_BYTES = 16 * 2**20


def read(path: Path) -> "tuple[Executed, ...]":
    """Return the counts in a file; raise UsageError when it is none that `count --executed --json` wrote."""
    from pydantic import ValidationError

    from edgebench.analysis.executed import Executed

    expected = "expected what `count --executed --json` of this version printed"
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): {expected}.") from error
    if len(text) > _MOST_BYTES:
        raise UsageError(f"{path} has more than {_MOST_BYTES} bytes: {expected}.")
    try:
        found: tuple[Executed, ...] = untrusted.validator(tuple[Executed, ...]).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(f"{path}: {place}: {first['msg']}: {expected}.") from error
    return found
