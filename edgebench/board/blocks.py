"""How long blocks are, and in which rounds a trial has one."""

import math

from edgebench.board.wire import SLOW_CALL_S

_MOST_SAMPLES = 200
_CLOCK_PAIR_S = 52e-9
_CLOCK_SHARE = 0.01
_PACED_S = 1.0
_PACED_CALLS = 10


def calls_per_sample(call_s: float) -> int:
    """Return how many calls a sample needs so that reading the clock costs under 1 % of it.

    >>> calls_per_sample(0.01), calls_per_sample(1e-6)
    (1, 6)
    """
    return max(1, -int(-_CLOCK_PAIR_S / _CLOCK_SHARE // call_s))


def samples_per_block(sample_s: float, block_s: float) -> int:
    """Return how many samples fill a block, 200 at most.

    >>> samples_per_block(0.009, 0.03), samples_per_block(0.2, 0.03), samples_per_block(1e-5, 0.03)
    (4, 1, 200)
    """
    return min(_MOST_SAMPLES, math.ceil(block_s / sample_s))


def paced_calls(pace_hz: float) -> int:
    """Return how many calls arrive in a block of a paced trial: those of a second, ten at least.

    >>> paced_calls(30), paced_calls(2.5)
    (30, 10)
    """
    return max(_PACED_CALLS, math.ceil(_PACED_S * pace_hz))


def takes_part(call_s: float, number: int) -> bool:
    """Tell whether a trial has a block in a round: a slow one only in rounds 0, 1, 4, 5, 8, ...

    In pairs, so that two slow trials still stand in both orders equally often.

    >>> [number for number in range(8) if takes_part(0.2, number)]
    [0, 1, 4, 5]
    """
    return call_s <= SLOW_CALL_S or number // 2 % 2 == 0
