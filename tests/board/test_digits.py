"""Trained networks keep their answers: in fp32 each one in every runtime, in int8 nearly as many."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgebench import api, architectures, formats
from edgebench.api._models import canonical
from edgebench.formats import Prepared
from tests.needing import installed

if TYPE_CHECKING:
    from torch import nn

pytestmark = pytest.mark.slow

MODELS = {"lenet5": 20, "mobilenet_v1:width=0.25,resolution=64,classes=10": 30}
"""Networks, and how often each sees the 1200 images that it learns from."""

FP32 = ("executorch", "inductor", "litert", "mnn", "ncnn", "onnxruntime", "openvino", "torch")
INT8 = ("executorch", "litert", "onnxruntime", "openvino")
LEARNED_FROM = 1200
BATCH = 60
WORST_LOSS = 0.02
ROUNDING = 1e-3  # of the scores' scale: what outputs may differ by

# One runtime a process, as in a worker.
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from edgebench.board.backends import Settings, load_backend
name, artefact, images, precision = sys.argv[1:]
backend = load_backend(name)
settings = Settings(threads=1, precision=precision, options={})
backend.import_runtime(settings)
loaded = backend.load(Path(artefact), settings)
answers = []
for image in np.load(images):
    loaded.set_inputs({"x": image[np.newaxis]})
    loaded.call()
    answers.append(int(loaded.outputs()[0].argmax()))
print(json.dumps(answers))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network by its name, images that it has not seen as a file, what they show, and what torch answers.

    `sure`: where torch's first answer is further from its second than rounding can move them. `data` are other images
    that it has not seen, to calibrate on; `given` holds these and the others as --data takes them.
    """

    model: str
    weights: Path
    given: Path
    data: Prepared
    images: Path
    labels: "np.ndarray[Any, Any]"
    answers: list[int]
    sure: "np.ndarray[Any, Any]"


@pytest.fixture(scope="module", params=MODELS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a network trained on scikit-learn's 1797 digits of 8x8 pixels, made as large as it wants them."""
    digits = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed").load_digits()
    parsed = architectures.parse(request.param)
    _, channels, height, width = architectures.input_shapes(parsed, 1)["x"]
    pixels = torch.from_numpy(digits.images.astype(np.float32))[:, None]
    large = functional.interpolate(pixels, (height, width), mode="bilinear").expand(-1, channels, -1, -1)
    images = (large - large.mean()) / large.std()  # calibration draws from N(0, 1)
    labels = torch.from_numpy(digits.target)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums of several threads differ from run to run, and so would what is learned
    module = architectures.build(parsed)
    learn(module, images[:LEARNED_FROM], labels[:LEARNED_FROM], MODELS[request.param])
    torch.set_num_threads(threads)
    folder = tmp_path_factory.mktemp("digits")
    torch.save(module.state_dict(), folder / "weights.pt")
    (name,) = canonical([request.param], weights=folder / "weights.pt")
    np.savez(folder / "data.npz", inputs=images[LEARNED_FROM:].numpy(), labels=labels[LEARNED_FROM:].numpy())
    dataset = formats.read_dataset(folder / "data.npz")
    answered = list(formats.split(len(dataset.labels)).answered)
    unseen = images[LEARNED_FROM:][answered].contiguous()
    np.save(folder / "images.npy", unseen.numpy())
    with torch.inference_mode():
        scores = module(unseen)
    first, second = scores.topk(2).values.T
    sure = (first - second > ROUNDING * scores.abs().max()).numpy()
    answers = scores.argmax(1).tolist()
    return Trained(
        model=name,
        weights=folder / "weights.pt",
        given=folder / "data.npz",
        data=formats.prepared(name, dataset),
        images=folder / "images.npy",
        labels=labels[LEARNED_FROM:][answered].numpy(),
        answers=answers,
        sure=sure,
    )


def learn(module: "nn.Module", images: torch.Tensor, labels: torch.Tensor, epochs: int) -> None:
    """Train a network and leave it in the mode for inference."""
    optimiser = torch.optim.Adam(module.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    module.train()
    for _ in range(epochs):
        for part in torch.randperm(len(images)).reshape(-1, BATCH):
            optimiser.zero_grad()
            loss = functional.cross_entropy(module(images[part]), labels[part])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
    module.eval()


def answers(trained: Trained, backend: str, precision: str) -> list[int]:
    """Return what a runtime answers to each image."""
    module = installed(backend)
    if backend == "inductor" and " " in sys.prefix:
        pytest.skip("inductor's compiler takes no path with a space")
    wanted = formats.for_threads(str(getattr(module, "FORMATS", {}).get(precision, module.FORMAT)), 1)
    artefact = formats.convert(formats.source(trained.model), wanted, trained.data)
    command = [sys.executable, "-c", PROGRAM, backend, str(artefact.path), str(trained.images), precision]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[int] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_the_networks_have_learned(trained: Trained) -> None:
    """They know most of the digits that they have not seen, so that answers mean something."""
    assert np.mean(np.array(trained.answers) == trained.labels) > 0.85


@pytest.mark.parametrize("backend", FP32)
def test_fp32_answers_are_torchs(backend: str, trained: Trained) -> None:
    """In fp32 each runtime gives torch's answer to every image, but for ties within rounding."""
    assert np.mean(trained.sure) > 0.99
    found = np.array(answers(trained, backend, "fp32"))
    assert not np.flatnonzero((found != trained.answers) & trained.sure).size


@pytest.mark.parametrize("backend", INT8)
def test_int8_knows_nearly_as_many(backend: str, trained: Trained) -> None:
    """In int8, calibrated on other images, the share of right answers is at most two points lower."""
    right = np.mean(np.array(answers(trained, backend, "int8")) == trained.labels)
    assert right >= np.mean(np.array(trained.answers) == trained.labels) - WORST_LOSS


@pytest.mark.parametrize("trained", ["lenet5"], indirect=True)
def test_a_run_tells_the_accuracy_that_was_counted(trained: Trained, tmp_path: Path) -> None:
    """`run --data` says of a trained network the share of right answers that a loop over the same images finds."""
    request = api.Request(
        models=("lenet5",),
        weights=trained.weights,
        data=trained.given,
        backends=("onnxruntime", "openvino"),
        precisions=("fp32", "int8"),
        threads=(1,),
        invocations=1,
        memory=False,
        results=tmp_path / "results",
    )
    rows = [row for row in api.run(request).summary.trials if not row.twin]
    assert {(row.status, row.images) for row in rows} == {("done", len(trained.labels))}
    told = {(row.backend, row.precision_asked): row.top1 for row in rows}
    counted = {asked: np.mean(np.array(answers(trained, *asked)) == trained.labels) for asked in told}
    assert len(told) == 4
    assert told == pytest.approx(counted)
    assert told["onnxruntime", "fp32"] == pytest.approx(np.mean(np.array(trained.answers) == trained.labels))
