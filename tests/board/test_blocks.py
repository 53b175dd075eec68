"""How long blocks are, and in which rounds a trial has one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.blocks import calls_per_sample, paced_calls, samples_per_block, takes_part

CLOCK_PAIR_S = 52e-9
CALLS_S = st.floats(1e-9, 10)


@given(CALLS_S)
def test_sample_is_long_against_the_clock_and_no_longer_than_needed(call_s: float) -> None:
    """Reading the clock takes at most 1 % of a sample, and with one call fewer it would take more."""
    calls = calls_per_sample(call_s)
    assert calls >= 1
    assert calls * call_s >= 100 * CLOCK_PAIR_S * (1 - 1e-9)
    assert calls == 1 or (calls - 1) * call_s < 100 * CLOCK_PAIR_S * (1 + 1e-9)


@pytest.mark.parametrize(("call_s", "calls"), [(1.0, 1), (5.3e-6, 1), (5.1e-6, 2), (1e-6, 6), (1.5e-7, 35)])
def test_calls_per_sample(call_s: float, calls: int) -> None:
    """The limit lies at 5.2 us, a hundred clock pairs."""
    assert calls_per_sample(call_s) == calls


@given(st.floats(5e-6, 10), st.floats(1e-3, 1))
def test_samples_fill_the_block_and_no_more(sample_s: float, block_s: float) -> None:
    """A block has the fewest samples that fill it: one at least, 200 at most."""
    samples = samples_per_block(sample_s, block_s)
    assert 1 <= samples <= 200
    assert samples == 200 or samples * sample_s >= block_s * (1 - 1e-9)
    assert (samples - 1) * sample_s < block_s


@pytest.mark.parametrize(("sample_s", "samples"), [(0.03, 1), (0.0299, 2), (0.01, 3), (1.0, 1), (0.00015, 200)])
def test_samples_per_block(sample_s: float, samples: int) -> None:
    """A block of 30 ms ends with the sample that completes it."""
    assert samples_per_block(sample_s, 0.03) == samples


@given(st.floats(0.01, 1000))
def test_paced_block_has_a_second_of_arrivals_and_ten_at_least(hz: float) -> None:
    """From first to last arrival, a period more than that: a second, or ten periods."""
    calls = paced_calls(hz)
    assert calls >= 10
    assert calls / hz >= max(1, 10 / hz) * (1 - 1e-9)
    assert calls == 10 or (calls - 1) / hz < 1


@given(st.floats(1e-6, 0.05), st.integers(0, 100))
def test_quick_trial_has_a_block_in_every_round(call_s: float, number: int) -> None:
    """Only calls above 50 ms leave rounds out."""
    assert takes_part(call_s, number)


@given(st.floats(0.0501, 10), st.integers(0, 100))
def test_slow_trial_has_every_other_pair_of_rounds(call_s: float, number: int) -> None:
    """Rounds 0 and 1 of every four."""
    assert takes_part(call_s, number) == (number % 4 in (0, 1))
