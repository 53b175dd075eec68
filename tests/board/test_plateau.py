"""Where a long run comes to rest."""

import pytest

from edgebench.board.plateau import Look, Minute, minutes, reached

MINUTE_NS = 60 * 10**9


def look(at_s: float, call_s: float, celsius: float | None = None) -> Look:
    """A block."""
    return Look(start_ns=7 + round(at_s * 1e9), call_s=call_s, temperature_c=celsius)


def level(*calls: float, celsius: tuple[float | None, ...] = ()) -> list[Minute]:
    """Minutes with these medians."""
    warm = celsius or (None,) * len(calls)
    return [Minute(call_s=call, temperature_c=one) for call, one in zip(calls, warm, strict=True)]


def test_minutes_are_full_ones() -> None:
    """Medians of their blocks and the last temperature; the minute that is going on is none of them."""
    looks = [look(0, 1.0, 50.0), look(20, 3.0, 51.0), look(40, 2.0, 52.0), look(61, 5.0, 60.0), look(119, 7.0, 61.0)]
    assert minutes(looks, looks[0].start_ns + 2 * MINUTE_NS) == level(2.0, 6.0, celsius=(52.0, 61.0))
    assert minutes(looks, looks[0].start_ns + 2 * MINUTE_NS - 1) == level(2.0, celsius=(52.0,))
    assert minutes([], 0) == []


@pytest.mark.parametrize(
    ("found", "is_level"),
    [
        (level(1.0, 1.0, 1.0), False),  # the first never counts
        (level(1.0, 1.3, 1.3, 1.3), True),
        (level(1.0, 1.3, 1.3, 1.305), True),
        (level(1.0, 1.3, 1.3, 1.32), False),
        (level(1.0, 1.1, 1.2, 1.3, 1.3, 1.3), True),
        (level(1.0, 1.3, 1.3, 1.3, celsius=(50.0, 70.0, 71.0, 72.0)), True),
        (level(1.0, 1.3, 1.3, 1.3, celsius=(50.0, 60.0, 63.0, 66.0)), False),  # it still warms
        (level(1.0, 1.3, 1.3, 1.3, celsius=(50.0, None, None, 66.0)), True),
        (level(), False),
    ],
)
def test_three_minutes_that_are_alike_are_a_plateau(found: list[Minute], is_level: bool) -> None:
    """Within 1 % of each other, and no longer warming by more than two degrees a minute."""
    assert reached(found) is is_level
