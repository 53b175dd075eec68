"""Invocations wait for temperature, not for time; the clock and the sensor are scripted."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from edgebench.board.cooling import ABOVE_START_C, Gate


@dataclass(kw_only=True)
class Machine:
    """A clock that moves when somebody sleeps, and a temperature that follows it."""

    celsius: Callable[[float], float | None]
    at_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """Return the time."""
        return self.at_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.at_s += seconds
        self.slept.append(seconds)

    def gate(self, cap_s: float = 30.0) -> Gate:
        """Return a gate of this machine."""
        return Gate(
            session="s1",
            cap_s=cap_s,
            temperature_c=lambda: self.celsius(self.at_s),
            now=self.now,
            sleep=self.sleep,
        )


def test_without_a_temperature_nobody_waits() -> None:
    """Nothing is recorded, and no time passes; nor where waiting is switched off."""
    blind, off = Machine(celsius=lambda _: None), Machine(celsius=lambda _: 50.0)
    assert blind.gate().wait(0) is None
    assert off.gate(cap_s=0.0).wait(0) is None
    assert blind.slept == off.slept == []


def test_first_invocation_waits_until_it_no_longer_cools() -> None:
    """A processor that comes out of other work cools for 12 s; it is let through when five seconds brought nothing."""
    machine = Machine(celsius=lambda at: max(48.0, 60.0 - at))
    found = machine.gate().wait(0)
    assert found is not None
    assert (found.start_c, found.target_c, found.reached) == (60.0, None, True)
    assert found.end_c == pytest.approx(48.0, abs=0.5)
    assert 12.0 <= found.waited_s <= 18.0


def test_processor_at_rest_is_let_through_after_five_seconds() -> None:
    """That it does not cool takes some time to see."""
    found = Machine(celsius=lambda _: 45.0).gate().wait(0)
    assert found is not None
    assert found.waited_s == 5.0


def test_later_invocations_wait_for_the_first_one_s_temperature() -> None:
    """A little above it is enough; how long that takes depends on how hot it was."""
    machine = Machine(celsius=lambda at: 45.0 if at < 100 else max(45.0, 65.0 - (at - 100)))
    gate = machine.gate()
    gate.wait(0)
    machine.at_s = 100.0
    hot = gate.wait(1)
    assert hot is not None
    assert (hot.target_c, hot.start_c, hot.reached) == (45.0 + ABOVE_START_C, 65.0, True)
    assert hot.waited_s == 17.0
    cool = gate.wait(2)
    assert cool is not None
    assert (cool.waited_s, cool.reached) == (0.0, True)


def test_patience_ends() -> None:
    """A case without air never gets there: after its time the invocation begins, and that is told."""
    machine = Machine(celsius=lambda at: 45.0 if at < 100 else 70.0)
    gate = machine.gate(cap_s=20.0)
    gate.wait(0)
    machine.at_s = 100.0
    found = gate.wait(1)
    assert found is not None
    assert (found.waited_s, found.reached, found.end_c) == (20.0, False, 70.0)


def test_sensor_that_vanishes_ends_the_wait() -> None:
    """What is no longer told cannot be waited for."""
    machine = Machine(celsius=lambda at: 60.0 - at if at < 2.0 else None)
    found = machine.gate().wait(0)
    assert found is not None
    assert (found.waited_s, found.reached) == (2.0, False)
