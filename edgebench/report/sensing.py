"""What a board has that tells power, heat and clocks: in sentences, and as a table."""

from collections.abc import Iterator

from rich.table import Table

from edgebench import units
from edgebench.board.sensors import LADDER
from edgebench.board.wire import ChannelState, GaugeState, SensorsState, SensorState
from edgebench.report.terminal import add_row, plain_table
from edgebench.store.calibration import Calibration, latest_power
from edgebench.untrusted import plain

_MOST_CHANNELS = 8
_HEX = "throttled"
_LONGEST = 1000  # the words are a board's


def sentences(found: SensorsState) -> Iterator[str]:
    """Yield what energy would be read from, what stands for it where there is none, and what can be done."""
    for sentence in _sentences(found):
        yield plain(sentence, _LONGEST)


def _sentences(found: SensorsState) -> Iterator[str]:
    if found.root is not None:
        yield f"Read under {found.root}, a tree that stands for a board."
    gauges = _gauges(found)
    if gauges:
        sensor, best = gauges[0]
        yield (
            f"Energy: `run --energy` reads {sensor.name} ({best.rung}): {best.rail}, {_rate(best)}; "
            f"it is of {best.covers}."
        )
        for other, gauge in gauges[1:]:
            yield f"Also there: {other.name} ({gauge.rung}): {gauge.rail}."
    else:
        proxies = any(one.tells == "proxy" and one.channels for one in found.sensors)
        yield "Energy: there is no sensor here that can be read, so `run --energy` gives no energy." + (
            " What stands for it is a proxy, no measurement: CPU time, and the columns proxy_ of trials.csv."
            if proxies
            else ""
        )
    for sensor in found.sensors:
        yield from _advice(sensor)


def _advice(sensor: SensorState) -> Iterator[str]:
    """Yield what can be done about a sensor, each piece of advice once, with the first reason for it."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in sensor.troubles:
        if one.advice is not None and (one.kind == "forbidden" or sensor.tells == "energy"):
            reasons.setdefault((one.kind, one.advice), []).append(one.reason)
    for (kind, advice), (first, *others) in reasons.items():
        more = f", and {len(others)} more" if others else ""
        yield f"{sensor.name} is {kind}: {first}{more}. To do: {advice}."


def table(found: SensorsState) -> Table:
    """Return a table of all sensors: what each says now, or why it does not."""
    made = plain_table(None, "sensor!", "tells!", "now")
    for sensor in found.sensors:
        shown = [_channel(one) for one in sensor.channels[:_MOST_CHANNELS]]
        rest = len(sensor.channels) - _MOST_CHANNELS
        shown += [f"... and {rest} more"] if rest > 0 else []
        shown += [
            f"{one.kind}: {'' if one.name == sensor.name else f'{one.name}: '}{one.reason}" for one in sensor.troubles
        ]
        add_row(made, plain(sensor.name), sensor.tells, "\n".join(plain(line, _LONGEST) for line in shown))
    return made


def power(found: Calibration) -> Iterator[str]:
    """Yield the newest power model of a unit in words."""
    fit = latest_power(found)
    if fit is None:
        yield f"{found.unit} has no power model."
        return
    yield (
        f"{found.unit}: {fit.idle_w:.3f} W + {fit.slope_w:.3f} W x utilisation of {fit.cores} cores, "
        f"{fit.residual_w:.3f} W off in one window (standard deviation), from {fit.windows} windows of {fit.run}."
    )
    yield f"Fitted on {fit.rung} ({fit.rail}); it holds from a utilisation of {fit.lowest:.2f} to {fit.highest:.2f}."


def _gauges(found: SensorsState) -> list[tuple[SensorState, GaugeState]]:
    rungs: dict[str, int] = {rung: number for number, rung in enumerate(LADDER)}
    pairs = [(sensor, gauge) for sensor in found.sensors for gauge in sensor.gauges]
    return sorted(pairs, key=lambda pair: rungs.get(pair[1].rung, len(rungs)))


def _rate(gauge: GaugeState) -> str:
    return f"{1 / gauge.period_s:g} times a second at most" if gauge.period_s > 0 else "at a rate that it does not say"


def _channel(channel: ChannelState) -> str:
    if channel.word is not None or channel.number is None:
        return f"{channel.name}: {channel.word}"
    if channel.quantity == "events" and channel.name == _HEX and channel.number >= 0:
        return f"{channel.name}: {int(channel.number):#x}"
    return f"{channel.name}: {units.reading(channel.number, channel.quantity)}"
