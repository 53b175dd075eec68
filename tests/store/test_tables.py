"""Tables of runs that are put together by hand, so that every figure is known beforehand."""

import csv
import gzip
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from edgebench import analysis, architectures
from edgebench.board.wire import Block, Closed, InvocationDone, Lost, Memory, Parity, Ready
from edgebench.measure.plan import TWIN, Protocol, Session, Trial
from edgebench.store import SCHEMA, RunFolder
from edgebench.store.records import (
    AgentLost,
    Converted,
    Counted,
    Ended,
    Line,
    NotConverted,
    Run,
    RunStarted,
    SessionEnded,
    assemble,
)
from edgebench.store.rows import BackendRow, LayerRow, PairRow, RoundRow, TrialRow
from edgebench.store.tables import Summary, summarize

BIG = Trial(model="vgg", backend="torch")
SMALL = Trial(model="mobilenet_v1", backend="torch")
BIG_ORT = Trial(model="vgg", backend="onnxruntime")
SMALL_ORT = Trial(model="mobilenet_v1", backend="onnxruntime")
SMALL_TWO = Trial(model="mobilenet_v1", backend="torch", threads=2)

MULT_ADDS = {"vgg": 4000, "mobilenet_v1": 1000}
WEIGHTS = {"vgg": 70, "mobilenet_v1": 30}

WATTS_LOW, WATTS_HIGH = 1.5, 6.0
T_4 = 2.7764451051977987  # Student's t, 97.5 %, four degrees of freedom (any printed table: 2.776)

ROWS = {"trials": TrialRow, "pairs": PairRow, "backends": BackendRow, "rounds": RoundRow, "layers": LayerRow}

MEASURED = (
    "precision_found",
    "threads_found",
    "runtime_version",
    "provider",
    "latency_p50_s",
    "latency_p50_low_s",
    "latency_p50_high_s",
    "latency_p90_s",
    "latency_p99_s",
    "cpu_p50_s",
    "mult_adds_per_s",
    "import_s",
    "load_s",
    "first_call_s",
    "warm_up_s",
    "memory_bare_bytes",
    "memory_imported_bytes",
    "memory_loaded_bytes",
    "memory_peak_bytes",
    "memory_model_bytes",
    "proxy_cpu_energy_j_low",
    "proxy_cpu_energy_j_high",
    "parity_max_abs_diff",
    "parity_scale",
)


def started(*trials: Trial, **changes: Any) -> RunStarted:
    """Return the plan of a run whose only session holds these trials."""
    plan = RunStarted(
        schema=SCHEMA,
        edgebench_version="0",
        started="2026-11-22T10:15:00+00:00",
        unit="my-board",
        device="x86",
        seed=1,
        protocol=Protocol(),
        trials=tuple(trial for trial in trials if not trial.twin),
        sessions=(Session(name="s1", seed=2, together=True, trials=trials),),
        formats={"torch": "pt2", "onnxruntime": "onnx", "null": None},
        watts_per_core_low=WATTS_LOW,
        watts_per_core_high=WATTS_HIGH,
        facts={"machine": "x86_64"},
        versions={"numpy": "2.4"},
    )
    return replace(plan, **changes)


def counted(model: str) -> Counted:
    """Return a count without layers."""
    return Counted(
        model=model,
        inputs={"x": (1, 3, 224, 224)},
        mult_adds=MULT_ADDS[model],
        params=WEIGHTS[model],
        bias_params=0,
        bn_params=0,
        layers=(),
    )


def ready(trial: Trial, invocation: int, **changes: Any) -> Ready:
    """Return a worker's start: two single calls and three warm-up samples of two calls."""
    start = Ready(
        session="s1",
        invocation=invocation,
        trial=trial.id,
        runtime_version="9.1",
        precision_found="fp32",
        provider="CPU",
        threads_found=trial.threads,
        threads_alive=3,
        import_s=0.5 + invocation,
        load_s=0.25,
        first_call_s=0.125,
        start_up_ns=(10_000_000, 20_000_000),
        warm_up_ns=(30_000_000, 30_000_000, 40_000_000),
        warm_up_calls=2,
        steady=True,
        call_s=0.01,
        cpus=(1,),
        parity=Parity(max_abs_diff=1e-6, scale=2.0),
        foreign_modules=(),
    )
    return replace(start, **changes)


def block(trial: Trial, invocation: int, number: int, median_s: float, **changes: Any) -> Block:
    """Return three samples of two calls around a median of one call; they ran for 100 % of the time."""
    wall = tuple(round(share * 2 * median_s * 1e9) for share in (0.5, 1.0, 2.0))
    whole = Block(
        session="s1",
        invocation=invocation,
        round=number,
        position=0,
        trial=trial.id,
        start_ns=5_000_000_000 + 1_000_000_000 * number,
        calls=2,
        priming_ns=7_000_000,
        wall_ns=wall,
        cpu_ns=wall,
        involuntary_switches=(0, 1, 2),
        major_faults=(0, 0, 0),
    )
    return replace(whole, **changes)


def closed(trial: Trial, invocation: int, base: int = 1000) -> Closed:
    """Return an orderly end; the model's share of the peak is 70 bytes."""
    memory = Memory(
        bare_bytes=base,
        imported_bytes=base + 100,
        loaded_bytes=base + 150,
        peak_bytes=base + 170,
        anonymous_bytes=9,
        file_bytes=9,
    )
    return Closed(session="s1", invocation=invocation, trial=trial.id, memory=memory)


def measured(medians: Mapping[Trial, Iterable[float]]) -> list[Line]:
    """Return complete invocations of two rounds; each trial has one median an invocation."""
    lines: list[Line] = []
    for invocation, now in enumerate(zip(*medians.values(), strict=True)):
        for trial, median_s in zip(medians, now, strict=True):
            lines.append(ready(trial, invocation))
            lines += [block(trial, invocation, number, median_s) for number in range(2)]
            lines.append(closed(trial, invocation))
        lines.append(InvocationDone(session="s1", invocation=invocation, seconds=1.0))
    return lines


def constant(median_s: float, invocations: int = 5) -> list[float]:
    """Return one median for all invocations."""
    return [median_s] * invocations


def twin(trial: Trial) -> Trial:
    """Return the second measurement of a trial."""
    return replace(trial, twin=True)


def told(*lines: Line) -> Run:
    """Return the run that these lines tell, with the counts of its models."""
    run = assemble((lines[0], counted("vgg"), counted("mobilenet_v1"), *lines[1:]))
    assert run is not None
    return run


def whole(medians: Mapping[Trial, Iterable[float]], **changes: Any) -> Summary:
    """Return the rows of a run that measured these trials to its end."""
    run = told(started(*medians, **changes), *measured(medians), SessionEnded(session="s1"), ended())
    return summarize(run)


def ended() -> Ended:
    """Return the last line of a run."""
    return Ended(at="2026-11-22T10:25:00+00:00", how="done")


def only(summary: Summary) -> TrialRow:
    """Return the row of the only trial."""
    (row,) = summary.trials
    return row


# --- trials.csv ------------------------------------------------------------------------------------------------------


def test_latency_is_the_median_over_invocations() -> None:
    """Latency is the median of the invocations' medians of one call; its interval is Student's on the logarithms."""
    medians = [0.010, 0.014, 0.011, 0.013, 0.012]
    row = only(whole({BIG: medians}))
    logs = [math.log(median) for median in medians]
    mean = sum(logs) / 5
    half = T_4 * math.sqrt(sum((log - mean) ** 2 for log in logs) / 4) / math.sqrt(5)
    assert row.latency_p50_s == pytest.approx(0.012, rel=1e-6)
    assert row.latency_p50_low_s == pytest.approx(math.exp(mean - half), rel=1e-6)
    assert row.latency_p50_high_s == pytest.approx(math.exp(mean + half), rel=1e-6)
    assert (row.status, row.invocations, row.samples, row.flags) == ("done", 5, 5 * 2 * 3, "")


def test_four_invocations_have_no_interval() -> None:
    """Below five processes there is a median without an interval."""
    row = only(whole({BIG: constant(0.01, 4)}))
    assert row.latency_p50_s == pytest.approx(0.01)
    assert (row.latency_p50_low_s, row.latency_p50_high_s, row.invocations) == (None, None, 4)


def test_percentiles_need_their_samples() -> None:
    """Thirty samples bound no 90th percentile: its cell is empty."""
    row = only(whole({BIG: constant(0.01)}))
    assert (row.samples, row.latency_p90_s, row.latency_p99_s) == (30, None, None)


def test_mult_adds_per_second_count_the_batch() -> None:
    """Throughput is mult-adds at batch 1 times batch over the latency of a call."""
    row = only(whole({replace(BIG, batch=8): constant(0.01)}))
    assert row.mult_adds == 4000
    assert row.mult_adds_per_s == pytest.approx(4000 * 8 / 0.01)


def test_starts_are_medians_over_invocations() -> None:
    """Import, load, first call and warm-up are medians over the processes; memory too."""
    row = only(whole({BIG: constant(0.01)}))
    assert row.import_s == 2.5
    assert (row.load_s, row.first_call_s) == (0.25, 0.125)
    assert row.warm_up_s == pytest.approx(0.01 + 0.02 + 0.03 + 0.03 + 0.04)
    memory = (row.memory_bare_bytes, row.memory_imported_bytes, row.memory_loaded_bytes, row.memory_peak_bytes)
    assert memory == (1000, 1100, 1150, 1170)
    assert row.memory_model_bytes == 70


def test_the_energy_proxy_is_cpu_seconds_times_the_bracket() -> None:
    """The proxy of energy is CPU seconds of a call times watts per core, low and high."""
    row = only(whole({BIG: constant(0.01)}))
    assert row.cpu_p50_s == pytest.approx(0.01)
    assert row.proxy_cpu_energy_j_low == pytest.approx(0.01 * WATTS_LOW)
    assert row.proxy_cpu_energy_j_high == pytest.approx(0.01 * WATTS_HIGH)


def test_without_a_bracket_there_is_no_proxy() -> None:
    """A device without watts per core leaves the proxies empty; CPU seconds stay."""
    row = only(whole({BIG: constant(0.01)}, watts_per_core_low=None, watts_per_core_high=None))
    assert (row.proxy_cpu_energy_j_low, row.proxy_cpu_energy_j_high) == (None, None)
    assert row.cpu_p50_s is not None


def test_a_row_says_how_it_was_measured() -> None:
    """Each row repeats unit, device, provenance, what was asked and what was found."""
    file = Converted(model="vgg", batch=1, format="pt2", sha256="ab", size_bytes=9, seconds=1.0, versions={})
    lines = measured({BIG: constant(0.01)})
    row = only(summarize(told(started(BIG), file, *lines, SessionEnded(session="s1"))))
    assert (row.unit, row.device, row.provenance) == ("my-board", "x86", "measured")
    assert (row.precision_asked, row.precision_found, row.threads_asked, row.threads_found) == ("fp32", "fp32", 1, 1)
    assert (row.runtime_version, row.provider) == ("9.1", "CPU")
    assert (row.format, row.artefact_sha256, row.artefact_bytes) == ("pt2", "ab", 9)
    assert (row.inputs, row.mult_adds, row.params) == ("x=1x3x224x224", 4000, 70)
    assert (row.parity_max_abs_diff, row.parity_scale) == (1e-6, 2.0)


def test_a_partial_invocation_does_not_count() -> None:
    """Blocks of an invocation that was cut short stay out of latency and pairs, and are no reason for a flag."""
    cut = block(BIG, 5, 0, 1.0)
    lines = [*measured({BIG: constant(0.01)}), ready(BIG, 5), cut]
    row = only(summarize(told(started(BIG), *lines, SessionEnded(session="s1"))))
    assert row.latency_p50_s == pytest.approx(0.01)
    assert (row.invocations, row.samples, row.flags) == (5, 30, "")


def test_what_is_partial_alone_is_shown_and_flagged() -> None:
    """A trial without one complete invocation shows what there is, flagged `partial`, and stands in no pair."""
    lines = [line for trial in (BIG, SMALL) for line in (ready(trial, 0), block(trial, 0, 0, 0.02))]
    summary = summarize(told(started(BIG, SMALL), *lines))
    for row in summary.trials:
        assert row.latency_p50_s == pytest.approx(0.02)
        assert (row.status, row.flags, row.latency_p50_low_s) == ("unfinished", "partial", None)
    assert summary.pairs == ()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"precision_found": "bf16"}, "precision"),
        ({"threads_found": 2}, "threads"),
        ({"steady": False}, "unsteady"),
        ({"parity": Parity(max_abs_diff=3e-3, scale=1.0)}, "parity"),
    ],
)
def test_one_start_that_went_wrong_flags_the_row(changes: dict[str, Any], flag: str) -> None:
    """What a single invocation gives reason to distrust is a flag of the trial."""
    lines = [
        replace(line, **changes) if isinstance(line, Ready) and line.invocation == 3 else line
        for line in measured({BIG: constant(0.01)})
    ]
    row = only(summarize(told(started(BIG), *lines, SessionEnded(session="s1"))))
    assert row.flags == flag


def test_what_two_starts_found_differently_is_told() -> None:
    """A provider that changes between processes is named twice, not averaged away."""
    lines = [
        replace(line, provider="GPU") if isinstance(line, Ready) and line.invocation == 3 else line
        for line in measured({BIG: constant(0.01)})
    ]
    assert only(summarize(told(started(BIG), *lines))).provider == "CPU; GPU"


# --- lost, unsupported, unfinished -----------------------------------------------------------------------------------


def lost(trial: Trial, **changes: Any) -> Lost:
    """Return the end of a worker that was killed while it loaded."""
    end = Lost(
        session="s1",
        invocation=0,
        trial=trial.id,
        stage="load",
        reason="ended by SIGKILL",
        exit_status=None,
        signal="SIGKILL",
        stderr_tail="first words\n\x1b[31mlast\twords\x1b[0m\n",
    )
    return replace(end, **changes)


REFUSED = NotConverted(
    model="vgg", batch=1, format="onnx", stage="convert", reason="no such\noperation", lost=False, stderr_tail="words"
)


def test_a_lost_trial_is_a_row_with_stage_and_cause() -> None:
    """A killed worker gives stage, reason with the last line of its stderr, and signal."""
    row = only(summarize(told(started(BIG), lost(BIG), SessionEnded(session="s1"))))
    assert (row.status, row.stage, row.exit_status, row.signal) == ("lost", "load", None, "SIGKILL")
    assert row.reason == "ended by SIGKILL; stderr: last words"


def test_a_worker_that_ended_itself_gives_its_exit_status() -> None:
    """An exit status of its own is kept beside the reason; without words on stderr there are none."""
    end = lost(BIG, reason="ended with exit status 7", exit_status=7, signal=None, stderr_tail="")
    row = only(summarize(told(started(BIG), end)))
    assert (row.reason, row.exit_status, row.signal) == ("ended with exit status 7", 7, None)


def test_a_trial_lost_on_the_way_keeps_what_was_measured() -> None:
    """Invocations completed before the loss stay in the row, but the trial is in no pair."""
    medians = {BIG: constant(0.04), SMALL: constant(0.01)}
    run = told(started(*medians), *measured(medians), lost(BIG, invocation=5), SessionEnded(session="s1"))
    summary = summarize(run)
    big, small = summary.trials
    assert (big.status, big.invocations) == ("lost", 5)
    assert big.latency_p50_s == pytest.approx(0.04)
    assert small.status == "done"
    assert summary.pairs == ()


def test_a_model_that_does_not_convert_is_unsupported() -> None:
    """A converter that says no makes `unsupported` in the backends of that format, and in no other."""
    run = told(started(BIG_ORT, BIG), REFUSED, *measured({BIG: constant(0.01)}), SessionEnded(session="s1"))
    refused, other = summarize(run).trials
    assert (refused.status, refused.stage, refused.reason) == ("unsupported", "convert", "no such operation")
    assert other.status == "done"


def test_a_converter_that_crashed_is_a_loss() -> None:
    """A converter that crashed or hung lost the trial; nothing is known of the model."""
    run = told(started(BIG_ORT), replace(REFUSED, lost=True), SessionEnded(session="s1"))
    assert only(summarize(run)).status == "lost"


def test_a_model_that_cannot_be_built_is_unsupported_in_all_formats() -> None:
    """Without a source no format can be made; a backend that needs no file is not concerned."""
    nothing = Trial(model="vgg", backend="null")
    refused = replace(REFUSED, format="source", stage="build")
    run = told(started(BIG, BIG_ORT, nothing), refused, SessionEnded(session="s1"))
    assert [row.status for row in summarize(run).trials] == ["unsupported", "unsupported", "done"]


def test_another_batch_that_does_not_convert_is_another_trial() -> None:
    """A refusal at batch 8 says nothing of batch 1."""
    run = told(started(BIG_ORT), replace(REFUSED, batch=8))
    assert only(summarize(run)).status == "unfinished"


def test_trials_of_a_lost_agent_are_lost() -> None:
    """Where the agent ended, all trials of its session that were not lost before are lost with it."""
    gone = AgentLost(session="s1", reason="the agent ended (signal 9)")
    big, small = summarize(told(started(BIG, SMALL), lost(BIG), gone)).trials
    assert (big.stage, big.signal) == ("load", "SIGKILL")
    assert (small.status, small.stage, small.reason) == ("lost", "agent", "the agent ended (signal 9)")


def test_what_was_not_reached_is_unfinished() -> None:
    """A run that was ended early leaves rows that say so, without a stage."""
    row = only(summarize(told(started(BIG), Ended(at="2026-11-22T10:25:00+00:00", how="interrupted"))))
    assert (row.status, row.stage) == ("unfinished", None)
    assert row.reason


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_not_measured_is_none(name: str) -> None:
    """A trial that was lost before its first sample has no figure at all, and none of them is zero."""
    assert getattr(only(summarize(told(started(BIG), lost(BIG)))), name) is None


# --- pairs.csv -------------------------------------------------------------------------------------------------------


def test_the_subject_has_more_mult_adds() -> None:
    """Of two models the one with more mult-adds is the subject, whichever is slower and came first."""
    for order in ((BIG, SMALL), (SMALL, BIG)):
        medians = {BIG: constant(0.01), SMALL: constant(0.02)}
        (row,) = whole({trial: medians[trial] for trial in order}).pairs
        assert (row.by, row.subject_model, row.baseline_model) == ("model", "vgg", "mobilenet_v1")
        assert row.latency_ratio == pytest.approx(0.5)


def test_transfer_is_ratio_over_ratio() -> None:
    """Transfer is the ratio of latencies over that of mult-adds, bounds too."""
    ratios = [2.0, 2.2, 1.8, 2.1, 1.9]
    (row,) = whole({BIG: [0.01 * ratio for ratio in ratios], SMALL: constant(0.01)}).pairs
    logs = [math.log(ratio) for ratio in ratios]
    mean = sum(logs) / 5
    half = T_4 * math.sqrt(sum((log - mean) ** 2 for log in logs) / 4) / math.sqrt(5)
    assert row.mult_adds_ratio == 4000 / 1000
    assert row.latency_ratio == pytest.approx(math.exp(mean), rel=1e-6)
    assert row.latency_ratio_low == pytest.approx(math.exp(mean - half), rel=1e-6)
    assert row.latency_ratio_high == pytest.approx(math.exp(mean + half), rel=1e-6)
    for name in ("", "_low", "_high"):
        assert getattr(row, f"transfer{name}") == pytest.approx(getattr(row, f"latency_ratio{name}") / 4)
    assert row.cpu_ratio == pytest.approx(row.latency_ratio)
    assert (row.invocations, row.same_inputs) == (5, True)


def test_a_pair_of_backends_has_no_ratio_of_mult_adds() -> None:
    """One model in two backends: the slower one is the subject, and mult-adds and transfer stay empty."""
    (row,) = whole({BIG_ORT: constant(0.01), BIG: constant(0.03)}).pairs
    assert (row.by, row.subject_backend, row.baseline_backend) == ("backend", "torch", "onnxruntime")
    assert row.latency_ratio == pytest.approx(3.0)
    assert (row.mult_adds_ratio, row.transfer, row.transfer_low, row.transfer_high) == (None,) * 4


def test_pairs_differ_in_one_thing() -> None:
    """Trials that differ in model and backend, or in backend and threads, make no pair."""
    medians = {trial: constant(0.01) for trial in (BIG, SMALL, BIG_ORT, SMALL_ORT, SMALL_TWO)}
    rows = whole(medians).pairs
    names = sorted((row.by, *sorted((row.subject, row.baseline))) for row in rows)
    expected = [
        ("backend", BIG_ORT.id, BIG.id),
        ("backend", SMALL_ORT.id, SMALL.id),
        ("model", SMALL_ORT.id, BIG_ORT.id),
        ("model", SMALL.id, BIG.id),
        ("threads", SMALL.id, SMALL_TWO.id),
    ]
    assert names == sorted((by, *sorted(two)) for by, *two in expected)


def test_the_twin_stands_against_its_original_alone() -> None:
    """A session's twin makes one pair, `twin`, whose ratio stands beside every pair of the session."""
    medians = {BIG: constant(0.04), SMALL: constant(0.01), twin(BIG): constant(0.044)}
    rows = {row.by: row for row in whole(medians).pairs}
    assert sorted(rows) == ["model", "twin"]
    assert (rows["twin"].subject, rows["twin"].baseline) == (BIG.id + TWIN, BIG.id)
    for row in rows.values():
        assert row.twin_ratio == pytest.approx(1.1)
        assert row.twin_ratio_low == pytest.approx(1.1)
        assert row.twin_ratio_high == pytest.approx(1.1)
    assert rows["model"].subject == BIG.id


def test_a_lost_twin_leaves_the_check_empty() -> None:
    """Without a twin the other pairs stay, their twin columns empty."""
    medians = {BIG: constant(0.04), SMALL: constant(0.01)}
    run = told(started(*medians, twin(BIG)), *measured(medians), lost(twin(BIG)), SessionEnded(session="s1"))
    (row,) = summarize(run).pairs
    assert row.by == "model"
    assert (row.twin_ratio, row.twin_ratio_low, row.twin_ratio_high) == (None, None, None)


def test_a_pair_has_the_flags_of_both() -> None:
    """A reason to distrust one trial is one to distrust its pairs, each named once."""
    lines = [
        replace(line, steady=False, precision_found="bf16" if line.trial == BIG.id else "fp32")
        if isinstance(line, Ready)
        else line
        for line in measured({BIG: constant(0.04), SMALL: constant(0.01)})
    ]
    (row,) = summarize(told(started(BIG, SMALL), *lines, SessionEnded(session="s1"))).pairs
    assert row.flags == "precision unsteady"


def test_trials_of_two_sessions_make_no_pair() -> None:
    """Ratios exist only among trials that were measured together."""
    big, small = measured({BIG: constant(0.04)}), measured({SMALL: constant(0.01)})
    moved = [replace(line, session="s2") for line in small if isinstance(line, Ready | Block | Closed | InvocationDone)]
    apart = (
        Session(name="s1", seed=1, together=True, trials=(BIG,)),
        Session(name="s2", seed=2, together=True, trials=(SMALL,)),
    )
    ends = [SessionEnded(session="s1"), SessionEnded(session="s2")]
    summary = summarize(told(started(BIG, SMALL, sessions=apart), *big, *moved, *ends))
    assert [row.status for row in summary.trials] == ["done", "done"]
    assert summary.pairs == ()


# --- backends.csv ----------------------------------------------------------------------------------------------------


def test_backends_are_ranked_by_latency() -> None:
    """A model's fastest backend comes first, marked, at ratio 1 without an interval; the others follow it."""
    third = Trial(model="vgg", backend="null")
    rows = whole({BIG: constant(0.03), BIG_ORT: constant(0.01), third: constant(0.02)}).backends
    assert [row.backend for row in rows] == ["onnxruntime", "null", "torch"]
    assert [row.best for row in rows] == [True, False, False]
    assert [row.ratio_to_best for row in rows] == [1.0, pytest.approx(2.0), pytest.approx(3.0)]
    assert [row.ratio_to_best_low for row in rows] == [None, pytest.approx(2.0), pytest.approx(3.0)]


def test_a_lost_backend_is_ranked_last() -> None:
    """A backend that was lost has no ratio and is not the best, even when it was the fastest until then."""
    medians = {BIG: constant(0.03), BIG_ORT: constant(0.01)}
    run = told(started(*medians), *measured(medians), lost(BIG_ORT, invocation=5), SessionEnded(session="s1"))
    first, last = summarize(run).backends
    assert (first.backend, first.best, first.ratio_to_best) == ("torch", True, 1.0)
    assert (last.backend, last.status, last.best, last.ratio_to_best) == ("onnxruntime", "lost", False, None)


def test_where_all_backends_are_lost_none_is_best() -> None:
    """A model that ran nowhere has rows, but no best."""
    rows = summarize(told(started(BIG, BIG_ORT), lost(BIG), lost(BIG_ORT), SessionEnded(session="s1"))).backends
    assert [(row.best, row.ratio_to_best) for row in rows] == [(False, None)] * 2


def test_twins_and_other_settings_are_not_ranked_together() -> None:
    """Backends compete at one precision, thread count and batch; the twin does not compete."""
    rows = whole({SMALL: constant(0.02), SMALL_TWO: constant(0.01), twin(SMALL): constant(0.001)}).backends
    assert [(row.threads, row.best) for row in rows] == [(1, True), (2, True)]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return a run folder with a journal of three trials: measured, measured in part, and lost; tables made."""
    lenet = architectures.parse("lenet5")
    cost = analysis.count(lenet)
    layers = Counted(
        model="lenet5",
        inputs=architectures.input_shapes(lenet),
        mult_adds=cost.mult_adds,
        params=cost.params,
        bias_params=cost.bias_params,
        bn_params=cost.bn_params,
        layers=cost.layers,
    )
    medians = {BIG: constant(0.04), SMALL: constant(0.01)}
    made = RunFolder(path=tmp_path)
    with made.opened() as journal:
        for line in (
            started(*medians, BIG_ORT),
            counted("vgg"),
            counted("mobilenet_v1"),
            layers,
            lost(BIG_ORT),
            *measured(medians),
            ready(BIG, 5),
            block(BIG, 5, 0, 0.05, priming_ns=None),
            SessionEnded(session="s1"),
            ended(),
        ):
            journal.append(line)
    made.write_tables()
    return made


def table(folder: RunFolder, name: str) -> list[dict[str, str]]:
    """Return a table as text, as anyone else would read it."""
    if name == "samples":
        with gzip.open(folder.path / "samples.csv.gz", "rt", newline="") as file:
            return list(csv.DictReader(file))
    with (folder.path / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ROWS)
def test_columns_are_the_fields_of_the_row(name: str, folder: RunFolder) -> None:
    """The columns of a CSV file are the fields of its record, in their order."""
    first = (folder.path / f"{name}.csv").read_text().splitlines()[0]
    assert first.split(",") == [field.name for field in fields(ROWS[name])]


@pytest.mark.parametrize("name", ROWS)
def test_a_table_without_rows_keeps_its_columns(name: str, tmp_path: Path) -> None:
    """A run of which nothing was measured still has every file with every column."""
    empty = RunFolder(path=tmp_path)
    with empty.opened() as journal:
        journal.append(started(BIG, sessions=()))
    empty.write_tables()
    assert (tmp_path / f"{name}.csv").read_text() == ",".join(field.name for field in fields(ROWS[name])) + "\n"
    assert table(empty, "samples") == []


def test_a_cell_that_was_not_measured_is_empty(folder: RunFolder) -> None:
    """In trials.csv the lost trial's figures are empty cells, never 0, nan or None."""
    (row,) = [row for row in table(folder, "trials") if row["status"] == "lost"]
    assert {row[name] for name in MEASURED} == {""}
    assert (row["invocations"], row["samples"], row["signal"]) == ("0", "0", "SIGKILL")


def test_rounds_say_whether_their_invocation_was_completed(folder: RunFolder) -> None:
    """Every block is a row of rounds.csv; only that of the invocation cut short is not complete."""
    rows = table(folder, "rounds")
    assert len(rows) == 2 * 5 * 2 + 1
    assert [row["invocation"] for row in rows if row["complete"] == "False"] == ["5"]
    assert {row["complete"] for row in rows} == {"True", "False"}
    assert min(float(row["start_s"]) for row in rows) == 0
    assert {float(row["start_s"]) for row in rows} == {0.0, 1.0}
    assert {(row["samples"], row["calls_per_sample"], row["involuntary_switches"]) for row in rows} == {("3", "2", "3")}
    first = next(row for row in rows if row["trial"] == BIG.id)
    assert float(first["wall_p50_s"]) == pytest.approx(0.04)


def test_layers_sum_to_the_totals(folder: RunFolder) -> None:
    """The rows of layers.csv add up to what trials.csv and the paper's arithmetic say of the network."""
    rows = [row for row in table(folder, "layers") if row["model"] == "lenet5"]
    cost = analysis.count(architectures.parse("lenet5"))
    for name in ("mult_adds", "params", "bias_params", "bn_params"):
        assert sum(int(row[name]) for row in rows) == getattr(cost, name)
    assert int(rows[0]["mult_adds"]) == 6 * 28 * 28 * 25
    assert sum(float(row["mult_adds_share"]) for row in rows) == pytest.approx(1)


def test_samples_hold_every_sample_with_its_phase(folder: RunFolder) -> None:
    """Each sample of the journal is a row: first call, start-up, warm-up, priming and steady ones."""
    phases: dict[str, int] = {}
    rows = table(folder, "samples")
    for row in rows:
        phases[row["phase"]] = phases.get(row["phase"], 0) + 1
    starts, blocks = 2 * 5 + 1, 2 * 5 * 2 + 1
    assert phases == {
        "first": starts,
        "start_up": 2 * starts,
        "warm_up": 3 * starts,
        "priming": blocks - 1,
        "steady": 3 * blocks,
    }


def test_samples_are_the_journals_own(folder: RunFolder) -> None:
    """Steady samples come back to the nanosecond, with their calls; warm-ups have no CPU time, so an empty cell."""
    rows = table(folder, "samples")
    run = folder.read()
    steady = [row for row in rows if row["phase"] == "steady"]
    expected = [(one.trial, one.round, one.calls, wall) for one in run.blocks for wall in one.wall_ns]
    found = [(row["trial"], int(row["round"]), int(row["calls"]), round(float(row["wall_s"]) * 1e9)) for row in steady]
    assert found == expected
    assert {row["cpu_s"] for row in rows if row["phase"] != "steady"} == {""}
    assert {row["round"] for row in rows if row["phase"] in ("first", "start_up", "warm_up")} == {""}


def test_recomputed_files_are_the_same_to_the_byte(folder: RunFolder) -> None:
    """Deleted tables are made again from the journal, byte for byte, and nothing else appears in the folder."""
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    for name in before:
        if name != "journal.jsonl":
            (folder.path / name).unlink()
    folder.write_tables()
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before
