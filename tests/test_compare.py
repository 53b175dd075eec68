"""`edgebench compare` on small run folders that are put together by hand, and on the sample run."""

import csv
import io
import json
import math
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from edgebench import api, cli
from edgebench.api import comparing, histories
from edgebench.board.wire import Lost, encode
from edgebench.errors import UsageError
from edgebench.judge import compare
from edgebench.judge.compare import Compared, Known
from edgebench.judge.trust import Measured
from edgebench.measure import apart, quantiles
from edgebench.measure.apart import Reading, Spread
from edgebench.measure.plan import Trial
from edgebench.measure.statistics import Estimate
from edgebench.report import compared as report
from edgebench.store import calibration
from edgebench.store.calibration import Resolution
from edgebench.store.records import Line, SessionEnded
from tests.judge.test_compare import trial
from tests.store.test_tables import BIG, SMALL, SMALL_ORT, SMALL_TWO, constant, ended, measured, started

SAMPLE = Path(__file__).parents[1] / "results" / "sample" / "2026-11-22T07-47-41Z-6baf"
RULER = Trial(model="mobilenet_v1", backend="null")
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>|\x1b[31m*b*\n@all' + "n" * 10_000
UNIT = "my-board"


def edge(*words: object) -> Result:
    """Run `edgebench compare`."""
    return CliRunner().invoke(cli.app, ["compare", *map(str, words)])


def refused(*words: object) -> str:
    """Return why `edgebench compare` refuses."""
    error = edge(*words).exception
    assert isinstance(error, UsageError)
    return str(error)


def rows(*words: object) -> list[dict[str, Any]]:
    """Return the rows that it prints for machines."""
    done = edge(*words, "--json")
    assert done.exit_code in (0, 1, 3), done.exception
    found: list[dict[str, Any]] = json.loads(done.output)["rows"]
    return found


def ruled(slower: float = 1.0, machine: float = 1.0) -> dict[Trial, list[float]]:
    """Return five processes of ten milliseconds, so many times slower, on a machine that is so many times slower."""
    return {SMALL: constant(0.01 * slower * machine), RULER: constant(0.001 * machine)}


def folder(
    place: Path,
    name: str,
    medians: Mapping[Trial, Iterable[float]],
    lines: Iterable[Line] = (),
    **changes: Any,
) -> Path:
    """Write a run folder that measured these trials to their end, with further lines; return it."""
    path = place / str(changes.get("unit", UNIT)) / name
    path.mkdir(parents=True)
    plan = started(*medians, **{"emulated": False, **changes})
    told = [plan, *lines, *measured(medians), SessionEnded(session="s1"), ended()]
    (path / "journal.jsonl").write_bytes(b"".join(map(encode, told)))
    return path


def calibrate(place: Path, between_sessions: float = 0.04) -> None:
    """Keep a selftest of the unit that resolves half a per cent, over a quarter of an hour."""
    entry = Resolution(
        at="2026-11-22T10:00:00+00:00",
        edgebench_version="0",
        trial="lenet5|null|fp32|threads=1|batch=1",
        sessions=40,
        invocations=10,
        rounds=10,
        neighbour=False,
        seed=1,
        excluded_one=2,
        false_positive_rate=0.05,
        false_positive_rate_low=0.006,
        false_positive_rate_high=0.169,
        resolution=0.005,
        median_half_width=0.003,
        naive_excluded_one=30,
        run="2026-11-22T09-40-00Z-abcd",
        between_sessions=between_sessions,
        between_sessions_ruled=0.002,
        span_s=900.0,
    )
    calibration.add(place, UNIT, entry)


# --- before and after ------------------------------------------------------------------------------------------------


def test_a_slower_run_fails_the_gate_and_an_equal_one_does_not(tmp_path: Path) -> None:
    """Ten per cent more are slower and end with code 1; the same again is not told apart and ends with 0."""
    before = folder(tmp_path, "a", ruled())
    slower = folder(tmp_path, "b", ruled(slower=1.1))
    alike = folder(tmp_path, "c", ruled(slower=1.001))
    assert edge(before, slower).exit_code == 1
    assert edge(before, alike).exit_code == 0
    assert edge(before, slower, "--fail-above", "20%").exit_code == 0
    (row,) = rows(before, slower)
    assert (row["outcome"], row["taken"], row["ruler"], row["fails"]) == ("slower", "apart", "null", True)
    assert row["ratio"] == pytest.approx(1.1, rel=1e-6)
    assert edge(slower, before).exit_code == 0


def test_a_gate_that_can_tell_nothing_says_so(tmp_path: Path) -> None:
    """Runs of two processes have no interval: that passes, and with --fail-noisy it ends with code 1."""
    runs = [folder(tmp_path, name, {SMALL: constant(0.01)[:2]}) for name in "ab"]
    passed, failed = edge(*runs), edge(*runs, "--fail-noisy")
    assert "The gate cannot tell: 1 of 1 could not be judged." in passed.output
    assert (passed.exit_code, failed.exit_code) == (0, 1)
    assert "The gate says no, as --fail-noisy asks" in edge(*runs, "--fail-noisy", "--markdown").output


def test_a_slower_machine_is_no_regression(tmp_path: Path) -> None:
    """On a machine that is a tenth slower a run is not slower itself, and says by how much that was."""
    before, after = folder(tmp_path, "a", ruled()), folder(tmp_path, "b", ruled(machine=1.1))
    (row,) = rows(before, after)
    assert row["outcome"] == "not told apart"
    assert (row["ratio"], row["machine_ratio"]) == (pytest.approx(1.0), pytest.approx(1.1))


def test_without_a_ruler_more_is_left_open(tmp_path: Path) -> None:
    """Ten per cent are not told without a trial of `null` in both runs, and the notes say what would tell them."""
    before = folder(tmp_path, "a", {SMALL: constant(0.010)})
    after = folder(tmp_path, "b", ruled(slower=1.1))
    outcomes = {(row["backend"], row["outcome"]) for row in rows(before, after)}
    assert outcomes == {("torch", "not told apart"), ("null", "new")}
    printed = " ".join(edge(before, after).output.split())
    assert "Smaller slowdowns are told with `--backend null` in both runs" in printed
    assert "Run `edgebench selftest --aa` to learn its own spread." in printed


def test_the_smallest_slowdown_that_would_have_been_told_is_said(tmp_path: Path) -> None:
    """In the terminal, in Markdown and for machines: large without a ruler, and larger to fail a gate at 5 %."""
    before, after = (folder(tmp_path, name, {SMALL: constant(0.01)}) for name in ("a", "b"))
    (bare,) = rows(before, after, "--fail-above", "5%")
    assert bare["slower_from"] == pytest.approx(math.exp(1.96 * math.sqrt(2) * 0.05), rel=1e-3)
    assert bare["fails_from"] == pytest.approx(1.05 * bare["slower_from"])
    said = "The smallest slowdown that would have been told apart: 14.9 %; to fail the gate, 20.7 %."
    for form in ((), ("--markdown",)):
        assert said in " ".join(edge(before, after, "--fail-above", "5%", *form).output.split())
    (ruler,) = rows(*(folder(tmp_path, name, ruled()) for name in ("c", "d")))
    assert ruler["slower_from"] == ruler["fails_from"] == pytest.approx(1.028, abs=5e-4)


def test_the_table_of_smallest_slowdowns_is_computed() -> None:
    """The page's figures are those of this arithmetic for ten processes that differ by 1 %."""
    spreads = {"none": "bare", "`null`": "ruled"}
    page = (Path(__file__).parents[1] / "docs/comparing.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (none|`null`) \| ([\d.]+) %, (assumed|by its selftest) \| (.*) \|$", page, re.MULTILINE)
    assert len(table) == 5
    for ruler, between, source, cells in table:
        spread = Spread(**{spreads[ruler]: float(between) / 100})
        known = Known(resolution=None if source == "assumed" else 0.005)
        assert cells.split(" | ") == smallest(spread, known, ruled=ruler != "none")


def smallest(spread: Spread, known: Known, *, ruled: bool) -> list[str]:
    """Return what is told and what fails at 5 %, of one trial and of ten, as the answer prints it."""
    half = quantiles.student(0.95, 9) * 0.01 / math.sqrt(10)
    one = Estimate(value=1.0, low=math.exp(-half), high=math.exp(half), invocations=10)
    session = Reading(latency=one, ruler=one, against=one) if ruled else Reading(latency=one)
    wall = apart.estimate(apart.ratio(session, session, spread))
    found = [
        compare.rows([Compared(before=trial(), after=trial(), measured=Measured(wall=wall))] * number, known, 0.05)[0]
        for number in (1, 10)
    ]
    return [report._per_cent(value or 0.0) for row in found for value in (row.slower_from, row.fails_from)]


def test_the_units_own_spread_narrows_what_is_left_open(tmp_path: Path) -> None:
    """Two per cent are told on a unit whose sessions differ by 0.2 %, and not on one without a selftest.

    Runs that are further apart than the selftest was long have the assumed spread.
    """
    runs = [folder(tmp_path, name, ruled(slower=slower)) for name, slower in (("a", 1.0), ("b", 1.02))]
    later = folder(tmp_path, "c", ruled(slower=1.02), started="2026-11-23T10:15:00+00:00")
    assert [row["outcome"] for row in rows(*runs)] == ["not told apart"]
    calibrate(tmp_path)
    assert [row["outcome"] for row in rows(*runs)] == ["slower"]
    assert [row["outcome"] for row in rows(runs[0], later)] == ["not told apart"]
    assert "saw 15 minutes only" in " ".join(edge(runs[0], later).output.split())


def test_a_unit_whose_latencies_stay_needs_no_ruler(tmp_path: Path) -> None:
    """Where the selftest saw sessions as they are differ by little, two runs without a ruler are told apart."""
    levels = ("a", 0.010), ("b", 0.0105)
    runs = [folder(tmp_path, name, {SMALL: constant(level)}) for name, level in levels]
    calibrate(tmp_path, between_sessions=0.003)
    (row,) = rows(*runs)
    assert (row["outcome"], row["ruler"]) == ("slower", None)


def test_new_missing_and_lost_trials_are_rows(tmp_path: Path) -> None:
    """Each has its word; a trial that is lost now ends the command with code 3."""
    before = folder(tmp_path, "a", {SMALL: constant(0.01), BIG: constant(0.02)})
    after = folder(tmp_path, "b", {SMALL: constant(0.01), SMALL_ORT: constant(0.02)})
    told = {(row["model"], row["backend"]): row["outcome"] for row in rows(before, after)}
    assert told == {
        ("mobilenet_v1", "torch"): "not told apart",
        ("vgg", "torch"): "missing",
        ("mobilenet_v1", "onnxruntime"): "new",
    }
    gone = Lost(
        session="s1",
        invocation=0,
        trial=SMALL.id,
        stage="load",
        reason="killed",
        exit_status=None,
        signal="SIGKILL",
        stderr_tail="",
    )
    lost = folder(tmp_path, "c", {SMALL: constant(0.01)}, [gone])
    assert edge(before, lost).exit_code == 3


def test_another_name_for_the_same_is_matched(tmp_path: Path) -> None:
    """A file's name holds its hash, so before and after differ; --match says what stands for what."""
    before, after = (
        folder(
            tmp_path,
            digit,
            {replace(SMALL, model=f"onnx:file=net,sha256={digit}"): constant(level), RULER: [0.001] * 5},
        )
        for digit, level in (("1", 0.010), ("2", 0.012))
    )
    assert [row["outcome"] for row in rows(before, after)] == ["missing", "new"]
    (row,) = rows(before, after, "--match", "sha256=1", "sha256=2")
    assert row["outcome"] == "slower"
    assert row["changed"] == "model: onnx:file=net,sha256=1 -> onnx:file=net,sha256=2"
    assert "No trial" in refused(before, after, "--match", "sha256=9", "sha256=2")


def test_what_else_changed_is_told(tmp_path: Path) -> None:
    """Kernel and packages stand below the table."""
    before = folder(tmp_path, "a", {SMALL: constant(0.01)}, facts={"kernel": "6.1"})
    after = folder(tmp_path, "b", {SMALL: constant(0.01)}, facts={"kernel": "6.2"})
    changed = json.loads(edge(before, after, "--json").output)["changed"]
    assert [(one["what"], one["before"], one["after"]) for one in changed] == [("kernel", "6.1", "6.2")]
    assert "What else changed" in edge(before, after).output


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    """A stand-in's run, another unit's, the same twice, and a folder that is none."""
    run = folder(tmp_path, "a", {SMALL: constant(0.01)})
    standin = folder(tmp_path, "b", {SMALL: constant(0.01)}, emulated=True)
    other = folder(tmp_path, "c", {SMALL: constant(0.01)}, unit="other")
    assert "stand-in" in refused(run, standin)
    assert "two units" in refused(run, other)
    assert "given twice" in refused(run, run)
    assert "no run folder" in refused(run, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--by", "colour"), "--by is 'colour'"),
        (("--by", "backend", "--fail-above", "5%"), "needs --baseline"),
        (("--baseline", "torch"), "--baseline belongs to --by"),
        (("--trial", "torch"), "--trial belongs to --explain"),
        (("--by", "backend", "--explain", "ncnn:2"), "--by and --explain"),
        (("--explain", "ncnn:2", "--fail-above", "5%"), "is a gate for two runs"),
        (("--match", "a", "b"), "--match is for two runs"),
        (("--by", "backend", "--baseline", "torch", "--fail-noisy"), "--fail-noisy is for a gate"),
        (("--json", "--csv"), "more than one"),
        ((), "is one run"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """No option is silently ignored."""
    run = folder(tmp_path, "a", {SMALL: constant(0.01), SMALL_ORT: constant(0.02)})
    assert told in refused(run, *words)


# --- the trials of one run -------------------------------------------------------------------------------------------


def test_the_trials_of_one_run_are_paired(tmp_path: Path) -> None:
    """Backends stand against the quickest one, taken together, without a gate; a trial of `null` is no backend."""
    run = folder(tmp_path, "a", {SMALL: constant(0.02), SMALL_ORT: constant(0.01)})
    (row,) = rows(folder(tmp_path, "b", ruled(1.0) | {SMALL_ORT: constant(0.005)}), "--by", "backend")
    assert row["ratio"] == pytest.approx(2.0)
    (row,) = rows(run, "--by", "backend")
    assert (row["backend"], row["taken"], row["outcome"], row["fails"]) == ("torch", "together", "slower", False)
    assert row["ratio"] == pytest.approx(2.0)
    assert edge(run, "--by", "backend").exit_code == 0


def test_a_baseline_makes_a_paired_gate(tmp_path: Path) -> None:
    """What is slower than the baseline by more than was allowed ends with code 1; ratios are to the baseline."""
    run = folder(tmp_path, "a", {SMALL: constant(0.02), SMALL_ORT: constant(0.01)})
    assert edge(run, "--by", "backend", "--baseline", "onnxruntime", "--fail-above", "50%").exit_code == 1
    (row,) = rows(run, "--by", "backend", "--baseline", "torch")
    assert (row["outcome"], row["ratio"]) == ("faster", pytest.approx(0.5))


def test_threads_are_compared_by_threads_alone(tmp_path: Path) -> None:
    """Two thread counts of one backend are a pair; a run without any is refused."""
    run = folder(tmp_path, "a", {SMALL: constant(0.02), SMALL_TWO: constant(0.012), SMALL_ORT: constant(0.01)})
    (row,) = rows(run, "--by", "threads")
    assert (row["threads"], row["ratio"]) == (1, pytest.approx(0.02 / 0.012))
    assert "differ in precision alone" in refused(run, "--by", "precision")


def test_devices_are_compared_by_their_newest_runs(tmp_path: Path) -> None:
    """Each unit's newest run stands against the first unit's, taken apart; one unit alone is refused."""
    folder(tmp_path, "a", {SMALL: constant(9.0)})
    folder(tmp_path, "b", {SMALL: constant(0.01)})
    assert "runs of 1 units" in refused(tmp_path, "--by", "device")
    assert "is one run, and --by device compares" in refused(tmp_path / UNIT / "b", "--by", "device")
    folder(tmp_path, "c", {SMALL: constant(0.03)}, unit="z-board")
    (row,) = rows(tmp_path, "--by", "device", "--baseline", UNIT)
    assert (row["taken"], row["ratio"], row["ruler"]) == ("apart", pytest.approx(3.0), None)


# --- many runs -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_mark_of_a_flagged_run_is_explained() -> None:
    """The sample is flagged, and below the table stands by which flag."""
    assert "! flagged: " in edge(SAMPLE.parent).output
    assert "unstable_clock_or_bandwidth" in edge(SAMPLE.parent).output


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return a folder of two runs with their tables, one without, and one of a stand-in."""
    first = folder(tmp_path, "a", {SMALL: constant(0.02)}, started="2026-11-20T10:00:00+00:00")
    second = folder(tmp_path, "b", {SMALL: constant(0.01)}, started="2026-11-21T10:00:00+00:00")
    standin = folder(tmp_path, "c", {SMALL: constant(0.01)}, emulated=True)
    folder(tmp_path, "d", {SMALL: constant(0.01)})
    for run in (first, second, standin):
        api.recompute(run)
    return tmp_path


@pytest.mark.slow
def test_a_latency_over_dates_is_a_table(results: Path) -> None:
    """Runs stand in the order of their dates; what is left out is told with its reason."""
    found = json.loads(edge(results, "--json").output)
    assert [(row["run"], row["latency_p50_s"]) for row in found["rows"]] == [
        ("a", pytest.approx(0.02)),
        ("b", pytest.approx(0.01)),
    ]
    assert [one.partition(":")[0] for one in found["left_out"]] == ["c", "d"]
    (first, _) = csv.DictReader(io.StringIO(edge(results, "--csv").output))
    assert (first["started"], first["model"], first["runtime_version"]) == (
        "2026-11-20T10:00:00+00:00",
        "mobilenet_v1",
        "9.1",
    )
    printed = edge(results)
    assert "2026-11-21T10:00" in printed.output
    assert "### mobilenet_v1 torch fp32 on my-board" in edge(results, "--markdown").output


def test_parquet_without_pyarrow_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not there
    with pytest.raises(UsageError, match=r"pip install -c constraints.txt -e '\.\[parquet\]'"):
        histories.write_parquet(histories.History(rows=(), left_out=()), tmp_path / "history.parquet")


@pytest.mark.slow
def test_parquet_holds_the_table(results: Path) -> None:
    """The file has the columns and rows of the table."""
    import pandas as pd

    file = results / "history.parquet"
    assert edge(results, "--parquet", file, "--json").exit_code == 0
    found = pd.read_parquet(file)
    assert list(found["latency_p50_s"]) == [pytest.approx(0.02), pytest.approx(0.01)]


# --- names that want to be more than names ---------------------------------------------------------------------------


def test_a_hostile_name_is_text_everywhere(tmp_path: Path) -> None:
    """HTML, formulas, markup, escapes and 10,000 characters steer no terminal, page or spreadsheet."""
    trial = replace(SMALL, model=HOSTILE)
    runs = [folder(tmp_path, name, {trial: constant(0.01 * by)}) for name, by in (("a", 1), ("b", 2))]
    printed = edge(*runs).output
    assert "\x1b" not in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
    page = edge(*runs, "--markdown").output
    assert "<script>" not in page
    assert not any("@all" in line or len(line) > 2000 for line in page.splitlines())
    (row,) = csv.DictReader(io.StringIO(edge(*runs, "--csv").output))
    assert row["model"] == f"'{HOSTILE}"
    assert json.loads(edge(*runs, "--json").output)["rows"][0]["model"] == HOSTILE


@pytest.mark.slow
def test_a_formula_in_a_table_is_inert_and_read_back(tmp_path: Path) -> None:
    """trials.csv has a quote before it; recomputing gives the same file, and a history the name itself."""
    run = folder(tmp_path, "a", {replace(SMALL, model="=1+1"): constant(0.01)})
    api.recompute(run)
    table = (run / "trials.csv").read_text()
    assert ",'=1+1,torch," in table
    api.recompute(run)
    assert (run / "trials.csv").read_text() == table
    assert histories.history(tmp_path).rows[0].model == "=1+1"
    assert api.read(run).summary.trials[0].model == "=1+1"


# --- why is my number not your number --------------------------------------------------------------------------------


def different(reference: str, *words: str) -> tuple[list[str], list[str]]:
    """Return what the sample's MobileNetV1 is told to differ in from a reference, and what is not stated."""
    found = json.loads(edge(SAMPLE, "--explain", reference, *words, "--json").output)
    return [one["what"] for one in found["unlike"]], found["unstated"]


@pytest.mark.slow
def test_our_mobilenet_is_told_from_three_published_rows() -> None:
    """What differs from DLI's OpenVINO, ncnn's Raspberry Pi 4 and timm's compiled PyTorch is named, nothing else is.

    The DLI row states neither threads nor weights; ncnn's precision is half or single; timm's threads are not stated.
    """
    dli = "dli:board=i3-8100,runtime=OpenVINO DLDT,backend=cpu,precision=fp32,batch=1,version=2024.3.0"
    assert different(dli) == (
        ["machine", "runtime version", "statistic"],
        ["clock", "word size", "weights", "threads", "warm-up"],
    )
    ncnn = "ncnn:board=rpi4b,threads=4,precision=fp16 or fp32"
    assert different(ncnn) == (
        ["machine", "runtime", "weights", "threads", "warm-up", "statistic"],
        ["clock", "word size", "precision"],
    )
    timm = "timm:board=i9-10940x,precision=fp32"
    assert different(timm, "--trial", "mobilenet_v1|torch") == (
        ["machine", "runtime", "statistic"],
        ["clock", "word size", "weights", "threads", "warm-up"],
    )


@pytest.mark.slow
def test_another_run_is_a_reference_too(tmp_path: Path) -> None:
    """The same trial of another run with more threads differs in these; #WORDS choose another trial."""
    ours = folder(tmp_path, "a", {SMALL: constant(0.02)})
    theirs = folder(tmp_path, "b", {SMALL_TWO: constant(0.01), SMALL_ORT: constant(0.01)})
    found = comparing_unlike(ours, str(theirs))
    assert found == ["threads"]
    assert comparing_unlike(ours, f"{theirs}#onnxruntime") == ["runtime"]


def comparing_unlike(ours: Path, reference: str) -> list[str]:
    """Return what differs between the only trial of a run and a reference."""
    found = json.loads(edge(ours, "--explain", reference, "--json").output)
    return [one["what"] for one in found["unlike"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("nothing", "is no run folder and no published row"),
        ("mars:2", "is no run folder and no published row"),
        ("ncnn:1", "is no row"),
        ("ncnn:999999", "is no row"),
        ("ncnn:colour=red", "is no condition"),
        ("ncnn:board=rpi4b", "rows of ncnn have board=rpi4b, model=mobilenet_v1"),
        ("ncnn:board=rpi4b", ", 1 thread, "),
        ("ncnn:board=mars", "0 rows of ncnn have board=mars, model=mobilenet_v1: expected a board that has this model"),
        ("ncnn:board=rpi4b,threads=3", "expected one of ncnn:3026 (rpi4b, ncnn 2023-06-15, 4 threads, fp16 or fp32); "),
        (
            "ncnn:board=rpi4b,model=squeezenet:version=1.1",
            "of which rpi4b has model=squeezenet:version=1.1,resolution=227,conv10_padding=1.",
        ),
        ("timm:model=lenet5", "no board there has this model; expected another."),
        ("timm:model=layer:sums", "no board there has this model; expected another."),
    ],
)
def test_a_reference_that_names_no_row_is_refused(tmp_path: Path, reference: str, told: str) -> None:
    """Each says what was found and what would name a row."""
    run = folder(tmp_path, "a", {SMALL: constant(0.01)})
    assert told in refused(run, "--explain", reference)


@pytest.mark.slow
def test_a_line_names_a_published_row(tmp_path: Path) -> None:
    """SOURCE:LINE is the row on that line of the shipped file."""
    run = folder(tmp_path, "a", {SMALL: constant(0.01)})
    found = json.loads(edge(run, "--explain", "litert:2", "--json").output)["theirs"]
    assert (found["name"], found["latency_s"], found["threads"]) == ("litert:2", 0.0148, 2)
    assert found["machine"] == "iPhone XS"


@pytest.mark.slow
def test_the_line_that_the_pages_show_is_what_they_say() -> None:
    """Line 3028 is MobileNetV1 on one thread of ncnn's Raspberry Pi 4."""
    found = edge(SAMPLE, "--explain", "ncnn:board=rpi4b,threads=1,precision=fp16 or fp32", "--json")
    assert json.loads(found.output)["theirs"]["name"] == "ncnn:3028"


@pytest.mark.slow
def test_an_explanation_is_told_in_all_forms(tmp_path: Path) -> None:
    """Sentences and a table of 80 columns, Markdown, and CSV."""
    run = folder(tmp_path, "a", {SMALL: constant(0.01)})
    printed = edge(run, "--explain", "litert:2").output
    assert "settings differ: machine" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
    assert "| what | ours | theirs | usually |" in edge(run, "--explain", "litert:2", "--markdown").output
    found = list(csv.DictReader(io.StringIO(edge(run, "--explain", "litert:2", "--csv").output)))
    assert "threads" in [row["what"] for row in found]


@pytest.mark.slow
def test_the_sample_run_is_compared_with_a_copy(tmp_path: Path) -> None:
    """A run and its copy are equal in everything: nothing is told, and nothing else changed."""
    shutil.copytree(SAMPLE, tmp_path / "copy")
    found = comparing.runs(SAMPLE, tmp_path / "copy")
    assert (found.failed, found.lost, found.changed) == (False, False, ())
    assert all(row.ratio == pytest.approx(1.0) for row in found.rows if row.ratio is not None)
