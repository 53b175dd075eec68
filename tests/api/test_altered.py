"""Run folders of which somebody changed a cell: `report` and `compare` answer with a sentence, or go on."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edgebench import cli
from edgebench.api import histories, reporting
from edgebench.errors import UsageError
from edgebench.report.page import composing
from edgebench.store import derived
from tests.report.page.runs import SAMPLE

READ = ("trials.csv", "pairs.csv", "backends.csv", "layers.csv", "rounds.csv", "verdicts.csv", "context.json")
DEEP = "[" * 200_000


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a copy of the sample run, as far as both commands read it."""
    folder = tmp_path / "deep" / "x" / "y" / "host" / "run"
    folder.mkdir(parents=True)
    for name in READ:
        shutil.copy(SAMPLE / name, folder)
    return folder


def alter(run: Path, name: str, column: str, value: str) -> None:
    """Write a value into the first cell of a column that is not empty, or into the first row of an empty one."""
    with (run / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    next((row for row in rows if row[column]), rows[0])[column] = value
    with (run / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def edge(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(cli.app, [*map(str, words)])


def assert_refused(run: Path, name: str, *commands: str) -> None:
    """Assert that commands end with one sentence that names the file, which the program ends with code 2 for."""
    for command in commands:
        error = edge(command, run.parents[4]).exception
        assert isinstance(error, UsageError), (command, error)
        assert name in str(error)
        assert "\n" not in str(error)
        assert len(str(error)) < 600


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("twin", ""),
        ("threads_asked", ""),
        ("threads_asked", "0"),
        ("batch", "1.5e400"),
        ("batch", "9" * 5000),
        ("batch", "0"),
        ("latency_p50_s", "abc"),
        ("latency_p50_s", "-1"),
        ("latency_p50_s", "nan"),
        ("latency_p50_high_s", "1e400"),
    ],
)
def test_a_wrong_cell_of_a_trial_is_one_sentence(run: Path, column: str, value: str) -> None:
    """Whatever a cell of trials.csv holds that no run writes there, both commands say so alike."""
    alter(run, "trials.csv", column, value)
    assert_refused(run, "trials.csv", "report", "compare")


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("trials.csv", "mult_adds", "-5"),
        ("trials.csv", "trial", "zz"),
        ("layers.csv", "trial", "zz"),
        ("layers.csv", "mult_adds", "many"),
        ("pairs.csv", "latency_ratio", "0"),
        ("pairs.csv", "twin_ratio_low", "-0.5"),
        ("pairs.csv", "latency_ratio_high", ""),
        ("pairs.csv", "cpu_ratio_low", "1e9"),
        ("rounds.csv", "start_s", "abc"),
        ("rounds.csv", "wall_p50_s", "1e400"),
        ("rounds.csv", "complete", "perhaps"),
        ("rounds.csv", "round", ""),
        ("trials.csv", "bound_s", "-1"),
        ("verdicts.csv", "low", "inf"),
        ("verdicts.csv", "consequence", "happier"),
    ],
)
def test_a_wrong_cell_of_another_table_is_one_sentence(run: Path, name: str, column: str, value: str) -> None:
    """What a page alone reads, a report refuses; a table over many runs does not need it."""
    alter(run, name, column, value)
    assert_refused(run, name, "report")


@pytest.mark.parametrize("text", [DEEP, "{", "\xff", '{"unit": ' + "9" * 5000 + "}"])
def test_a_context_that_is_none_is_one_sentence(run: Path, text: str) -> None:
    """So is a context that is nested too deeply, or that holds a number of too many digits."""
    (run / "context.json").write_text(text, encoding="latin-1")
    assert_refused(run, "context.json", "report", "compare")


def test_a_file_of_another_size_is_one_sentence(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than a run's tables are is not read at all."""
    monkeypatch.setattr(derived, "MOST_BYTES", 1000)
    assert_refused(run, "context.json", "report", "compare")


def test_one_wrong_run_leaves_the_others(run: Path) -> None:
    """Of many runs the one that cannot be read is named with its reason, and the others are told."""
    shutil.copytree(run, run.with_name("other"))
    alter(run, "trials.csv", "batch", "0")
    found = histories.history(run.parent)
    assert {row.run for row in found.rows} == {"other"}
    (left,) = found.left_out
    assert left.startswith("run: ")
    assert "batch is '0'" in left


@pytest.mark.parametrize("told", [lambda at: composing.page(reporting.material(at)), histories.history])
def test_what_no_rule_forbids_is_told(run: Path, told: Callable[[Path], object]) -> None:
    """A backend, a clock and a pair of trials that are not there take nothing else away."""
    alter(run, "trials.csv", "backend", "another")
    alter(run, "pairs.csv", "subject", "nobody")
    alter(run, "pairs.csv", "decided_on", "sundial")
    told(run)


def test_both_commands_find_the_same_runs(run: Path) -> None:
    """However deep a run lies below a folder, `report` and `compare` tell of it."""
    at = run.parents[4]
    assert derived.with_tables(at) == (run,)
    assert {row.run for row in histories.history(at).rows} == {"run"}
    assert derived.with_tables(run) == (run,)
