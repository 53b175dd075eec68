import pytest
import torch

from edgebench import architectures

SHAPES = [  # model, shape of what comes out for a batch of two
    ("mobilenet_v1:width=0.25,resolution=32", (2, 1000)),
    ("mobilenet_v1:full_convolution,width=0.25,resolution=32", (2, 1000)),
    ("mobilenet_v1:width=0.03125,resolution=33,shallow=true", (2, 1000)),
    ("squeezenet:version=1.0,resolution=32,conv10_padding=1", (2, 1000)),
    ("squeezenet:version=1.1,resolution=32", (2, 1000)),
    ("lenet5", (2, 10)),
    ("layer:standard,size=9,in=4,out=6,kernel=5,stride=2", (2, 6, 5, 5)),
    ("layer:separable,size=1,in=4,out=6,kernel=3", (2, 6, 1, 1)),
]

# Where torchvision's definitions have layers with weights.
VGG_FEATURES = {
    11: (0, 3, 6, 8, 11, 13, 16, 18),
    13: (0, 2, 5, 7, 10, 12, 15, 17, 20, 22),
    16: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    19: (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
}
FIRES = {"1.0": (3, 4, 5, 7, 8, 9, 10, 12), "1.1": (3, 4, 6, 7, 9, 10, 11, 12)}


def on_meta(spec: str) -> torch.nn.Module:
    """Build a network without its weights."""
    with torch.device("meta"):
        return architectures.build(architectures.parse(spec))


def weights_and_biases(layers: list[str]) -> list[str]:
    """Return the keys of a state dict that holds these layers."""
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


@pytest.mark.parametrize(("spec", "shape"), SHAPES)
def test_networks_run(spec: str, shape: tuple[int, ...]) -> None:
    """A network is in evaluation mode, takes its inputs in order, and gives the same output each time."""
    model = architectures.parse(spec)
    network = architectures.build(model)
    inputs = [torch.randn(size) for size in architectures.input_shapes(model, batch=2).values()]
    assert not any(module.training for module in network.modules())
    with torch.no_grad():
        first, second = network(*inputs), network(*inputs)
    assert first.shape == shape
    assert torch.equal(first, second)


@pytest.mark.parametrize("architecture", [name for name in architectures.names() if name != "counted"])
def test_building_on_meta_allocates_nothing(architecture: str) -> None:
    """Under the meta device every parameter and buffer stays there."""
    network = on_meta(architecture)
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"meta"}


@pytest.mark.parametrize("depth", VGG_FEATURES)
def test_vgg_takes_torchvision_weights(depth: int) -> None:
    """The state dict of VGG has torchvision's keys, so that its pretrained weights load."""
    layers = [f"features.{place}" for place in VGG_FEATURES[depth]] + [f"classifier.{place}" for place in (0, 3, 6)]
    assert list(on_meta(f"vgg:depth={depth}").state_dict()) == weights_and_biases(layers)


@pytest.mark.parametrize("version", FIRES)
def test_squeezenet_takes_torchvision_weights(version: str) -> None:
    """The state dict of SqueezeNet has torchvision's keys, so that its pretrained weights load."""
    fires = [f"features.{place}.{part}" for place in FIRES[version] for part in ("squeeze", "expand1x1", "expand3x3")]
    state = on_meta(f"squeezenet:version={version}").state_dict()
    assert list(state) == weights_and_biases(["features.0", *fires, "classifier.1"])


def test_channels_are_cut_off_not_rounded() -> None:
    """A width multiplier cuts channel counts down to integers, in every layer alike."""
    state = on_meta("mobilenet_v1:width=0.7").state_dict()
    assert state["conv_0.weight"].shape[0] == int(0.7 * 32) == 22
    assert state["conv_13_pw.weight"].shape == (int(0.7 * 1024), int(0.7 * 1024), 1, 1) == (716, 716, 1, 1)


@pytest.mark.parametrize("architecture", ["lenet5", "mobilenet_v1:width=0.03125,resolution=32"])
def test_networks_can_be_trained(architecture: str) -> None:
    """Every parameter gets a gradient in training mode."""
    model = architectures.parse(architecture)
    network = architectures.build(model).train()
    inputs = [torch.randn(size) for size in architectures.input_shapes(model, batch=4).values()]
    network(*inputs).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
