"""Tables of runs that are put together by hand, so that every figure is known beforehand."""

import csv
import gzip
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.cost import LayerCost
from edgebench.analysis.hardware import Hardware, Rates
from edgebench.board.wire import (
    Block,
    Closed,
    Footprint,
    FootprintsDone,
    InvocationDone,
    Lost,
    Parity,
    Ready,
    Signals,
    Watched,
)
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

LAYER = LayerCost(
    name="conv",
    kind="conv_1x1",
    in_channels=10,
    out_channels=4,
    kernel=(1, 1),
    stride=(1, 1),
    groups=1,
    out_h=10,
    out_w=10,
    mult_adds=10 * 4 * 10 * 10,
    params=10 * 4,
    bias_params=0,
    bn_params=0,
)
WATTS_LOW, WATTS_HIGH = 1.5, 6.0
T_4 = 2.7764451051977987  # Student's t, 97.5 %, four degrees of freedom (any printed table: 2.776)

ROWS = {"trials": TrialRow, "pairs": PairRow, "backends": BackendRow, "rounds": RoundRow, "layers": LayerRow}

MEMORY = tuple(field.name for field in fields(TrialRow) if field.name.startswith("memory_"))

MEASURED = (
    "precision_found",
    "threads_found",
    "runtime_version",
    "provider",
    "own_cpu",
    "latency_p50_s",
    "latency_p50_low_s",
    "latency_p50_high_s",
    "latency_p90_s",
    "latency_p95_s",
    "latency_p99_s",
    "autocorrelation",
    "outliers_mild_low",
    "outliers_severe_low",
    "outliers_mild_high",
    "outliers_severe_high",
    "outliers_with_signal_share",
    "pace_hz",
    "response_p50_s",
    "response_p99_s",
    "paced_calls",
    "deadline_misses",
    "deadline_miss_share",
    "cpu_p50_s",
    "mult_adds_per_s",
    "import_s",
    "load_s",
    "first_call_s",
    "warm_up_s",
    "time_to_steady_s",
    "calls_to_steady",
    "call_floor_s",
    "set_inputs_s",
    "outputs_s",
    *MEMORY,
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
        involuntary_switches=(0, 0, 0),
        major_faults=(0, 0, 0),
    )
    return replace(whole, **changes)


def closed(trial: Trial, invocation: int) -> Closed:
    """Return an orderly end."""
    return Closed(session="s1", invocation=invocation, trial=trial.id)


def footprint(trial: Trial, repeat: int = 0, **changes: Any) -> Footprint:
    """Return the memory of a trial that was started alone."""
    alone = Footprint(
        session="s1",
        trial=trial.id,
        repeat=repeat,
        import_bytes=100 + repeat,
        load_bytes=50,
        load_anonymous_bytes=30,
        load_file_bytes=20,
        peak_bytes=70 + 10 * repeat,
        peak_is_sampled=False,
        unique_bytes=60,
        swapped_bytes=0,
        group_bytes=None,
        calls=20,
        call_s=0.01,
        start_s=0.5,
        set_inputs_s=1e-5 * (1 + repeat),
        outputs_s=2e-6,
        floor_s=3e-6,
    )
    return replace(alone, **changes)


def watched(invocation: int, number: int, **changes: Any) -> Watched:
    """Return a look at a machine on which nothing else runs."""
    look = Watched(
        session="s1",
        invocation=invocation,
        round=number,
        start_ns=5_000_000_000 + 100_000_000_000 * invocation + 1_000_000_000 * number,
        wall_ns=800_000_000,
        loop_ns=100_000,
        stream_ns=50_000,
        steal_ns=0,
        cpu_waiting_ns=0,
        memory_stalled_ns=0,
    )
    return replace(look, **changes)


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


def test_latency_is_the_geometric_mean_over_invocations() -> None:
    """Latency is the geometric mean of the invocations' medians; its interval is Student's on the logarithms."""
    medians = [0.010, 0.014, 0.011, 0.013, 0.012]
    row = only(whole({BIG: medians}))
    logs = [math.log(median) for median in medians]
    mean = sum(logs) / 5
    half = T_4 * math.sqrt(sum((log - mean) ** 2 for log in logs) / 4) / math.sqrt(5)
    assert row.latency_p50_s == pytest.approx(math.exp(mean), rel=1e-6)
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
    assert (row.samples, row.latency_p90_s, row.latency_p95_s, row.latency_p99_s) == (30, None, None, None)


def test_percentiles_of_samples_that_hang_together_need_more() -> None:
    """Rounds that are alike in each invocation leave fewer independent samples, and 64 of them too few for p90."""
    independent = whole({BIG: [0.01, 0.0101] * 11})
    wandering = whole({BIG: [0.01 * 1.001**invocation for invocation in range(22)]})
    assert abs(only(independent).autocorrelation or 0) < 0.1
    assert only(independent).latency_p90_s == pytest.approx(0.0202)
    rho = only(wandering).autocorrelation
    assert rho is not None
    assert rho > 0.5
    assert only(wandering).latency_p90_s is None


def test_mult_adds_per_second_count_the_batch() -> None:
    """Throughput is mult-adds at batch 1 times batch over the latency of a call."""
    row = only(whole({replace(BIG, batch=8): constant(0.01)}))
    assert row.mult_adds == 4000
    assert row.mult_adds_per_s == pytest.approx(4000 * 8 / 0.01)


@pytest.mark.parametrize(("bound_s", "flags"), [(0.005, ""), (0.0099, ""), (0.02, "beats_bound")])
def test_efficiency_is_bound_over_latency(bound_s: float, flags: str) -> None:
    """In the trials and the ranks of backends; above 1 it is flagged, and without a layer to bound there is none."""
    peak = Hardware(name="x86", cores=1, clock_hz=1e9, rates=Rates(fp32=MULT_ADDS["vgg"] / bound_s))
    lines = (*measured({BIG: constant(0.01), SMALL: constant(0.01)}), SessionEnded(session="s1"), ended())
    own = (replace(counted("vgg"), layers=(LAYER,)), counted("mobilenet_v1"))
    run = assemble((started(BIG, SMALL), *own, *lines))
    assert run is not None
    found = summarize(run, peak)
    big, small = found.trials
    assert big.efficiency == pytest.approx(bound_s / 0.01)
    assert big.bound_s == pytest.approx(bound_s)
    assert (big.bound_from, big.flags) == ("description", flags)
    assert (small.efficiency, small.flags) == (None, "")
    assert {row.model: row.efficiency for row in found.backends} == {"vgg": big.efficiency, "mobilenet_v1": None}


def test_starts_are_medians_over_invocations() -> None:
    """Import, load, first call and warm-up are medians over the processes."""
    row = only(whole({BIG: constant(0.01)}))
    assert row.import_s == 2.5
    assert (row.load_s, row.first_call_s) == (0.25, 0.125)
    assert row.warm_up_s == pytest.approx(0.01 + 0.02 + 0.03 + 0.03 + 0.04)


@pytest.mark.parametrize(
    ("steady", "own_clock", "expected"),
    [(True, False, (0.125 + 0.02, 2)), (False, False, (None, None)), (True, True, (None, None))],
)
def test_a_start_tells_when_it_came_to_rest(
    steady: bool, own_clock: bool, expected: tuple[float | None, int | None]
) -> None:
    """Time and calls to the steady state end where five samples lie where the end of the warm-up does.

    Here that is the third call; a worker that did not come to rest, or whose program kept the clock, tells nothing.
    """
    start: dict[str, Any] = {"start_up_ns": (20_000_000,), "warm_up_ns": (20_000_000,) * 9, "warm_up_calls": 2}
    lines = [
        replace(line, **start, steady=steady, own_clock=own_clock) if isinstance(line, Ready) else line
        for line in measured({BIG: constant(0.01)})
    ]
    row = only(summarize(told(started(BIG), *lines, SessionEnded(session="s1"))))
    found = (row.time_to_steady_s, row.calls_to_steady)
    assert found == (expected if expected[0] is None else (pytest.approx(expected[0]), expected[1]))


def test_memory_is_that_of_workers_that_were_alone() -> None:
    """Memory and what calls cost beside computing are medians over the repeats; the peak has a range."""
    alone = [footprint(BIG, repeat) for repeat in (0, 2, 1)]
    row = only(summarize(told(started(BIG), *alone, *measured({BIG: constant(0.01)}), SessionEnded(session="s1"))))
    assert row.footprints == 3
    assert (row.memory_import_bytes, row.memory_load_bytes) == (101, 50)
    assert (row.memory_load_anonymous_bytes, row.memory_load_file_bytes) == (30, 20)
    assert (row.memory_peak_low_bytes, row.memory_peak_bytes, row.memory_peak_high_bytes) == (70, 80, 90)
    assert (row.memory_unique_bytes, row.memory_swapped_bytes, row.memory_group_bytes) == (60, 0, None)
    assert row.memory_peak_is_sampled is False
    assert (row.set_inputs_s, row.outputs_s, row.call_floor_s) == (2e-5, 2e-6, 3e-6)


def test_memory_that_was_not_told_is_empty_and_swap_is_the_worst() -> None:
    """A figure that some repeats tell is their median, one that none tells is empty; a peak sampled once is sampled."""
    one = footprint(BIG, 0, load_bytes=None, peak_is_sampled=True, swapped_bytes=4096)
    two = footprint(BIG, 1, load_bytes=None, unique_bytes=None)
    row = only(summarize(told(started(BIG), one, two, SessionEnded(session="s1"))))
    assert (row.memory_load_bytes, row.memory_unique_bytes, row.memory_swapped_bytes) == (None, 60, 4096)
    assert row.flags == "invalid_swapped"
    assert row.memory_peak_is_sampled is True


def test_a_twin_has_no_memory_of_its_own() -> None:
    """Only originals are started alone: the twin's memory is empty, not copied."""
    medians = {BIG: constant(0.01), twin(BIG): constant(0.01)}
    run = told(started(*medians), footprint(BIG), *measured(medians), SessionEnded(session="s1"))
    original, second = summarize(run).trials
    assert (original.footprints, original.memory_peak_bytes) == (1, 70)
    assert (second.footprints, second.memory_peak_bytes) == (0, None)


def test_outliers_are_counted_by_class_and_kept() -> None:
    """A slow sample stays among the samples and is counted; the share with a signal says how many had one."""
    wall = tuple([20_000_000 + 1000 * number for number in range(9)] + [90_000_000])
    switches = (0,) * 9 + (3,)
    lines = [
        replace(line, wall_ns=wall, cpu_ns=wall, involuntary_switches=switches, major_faults=(0,) * 10)
        if isinstance(line, Block)
        else line
        for line in measured({BIG: constant(0.01)})
    ]
    row = only(summarize(told(started(BIG), *lines, SessionEnded(session="s1"))))
    assert row.samples == 5 * 2 * 10
    counts = (row.outliers_mild_low, row.outliers_severe_low, row.outliers_mild_high, row.outliers_severe_high)
    assert counts == (0, 0, 0, 5 * 2)
    assert row.outliers_with_signal_share == 1.0


def test_a_paced_trial_counts_the_deadlines_that_it_missed() -> None:
    """At 10 Hz a call that ends more than 100 ms after its time has missed; responses have a median of their own."""
    lines = [
        replace(line, calls=1, response_ns=(100_000_000, 100_000_001, 90_000_000)) if isinstance(line, Block) else line
        for line in measured({BIG: constant(0.01)})
    ]
    run = told(started(BIG, protocol=Protocol(pace_hz=10.0)), *lines, SessionEnded(session="s1"))
    row = only(summarize(run))
    assert (row.pace_hz, row.paced_calls, row.deadline_misses) == (10.0, 30, 10)
    assert row.deadline_miss_share == pytest.approx(1 / 3)
    assert row.response_p50_s == pytest.approx(0.1)
    assert row.response_p99_s is None


def test_the_machine_flags_all_that_was_measured_on_it() -> None:
    """What the machine did during a session stands in the flags of its trials and pairs, each flag once."""
    medians = {BIG: constant(0.04), SMALL: constant(0.01)}
    looks = [
        watched(invocation, number, steal_ns=80_000_000, governor="ondemand")
        for invocation in range(5)
        for number in range(2)
    ]
    summary = summarize(told(started(*medians), *looks, *measured(medians), SessionEnded(session="s1")))
    assert {row.flags for row in summary.trials} == {"governor stolen"}
    assert {row.flags for row in summary.pairs} == {"governor stolen"}


def test_a_trial_measured_alone_has_its_own_rounds() -> None:
    """Where workers run one after the other, what happened in the rounds of one says nothing of the others."""
    medians = {BIG: constant(0.04), SMALL: constant(0.01)}
    looks = [
        watched(invocation, number, trial=trial.id, steal_ns=stolen)
        for invocation in range(5)
        for number in range(2)
        for trial, stolen in ((BIG, 80_000_000), (SMALL, 0))
    ]
    big, small = summarize(told(started(*medians), *looks, *measured(medians), SessionEnded(session="s1"))).trials
    assert (big.flags, small.flags) == ("stolen", "")


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
    assert (row.runtime_version, row.provider, row.own_cpu) == ("9.1", "CPU", True)
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


@pytest.mark.parametrize(
    ("provider", "own_cpu"),
    [("CPUExecutionProvider", True), ("numpy", True), ("CUDAExecutionProvider", False), ("CUDA Orin", False)],
)
def test_time_on_a_gpu_is_nobodys_contention(provider: str, own_cpu: bool) -> None:
    """A trial that waits for a GPU does not use its processor: that is no flag, and no reason to take CPU time."""
    lines = [
        replace(line, provider=provider)
        if isinstance(line, Ready)
        else replace(line, cpu_ns=tuple(ns // 2 for ns in line.wall_ns))
        if isinstance(line, Block)
        else line
        for line in measured({BIG: constant(0.04), SMALL: constant(0.01)})
    ]
    summary = summarize(told(started(BIG, SMALL), *lines, SessionEnded(session="s1")))
    assert {row.own_cpu for row in summary.trials} == {own_cpu}
    assert {"contended" in row.flags for row in summary.trials} == {own_cpu}
    assert [row.decided_on for row in summary.pairs] == ["cpu time" if own_cpu else "wall"]


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


def test_a_pair_says_how_else_its_ratio_could_be_bounded() -> None:
    """Sign interval of the median invocation, bootstrap and variance components stand beside the interval."""
    ratios = [2.0, 2.2, 1.8, 2.1, 1.9]
    lines: list[Line] = []
    for invocation, ratio in enumerate(ratios):
        lines += [ready(BIG, invocation), ready(SMALL, invocation)]
        for number in range(10):
            lines += [block(BIG, invocation, number, 0.01 * ratio * (1 + 0.001 * number))]
            lines += [block(SMALL, invocation, number, 0.01)]
        lines.append(InvocationDone(session="s1", invocation=invocation, seconds=1.0))
    (row,) = summarize(told(started(BIG, SMALL), *lines, SessionEnded(session="s1"))).pairs
    assert row.one_process_ratio_low == pytest.approx(2.0 * 1.001, rel=1e-6)
    assert row.one_process_ratio_high == pytest.approx(2.0 * 1.008, rel=1e-6)
    assert row.bootstrap_ratio_low is not None
    assert row.bootstrap_ratio_high is not None
    assert row.latency_ratio is not None
    assert 1.8 < row.bootstrap_ratio_low < row.latency_ratio < row.bootstrap_ratio_high < 2.3
    assert row.process_sd == pytest.approx(0.079, abs=0.002)
    assert row.round_sd == pytest.approx(0.004, abs=0.001)
    assert row.advised_invocations is not None
    assert row.advised_invocations > 200
    assert row.advised_rounds == 10
    assert (row.rounds, row.clean_rounds) == (50, 50)
    assert row.clean_ratio == row.latency_ratio


def test_too_few_invocations_give_no_advice() -> None:
    """Four processes do not tell how processes vary: no components, no advice, no bootstrap; rounds are counted."""
    (row,) = whole({BIG: constant(0.04, 4), SMALL: constant(0.01, 4)}).pairs
    assert (row.process_sd, row.round_sd, row.advised_invocations, row.advised_rounds) == (None,) * 4
    assert (row.bootstrap_ratio_low, row.bootstrap_ratio_high) == (None, None)
    assert (row.one_process_ratio_low, row.one_process_ratio_high) == (None, None)
    assert (row.rounds, row.clean_rounds) == (8, 8)


def test_a_ratio_that_disturbed_rounds_make_is_flagged() -> None:
    """Where undisturbed rounds give another ratio than all rounds, beyond the interval, the pair says so."""
    lines: list[Line] = []
    for invocation in range(5):
        lines += [ready(BIG, invocation), ready(SMALL, invocation)]
        for number in range(6):
            stolen = number > 1
            lines.append(watched(invocation, number, steal_ns=80_000_000 * stolen))
            lines.append(block(BIG, invocation, number, 0.03 if stolen else 0.02))
            lines.append(block(SMALL, invocation, number, 0.01))
        lines.append(InvocationDone(session="s1", invocation=invocation, seconds=1.0))
    (row,) = summarize(told(started(BIG, SMALL), *lines, SessionEnded(session="s1"))).pairs
    assert (row.rounds, row.clean_rounds) == (30, 10)
    assert row.latency_ratio == pytest.approx(3.0)
    assert row.clean_ratio == pytest.approx(2.0)
    assert "contention_sensitive" in row.flags.split()
    assert "stolen" in row.flags.split()


@pytest.mark.parametrize(
    ("threads", "ran", "expected"), [(1, 0.9, "cpu time"), (1, 0.99, "wall"), (2, 0.9, "wall")], ids=str
)
def test_a_pair_that_shared_its_processor_is_decided_on_cpu_time(threads: int, ran: float, expected: str) -> None:
    """One thread that did not run for 5 % of the time is judged by CPU time; more threads never are."""
    medians = {replace(trial, threads=threads): constant(median) for trial, median in ((BIG, 0.04), (SMALL, 0.01))}
    lines = [
        replace(line, cpu_ns=tuple(round(ran * wall) for wall in line.wall_ns)) if isinstance(line, Block) else line
        for line in measured(medians)
    ]
    (row,) = summarize(told(started(*medians), *lines, SessionEnded(session="s1"))).pairs
    assert row.decided_on == expected
    assert row.cpu_ratio == pytest.approx(4.0)


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
        assert row.twin_cpu_ratio == pytest.approx(1.1)
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
    """A model's fastest backend comes first, marked, at ratio 1 without interval; the others follow, a ruler last."""
    third = Trial(model="vgg", backend="null")
    rows = whole({BIG: constant(0.03), BIG_ORT: constant(0.01), third: constant(0.02)}).backends
    assert [row.backend for row in rows] == ["onnxruntime", "torch", "null"]
    assert [row.best for row in rows] == [True, False, False]
    assert [row.ratio_to_best for row in rows] == [1.0, pytest.approx(3.0), pytest.approx(2.0)]
    assert [row.ratio_to_best_low for row in rows] == [None, pytest.approx(3.0), pytest.approx(2.0)]


def test_a_figure_of_something_else_is_ranked_last() -> None:
    """A backend whose flags make it INVALID is not the best and has no ratio."""
    medians = {BIG: constant(0.03), BIG_ORT: constant(0.01), Trial(model="vgg", backend="null"): constant(0.002)}
    lines = [
        replace(line, precision_found="bf16") if isinstance(line, Ready) and line.trial == BIG_ORT.id else line
        for line in measured(medians)
    ]
    rows = summarize(told(started(*medians), *lines, SessionEnded(session="s1"))).backends
    assert [(row.backend, row.best, row.ratio_to_best) for row in rows] == [
        ("torch", True, 1.0),
        ("null", False, pytest.approx(1 / 15)),
        ("onnxruntime", False, None),
    ]


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
            Signals(session="s1", present={"steal": "/proc/stat"}, absent={"clock": "no cpufreq"}),
            footprint(BIG),
            FootprintsDone(session="s1", seconds=1.5),
            lost(BIG_ORT),
            watched(0, 0, steal_ns=8_000_000, clock_hz=10**9, temperature_c=40.5, io_waiting_ns=None),
            *measured(medians),
            ready(BIG, 5),
            block(BIG, 5, 0, 0.05, priming_ns=None, involuntary_switches=(0, 1, 2), response_ns=(1, 2, 3)),
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
    assert {(row["samples"], row["calls_per_sample"]) for row in rows} == {("3", "2")}
    assert [row["involuntary_switches"] for row in rows if row["invocation"] == "5"] == ["3"]
    first = next(row for row in rows if row["trial"] == BIG.id)
    assert float(first["wall_p50_s"]) == pytest.approx(0.04)


def test_rounds_hold_what_was_seen_of_the_machine(folder: RunFolder) -> None:
    """All blocks of a round have its signals; those of a round that nobody looked at are empty, as is an absent one."""
    signals = ("canary_loop_s", "canary_stream_s", "stolen_share", "cpu_waiting_share", "clock_hz", "temperature_c")
    rows = table(folder, "rounds")
    seen = [row for row in rows if (row["invocation"], row["round"]) == ("0", "0")]
    assert len(seen) == 2
    for row in seen:
        assert [float(row[name]) for name in signals] == pytest.approx([1e-4, 5e-5, 0.01, 0.0, 1e9, 40.5])
        assert row["io_waiting_share"] == ""
    assert {row[name] for row in rows if row not in seen for name in signals} == {""}


def test_the_context_says_what_could_be_watched(folder: RunFolder) -> None:
    """context.json names the signals of each session, and why others are absent."""
    context = json.loads((folder.path / "context.json").read_text())
    assert context["signals"] == {"s1": {"present": {"steal": "/proc/stat"}, "absent": {"clock": "no cpufreq"}}}
    assert context["footprints_s"] == {"s1": 1.5}


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
    assert [row["response_s"] for row in rows if row["response_s"]] == ["1e-09", "2e-09", "3.0000000000000004e-09"]


def test_recomputed_files_are_the_same_to_the_byte(folder: RunFolder) -> None:
    """Deleted tables are made again from the journal, byte for byte, and nothing else appears in the folder."""
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    for name in before:
        if name != "journal.jsonl":
            (folder.path / name).unlink()
    folder.write_tables()
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


# --- stand-ins -------------------------------------------------------------------------------------------------------

SPANS = tuple(field.name for field in fields(TrialRow) if field.name.endswith("_s"))


def test_an_emulated_row_has_no_time_in_it() -> None:
    """Whatever spans an emulator gave, no column of time is filled; outputs and memory are."""
    lines = [footprint(BIG), *measured({BIG: constant(0.01)})]
    run = told(started(BIG, emulated=True), *lines, SessionEnded(session="s1"), ended())
    row = only(summarize(run))
    assert (row.emulated, row.status, row.flags) == (True, "done", "emulated")
    assert {name: getattr(row, name) for name in SPANS if getattr(row, name) is not None} == {}
    assert (row.invocations, row.samples, row.proxy_cpu_energy_j_high) == (0, 0, None)
    assert (row.parity_max_abs_diff, row.memory_peak_bytes) == (1e-6, 70)


def test_emulated_rows_are_neither_paired_nor_ranked() -> None:
    """Two trials that were timed on an emulator all the same make no pair, no rank, and so no verdict."""
    found = whole({BIG: constant(0.02), SMALL: constant(0.01), BIG_ORT: constant(0.03)}, emulated=True)
    assert len(found.trials) == 3
    assert (found.pairs, found.backends) == ((), ())


def test_a_run_that_is_not_emulated_says_so() -> None:
    """The column is never empty; a journal that does not know of stand-ins is of none."""
    assert only(whole({BIG: constant(0.01)})).emulated is False
