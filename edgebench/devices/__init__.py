"""Know the kinds of boards: find devices/*.toml and boards.toml, tell which kind a board is, refuse a wrong one."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebench import tomlfile
from edgebench.board.probe import probe
from edgebench.devices.records import Device, Match, Mode, Unit, UnitEntry
from edgebench.errors import UsageError

__all__ = [
    "HOST",
    "Device",
    "Facts",
    "Mode",
    "Unit",
    "boards_file",
    "check",
    "find",
    "host_kind",
    "known",
    "load",
    "matching",
    "mode",
    "resolve",
    "units",
]

HOST = "host"  # the name of this machine, whatever its kind

Facts = Mapping[str, Any]  # what edgebench.board.probe.probe returns, here or over the wire

_UNIT_NAME = re.compile(r"\w[\w.-]*")  # becomes a folder of results/
_SAME_CLOCK = 0.02  # 1497.6 and 1510.4 MHz are one mode of the Orin Nano in two releases of its system


def load(path: Path) -> Device:
    """Return the device that a TOML file describes."""
    device = tomlfile.read(path, Device)
    if device.name != path.stem:
        raise UsageError(f"{path}: name is {device.name!r}: expected {path.stem!r}, as the file is called.")
    if device.name == HOST:
        raise UsageError(f"{path}: name is {HOST!r}, which means this machine: expected another name.")
    return device


def known() -> dict[str, Path]:
    """Return the file of every kind: ./devices, then the user's, then the packaged ones; the first of a name wins."""
    found: dict[str, Path] = {}
    for folder in (Path("devices"), _user_folder() / "devices", _packaged()):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find(name: str) -> Device:
    """Return the kind called `name`."""
    paths = known()
    if name not in paths and name == HOST:
        raise UsageError(
            f"{HOST} means this machine, whatever its kind: expected a kind, one of {_listed(paths)}; "
            "`edgebench devices check` says of which kind this machine is."
        )
    if name not in paths:
        raise UsageError(f"Unknown device {name!r}: known are {_listed(paths)}; to add one, write devices/{name}.toml.")
    return load(paths[name])


def matching(facts: Facts) -> Device | None:
    """Return the most specific kind that a board is of, if it is of any; a tie goes to the first in the search path."""
    kinds = [device for device in map(load, known().values()) if not device.reference_only]
    fitting = [device for device in kinds if _failing(device.match, facts) is None]
    return max(fitting, key=lambda device: _specificity(device.match, facts), default=None)


def host_kind(facts: Facts) -> Device:
    """Return the kind of this machine."""
    device = matching(facts)
    if device is None:
        raise UsageError(
            f"No device describes this machine: found {_found(facts)}, known are {_listed(known())}; "
            "write devices/NAME.toml with a [match] that fits it."
        )
    return device


def check(device: Device, facts: Facts, unit: Unit | None = None) -> None:
    """Raise UsageError when the board with these facts is not of this kind, or the kind is not measured at all."""
    _refuse_reference(device)
    expected = _failing(device.match, facts)
    if expected is None:
        return
    remote = unit is not None and unit.host is not None
    board = f"The unit {unit.name} ({unit.host})" if unit is not None and remote else "This machine"
    advice = "correct its device in boards.toml" if remote else f"use --device {HOST} to measure it as what it is"
    if not remote and (facts["machine"], device.match.machine) == ("x86_64", "aarch64"):
        advice = f"name a board by --host, emulate one (edgebench devices emulate {device.name}), or {advice}"
    raise UsageError(f"{board} is not of the kind {device.name}: found {_found(facts)}, expected {expected}; {advice}.")


def mode(device: Device, facts: Facts) -> Mode | None:
    """Return the power mode a board is in, None if no mode has its clock.

    It is told by the highest clock that the board allows now, and among modes of one clock by the cores that are on.
    """
    limits = [clock["limit_hz"] for clock in facts["clocks"] if clock["limit_hz"]]
    near = [one for one in device.cpu.mode if limits and abs(one.clock_hz / max(limits) - 1) <= _SAME_CLOCK]
    return min(near, key=lambda one: (one.cores != facts["cores"], abs(one.clock_hz - max(limits))), default=None)


def units() -> dict[str, Unit]:
    """Return the user's boards: ./boards.toml and the user's own; one name for two different boards is refused."""
    found: dict[str, Unit] = {}
    kinds = known()
    for path in _unit_files():
        for name, entry in tomlfile.read(path, dict[str, UnitEntry]).items():
            unit = Unit(
                name=name,
                device=entry.device,
                host=entry.host,
                python=entry.python,
                ssh_config=entry.ssh_config,
                emulated=entry.emulated,
            )
            if not _UNIT_NAME.fullmatch(name):
                wanted = "expected letters, digits, dots, dashes and underscores"
                raise UsageError(f"{path}: the unit {name!r} cannot name a folder of results: {wanted}.")
            if name == HOST or name in kinds:
                taken = "this machine" if name == HOST else "a kind of board"
                raise UsageError(f"{path}: the unit {name!r} is called like {taken}: expected a name like '{name}-a'.")
            if found.setdefault(name, unit) != unit:
                twice = f"the unit {name!r} stands in ./boards.toml too, with other values"
                raise UsageError(f"{path}: {twice}: expected the same, or another name.")
    return found


def boards_file() -> Path:
    """Return the user's own boards.toml, whether it exists or not."""
    return _user_folder() / "boards.toml"


def resolve(name: str, root: Path = Path("/")) -> tuple[Device, Unit]:
    """Return kind and unit for what the user calls a device: "host", a unit, or a kind, which then means this machine.

    The board is not looked at, except to find the kind of "host": pass its facts to `check` before measuring.
    A kind that is for reference only is refused.
    """
    if name == HOST:
        device = host_kind(probe(root))
        return device, Unit(name=HOST, device=device.name)
    kinds, boards = known(), units()
    if name in boards:
        unit = boards[name]
        if unit.device not in kinds:
            raise UsageError(f"boards.toml: {name}.device is {unit.device!r}: expected one of {_listed(kinds)}.")
        return _refuse_reference(load(kinds[unit.device])), unit
    if name in kinds:
        return _refuse_reference(load(kinds[name])), Unit(name=HOST, device=name)
    raise UsageError(
        f"Unknown device {name!r}: known are {HOST}, {_listed(kinds)} and of your boards {_listed(boards) or 'none'}; "
        f"write devices/{name}.toml for a kind, or a line in boards.toml for a board."
    )


def _refuse_reference(device: Device) -> Device:
    if device.reference_only:
        raise UsageError(
            f"{device.name} ({device.title}) is for reference only: edgebench has no way to measure it; "
            "name a board that runs Linux."
        )
    return device


def _failing(match: Match, facts: Facts) -> str | None:
    """Return the first condition that does not hold, in words; None when all hold."""
    if match.compatible and _position(match, facts) is None:
        return f"device-tree compatible {_either(match.compatible)}"
    if match.cpu_part and not set(match.cpu_part) & set(facts["cpu_parts"]):
        return f"CPU part {_either(match.cpu_part)}"
    if match.cpu_model and facts["cpu_model"] not in match.cpu_model:
        return f"CPU {_either(match.cpu_model)}"
    if match.machine and match.machine != facts["machine"]:
        return f"machine {match.machine!r}"
    return None


def _specificity(match: Match, facts: Facts) -> tuple[float, int, bool]:
    # A device tree lists the board first and its family last (Devicetree Specification 2.3.1): earlier says more.
    position = _position(match, facts)
    return (
        float("-inf") if position is None else -position,
        bool(match.cpu_part) + bool(match.cpu_model),
        bool(match.machine),
    )


def _position(match: Match, facts: Facts) -> int | None:
    compatible = facts["device_tree_compatible"] or []
    return next((index for index, name in enumerate(compatible) if name in match.compatible), None)


def _found(facts: Facts) -> str:
    compatible = facts["device_tree_compatible"]
    tree = f", device-tree compatible {', '.join(map(repr, compatible))}" if compatible else ""
    parts = f" (CPU part {', '.join(facts['cpu_parts'])})" if facts["cpu_parts"] else ""
    return f"{facts['machine'] or 'unknown machine'} {facts['cpu_model'] or 'unknown CPU'}{parts}{tree}"


def _either(names: tuple[str, ...]) -> str:
    first, *others = names
    return f"{first!r} (or {len(others)} more)" if others else repr(first)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names))


def _user_folder() -> Path:
    """Return the user's configuration folder (XDG Base Directory Specification: empty counts as unset)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "edgebench"


def _packaged() -> Path:
    """Return the folder of the shipped descriptions: in the package of a wheel, beside it in a clone."""
    package = Path(__file__).parents[1]
    shipped = package / "data" / "devices"
    return shipped if shipped.is_dir() else package.parent / "devices"


def _unit_files() -> list[Path]:
    return [path for path in (Path("boards.toml"), boards_file()) if path.exists()]
