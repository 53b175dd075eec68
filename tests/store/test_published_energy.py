"""Published powers and energies: the arithmetic of ours gives theirs back."""

import pytest

from edgebench.board.quantities import watts
from edgebench.measure.energy import Span, per_call
from edgebench.store.published_energy import Derived, derived

ROWS = tuple(derived())
BOARDS = {"coral", "jetson", "jetson_cpu", "rpi", "tinker"}


def test_every_row_is_there() -> None:
    """27 models on five settings of four boards, each named once."""
    assert len(ROWS) == len({(row.board, row.runtime, row.model) for row in ROWS}) == 27
    assert {row.board for row in ROWS} == BOARDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.board}-{row.runtime}-{row.model}")
def test_share_above_idle_follows_from_the_powers(row: Derived) -> None:
    """A board at a multiple of its idle power spends the rest above idle, in whatever time and number of calls."""
    window = Span(start_s=3.0, end_s=28.0)
    idle = watts(2.65)
    load = watts(row.power_over_idle * idle.w).over(window.seconds)
    found = per_call(load, window, 5000, idle, idle)
    assert found.above_idle.j / found.total.j == pytest.approx(row.above_idle_share, abs=0.0015)
