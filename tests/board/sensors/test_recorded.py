"""Every recorded sensor reads as its file says: values, gauges and troubles, now and after a change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgebench.board.quantities import Joules, Watts
from edgebench.board.sensors import Channel, Finding, Place, SensorError, Trouble, Value, load, meter, names, take
from edgebench.measure.energy import Span, counted
from tests.board.sensors import recorded
from tests.board.sensors.recorded import Case

REQUIRED = ("good", "missing", "forbidden", "malformed")
"""What every sensor has a case of; `implausible` where a number can be, `wrapping` where a counter can."""

UNITS: Mapping[str, type] = {"watts": Watts, "joules": Joules}


@pytest.mark.parametrize("name", [name for name in recorded.cases() if not name.startswith("meter/")])
def test_recorded_sensor(name: str, tmp_path: Path) -> None:
    """What can be read, of what the energy is, and what cannot be read and why: nothing more and nothing less."""
    found = recorded.read(name)
    sensor = name.partition("/")[0]
    place = recorded.place(tmp_path, found)
    finding = load(sensor).find(place)
    assert {channel.sensor for channel in finding.channels} <= {sensor}
    check_readings({one.name: take(one) for one in finding.channels}, found.get("readings", {}))
    check_gauge(finding, found.get("gauge"))
    check_troubles(finding.troubles, found.get("troubles", {}))
    if "then" in found:
        check_change(finding, found, tmp_path, place)


@pytest.mark.parametrize("sensor", [name for name in names() if name != "meter"])
def test_every_sensor_is_recorded(sensor: str) -> None:
    """Good, missing, forbidden and malformed are there for each of them, under these names."""
    assert {f"{sensor}/{kind}" for kind in REQUIRED} <= set(recorded.cases(sensor))


@pytest.mark.parametrize("name", recorded.cases("meter"))
def test_recorded_log_of_a_meter(name: str) -> None:
    """Powers in watts and seconds from the first reading on; anything else is refused with its line."""
    found = recorded.read(name)
    if "kind" in found:
        with pytest.raises(SensorError) as raised:
            meter.parse(found["log"])
        assert (raised.value.kind, found["reason"] in raised.value.reason) == (found["kind"], True)
        return
    log = meter.parse(found["log"])
    assert (log.at_s[0], round(log.at_s[-1], 9)) == (0.0, found["seconds"])
    assert (log.power[0].w, log.power[-1].w) == pytest.approx((found["first_watts"], found["last_watts"]))


def check_readings(taken: Mapping[str, Value | Trouble], expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold readings against what a case says of them."""
    assert taken.keys() == expected.keys()
    for name, told in expected.items():
        ((unit, value),) = told.items()
        found = taken[name]
        assert isinstance(found, UNITS.get(unit, (int, float, str))), found
        number = found.w if isinstance(found, Watts) else found.j if isinstance(found, Joules) else found
        assert number == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12))


def check_gauge(finding: Finding, expected: Mapping[str, str] | None) -> None:
    """Hold what counts as the energy against what a case says of it."""
    told = [{"rung": gauge.rung, "rail": gauge.rail} for gauge in finding.gauges]
    assert told == ([] if expected is None else [expected])
    for gauge in finding.gauges:
        assert gauge.covers
        assert {rail.quantity for rail in gauge.rails} in ({"power"}, {"energy"})
        assert set(gauge.rails) <= set(finding.channels)


def check_troubles(troubles: tuple[Trouble, ...], expected: Mapping[str, Mapping[str, str]]) -> None:
    """Hold troubles against what a case says of them; advice is there where it is asked for, and only there."""
    assert {one.name: one.kind for one in troubles} == {name: one["kind"] for name, one in expected.items()}
    for one in troubles:
        told = expected[one.name]
        assert told["reason"] in one.reason
        assert told["advice"] in (one.advice or "") if "advice" in told else one.advice is None


def check_change(finding: Finding, found: Case, root: Path, before: Place) -> None:
    """Read what was found before once more, after what happened then."""
    then = found["then"]
    first = {one.name: take(one) for one in finding.channels}
    recorded.write(root, then.get("files", {}))
    found.get("answers", {}).update(then.get("answers", {}))  # the place looks its answers up when it is asked
    again = {one.name: take(one) for one in finding.channels}
    check_readings({name: again[name] for name in then.get("readings", {})}, then.get("readings", {}))
    gone = tuple(one for one in again.values() if isinstance(one, Trouble))
    check_troubles(gone, then.get("troubles", {}))
    for name, joules in then.get("used", {}).items():
        assert used(channel(finding, name), first[name], again[name]) == pytest.approx(joules, abs=1e-6)
    assert before.root == root


def channel(finding: Finding, name: str) -> Channel:
    """A channel by its name."""
    return next(one for one in finding.channels if one.name == name)


def used(of: Channel, first: Value | Trouble, again: Value | Trouble) -> float:
    """The joules between two readings of a counter, a second apart."""
    assert isinstance(first, Joules)
    assert isinstance(again, Joules)
    return counted([0.0, 1.0], [first, again], of.wraps_at, Span(start_s=0.0, end_s=1.0)).j
