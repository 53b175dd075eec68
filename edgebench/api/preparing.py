"""Set boards up and clear them, ask them what they are and what they can do: all that needs no measuring of models."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from edgebench.api import boards
from edgebench.api._reaching import Board, reached, refuse_emulated, unit_of
from edgebench.api.listing import backend
from edgebench.board.probe import probe as facts_here
from edgebench.devices.records import Unit
from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure import setup as setting
from edgebench.measure.link import WORK, BoardCommandFailed, Link, linked
from edgebench.measure.ssh import Ssh
from edgebench.store.calibration import Calibration

_DEFAULT_BACKENDS = ("onnxruntime",)


def prepare(
    device: str,
    host: str | None,
    backends: Iterable[str],
    *,
    wheels: Literal["auto", "board", "host"] = "auto",
    say: Callable[[str], None],
) -> setting.Prepared:
    """Set a board up for these backends, onnxruntime when none is named, beside those it has.

    Raise UsageError when one does not exist or fit, DeviceUnreachableError for every other obstacle.
    """
    unit = unit_of(device, host)
    names = tuple(backends) or _DEFAULT_BACKENDS
    for name in names:
        backend(name)
    with _linked(unit) as link:
        return setting.prepare(link, names, wheels=wheels, say=say, python=unit.python)


def remove(device: str, host: str | None) -> bool:
    """Delete all that edgebench put on a board, and return whether there was anything."""
    with _linked(unit_of(device, host)) as link:
        return setting.remove(link)


def board(device: str, host: str | None) -> Board:
    """Return what a board, or this machine, says of itself; raise UsageError when it is of another kind than asked."""
    with reached(device, host) as side:
        return side.board


def probe(device: str, host: str | None, results: Path, seconds: float) -> Calibration:
    """Measure the peaks of a board or of this machine, and add them to its calibration.

    Raise UsageError when it is of another kind than asked, or a stand-in.
    """
    unit = unit_of(device, host)
    with reached(device, host) as side:  # the right kind, set up, and nobody measuring on it
        refuse_emulated(side.board, "its peaks would be those of an emulator")
    if unit.host is None:
        return boards.probe_host(results, seconds)
    with _linked(unit) as link:
        python = ["env", "-C", WORK, "PYTHONPATH=lib", "PYTHONSAFEPATH=1", "venv/bin/python"]
        try:
            printed = link.run([*python, *boards.probe_words(seconds)], limit_s=boards.probe_limit_s(seconds))
        except BoardCommandFailed as failed:
            raise DeviceUnreachableError(f"The probe of {unit.host} failed: {failed}.") from failed
    return boards.store_probe(results, unit.name, boards.read_peak(printed, unit.host))


def draft(name: str, host: str | None) -> Path:
    """Write devices/NAME.toml for a board of an unknown kind, from what it says of itself, and return the file."""
    if host is None:
        return boards.new_device(facts_here(), name)
    with linked(host) as link, Ssh(link=link).agent() as (_, hello):
        return boards.new_device(hello.facts, name)


@contextlib.contextmanager
def _linked(unit: Unit) -> Iterator[Link]:
    """Give a link to a unit; raise UsageError for this machine, which none leads to."""
    if unit.host is None:
        raise UsageError("This machine needs no set-up: name a board with --host USER@HOST, or a unit of boards.toml.")
    with linked(unit.host, unit.ssh_config) as link:
        yield link
