"""Four small networks through every runtime that is installed: outputs, precision and threads."""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from edgebench.board.child import Child
from edgebench.board.wire import TrialPlan
from edgebench.formats import ConversionFailed, for_threads
from edgebench.measure.flags import PARITY_TOLERANCE
from tests.needing import installed

Networks = Callable[[str, str], Any]

CPUS = sorted(os.sched_getaffinity(0))
LIMIT_S = 120
LIMITS = {"warm_up_s": 0.05, "warm_up_cap_s": 0.1}
MODELS = ("lenet5", "mobilenet", "resnet", "squeezenet")
BACKENDS = ("executorch", "inductor", "litert", "mnn", "ncnn", "onnxruntime", "openvino", "torch")


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_small_network_runs_everywhere(backend: str, model: str, network: Networks) -> None:
    """In fp32 each runtime's outputs are torch eager's, it computes in fp32, and in as many threads as asked for."""
    module = installed(backend)
    if backend == "inductor" and " " in sys.prefix:
        pytest.skip("inductor's compiler takes no path with a space")
    assert module.FORMAT is not None
    opened = answered(backend, "fp32", network(model, for_threads(module.FORMAT, 1)))
    assert opened["parity"]["max_abs_diff"] <= PARITY_TOLERANCE["fp32"] * opened["parity"]["scale"]
    assert opened["precision_found"] == "fp32"
    assert opened["threads_found"] == 1


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.skipif(len(CPUS) < 2, reason="this machine lets the tests use one processor only")
@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_asked_for_are_threads_found(backend: str, network: Networks) -> None:
    """Two threads compute in each runtime when two are asked for, on two processors, and never more.

    Where other work holds a processor, OpenVINO's first thread takes the second one's share: it is asked three times.
    """
    module = installed(backend)
    if backend == "inductor" and " " in sys.prefix:
        pytest.skip("inductor's compiler takes no path with a space")
    assert module.FORMAT is not None
    made = network("resnet", for_threads(module.FORMAT, 2))
    assert max(answered(backend, "fp32", made, threads=2)["threads_found"] for _ in range(3)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lenet5", "mobilenet"])
@pytest.mark.parametrize("backend", ["executorch", "litert", "onnxruntime", "openvino"])
def test_a_small_network_runs_in_8_bits(backend: str, model: str, network: Networks) -> None:
    """In int8 outputs lie near torch eager's, and convolutions and products are found to be of whole numbers."""
    module = installed(backend)
    try:
        made = network(model, module.FORMATS["int8"])  # type: ignore[attr-defined]
    except ConversionFailed as failed:
        pytest.fail(f"{failed}\n{failed.stderr_tail}")
    opened = answered(backend, "int8", made)
    assert 1e-4 < opened["parity"]["max_abs_diff"] / opened["parity"]["scale"] <= PARITY_TOLERANCE["int8"]
    assert opened["precision_found"] == "int8"


def answered(backend: str, precision: str, made: Any, threads: int = 1) -> dict[str, Any]:
    """Return what a worker says of itself after its warm-up."""
    trial = TrialPlan(
        id="t",
        backend=backend,
        options={},
        precision=precision,
        threads=threads,
        batch=1,
        artefact=str(made.file),
        inputs=str(made.inputs),
        reference=str(made.reference),
    )
    with Child.started(trial, CPUS[-threads:]) as child:
        opened = child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, LIMIT_S)
        child.ask({"do": "close"}, LIMIT_S)
    return opened
