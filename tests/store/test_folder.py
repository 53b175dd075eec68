import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgebench.board.wire import FootprintsDone, InvocationDone, Signals, Watched, encode
from edgebench.errors import UsageError
from edgebench.measure.plan import Protocol
from edgebench.store import SCHEMA, RunFolder, create, newest_unfinished
from edgebench.store.records import Ended, Line, Resumed, RunStarted

NOW = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
STARTED = RunStarted(
    schema=SCHEMA,
    edgebench_version="0",
    started="2026-11-22T10:15:00+00:00",
    unit="host",
    device="x86",
    seed=1,
    protocol=Protocol(),
    trials=(),
    sessions=(),
    formats={},
    watts_per_core_low=None,
    watts_per_core_high=None,
    facts={"machine": "x86_64"},
    versions={"numpy": "2.4"},
)
DONE = Ended(at="2026-11-22T10:25:00+00:00", how="done")
INTERRUPTED = Ended(at="2026-11-22T10:25:00+00:00", how="interrupted")
RESUMED = Resumed(at="2026-11-22T10:30:00+00:00")


def kept(path: Path, *lines: Line) -> RunFolder:
    """Return a run folder with these lines in its journal."""
    path.mkdir(parents=True)
    folder = RunFolder(path=path)
    with folder.opened() as journal:
        for line in lines:
            journal.append(line)
    return folder


def test_a_folder_is_named_by_unit_and_time(tmp_path: Path) -> None:
    """A run lies under its unit, named by its start in UTC; two runs of one second do not meet."""
    first, second = create(tmp_path, "rpi4-a", NOW), create(tmp_path, "rpi4-a", NOW)
    assert first.path.parent == tmp_path / "rpi4-a"
    assert first.path.name.startswith("2026-11-22T10-15-00Z-")
    assert first.path != second.path
    assert list(first.path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """Where a file is in the way, the error names the folder and the option that chooses another."""
    (tmp_path / "results").touch()
    with pytest.raises(UsageError, match=r"results/host/.*cannot be made .*--results"):
        create(tmp_path / "results", "host", NOW)


def test_no_journal_is_no_run(tmp_path: Path) -> None:
    """A folder without a journal, and a journal without a run, are refused in one sentence."""
    with pytest.raises(UsageError, match=r"is no run folder: expected a file journal.jsonl"):
        RunFolder(path=tmp_path).read()
    with pytest.raises(UsageError, match="does not begin with a run"):
        kept(tmp_path / "empty").read()


def test_the_newest_run_that_has_not_ended_is_found(tmp_path: Path) -> None:
    """Finished runs, runs of other units and folders without a run are passed over; interrupted ones are not."""
    assert newest_unfinished(tmp_path, "host") is None
    kept(tmp_path / "host" / "2026-01-01", STARTED)
    wanted = kept(tmp_path / "host" / "2026-01-02", STARTED, INTERRUPTED)
    kept(tmp_path / "host" / "2026-01-03", STARTED, DONE)
    kept(tmp_path / "host" / "2026-01-04")
    kept(tmp_path / "rpi4-a" / "2026-01-05", STARTED)
    assert newest_unfinished(tmp_path, "host") == wanted
    resumed = kept(tmp_path / "host" / "2026-01-06", STARTED, INTERRUPTED, RESUMED)
    assert newest_unfinished(tmp_path, "host") == resumed


def test_finished_runs_are_passed_over_unread(tmp_path: Path) -> None:
    """Whether a run ended is told from the end of its journal: nothing before that is read."""
    wanted = kept(tmp_path / "host" / "2026-01-01", STARTED)
    for name, plan in (("2026-01-02", STARTED), ("2026-01-03", replace(STARTED, schema=SCHEMA - 1))):
        folder = kept(tmp_path / "host" / name, plan)
        folder.journal.write_bytes(folder.journal.read_bytes() + b"no record\n" + encode(DONE))
        with pytest.raises(UsageError):
            folder.read()
    assert newest_unfinished(tmp_path, "host") == wanted


def test_a_spool_gives_what_the_journal_lacks(tmp_path: Path) -> None:
    """Lines that the host never received are appended once, half a line is not, and the spool is gone."""
    signals = Signals(session="s1", present={"steal": "/proc/stat"}, absent={})
    watched = Watched(session="s1", invocation=1, round=0, start_ns=1, wall_ns=2, loop_ns=3, stream_ns=4)
    first, second = (InvocationDone(session="s1", invocation=number, seconds=1.0) for number in (0, 1))
    folder = kept(tmp_path / "run", STARTED, signals, first)
    received = [encode(signals), encode(first)]
    missing = [encode(FootprintsDone(session="s1", seconds=0.1 + 0.2)), encode(watched), encode(second)]
    (folder.path / "spool-s1.jsonl").write_bytes(b"".join((*received, *missing, encode(second)[:-5])))
    with folder.opened() as journal:
        folder.adopt_spools(journal)
    assert folder.journal.read_bytes() == b"".join((encode(STARTED), *received, *missing))
    assert [path.name for path in folder.path.iterdir()] == ["journal.jsonl"]


def test_a_board_has_no_say_in_the_plan(tmp_path: Path) -> None:
    """Lines of a spool that only the host writes are not adopted."""
    folder = kept(tmp_path / "run", STARTED)
    (folder.path / "spool-s1.jsonl").write_bytes(encode(DONE) + encode(RESUMED))
    with folder.opened() as journal:
        folder.adopt_spools(journal)
    assert folder.journal.read_bytes() == encode(STARTED)


def test_the_context_says_what_all_rows_share(tmp_path: Path) -> None:
    """context.json holds machine, versions, seed and protocol, and is the same text each time."""
    folder = kept(tmp_path / "run", STARTED, DONE)
    folder.write_tables()
    text = (folder.path / "context.json").read_text()
    context = json.loads(text)
    assert (context["schema"], context["seed"], context["ended"]) == (SCHEMA, 1, "done")
    assert context["facts"] == {"machine": "x86_64"}
    assert context["protocol"]["invocations"] == Protocol().invocations
    folder.write_tables()
    assert (folder.path / "context.json").read_text() == text


def test_the_sample_run_can_still_be_read(tmp_path: Path) -> None:
    """The run in results/sample gives its tables again: a journal of this schema stays readable."""
    (sample,) = (Path(__file__).parents[2] / "results" / "sample").iterdir()
    copied = tmp_path / sample.name
    shutil.copytree(sample, copied)
    made = RunFolder(path=copied).write_tables()
    assert len(made["trials"]) == 13
    assert set(made["trials"]["status"]) == {"done"}
