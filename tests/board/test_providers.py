"""Providers and devices by name: refused when they are not there, never silently replaced."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.board.backends import onnxruntime, torch
from edgebench.board.child import Child, WorkerLost
from edgebench.board.wire import Lost, TrialPlan

LIMITS = {"warm_up_s": 0.05, "warm_up_cap_s": 0.1}
CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
Networks = Callable[[str, str], Any]


def lose(backend: str, options: dict[str, str]) -> Lost:
    """Start a worker of a backend with these options, and return how it was lost."""
    planned = TrialPlan(
        id="t",
        backend=backend,
        options=options,
        precision="fp32",
        threads=1,
        batch=1,
        artefact="/nowhere",
        inputs=None,
        reference=None,
    )
    with Child.started(planned, [0]) as child, pytest.raises(WorkerLost) as caught:
        child.ask({"do": "open", "trial": child.description(), "limits": LIMITS}, 60)
    return caught.value.record("s1", 0, "t")


@pytest.mark.parametrize("word", ["cuda", "tensorrt"])
def test_provider_that_this_build_lacks_is_refused(word: str) -> None:
    """The reason says what was asked for, what there is, and how to get it."""
    provider = onnxruntime.asked({"provider": word})
    lost = lose("onnxruntime", {"provider": word})
    if lost.stage == "load":
        pytest.skip(f"this onnxruntime has the {provider}")
    assert lost.stage == "import"
    assert lost.reason.startswith(f"ValueError: {provider} was asked for: this onnxruntime ")
    assert f"{CPU} only; pip install onnxruntime-gpu in its place" in lost.reason


def test_device_that_this_machine_lacks_is_refused() -> None:
    """torch without CUDA says so before a model is loaded, and how to get it."""
    lost = lose("torch", {"device": "cuda"})
    if lost.stage == "load":
        pytest.skip("this machine has a GPU that torch can use")
    assert lost.stage == "import"
    assert lost.reason.startswith("ValueError: device=cuda was asked for: this torch ")


@pytest.mark.parametrize(
    ("backend", "options", "reason"),
    [
        (
            "onnxruntime",
            {"provider": "CUDA"},
            "onnxruntime:provider=CUDA is not usable: expected cpu, cuda, tensorrt",
        ),
        ("torch", {"device": "gpu"}, "torch:device=gpu is not usable: expected cpu or cuda"),
    ],
)
def test_value_that_is_none_is_refused_with_those_that_are(backend: str, options: dict[str, str], reason: str) -> None:
    """A word that a backend does not know is lost at its import, with the words that it knows."""
    lost = lose(backend, options)
    assert (lost.stage, lost.reason) == ("import", f"ValueError: {reason}")


@pytest.mark.parametrize(
    ("provider", "used"),
    [(CPU, [CPU]), (CUDA, [CUDA, CPU]), (CUDA, [CUDA])],
)
def test_session_on_its_provider_is_taken(provider: str, used: Sequence[str]) -> None:
    """onnxruntime always adds its CPU behind another provider; its operators are kept off it by a session option."""
    onnxruntime.check_used(provider, used)


@pytest.mark.parametrize(
    ("provider", "used"),
    [(CUDA, [CPU]), (CUDA, []), ("TensorrtExecutionProvider", [CUDA, CPU]), (CPU, [CUDA, CPU])],
)
def test_session_that_fell_back_is_refused(provider: str, used: Sequence[str]) -> None:
    """Listing a provider is no proof: onnxruntime drops one whose libraries it cannot load."""
    with pytest.raises(ValueError, match=f"{provider} was asked for: onnxruntime fell back on"):
        onnxruntime.check_used(provider, used)


@pytest.mark.parametrize(
    ("built_for", "said"), [(None, "is built without CUDA"), ("12.6", "is built for CUDA 12.6 and finds no GPU")]
)
def test_torch_says_why_it_cannot_use_cuda(built_for: str | None, said: str) -> None:
    """A build without CUDA and a machine without a GPU need different things."""
    with pytest.raises(ValueError, match=said):
        torch.check_cuda(False, "2.13.0", built_for)
    torch.check_cuda(True, "2.13.0", "12.6")


NO_FALLBACK = """
import sys
import onnxruntime
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
providers = [("AzureExecutionProvider", {})]
try:
    onnxruntime.InferenceSession(sys.argv[1], options, providers=providers, enable_fallback=0)
except Exception as error:
    print("fallback to CPU EP has been explicitly disabled" in str(error))
"""


def test_operators_that_would_run_elsewhere_fail_the_load(network: Networks) -> None:
    """onnxruntime knows the words that keep single operators off the CPU (shown on a provider that takes none)."""
    file = network("separable", "onnx").file
    run = subprocess.run([sys.executable, "-c", NO_FALLBACK, str(file)], capture_output=True, text=True, check=True)
    if "AzureExecutionProvider" in run.stderr and "not in available" in run.stderr:
        pytest.skip("this onnxruntime has no second provider to show it with")
    assert run.stdout.strip() == "True"


ON_DEVICE = """
import sys
import numpy as np
import torch
from edgebench.board.backends.torch import OnDevice, moved
with np.load(sys.argv[2]) as stored:
    inputs = {name: stored[name] for name in stored.files}
waited = []
module = moved(torch.export.load(sys.argv[1]), "cpu")
model = OnDevice(module, "cpu", lambda: waited.append(len(model.outputs())), "CUDA x")
torch.set_grad_enabled(False)
model.set_inputs(inputs)
for _ in range(2):
    model.call()
np.savez(sys.argv[3], *model.outputs())
print(*waited, model.found().precision, model.found().provider)
"""


def test_call_on_a_device_waits_for_it(network: Networks, tmp_path: Path) -> None:
    """A call ends when outputs are back in host memory (shown on the CPU in a GPU's place)."""
    made = network("lenet5", "pt2")
    out = tmp_path / "outputs.npz"
    command = [sys.executable, "-c", ON_DEVICE, str(made.file), str(made.inputs), str(out)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1", "1", "fp32", "CUDA", "x"]
    with np.load(out) as found, np.load(made.reference) as expected:
        assert np.allclose(found["arr_0"], expected[expected.files[0]], atol=1e-5)
