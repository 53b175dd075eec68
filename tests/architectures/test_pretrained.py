"""State dictionaries that a user gives as --weights, above all those of torchvision and timm."""

import pickle  # noqa: TID251 - to write what must not be read
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgebench import api, architectures, formats
from edgebench.api._models import canonical
from edgebench.architectures._weights import calibrate, make_inputs
from edgebench.errors import UsageError

Table = list[tuple[str, str, dict[str, Any]]]

TORCHVISION: Table = [  # ours, torchvision's: a network that has one there is a line here
    ("squeezenet:version=1.0", "squeezenet1_0", {}),
    ("squeezenet:version=1.1", "squeezenet1_1", {}),
    ("vgg:depth=11", "vgg11", {}),
    ("vgg:depth=16", "vgg16", {}),
    ("alexnet:one_tower", "alexnet", {}),
    ("resnet:depth=18", "resnet18", {}),
    ("resnet:depth=50", "resnet50", {}),
    ("densenet:depth=121", "densenet121", {}),
    ("mobilenet_v2", "mobilenet_v2", {}),
    ("efficientnet:b0", "efficientnet_b0", {}),
]
TIMM: Table = [  # ours, timm's: other names in the same order, and options that make it the paper's
    ("mobilenet_v1", "mobilenetv1_100", {"act_layer": "relu"}),  # its own is ReLU6
    ("vgg:depth=11", "vgg11", {}),
]
SMALL = "mobilenet_v1:width=0.25,resolution=32"


def saved(folder: Path, state: Any, name: str = "weights.pt") -> Path:
    """Write what torch.save writes and return its path."""
    torch.save(state, folder / name)
    return folder / name


def calibrated(theirs: nn.Module, spec: str) -> nn.Module:
    """Give another's network weights that keep its activations of one size, and return it."""
    calibrate(theirs, make_inputs(architectures.parse(spec), 0), 0)
    return theirs


def same_outputs(name: str, theirs: nn.Module) -> None:
    """Check the outputs of a model with given weights, as all runtimes are compared with them, against a network."""
    origin = formats.source(name)
    with np.load(origin.inputs) as inputs, np.load(origin.reference) as reference, torch.inference_mode():
        expected = theirs.eval()(torch.from_numpy(inputs["x"])).numpy()
        assert np.allclose(reference["y0"], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "theirs", "options"), TORCHVISION)
def test_torchvision_s_weights_load(
    spec: str, theirs: str, options: dict[str, Any], torchvision: ModuleType, tmp_path: Path
) -> None:
    """A file of torchvision's weights loads as it is, and gives the outputs of torchvision's network."""
    network = calibrated(getattr(torchvision, theirs)(weights=None, **options), spec)
    (name,) = canonical([spec], weights=saved(tmp_path, network.state_dict()))
    same_outputs(name, network)


@pytest.fixture(scope="module")
def timm(torchvision: ModuleType) -> ModuleType:
    """Return timm, which needs torchvision."""
    assert torchvision.__name__
    found: ModuleType = pytest.importorskip("timm", reason="timm is not installed")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "theirs", "options"), TIMM)
def test_timm_gives_the_same(spec: str, theirs: str, options: dict[str, Any], timm: ModuleType, tmp_path: Path) -> None:
    """With timm's weights, layer by layer under our names, a network gives the outputs of timm's."""
    network = calibrated(timm.create_model(theirs, **options), spec)
    with torch.device("meta"):
        ours = architectures.build(architectures.parse(spec)).state_dict()
    values = network.state_dict().values()
    state = {key: one.reshape(ours[key].shape) for key, one in zip(ours, values, strict=True)}
    (name,) = canonical([spec], weights=saved(tmp_path, state))
    same_outputs(name, network)


# --- any state dictionary --------------------------------------------------------------------------------------------


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Return weights of the small network that no seed of ours gives."""
    torch.manual_seed(7)
    return architectures.build(architectures.parse(SMALL)).state_dict()


@pytest.mark.slow
def test_weights_are_part_of_the_name(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """A model with given weights is another than the one with drawn weights, by their hash; its count is the same."""
    path = saved(tmp_path, state)
    counting, plain = api.count(SMALL, weights=path), api.count(SMALL)
    assert counting.model == f"{SMALL},weights={formats.file_sha256(path)[:16]}"
    assert counting.cost == plain.cost
    assert formats.source(counting.model).folder != formats.source(plain.model).folder


@pytest.mark.slow
def test_weights_are_taken_as_they_are(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Given weights are neither drawn nor calibrated: what is converted holds them bit for bit."""
    (name,) = canonical([SMALL], weights=saved(tmp_path, state))
    found = torch.load(formats.source(name).weights, weights_only=True)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


def lacking(state: dict[str, torch.Tensor]) -> Any:
    """Return a state without two tensors."""
    return {key: one for key, one in state.items() if not key.startswith("fc.")}


def holding(state: dict[str, torch.Tensor]) -> Any:
    """Return a state with a tensor too many."""
    return {**state, "head.weight": torch.zeros(3)}


def misshapen(state: dict[str, torch.Tensor]) -> Any:
    """Return a state whose first convolution has another shape."""
    first = next(iter(state))
    return {**state, first: state[first][:1]}


def wrapped(state: dict[str, torch.Tensor]) -> Any:
    """Return what a training script keeps."""
    return {"epoch": 3, "state_dict": state}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lacking, r"it lacks \S+ and 1 more\.$"),
        (holding, r"it holds head\.weight, which the network does not have\.$"),
        (misshapen, r"its \S+ has the shape \[1, 3, 3, 3\], expected \[8, 3, 3, 3\]\.$"),
        (wrapped, r"it is no dictionary of tensors alone: it holds epoch, state_dict\.$"),
        (list, r"it is no dictionary of tensors alone\.$"),
    ],
)
def test_weights_that_do_not_fit_are_one_sentence(
    change: Any, reason: str, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """A state dictionary must have the network's keys and shapes, all of them and no others."""
    path = saved(tmp_path, change(state))
    with pytest.raises(UsageError, match=reason) as raised:
        canonical([SMALL], weights=path)
    assert str(raised.value).startswith(f"{path} cannot be used as weights of {SMALL}: ")


class Dangerous:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> Any:
        """Ask for a file to be made."""
        return (Path.touch, (Path("harmed"),))


def test_no_code_of_a_file_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would run code is refused without running it; so is what is no pickle."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Dangerous()))
    (tmp_path / "text.pt").write_text("not weights")
    torch.save({"a": Dangerous()}, tmp_path / "evil_zip.pt")
    for name in ("evil.pt", "evil_zip.pt", "text.pt"):
        with pytest.raises(UsageError, match="torch reads no plain tensors from it"):
            canonical([SMALL], weights=tmp_path / name)
    assert not list(tmp_path.rglob("harmed"))


def test_weights_belong_to_one_network(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Weights go with exactly one model, and with none that holds its own."""
    path = saved(tmp_path, state)
    with pytest.raises(UsageError, match="--weights belongs to one model, and there are 2"):
        canonical([SMALL, "lenet5"], weights=path)
    with pytest.raises(UsageError, match=r"missing\.pt is no file: expected a state dictionary"):
        canonical([SMALL], weights=tmp_path / "missing.pt")
