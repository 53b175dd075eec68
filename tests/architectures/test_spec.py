import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench import architectures
from edgebench.architectures import layer, mobilenet_v1, squeezenet, vgg
from edgebench.errors import UsageError

CANONICAL = [  # as given, as printed
    ("mobilenet_v1", "mobilenet_v1"),
    ("mobilenet_v1:width=1,resolution=224,kind=separable,shallow=false", "mobilenet_v1"),
    ("mobilenet_v1:resolution=160,width=.50", "mobilenet_v1:width=0.5,resolution=160"),
    ("mobilenet_v1:shallow=true,full_convolution", "mobilenet_v1:full_convolution,shallow=true"),
    ("squeezenet", "squeezenet:version=1.1"),
    (
        "squeezenet:conv10_padding=1,resolution=227,version=1.0",
        "squeezenet:version=1.0,resolution=227,conv10_padding=1",
    ),
    ("vgg", "vgg:depth=16"),
    ("lenet5", "lenet5"),
    ("layer:separable", "layer:separable,size=14,in=512,out=512,kernel=3"),
    ("layer:kernel=5,out=8,in=4,size=7,stride=2", "layer:standard,size=7,in=4,out=8,kernel=5,stride=2"),
    ("alexnet", "alexnet:two_groups"),
    ("nin", "nin:imagenet"),
    ("nin:resolution=224", "nin:imagenet,resolution=224"),
    ("nin:cifar10", "nin:cifar10"),
    ("googlenet", "googlenet:paper"),
    ("googlenet:stem=separable,aux=true,kind=paper", "googlenet:paper,aux=true,stem=separable"),
    ("resnet", "resnet:depth=50"),
    ("resnet:stride_on=1x1,shortcut=B,depth=101", "resnet:depth=101,stride_on=1x1"),
    ("resnet:resolution=160,depth=34,shortcut=none", "resnet:depth=34,shortcut=none,resolution=160"),
    ("vgg:batch_norm=true", "vgg:depth=16,batch_norm=true"),
    ("vgg:pointwise=true,depth=16", "vgg:depth=16,pointwise=true"),
    ("lenet5:modern", "lenet5"),
    ("lenet5:original", "lenet5:original"),
    ("mobilenet_v2:resolution=96,width=.35", "mobilenet_v2:width=0.35,resolution=96"),
    ("mobilenet_v3", "mobilenet_v3:large"),
    ("mobilenet_v3:hidden=1024,small", "mobilenet_v3:small"),
    ("mobilenet_v3:small,hidden=1024,width=1.25", "mobilenet_v3:small,width=1.25,hidden=1024"),
    ("mobilenet_v3:hidden=1024,large", "mobilenet_v3:large,hidden=1024"),
    ("efficientnet", "efficientnet:b0"),
    ("efficientnet:b2,resolution=260,depth=1.2", "efficientnet:b2"),
    ("efficientnet:resolution=288,b2", "efficientnet:b2,resolution=288"),
    ("efficientnet:width=1.8", "efficientnet:b0,width=1.8"),
    ("ssd_mobilenet:resolution=300,classes=91", "ssd_mobilenet"),
    ("squeezenet:bypass=simple,version=1.0", "squeezenet:version=1.0,bypass=simple"),
    ("squeezenet:squeeze_ratio=.5", "squeezenet:version=1.1,squeeze_ratio=0.5"),
    ("densenet:growth=48,depth=161", "densenet:depth=161,growth=48"),
    ("inception_v3:resolution=299", "inception_v3"),
    ("shufflenet_v2", "shufflenet_v2:width=1.0"),
    ("mnasnet", "mnasnet:a1"),
    ("layer", "layer:standard,size=14,in=512,out=512,kernel=3"),
    ("layer:kind=identity", "layer:identity"),
    ("layer:size=8,identity", "layer:identity,size=8"),
    ("layer:branch", "layer:branch,size=28,in=192,reduce=16,out=32,kernel=5"),
    ("layer:fire", "layer:fire,size=55,in=96,squeeze=16,expand=64"),
    ("layer:inverted_residual", "layer:inverted_residual,size=56,in=24,out=24,expansion=6,kernel=3"),
    ("layer:residual_bottleneck", "layer:residual_bottleneck,size=56,in=256,middle=64,out=256,kernel=3"),
    ("layer:sparsity=0.90", "layer:standard,size=14,in=512,out=512,kernel=3,sparsity=0.9"),
]

REFUSED = [  # as given, what the message says: what was found and what was expected
    ("", "Unknown architecture ''"),
    ("mobilenet_v9", "mobilenet_v9.*mobilenet_v1"),
    ("mobilenet_v1:", "'' among the parameters of mobilenet_v1: expected KEY=VALUE"),
    ("mobilenet_v1:width=0.5,", "'' among the parameters of mobilenet_v1: expected KEY=VALUE"),
    ("mobilenet_v1:widht=0.5", "'widht' of mobilenet_v1: expected width, resolution, kind, .* or least_channels"),
    ("mobilenet_v1:width=half", "width of mobilenet_v1 is 'half': expected a number"),
    ("mobilenet_v1:width=0", "width of mobilenet_v1 is 0.0: expected a number from 0.03125 to 1.0"),
    ("mobilenet_v1:width=nan", "width of mobilenet_v1 is nan"),
    ("mobilenet_v1:width=1.5", "width of mobilenet_v1 is 1.5: expected a number from 0.03125 to 1.0"),
    ("mobilenet_v1:resolution=160.0", "resolution of mobilenet_v1 is '160.0': expected an integer"),
    ("mobilenet_v1:resolution=1_60", "resolution of mobilenet_v1 is '1_60': expected an integer"),
    ("mobilenet_v1:resolution=31", "resolution of mobilenet_v1 is 31: expected an integer from 32 to 4096"),
    ("mobilenet_v1:width=0.5,width=0.5", "width of mobilenet_v1 is given twice"),
    ("mobilenet_v1:shallow=yes", "shallow of mobilenet_v1 is 'yes': expected true or false"),
    ("mobilenet_v1:dense", "kind of mobilenet_v1 is 'dense': expected separable or full_convolution"),
    ("layer:separable,standard", "kind of layer is given twice"),
    ("layer:in_channels=3", "'in_channels' of layer: expected kind, size, in, out, kernel, stride, .* or sparsity"),
    ("layer:in=0", "in of layer is 0: expected an integer from 1"),
    ("layer:kernel=4", "kernel of layer is 4: expected an odd integer"),
    ("squeezenet:version=1", "version of squeezenet is '1': expected 1.0 or 1.1"),
    ("squeezenet:1.0", "'1.0' among the parameters of squeezenet: expected KEY=VALUE"),
    ("vgg:depth=17", "depth of vgg is '17': expected 11, 13, 16 or 19"),
    ("lenet5:width=0.5", "'width' of lenet5: expected kind"),
    ("alexnet:three_groups", "kind of alexnet is 'three_groups': expected two_groups or one_tower"),
    ("alexnet:resolution=224", "'resolution' of alexnet: expected kind"),
    ("nin:cifar100", "kind of nin is 'cifar100': expected imagenet or cifar10"),
    ("nin:cifar10,resolution=64", "'resolution' of nin: expected kind"),
    ("nin:resolution=66", "resolution of nin is 66: expected an integer from 67 to 4096"),
    ("googlenet:torchvision,stem=separable", "stem of googlenet is 'separable': expected dense for the kind"),
    ("resnet:depth=20", "depth of resnet is '20': expected 18, 34, 50, 101 or 152"),
    ("resnet:shortcut=D", "shortcut of resnet is 'D': expected A, B, C or none"),
    ("resnet:depth=34,stride_on=1x1", "stride_on of resnet is '1x1' at depth 34, whose blocks have no 1x1"),
    ("vgg:depth=19,pointwise=true", "pointwise of vgg is true at depth 19: expected depth 16"),
    ("vgg:lrn=true", "lrn of vgg is true at depth 16: expected depth 11"),
    ("lenet5:classic", "kind of lenet5 is 'classic': expected modern or original"),
    ("efficientnet:b8", "kind of efficientnet is 'b8': expected b0, b1, b2, b3, b4, b5, b6 or b7"),
    ("efficientnet:width=wide", "width of efficientnet is 'wide': expected a number"),
    ("efficientnet:resolution=None", "resolution of efficientnet is 'None': expected an integer"),
    ("efficientnet:depth=0", "depth of efficientnet is 0.0: expected a number from 0.1 to 16.0"),
    ("mobilenet_v3:medium", "kind of mobilenet_v3 is 'medium': expected large or small"),
    ("mobilenet_v2:resolution=31", "resolution of mobilenet_v2 is 31: expected an integer from 32 to 4096"),
    ("mobilenet_v1:least_channels=33", "least_channels of mobilenet_v1 is 33: expected an integer from 1 to 32"),
    ("ssd_mobilenet:classes=1", "classes of ssd_mobilenet is 1: expected an integer from 2"),
    ("squeezenet:bypass=simple", "bypass of squeezenet is 'simple' in version 1.1: expected version=1.0"),
    ("squeezenet:version=1.0,bypass=double", "bypass of squeezenet is 'double': expected none, simple or complex"),
    ("squeezenet:squeeze_ratio=2", r"squeeze_ratio of squeezenet is 2.0: expected a number from 0.0078125 to 1.0"),
    ("densenet:depth=100", "depth of densenet is '100': expected 121, 161, 169, 201 or 264"),
    ("densenet:compression=0", "compression of densenet is 0.0: expected a number"),
    ("inception_v3:resolution=74", "resolution of inception_v3 is 74: expected an integer from 75 to 4096"),
    ("inception_v3:resolution=224,aux=true", "resolution of inception_v3 is 224: expected 299 or more with aux=true"),
    ("shufflenet_v2:width=0.75", "width of shufflenet_v2 is '0.75': expected 0.5, 1.0, 1.5 or 2.0"),
    ("mnasnet:a2", "kind of mnasnet is 'a2': expected a1, b1 or small"),
    ("layer:pool", "kind of layer is 'pool': expected standard, separable, branch, .* or identity"),
    ("layer:identity,out=3", "'out' of layer: expected kind, size or in"),
    ("layer:fire,kernel=3", "'kernel' of layer: expected kind, size, in, squeeze or expand"),
    ("layer:branch,kernel=4", "kernel of layer is 4: expected an odd integer"),
    ("layer:activation=relu6", "activation of layer is 'relu6' where order=conv has none: expected an order"),
    ("layer:sparsity=1", "sparsity of layer is 1.0: expected a number from 0.0 to 0.999"),
]


@pytest.mark.parametrize(("given_spec", "printed"), CANONICAL)
def test_name_is_canonical(given_spec: str, printed: str) -> None:
    """A model has one name, whatever the order and spelling of its parameters, and the name gives the model back."""
    model = architectures.parse(given_spec)
    assert architectures.name(model) == printed
    assert architectures.parse(printed) == model


@given(
    width=st.floats(1 / 32, 1.0),
    resolution=st.integers(32, 4096),
    kind=st.sampled_from(["separable", "full_convolution"]),
    shallow=st.booleans(),
)
def test_name_and_parse_are_inverse(width: float, resolution: int, kind: str, shallow: bool) -> None:
    """Parsing the name of a model gives the model, to the last bit of a number."""
    given_spec = f"mobilenet_v1:{kind},width={width!r},resolution={resolution},shallow={str(shallow).lower()}"
    model = architectures.parse(given_spec)
    assert architectures.parse(architectures.name(model)) == model
    assert model.parameters.width == width


@pytest.mark.parametrize(("given_spec", "message"), REFUSED)
def test_wrong_specifications_are_refused(given_spec: str, message: str) -> None:
    """A wrong specification is refused in one sentence that names what was found and what was expected."""
    with pytest.raises(UsageError, match=message) as raised:
        architectures.parse(given_spec)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_parameters_made_in_python_are_checked_too() -> None:
    """Parameters cannot be made with a value of another type or outside its range, nor changed afterwards."""
    with pytest.raises(UsageError, match=r"resolution of mobilenet_v1 is 224\.0: expected an integer"):
        mobilenet_v1.Parameters(resolution=224.0)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="width of mobilenet_v1 is True: expected a number"):
        mobilenet_v1.Parameters(width=True)
    with pytest.raises(UsageError, match="depth of vgg is 12"):
        vgg.Parameters(depth=12)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="version of squeezenet is '2'"):
        squeezenet.Parameters(version="2")  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        layer.Parameters().size = 7  # type: ignore[misc]


def test_batch_is_the_first_size_of_each_input() -> None:
    """Inputs are named, their first size is the batch, and a batch below one is refused."""
    model = architectures.parse("mobilenet_v1:resolution=160")
    assert architectures.input_shapes(model, batch=4) == {"x": (4, 3, 160, 160)}
    with pytest.raises(UsageError, match="batch is 0"):
        architectures.input_shapes(model, batch=0)


@pytest.mark.parametrize("architecture", architectures.names())
def test_every_architecture_says_what_it_is(architecture: str) -> None:
    """Each architecture has a title, cites its paper with the year, and is a model without any parameter given."""
    module = architectures.load(architecture)
    assert module.TITLE
    assert any(year.strip(",;:").isdecimal() for year in module.PAPER.split())
    assert architectures.parse(architecture).parameters == module.Parameters()


def test_words_need_no_torch() -> None:
    """Naming and parsing models, and reading counts, import no torch: the command line must answer at once."""
    program = (
        "import sys; from edgebench import analysis, architectures; from edgebench.architectures import _weights;"
        "print(*(architectures.name(architectures.parse(name)) for name in architectures.names()));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


PLUGIN = """
from dataclasses import dataclass
from edgebench.architectures import layer
TITLE = "mine"
PAPER = "none, 2024"
input_shapes = layer.input_shapes
build = layer.build
Parameters = layer.Parameters
"""


def install(folder: Path, module: str, text: str) -> None:
    """Write a package with one architecture as its installer would leave it."""
    (folder / f"{module}.py").write_text(text)
    facts = folder / f"{module}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[edgebench.architectures]\n{module}={module}\n")


def test_other_packages_may_bring_architectures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module registered as an entry point is an architecture; one that lacks a word is refused by it."""
    install(tmp_path, "wholenet", PLUGIN)
    install(tmp_path, "halfnet", PLUGIN.replace("build =", "other ="))
    install(tmp_path, "dictnet", PLUGIN.replace("layer.Parameters", "dict"))
    monkeypatch.syspath_prepend(tmp_path)
    assert {"wholenet", "halfnet"} < set(architectures.names())
    model = architectures.parse("wholenet:size=7")
    assert architectures.input_shapes(model) == {"x": (1, 512, 7, 7)}
    with pytest.raises(UsageError, match="'halfnet' lacks build: expected TITLE"):
        architectures.parse("halfnet")
    with pytest.raises(UsageError, match="'dictnet' are not a dataclass"):
        architectures.parse("dictnet")
