"""Real workers of every backend on small networks: what they say of themselves, and how they are lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import Lost, TrialPlan
from tests.needing import installed

LIMITS = {"warm_up_s": 0.05, "warm_up_cap_s": 0.1}
LIMIT_S = 60
Networks = Callable[[str, str], Any]
CPUS = sorted(os.sched_getaffinity(0))
PROVIDERS = {
    "litert": "CPU XNNPACK",
    "mnn": "CPU",
    "ncnn": "CPU",
    "null": "numpy",
    "onnxruntime": "CPUExecutionProvider",
    "openvino": "CPU",
    "torch": "CPU ",
}
FORMATS = {
    "litert": "tflite",
    "mnn": "mnn",
    "ncnn": "ncnn",
    "onnxruntime": "onnx",
    "openvino": "onnx",
    "torch": "pt2",
}
WITH_TORCH = {"torch"}
"""Runtimes that are torch, or import it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All that a worker answered from its start to its end."""

    trial: TrialPlan
    opened: dict[str, Any]
    primed: dict[str, Any]
    unprimed: dict[str, Any]
    closed: dict[str, Any]


def trial(
    backend: str,
    artefact: Path | None = None,
    inputs: Path | None = None,
    reference: Path | None = None,
    threads: int = 1,
) -> TrialPlan:
    """A trial of these files."""
    return TrialPlan(
        id="t",
        backend=backend,
        options={},
        precision="fp32",
        threads=threads,
        batch=1,
        artefact=None if artefact is None else str(artefact),
        inputs=None if inputs is None else str(inputs),
        reference=None if reference is None else str(reference),
    )


def live(planned: TrialPlan) -> Life:
    """Take a worker through all it can be told."""
    with Child.started(planned, CPUS[-planned.threads :]) as child:
        return Life(
            trial=planned,
            opened=child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, LIMIT_S),
            primed=child.ask({"do": "run", "samples": 3, "calls": 2, "priming": True}, LIMIT_S),
            unprimed=child.ask({"do": "run", "samples": 1, "calls": 1, "priming": False}, LIMIT_S),
            closed=child.ask({"do": "close"}, LIMIT_S),
        )


def lose(planned: TrialPlan) -> Lost:
    """Start a worker that cannot be measured, and return how it was lost."""
    with Child.started(planned, CPUS[-1:]) as child, pytest.raises(WorkerLost) as caught:
        child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, LIMIT_S)
    return caught.value.record("s1", 0, planned.id)


TWO_CPUS = pytest.mark.skipif(len(CPUS) < 2, reason="this machine lets the tests use one processor only")


@pytest.fixture(
    scope="module",
    params=[
        ("null", None, 1),
        ("onnxruntime", "separable", 1),
        ("openvino", "separable", 1),
        ("torch", "lenet5", 1),
        pytest.param(("null", None, 2), marks=TWO_CPUS),
        pytest.param(("onnxruntime", "separable", 2), marks=TWO_CPUS),
        pytest.param(("openvino", "separable", 2), marks=TWO_CPUS),
        pytest.param(("torch", "lenet5", 2), marks=[TWO_CPUS, pytest.mark.slow]),
        pytest.param(("onnxruntime", "lenet5", 1), marks=pytest.mark.slow),
        pytest.param(("openvino", "lenet5", 1), marks=pytest.mark.slow),
        pytest.param(("torch", "separable", 1), marks=pytest.mark.slow),
        *(
            pytest.param(
                (backend, model, threads), marks=pytest.mark.slow if threads == 1 else [TWO_CPUS, pytest.mark.slow]
            )
            for backend in ("litert", "mnn", "ncnn")
            for model, threads in (("lenet5", 1), ("mobilenet", 1), ("mobilenet", 2))
        ),
    ],
    ids=lambda param: "-".join(str(part) for part in param if part is not None),
)
def life(request: pytest.FixtureRequest, network: Networks) -> Life:
    """The whole life of one worker, lived once for all tests of this module."""
    backend, model, threads = request.param
    installed(backend)
    if model is None:
        return live(trial(backend, threads=threads))
    made = network(model, FORMATS[backend])
    return live(trial(backend, made.file, made.inputs, made.reference, threads))


def test_worker_holds_its_runtime_and_no_other(life: Life) -> None:
    """torch, pandas, pydantic and typer are not in a worker, but for torch where the runtime is or imports it."""
    assert life.opened["foreign_modules"] == (["torch"] if life.trial.backend in WITH_TORCH else [])


def test_worker_says_what_it_really_runs(life: Life) -> None:
    """Version, precision and provider are the runtime's own words."""
    assert life.opened["precision_found"] == "fp32"
    assert life.opened["provider"].startswith(PROVIDERS[life.trial.backend])
    assert life.opened["runtime_version"][0].isdigit()


def test_no_more_threads_compute_than_asked_for(life: Life) -> None:
    """A worker keeps to its threads and to its processors; the null backend computes in one, numpy's pool in none."""
    most = 1 if life.trial.backend == "null" else life.trial.threads
    assert 1 <= life.opened["threads_found"] <= most
    assert life.opened["threads_alive"] >= life.opened["threads_found"]
    assert life.opened["cpus"] == CPUS[-life.trial.threads :]


def test_outputs_are_those_of_the_reference(life: Life) -> None:
    """A backend's outputs lie within 1e-4 of the reference's scale; without a reference there is no parity."""
    parity = life.opened["parity"]
    if life.trial.reference is None:
        assert parity is None
    else:
        assert parity["scale"] > 0.1
        assert 0 <= parity["max_abs_diff"] < 1e-4 * parity["scale"]


def test_warm_up_is_kept_sample_by_sample(life: Life) -> None:
    """Start-up calls, ten warm-up samples or more, and an estimate of a call that comes from the last of them."""
    opened = life.opened
    assert 1 <= len(opened["start_up_ns"]) <= 20
    assert len(opened["warm_up_ns"]) >= 10 or opened["steady"]
    last = float(np.median(opened["warm_up_ns"][-8:])) / opened["warm_up_calls"] * 1e-9
    assert opened["call_s"] == pytest.approx(last)
    assert min(opened["import_s"], opened["load_s"], opened["first_call_s"]) > 0


def test_block_has_every_figure_for_every_sample(life: Life) -> None:
    """A block's arrays are of one length, its calls are those asked for, and only a primed block has a priming call."""
    for block, samples, calls in ((life.primed, 3, 2), (life.unprimed, 1, 1)):
        for name in ("wall_ns", "cpu_ns", "involuntary_switches", "major_faults"):
            assert len(block[name]) == samples
            assert min(block[name]) >= 0
        assert min(block["wall_ns"]) > 0
        assert block["calls"] == calls
    assert life.primed["priming_ns"] > 0
    assert life.unprimed["priming_ns"] is None
    assert life.unprimed["start_ns"] > life.primed["start_ns"] + sum(life.primed["wall_ns"])


def test_end_of_a_worker_has_nothing_to_tell(life: Life) -> None:
    """Memory is taken where nothing is timed, so closing answers that it was understood."""
    assert life.closed == {}


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "missing"])
def test_artefact_that_cannot_be_read_is_lost_at_loading(
    backend: str, damage: str, network: Networks, tmp_path: Path
) -> None:
    """A damaged file is a lost trial with stage `load` and the runtime's own reason, which names what is wrong."""
    made = network("separable", "onnx")
    whole = made.file.read_bytes()
    broken = tmp_path / "model.onnx"
    if damage != "missing":
        broken.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"")
    lost = lose(trial(backend, broken, made.inputs, made.reference))
    assert lost.stage == "load"
    assert lost.reason.partition(":")[0].isidentifier()
    assert len(lost.reason.partition(":")[2].strip()) > 20
    assert (lost.exit_status, lost.signal) == (None, None)


def test_unknown_backend_is_lost_at_its_import() -> None:
    """A backend that this side does not have is named in the reason."""
    lost = lose(trial("hailo"))
    assert (lost.stage, lost.reason) == ("import", "ValueError: no backend is called 'hailo' on this side")


def test_outputs_of_another_shape_are_lost_with_that_reason(network: Networks, tmp_path: Path) -> None:
    """A worker that computes something else than the reference is not measured."""
    made = network("separable", "onnx")
    other = tmp_path / "reference.npz"
    np.savez(other, y0=np.zeros((1, 7), np.float32))
    lost = lose(trial("onnxruntime", made.file, made.inputs, other))
    assert lost.stage == "first call"
    assert lost.reason == "ValueError: outputs have the shapes [(1, 16, 8, 8)]: expected [(1, 7)]"


def test_outputs_of_another_number_are_lost_too(network: Networks, tmp_path: Path) -> None:
    """One output in place of two is another network."""
    made = network("separable", "onnx")
    other = tmp_path / "reference.npz"
    same = np.zeros((1, 16, 8, 8), np.float32)
    np.savez(other, y0=same, y1=same)
    lost = lose(trial("onnxruntime", made.file, made.inputs, other))
    assert lost.reason == f"ValueError: outputs have the shapes [{same.shape}]: expected [{same.shape}, {same.shape}]"


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_outputs_that_are_not_finite_are_lost_with_that_reason(backend: str, tmp_path: Path) -> None:
    """The logarithm of a negative number is no result to measure."""
    from onnx import TensorProto, helper, save

    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Log", ["x"], ["y"])],
        "log",
        [shape("x", TensorProto.FLOAT, [1, 4])],
        [shape("y", TensorProto.FLOAT, [1, 4])],
    )
    path, inputs, reference = tmp_path / "log.onnx", tmp_path / "inputs.npz", tmp_path / "reference.npz"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    np.savez(inputs, x=np.array([[1, 2, -1, 3]], np.float32))
    np.savez(reference, y0=np.zeros((1, 4), np.float32))
    lost = lose(trial(backend, path, inputs, reference))
    assert lost.stage == "first call"
    assert lost.reason == "ValueError: outputs hold values that are not finite"


OPENVINO_FOUND = """
import sys
import openvino
from edgebench.board.backends.openvino import _COMPUTING, Request
core = openvino.Core()
if sys.argv[2].upper() not in ("F32", *core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")):
    print("lacking")
else:
    hints = {"INFERENCE_PRECISION_HINT": sys.argv[2]}
    print(Request(core.compile_model(sys.argv[1], "CPU", hints), _COMPUTING, halved=False).found().precision)
"""


@pytest.mark.parametrize(("hint", "found"), [("f32", "fp32"), ("bf16", "bf16")])
def test_openvino_reports_the_precision_of_the_compiled_graph(hint: str, found: str, network: Networks) -> None:
    """OpenVINO lowers precision silently: what is reported is read from the compiled graph, not from what was asked."""
    file = network("separable", "onnx").file
    run = subprocess.run(
        [sys.executable, "-c", OPENVINO_FOUND, str(file), hint], capture_output=True, text=True, check=True
    )
    if run.stdout.strip() == "lacking":
        pytest.skip(f"this processor has no {hint} arithmetic")
    assert found in run.stdout.strip().split("+")
    assert (hint == "f32") == (run.stdout.strip() == "fp32")
