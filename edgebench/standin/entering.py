"""How a program gets into a root: in a mount namespace of its own, as root, or through proot, as anybody.

Commands are built here and run elsewhere. What is bound over the root is gone with the programs that run in it.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebench.standin import filtering

_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")

# $1: the root; pairs of what is bound and where; `--`; the command. A PID namespace of its own: its end ends them all.
_ENTER = """
set -e
root=$1
shift
mount --bind "$root" "$root"
mount -o remount,bind,ro,nosuid,nodev "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
while [ "$1" != -- ]; do
    mount --bind "$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """What of the host is seen at which place inside."""

    source: Path
    target: str


def by_namespace(root: Path, binds: Sequence[Bind], words: Sequence[str]) -> list[str]:
    """Return the command that runs words in a root as root, in namespaces of its own.

    The kernel has to know how to start what is in there: `binfmt`, or natively. All ends when the command is killed.
    """
    devices = [Bind(source=Path("/dev") / name, target=f"/dev/{name}") for name in _DEVICES]
    pairs = [word for bind in (*devices, *binds) for word in (str(bind.source), bind.target)]
    unshare = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    return [*unshare, "sh", "-c", _ENTER, "sh", str(root), *pairs, "--", *words]


def by_proot(
    proot: Sequence[str], emulator: Sequence[str], root: Path, binds: Sequence[Bind], words: Sequence[str]
) -> list[str]:
    """Return the command that runs words in a root as whoever calls it; `emulator` is QEMU with its options.

    proot reads the emulator as one word broken at spaces, and a binding as two at a colon: a path of either may hold
    neither. Its variables are those of `proot_environment`.
    """
    bound = [Bind(source=Path("/dev"), target="/dev"), Bind(source=Path("/proc"), target="/proc"), *binds]
    options = [word for bind in bound for word in ("-b", f"{bind.source}:{bind.target}")]
    filtered = [sys.executable, "-I", "-S", filtering.__file__, *proot]
    return [*filtered, "-q", " ".join(emulator), "-r", str(root), *options, "-w", "/", *words]


def proot_environment(folder: Path) -> Mapping[str, str]:
    """Return the variables that proot reads: where it keeps what it makes, and how it traces.

    Without seccomp starting a program takes a fifth of the time under QEMU.
    """
    return {"PROOT_NO_SECCOMP": "1", "PROOT_TMP_DIR": str(folder)}
