"""The arm64 system that all stand-ins share: Debian with Python 3, unpacked once and never written to again.

What differs from stand-in to stand-in - home, keys, users, the board's own /sys - is bound over it (`entering`).
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from edgebench.standin.kept import draft
from edgebench.standin.packages import Say, Source, unpack, upstream

RELEASE = "trixie"
"""Debian 13: the system of today's Raspberry Pi OS, with Python 3.13."""

PACKAGES = (
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "grep",
    "gzip",
    "hostname",
    "libatomic1",
    "libc-bin",
    "libgomp1",
    "libpython3-stdlib",
    "libstdc++6",
    "openssh-server",
    "openssh-sftp-server",
    "procps",
    "python3-minimal",
    "sed",
    "tar",
    "util-linux",
)
"""What an agent, its workers and the scripts of a set-up call; runtimes need the two libraries of GCC and libatomic."""

USER = "pi"
HOME = "/home/pi"
OWN = "/etc/edgebench"
"""Where a stand-in's own files are bound: keys and the settings of its sshd."""

_LAYOUT = 2  # of what this module makes; another number builds anew
_STATE = "edgebench-root.json"
_LINKS = ("bin", "lib", "sbin")  # merged-/usr (Debian's package usrmerge); scripts of packages are not run
_FOLDERS = ("dev", "dev/shm", "etc/edgebench", "home/pi", "proc", "run/sshd", "sys", "tmp", "var/tmp")
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
# What udev makes on a real system (systemd, src/shared/dev-setup.c); ncnn opens models by /dev/fd.
_DEVICE_LINKS = {"fd": "self/fd", "stdin": "self/fd/0", "stdout": "self/fd/1", "stderr": "self/fd/2"}
_BOUND_FILES = ("etc/group", "etc/passwd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A system that is ready: its folder here, and the versions of its Python and C library."""

    path: Path
    python_version: str
    glibc: tuple[int, int]

    @property
    def python(self) -> str:
        """Return the path of Python inside, with its minor version: `/usr/bin/python3.13`."""
        return f"/usr/bin/python{self.python_version.rpartition('.')[0]}"


def prepared(folder: Path, say: Say) -> Root:
    """Return the shared root below a folder of the cache, made if it is not there: 190 MB, some ten seconds.

    Raise UsageError where this machine cannot make one, DeviceUnreachableError when the archive cannot be reached.
    """
    target = folder / f"root-{_key()}"
    if not (target / _STATE).exists():
        with draft(target) as made:
            _build(made, say)
    return _read(target)


def _key() -> str:
    ingredients = json.dumps([_LAYOUT, RELEASE, PACKAGES])
    return hashlib.sha256(ingredients.encode()).hexdigest()[:12]


def _build(root: Path, say: Say) -> None:
    for name in _LINKS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    found = unpack(Source(release=RELEASE, architecture="arm64"), PACKAGES, root, say=say)
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in (*(f"dev/{device}" for device in _DEVICES), *_BOUND_FILES):
        (root / name).touch()  # what the host's is bound over
    for name, place in _DEVICE_LINKS.items():
        (root / "dev" / name).symlink_to(f"/proc/{place}")
    if not os.path.lexists(root / "usr/bin/sh"):
        (root / "usr/bin/sh").symlink_to("dash")
    (root / _STATE).write_text(json.dumps([asdict(package) for package in found]))


def _read(root: Path) -> Root:
    packages = {one["name"]: one["version"] for one in json.loads((root / _STATE).read_text())}
    python = next(version for name, version in packages.items() if re.fullmatch(r"python3\.\d+-minimal", name))
    major, minor = upstream(packages["libc6"]).split(".")[:2]
    return Root(path=root, python_version=upstream(python), glibc=(int(major), int(minor)))
