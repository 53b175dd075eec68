from dataclasses import replace
from typing import Any, get_args

from rich.console import Console

from edgebench.analysis.executed import KindExecuted
from edgebench.judge.executed import compare
from edgebench.report import executed
from edgebench.standin.counter.aarch64 import Kind
from tests.judge.test_executed import NEW, OLD, counted


def text(table: Any) -> list[str]:
    """Return the lines of a table, each with single spaces."""
    console = Console(width=120, file=None, record=True, quiet=False)
    with console.capture() as captured:
        console.print(table)
    return [" ".join(line.split()) for line in captured.get().splitlines()]


def test_every_kind_has_a_title() -> None:
    """People read words, not the names of fields."""
    assert tuple(executed.TITLES) == get_args(Kind)


def test_backends_stand_side_by_side() -> None:
    """Each backend has a column; kinds that none executed have no row."""
    lines = text(executed.executed([counted(OLD), replace(counted(NEW), backend="ncnn", again=(254, 250))]))
    assert "instructions 259 254" in lines
    assert "loads, general registers 0 4" in lines
    assert "lanes per mult-add 1.0000 1.0000" in lines
    assert "counted again - within 4" in lines
    assert not [line for line in lines if line.startswith("stores")]


def test_kinds_of_layers_without_sizes_have_no_ratios() -> None:
    """A pooling has instructions and lanes, and no mult-adds to set them against."""
    kinds = (KindExecuted(kind="Pool", layers=2, mult_adds=None, tally=OLD),)
    table = executed.kinds(replace(counted(OLD), kinds=kinds))
    assert "Pool 2 259 - 1,000 -" in text(table)
    assert executed.kinds(counted(OLD)) is None


def test_only_differences_are_shown() -> None:
    """Equal rows are left out; of kinds of layers there are instructions and lanes, the rest is in the JSON."""
    old, new = ((KindExecuted(kind="conv", layers=1, mult_adds=1, tally=tally),) for tally in (OLD, NEW))
    (found,) = compare([counted(OLD, old)], [counted(NEW, new)])
    lines = text(executed.difference(found))
    assert lines.count("branches 9 0 -9 0.000000") == 1
    assert "loads, general registers 0 4 +4 -" in lines
    assert "conv 259 254 -5 0.980695" in lines
    assert not [line for line in lines if line.startswith("multiply-adds")]
