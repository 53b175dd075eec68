"""Outliers: classes at their fences, and whether something was seen that explains them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.board.wire import Watched
from edgebench.measure.outliers import Outliers, classified, coinciding
from tests.measure.test_series import BLOCK

QUARTILES = [0.0, 1.0, 2.0, 3.0, 4.0] * 20
"""Quartiles 1 and 3: fences at -2 and 6, and at -5 and 9."""

WATCHED = Watched(
    session="s1", invocation=0, round=0, start_ns=0, wall_ns=10**9, loop_ns=10**5, stream_ns=10**5, cpu_waiting_ns=0
)


@pytest.mark.parametrize(
    ("sample", "counts"),
    [
        (6.0, (0, 0, 0, 0)),
        (6.1, (0, 0, 1, 0)),
        (9.0, (0, 0, 1, 0)),
        (9.1, (0, 0, 0, 1)),
        (-2.0, (0, 0, 0, 0)),
        (-2.1, (1, 0, 0, 0)),
        (-5.1, (0, 1, 0, 0)),
    ],
)
def test_fences(sample: float, counts: tuple[int, int, int, int]) -> None:
    """Beyond 1.5 interquartile ranges mild, beyond 3 severe, on either side; on a fence neither."""
    found = classified({0: [*QUARTILES, sample]})
    assert (found.mild_low, found.severe_low, found.mild_high, found.severe_high) == counts
    assert found.total == sum(counts)
    assert found.samples == 101


def test_processes_have_fences_of_their_own() -> None:
    """A process slower than the others is not full of outliers."""
    generator = np.random.default_rng(1)
    quick, slow = generator.uniform(0.9, 1.1, 100).tolist(), generator.uniform(1.9, 2.1, 100).tolist()
    assert classified({0: quick, 1: slow}).total == 0
    assert classified({0: [*quick, *slow[:20]]}).severe_high == 20


def test_samples_that_are_all_equal() -> None:
    """A clock too coarse for its samples: what differs at all lies beyond every fence."""
    assert classified({0: [1.0] * 50}).total == 0
    assert classified({0: [1.0] * 50 + [1.5, 0.5]}) == Outliers(
        samples=52, mild_low=0, severe_low=1, mild_high=0, severe_high=1
    )
    assert classified({}) == classified({0: []})


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60))
def test_unit_and_order_do_not_matter(samples: list[float]) -> None:
    """Counts are those of the set of samples; doubling all of them changes nothing."""
    assert classified({0: samples[::-1]}) == classified({0: samples})
    assert classified({0: [2 * sample for sample in samples]}) == classified({0: samples})


def test_signals_that_explain_an_outlier() -> None:
    """An interruption, a fault or lost CPU time in the very sample, or a disturbed round; else it stays unexplained."""
    usual = tuple(1_000_000 + 1000 * (k % 5) for k in range(20))
    block = replace(
        BLOCK,
        wall_ns=(*usual, 2_000_000),
        cpu_ns=(*usual, 2_000_000),
        involuntary_switches=(0,) * 21,
        major_faults=(0,) * 21,
    )
    assert coinciding([block], []) == 0.0
    assert coinciding([block], [WATCHED]) == 0.0
    assert coinciding([replace(block, involuntary_switches=(*[0] * 20, 1))], []) == 1.0
    assert coinciding([replace(block, involuntary_switches=(1, *[0] * 20))], []) == 0.0  # another sample's
    assert coinciding([replace(block, major_faults=(*[0] * 20, 1))], []) == 1.0
    assert coinciding([replace(block, cpu_ns=(*usual, 1_000_000))], []) == 1.0
    assert coinciding([replace(block, cpu_ns=(*usual, 1_000_000))], [], own_cpu=False) == 0.0
    assert coinciding([block], [replace(WATCHED, cpu_waiting_ns=300_000_000)]) == 1.0
    assert coinciding([block], [replace(WATCHED, cpu_waiting_ns=300_000_000, round=1)]) == 0.0
    assert coinciding([block], [replace(WATCHED, cpu_waiting_ns=300_000_000, trial="another")]) == 0.0
    own = replace(block, cpu_ns=(), involuntary_switches=(), major_faults=())
    assert coinciding([own], []) == 0.0


def test_share_counts_all_outliers_of_all_blocks() -> None:
    """One explained of two is a half; without an outlier there is nothing to explain."""
    usual = tuple(1_000_000 + 1000 * (k % 5) for k in range(20))
    quiet = replace(BLOCK, wall_ns=usual, cpu_ns=usual, involuntary_switches=(0,) * 20, major_faults=(0,) * 20)
    slow = replace(quiet, round=1, wall_ns=(*usual[:19], 2_000_000), cpu_ns=(*usual[:19], 2_000_000))
    switched = replace(slow, round=2, involuntary_switches=(*[0] * 19, 2))
    assert coinciding([quiet], []) is None
    assert coinciding([quiet, slow, switched], []) == 0.5
