"""Machines that lack something, each as it really is: in namespaces of their own, so that nothing of this one changes.

What root of a virtual machine, of a container or of an old Debian finds; what it takes to see it is root of this one.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebench.standin import requirements
from tests.standin.test_emulated import PATH, Place, emulated

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="only root may make another machine of this one"),
]

BINFMT = "/proc/sys/fs/binfmt_misc"
USERS = 65_536
OLD = """\
qemu-aarch64 version 5.2.0 (Debian 1:5.2+dfsg-11+deb11u3)
Copyright (c) 2003-2020 Fabrice Bellard and the QEMU Project developers
"""
"""What the QEMU of Debian 11 says of its version."""


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Place]:
    """A home on a machine of its own as far as mounts and handlers of foreign programs go."""
    words = ["unshare", "--user", "--mount", "--propagation", "private", "sh", "-c", "echo && exec sleep infinity"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                pytest.skip("root may not make user namespaces here")
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{process.pid}/{name}").write_text(f"0 0 {USERS}\n")
            enter = ("nsenter", f"--target={process.pid}", "--user", "--mount")
            there = ("sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path))  # nsenter begins in /
            yield Place(home=tmp_path, through=(*enter, *there), seen_by=str(process.pid))
        finally:
            process.kill()


def mount(place: Place, kind: str, target: str) -> None:
    """Mount something on the machine of a home; skip the test where its kernel does not let it."""
    words = [*place.through, "mount", "-t", kind, kind, target]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{kind} is not for namespaces here, as it is since Linux 6.7: {done.stderr.strip()}")


def register(place: Place, name: str, interpreter: Path) -> None:
    """Have the kernel start aarch64 programs with another interpreter on the machine of a home."""
    line = requirements.registration(interpreter).replace(f":{requirements.HANDLER}:", f":{name}:", 1)
    script = f'printf %s "$1" >{BINFMT}/register'
    subprocess.run([*place.through, "sh", "-c", script, "sh", line], check=True)


@pytest.fixture
def outdated(apart: Place) -> Place:
    """A home on a machine whose own QEMU, registered with its kernel, is that of Debian 11."""
    mount(apart, "binfmt_misc", BINFMT)
    old = apart.home / "qemu-aarch64-static"
    old.write_text(f"#!/bin/sh\ncat <<END\n{OLD}END\n")
    old.chmod(0o755)
    register(apart, "qemu-aarch64", old)
    return apart


def test_an_old_qemu_is_named_and_ours_goes_before_it(outdated: Place) -> None:
    """Without --yes the version is told and nothing done; with it the board runs; --remove leaves the old one alone."""
    before = outdated.state()
    assert before["handlers"] == ["qemu-aarch64", "register", "status"]
    refused = outdated.run("devices", "emulate", "rpi3", "--backend", "null")
    assert (refused.code, "qemu-aarch64 is QEMU 5.2: 7.2 or newer is needed" in refused.sentence()) == (2, True)
    assert outdated.state() == before
    with removed(outdated):
        emulated(outdated, "rpi3", "--backend", "null")
        assert outdated.state()["handlers"] == [requirements.HANDLER, "qemu-aarch64", "register", "status"]
        done = outdated.run("devices", "check", "rpi3-emulated", "--json")
        assert (done.code, '"machine": "aarch64"' in done.out) == (0, True), done.err
    assert outdated.state() == before


def test_a_machine_without_binfmt_gets_it_and_loses_it_again(apart: Place) -> None:
    """Where nothing is mounted --yes mounts binfmt_misc and registers QEMU; --remove takes both back."""
    mount(apart, "binfmt_misc", BINFMT)  # that it can be is not to be seen once it is hidden
    hide(apart, BINFMT)
    before = apart.state()
    refused = apart.run("devices", "emulate", "rpi3", "--backend", "null")
    assert (refused.code, "`mount -t binfmt_misc" in refused.sentence()) == (2, True)
    assert apart.state() == before
    with removed(apart):
        emulated(apart, "rpi3", "--backend", "null")
        during = apart.state()
        assert during["handlers"] == [requirements.HANDLER, "register", "status"]
        assert during["mounts"] != before["mounts"]
    assert apart.state() == before


def hide(place: Place, folder: str) -> None:
    """Have a folder be an empty one on the machine of a home."""
    mount(place, "tmpfs", folder)


@contextlib.contextmanager
def removed(place: Place) -> Iterator[None]:
    """Remove the one stand-in of a home in the end, whatever became of it."""
    try:
        yield
    finally:
        done = place.run("devices", "emulate", "rpi3", "--remove")
        assert done.code == 0, done.err


def test_root_without_namespaces_is_told_why_and_who_can(tmp_path: Path) -> None:
    """Root of a container, without CAP_SYS_ADMIN, gets one sentence, with --yes too, and nothing is made or changed."""
    place = Place(home=tmp_path, through=("setpriv", "--bounding-set=-sys_admin"))
    before = place.state()
    for words in ([], ["--yes"]):
        done = place.run("devices", "emulate", "rpi4", *words)
        assert done.code == 2
        assert "Root may not make namespaces here (unshare: unshare failed: Operation not per" in done.sentence()
        assert "run this as an ordinary user, who needs none" in done.sentence()
    assert place.state() == before
    assert place.run("devices", "emulate", "rpi4", "--remove").out == "There was nothing to remove.\n"


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        ("/usr/share/keyrings", "install the package debian-archive-keyring"),
        ("/etc/apt", "This machine's apt names no mirror of Debian"),
    ],
)
def test_what_debians_packages_need_is_named(hidden: str, words: str, apart: Place) -> None:
    """Keys and a mirror are missed before anything is fetched, mounted or registered."""
    hide(apart, hidden)
    assert_refused(apart, 2, words)


def test_a_system_without_apt_is_told(tmp_path: Path) -> None:
    """Stand-ins are made by Debian's own programs: Fedora's root is told so."""
    programs = tmp_path.parent / f"{tmp_path.name}-programs"
    programs.mkdir()
    for name in ("mount", "sh", "true", "unshare"):
        found = next(path for folder in PATH.split(":") if (path := Path(folder, name)).exists())
        (programs / name).symlink_to(found)
    assert_refused(Place(home=tmp_path, path=str(programs)), 2, "There is no apt-get here")


def test_an_archive_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    """Without any network the list of packages is what fails first."""
    place = Place(home=tmp_path, through=("unshare", "--net"))
    assert_refused(place, 4, "Debian's list of packages could not be fetched")


def assert_refused(place: Place, code: int, words: str) -> None:
    """Check that no stand-in can be made, by which sentence, and that --remove leaves nothing of the attempt."""
    before = place.state()
    done = place.run("devices", "emulate", "rpi3", "--yes")
    assert done.code == code
    assert words in done.err.splitlines()[-1]
    during = place.state()
    assert (during["mounts"], during["handlers"]) == (before["mounts"], before["handlers"])
    assert place.run("devices", "emulate", "rpi3", "--remove").code == 0
    assert place.state() == before


def test_a_backend_that_no_such_board_can_have_is_refused_at_once(tmp_path: Path) -> None:
    """What is machine code for this processor, or has no wheels there, is told before anything is fetched."""
    place = Place(home=tmp_path, through=("unshare", "--net"))
    before = place.state()
    for name, words in (("inductor", "machine code for the"), ("executorch", "antlr4-python3-runtime")):
        done = place.run("devices", "emulate", "rpi4", "--yes", "--backend", name)
        assert (done.code, words in done.sentence()) == (2, True)
    assert place.state() == before
