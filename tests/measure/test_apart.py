"""Ratios of latencies taken apart, at known truth: simulated sessions with fixed seeds."""

import math

import numpy as np
import pytest

from edgebench.measure import apart, statistics
from edgebench.measure.apart import LEFT_OPEN, SPREAD, SPREAD_WITHOUT_RULER, Apart, Reading, Spread
from edgebench.measure.quantiles import student
from edgebench.measure.statistics import Estimate

SESSIONS = 400
DRIFT = 0.04  # standard deviation of a machine's speed between sessions, as it was found
RESIDUE = 0.006  # what a latency differs from its ruler between sessions
PROCESS = 0.003
WANDER = 0.015  # of a machine's speed between the processes of a session


def session(generator: np.random.Generator, work: float = 1.0, follows: float = 1.0, drift: float = DRIFT) -> Reading:
    """Return a trial in a session of five processes and four rounds, on a machine that is in some state.

    Its latency follows the machine's speed with the exponent `follows`, the ruler's always.
    """
    state = drift * generator.standard_normal()
    own = RESIDUE * generator.standard_normal()
    trial, ruler = {}, {}
    for number in range(5):
        machine = state + WANDER * generator.standard_normal()
        process = PROCESS * generator.standard_normal()
        noise = 0.002 * generator.standard_normal((2, 4))
        trial[number] = {r: work * math.exp(follows * machine + own + process + noise[0, r]) for r in range(4)}
        ruler[number] = {r: math.exp(machine + noise[1, r]) for r in range(4)}
    found = apart.reading(trial, ruler)
    assert found is not None
    return found


def shares(work: float = 1.0, follows: float = 1.0, drift: float = DRIFT) -> tuple[float, float]:
    """Return the shares of comparisons that find the second session slower, and quicker."""
    generator = np.random.default_rng(7)
    told = []
    for _ in range(SESSIONS):
        before, after = session(generator, 1.0, follows, drift), session(generator, work, follows, drift)
        told.append(apart.estimate(apart.ratio(after, before)))
    slower = sum(one.low is not None and one.low > 1 for one in told)
    quicker = sum(one.high is not None and one.high < 1 for one in told)
    return slower / SESSIONS, quicker / SESSIONS


@pytest.mark.parametrize(("follows", "allowed"), [(0.0, 5 / 40), (0.5, 0.025), (1.0, 0.025)])
def test_two_sessions_of_one_thing_are_rarely_told_apart(follows: float, allowed: float) -> None:
    """Of forty comparisons of equals five may be called slower where nothing follows the machine's speed, else one."""
    assert max(shares(follows=follows)) <= allowed


def test_a_usual_comparison_of_the_same_sessions_is_mostly_wrong() -> None:
    """Welch's interval of the latencies alone, which knows nothing of sessions, excludes 1 in most of them."""
    generator = np.random.default_rng(7)
    wrong = 0
    for _ in range(SESSIONS):
        one, other = (session(generator).latency for _ in range(2))
        sds = [statistics.log_sd(each) or 0.0 for each in (one, other)]
        half = student(0.95, 8) * math.sqrt((sds[0] ** 2 + sds[1] ** 2) / 5)
        wrong += abs(math.log(one.value / other.value)) > half
    assert wrong / SESSIONS > 0.6


def test_a_twentieth_more_work_is_found() -> None:
    """On a machine whose speed differs by 2 % between sessions five per cent more work are nearly always told."""
    slower, quicker = shares(work=1.05, drift=0.02)
    assert slower > 0.9
    assert quicker == 0


def reading(value: float, ruler: float | None) -> Reading:
    """Return a latency of five processes that do not differ, against a ruler."""

    def steady(level: float) -> Estimate:
        return Estimate(value=level, low=level, high=level, invocations=5)

    if ruler is None:
        return Reading(latency=steady(value))
    return Reading(latency=steady(value), ruler=steady(ruler), against=steady(value / ruler))


@pytest.mark.parametrize(("slope", "least", "most"), [(1.0, 0.0, 0.01), (0.7, 0.15, 0.16), (0.0, 0.5, 0.5)])
def test_processes_that_follow_their_ruler_leave_less_open(slope: float, least: float, most: float) -> None:
    """Half of what a slope lacks to 1 is left open, never more than half of all."""
    wander = [(ruler, slope * ruler) for ruler in (-0.02, -0.01, 0.0, 0.01, 0.02)]
    assert least <= apart._left_open(wander) <= most
    assert apart._left_open(wander[:3]) == LEFT_OPEN


def test_the_machines_own_change_is_taken_out_and_half_of_it_left_open() -> None:
    """A latency and a ruler 10 % slower are a ratio of 1, and its deviation holds half of the ruler's change."""
    found = apart.ratio(reading(0.011, 1.1), reading(0.010, 1.0), Spread(ruled=0.005))
    assert found.ratio == pytest.approx(1.0)
    assert found.machine == pytest.approx(1.1)
    assert found.log_sd == pytest.approx(math.hypot(math.sqrt(2) * 0.005, LEFT_OPEN * math.log(1.1)))


def test_what_is_not_known_of_a_unit_is_assumed() -> None:
    """Without a selftest the documented spread holds, without a ruler in both sessions the one of bare latencies."""
    ruled = apart.ratio(reading(0.01, 1.0), reading(0.01, 1.0))
    bare = apart.ratio(reading(0.01, None), reading(0.01, 1.0))
    own = apart.ratio(reading(0.01, None), reading(0.01, None), Spread(bare=0.002))
    assert ruled.log_sd == pytest.approx(math.sqrt(2) * SPREAD)
    assert bare.log_sd == pytest.approx(math.sqrt(2) * SPREAD_WITHOUT_RULER)
    assert own.log_sd == pytest.approx(math.sqrt(2) * 0.002)
    assert (ruled.machine, bare.machine, own.machine) == (1.0, None, None)


def test_four_processes_on_one_side_give_no_interval() -> None:
    """Below five processes there is a ratio alone."""
    few = apart.reading({i: {0: 0.02} for i in range(4)}, None)
    assert few is not None
    found = apart.ratio(few, reading(0.01, None))
    assert (found.log_sd, found.freedom) == (None, None)
    assert apart.estimate(found).value == pytest.approx(2.0)
    assert apart.estimate(found).low is None


def test_nothing_measured_is_no_reading() -> None:
    """A trial without rounds has no latency; a ruler of other rounds rules nothing."""
    assert apart.reading({}, None) is None
    other = apart.reading({0: {0: 0.01}}, {0: {1: 0.01}})
    assert other is not None
    assert (other.ruler, other.against, other.wander) == (None, None, ())


def test_an_interval_at_another_level_follows_student() -> None:
    """The half-width is Student's t of its degrees of freedom times the deviation, whichever the level."""
    found = Apart(ratio=1.0, machine=None, log_sd=0.01, freedom=7)
    for level in (0.9, 0.99):
        assert math.log(apart.estimate(found, level).high or 1.0) == pytest.approx(0.01 * student(level, 7))
        leveled = statistics.at_level(apart.estimate(found), level)
        assert leveled.high == pytest.approx(apart.estimate(found, level).high)


def test_the_spread_between_sessions_is_what_processes_do_not_explain() -> None:
    """Forty simulated sessions give back the residue they were made with; few give none; equal ones give zero."""
    generator = np.random.default_rng(3)
    readings = [session(generator) for _ in range(40)]
    assert apart.between_sessions(one.against for one in readings) == pytest.approx(RESIDUE, rel=0.25)
    assert apart.between_sessions(one.latency for one in readings) == pytest.approx(DRIFT, rel=0.25)
    assert apart.between_sessions(one.against for one in readings[:7]) is None
    assert apart.between_sessions([reading(0.01, 1.0).against] * 8) == 0.0
