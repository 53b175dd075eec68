"""Footprints by real workers: memory step by step, what calls cost besides computing, and the call floor."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.board import memory
from edgebench.board.child import Child, WorkerLost
from edgebench.board.footprint import sampled_peak
from edgebench.board.wire import Footprint, TrialPlan
from tests.board.serving import null_trial

LIMIT_S = 60
CPUS = sorted(os.sched_getaffinity(0))[-1:]
FORMATS = {"onnxruntime": "onnx", "openvino": "onnx", "torch": "pt2"}
WEIGHTS_BYTES = 16 * 2**20
Networks = Callable[[str, str], Any]


def weigh(planned: TrialPlan, calls: int = 20) -> tuple[Footprint, dict[str, Any]]:
    """Take one footprint: the record as the agent makes it, and what the worker answered."""
    with Child.started(planned, CPUS, weighed=True) as child:
        answer = child.ask({"do": "footprint", "trial": child.description(), "calls": calls}, LIMIT_S)
        start_s = (answer["ready_ns"] - child.started_ns) * 1e-9
        fields = {name: value for name, value in answer.items() if name not in ("own_clock", "ready_ns")}
        group = child.group_peak_bytes
    return Footprint(session="s1", trial="t", repeat=0, start_s=start_s, group_bytes=group, **fields), answer


def of_files(backend: str, made: Any) -> TrialPlan:
    """A trial of a network's files."""
    return replace(null_trial(), backend=backend, artefact=str(made.file), inputs=str(made.inputs))


def onnx_file(folder: Path, name: str, weights: int = 0) -> tuple[str, str]:
    """A file that hands its input on, plus a matrix of so many columns if asked for; and what it is given."""
    from onnx import TensorProto, helper, numpy_helper, save

    value = helper.make_tensor_value_info
    width = weights or 4
    x, y = value("x", TensorProto.FLOAT, [1, 4]), value("y", TensorProto.FLOAT, [1, width])
    matrix = [numpy_helper.from_array(np.ones((4, weights), np.float32), "w")] if weights else []
    node = helper.make_node("MatMul", ["x", "w"], ["y"]) if weights else helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], name, [x], [y], initializer=matrix)
    path, inputs = folder / f"{name}.onnx", folder / f"{name}.npz"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    np.savez(inputs, x=np.ones((1, 4), np.float32))
    return str(path), str(inputs)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "torch"])
def test_footprint_has_every_figure(backend: str, network: Networks) -> None:
    """Importing a runtime takes memory, its model more; without a floor's file there is no floor."""
    found, _ = weigh(of_files(backend, network("separable", FORMATS[backend])))
    assert found.import_bytes is not None
    assert found.import_bytes > 2**20
    assert None not in (found.load_bytes, found.load_anonymous_bytes, found.load_file_bytes)
    assert found.peak_bytes is not None
    assert found.unique_bytes is not None
    assert found.unique_bytes > found.import_bytes / 4
    assert found.swapped_bytes == 0
    assert (found.calls, found.floor_s) == (20, None)
    assert None not in (found.set_inputs_s, found.outputs_s)
    assert found.start_s > found.call_s > 0


def test_null_backend_takes_next_to_nothing() -> None:
    """What is told is what the trial added: a chain of multiplications holds no weights, and imports no runtime."""
    found, answer = weigh(null_trial(work="1000"), calls=5)
    for value in (found.import_bytes, found.load_bytes, found.load_peak_bytes, found.peak_bytes):
        assert value is not None
        assert abs(value) < 4 * 2**20
    assert (found.calls, answer["own_clock"]) == (5, False)


def test_weights_are_found_where_they_lie(tmp_path: Path) -> None:
    """16 MiB of weights show in what loading added and in both peaks, and as anonymous or file-backed memory."""
    artefact, inputs = onnx_file(tmp_path, "large", weights=WEIGHTS_BYTES // 16)
    found, _ = weigh(replace(null_trial(), backend="onnxruntime", options={}, artefact=artefact, inputs=inputs))
    for value in (found.load_bytes, found.load_peak_bytes, found.peak_bytes):
        assert value is not None
        assert value > 0.9 * WEIGHTS_BYTES
    assert (found.load_peak_bytes or 0) > 0.9 * (found.load_bytes or 0)
    parts = (found.load_anonymous_bytes or 0) + (found.load_file_bytes or 0)
    assert parts == pytest.approx(found.load_bytes, abs=2**20)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_floor_is_a_call_of_an_identity_network(backend: str, network: Networks, tmp_path: Path) -> None:
    """The same backend loads it after the model, with inputs of its own, and calls it a thousand times."""
    floor, inputs = onnx_file(tmp_path, "identity")
    planned = replace(of_files(backend, network("separable", "onnx")), floor=floor, floor_inputs=inputs)
    found, _ = weigh(planned)
    assert found.floor_s is not None
    assert 0 < found.floor_s < found.start_s


def test_floor_that_cannot_be_taken_says_so(network: Networks, tmp_path: Path) -> None:
    """A broken identity network is a trial lost at its own stage, for it is made as the trial's file was."""
    (tmp_path / "broken.onnx").write_bytes(b"?")
    _, inputs = onnx_file(tmp_path, "identity")
    planned = replace(
        of_files("onnxruntime", network("separable", "onnx")), floor=str(tmp_path / "broken.onnx"), floor_inputs=inputs
    )
    with pytest.raises(WorkerLost) as caught:
        weigh(planned)
    assert caught.value.record("s1", 0, "t").stage == "floor"


def test_group_held_nothing_but_the_worker() -> None:
    """Where a control group can be made its peak covers what the worker alone has, from its first instruction on."""
    found, _ = weigh(null_trial())
    if found.group_bytes is None:
        pytest.skip("no control group may be made here, or none that counts")
    assert found.unique_bytes is not None
    assert found.group_bytes > found.unique_bytes / 2


def test_worker_that_was_weighed_runs_no_block() -> None:
    """Nothing is timed in a process that was called without warming up."""
    with Child.started(null_trial(), CPUS, weighed=True) as child:
        child.ask({"do": "footprint", "trial": child.description(), "calls": 1}, LIMIT_S)
        with pytest.raises(WorkerLost, match="asked to run before a model was opened"):
            child.ask({"do": "run", "samples": 1, "calls": 1, "priming": False}, LIMIT_S)


def test_peak_is_looked_for_where_the_kernel_keeps_none() -> None:
    """Reading what is resident every 10 ms sees memory that was there for longer, and says that it was looked for."""

    def work() -> int:
        block = bytearray(64 * 2**20)
        size = len(block)
        until = [memory.read("VmRSS") for _ in range(2000)]
        return size + 0 * len(until)

    before = memory.read("VmRSS")
    size, peak, sampled = sampled_peak(work)
    assert sampled
    assert peak >= before
    assert size == 64 * 2**20
