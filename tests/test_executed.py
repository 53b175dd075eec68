"""The command line of executed instructions: what goes together, and what it prints of two files."""

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from edgebench import cli
from edgebench.board.wire import encode
from edgebench.errors import UsageError
from edgebench.standin.counter.aarch64 import Kind
from tests.judge.test_executed import NEW, OLD, counted


def edge(*words: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(cli.app, list(words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--device", "rpi4"], "--device belongs to --executed"),
        (["--repeats", "0"], "--repeats belongs to --executed"),
        (["--executed"], "--executed needs a --device"),
        (["--executed", "--device", "rpi4"], "--executed needs a --device"),
        (["--executed", "--device", "rpi4", "--backend", "ncnn", "--layers"], "goes with --batch and --by kind alone"),
        (["--executed", "--device", "rpi4", "--backend", "ncnn", "--by", "convention"], "--by kind alone"),
        (["--executed", "--by", "size"], "--by is 'size'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str], told: str) -> None:
    """Options of the one way to count are not silently ignored by the other."""
    error = edge("count", "lenet5", *words).exception
    assert isinstance(error, UsageError)
    assert told in str(error)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Return two files of counts that differ."""
    for name, tally in (("a", OLD), ("b", NEW)):
        (tmp_path / name).write_bytes(encode([counted(tally)]))
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_compare_needs_to_know_what(files: tuple[str, str]) -> None:
    """There is one thing to compare so far, and it is named."""
    assert isinstance(edge("compare", *files).exception, UsageError)


def test_differences_are_printed(files: tuple[str, str]) -> None:
    """For people a table of what differs, for machines every figure."""
    printed = edge("compare", "--executed", *files)
    assert (printed.exit_code, "branches" in printed.output) == (0, True)
    (found,) = json.loads(edge("compare", "--executed", *files, "--json").output)
    assert [row["what"] for row in found["rows"]] == ["all", "fma_vector", "load", "branch", "fused_vector_lanes"]


SAVED = Path(__file__).parent / "data" / "executed"
"""What two versions of onnxruntime executed for MobileNetV1 on an emulated Cortex-A72, as they were counted."""


def test_two_versions_of_a_runtime_differ_as_the_docs_tell() -> None:
    """The whole table of docs/executed.md comes from the two counts, kinds of layers and all, to the instruction."""
    printed = edge("compare", "--executed", *(str(SAVED / f"onnxruntime-{one}.json") for one in ("1.22.0", "1.31.1")))
    assert printed.exit_code == 0
    page = (Path(__file__).parents[1] / "docs" / "executed.md").read_text(encoding="utf-8")
    _, _, after = page.partition("```text\n")
    told, _, _ = after.partition("```")
    lines = [line.rstrip() for line in printed.output.splitlines()]
    assert [line for line in lines if line] == [line for line in told.splitlines() if line]


def test_only_the_figures_that_moved_are_in_that_table() -> None:
    """Parts sum up to the whole on both sides, and the depthwise kernel is what made the difference."""
    old, new = (str(SAVED / f"onnxruntime-{one}.json") for one in ("1.22.0", "1.31.1"))
    (found,) = json.loads(edge("compare", "--executed", old, new, "--json").output)
    whole = {row["what"]: row for row in found["rows"] if row["kind"] is None}
    kinds = {row["kind"]: row for row in found["rows"] if row["kind"] is not None and row["what"] == "all"}
    for side in ("before", "after"):
        assert sum(whole[what][side] for what in whole if what in get_args(Kind)) == whole["all"][side]
    moved = {kind: row["before"] - row["after"] for kind, row in kinds.items()}
    assert max(moved, key=lambda kind: abs(moved[kind])) == "conv_dw_3x3"
    assert abs(moved["conv_dw_3x3"] - (whole["all"]["before"] - whole["all"]["after"])) < 0.01 * moved["conv_dw_3x3"]


def test_the_same_is_said_in_a_sentence(files: tuple[str, str]) -> None:
    """Where nothing differs there is no table."""
    printed = edge("compare", "--executed", files[0], files[0]).output
    assert printed == "m in onnxruntime: the same, instruction for instruction.\n"
