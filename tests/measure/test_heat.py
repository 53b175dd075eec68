"""What heat did to a session, at a known truth."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from edgebench.board.wire import Block, Watched
from edgebench.measure.heat import (
    before_throttling,
    canary_clocks,
    course,
    minutes,
    sustained,
    throttling,
)
from edgebench.measure.series import series

SECOND = 10**9
LOOK = Watched(session="s1", invocation=0, round=0, start_ns=0, wall_ns=SECOND, loop_ns=100_000, stream_ns=50_000)


def look(number: int, invocation: int = 0, **changes: Any) -> Watched:
    """One look; rounds begin ten seconds apart, invocations a hundred."""
    start = (100 * invocation + 10 * number) * SECOND
    return replace(LOOK, invocation=invocation, round=number, start_ns=start, **changes)


def block(number: int, invocation: int = 0, call_s: float = 0.01, start_s: float | None = None) -> Block:
    """One block of a round."""
    start = (100 * invocation + 10 * number) * SECOND + 1 if start_s is None else round(start_s * SECOND)
    return Block(
        session="s1",
        invocation=invocation,
        round=number,
        position=0,
        trial="t",
        start_ns=start,
        calls=1,
        priming_ns=None,
        wall_ns=(round(call_s * 1e9),) * 3,
        cpu_ns=(round(call_s * 1e9),) * 3,
        involuntary_switches=(0,) * 3,
        major_faults=(0,) * 3,
    )


def looks(throttled: Sequence[int | None], invocations: int = 2) -> list[Watched]:
    """Looks of some invocations; the throttling of all their rounds, one after the other."""
    rounds = len(throttled) // invocations
    causes = ("under-voltage",)
    return [
        look(at % rounds, at // rounds, throttled=told, throttled_by=causes if told else ())
        for at, told in enumerate(throttled)
    ]


# --- throttling ------------------------------------------------------------------------------------------------------


def test_first_sign_names_minute_and_cause() -> None:
    """At the end of the round in which it was seen, counted from the first one; later signs do not matter."""
    seen = looks([0, 0, 0, 0, 2, 1, 0, 0])
    found = throttling(seen)
    assert found is not None
    assert found.at_s == 101.0
    assert found.said == "in minute 2: under-voltage"
    assert throttling(seen[::-1]) == found
    assert throttling(looks([0, None, 0, None])) is None
    assert throttling([]) is None


def test_rounds_that_came_before_are_kept() -> None:
    """All of them, and none that began later; without throttling everything is."""
    blocks = [block(number, invocation) for invocation in range(2) for number in range(4)]
    measured = series(blocks, [0, 1])
    kept = before_throttling(measured, looks([0, 0, 0, 0, 0, 0, 1, 0]))
    assert {i: sorted(rounds) for i, rounds in kept.items()} == {0: [0, 1, 2, 3], 1: [0, 1]}
    assert before_throttling(measured, looks([0] * 8)) == measured.wall_s
    assert before_throttling(measured, looks([1] * 8)) == {}


def test_board_that_tells_it_once_an_invocation_loses_all_of_that() -> None:
    """Its last round has the sign; it may have been any of them."""
    blocks = [block(number, invocation) for invocation in range(2) for number in range(4)]
    kept = before_throttling(series(blocks, [0, 1]), looks([None, None, None, 0, None, None, None, 1]))
    assert {i: sorted(rounds) for i, rounds in kept.items()} == {0: [0, 1, 2, 3]}


# --- temperatures and clocks -----------------------------------------------------------------------------------------


def test_course_is_of_the_rounds_that_tell_it() -> None:
    """The first and the highest temperature, the lowest and the highest clock; None where nobody tells."""
    seen = [look(0, temperature_c=50.0, clock_hz=1500), look(1), look(2, temperature_c=48.0, clock_hz=600)]
    found = course(seen[::-1])
    assert (found.first_c, found.highest_c, found.lowest_hz, found.highest_hz) == (50.0, 50.0, 600, 1500)
    nothing = course([look(0)])
    assert (nothing.first_c, nothing.highest_c, nothing.lowest_hz, nothing.highest_hz) == (None,) * 4


def test_canary_sees_what_cpufreq_does_not() -> None:
    """A processor that tells 1.5 GHz throughout and computes at two thirds of it from the second round on."""
    seen = [look(0, clock_hz=1_500_000_000), *(look(n, clock_hz=1_500_000_000, loop_ns=150_000) for n in (1, 2))]
    found = canary_clocks(seen)
    assert found[0, 0, None] == pytest.approx(1.5e9)
    assert found[0, 1, None] == pytest.approx(1.0e9)
    assert canary_clocks([look(0), look(1)]) == {}


# --- long runs -------------------------------------------------------------------------------------------------------


def long_run(*calls_s: float) -> list[Block]:
    """A block every six seconds, ten a minute; a call's latency minute by minute."""
    return [
        block(10 * minute + tenth, call_s=call_s, start_s=60 * minute + 6 * tenth)
        for minute, call_s in enumerate(calls_s)
        for tenth in range(10)
    ]


def test_long_run_has_two_ends() -> None:
    """Its first ten seconds and its last three minutes, and whether it came to rest."""
    blocks = long_run(0.010, 0.011, 0.013, 0.013, 0.013)
    blocks = [replace(one, wall_ns=(8_000_000,) * 3) if one.round < 2 else one for one in blocks]
    blocks.append(block(50, call_s=0.013, start_s=300.0))
    found = sustained(blocks, [])
    assert found is not None
    assert (found.burst_s, found.sustained_s) == pytest.approx((0.008, 0.013))
    assert found.reached is True
    assert found.after_s == pytest.approx(300.039)
    assert sustained([], []) is None


def test_long_run_that_goes_on_slowing_has_not_come_to_rest() -> None:
    """The last minutes differ by more than 1 %."""
    found = sustained(long_run(0.010, 0.011, 0.012, 0.013, 0.014), [])
    assert found is not None
    assert found.reached is False


def test_minutes_have_latency_clock_and_temperature() -> None:
    """Medians over the blocks of a minute, the temperature at its end, and what held the processor back in it."""
    blocks = long_run(0.010, 0.013)
    seen = [
        replace(
            LOOK,
            round=one.round,
            start_ns=one.start_ns,
            clock_hz=1_500_000_000 if one.round < 15 else 1_000_000_000,
            temperature_c=50.0 + one.round,
            throttled_by=("soft temperature limit",) if one.round == 14 else (),
        )
        for one in blocks
    ]
    first, second = minutes(blocks, seen)
    assert (first.number, first.blocks, first.latency_s) == pytest.approx((1, 10, 0.010))
    assert (first.clock_hz, first.temperature_c, first.throttled_by) == (1_500_000_000, 59.0, ())
    assert (second.number, second.latency_s, second.temperature_c) == pytest.approx((2, 0.013, 69.0))
    assert (second.clock_hz, second.throttled_by) == (1_250_000_000, ("soft temperature limit",))
    assert minutes([], []) == []
    (bare,) = minutes(blocks[:3], [])
    assert (bare.clock_hz, bare.temperature_c, bare.canary_loop_s) == (None, None, None)
