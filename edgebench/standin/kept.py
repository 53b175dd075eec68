"""Folders of the cache that are made whole or not at all, and go without a trace."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgebench.errors import UsageError

_OWNER = stat.S_IRWXU


@contextlib.contextmanager
def draft(target: Path) -> Iterator[Path]:
    """Give a folder to fill that takes the target's place when all went well, and vanishes when not.

    Raise UsageError when it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        folder.chmod(0o755)  # users of the stand-in pass through
    except OSError as error:
        raise unwritable(target.parent, error) from error
    try:
        yield folder
        with contextlib.suppress(OSError):  # another process made the same meanwhile
            folder.rename(target)
    except OSError as error:
        raise unwritable(target.parent, error) from error
    finally:
        delete(folder)


def delete(folder: Path) -> None:
    """Delete a folder with all that is in it, folders that are closed to their owner too; none is no error."""
    if not folder.exists():
        return
    for place, names, _ in os.walk(folder):  # downwards: what is opened here is listed next
        for path in (Path(place) / name for name in names):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & _OWNER != _OWNER:
                path.chmod(stat.S_IMODE(mode) | _OWNER)
    shutil.rmtree(folder)


def prune(folder: Path) -> None:
    """Delete a folder that is empty, and the one above it if it held nothing else."""
    with contextlib.suppress(OSError):
        folder.rmdir()
        folder.parent.rmdir()


def unwritable(folder: Path, error: OSError) -> UsageError:
    """Return the error for a folder of the cache that cannot be written."""
    return UsageError(
        f"{folder} cannot be written ({error.strerror}): make room or access, or name another cache in XDG_CACHE_HOME."
    )
