"""A meter's log finds its place on the board's clock by the edges of the load, or is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

from edgebench.board.quantities import watts
from edgebench.board.sensors.meter import Log
from edgebench.measure.energy import NoEnergyError, Span
from edgebench.measure.joining import Busy, join


def spans(invocations: int = 4, trials: int = 2, begins_s: float = 20.0) -> list[Busy]:
    """Rest and load in turn, 2.2 s each, and between invocations some seconds of which nobody says what they held."""
    found, at_s = [], begins_s
    for _ in range(invocations):
        for number in range(2 * trials + 1):
            found.append(Busy(span=Span(start_s=at_s, end_s=at_s + 2.2), loaded=number % 2 == 1))
            at_s += 2.25
        at_s += 6.3
    return found


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A meter whose clock is behind the board's by an offset, at a board that idles at 3 W."""

    offset_s: float = 0.0
    period_s: float = 0.2
    rate: float = 0.0
    load_w: float = 2.0
    noise_w: float = 0.05
    seconds: float | None = None


def logged(windows: list[Busy], meter: Meter) -> Log:
    """What a meter would have written."""
    generator = np.random.default_rng(3)
    length = meter.seconds if meter.seconds is not None else windows[-1].span.end_s + 20.0
    at_s = np.arange(0.0, length, meter.period_s)
    board_s = at_s + meter.offset_s
    board_s = board_s + meter.rate * (board_s - windows[len(windows) // 2].span.start_s)
    power = 3.0 + generator.normal(0, meter.noise_w, len(at_s))
    for one in windows:
        if one.loaded:
            power[(board_s >= one.span.start_s) & (board_s < one.span.end_s)] += meter.load_w
    return Log(at_s=tuple(at_s.tolist()), power=tuple(watts(float(value)) for value in power))


@pytest.mark.parametrize("offset_s", [0.0, -7.35, 11.113])
@pytest.mark.parametrize("period_s", [0.05, 0.2, 0.5])
def test_offset_is_found(offset_s: float, period_s: float) -> None:
    """Whatever the meter calls its times, to half of its own period and of the pauses between windows."""
    windows = spans()
    joined = join(logged(windows, Meter(offset_s=offset_s, period_s=period_s)), windows)
    assert joined.offset_s == pytest.approx(offset_s, abs=period_s / 2 + 0.05)
    assert 1.5 < joined.contrast_w < 2.1  # a slow meter blurs the edges
    assert joined.rate == pytest.approx(0.0, abs=0.01)


def test_clock_that_runs_fast_is_followed() -> None:
    """1 % in a minute and a half: readings lie where they were taken, not where a fixed offset would put them."""
    windows = spans(invocations=6)
    log = logged(windows, Meter(offset_s=-4.0, rate=0.01, period_s=0.1))
    joined = join(log, windows)
    middle = windows[len(windows) // 2].span.start_s
    truth = [at - 4.0 + 0.01 * (at - 4.0 - middle) for at in log.at_s]
    assert joined.rate == pytest.approx(0.01, abs=0.003)
    assert max(abs(a - b) for a, b in zip(joined.times_s(log), truth, strict=True)) < 0.4


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (logged(spans(), Meter(offset_s=0.0, load_w=0.0)), "not clearly more"),
        (logged(spans(), Meter(offset_s=0.0, seconds=40.0)), "log is 40 s long"),
        (logged(spans(), Meter(offset_s=0.0, load_w=0.05, noise_w=2.0)), "not clearly more|several places"),
    ],
)
def test_log_that_does_not_fit_is_refused(log: Log, said: str) -> None:
    """One that sees no load, that is too short, or whose noise hides the load."""
    with pytest.raises(NoEnergyError, match=said):
        join(log, spans())


def test_log_that_fits_twice_is_refused() -> None:
    """The same run twice in one log: nobody can tell which one it was."""
    windows = spans()
    once = logged(windows, Meter(offset_s=0.0))
    length = once.at_s[-1] + 0.2
    twice = Log(at_s=(*once.at_s, *(at + length for at in once.at_s)), power=once.power * 2)
    with pytest.raises(NoEnergyError, match="several places"):
        join(twice, windows)


def test_two_windows_are_too_few() -> None:
    """One load between two rests could lie anywhere."""
    with pytest.raises(NoEnergyError, match="fewer than 3 windows"):
        join(logged(spans(), Meter(offset_s=0.0)), spans()[:3])
