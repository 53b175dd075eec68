"""Commands that lead into a root, as they would be run."""

from pathlib import Path

from edgebench.standin import entering, making, serving
from edgebench.standin.entering import Bind
from edgebench.standin.making import Standin
from edgebench.standin.rootfs import Root
from edgebench.standin.serving import Emulation

ROOT = Root(path=Path("/cache/root"), python_version="3.13.5", glibc=(2, 41))
STANDIN = Standin(name="rpi4-emulated", folder=Path("/a cache/rpi4-emulated"))


def test_namespaces_end_with_the_command() -> None:
    """Mounts and processes are in namespaces of their own, and all of them end with the one that began them."""
    words = entering.by_namespace(ROOT.path, [Bind(source=Path("/h"), target="/home/pi")], ["uname", "-m"])
    assert words[0] == "unshare"
    assert {"--mount", "--pid", "--fork", "--kill-child"} <= set(words)
    assert words[-5:] == ["/h", "/home/pi", "--", "uname", "-m"]


def test_the_shared_root_is_bound_read_only() -> None:
    """What runs in one stand-in cannot change what all of them share."""
    assert 'remount,bind,ro,nosuid,nodev "$root"' in " ".join(entering.by_namespace(ROOT.path, [], ["true"]))


def test_no_path_is_in_what_proot_breaks_at_spaces() -> None:
    """QEMU is named by its program alone and found on PATH, so a cache may have a space in its name."""
    emulation = Emulation(
        root=ROOT, way="proot", qemu=("/a cache/bin/qemu-aarch64-static",), proot=("/p",), cpu="cortex-a72"
    )
    words, variables = serving.command(STANDIN, emulation, ["true"])
    assert words[words.index("-q") + 1] == "qemu-aarch64-static -cpu cortex-a72"
    assert variables["PATH"].startswith("/a cache/bin:")


def test_python_of_a_root_has_its_minor_version() -> None:
    """The environment that is made from here points to the program that is there."""
    assert ROOT.python == "/usr/bin/python3.13"


def test_a_stand_in_answers_on_loopback_only() -> None:
    """Its sshd listens on one address of 127.69.0.0/16, and takes keys alone, of one user."""
    assert STANDIN.address.startswith("127.69.")
    sshd = making.settings(STANDIN, "namespace", "cortex-a72")["own/sshd_config"]
    assert f"ListenAddress {STANDIN.address}\n" in sshd
    assert {"PasswordAuthentication no", "PermitRootLogin no", "AllowUsers pi"} <= set(sshd.splitlines())
    assert 'SetEnv "QEMU_CPU=cortex-a72" "EDGEBENCH_STANDIN=rpi4-emulated"' in sshd


def test_the_host_key_is_pinned() -> None:
    """ssh takes the stand-in's own list of keys, asks nobody and reads none of the user's files."""
    ssh = making.settings(STANDIN, "namespace", "cortex-a72")["ssh_config"]
    assert '    UserKnownHostsFile "/a cache/rpi4-emulated/known_hosts"\n' in ssh
    assert {"    StrictHostKeyChecking yes", "    GlobalKnownHostsFile /dev/null"} <= set(ssh.splitlines())


def test_as_root_the_user_is_nobody_who_exists() -> None:
    """A user of the host with the stand-in's number could reach its processes."""
    assert "pi:x:59999:59999::/home/pi:/bin/bash\n" in making.settings(STANDIN, "namespace", "x")["etc/passwd"]
