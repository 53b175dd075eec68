"""Each runtime that tells the time of its operations tells it of every layer of a network."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgebench import analysis, architectures, formats
from edgebench.analysis.parts import joined, part
from edgebench.board import layers
from edgebench.board.child import Child
from edgebench.board.dissecting import Bench, by_layer
from edgebench.board.layers.openvino import _mean_ns
from edgebench.board.wire import ByLayer, LayerFile, TrialPlan
from tests.needing import installed

MODELS = ("mobilenet_v1:width=0.5,resolution=128", "squeezenet:version=1.1,resolution=64")
ALONE = ("executorch", "litert", "ncnn")
WHOLE = "mobilenet_v1"
MEANS = {"openvino"}
MOST_APART = 0.15
TRIES = 3


def planned(backend: str, model: str, **more: object) -> TrialPlan:
    """Return a trial of a model on one thread."""
    module = installed(backend)
    origin = formats.source(model)
    assert module.FORMAT is not None
    return TrialPlan(
        id="t",
        backend=backend,
        options={},
        precision="fp32",
        threads=1,
        batch=1,
        artefact=str(formats.convert(origin, module.FORMAT).path),
        inputs=str(origin.inputs),
        reference=str(origin.reference),
        **more,  # type: ignore[arg-type]
    )


BENCH = Bench(
    session="s1", started=lambda trial: Child.started(trial, [0]), ask=lambda child, command: child.ask(command, 120)
)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("backend", layers.names())
def test_every_layer_is_found(backend: str, model: str) -> None:
    """Each convolution and product of the network is one operation that took time, in the order of the network."""
    found = by_layer(BENCH, planned(backend, model))
    assert found is not None
    assert (found.reason, found.source) == (None, "runtime")
    network = analysis.count(architectures.parse(model)).layers
    pairs = list(joined(found, network))
    times = {pair.layer.name: sum(pair.times.wall_ns) for pair in pairs if pair.layer is not None}
    assert sorted(times) == sorted(layer.name for layer in network)
    assert all(times.values())
    assert len(found.whole_ns) >= 5


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("backend", layers.names())
def test_the_layers_of_a_network_add_up_to_it(backend: str) -> None:
    """What the operations take in a call is the time of a call within 15 %.

    Both take turns, and a neighbour on the processor can still meet one more often than the other: that comes and goes,
    so there are three tries. In small networks the clock that is read around each operation is a part of the time.
    """
    trial = planned(backend, WHOLE)
    shares: list[float] = []
    while len(shares) < TRIES and not any(map(adds_up, shares)):
        found = by_layer(BENCH, trial)
        assert found is not None
        shares.append(share_told(found, backend))
    assert any(map(adds_up, shares)), shares


def share_told(found: ByLayer, backend: str) -> float:
    """Return what all operations take of a whole call, by medians over calls; by means where a runtime tells means."""
    middle = np.mean if backend in MEANS else np.median
    return float(middle(np.sum([layer.wall_ns for layer in found.layers], axis=0)) / middle(found.whole_ns))


def adds_up(share: float) -> bool:
    """Tell whether operations take a whole call's time, as nearly as is asked."""
    return abs(share - 1) <= MOST_APART


@pytest.mark.slow
@pytest.mark.parametrize("backend", ALONE)
def test_a_layer_is_timed_by_itself_where_none_is_told(backend: str) -> None:
    """Each part is a model that the runtime loads and calls, and the whole model is timed in the same way."""
    model = "mobilenet_v1:width=0.25,resolution=32"
    network = analysis.count(architectures.parse(model)).layers
    names = [name for name in dict.fromkeys(map(part, (network[0], network[1], network[-1]))) if name is not None]
    files = tuple(
        LayerFile(name=name, artefact=str(one.artefact), inputs=str(one.inputs))
        for name in names
        for one in [planned(backend, name)]
    )
    found = by_layer(BENCH, planned(backend, model, layers=files))
    assert found is not None
    assert (found.reason, found.source, [one.name for one in found.layers]) == (None, "isolated", names)
    assert all(len(one.wall_ns) >= 5 for one in found.layers)


def test_what_fails_is_a_reason() -> None:
    """A file that no runtime loads costs the layers and says why."""
    trial = TrialPlan(
        id="t",
        backend="onnxruntime",
        options={},
        precision="fp32",
        threads=1,
        batch=1,
        artefact="/nowhere.onnx",
        inputs=None,
        reference=None,
    )
    found = by_layer(BENCH, trial)
    assert found is not None
    assert found.reason is not None
    assert (found.layers, found.whole_ns) == ((), ())


def test_a_runtime_that_tells_nothing_is_left_alone() -> None:
    """Without layers of their own there is nothing to time of a runtime that tells none, nor of one without a file."""
    nothing = SimpleNamespace(artefact=None, backend="null", layers=(), id="t")
    assert by_layer(BENCH, nothing) is None  # type: ignore[arg-type]
    silent = SimpleNamespace(artefact="model", backend="inductor", layers=(), id="t")
    assert by_layer(BENCH, silent) is None  # type: ignore[arg-type]


def test_means_of_all_calls_tell_those_between() -> None:
    """Ten calls of 300 ns and ten of 100 have the mean 200: the second ten took 100 each."""
    assert _mean_ns(300, 10, 200, 20) == 100


def test_profilers_are_no_imports_of_the_host() -> None:
    """To know which runtimes tell their layers imports none of them."""
    code = "import sys; from edgebench.board import layers; layers.names(); print({'torch', 'MNN'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "set()"
