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
            (1.2, 1.3),
            {"flags": frozenset({"parity"})},
            "The gate cannot tell: 2 of 2 could not be judged.",
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


def test_a_gate_that_judged_some_rows_says_which_it_did_not() -> None:
    """Yes holds for what could be judged; with --fail-noisy the others are a no, and what is new is not among them."""
    noisy = ratio(1.2, flags=frozenset({"drift"}))
    new = compare.Compared(before=None, after=trial())
    made = compare.rows([ratio(1.0), noisy, new], Known(), 0.0)
    said = "The gate says yes: nothing of what could be judged is told to be slower at all; 1 of 3 could not be."
    assert said in list(compared.sentences(made, 0.0))
    said = "The gate says no, as --fail-noisy asks: 1 of 3 could not be judged."
    assert said in list(compared.sentences(made, 0.0, fail_noisy=True))
    assert said in list(compared.markdown(made, (), (), 0.0, fail_noisy=True))
    only_new = compare.rows([new], Known(), 0.0)
    assert "The gate cannot tell: no trial is on both sides." in list(compared.sentences(only_new, 0.0))


def test_the_first_of_many_noisy_rows_is_not_all_of_them() -> None:
    """The first is named with its reason, the others are counted; a reason that is not theirs is said to be its own."""
    noisy = rows(1.2, 1.3, 1.4, flags=frozenset({"drift"}))
    assert "Noisy: m ncnn fp32 and 2 more. Flagged: drift; and the session's A/A' was not measured." in list(
        compared.sentences(noisy, 0.0)
    )
    other = rows(1.2, flags=frozenset({"stolen"}))
    assert any(
        "m ncnn fp32 and 3 more. The first: Flagged: drift" in one for one in compared.sentences(noisy + other, 0.0)
    )


def test_what_passes_though_its_ratio_is_beyond_the_gate_is_told() -> None:
    """A row that is slower than allowed by its ratio alone is named with what decided, the others are counted."""
    said = list(compared.sentences(rows(1.055, 1.054, fail_above=0.05), 0.05))
    assert said[2].startswith(
        "Slower, but not told to be so by more than 5 %: m ncnn fp32 1.05x and 1 more. The 97.5 %"
    )
    assert said[2].endswith(" contains 1.05.")
    assert not any(one.startswith("Slower") for one in compared.sentences(rows(1.2, 1.01, fail_above=0.05), 0.05))


def test_the_interval_that_decided_stands_below_the_rows_own() -> None:
    """Of two open rows it is one of 97.5 %; of a row alone it is its own, and stands once."""
    (line, _) = (one for one in compared.markdown(rows(1.0, 1.0), (), (), 0.0) if one.startswith("| m "))
    assert "1.00x [0.990, 1.01] decided on [0.9883, 1.012] |" in line
    (line,) = (one for one in compared.markdown(rows(1.0), (), (), 0.0) if one.startswith("| m "))
    assert "1.00x [0.990, 1.01] |" in line


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


def test_the_trials_of_one_run_are_no_before_and_after() -> None:
    """In Markdown too each stands against a baseline; of devices the unit is named."""
    page = list(compared.markdown(rows(1.2), (), (), None, by="backend"))
    assert "| trial | against | baseline | this | ratio | outcome |" in page
    assert "| m ncnn fp32 | ncnn | 10.0 ms | 10.0 ms | 1.20x [1.19, 1.21] | **slower** |" in page
    page = list(compared.markdown(rows(1.2), (), (), None, by="device"))
    assert "| m ncnn fp32 on my-board | - | 10.0 ms | 10.0 ms | 1.20x [1.19, 1.21] | **slower** |" in page


def test_what_else_changed_is_text() -> None:
    """Settings of unknown origin are no markup."""
    changed = Difference(what="kernel", before="6.1 <b>", after="@all [x](y)")
    page = "\n".join(compared.markdown(rows(1.0), (changed,), ("a `note`",), None))
    assert "<b>" not in page
    assert "@all" not in page
    assert "](" not in page
    assert page.endswith("- a `note`")
    assert "The gate" not in page
