"""What a machine lacks for stand-ins is one sentence or a way that works; nothing is changed unasked."""

from pathlib import Path

import pytest

from edgebench.errors import UsageError
from edgebench.standin import requirements
from edgebench.standin.requirements import Found, Handler

QEMU = Path("/cache/qemu-aarch64-static")
FINE = Handler(name="qemu-aarch64", interpreter="/usr/bin/qemu-aarch64-static", fixed=True, version=(7, 2))
AARCH64 = "7f454c460201010000000000000000000200b700"


def machine(
    *,
    machine: str = "x86_64",
    root: bool = True,
    namespaces: str | None = None,
    binfmt: bool = True,
    handlers: tuple[Handler, ...] | None = (),
) -> Found:
    """Return a machine on which root has all but a handler."""
    return Found(machine=machine, root=root, namespaces=namespaces, binfmt=binfmt, handlers=handlers)


def words(here: Found) -> list[str]:
    """Return the first word of each command that a machine needs."""
    return [one.words[0] for one in requirements.commands(here, QEMU)]


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (machine(handlers=(FINE,)), []),
        (machine(), ["sh"]),
        (machine(handlers=None), ["mount", "sh"]),
        (machine(handlers=None, binfmt=False), ["modprobe", "mount", "sh"]),
        (machine(root=False, handlers=None, binfmt=False), []),
    ],
)
def test_commands_are_those_that_are_missing(here: Found, expected: list[str]) -> None:
    """Root needs a handler in binfmt_misc, and what leads to it; an ordinary user needs no command at all."""
    assert words(here) == expected


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (Handler(name="q", interpreter="/q", fixed=True, version=(5, 2)), "QEMU 5.2: 7.2 or newer is needed"),
        (Handler(name="q", interpreter="/q", fixed=False, version=(9, 0)), "registered without F"),
        (Handler(name="q", interpreter="/q", fixed=True, version=None), "does not say which version"),
    ],
)
def test_a_handler_that_will_not_do_gets_ours_before_it(handler: Handler, reason: str) -> None:
    """An old QEMU, or one that no other root finds, is named, and a handler of our own is registered."""
    (command,) = requirements.commands(machine(handlers=(handler,)), QEMU)
    assert reason in command.why
    assert requirements.HANDLER in command.text


def test_without_yes_the_commands_are_told() -> None:
    """The sentence holds each command as one types it, what runs them, and who needs none."""
    sentence = str(requirements.asked_for(requirements.commands(machine(handlers=None), QEMU)))
    assert "`mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc`" in sentence
    assert str(QEMU) in sentence
    assert "--yes" in sentence
    assert "ordinary user, who needs none" in sentence


def test_root_without_namespaces_is_one_sentence() -> None:
    """Root of a container that may not make namespaces is told why, and who can."""
    with pytest.raises(UsageError, match=r"not make namespaces here \(Operation not permitted\): run this as an ordin"):
        requirements.way(machine(namespaces="Operation not permitted"))


def test_an_arm_machine_is_not_emulated() -> None:
    """A handler for aarch64 on aarch64 itself would catch every program of the system."""
    with pytest.raises(UsageError, match="measure it with --device host"):
        requirements.commands(machine(machine="aarch64"), QEMU)


def test_the_ways_are_told_apart() -> None:
    """Root takes namespaces, everybody else proot."""
    assert requirements.way(machine()) == "namespace"
    assert requirements.way(machine(root=False)) == "proot"


def test_a_colon_in_the_path_of_qemu_is_refused() -> None:
    """binfmt_misc ends a field at a colon."""
    with pytest.raises(UsageError, match="has a colon in its path"):
        requirements.registration(Path("/a:b/qemu"))


def test_handlers_are_read_newest_first(tmp_path: Path) -> None:
    """Entries for other machines, and those that are off, are passed over; the kernel asks the newest first."""
    (tmp_path / "register").touch()
    (tmp_path / "status").write_text("enabled\n")
    texts = {
        "off": f"disabled\ninterpreter /none\nflags: F\noffset 0\nmagic {AARCH64}\n",
        "riscv": f"enabled\ninterpreter /none\nflags: F\noffset 0\nmagic {AARCH64[:36]}f300\n",
        requirements.HANDLER: f"enabled\ninterpreter /none\nflags: F\noffset 0\nmagic {AARCH64}\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (found,) = requirements.handlers(tmp_path) or ()
    assert (found.name, found.fixed, found.obstacle) == (requirements.HANDLER, True, None)


def test_binfmt_that_is_not_mounted_has_no_handlers(tmp_path: Path) -> None:
    """An empty folder is where it would be mounted."""
    assert requirements.handlers(tmp_path) is None
