"""A failure is a row or one sentence, with the documented exit code, and loses nothing that was measured before."""

import itertools
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.failures.running import Bench, Ended, Folder, Json, agent_of, ended, interrupt_group, mounting, until

NULL = "null:work=2000"
FAILURES = {
    # how          stage       exit status, signal, words in the reason
    "kill": ("block", "", "SIGKILL", "ended by SIGKILL"),
    "segfault": ("first call", "", "SIGSEGV", "ended by SIGSEGV"),
    "exit": ("warm-up", "7", "", "ended with exit status 7"),
    "raise": ("block", "", "", "RuntimeError: the accelerator fell asleep"),
    "abort": ("import", "", "SIGABRT", "ended by SIGABRT; stderr: failing: no kernel for this processor"),
    "hang-load": ("load", "", "", "no answer within 3 s"),
    "hang-call": ("block", "", "", "no answer within 3 s"),
}
MEASURE = ("run", "--model", "lenet5", "--backend", NULL)

need_mounts = pytest.mark.skipif(mounting() is None, reason="needs `unshare --mount` and the right to mount a tmpfs")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench in a new folder."""
    return Bench.made(tmp_path)


# --- workers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Ended]:
    """Measure one sound backend beside one for each way to fail, and check that no process is left."""
    bench = Bench.made(tmp_path_factory.mktemp("failed"))
    backends = itertools.chain.from_iterable(("--backend", f"failing:how={how}") for how in FAILURES)
    done = bench.run(*MEASURE, *backends, "--invocations", "2")
    bench.all_gone()
    return bench, done


@pytest.mark.parametrize("how", FAILURES)
def test_a_worker_that_fails_is_a_row(failed: tuple[Bench, Ended], how: str) -> None:
    """A worker that is killed, crashes, raises or hangs gives a row with its stage, its end and its last words."""
    row = failed[0].only_run().trial(f"failing:how={how}")
    stage, exit_status, by_signal, words = FAILURES[how]
    assert (row["status"], row["stage"]) == ("lost", stage)
    assert (row["exit_status"], row["signal"]) == (exit_status, by_signal)
    assert row["reason"] == words


def test_a_worker_that_fails_disturbs_no_other_trial(failed: tuple[Bench, Ended]) -> None:
    """Lost trials make the exit code 3 and are not started again; all others are measured to their end."""
    bench, done = failed
    assert done.code == 3
    folder = bench.only_run()
    assert [(row["status"], row["invocations"]) for row in folder.table("trials") if row["backend"] == NULL] == [
        ("done", "2"),
        ("done", "2"),
    ]
    assert sorted(record["trial"] for record in folder.journal("lost")) == sorted(
        f"lenet5|failing:how={how}|fp32|threads=1|batch=1" for how in FAILURES
    )
    folder.check_tables()
    for how in FAILURES:
        assert f"failing:how={how}: lost at stage {FAILURES[how][0]}" in " ".join(done.out.split())


# --- the journal ------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(failed: tuple[Bench, Ended], tmp_path: Path) -> tuple[Bench, Folder]:
    """Return a bench with a copy of a finished run."""
    bench = Bench.made(tmp_path)
    shutil.copytree(failed[0].results, bench.results)
    return bench, bench.only_run()


def test_a_damaged_journal_is_one_sentence(copied: tuple[Bench, Folder]) -> None:
    """A line in the middle of a journal that is no record makes recompute say which, change nothing and end with 2."""
    bench, folder = copied
    lines = folder.text().splitlines()
    lines[4] = lines[4][: len(lines[4]) // 2]
    (folder.path / "journal.jsonl").write_text("\n".join([*lines, ""]))
    before = (folder.path / "trials.csv").read_bytes()
    done = bench.run("recompute", str(folder.path))
    assert done.code == 2
    assert "journal.jsonl: line 5 is no record of this version: Invalid JSON" in done.sentence()
    assert (folder.path / "trials.csv").read_bytes() == before


def test_half_a_last_line_is_left_out(copied: tuple[Bench, Folder]) -> None:
    """Half a line at the end, as a power cut leaves it, takes nothing from what stands before it."""
    bench, folder = copied
    before = {path.name: path.read_bytes() for path in folder.path.glob("*.csv")}
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"session":"s1","invo')
    for path in folder.path.glob("*.csv"):
        path.unlink()
    assert bench.run("recompute", str(folder.path)).code == 3  # as the run itself: it has lost trials
    assert {path.name: path.read_bytes() for path in folder.path.glob("*.csv")} == before


# --- ends before the end ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command of a run that was disturbed: its end, what was known just before, and what its folder held after."""

    end: Ended
    done_before: int
    blocks_before: list[Json]
    after: Folder

    def check_nothing_lost(self) -> None:
        """Check that every block that the agent had spooled or the host had written stands in the journal."""
        kept = self.after.journal("block")
        assert self.blocks_before
        assert all(block in kept for block in self.blocks_before)


def _half_line(folder: Folder) -> None:
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"session":"s1","invo')


DISTURBANCES: dict[str, Callable[["subprocess.Popen[str]"], None]] = {
    "agent": lambda process: agent_of(process).kill(),
    "interrupt": lambda process: process.send_signal(signal.SIGINT),
    "ctrl-c": interrupt_group,
    "host": lambda process: process.kill(),
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """Measure two invocations, and disturb the second one in every way, each time going on with --resume."""
    bench = Bench.made(tmp_path_factory.mktemp("history"))
    steps = {}
    commands = itertools.chain([(*MEASURE, "--invocations", "2")], itertools.repeat(("run", "--resume")))
    for (name, disturb), command in zip(DISTURBANCES.items(), commands, strict=False):
        steps[name] = _disturbed(bench, command, disturb)
    _half_line(bench.only_run())
    folder = bench.only_run()
    blocks = [*folder.journal("block"), *folder.spooled("block")]
    end = bench.run("run", "--resume")
    bench.all_gone()
    steps["end"] = Step(end=end, done_before=1, blocks_before=blocks, after=folder)
    return steps


def _disturbed(bench: Bench, command: tuple[str, ...], disturb: "Callable[[subprocess.Popen[str]], None]") -> Step:
    """Disturb a command when its agent has measured two blocks of the second invocation."""
    with bench.started(bench.command(*command), {}) as process:
        until(lambda: list(bench.results.glob("*/*/journal.jsonl")) or process.poll() is not None, "a journal")
        folder = bench.only_run()
        until(lambda: _in_second(folder) or process.poll() is not None, "blocks of the second invocation")
        done, blocks = len(folder.journal("invocation")), [*folder.journal("block"), *folder.spooled("block")]
        disturb(process)
        end = ended(process)
        bench.all_gone()
    after = bench.folder / f"after-{process.pid}"
    shutil.copytree(folder.path, after)
    return Step(end=end, done_before=done, blocks_before=blocks, after=Folder(path=after))


def _in_second(folder: Folder) -> bool:
    return bool(folder.journal("invocation")) and len(folder.spooled("block")) >= 2


@pytest.mark.slow
def test_a_lost_agent_is_a_row(history: dict[str, Step]) -> None:
    """An agent that is killed makes its session lost at stage agent, and the exit code 3; its blocks are kept."""
    step = history["agent"]
    assert step.end.code == 3
    assert {(row["status"], row["stage"]) for row in step.after.table("trials")} == {("lost", "agent")}
    assert "the agent ended (signal 9)" in step.after.trial("lenet5")["reason"]
    assert not step.after.spooled("block")
    step.check_nothing_lost()
    step.after.check_tables()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["interrupt", "ctrl-c"])
def test_an_interrupt_keeps_what_was_measured(history: dict[str, Step], how: str) -> None:
    """SIGINT, to the host or to its whole process group, ends a run with 130 and tables of what was measured."""
    step = history[how]
    assert step.end.code == 130
    assert "go on with --resume" in step.end.err
    rows = step.after.table("trials")
    assert [(row["status"], row["invocations"]) for row in rows] == [("unfinished", "1")] * 2
    assert not step.after.spooled("block")
    step.check_nothing_lost()
    step.after.check_tables()


@pytest.mark.slow
def test_a_killed_host_takes_its_agent_with_it(history: dict[str, Step]) -> None:
    """kill -9 of the host ends agent and workers by themselves; the spool keeps what the host had not received."""
    step = history["host"]
    assert step.end.code == -signal.SIGKILL
    assert step.after.spooled("block")
    journal = step.after.journal("block")
    assert all(block in [*journal, *step.after.spooled("block")] for block in step.blocks_before)


@pytest.mark.slow
def test_resume_ends_a_run_as_if_undisturbed(history: dict[str, Step]) -> None:
    """--resume adopts the spool, leaves out half a last line, and ends with the rows of an undisturbed run."""
    step = history["end"]
    assert step.end.code == 0
    rows = step.after.table("trials")
    assert [(row["status"], row["stage"], row["reason"], row["invocations"], row["twin"]) for row in rows] == [
        ("done", "", "", "2", "False"),
        ("done", "", "", "2", "True"),
    ]
    assert not list(step.after.path.glob("spool-*"))
    step.check_nothing_lost()
    step.after.check_tables()


@pytest.mark.slow
def test_resume_repeats_nothing(history: dict[str, Step]) -> None:
    """No completed invocation is measured again: each --resume only appends, under numbers not used before."""
    earlier = ""
    for name, step in history.items():
        assert step.done_before == 1, name
        text = step.after.text().rpartition("\n")[0]
        assert text.startswith(earlier)
        earlier = text
    folder = history["end"].after
    assert len(folder.journal("invocation")) == 2
    started = [(record["invocation"], record["trial"]) for record in folder.journal("ready")]
    assert len(set(started)) == len(started)
    complete = [row for row in folder.table("rounds") if row["complete"] == "True"]
    assert len(complete) == 2 * 2 * 10  # invocations, trials, rounds


def test_an_interrupt_before_measuring_leaves_nothing(bench: Bench) -> None:
    """SIGINT while a run is planned ends it with 130 and one sentence; nothing is written."""
    with bench.started(bench.command(*MEASURE), {}) as process:
        until(lambda: len(bench.processes()) > 1, "an agent")
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert done.code in {130, -signal.SIGINT}  # the same to a shell; which one is a matter of where Python just was
    assert done.sentence() == "edgebench: interrupted."
    bench.all_gone()
    assert not bench.results.exists()


# --- conversion -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Bench, Ended]]:
    """Measure models that do not convert: one beside one that does and, at the same time, two that crash converters."""
    refused, crashed = (Bench.made(tmp_path_factory.mktemp(name)) for name in ("refused", "crashed"))
    models = ("--model", "misfit", "--model", "lenet5")
    first = refused.command("run", *models, "--backend", "onnxruntime", "--invocations", "1")
    models = ("--model", "misfit:how=kill", "--model", "misfit:how=exit")
    second = crashed.command("run", *models, "--backend", "onnxruntime", "--backend", NULL, "--invocations", "1")
    with refused.started(first, {}) as one, crashed.started(second, {}) as other:
        return {"refused": (refused, ended(one)), "crashed": (crashed, ended(other))}


@pytest.mark.slow
def test_a_model_that_does_not_convert_is_an_answer(converted: dict[str, tuple[Bench, Ended]]) -> None:
    """A network that a format cannot express is `unsupported`, which is no failure; the others are measured."""
    bench, done = converted["refused"]
    assert done.code == 0, done.err
    folder = bench.only_run()
    row = folder.trial("misfit")
    assert (row["status"], row["stage"], row["invocations"]) == ("unsupported", "convert", "0")
    assert "this network does not export" in row["reason"]
    assert (folder.trial("lenet5")["status"], folder.trial("lenet5")["invocations"]) == ("done", "1")
    folder.check_tables()


@pytest.mark.slow
def test_a_converter_that_crashes_is_a_lost_trial(converted: dict[str, tuple[Bench, Ended]]) -> None:
    """A converter that ends before it answers makes its trials lost, with stage and end; the others are measured."""
    bench, done = converted["crashed"]
    assert done.code == 3
    rows = {(row["model"], row["backend"]): row for row in bench.only_run().table("trials") if row["twin"] == "False"}
    killed = rows["misfit:how=kill", "onnxruntime"]
    assert (killed["status"], killed["stage"]) == ("lost", "convert")
    assert killed["reason"] == "the converter ended by SIGKILL"
    early = rows["misfit:how=exit", "onnxruntime"]
    assert (early["status"], early["stage"]) == ("lost", "build")
    assert early["reason"] == "the converter ended with status 9 and no answer"
    assert [row["status"] for (_, backend), row in rows.items() if backend == NULL] == ["done", "done"]


# --- disks ------------------------------------------------------------------------------------------------------------


@need_mounts
@pytest.mark.slow
def test_a_full_disk_keeps_what_was_measured(bench: Bench) -> None:
    """A disk that fills up ends a run with 3 and one sentence; with room made, --resume goes on where it stood."""
    saved = bench.folder / "saved"
    arguments = bench.command(*MEASURE, "--invocations", "2")
    done = bench.run_mounted("results", "size=200k", arguments, afterwards="cp -r results saved")
    assert done.code == 3
    last = done.err.splitlines()[-1]
    assert last.startswith("edgebench: results/host/")
    assert "journal.jsonl cannot be written (No space left on device)" in last
    assert "--resume" in last
    shutil.copytree(saved, bench.results, dirs_exist_ok=True)
    folder = bench.only_run()
    before = folder.text().rpartition("\n")[0]
    assert folder.journal("block")
    assert bench.run("recompute", str(folder.path)).code == 3  # unfinished
    folder.check_tables()
    assert bench.run("run", "--resume").code == 0
    assert folder.text().startswith(before)
    assert [(row["status"], row["invocations"]) for row in folder.table("trials")] == [("done", "2")] * 2
    folder.check_tables()


@need_mounts
@pytest.mark.slow
def test_a_full_cache_is_no_answer_about_a_model(bench: Bench) -> None:
    """Where converted models find no room, no model is called unsupported: one sentence, exit code 3, --resume."""
    arguments = bench.command("run", "--model", "lenet5", "--backend", "onnxruntime", "--invocations", "1")
    done = bench.run_mounted("cache", "size=16k", arguments)
    assert done.code == 3
    last = done.err.splitlines()[-1]
    assert "cache/edgebench/artefacts has no room left" in last
    assert "--resume" in last
    assert not bench.only_run().journal("not_converted")
    assert bench.only_run().trial("lenet5")["status"] == "unfinished"


@need_mounts
def test_results_that_cannot_be_written_are_wrong_use(bench: Bench) -> None:
    """A read-only results folder is said in one sentence, with exit code 2, before anything is converted."""
    arguments = bench.command("run", "--model", "lenet5", "--backend", "onnxruntime")
    done = bench.run_mounted("results", "ro", arguments)
    assert done.code == 2
    assert "cannot be made (Read-only file system)" in done.sentence()
    assert "--results" in done.sentence()
    assert not (bench.folder / "cache").exists()


def test_results_that_are_no_folder_are_wrong_use(bench: Bench) -> None:
    """A file in place of the results folder is said in one sentence, with exit code 2, and stays as it was."""
    bench.results.write_text("not a folder")
    done = bench.run(*MEASURE)
    assert done.code == 2
    assert "cannot be read (Not a directory)" in done.sentence()
    assert bench.results.read_text() == "not a folder"


# --- wrong use --------------------------------------------------------------------------------------------------------

WRONG = {
    "device": (("--device", "rpi9"), "Unknown device 'rpi9': known are host, bench, "),
    "model": (("--model", "lenet6"), "Unknown architecture 'lenet6': did you mean lenet5? "),
    "parameter": (("--model", "mobilenet_v1:depth=2"), "Unknown parameter 'depth' of mobilenet_v1: expected width"),
    "value": (("--model", "mobilenet_v1:width=x"), "width of mobilenet_v1 is 'x': expected a number"),
    "backend": (("--backend", "tflite9"), "Unknown backend 'tflite9': known are executorch, failing, inductor, "),
    "option": (("--backend", "null:speed=9"), "Unknown option 'speed=9' of backend null: expected work=..."),
    "suite": (("--suite", "olympics"), "Unknown suite 'olympics': known are "),
    "precision": (("--precision", "int5"), "has the precision 'int5': expected fp32"),
    "threads": (("--threads", "9999"), "9999 threads asked for: this board lets us use 1 to "),
    "batch": (("--batch", "0"), "The batch is 0: expected an integer from 1"),
    "budget": (("--budget", "soon"), "The budget is 'soon': expected a number with s, m or h"),
    "no budget": (("--budget", ""), "The budget is '': expected a number with s, m or h"),
    "nothing to resume": (("--resume",), "holds no unfinished run: there is nothing to resume"),
    "resume and more": (("--resume", "--model", "lenet5"), "give it no options but --device, --results and --json"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_use_is_one_sentence(bench: Bench, what: str) -> None:
    """What cannot be met is said in one sentence with what was found and expected, and nothing is written."""
    arguments, words = WRONG[what]
    done = bench.run("run", *arguments)
    assert done.code == 2
    assert words in done.sentence()
    assert done.out == ""
    assert not bench.results.exists()


def test_an_unknown_key_of_a_device_is_wrong_use(bench: Bench) -> None:
    """A key that no device has is said with its file and the keys there are."""
    path = bench.folder / "devices" / "bench.toml"
    path.write_text(path.read_text() + "patience_s = 9\n")
    done = bench.run(*MEASURE)
    assert done.code == 2
    assert (
        done.sentence()
        == "edgebench: devices/bench.toml: unknown key limits.patience_s: expected one of stage_s, memory_bytes."
    )
    assert not bench.results.exists()


def test_a_device_without_an_agent_is_unreachable(bench: Bench) -> None:
    """An agent that does not start is said in one sentence, with its last words and exit code 4."""
    (bench.folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'edgebench.board.agent' in sys.orig_argv:\n"
        "    sys.stderr.write('no board today')\n"
        "    sys.stderr.flush()\n"
        "    os._exit(5)\n"
    )
    done = bench.run(*MEASURE, environment={"PYTHONPATH": str(bench.folder)})
    assert done.code == 4
    assert "the agent ended (exit status 5); its last words: no board today" in done.sentence()
    assert not bench.results.exists()
