"""Environments for converters that are too heavy for ours, or want other versions: made when needed, and cached.

Each lies on top of this one: what is installed here (torch above all) is seen there; what is installed there, first.
"""

import hashlib
import os
import re
import site
import subprocess
import sys
import sysconfig
import tempfile
import venv
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from edgebench.formats import _cache
from edgebench.formats._records import ConversionFailed

_LIMIT_S = 3600  # 0.9 GB of wheels on a slow line
_TAIL_BYTES = 4000
_KEPT = ("torch", "numpy")
"""Packages that an environment must take as they are here: another torch is gigabytes, and artefacts name this one."""


def pins(converter: str) -> dict[str, str]:
    """Return the versions of a converter and of what it asks for, as its file in `constraints` has them."""
    text = files("edgebench.formats").joinpath("constraints", f"{converter}.txt").read_text(encoding="utf-8")
    rows = (line.partition("==") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: number for name, _, number in rows}


def missing(converter: str) -> bool:
    """Tell whether a converter has to be installed before it can run."""
    return not (_here(converter) or _folder(converter).is_dir())


def interpreter(converter: str | None) -> str:
    """Return a Python that has a converter in its pinned version, this one if it does.

    Raise ConversionFailed, as lost, when the converter can neither be found nor installed.
    """
    if converter is None or _here(converter):
        return sys.executable
    folder = _folder(converter)
    if not folder.is_dir():
        with _cache.whole(folder) as draft:
            _make(draft, converter)
            _cache.note_size(draft)
    _cache.mark_used(folder)
    return str(folder / "bin" / "python")


def _here(converter: str) -> bool:
    return _installed(converter) == pins(converter)[converter]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _folder(converter: str) -> Path:
    """Return where an environment belongs; another Python, host environment, torch or set of pins gives another."""
    ingredients = (*_kept(), sys.version, *_host_folders(), str(sorted(pins(converter).items())))
    key = hashlib.sha256("\n".join(ingredients).encode()).hexdigest()[:16]
    return _cache.environments_folder() / f"{converter}-{key}"


def _kept() -> tuple[str, ...]:
    return tuple(f"{name}=={number}" for name in _KEPT if (number := _installed(name)) is not None)


def _host_folders() -> tuple[str, ...]:
    own = [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(folder for folder in own if folder in sys.path)


def _make(draft: Path, converter: str) -> None:
    """Fill a folder with an environment on top of this one, and install a converter in it."""
    venv.create(draft, symlinks=True, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(draft)}))
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in _host_folders()]
    (packages / "host.pth").write_text("".join(lines))  # addsitedir, unlike a plain path, reads their .pth files
    with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
        wanted, *others = (f"{name}=={number}" for name, number in _first(pins(converter), converter).items())
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join((*others, *_kept())) + "\n")
        reason = _install(draft, wanted, constraints)
    if reason is not None:
        raise ConversionFailed(
            "convert",
            f"its converter, {wanted}, is not installed here and pip could not install it ({reason}): connect to a "
            "package index once, or install it beside edgebench",
            lost=True,
        )


def _first(pinned: dict[str, str], name: str) -> dict[str, str]:
    return {name: pinned[name], **pinned}


def _install(draft: Path, wanted: str, constraints: Path) -> str | None:
    """Have this environment's pip install into another; return why it failed, None when it did not."""
    words = ["--retries", "1", "--timeout", "15", "-c", str(constraints), wanted]
    target = ["--python", str(draft / "bin" / "python")]
    pip = [sys.executable, "-P", "-m", "pip", *target]
    command = [*pip, "install", "--disable-pip-version-check", "--no-input", *words]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
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
            return f"not done within {_LIMIT_S} s"
        said.seek(max(0, said.seek(0, 2) - _TAIL_BYTES))
        return None if done.returncode == 0 else reason(said.read().decode(errors="replace"))


def reason(text: str) -> str:
    """Return why pip failed from the end of what it said.

    >>> reason("ERROR: Could not find a version that satisfies the requirement pnnx (from versions: none)\\n")
    'no index could be reached'
    """
    if "(from versions: none)" in text:  # its words when an index could not be reached or knows no such package
        return "no index could be reached"
    errors = re.findall(r"^ERROR: (.+)$", text, re.MULTILINE)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return str((errors or lines or ["it said nothing"])[-1]).rstrip(".")
