"""Make, stop and remove stand-ins: emulated boards that answer through ssh like others."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgebench import devices
from edgebench.devices.records import Device
from edgebench.errors import UsageError
from edgebench.formats import cache_folder
from edgebench.measure import planting, survey
from edgebench.standin import emulator, kept, making, registry, requirements, rootfs, serving, tree
from edgebench.standin.making import Standin
from edgebench.standin.requirements import Found
from edgebench.standin.serving import Emulation

SUFFIX = "-emulated"

_FOLDER = "standins"
_BOARDS = "boards"
_PIP = "pip"
_DEFAULT_BACKENDS = ("onnxruntime",)
_MACHINE = "aarch64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """A stand-in that answers: its name as a unit, its kind, QEMU's name of its core, and how it is reached."""

    unit: str
    device: str
    cpu: str
    address: str
    port: int
    way: requirements.Way
    ssh_config: Path
    backends: tuple[str, ...]


def emulate(device: str, backends: Iterable[str] = (), *, yes: bool = False, say: Callable[[str], None]) -> Emulated:
    """Have a stand-in of a kind of board that answers, made and started as far as it is not; enter it in boards.toml.

    Raise UsageError for a kind that cannot be emulated, for a backend that no aarch64 board can have, and for commands
    that change the system without `yes`.
    """
    kind = _known(device)
    cpu = emulable(kind)
    names = tuple(backends) or _DEFAULT_BACKENDS
    for name in names:
        refuse_unfit(name)
    here = requirements.found()
    emulation = _ready(here, cpu, yes=yes, say=say)
    standin = _standin(kind)
    done = planting.planted(standin.home, names)
    if done is None or serving.running(standin) is None:
        serving.stop(standin)  # what runs could be in the way of what is written, and has the tree bound
        making.make(standin, kind, emulation.way, cpu)
        root = emulation.root
        board = planting.machine(standin.name, root.python, root.python_version, root.glibc, standin.home)
        done = planting.plant(standin.home, board, names, say, _folder() / _PIP)
        making.give(standin, emulation.way)
        say(f"starting {standin.name}")
        serving.start(standin, emulation)
    registry.register(devices.boards_file(), standin.name, kind.name, standin.ssh_config)
    return Emulated(
        unit=standin.name,
        device=kind.name,
        cpu=cpu,
        address=standin.address,
        port=making.PORT,
        way=emulation.way,
        ssh_config=standin.ssh_config,
        backends=done.backends,
    )


def stop_emulated(device: str) -> bool:
    """End the stand-in of a kind of board, which is kept; return whether it ran."""
    return serving.stop(_standin(_known(device)))


def remove_emulated(device: str) -> tuple[str, ...]:
    """Delete the stand-in of a kind of board, and return in words what was done.

    With the last one goes all that they share, and what `--yes` changed in the system is taken back.
    """
    standin = _standin(_known(device))
    said = [f"the stand-in {standin.name} is deleted"] if serving.delete(standin) else []
    if registry.unregister(devices.boards_file(), standin.name):
        said.append(f"its entry in {devices.boards_file()} is taken out")
    boards = _folder() / _BOARDS
    if _folder().exists() and not (boards.exists() and any(boards.iterdir())):
        said += requirements.undo(_folder())
        kept.delete(_folder())
        kept.prune(cache_folder())
        said.append("what stand-ins share is deleted, for it was the last one")
    return tuple(said)


def emulable(kind: Device) -> str:
    """Return what QEMU calls the core of a kind of board; raise UsageError where it has none."""
    if kind.reference_only or kind.match.machine != _MACHINE:
        raise UsageError(f"{kind.name} ({kind.title}) is not emulated: expected a board that runs 64-bit ARM Linux.")
    tree.files(kind)  # what cannot show itself is refused before anything is fetched
    return emulator.cpu(kind.cpu.core)


def refuse_unfit(name: str) -> None:
    """Raise UsageError for a backend that no emulated board can have, before anything is fetched for it."""
    reason = survey.unfit(name, _MACHINE)
    if reason is not None:
        raise UsageError(f"{name} does not run on an emulated board: {reason}.")


def _ready(here: Found, cpu: str, *, yes: bool, say: Callable[[str], None]) -> Emulation:
    """Have all that stand-ins share; the system is changed only with `yes`, and only where it has to be."""
    way, folder = requirements.way(here), _folder()
    needed = requirements.commands(here, emulator.place(emulator.STATIC, folder))
    if needed and not yes:
        raise requirements.asked_for(needed)
    wanted = [emulator.STATIC, *([emulator.PROOT] if way == "proot" else [])]
    with ThreadPoolExecutor() as pool:  # two archives at once: half the time
        root = pool.submit(rootfs.prepared, folder, say)
        qemu, *proot = [tuple(emulator.command(tool, folder, say)) for tool in wanted]
        found = root.result()
    for one in needed:
        say(f"running {one.text}")
    requirements.carry_out(needed, folder)
    return Emulation(root=found, way=way, qemu=qemu, proot=proot[0] if proot else (), cpu=cpu)


def _known(device: str) -> Device:
    """Return the kind that a user means by it or by the name of its stand-in."""
    return devices.find(device.removesuffix(SUFFIX))


def _standin(kind: Device) -> Standin:
    name = f"{kind.name}{SUFFIX}"
    return Standin(name=name, folder=_folder() / _BOARDS / name)


def _folder() -> Path:
    return cache_folder() / _FOLDER
