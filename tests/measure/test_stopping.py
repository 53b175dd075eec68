"""When a session ends: every pair narrow enough, five invocations at least, the lost left out."""

import math

import pytest

from edgebench.measure.series import Series
from edgebench.measure.stopping import half_widths, narrow_enough

T_4 = 2.7764451052  # Student's t, 97.5 %, four degrees of freedom


def trial(logs: list[float], first: int = 0) -> Series:
    """One round an invocation, these percents above 10 ms."""
    wall = {first + i: {0: 0.010 * math.exp(log / 100)} for i, log in enumerate(logs)}
    return Series(wall_s=wall, cpu_s={}, samples_s=(), blocks=(), partial=False)


STEADY = trial([0.0] * 5)
WIDE = trial([0.0, 1.0, 2.0, 3.0, 4.0])
WIDTH = math.exp(T_4 * math.sqrt(2.5) / 100 / math.sqrt(5)) - 1


def test_half_width_of_every_pair() -> None:
    """Of each two trials the relative half-width of their ratio; alone, that of the latency."""
    found = half_widths({"a": STEADY, "b": WIDE, "c": STEADY})
    assert found == {("a", "b"): pytest.approx(WIDTH), ("a", "c"): 0.0, ("b", "c"): pytest.approx(WIDTH)}
    assert half_widths({"b": WIDE}) == {("b", "b"): pytest.approx(WIDTH)}
    assert half_widths({"a": trial([0.0] * 4), "b": trial([0.0] * 4)}) == {("a", "b"): None}
    assert half_widths({}) == {}


def test_session_goes_on_until_the_widest_pair_is_narrow() -> None:
    """The target itself is narrow enough."""
    both = {"a": STEADY, "b": WIDE}
    width = half_widths(both)["a", "b"]
    assert width is not None
    assert narrow_enough(both, width)
    assert not narrow_enough(both, 0.999 * width)
    assert not narrow_enough({**both, "c": STEADY}, 0.999 * width)
    assert narrow_enough({"a": STEADY, "c": STEADY}, 0.0001)


def test_four_invocations_are_never_enough() -> None:
    """However alike they are; nor is nothing."""
    assert not narrow_enough({"a": trial([0.0] * 4), "b": trial([0.0] * 4)}, 1.0)
    assert not narrow_enough({}, 1.0)
    assert not narrow_enough({"a": trial([])}, 1.0)


def test_lost_trial_does_not_hold_up_the_others() -> None:
    """One without a block in the last invocation will never get narrower; one that cannot start is not even there."""
    assert narrow_enough({"a": STEADY, "b": trial([0.0] * 5), "lost": trial([0.0, 5.0, 9.0])}, 0.01)
    assert not narrow_enough({"a": STEADY, "late": trial([0.0, 5.0, 9.0], first=2)}, 0.01)
