"""Debian packages of any architecture and release, fetched by this machine's apt and unpacked: nothing is installed.

apt gets folders, sources and an architecture of its own, so that it neither reads nor changes what the system has. An
ordinary user may do all of it.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebench.errors import DeviceUnreachableError, UsageError

Say = Callable[[str], None]

MIRROR_VARIABLE = "EDGEBENCH_DEBIAN_MIRROR"
"""Where Debian packages come from, for a machine whose apt has no Debian mirror."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""The keys of Debian's archive, as Debian's package debian-archive-keyring brings them (Ubuntu has it too)."""

_SOURCES = Path("/etc/apt")
_PROGRAMS = ("apt-get", "dpkg-deb", "tar")
_LIMIT_S = 1800
_URI = re.compile(r"https?://[^\s\]]+")
# Nobody reads them on a board that is made for one program.
_LEFT_OUT = ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*")
_NAME = re.compile(r"(?P<package>[a-z0-9][a-z0-9+.-]+)_(?P<version>[^_]+)_(?P<architecture>[a-z0-9]+)\.deb")

# `-c` is read after the system's own configuration, whose proxies hold; its hooks are for the system's own folders.
_CONFIGURATION = """\
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{folder}/state/";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache/";
Dir::Cache::archives "{folder}/cache/archives/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where packages are taken from: a release of Debian by its code name, for one architecture as dpkg names it."""

    release: str
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that was unpacked, in its version."""

    name: str
    version: str


def host_architecture() -> str:
    """Return the architecture of this machine as dpkg names it; raise UsageError where there is no dpkg."""
    _refuse_foreign()
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def unpack(source: Source, names: Sequence[str], target: Path, *, alone: bool = False, say: Say) -> tuple[Package, ...]:
    """Fetch packages with all they depend on and unpack them into a folder, without running any of their scripts.

    `alone`: without what they depend on. Raise UsageError where this machine cannot do that, DeviceUnreachableError
    when the archive cannot be reached or lacks one.
    """
    _refuse_foreign()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".apt-", dir=target.parent) as folder:
        apt = _prepared(Path(folder), source)
        archives = Path(folder) / "cache" / "archives"
        say(f"fetching {', '.join(names[:2])}{' ...' * (len(names) > 2)} of Debian {source.release}")
        _run([*apt, "update", "--quiet"], "Debian's list of packages could not be fetched")
        wanted = ["download"] if alone else ["install", "--yes", "--download-only"]
        _run([*apt, *wanted, *names], "Debian's packages could not be fetched", archives)
        found = sorted(archives.glob("*.deb"))
        for path in found:
            _extract(path, target)
    return tuple(map(_package, found))


def mirror(texts: Iterable[str]) -> str | None:
    """Return the first Debian mirror that apt's source files name, None when they name none.

    >>> mirror(["deb http://archive.example/ubuntu noble main", "URIs: https://mirror.example/debian/"])
    'https://mirror.example/debian'
    """
    lines = (line for text in texts for line in text.splitlines() if not line.lstrip().startswith("#"))
    uris = (found.rstrip("/") for line in lines for found in _URI.findall(line))
    return next((uri for uri in uris if uri.endswith("/debian")), None)


def upstream(version: str) -> str:
    """Return the upstream part of a package's version.

    >>> upstream("1:3.13.5-2+deb13u1"), upstream("2.41-12"), upstream("1.0")
    ('3.13.5', '2.41', '1.0')
    """
    without_epoch = version.rpartition(":")[2]
    return without_epoch.rpartition("-")[0] or without_epoch


def _refuse_foreign() -> None:
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise UsageError(
            f"There is no {missing[0]} here: stand-ins are made from Debian's packages by apt and dpkg, "
            "on Debian, Ubuntu and their kin."
        )
    if not KEYRING.exists():
        raise UsageError(
            f"{KEYRING} is missing, so nothing of Debian's could be verified: install the package "
            "debian-archive-keyring."
        )


def _prepared(folder: Path, source: Source) -> list[str]:
    """Make the folders and settings of an apt of our own, and return how it is called."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "status").touch()
    if '"' in str(folder):  # it would end a value in apt's own language
        raise UsageError(
            f"The folder {folder.parent} has a quotation mark in its name: name another in XDG_CACHE_HOME."
        )
    line = f"deb [arch={source.architecture} signed-by={KEYRING}] {_mirror()} {source.release} main\n"
    (folder / "sources.list").write_text(line)
    configuration = folder / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, architecture=source.architecture))
    return ["apt-get", "-c", str(configuration)]


def _mirror() -> str:
    own = os.environ.get(MIRROR_VARIABLE)
    if own:
        return own.rstrip("/")
    files = [_SOURCES / "sources.list", *sorted((_SOURCES / "sources.list.d").glob("*.[ls]*"))]
    found = mirror(path.read_text(errors="replace") for path in files if path.is_file())
    if found is None:
        raise UsageError(
            f"This machine's apt names no mirror of Debian: name one of Debian's list of mirrors in {MIRROR_VARIABLE}."
        )
    return found


def _run(command: Sequence[str], failure: str, folder: Path | None = None) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            env=environment,
            cwd=folder,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeviceUnreachableError(f"{failure}: apt did not end within {_LIMIT_S} s.") from None
    if done.returncode:
        raise DeviceUnreachableError(f"{failure}: {reason_of(done.stderr)}.")


def reason_of(text: str) -> str:
    """Return the first error in what apt wrote, else its last line.

    >>> reason_of("W: old\\nE: Unable to locate package nosuch\\nE: more\\n")
    'Unable to locate package nosuch'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("E:").strip() for line in lines if line.startswith(("E:", "Err:"))]
    return [*(errors[:1] or lines[-1:]), "apt said nothing"][0].rstrip(".")


def _extract(path: Path, target: Path) -> None:
    """Unpack one package; a folder of it that is a link in the target (/bin -> usr/bin) stays one."""
    options = ["--keep-directory-symlink", "--no-same-owner", *(f"--exclude={pattern}" for pattern in _LEFT_OUT)]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE) as archive:
        done = subprocess.run(
            ["tar", "--extract", "--preserve-permissions", *options, "--directory", str(target)],
            stdin=archive.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or archive.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["dpkg-deb failed"]
        raise UsageError(f"{path.name} could not be unpacked into {target}: {last[0]}.")


def _package(path: Path) -> Package:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return Package(name=match["package"], version=match["version"].replace("%3a", ":"))
