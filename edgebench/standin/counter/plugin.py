"""The plugin, compiled here by the system's compiler and kept: it is loaded into this machine's QEMU."""

import hashlib
import os
import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

from edgebench.errors import UsageError
from edgebench.standin.kept import draft

_SOURCE = "edgecount.c"
_OPTIONS = ("-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread")
_COMPILERS = ("cc", "gcc", "clang")
_LIMIT_S = 120


def compiled(folder: Path) -> Path:
    """Return the plugin below a folder of the cache, compiled if it is not there.

    Raise UsageError where there is no compiler or it fails.
    """
    source = files("edgebench.standin.counter").joinpath(_SOURCE)
    key = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    target = folder / f"edgecount-{key}"
    library = target / "edgecount.so"
    if not library.exists():
        compiler = _compiler()
        with draft(target) as made, as_file(source) as path:
            _run([*compiler, *_OPTIONS, "-o", str(made / library.name), str(path)])
    return library


def _compiler() -> list[str]:
    """Return what compiles C here: $CC if it is set, else the system's."""
    own = os.environ.get("CC", "").split()
    found = next((name for name in _COMPILERS if shutil.which(name)), None)
    if own or found:
        return own or [str(found)]
    raise UsageError(
        "There is no C compiler here, and the counter of instructions is compiled on the spot: apt-get install gcc "
        "libc6-dev, or name one in CC."
    )


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"The compiler {command[0]} does not run ({error}): apt-get install gcc libc6-dev.") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()[-1:]
        reason = lines[0].strip() if lines else f"status {done.returncode}"
        raise UsageError(
            f"The counter of instructions does not compile ({reason}): apt-get install gcc libc6-dev, or name another "
            "compiler in CC."
        )
