"""TensorRT on constructed outputs: its parsers on files, its worker and a whole run on a stand-in for trtexec."""

import os
import re
import select
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench import api
from edgebench.api import Request
from edgebench.board.backends import NOT_RUN, Settings, _trtexec, installed, tensorrt
from edgebench.board.backends._trtexec import LayerTime
from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import Lost, TrialPlan

DATA = Path(__file__).parents[1] / "data" / "tensorrt"
LIMITS = {"warm_up_s": 0.05, "warm_up_cap_s": 0.1}
LIMIT_S = 30
Networks = Callable[[str, str], Any]
CPUS = sorted(os.sched_getaffinity(0))[-1:]
X = np.array([[1.0, -2.5, 0.125, 3e-5]], np.float32)


def exported(name: str) -> str:
    """The content of a constructed file without the lines that say so."""
    lines = (DATA / f"{name}.txt").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("# "))


# --- parsers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_every_file_says_that_it_is_constructed(path: Path) -> None:
    """No file of these can be taken for a recording of a board."""
    head = " ".join(path.read_text().replace("\n# ", " ").split())[:600].lower()
    assert "constructed" in head
    assert re.search(r"not(hing here was)? recorded on hardware", head)


def test_latencies_are_trtexecs_own() -> None:
    """The sum of transfer in, computing and transfer out, not a difference of rounded time stamps."""
    assert _trtexec.times_ns(exported("times"), 0.0) == [1_404_340, 1_253_380, 1_250_000]


def test_warm_up_that_an_old_release_exports_is_left_out() -> None:
    """Calls that began within the warm-up are no samples."""
    assert _trtexec.times_ns(exported("times-8.2"), 0.001) == [1_260_000]


def test_layers_have_times_and_shares() -> None:
    """A profile gives each layer's mean, median and share."""
    layers = _trtexec.layer_times(exported("profile"))
    assert layers[1] == LayerTime(name="conv1 + relu1", mean_s=0.6e-3, median_s=0.59392 * 1e-3, share=0.75)
    assert sum(layer.share for layer in layers) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("layers-8.6", "fp16"),
        ("layers-10.3", "fp32"),
        ("layers-11", "fp16"),
        ("layers-tf32", "tf32"),
        ("layers-names", "unknown"),
    ],
)
def test_precision_is_that_of_the_layers_that_compute(name: str, precision: str) -> None:
    """The inputs of convolutions and products tell it; copies do not count, and names alone tell nothing."""
    text = exported(name)
    assert _trtexec.precision(text) == precision
    assert _trtexec.tensor_names(text) == ["x", "y"]


def test_outputs_come_in_the_models_order() -> None:
    """The export has no order of its own, and prints nan and inf as C++ does."""
    first, second = _trtexec.outputs(exported("outputs"), ["x", "y", "z"])
    assert first.tolist() == [[1, 2.5, 123457]]
    assert second.shape == (1, 2, 2)
    assert np.isnan(second[0, 1, 0])
    assert second[0, 1, 1] == -np.inf


def test_outputs_whose_order_is_not_told_are_refused() -> None:
    """Comparing one output with the reference of another would be a guess."""
    with pytest.raises(ValueError, match="does not tell which output of the model 'z' is"):
        _trtexec.outputs(exported("outputs"), ["x", "y"])


def test_log_tells_version_device_and_first_error() -> None:
    """The first error is the cause; those after it only tell how trtexec gave up."""
    log = exported("failure")
    assert _trtexec.version(log) == (10, 3, 0)
    assert _trtexec.device(log) == "Orin"
    assert _trtexec.reason(log) == 'ModelImporter.cpp:949: While parsing node number 3 [Einsum -> "einsum"]:'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "are no JSON"),
        ('[ { "latencyMs" : 1.5 ', "are no JSON"),
        ('{ "latencyMs" : 1.5 }', "are no list of records"),
        ("[ 1.5 ]", "are no list of records"),
        ('[ { "startComputeMs" : 1, "computeMs" : 1.5 } ]', "has no number latencyMs"),
        ('[ { "startComputeMs" : 1, "latencyMs" : "1.5" } ]', "has no number latencyMs"),
        ('[ { "startComputeMs" : 1, "latencyMs" : true } ]', "has no number latencyMs"),
        ('[ { "startComputeMs" : 1, "latencyMs" : 0 } ]', "took no time"),
        ('[ { "startComputeMs" : 1, "latencyMs" : NaN } ]', "took no time"),
    ],
)
def test_times_that_are_none_are_refused(text: str, said: str) -> None:
    """What is no latency is said, never taken for one."""
    with pytest.raises(ValueError, match=said):
        _trtexec.times_ns(text, 0.0)


@pytest.mark.parametrize(
    ("version", "precision", "options"),
    [
        ((8, 5, 2), "fp32", ["--profilingVerbosity=detailed", "--noTF32", "--buildOnly"]),
        ((8, 6, 2), "fp16", ["--profilingVerbosity=detailed", "--noTF32", "--skipInference", "--fp16"]),
        ((11, 1, 0), "fp32", ["--profilingVerbosity=detailed", "--noTF32", "--skipInference"]),
    ],
)
def test_build_is_asked_for_in_each_releases_words(
    version: _trtexec.Version, precision: str, options: list[str]
) -> None:
    """--skipInference was --buildOnly before 8.6; fp32 never means TensorFloat-32."""
    assert tensorrt.build_options(version, precision) == options


def test_transfers_are_timed_by_every_release() -> None:
    """From 11 on trtexec leaves them out unless asked, and captures a CUDA graph unless told not to."""
    options = tensorrt.timing_options((11, 1, 0), 5, 0.0)
    assert options[-2:] == ["--includeDataTransfers", "--noCudaGraph"]
    assert {"--iterations=5", "--duration=0", "--warmUp=0", "--exposeDMA"} <= set(options)


# --- a worker with a stand-in for trtexec -----------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put the stand-in on the PATH; the file that is returned gets its command lines."""
    path = tmp_path / "calls"
    monkeypatch.setenv("PATH", f"{DATA}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_TRTEXEC_CALLS", str(path))
    return path


def trial(folder: Path, precision: str = "fp32") -> TrialPlan:
    """A trial of a file whose outputs are twice its inputs."""
    (folder / "a model.onnx").write_bytes(b"onnx")
    np.savez(folder / "inputs.npz", x=X)
    np.savez(folder / "reference.npz", y0=2 * X)
    return TrialPlan(
        id="t",
        backend="tensorrt",
        options={},
        precision=precision,
        threads=1,
        batch=1,
        artefact=str(folder / "a model.onnx"),
        inputs=str(folder / "inputs.npz"),
        reference=str(folder / "reference.npz"),
    )


def lose(planned: TrialPlan, limit_s: float = LIMIT_S) -> Lost:
    """Start a worker that cannot be measured, and return how it was lost."""
    with Child.started(planned, CPUS) as child, pytest.raises(WorkerLost) as caught:
        child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, limit_s)
    return caught.value.record("s1", 0, planned.id)


def opened(child: Child) -> dict[str, Any]:
    """Open the worker's model."""
    return child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, LIMIT_S)


@pytest.mark.parametrize(
    ("release", "version", "precision"),
    [("8502", "8.5.2", "fp16"), ("100300", "10.3.0", "fp32"), ("110100", "11.1.0", "fp32")],
)
def test_worker_takes_the_figures_of_trtexec(
    release: str, version: str, precision: str, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One build, then a process a block; each release knows every option it is given; outputs are compared."""
    monkeypatch.setenv("FAKE_TRTEXEC_VERSION", release)
    with Child.started(trial(tmp_path, precision), CPUS) as child:
        ready = opened(child)
        block = child.ask({"do": "run", "samples": 4, "calls": 3, "priming": True}, LIMIT_S)
        assert child.ask({"do": "close"}, LIMIT_S) == {}
    assert (ready["runtime_version"], ready["precision_found"], ready["own_clock"]) == (version, precision, True)
    assert (ready["provider"], ready["threads_found"], ready["foreign_modules"]) == ("TensorRT Orin", None, [])
    assert ready["parity"]["max_abs_diff"] < 1e-6
    assert ready["first_call_s"] == pytest.approx(3.06e-3)
    assert len(ready["start_up_ns"]) == 20
    assert len(ready["warm_up_ns"]) == int(LIMITS["warm_up_s"] / 1.062e-3)
    assert ready["call_s"] == pytest.approx(1.062e-3)
    assert block["wall_ns"] == [3_060_000, 1_062_000, 1_064_000, 1_061_000]
    assert (block["calls"], block["priming_ns"], block["cpu_ns"]) == (1, None, [])
    asked = [line.split(" ", 1)[1] for line in calls.read_text().splitlines()]
    assert [("--onnx" in line, "--loadEngine" in line) for line in asked[2:]] == [(True, False)] + 3 * [(False, True)]
    assert "--warmUp=50" in asked[-1]


@pytest.mark.parametrize(
    ("behaviour", "stage", "reason"),
    [
        (
            "build fails",
            "load",
            "trtexec failed at building an engine (exit status 1): "
            'ModelImporter.cpp:949: While parsing node number 3 [Einsum -> "einsum"]:',
        ),
        ("crash", "load", "trtexec was ended by SIGSEGV while building an engine"),
        ("empty engine", "load", "trtexec built no engine, though it said that it did"),
        (
            "no memory",
            "first call",
            "trtexec failed at timing calls (exit status 1): "
            "1: [executionContext.cpp::createImpl] Error Code 1: Cuda Runtime (out of memory)",
        ),
        (
            "killed",
            "first call",
            "trtexec was ended by SIGKILL while timing calls (the kernel does that when memory runs out)",
        ),
        ("malformed", "first call", "trtexec's times are no JSON (Expecting ',' delimiter: *"),
        ("no times", "first call", "trtexec's times are no JSON (Expecting value: *"),
        ("few", "first call", "trtexec timed 20 calls: expected 21"),
        ("nan", "first call", "outputs hold values that are not finite"),
    ],
)
def test_failure_of_trtexec_is_one_reason(
    behaviour: str, stage: str, reason: str, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stage and cause are in the row; the worker itself ends in order."""
    monkeypatch.setenv("FAKE_TRTEXEC", behaviour)
    lost = lose(trial(tmp_path))
    assert (lost.stage, lost.exit_status, lost.signal) == (stage, None, None)
    assert lost.reason.startswith(f"ValueError: {reason.removesuffix('*')}")
    assert reason.endswith("*") or lost.reason == f"ValueError: {reason}"


def test_footprint_tells_what_is_ours_to_know(calls: Path, tmp_path: Path) -> None:
    """One build and one run of calls: how long it took, and no memory, for trtexec holds the model in its own."""
    with Child.started(trial(tmp_path), CPUS, weighed=True) as child:
        found = child.ask({"do": "footprint", "trial": child.description(), "calls": 20}, LIMIT_S)
    absent = {
        "import_bytes",
        "load_bytes",
        "load_anonymous_bytes",
        "load_file_bytes",
        "load_peak_bytes",
        "peak_bytes",
        "unique_bytes",
    }
    absent |= {"swapped_bytes", "set_inputs_s", "outputs_s", "floor_s"}
    assert {name for name, value in found.items() if value is None} == absent
    assert (found["own_clock"], found["calls"], found["peak_is_sampled"]) == (True, 20, False)
    assert found["call_s"] == pytest.approx(1.062e-3)
    assert found["ready_ns"] > child.started_ns
    asked = [line.split(" ", 1)[1] for line in calls.read_text().splitlines()]
    assert [("--onnx" in line, "--loadEngine" in line) for line in asked[2:]] == [(True, False), (False, True)]


def test_calls_of_trtexec_cannot_be_paced(calls: Path, tmp_path: Path) -> None:
    """It starts its calls by itself: the trial is lost with that reason rather than measured in another way."""
    with Child.started(trial(tmp_path), CPUS) as child:
        opened(child)
        with pytest.raises(WorkerLost, match="cannot start them at fixed times") as caught:
            child.ask({"do": "pace", "samples": 10, "hz": 5.0}, LIMIT_S)
    assert caught.value.record("s1", 0, "t").stage == "block"


def test_more_calls_than_asked_for_are_all_kept(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """trtexec promises at least so many; a sample that was taken is not thrown away."""
    monkeypatch.setenv("FAKE_TRTEXEC", "many")
    with Child.started(trial(tmp_path), CPUS) as child:
        opened(child)
        assert len(child.ask({"do": "run", "samples": 4, "calls": 1, "priming": False}, LIMIT_S)["wall_ns"]) == 6


def test_hanging_trtexec_ends_with_its_worker(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent kills the worker at its limit, and nothing goes on computing on the board."""
    monkeypatch.setenv("FAKE_TRTEXEC", "hang")
    lost = lose(trial(tmp_path), limit_s=1.5)
    assert (lost.stage, lost.reason) == ("load", "no answer within 1.5 s")
    process, _, line = calls.read_text().splitlines()[-1].partition(" ")
    assert line.startswith("--onnx")
    try:
        handle = os.pidfd_open(int(process))
    except ProcessLookupError:
        return
    assert select.select([handle], [], [], 5)[0]
    os.close(handle)


@pytest.mark.parametrize(
    ("release", "precision", "reason"),
    [
        ("8001", "fp32", "TensorRT 8.0.1 is too old: expected 8.2 or newer (JetPack 4.6)"),
        ("110100", "fp16", "TensorRT 11.1.0 takes precisions from the file alone: fp16 needs TensorRT 8 or 10"),
    ],
)
def test_release_that_cannot_do_it_is_refused(
    release: str, precision: str, reason: str, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a release lacks is said before anything is built."""
    monkeypatch.setenv("FAKE_TRTEXEC_VERSION", release)
    with pytest.raises(ValueError, match=re.escape(reason)):
        tensorrt.import_runtime(Settings(threads=1, precision=precision, options={}))


def test_board_without_trtexec_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Such a board does not list the backend; a worker told to use it all the same gives the reason."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tensorrt, "_PLACES", (tmp_path / "trtexec",))
    assert "tensorrt" not in installed()
    with pytest.raises(ValueError, match="TensorRT's trtexec is not on this board: it comes with JetPack"):
        tensorrt.import_runtime(Settings(threads=1, precision="fp32", options={}))
    (tmp_path / "trtexec").symlink_to(DATA / "trtexec")
    assert installed()["tensorrt"] == ""


# --- what people are told ---------------------------------------------------------------------------------------------


def test_backends_that_never_ran_on_hardware_say_so() -> None:
    """`list backends` has it for whole backends and for options."""
    told = {state.name: state.status for state in api.backends()}
    assert told["tensorrt"] == NOT_RUN
    assert told["onnxruntime"] == f"provider=cuda: {NOT_RUN}; provider=tensorrt: {NOT_RUN}"
    assert told["torch"] == f"device=cuda: {NOT_RUN}"
    assert (told["null"], told["openvino"]) == (None, None)


@pytest.mark.slow
def test_run_says_in_every_row_whose_figures_it_has(
    calls: Path, network: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run: rows with latency and provenance; what was not measured is empty, not zero."""
    made = network("separable", "onnx")
    with np.load(made.reference) as stored:
        (output,) = (stored[name] for name in stored.files)
    values = ", ".join(f"{value:g}" for value in output.ravel())
    shape = "x".join(str(side) for side in output.shape)
    export = tmp_path / "output.json"
    export.write_text(f'[\n  {{ "name" : "y"\n  , "dimensions" : "{shape}"\n  , "values" : [ {values} ]\n  }}\n]\n')
    monkeypatch.setenv("FAKE_TRTEXEC_OUTPUT", str(export))
    request = Request(
        models=("layer:separable,size=8,in=16,out=16,kernel=3",),
        backends=("tensorrt", "null"),
        invocations=1,
        results=tmp_path,
    )
    result = api.run(request)
    rows = {(row.backend, row.twin): asdict(row) for row in result.summary.trials}
    row = rows["tensorrt", False]
    assert (row["status"], row["runtime_version"]) == ("done", "10.3.0")
    assert not {"parity", "precision", "threads", "unsteady"} & set(row["flags"].split())  # others are the machine's
    assert row["provenance"] == "measured by the runtime's own program; backend not run on hardware"
    assert rows["null", False]["provenance"] == "measured"
    assert row["latency_p50_s"] == pytest.approx(1.062e-3)
    assert row["parity_max_abs_diff"] < 1e-5 * row["parity_scale"]
    empty = ("cpu_p50_s", "threads_found", "memory_peak_bytes", "proxy_cpu_energy_j_high")
    assert [row[name] for name in empty] == [None] * len(empty)
    (pair,) = [pair for pair in result.summary.pairs if pair.by == "backend"]
    assert pair.latency_ratio is not None
    assert pair.cpu_ratio is None
    samples = result.tables()["samples"]
    mine = samples[samples["trial"].str.contains("tensorrt") & (samples["phase"] == "steady")]
    assert mine["wall_s"].notna().all()
    assert mine["cpu_s"].isna().all()
