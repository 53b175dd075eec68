"""The trials of one run set against each other."""

from edgebench.judge import compare, together
from edgebench.judge.compare import UNTESTED
from edgebench.store.rows import PairRow, TrialRow
from tests.report.test_answer import pair, trial


def backend(name: str, latency_s: float, flags: str = "") -> TrialRow:
    """Return a trial of VGG in a backend."""
    return trial(trial=name, backend=name, latency_p50_s=latency_s, invocations=5, precision_asked="fp32", flags=flags)


def ratio(subject: str, baseline: str, low: float, value: float, high: float) -> PairRow:
    """Return the ratio of two backends of VGG."""
    bounds = {"latency_ratio_low": low, "latency_ratio": value, "latency_ratio_high": high}
    return pair(by="backend", subject=subject, baseline=baseline, invocations=5, mult_adds_ratio=None, **bounds)


TRIALS = (backend("a", 0.01, "parity"), backend("b", 0.02), backend("c", 0.03), backend("null", 0.001))
PAIRS = (ratio("c", "b", 1.4, 1.5, 1.6), ratio("b", "a", 1.9, 2.0, 2.1), ratio("c", "a", 2.9, 3.0, 3.1))


def test_nothing_is_set_against_an_invalid_figure_while_there_is_another() -> None:
    """The quickest trial that is one of what was asked for is the baseline; a baseline that is named stays it."""
    (group,) = together.groups(TRIALS, PAIRS, "backend", UNTESTED)
    assert group.against.backend == "b"
    assert [row.outcome for row in compare.rows(group.compared, UNTESTED, None)] == ["invalid", "slower"]
    (named,) = together.groups(TRIALS, PAIRS, "backend", UNTESTED, "a")
    assert [row.outcome for row in compare.rows(named.compared, UNTESTED, None)] == ["invalid", "invalid"]


def test_a_standing_holds_what_has_a_rank_and_what_has_none() -> None:
    """The fastest, those behind it with what is said of them, and apart from both the INVALID; no ruler."""
    (standing,) = together.standings(TRIALS, PAIRS, UNTESTED)
    assert standing.best is not None
    assert standing.best.backend == "b"
    assert [(row.backend, row.outcome, row.ratio) for row in standing.behind] == [("c", "slower", 1.5)]
    assert [row.backend for row in standing.invalid] == ["a"]


def test_a_ratio_is_turned_to_the_quickest() -> None:
    """A pair whose subject is the quickest by latency tells how far it lies behind, as a ratio below 1."""
    trials = (backend("b", 0.02), backend("c", 0.0201))
    (standing,) = together.standings(trials, (ratio("b", "c", 1.09, 1.1, 1.11),), UNTESTED)
    assert [(row.outcome, row.ratio) for row in standing.behind] == [("faster", 1 / 1.1)]
