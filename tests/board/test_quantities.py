"""A power is no energy, and a number is neither until its unit is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgebench.board.quantities import (
    Joules,
    Watts,
    joules,
    microjoules,
    microvolts_microamperes,
    microwatts,
    millivolts_milliamperes,
    milliwatts,
    volts_amperes,
    watt_hours,
    watts,
)


def test_one_power_has_many_units_and_one_value() -> None:
    """Each way to name it gives the same watts."""
    ways = (
        watts(2.5),
        milliwatts(2500),
        microwatts(2_500_000),
        volts_amperes(5.0, 0.5),
        millivolts_milliamperes(5000, 500),
        microvolts_microamperes(5_000_000, 500_000),
    )
    assert [one.w for one in ways] == pytest.approx([2.5] * len(ways), rel=1e-12)


def test_one_energy_has_many_units_and_one_value() -> None:
    """Joules, microjoules, watt hours, and a power over seconds."""
    assert joules(3600.0) == watt_hours(1) == watts(1800).over(2.0)
    assert microjoules(3_600_000_000).j == pytest.approx(3600.0, rel=1e-12)
    assert joules(6.0).per(2.0) == watts(3.0)


def test_powers_add_up_with_powers_and_energies_with_energies() -> None:
    """Sums and differences keep their kind; they can be put in order."""
    assert watts(1.0) + watts(2.0) - watts(0.5) == watts(2.5)
    assert joules(1.0) + joules(2.0) - joules(0.5) == joules(2.5)
    assert watts(1.0) < watts(2.0)
    assert joules(1.0) <= joules(1.0)


@pytest.mark.parametrize("other", [1.0, 1, joules(1.0)])
def test_power_does_not_mix(other: object) -> None:
    """A bare number or an energy is no power, and nothing else makes one of it."""
    with pytest.raises((TypeError, AttributeError)):
        watts(1.0) + other  # type: ignore[operator] # the very mistake
    with pytest.raises(TypeError):
        watts(1.0) < other  # type: ignore[operator] # noqa: B015
    with pytest.raises(TypeError):
        Watts(4880)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Joules(4880)  # type: ignore[call-arg]


MISTAKES = """
from edgebench.board.quantities import Joules, Watts, milliwatts, watts
from edgebench.board.sensors import Channel, Value
from edgebench.measure.energy import Span, integrated, per_call

told_mw: int = 4880
power: Watts = told_mw
twice: Watts = milliwatts(told_mw) + told_mw
energy: Joules = milliwatts(told_mw)
integrated([0.0, 1.0], [told_mw, told_mw], Span(start_s=0, end_s=1))
per_call(watts(4.88), Span(start_s=0, end_s=1), 1, watts(1), watts(1))
"""


@pytest.mark.slow
def test_milliwatts_are_no_watts_to_the_type_checker(tmp_path: Path) -> None:
    """Each of five ways to take a bare number, or a power, for what it is not is an error before anything runs."""
    file = tmp_path / "mistakes.py"
    file.write_text(MISTAKES)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(file)]
    done = subprocess.run([*command, f"--cache-dir={tmp_path}"], cwd=root, capture_output=True, text=True, check=False)
    wrong = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line and "mistakes" in line}
    assert wrong == {7, 8, 9, 10, 11}, done.stdout
