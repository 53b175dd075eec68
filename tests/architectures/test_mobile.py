from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import Tensor

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost
from edgebench.architectures import efficientnet, mobilenet_v2, mobilenet_v3
from edgebench.architectures._weights import calibrate, make_inputs
from edgebench.errors import UsageError


def count(spec: str) -> Cost:
    """Count a model."""
    return analysis.count(architectures.parse(spec))


# --- how they scale --------------------------------------------------------------------------------------------------


def test_a_narrow_mobilenet_keeps_its_last_layer() -> None:
    """Widths below 1 leave MobileNetV2's last convolution and MobileNetV3's hidden layer; widths above widen them."""
    last = {width: count(f"mobilenet_v2:width={width}").layers[-1].in_channels for width in (0.35, 1.0, 1.4)}
    assert last == {0.35: 1280, 1.0: 1280, 1.4: 1792}
    hidden = {width: count(f"mobilenet_v3:small,width={width}").layers[-1].in_channels for width in (0.5, 1.0, 1.25)}
    assert hidden == {0.5: 1024, 1.0: 1024, 1.25: 1280}


def test_channels_are_multiples_of_eight() -> None:
    """Each layer of a scaled network has a multiple of 8 channels, and loses no more than a tenth to rounding."""
    for layer in count("mobilenet_v2:width=0.35").layers[:-1]:
        assert layer.out_channels % 8 == 0
    assert count("mobilenet_v2:width=0.35").layers[0].out_channels == 16  # not 8, the nearest multiple to 11.2


def test_mobilenet_v3_widens_what_comes_in() -> None:
    """A bottleneck's inside is the table's ratio times its scaled input: 72 / 24 of 24, not of the table's 72."""
    layers = {layer.name: layer for layer in count("mobilenet_v3:large,width=0.75").layers}
    assert layers["features.3.block.0.0"].in_channels == layers["features.2.block.2.0"].out_channels == 24
    assert layers["features.3.block.0.0"].out_channels == 3 * 24


def test_minimalistic_networks_are_plain() -> None:
    """Minimalistic networks have kernels of 3x3 at most, no squeeze-excite and no hard swish."""
    network = architectures.build(architectures.parse("mobilenet_v3:small,minimalistic=true"))
    kinds = {type(module).__name__ for module in network.modules()}
    assert not kinds & {"Hardswish", "Hardsigmoid", "SqueezeExcite"}
    assert {layer.kind for layer in count("mobilenet_v3:small,minimalistic=true").layers} == {
        "conv_1x1",
        "conv_3x3",
        "conv_dw_3x3",
        "fc",
    }


@pytest.mark.parametrize("kind", efficientnet.VARIANTS)
def test_variants_are_the_baseline_scaled(kind: str) -> None:
    """B1 to B7 are B0 with three coefficients."""
    variant = efficientnet.VARIANTS[kind]
    scaled = f"width={variant.width},depth={variant.depth},resolution={variant.resolution}"
    assert count(f"efficientnet:b0,{scaled}").layers == count(f"efficientnet:{kind}").layers


def test_one_coefficient_changes_one_thing() -> None:
    """Depth alone adds layers, width alone channels, and resolution alone pixels."""
    baseline = count("efficientnet:b0")
    deep, wide = (count(f"efficientnet:{change}=2.0") for change in ("depth", "width"))
    large = count("efficientnet:resolution=448")
    assert sum(layer.kind.startswith("conv_dw") for layer in deep.layers) == 2 * 16
    assert (deep.layers[0], deep.layers[-1]) == (baseline.layers[0], baseline.layers[-1])
    assert len(wide.layers) == len(large.layers) == len(baseline.layers)
    assert wide.layers[0].out_channels == 2 * baseline.layers[0].out_channels
    assert large.params == baseline.params
    assert large.layers[0].mult_adds == 4 * baseline.layers[0].mult_adds
    assert min(deep.mult_adds, wide.mult_adds, large.mult_adds) > baseline.mult_adds


def test_ssd_stands_on_mobilenet_v1() -> None:
    """SSD's first layers are MobileNetV1's at its resolution, and its cache entries follow both definitions."""
    ssd, body = count("ssd_mobilenet"), count("mobilenet_v1:resolution=300")
    shared = len(body.layers) - 1
    for one, other in zip(ssd.layers[:shared], body.layers[:shared], strict=True):
        assert replace(one, name=other.name) == other
    sources = {path.name for path in architectures.files(architectures.parse("ssd_mobilenet"))}
    assert {"ssd_mobilenet.py", "mobilenet_v1.py", "_mobile.py"} <= sources


# --- specifications --------------------------------------------------------------------------------------------------


def test_what_others_decide_may_be_none() -> None:
    """A parameter that others decide can be None and nothing else but its type; all others cannot."""
    assert efficientnet.Parameters(resolution=None) == efficientnet.Parameters()
    with pytest.raises(UsageError, match=r"resolution of efficientnet is 224\.5: expected an integer"):
        efficientnet.Parameters(resolution=224.5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="classes of efficientnet is None: expected an integer"):
        efficientnet.Parameters(classes=None)  # type: ignore[arg-type]


# --- running ---------------------------------------------------------------------------------------------------------

SMALL = [  # model, shapes of what comes out for one image
    ("mobilenet_v2:width=0.35,resolution=96", [(1, 1000)]),
    ("mobilenet_v3:large,width=0.35,resolution=96", [(1, 1000)]),
    ("mobilenet_v3:small,minimalistic=true,resolution=64,classes=10", [(1, 10)]),
    ("efficientnet:b0,width=0.5,resolution=64", [(1, 1000)]),
    ("efficientnet:b0,depth=1.4,width=0.25,resolution=33", [(1, 1000)]),
    ("ssd_mobilenet:resolution=96,classes=21", [(1, 3 * 6 * 6 + 6 * (9 + 4 + 1 + 1 + 1), size) for size in (4, 21)]),
]


def outputs(network: torch.nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Return what a network gives, as a list."""
    with torch.inference_mode():
        found = network(*inputs.values())
    return list(found) if isinstance(found, tuple) else [found]


@pytest.mark.parametrize(("spec", "shapes"), SMALL)
def test_networks_run_with_drawn_weights(spec: str, shapes: list[tuple[int, ...]]) -> None:
    """With drawn weights outputs have the expected shapes, are finite, and vary by about one."""
    model = architectures.parse(spec)
    network, inputs = architectures.build(model), make_inputs(model, seed=0)
    calibrate(network, inputs, seed=0)
    found = outputs(network, inputs)
    assert [tuple(one.shape) for one in found] == shapes
    for one in found:
        assert one.isfinite().all()
        assert 0.5 < one.std() < 2


def test_ssd_gives_boxes_and_scores() -> None:
    """SSD-300 looks at 1917 boxes: 3 at each place of a 19x19 map, 6 at each of the five smaller ones."""
    model = architectures.parse("ssd_mobilenet")
    with torch.device("meta"):
        boxes, scores = architectures.build(model)(torch.empty(2, 3, 300, 300))
    assert boxes.shape == (2, 1917, 4)
    assert scores.shape == (2, 1917, 91)


def test_ssd_keeps_a_box_together() -> None:
    """A row of the outputs is one box: shifting its channels in a head moves that box at each place, and no other."""
    model = architectures.parse("ssd_mobilenet:resolution=64,classes=2")
    network, inputs = architectures.build(model), make_inputs(model, seed=0)
    before = outputs(network, inputs)
    second = slice(4 + 2, 2 * (4 + 2))  # the channels of the second of three boxes on the 4x4 map
    with torch.no_grad():
        network.get_submodule("heads.0").bias[second] += 1.0  # type: ignore[index,operator]
    expected = torch.zeros(before[0].shape[1], dtype=torch.bool)
    expected[1 : 3 * 4 * 4 : 3] = True
    for old, new in zip(before, outputs(network, inputs), strict=True):
        assert torch.equal((new - old).abs().amax(dim=(0, 2)) > 0.5, expected)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [spec for spec, _ in SMALL])
def test_runtimes_give_the_same(spec: str, agree_with_torch: Callable[[str], None]) -> None:
    """Exported to ONNX, a network gives in onnxruntime and in OpenVINO what it gives in torch."""
    agree_with_torch(spec)


# --- torchvision's weights -------------------------------------------------------------------------------------------

LOADED = {
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3:large": "mobilenet_v3_large",
    "mobilenet_v3:small": "mobilenet_v3_small",
    **{f"efficientnet:{kind},resolution=64": f"efficientnet_{kind}" for kind in ("b0", "b3", "b5")},
}


NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def normed(*places: str) -> Iterator[str]:
    """Yield the keys of convolutions, each followed by its batch norm: torchvision's Conv2dNormActivation."""
    for place in places:
        yield f"{place}.0.weight"
        yield from (f"{place}.1.{key}" for key in NORM)


def weights_and_biases(*layers: str) -> Iterator[str]:
    """Yield the keys of layers without batch norm."""
    yield from (f"{layer}.{key}" for layer in layers for key in ("weight", "bias"))


def v3_keys(stages: tuple[mobilenet_v3.Stage, ...]) -> Iterator[str]:
    """Yield the keys that torchvision's definition of MobileNetV3 gives its state dict."""
    yield from normed("features.0")
    for number, stage in enumerate(stages, start=1):
        parts = (
            (["expand"] if number > 1 else []) + ["depthwise"] + (["squeeze"] if stage.squeeze else []) + ["project"]
        )
        for place, part in enumerate(parts):
            name = f"features.{number}.block.{place}"
            yield from weights_and_biases(f"{name}.fc1", f"{name}.fc2") if part == "squeeze" else normed(name)
    yield from normed(f"features.{len(stages) + 1}")
    yield from weights_and_biases("classifier.0", "classifier.3")


@pytest.mark.parametrize("kind", mobilenet_v3.VERSIONS)
def test_mobilenet_v3_takes_torchvision_weights(kind: str) -> None:
    """The state dict of MobileNetV3 has torchvision's keys, so that its pretrained weights load."""
    with torch.device("meta"):
        state = architectures.build(architectures.parse(f"mobilenet_v3:{kind}")).state_dict()
    assert list(state) == list(v3_keys(mobilenet_v3.VERSIONS[kind].stages))


def test_mobilenet_v2_takes_torchvision_weights() -> None:
    """The state dict of MobileNetV2 has torchvision's keys, so that its pretrained weights load."""
    blocks = sum(stage.repeats for stage in mobilenet_v2.STAGES)
    expected = list(normed("features.0"))
    for number in range(1, blocks + 1):
        wide = ["0"] if number == 1 else ["0", "1"]  # the first block does not expand
        expected += normed(*(f"features.{number}.conv.{part}" for part in wide))
        expected.append(f"features.{number}.conv.{len(wide)}.weight")
        expected += [f"features.{number}.conv.{len(wide) + 1}.{key}" for key in NORM]
    expected += [*normed(f"features.{blocks + 1}"), *weights_and_biases("classifier.1")]
    with torch.device("meta"):
        state = architectures.build(architectures.parse("mobilenet_v2")).state_dict()
    assert list(state) == expected


@pytest.mark.slow
@pytest.mark.parametrize("spec", LOADED)
def test_torchvision_gives_the_same(spec: str, torchvision: ModuleType) -> None:
    """With one set of weights a network and torchvision's give the same, to the last bit."""
    model = architectures.parse(spec)
    ours, inputs = architectures.build(model), make_inputs(model, seed=0)
    calibrate(ours, inputs, seed=0)
    theirs = getattr(torchvision, LOADED[spec])().eval()
    theirs.load_state_dict(ours.state_dict())
    assert all(map(torch.equal, outputs(ours, inputs), outputs(theirs, inputs)))
