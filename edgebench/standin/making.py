"""The folder of a stand-in: its home, keys, the settings of ssh on both sides, and what it shows of itself.

Only the owner of the folder has the key, and the host key is pinned.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebench.devices.records import Device
from edgebench.errors import UsageError
from edgebench.standin import kept, tree
from edgebench.standin.requirements import Way
from edgebench.standin.rootfs import HOME, OWN, USER

PORT = 2222
VARIABLE = "EDGEBENCH_STANDIN"
"""Set in every session on a stand-in: what runs there is emulated."""

_NETWORK = "127.69"  # "E", beside whatever else uses loopback addresses
# The last number that Debian gives to users (policy 9.2.2): as root, nobody who exists here may be the stand-in's user.
_LAST_USER = 59_999
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Standin:
    """A stand-in by its name, which is also its host in `ssh_config`, and the folder that holds all of it."""

    name: str
    folder: Path

    @property
    def home(self) -> Path:
        """Return the home of its user, as seen from here."""
        return self.folder / "home"

    @property
    def ssh_config(self) -> Path:
        """Return the configuration with which ssh reaches it."""
        return self.folder / "ssh_config"

    @property
    def address(self) -> str:
        """Return its loopback address: its own, and another one for another user or cache of this machine."""
        digest = hashlib.sha256(f"{os.getuid()} {self.folder}".encode()).digest()
        return f"{_NETWORK}.{digest[0]}.{1 + digest[1] % 254}"


def user_id(way: Way) -> tuple[int, int]:
    """Return user and group of a stand-in's user: ours where we have no other."""
    return (_LAST_USER, _LAST_USER) if way == "namespace" else (os.getuid(), os.getgid())


def make(standin: Standin, device: Device, way: Way, cpu: str) -> None:
    """Write all that a stand-in needs but for what lies in its home; keys and host key are kept if they are there."""
    folder = standin.folder
    try:
        for name in ("home", "own", "etc", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        (folder / "tmp").chmod(0o1777)
        kept.delete(folder / "tree")
        tree.write(device, folder / "tree")
        _make_keys(standin)
        for name, text in settings(standin, way, cpu).items():
            (folder / name).write_text(text)
        standin.home.chmod(0o755)
        give(standin, way)
    except OSError as error:
        raise kept.unwritable(folder, error) from error


def give(standin: Standin, way: Way) -> None:
    """Make all that lies in the home the user's own."""
    user, group = user_id(way)
    if os.getuid() == user:
        return
    for path in (standin.home, *standin.home.rglob("*")):
        os.chown(path, user, group, follow_symlinks=False)


def settings(standin: Standin, way: Way, cpu: str) -> Mapping[str, str]:
    """Return the files of settings by their path in the stand-in's folder."""
    user, group = user_id(way)
    variables = {"QEMU_CPU": cpu, VARIABLE: standin.name}
    sshd = {
        "Port": str(PORT),
        "ListenAddress": standin.address,
        "HostKey": f"{OWN}/host",
        "AuthorizedKeysFile": f"{OWN}/authorized_keys",
        "AllowUsers": USER,
        "PidFile": "none",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "no",
        "PermitUserRC": "no",
        "PrintMotd": "no",
        "StrictModes": "no",  # the keys' folder is bound from a cache, whose owners are not the stand-in's
        "SetEnv": " ".join(f'"{name}={value}"' for name, value in variables.items()),
        "Subsystem": "sftp internal-sftp",
    }
    ssh = {
        "HostName": standin.address,
        "Port": str(PORT),
        "User": USER,
        "IdentityFile": _quoted(standin.folder / "id"),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": _quoted(standin.folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "LogLevel": "ERROR",
    }
    accounts = (
        ("root", 0, 0, "/root", "/bin/sh"),
        ("sshd", 101, 65534, "/run/sshd", "/usr/sbin/nologin"),
        (USER, user, group, HOME, "/bin/bash"),
        ("nobody", 65534, 65534, "/", "/usr/sbin/nologin"),
    )
    return {
        "own/sshd_config": "".join(f"{key} {value}\n" for key, value in sshd.items()),
        "ssh_config": f"Host {standin.name}\n" + "".join(f"    {key} {value}\n" for key, value in ssh.items()),
        "etc/passwd": "".join(f"{name}:x:{uid}:{gid}::{home}:{shell}\n" for name, uid, gid, home, shell in accounts),
        "etc/group": f"root:x:0:\n{USER}:x:{group}:\nnogroup:x:65534:\n",
    }


def _make_keys(standin: Standin) -> None:
    folder = standin.folder
    for path in (folder / "id", folder / "own" / "host"):
        if not path.exists():
            _keygen(path, standin.name)
        path.chmod(_OWNER_ONLY)
    shutil.copy(folder / "id.pub", folder / "own" / "authorized_keys")
    kind, key = (folder / "own" / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[{standin.address}]:{PORT} {kind} {key}\n")


def _keygen(path: Path, comment: str) -> None:
    if shutil.which("ssh-keygen") is None:
        raise UsageError("There is no ssh-keygen here: install OpenSSH's client, which also reaches stand-ins.")
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1].rstrip(".")
        raise UsageError(f"ssh-keygen could not make a key for {comment} ({last}): a stand-in is reached by that.")


def _quoted(path: Path) -> str:
    """Return a path as ssh_config(5) takes it; `%` begins a token of its own there."""
    return '"' + str(path).replace("%", "%%") + '"'
