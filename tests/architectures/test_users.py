"""Networks that a user's own function returns."""

from pathlib import Path

import numpy as np
import pytest

from edgebench import api, architectures, formats
from edgebench.architectures import Model
from edgebench.errors import UsageError

SOURCE = '''
import torch
from torch import nn

from . import parts


def net():
    """Return a network with a batch norm, and a table that is in no state dictionary."""
    return parts.Net()


def raises():
    raise ValueError("no width\\nat all")


def leaves():
    raise SystemExit(3)


def needs(width):
    return nn.Linear(width, 2)


def number():
    return 3


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
'''
PARTS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 5)
        self.side = nn.Linear(2, 5)
        self.offset = torch.arange(5.0)

    def forward(self, image, facts):
        image = self.norm(self.conv(image)).relu().mean((2, 3))
        return self.fc(image) + self.side(facts) + self.offset, image
"""
INPUTS = ("1x3x6x6", "1x2")


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Write a package of a name of its own into a folder that becomes the current one, and return its name."""
    name = f"zoo_{abs(hash(request.node.name))}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "nets.py").write_text(SOURCE)
    (package / "parts.py").write_text(PARTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # else what these tests append to the path stays there
    return name


def test_a_function_is_counted(zoo: str) -> None:
    """What a function returns is traced and counted like a network of this package; its name holds hash and shapes."""
    counting = api.count(f"python:{zoo}.nets:net", inputs=INPUTS)
    assert counting.model.startswith(f"python:factory={zoo}.nets.net,sha256=")
    assert counting.model.endswith(",input=1x3x6x6+1x2")
    cost = counting.cost
    assert (cost.mult_adds, cost.params) == (4 * 4 * 4 * 3 * 9 + 4 * 5 + 2 * 5, 4 * 3 * 9 + 4 * 5 + 2 * 5)
    assert (cost.bias_params, cost.bn_params) == (5 + 5, 4 + 4)
    assert architectures.name(architectures.parse(counting.model)) == counting.model


def test_the_batch_is_the_first_axis_of_each_input(zoo: str) -> None:
    """A batch multiplies the mult-adds and no parameter; an input whose first axis is not 1 has none."""
    name = f"python:{zoo}.nets:net"
    one, four = api.count(name, inputs=INPUTS), api.count(name, 4, inputs=INPUTS)
    assert (four.cost.mult_adds, four.cost.params) == (4 * one.cost.mult_adds, one.cost.params)
    with pytest.raises(UsageError, match="shape 2x3x6x6 has no batch axis of 1"):
        api.count(name, 4, inputs=("2x3x6x6", "2x2"))


def test_another_source_is_another_model(zoo: str, tmp_path: Path) -> None:
    """The hash is that of all files of the package, so a change beside the module renames the model too."""
    before = architectures.parse(api.count(f"python:{zoo}.nets:net", inputs=INPUTS).model)
    (tmp_path / zoo / "parts.py").write_text(PARTS + "# changed\n")
    with pytest.raises(UsageError, match=r"source of .*nets\.net has changed .* start a new run"):
        architectures.build(before)


REFUSED = [  # function, inputs, what the message says
    ("nets:raises", INPUTS, r"nets\.raises raised ValueError \(no width\): it cannot be measured"),
    ("nets:leaves", INPUTS, r"nets\.leaves raised SystemExit \(3\)"),
    ("nets:needs", INPUTS, r"nets\.needs needs arguments: expected one that can be called without any"),
    ("nets:number", INPUTS, r"nets\.number returned a int: expected a torch\.nn\.Module"),
    ("nets:missing", INPUTS, "has no function 'missing'"),
    ("missing:net", INPUTS, r"missing cannot be imported: ModuleNotFoundError"),
    ("nets:net", (), "have no shape: give --input, as --input 1x3x224x224"),
    ("nets:net", ("1x3x6x6", "1x9"), r"cannot be run on inputs of these shapes: RuntimeError \("),
    ("nets:net", ("1x3x6x6",), "cannot be run on inputs of these shapes"),
    ("nets:net", ("1x3xax6", "1x2"), "The shape '1x3xax6' is none"),
    ("nets:Branching", ("1x2",), "Cannot trace Branching"),
    ("nets:net()", INPUTS, "names no function"),
]


@pytest.mark.parametrize(("function", "inputs", "reason"), REFUSED)
def test_what_is_no_network_is_one_sentence(function: str, inputs: tuple[str, ...], reason: str, zoo: str) -> None:
    """A function that is not there, raises, or returns no network is refused in one sentence."""
    with pytest.raises(UsageError, match=reason) as raised:
        api.count(f"python:{zoo}.{function}", inputs=inputs)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_module_that_is_not_there_is_one_sentence() -> None:
    """A module that Python does not find is said with what to do."""
    with pytest.raises(UsageError, match="Python finds no module 'nowhere': run in the folder that holds it"):
        api.count("python:nowhere.nets:net", inputs=INPUTS)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pt2", "onnx"])
def test_a_function_becomes_a_file(form: str, zoo: str) -> None:
    """The network is built in the process that converts, with its own weights, and tensors that no state holds."""
    name = api.count(f"python:{zoo}.nets:net", inputs=INPUTS).model
    origin = formats.source(name)
    assert formats.convert(origin, form).size_bytes > 0
    with np.load(origin.inputs) as inputs, np.load(origin.reference) as reference:
        assert {key: inputs[key].shape for key in inputs} == {"x0": (1, 3, 6, 6), "x1": (1, 2)}
        assert [reference[key].shape for key in reference] == [(1, 5), (1, 4)]


def test_what_a_name_may_hold_is_checked() -> None:
    """A canonical name with no hash, or one that is no function's, is refused."""
    for name in ("python:factory=a.b,sha256=12,input=1x2", "python:factory=a,sha256=0123456789abcdef,input=1x2"):
        with pytest.raises(UsageError):
            architectures.parse(name)
    assert isinstance(architectures.parse("python:factory=a.b,sha256=0123456789abcdef,input=1x2"), Model)
