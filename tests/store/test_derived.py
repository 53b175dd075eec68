"""Reading the tables of a run without its journal."""

from dataclasses import fields
from pathlib import Path

import pytest

from edgebench.errors import UsageError
from edgebench.store import derived
from edgebench.store.rows import BackendRow, TrialRow

(SAMPLE,) = sorted((Path(__file__).parents[2] / "results" / "sample").glob("*/"))

HEADER = ",".join(field.name for field in fields(BackendRow))
ROW = "s1,net,fp32,1,1,torch,done,0.5,,,,1.0,,,True,"


def table(folder: Path, *lines: str) -> Path:
    """Write a table of backends, and return its path."""
    path = folder / "backends.csv"
    path.write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    return path


def test_a_row_comes_back_as_the_record_that_was_written(tmp_path: Path) -> None:
    """Numbers, truths and empty cells are read as the types of the record's fields."""
    (row,) = derived.records(table(tmp_path, ROW), BackendRow)
    assert (row.threads, row.latency_p50_s, row.latency_p50_low_s, row.best, row.flags) == (1, 0.5, None, True, "")


def test_a_column_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """A run of an earlier version lacks columns: what may be empty is; of unknown columns nothing is read."""
    path = tmp_path / "trials.csv"
    needed = (
        "session,trial,model,backend,precision_asked,threads_asked,batch,twin,status,unit,device,emulated,provenance"
    )
    path.write_text(
        f"{needed},invocations,samples,footprints,flags,later\ns1,m|b|fp32|threads=1|batch=1,m,b,fp32,1,1,False,done,u,d,False,measured,5,1,1,,x\n"
    )
    (row,) = derived.records(path, TrialRow)
    assert (row.model, row.energy_j, row.flags) == ("m", None, "")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (ROW.replace("0.5", "fast"), "line 2: latency_p50_s is 'fast'"),
        (ROW.replace("True", "yes"), "line 2: best is 'yes'"),
        (ROW.replace(",1,1,torch", ",,1,torch"), "line 2: threads is empty"),
    ],
)
def test_what_is_no_such_row_is_one_sentence(tmp_path: Path, line: str, named: str) -> None:
    """A wrong cell is told with file, line, column and what to do."""
    with pytest.raises(UsageError) as told:
        derived.records(table(tmp_path, line), BackendRow)
    assert named in str(told.value)
    assert "edgebench recompute" in str(told.value)


def test_a_cell_of_ten_thousand_characters_is_read(tmp_path: Path) -> None:
    """Names may be long."""
    (row,) = derived.records(table(tmp_path, ROW.replace("net", "n" * 200_000)), BackendRow)
    assert len(row.model) == 200_000


def test_a_folder_without_tables_says_how_to_make_them(tmp_path: Path) -> None:
    """A journal without tables names the command that makes them; nothing at all says what was expected."""
    with pytest.raises(UsageError, match="expected a run folder"):
        derived.with_tables(tmp_path)
    run = tmp_path / "host" / "run"
    run.mkdir(parents=True)
    (run / "journal.jsonl").touch()
    with pytest.raises(UsageError, match=r"edgebench recompute .*run"):
        derived.with_tables(tmp_path)


def test_a_run_folder_is_found_by_itself_and_below_others() -> None:
    """A run folder is one by itself, and one of those below its parents."""
    assert derived.with_tables(SAMPLE) == (SAMPLE,)
    assert SAMPLE in derived.with_tables(SAMPLE.parents[1])


def test_context_holds_every_setting_as_text() -> None:
    """All leaves of context.json are settings by their path; absent signals keep their reason."""
    found = derived.context(SAMPLE)
    settings = dict(found.settings)
    assert (settings["protocol.rounds"], settings["protocol.target"], settings["facts.cores"]) == ("10", "-", "2")
    assert found.absent["temperature"] == "no thermal zone is a processor's"
    assert settings["signals.absent.temperature"] == found.absent["temperature"]


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_a_context_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """What is no JSON object is one sentence."""
    (tmp_path / "context.json").write_text(text)
    with pytest.raises(UsageError, match=r"context\.json"):
        derived.context(tmp_path)
