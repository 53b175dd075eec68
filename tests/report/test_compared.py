"""Comparisons in words: the answer first."""

import re
from typing import Any

import pytest

from edgebench.judge import compare
from edgebench.judge.compare import ComparedRow, Known
from edgebench.judge.context import Difference
from edgebench.report import compared
from tests.judge.test_compare import compared as ratio
from tests.judge.test_compare import trial


def rows(*values: float, fail_above: float | None = 0.0, **given: Any) -> tuple[ComparedRow, ...]:
    """Return the rows of trials that take so many times as long as before."""
    return compare.rows([ratio(value, **given) for value in values], Known(), fail_above)


@pytest.mark.parametrize(
    ("values", "given", "said"),
    [
        ((1.0,), {}, "The gate says yes: nothing is told to be slower at all."),
        ((1.2,), {}, "The gate says no: slower at all: m ncnn fp32 1.20x."),
        (
            (1.2,),
            {"flags": frozenset({"parity"})},
            "The gate says yes: nothing is told to be slower at all; 1 of 1 could not be judged.",
        ),
    ],
)
def test_the_gate_says_what_it_stands_on(values: tuple[float, ...], given: dict[str, Any], said: str) -> None:
    """It names what is slower, and how many rows it could not judge."""
    assert said in list(compared.sentences(rows(*values, **given), 0.0))


def test_a_gate_says_what_it_can_see() -> None:
    """The smallest slowdown that would have been told, of the finest and of the coarsest row; none without a gate."""
    made = compare.rows([ratio(1.0, 0.02), ratio(1.0, 0.08), ratio(1.0, None)], Known(), 0.05)
    fine, coarse = (f"{100 * ((row.slower_from or 0) - 1):.0f}" for row in made[:2])
    (said,) = (one for one in compared.sentences(made, 0.05) if one.startswith("The smallest slowdown"))
    found = re.findall(r"([\d.]+) %", said)
    assert len(found) == 4
    assert [f"{float(one):.0f}" for one in found[:2]] == [fine, coarse]
    assert said.endswith(f"to fail the gate, {found[2]} % to {found[3]} %.")
    assert not [one for one in compared.sentences(rows(1.0, fail_above=None), None) if "smallest" in one]


def test_the_gravest_rows_come_first() -> None:
    """What fails stands before what is lost, that before what is faster, and last what is not told apart."""
    lost = compare.Compared(before=trial(), after=trial(status="lost", latency_p50_s=None))
    made = compare.rows([ratio(1.0), ratio(0.8), lost, ratio(1.3)], Known(), 0.0)
    lines = [line for line in compared.markdown(made, (), (), 0.0) if line.startswith("| m ")]
    words = [line.split("|")[6].strip() for line in lines]
    assert words == ["**slower**", "lost", "faster", "not told apart"]


def test_a_summary_for_a_pull_request_has_an_end() -> None:
    """Of many rows those that say most are shown, and the rest is counted."""
    made = rows(*[1.0] * 100)
    lines = list(compared.markdown(made, (), (), 0.0))
    assert sum(line.startswith("| m ") for line in lines) == 60
    assert "40 more rows are not shown; the first are those that say most." in lines


def test_what_else_changed_is_text() -> None:
    """Settings of unknown origin are no markup."""
    changed = Difference(what="kernel", before="6.1 <b>", after="@all [x](y)")
    page = "\n".join(compared.markdown(rows(1.0), (changed,), ("a `note`",), None))
    assert "<b>" not in page
    assert "@all" not in page
    assert "](" not in page
    assert page.endswith("- a `note`")
    assert "The gate" not in page
