"""Reach the measuring side of a unit: this machine, or a board behind ssh."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edgebench import devices
from edgebench.board.wire import Hello
from edgebench.devices.records import Device, Unit
from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure.link import linked
from edgebench.measure.local import Local
from edgebench.measure.ssh import Ssh
from edgebench.measure.transport import Connection, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What is known of a measuring side: its kind and unit, what it says of itself, and its runtimes' versions.

    `broken` tells of backends that are there and cannot be imported why not.
    """

    device: Device
    unit: Unit
    facts: devices.Facts
    runtimes: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def emulated(self) -> bool:
        """Tell whether it is a stand-in: by its entry in boards.toml, or by what it says of itself."""
        return self.unit.emulated or bool(self.facts.get("emulated"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A measuring side that answers."""

    board: Board
    transport: Transport
    connection: Connection


@contextlib.contextmanager
def reached(name: str, host: str | None = None) -> Iterator[Side]:
    """Give the measuring side of a device, unit or host by name; `host` overrides the address.

    Raise UsageError when the name is unknown or the board is of another kind, DeviceUnreachableError when no agent
    answers.
    """
    unit = unit_of(name, host)
    with _transport(unit) as transport, _answering(unit, transport) as (connection, hello):
        device = devices.host_kind(hello.facts) if unit.device == devices.HOST else devices.find(unit.device)
        devices.check(device, hello.facts, unit)
        board = Board(device=device, unit=unit, facts=hello.facts, runtimes=hello.runtimes, broken=hello.broken)
        yield Side(board=board, transport=transport, connection=connection)


def refuse_emulated(board: Board, reason: str) -> None:
    """Raise UsageError for a stand-in; `reason` says what a latency of it would be."""
    if board.emulated:
        raise UsageError(f"{board.unit.name} is a stand-in, an emulated board: {reason}.")


@contextlib.contextmanager
def _answering(unit: Unit, transport: Transport) -> Iterator[tuple[Connection, Hello]]:
    """Start the agent; a stand-in that is not there says how it is started."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(transport.agent())
        except DeviceUnreachableError as error:
            if not unit.emulated:
                raise
            reason = str(error.__cause__ or error).rstrip(".")
            raise DeviceUnreachableError(f"{reason}; `edgebench devices emulate {unit.device}` starts it.") from error
        yield found


def unit_of(name: str, host: str | None) -> Unit:
    """Return the unit that a name and an address mean; its device is `host` where the board itself has to tell.

    >>> unit_of("rpi4", "pi@192.168.1.20").name
    'rpi4-192.168.1.20'
    """
    if host is None:
        return devices.resolve(name)[1]
    kind = name if name == devices.HOST else devices.resolve(name)[0].name
    address = re.sub(r"[^A-Za-z0-9._-]", "_", host.rpartition("@")[2])
    return Unit(name=address if kind == devices.HOST else f"{kind}-{address}", device=kind, host=host)


@contextlib.contextmanager
def _transport(unit: Unit) -> Iterator[Transport]:
    if unit.host is None:
        yield Local()
        return
    with linked(unit.host, unit.ssh_config) as link:
        yield Ssh(link=link)
