from dataclasses import replace

import pytest

from edgebench.analysis.executed import Executed, KindExecuted
from edgebench.errors import UsageError
from edgebench.judge.executed import compare
from edgebench.standin.counter.tally import Tally


def counted(tally: Tally, kinds: tuple[KindExecuted, ...] | None = None, **facts: object) -> Executed:
    """Make a count of one inference."""
    plain = Executed(
        model="m",
        batch=1,
        device="rpi4",
        cpu="cortex-a72",
        backend="onnxruntime",
        runtime_version="1.30.0",
        precision="fp32",
        parity_max_abs_diff=0.0,
        parity_scale=1.0,
        mult_adds=1000,
        tally=tally,
        elsewhere=0,
        kinds=kinds,
        edgebench_version="0",
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


OLD = Tally(instructions={"fma_vector": 250, "branch": 9}, fused_vector_lanes=1000)
NEW = Tally(instructions={"fma_vector": 250, "load": 4}, fused_vector_lanes=1000)


def test_every_figure_is_compared() -> None:
    """Each kind of instruction that either side executed has a row, and each sort of lane."""
    (found,) = compare([counted(OLD)], [counted(NEW, runtime_version="1.31.1")])
    assert [(row.what, row.before, row.after, row.difference, row.ratio) for row in found.rows] == [
        ("all", 259, 254, -5, 254 / 259),
        ("fma_vector", 250, 250, 0, 1.0),
        ("load", 0, 4, 4, None),
        ("branch", 9, 0, -9, 0.0),
        ("fused_vector_lanes", 1000, 1000, 0, 1.0),
    ]
    assert not found.same


def test_the_same_is_the_same() -> None:
    """Two counts without any difference are told to be the same."""
    (found,) = compare([counted(OLD)], [counted(OLD, runtime_version="2")])
    assert found.same


def test_kinds_of_layers_are_compared_where_both_have_them() -> None:
    """A kind that only one side has is compared with nothing; where a side has no kinds, none are compared."""
    old = (KindExecuted(kind="conv_3x3", layers=1, mult_adds=1, tally=OLD),)
    new = (KindExecuted(kind="Reorder", layers=1, mult_adds=None, tally=NEW),)
    (found,) = compare([counted(OLD, old)], [counted(OLD, new)])
    totals = [(row.kind, row.before, row.after) for row in found.rows if row.what == "all"]
    assert totals == [(None, 259, 259), ("conv_3x3", 259, 0), ("Reorder", 0, 254)]
    (plain,) = compare([counted(OLD, old)], [counted(OLD)])
    assert plain.same


def test_backends_find_their_own() -> None:
    """Of files with several backends those are compared that stand in both."""
    ncnn = counted(OLD, backend="ncnn")
    found = compare([counted(OLD), ncnn], [ncnn])
    assert [one.before.backend for one in found] == ["ncnn"]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([counted(OLD, model="other")], "model is m in the first and other in the second"),
        ([counted(OLD, cpu="cortex-a76")], "cpu is cortex-a72 in the first and cortex-a76"),
        ([], "one of them is empty"),
    ],
)
def test_counts_that_do_not_belong_together_are_refused(other: list[Executed], words: str) -> None:
    """What differs in more than the runtime's version is no comparison of versions."""
    with pytest.raises(UsageError, match=words):
        compare([counted(OLD)], other)
