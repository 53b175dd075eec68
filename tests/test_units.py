import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench import units

SHOWN = [
    (units.seconds(0.00834), "8.34 ms"),
    (units.seconds(2.5), "2.50 s"),
    (units.seconds(61), "61.0 s"),
    (units.seconds(33.4e-6), "33.4 us"),
    (units.seconds(0.0009996), "1.00 ms"),  # what rounds up to the next unit is shown in it
    (units.seconds(9.996e-3), "10.0 ms"),
    (units.size(17_686_528), "16.9 MiB"),
    (units.size(1023), "1023 B"),
    (units.size(1024), "1.00 KiB"),
    (units.count(15_470_264_320), "15.5 G"),
    (units.count(840), "840"),
    (units.energy(0.0123), "12.3 mJ"),
    (units.ratio(27.2014), "27.2x"),
    (units.ratio(0.8349), "0.835x"),
    (units.ratio(0.99996), "1.00x"),
    (units.digits(0.9987), "0.999"),
    (units.digits(-1.25), "-1.25"),
    (units.span(0.00834, 0.00851), "[8.34, 8.51]"),
    (units.span(0.00098, 0.00102), "[0.980, 1.02] ms"),
    (units.energy_span(0.0324, 0.346), "32.4..346 mJ"),
    (units.clock_time(59.6), "1 min 0 s"),
    (units.clock_time(8.2), "8 s"),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN)
def test_a_value_is_shown_with_its_unit(text: str, expected: str) -> None:
    """SI values come out with three significant digits in the unit that suits them."""
    assert text == expected


@pytest.mark.parametrize("show", [units.seconds, units.size, units.count, units.energy, units.ratio, units.digits])
def test_what_is_missing_is_a_dash(show: Callable[[float | None], str]) -> None:
    """Nothing is never shown as a number, and zero never as nothing."""
    assert show(None) == "-"
    assert show(0.0).startswith("0")


@given(st.floats(min_value=1e-9, max_value=999))
def test_spans_have_three_significant_digits(value: float) -> None:
    """A span below a thousand seconds is told within half a unit of its third digit, in no more than four signs."""
    number, unit = units.seconds(value).split()
    scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit]
    assert re.fullmatch(r"\d{3}|\d{2}\.\d|\d\.\d{2}", number)
    assert float(number) * scale == pytest.approx(value, rel=0.005)
