"""The orders in which trials start and take turns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.order import round_orders, start_order

TRIALS = st.integers(1, 17)
SEEDS = st.integers(0, 2**40)
INVOCATIONS = st.integers(0, 40)


@given(TRIALS, st.integers(1, 5), SEEDS, INVOCATIONS)
def test_each_trial_stands_at_each_position_equally_often(
    trials: int, squares: int, seed: int, invocation: int
) -> None:
    """Every `trials` rounds are a Latin square: a permutation a round, and each trial once at each position."""
    everyone = set(range(trials))
    orders = round_orders(trials, squares * trials, seed, invocation)
    for first in range(0, len(orders), trials):
        square = orders[first : first + trials]
        assert all(set(row) == everyone and len(row) == trials for row in square)
        assert all(set(column) == everyone for column in zip(*square, strict=True))


@given(TRIALS, st.integers(0, 40), SEEDS, INVOCATIONS)
def test_orders_are_replayable(trials: int, rounds: int, seed: int, invocation: int) -> None:
    """The same seed gives the same orders, and fewer rounds give the beginning of more."""
    orders = round_orders(trials, rounds + trials, seed, invocation)
    assert orders == round_orders(trials, rounds + trials, seed, invocation)
    assert orders[:rounds] == round_orders(trials, rounds, seed, invocation)
    assert start_order(trials, seed, invocation) == start_order(trials, seed, invocation)


@given(st.integers(1, 20), SEEDS, INVOCATIONS)
def test_two_trials_swap_places_in_every_pair_of_rounds(pairs: int, seed: int, invocation: int) -> None:
    """Two trials are measured A B, B A: what drifts linearly within two rounds hits both alike."""
    orders = round_orders(2, 2 * pairs, seed, invocation)
    for first, second in zip(orders[::2], orders[1::2], strict=True):
        assert first == second[::-1]


@given(TRIALS, SEEDS, INVOCATIONS)
def test_start_order_is_a_permutation(trials: int, seed: int, invocation: int) -> None:
    """Every worker starts exactly once."""
    assert sorted(start_order(trials, seed, invocation)) == list(range(trials))


@pytest.mark.parametrize("varied", ["seed", "invocation", "square"])
def test_orders_are_drawn_anew(varied: str) -> None:
    """Another seed, another invocation and the next square each draw another order: no order is favoured."""
    draws = {
        "seed": [round_orders(4, 4, seed, 0)[0] for seed in range(50)],
        "invocation": [round_orders(4, 4, 1, invocation)[0] for invocation in range(50)],
        "square": round_orders(4, 200, 1, 0)[::4],
    }[varied]
    assert {order[0] for order in draws} == {0, 1, 2, 3}
    assert len({tuple(order) for order in draws}) > 12


@given(st.integers(0, 40), SEEDS, INVOCATIONS)
def test_without_trials_there_is_no_round(rounds: int, seed: int, invocation: int) -> None:
    """A session whose trials were all lost before its first round has nothing to put in order."""
    assert round_orders(0, rounds, seed, invocation) == []
