from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgebench import architectures
from edgebench.architectures._weights import calibrate, make_inputs
from edgebench.errors import UsageError
from edgebench.measure.flags import PARITY_TOLERANCE

SPECS = [
    "mobilenet_v1",
    "mobilenet_v1:width=0.25,resolution=32",  # one pixel in the last maps
    "mobilenet_v1:full_convolution,width=0.25,resolution=64,shallow=true",
    "squeezenet:version=1.0,resolution=64",
    "squeezenet:version=1.1,resolution=96",
    pytest.param("vgg:depth=16", marks=pytest.mark.slow),
    pytest.param("vgg:depth=11,batch_norm=true", marks=pytest.mark.slow),
    pytest.param("alexnet:two_groups", marks=pytest.mark.slow),
    pytest.param("googlenet:aux=true", marks=pytest.mark.slow),
    "nin:cifar10",
    "resnet:depth=18,shortcut=A,resolution=64",
    "resnet:depth=34,shortcut=none,resolution=64",
    "resnet:depth=50,stride_on=1x1,resolution=64",
    pytest.param("resnet:depth=152,resolution=64", marks=pytest.mark.slow),
    "lenet5",
    "lenet5:original",
    "layer:standard,size=14,in=16,out=24,kernel=3",
    "layer:separable,size=14,in=16,out=24,kernel=3",
    "layer:separable,size=1,in=16,out=24,kernel=3",
]
MOST = {"lenet5:original": 30}  # its outputs sum 84 squared distances to codes of -1 and 1
SMALL = "mobilenet_v1:width=0.25,resolution=32"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Run on one thread: with a busy neighbour two threads wait for each other, up to 30 times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What values a tensor holds."""

    name: str
    finite: bool
    std: float
    subnormal: int
    zeros: float  # the fraction


def observe(name: str, values: Tensor) -> Range:
    """Look at a tensor now: an activation in place may overwrite it next."""
    values = values.detach()
    sizes = values.abs()
    return Range(
        name=name,
        finite=bool(values.isfinite().all()),
        std=float(values.std(correction=0)),
        subnormal=int(((sizes > 0) & (sizes < torch.finfo(values.dtype).tiny)).sum()),
        zeros=float((values == 0).float().mean()),
    )


def ranges(network: nn.Module, inputs: dict[str, Tensor]) -> list[Range]:
    """Return what every layer gives for the inputs."""
    found: list[Range] = []

    def keep(name: str) -> Any:
        return lambda _module, _inputs, output: found.extend(
            observe(name, one) for one in (output if isinstance(output, tuple) else (output,))
        )

    for name, module in network.named_modules():
        module.register_forward_hook(keep(name))
    with torch.no_grad():
        network(*inputs.values())
    return found


def calibrated(spec: str, seed: int = 0) -> nn.Module:
    """Build a network that has had no values, and give it some."""
    model = architectures.parse(spec)
    with torch.device("meta"):
        network = architectures.build(model)
    network = network.to_empty(device="cpu")
    calibrate(network, make_inputs(model, seed), seed)
    return network


@pytest.mark.parametrize("spec", SPECS)
def test_every_layer_keeps_the_scale(spec: str) -> None:
    """On the calibration's inputs and on others, no output is infinite, subnormal, nearly all zero or off scale."""
    network = calibrated(spec)
    for seed in (0, 1):
        for seen in ranges(network, make_inputs(architectures.parse(spec), seed)):
            assert seen.finite, seen
            assert 0.1 <= seen.std <= MOST.get(spec, 10), seen
            assert seen.subnormal == 0, seen
            assert seen.zeros < 0.95, seen


@pytest.mark.parametrize("spec", SPECS)
def test_weights_are_normal_numbers(spec: str) -> None:
    """No weight is infinite or subnormal, and no tensor of weights is all zero."""
    for name, values in calibrated(spec).named_parameters():
        seen = observe(name, values)
        assert seen.finite, seen
        assert seen.subnormal == 0, seen
        assert seen.zeros < 0.01, seen


def test_no_channel_is_dead() -> None:
    """After each batch norm and ReLU every channel is active somewhere on the calibration's own inputs."""
    network = calibrated("mobilenet_v1")
    values = make_inputs(architectures.parse("mobilenet_v1"), 0)["x"]
    with torch.no_grad():
        for name, layer in network.named_children():
            values = layer(values)
            if name.startswith("relu"):
                assert (values.amax(dim=(0, 2, 3)) > 0).all(), name


def test_batch_norms_hold_the_statistics_of_their_input() -> None:
    """A batch norm's running mean and variance are those of what it gets, so its output has its own scale and shift."""
    network = calibrated("mobilenet_v1:width=0.25,resolution=64")
    seen: list[Tensor] = []
    norm = network.get_submodule("norm_1_dw")
    assert isinstance(norm, nn.BatchNorm2d)
    norm.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
    with torch.no_grad():
        network(*make_inputs(architectures.parse("mobilenet_v1:width=0.25,resolution=64"), 0).values())
    torch.testing.assert_close(seen[0].mean(dim=(0, 2, 3)), norm.bias, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(seen[0].std(dim=(0, 2, 3)), norm.weight, atol=1e-3, rtol=1e-3)


def test_rescaled_weights_give_the_rescaled_output() -> None:
    """What calibration passes on as a layer's output is what the layer then gives: unit deviation in each channel."""
    model = architectures.parse("lenet5")
    network = calibrated("lenet5")
    inputs = make_inputs(model, 0)
    first = network.get_submodule("C1")
    with torch.no_grad():
        output = first(inputs["x"])
    torch.testing.assert_close(output.std(dim=(0, 2, 3), correction=0), torch.ones(6), atol=1e-4, rtol=1e-4)


def test_one_seed_gives_one_network() -> None:
    """The same seed gives the same weights to the last bit, another seed gives others, whatever was there before."""
    first, other = calibrated(SMALL, seed=3).state_dict(), calibrated(SMALL, seed=4).state_dict()
    model = architectures.parse(SMALL)
    again = architectures.build(model)
    for tensor in again.state_dict().values():
        tensor.fill_(7)
    torch.manual_seed(99)  # the global generator has no say
    calibrate(again, make_inputs(model, 3), 3)
    assert all(torch.equal(first[name], values) for name, values in again.state_dict().items())
    assert not torch.equal(first["conv_0.weight"], other["conv_0.weight"])


def test_the_number_of_threads_does_not_matter() -> None:
    """One seed gives the same weights to the last bit on one thread and on two, and leaves their number alone."""
    alone = calibrated("squeezenet:resolution=96").state_dict()
    torch.set_num_threads(2)
    try:
        together = calibrated("squeezenet:resolution=96").state_dict()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(values, together[name]) for name, values in alone.items())


def test_inputs_follow_seed_and_batch() -> None:
    """Inputs are N(0, 1), named and shaped as the model says, and equal for equal seeds only."""
    model = architectures.parse("mobilenet_v1")
    inputs = make_inputs(model, 5, batch=2)
    assert {name: tuple(values.shape) for name, values in inputs.items()} == {"x": (2, 3, 224, 224)}
    assert abs(float(inputs["x"].mean())) < 0.01
    assert abs(float(inputs["x"].std()) - 1) < 0.01
    assert torch.equal(inputs["x"], make_inputs(model, 5, batch=2)["x"])
    assert not torch.equal(inputs["x"], make_inputs(model, 6, batch=2)["x"])


@pytest.mark.parametrize("layer", [nn.PReLU(), nn.BatchNorm1d(4, affine=False)])
def test_layers_without_a_rule_are_refused(layer: nn.Module) -> None:
    """A layer with weights or buffers that calibration does not know stops it, by name, rather than keep any values."""
    network = nn.Sequential(nn.Conv2d(1, 1, 1), layer)
    with pytest.raises(UsageError, match=rf"{type(layer).__name__} \(layer 1\): expected Conv2d, Linear, BatchNorm2d"):
        calibrate(network, {"x": torch.zeros(1, 1, 4, 4)}, 0)
    assert not network[0]._forward_hooks


def test_fixed_codes_are_drawn() -> None:
    """The codes of LeNet-5's output layer are -1 and 1 whatever was there before, and follow the seed."""
    first, other = (calibrated("lenet5:original", seed).get_buffer("OUT.codes") for seed in (0, 1))
    assert set(first.flatten().tolist()) == set(other.flatten().tolist()) == {-1.0, 1.0}
    assert not torch.equal(first, other)


def test_shortcuts_keep_noise_small() -> None:
    """Noise of a millionth in the image is less than five in the scores of ResNet-50: no chaos to compare."""
    spec = "resnet:depth=50,resolution=96"
    network = calibrated(spec).double()
    image = make_inputs(architectures.parse(spec), 0)["x"].double()
    noise = 1e-6 * make_inputs(architectures.parse(spec), 1)["x"].double()
    with torch.no_grad():
        scores, disturbed = network(image), network(image + noise)
    assert float((disturbed - scores).std() / scores.std()) < 5e-6


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_what_torch_loses_to_a_precision_is_no_wrong_answer(precision: str) -> None:
    """Torch eager, computing MobileNetV1 in fp16 or bf16, is within parity, and far from what fp32 allows."""
    network = calibrated("mobilenet_v1")
    image = make_inputs(architectures.parse("mobilenet_v1"), 0)["x"]
    kind = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    with torch.no_grad():
        exact = network(image)
        rounded = network.to(kind)(image.to(kind)).float()
    lost = float((rounded - exact).abs().max() / exact.abs().max())
    assert 10 * PARITY_TOLERANCE["fp32"] < lost < PARITY_TOLERANCE[precision] / 2
