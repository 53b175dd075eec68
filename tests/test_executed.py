"""The command line of executed instructions: what goes together, and what it prints of two files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edgebench import cli
from edgebench.board.wire import encode
from edgebench.errors import UsageError
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


def test_the_same_is_said_in_a_sentence(files: tuple[str, str]) -> None:
    """Where nothing differs there is no table."""
    printed = edge("compare", "--executed", files[0], files[0]).output
    assert printed == "m in onnxruntime: the same, instruction for instruction.\n"
