"""What sensors the measuring side has, what they say now, and what is wrong with the others."""

from pathlib import Path

from edgebench.board.probe import standing
from edgebench.board.quantities import Joules, Watts
from edgebench.board.sensors import Channel, Finding, Place, Sensor, Trouble, load, survey, take
from edgebench.board.wire import ChannelState, GaugeState, SensorsState, SensorState, SensorTrouble


def sensors(root: Path = Path("/")) -> SensorsState:
    """Return every sensor that is known, present or not; each is read once."""
    found = survey(Place(root=root))
    states = tuple(_state(name, finding) for name, finding in found.items())
    return SensorsState(sensors=states, root=standing(root))


def _state(name: str, finding: Finding) -> SensorState:
    readings = [(channel, take(channel)) for channel in finding.channels]
    failed = [value for _, value in readings if isinstance(value, Trouble)]
    module = _module(name)
    return SensorState(
        name=name,
        title=name if module is None else module.TITLE,
        tells="heat" if module is None else module.TELLS,
        status=None if module is None else module.STATUS,
        channels=tuple(_channel(channel, value) for channel, value in readings if not isinstance(value, Trouble)),
        gauges=tuple(
            GaugeState(rung=one.rung, rail=one.rail, covers=one.covers, period_s=one.period_s) for one in finding.gauges
        ),
        troubles=tuple(
            SensorTrouble(sensor=one.sensor, name=one.name, kind=one.kind, reason=one.reason, advice=one.advice)
            for one in (*finding.troubles, *failed)
        ),
    )


def _module(name: str) -> Sensor | None:
    """Return a sensor's module, None when it cannot be imported: its finding says why."""
    try:
        return load(name)
    except (ImportError, ValueError):
        return None


def _channel(channel: Channel, value: Watts | Joules | float | str) -> ChannelState:
    if isinstance(value, Watts):
        value = value.w
    elif isinstance(value, Joules):
        value = value.j
    return ChannelState(
        name=channel.name,
        quantity=channel.quantity,
        where=channel.where,
        number=None if isinstance(value, str) else float(value),
        word=value if isinstance(value, str) else None,
    )
