"""The order of trials in the rounds: random cyclic Latin squares, replayable from the recorded seed."""

import random


def start_order(trials: int, seed: int, invocation: int) -> list[int]:
    """Return in which order the workers of an invocation start.

    >>> sorted(start_order(3, seed=1, invocation=0))
    [0, 1, 2]
    """
    return _shuffled(trials, random.Random(f"start {seed} {invocation}"))


def round_orders(trials: int, rounds: int, seed: int, invocation: int) -> list[list[int]]:
    """Return the order of the trials in each round of an invocation.

    Every `trials` rounds form a cyclic Latin square over a new random order, so that each trial stands at each
    position equally often and a linear drift cancels; two trials give A B, B A. Without trials there is no round.

    >>> len({tuple(order) for order in round_orders(2, 2, seed=1, invocation=0)})
    2
    """
    generator = random.Random(f"rounds {seed} {invocation}")
    orders: list[list[int]] = []
    while trials and len(orders) < rounds:
        base = _shuffled(trials, generator)
        orders += [base[shift:] + base[:shift] for shift in range(trials)]
    return orders[:rounds]


def _shuffled(trials: int, generator: random.Random) -> list[int]:
    order = list(range(trials))
    generator.shuffle(order)
    return order
