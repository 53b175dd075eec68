"""LeNet-5, AlexNet, VGG, Network in Network, GoogLeNet and ResNet: figures, structure, weights, other runtimes."""

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost
from edgebench.architectures import lenet5
from edgebench.architectures._blocks import RadialBasis, SparseConvolution, local_response_norm
from edgebench.architectures._weights import calibrate, make_inputs


def count(spec: str) -> Cost:
    """Count a model."""
    return analysis.count(architectures.parse(spec))


def trained(cost: Cost) -> int:
    """Return all that is trained: weights, biases, scales and shifts of batch norm."""
    return cost.params + cost.bias_params + cost.bn_params


def calibrated(spec: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return a network with drawn weights, and inputs."""
    model = architectures.parse(spec)
    network, inputs = architectures.build(model), make_inputs(model, seed=0)
    calibrate(network, inputs, seed=0)
    return network, inputs


def outputs(network: nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Return what a network gives, as a list."""
    with torch.inference_mode():
        found = network(*inputs.values())
    return list(found) if isinstance(found, tuple) else [found]


# --- printed figures -------------------------------------------------------------------------------------------------

TORCHVISION = [  # model, millions of mult-adds, all that is trained: torchvision 0.29.1, metadata of the weights
    ("alexnet:one_tower", 714, 61_100_840),
    ("googlenet:torchvision", 1498, 6_624_904),
    ("resnet:depth=18", 1814, 11_689_512),
    ("resnet:depth=34", 3664, 21_797_672),
    ("resnet:depth=50", 4089, 25_557_032),
    ("resnet:depth=101", 7801, 44_549_160),
    ("resnet:depth=152", 11514, 60_192_808),
    ("vgg:depth=11", 7609, 132_863_336),
    ("vgg:depth=11,batch_norm=true", 7609, 132_868_840),
    ("vgg:depth=13", 11308, 133_047_848),
    ("vgg:depth=13,batch_norm=true", 11308, 133_053_736),
    ("vgg:depth=16", 15470, 138_357_544),
    ("vgg:depth=16,batch_norm=true", 15470, 138_365_992),
    ("vgg:depth=19", 19632, 143_667_240),
    ("vgg:depth=19,batch_norm=true", 19632, 143_678_248),
]

VGG_TABLE_2 = {  # millions of weights and biases
    "vgg:depth=11": 133,
    "vgg:depth=11,lrn=true": 133,
    "vgg:depth=13": 133,
    "vgg:depth=16,pointwise=true": 134,
    "vgg:depth=16": 138,
    "vgg:depth=19": 144,
}

RESNET_TABLE_1 = {  # billions of mult-adds
    "resnet:depth=18,shortcut=A": 1.8,
    "resnet:depth=34,shortcut=A": 3.6,  # 3.7 with projections
    "resnet:depth=50,stride_on=1x1": 3.8,  # 3.858, cut off
    "resnet:depth=101,stride_on=1x1": 7.6,
    "resnet:depth=152,stride_on=1x1": 11.3,
}

GOOGLENET_TABLE_1 = {  # millions of operations, and units of 1024 parameters (of 1000 in the first row)
    "conv1": (34, 2.7),
    "conv2": (360, 112),  # with its reduction, which is conv2 here and makes the convolution conv3
    "inception3a": (128, 159),
    "inception3b": (304, 380),
    "inception4a": (73, 364),
    "inception4b": (88, 437),
    "inception4c": (100, 463),
    "inception4d": (119, 580),
    "inception4e": (170, 840),
    "inception5a": (54, 1072),
    "inception5b": (71, 1388),
    "fc": (1, 1000),
}
GOOGLENET_MISPRINTS = {  # what the count gives in their place
    ("inception4c", "params"): 497.5,  # the operations of the row are those of 497.5
    ("inception5a", "mult_adds"): 51,
    ("inception5a", "params"): 1018,
}

LENET5 = {  # LeCun et al. 1998, section II-B: trainable parameters, connections
    "C1": (156, 122_304),
    "S2": (12, 5_880),
    "C3": (1_516, 151_600),
    "S4": (32, 2_000),
    "C5": (48_120, 48_120),
    "F6": (10_164, 10_164),
    "OUT": (0, 840),
}


@pytest.mark.parametrize(("spec", "mult_adds_m", "params"), TORCHVISION)
def test_torchvision_prints_the_same(spec: str, mult_adds_m: int, params: int) -> None:
    """Mult-adds to the printed digit, and parameters to the last one, are those of torchvision's weights."""
    cost = count(spec)
    assert round(cost.mult_adds / 1e6) == mult_adds_m
    assert trained(cost) == params


@pytest.mark.parametrize(("spec", "params_m"), VGG_TABLE_2.items())
def test_vgg_has_the_parameters_of_its_table(spec: str, params_m: int) -> None:
    """Weights and biases of the six columns are those of Table 2."""
    assert round(trained(count(spec)) / 1e6) == params_m


def test_printed_mult_adds_of_vgg_follow_two_rules() -> None:
    """The ResNet paper's 15.3 billion for VGG-16 leave the fully connected layers out, its 19.6 for VGG-19 do not."""
    small, large = count("vgg:depth=16"), count("vgg:depth=19")
    convolutions = sum(layer.mult_adds for layer in small.layers if layer.kind != "fc")
    assert (round(convolutions / 1e9, 1), round(large.mult_adds / 1e9, 1)) == (15.3, 19.6)


@pytest.mark.parametrize(("spec", "printed"), RESNET_TABLE_1.items())
def test_resnet_has_the_mult_adds_of_its_table(spec: str, printed: float) -> None:
    """Table 1 has the stride on the first 1x1 and, up to 34 layers, shortcuts without parameters; 50 is cut off."""
    counted = count(spec).mult_adds
    cut_off, rounded = counted // 10**8 / 10, round(counted / 1e9, 1)
    assert printed == (cut_off if spec == "resnet:depth=50,stride_on=1x1" else rounded)


def test_googlenet_has_the_rows_of_its_table() -> None:
    """Operations are within 1 million and parameters within 2 % of Table 1, whose first layer is a separable one."""
    rows: dict[str, list[int]] = {name: [0, 0] for name in GOOGLENET_TABLE_1}
    for layer in count("googlenet:stem=separable").layers:
        row = rows[layer.name.partition(".")[0].replace("conv3", "conv2")]
        row[0] += layer.mult_adds
        row[1] += layer.params
    for name, (operations_m, params_k) in GOOGLENET_TABLE_1.items():
        expected_m = GOOGLENET_MISPRINTS.get((name, "mult_adds"), operations_m)
        expected_k = GOOGLENET_MISPRINTS.get((name, "params"), params_k)
        assert abs(rows[name][0] / 1e6 - expected_m) < 1, name
        assert abs(rows[name][1] / (1000 if name == "conv1" else 1024) / expected_k - 1) < 0.02, name


def test_googlenet_was_designed_for_one_and_a_half_billion() -> None:
    """1.5 billion mult-adds are those with a separable first layer; a dense one gives 1.58."""
    assert count("googlenet:stem=separable").mult_adds == 1_498_677_248
    assert count("googlenet").mult_adds == 1_582_671_872


def test_alexnet_has_sixty_million_parameters() -> None:
    """The two groups have 60.97 million parameters and, at 227 pixels, 724 million mult-adds, 720 as often printed."""
    cost = count("alexnet")
    assert (cost.mult_adds, trained(cost)) == (724_406_816, 60_965_224)
    assert (cost.layers[0].out_h, cost.layers[0].out_w) == (55, 55)


def test_network_in_network_has_no_fully_connected_layer() -> None:
    """Network in Network has 7.6 million parameters, and is all convolutions."""
    cost = count("nin")
    assert round(trained(cost) / 1e6, 1) == 7.6
    assert all(layer.kind.startswith("conv") for layer in cost.layers)
    assert trained(count("nin:cifar10")) == 966_986


def test_lenet5_has_sixty_thousand_parameters() -> None:
    """Trained parameters and connections of the original are the paper's, layer by layer: 60,000 and 340,908."""
    found = {name: [0, 0] for name in LENET5}
    for layer in count("lenet5:original").layers:
        row, places = found[layer.name.partition(".")[0]], layer.out_h * layer.out_w
        row[0] += layer.params + layer.bias_params
        if layer.name.endswith("coefficient"):  # of a subsampling: four inputs and a bias
            row[1] += places * layer.out_channels * (4 + 1)
        else:
            row[1] += layer.mult_adds + places * layer.bias_params
    found["OUT"][1] = 84 * 10  # distances to fixed codes: no layer with weights
    assert {name: tuple(row) for name, row in found.items()} == LENET5
    assert [sum(column) for column in zip(*LENET5.values(), strict=True)] == [60_000, 340_908]


# --- structure -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_shortcuts_differ_in_projections_alone(depth: int) -> None:
    """Option A has the layers of the plain network, B three or four projections more, C one for each block."""
    plain, a, b, c = (count(f"resnet:depth={depth},shortcut={option}").layers for option in ("none", "A", "B", "C"))
    assert a == plain
    blocks = {18: 8, 34: 16, 50: 16}[depth]
    for layers, projections in ((b, 3 if depth < 50 else 4), (c, blocks)):
        assert sum("downsample" in layer.name for layer in layers) == projections
        assert [layer for layer in layers if "downsample" not in layer.name] == list(plain)


def test_the_number_of_layers_is_in_the_name() -> None:
    """A network has as many layers with weights as its name says, projections apart."""
    for depth in (18, 34, 50, 101, 152):
        assert len(count(f"resnet:depth={depth},shortcut=none").layers) == depth
    for depth in (11, 13, 16, 19):
        assert len(count(f"vgg:depth={depth}").layers) == depth


def test_a_bottleneck_has_its_stride_in_one_of_two_places() -> None:
    """The stride of a stage stands on the first 1x1 convolution or on the 3x3, which then sees four times as much."""
    for stride_on, expected in (("1x1", (2, 1, 1)), ("3x3", (1, 2, 1))):
        layers = {layer.name: layer for layer in count(f"resnet:depth=50,stride_on={stride_on}").layers}
        assert tuple(layers[f"layer2.0.conv{place}"].stride[0] for place in (1, 2, 3)) == expected
        assert layers["layer2.0.downsample.0"].stride == (2, 2)
        assert layers["layer1.0.conv2"].stride == (1, 1)


def test_a_shortcut_without_parameters_pads_with_zeros() -> None:
    """Option A passes every second pixel on, with channels of zeros behind."""
    network = architectures.build(architectures.parse("resnet:depth=18,shortcut=A"))
    x = torch.randn(2, 64, 8, 8)
    found = network.get_submodule("layer2.0.downsample")(x)
    assert torch.equal(found, torch.cat([x[:, :, ::2, ::2], torch.zeros(2, 64, 4, 4)], dim=1))


def test_a_block_adds_its_shortcut() -> None:
    """Without what its layers give, a block with an identity shortcut is the ReLU of its input."""
    network = architectures.build(architectures.parse("resnet:depth=18"))
    block = network.get_submodule("layer1.1")
    nn.init.zeros_(block.get_parameter("bn2.weight"))
    x = torch.randn(1, 64, 4, 4)
    with torch.no_grad():
        assert torch.equal(block(x), x.relu())


def test_normalisation_is_the_papers() -> None:
    """AlexNet divides each value by (2 + 1e-4 times the sum of the squares of five neighbours) to the power of 0.75."""
    x = 100 * torch.randn(1, 7, 1, 1, dtype=torch.float64)
    values = x.flatten()
    expected = [
        values[i] / (2 + 1e-4 * values[max(0, i - 2) : i + 3].square().sum()) ** 0.75 for i in range(len(values))
    ]
    torch.testing.assert_close(local_response_norm()(x).flatten(), torch.stack(expected))


def test_sparse_maps_see_what_the_table_says() -> None:
    """C3 is a dense convolution whose weights are zero where Table I has no cross."""
    sparse = SparseConvolution(lenet5._seen(), kernel=5)
    dense = nn.Conv2d(6, 16, kernel_size=5)
    seen = torch.tensor([[mark == "X" for mark in row] for row in lenet5.CONNECTIONS]).T  # [map of C3, map of S2]
    with torch.no_grad():
        dense.weight.zero_()
        dense.weight[seen] = torch.cat([run.weight.flatten(0, 1) for run in sparse.maps])  # type: ignore[operator]
        dense.bias.copy_(torch.cat([run.bias for run in sparse.maps]))  # type: ignore[union-attr,misc]
        x = torch.randn(2, 6, 14, 14)
        torch.testing.assert_close(sparse(x), dense(x))


def test_a_code_is_nearest_to_itself() -> None:
    """The output layer gives the squared distance to each code: zero to the own one, 4 for each bit that differs."""
    layer = RadialBasis(84, 10)
    assert set(layer.codes.flatten().tolist()) == {-1.0, 1.0}
    expected = 4 * (layer.codes[:, None] != layer.codes[None]).sum(-1)
    assert torch.equal(layer(layer.codes), expected.float())
    assert not list(layer.parameters())


def test_side_branches_leave_the_trunk_alone() -> None:
    """With its side branches GoogLeNet gives the same scores first, then those after 4d, then those after 4a."""
    network, inputs = calibrated("googlenet:aux=true")
    trunk = architectures.build(architectures.parse("googlenet"))
    state = network.state_dict()
    trunk.load_state_dict({name: state[name] for name in trunk.state_dict()})
    main, deep, shallow = outputs(network, inputs)
    assert torch.equal(main, outputs(trunk, inputs)[0])
    seen = []
    for side in ("aux2", "aux1"):
        network.get_submodule(side).register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    outputs(network, inputs)
    assert all(map(torch.equal, seen, (shallow, deep)))  # in the order in which they run
    assert main.shape == deep.shape == shallow.shape == (1, 1000)


def test_batch_norm_follows_each_convolution() -> None:
    """VGG with batch norm has one for each convolution; A-LRN has one normalisation; column C three 1x1."""
    network = architectures.build(architectures.parse("vgg:depth=11,lrn=true"))
    assert [type(layer).__name__ for layer in network.modules()].count("LocalResponseNorm") == 1
    kinds = [layer.kind for layer in count("vgg:depth=16,pointwise=true").layers]
    assert [kinds.count(kind) for kind in ("conv_3x3", "conv_1x1", "fc")] == [10, 3, 3]
    normed = count("vgg:depth=13,batch_norm=true").layers
    assert all(layer.bn_params == 2 * layer.out_channels for layer in normed[:10])


# --- specifications --------------------------------------------------------------------------------------------------


# --- running ---------------------------------------------------------------------------------------------------------

SMALL = [  # model, shapes of what comes out for one image
    ("lenet5:original", [(1, 10)]),
    ("nin:cifar10", [(1, 10)]),
    ("nin:imagenet,resolution=67", [(1, 1000)]),
    ("resnet:depth=18,shortcut=A,resolution=64", [(1, 1000)]),
    ("resnet:depth=18,shortcut=none,resolution=64", [(1, 1000)]),
    ("resnet:depth=34,shortcut=C,resolution=33", [(1, 1000)]),
    ("resnet:depth=50,resolution=32", [(1, 1000)]),
    ("resnet:depth=50,shortcut=A,stride_on=1x1,resolution=64", [(1, 1000)]),
    pytest.param("googlenet:paper,aux=true", 3 * [(1, 1000)], marks=pytest.mark.slow),
    pytest.param("googlenet:torchvision,aux=true", 3 * [(1, 1000)], marks=pytest.mark.slow),
    pytest.param("googlenet:stem=separable", [(1, 1000)], marks=pytest.mark.slow),
    pytest.param("alexnet:two_groups", [(1, 1000)], marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("spec", "shapes"), SMALL)
def test_networks_run_with_drawn_weights(spec: str, shapes: list[tuple[int, ...]]) -> None:
    """With drawn weights outputs have the expected shapes, are finite, and are not all alike."""
    network, inputs = calibrated(spec)
    found = outputs(network, inputs)
    assert [tuple(one.shape) for one in found] == shapes
    for one in found:
        assert one.isfinite().all()
        assert one.std() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["lenet5:original", "nin:cifar10", "resnet:depth=18,shortcut=A,resolution=32"])
def test_networks_can_be_trained(spec: str) -> None:
    """Every parameter gets a gradient in training mode."""
    model = architectures.parse(spec)
    network = architectures.build(model).train()
    inputs = [torch.randn(size) for size in architectures.input_shapes(model, batch=4).values()]
    network(*inputs).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        "lenet5:original",
        "nin:cifar10",
        "resnet:depth=18,shortcut=A,resolution=64",
        "resnet:depth=18,shortcut=none,resolution=64",
        "resnet:depth=50,stride_on=1x1,resolution=64",
        "googlenet:paper,aux=true",
        "googlenet:torchvision,aux=true",
    ],
)
def test_runtimes_give_the_same(spec: str, agree_with_torch: Callable[[str], None]) -> None:
    """Exported to ONNX, a network gives in onnxruntime and in OpenVINO what it gives in torch."""
    agree_with_torch(spec)


# --- torchvision's weights -------------------------------------------------------------------------------------------

LOADED = {
    "alexnet:one_tower": "alexnet",
    "googlenet:torchvision": "googlenet",
    **{f"resnet:depth={depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"vgg:depth={depth}": f"vgg{depth}" for depth in (11, 13, 16, 19)},
    **{f"vgg:depth={depth},batch_norm=true": f"vgg{depth}_bn" for depth in (11, 13, 16, 19)},
}

VGG_BN_FEATURES = {  # where torchvision's definitions with batch norm have convolutions
    11: (0, 4, 8, 11, 15, 18, 22, 25),
    13: (0, 3, 7, 10, 14, 17, 21, 24, 28, 31),
    16: (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40),
    19: (0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49),
}
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def keys(spec: str) -> list[str]:
    """Return the keys of a network's state dict."""
    with torch.device("meta"):
        return list(architectures.build(architectures.parse(spec)).state_dict())


def weights_and_biases(*layers: str) -> list[str]:
    """Return the keys of layers with biases."""
    return [f"{layer}.{key}" for layer in layers for key in ("weight", "bias")]


def normed(convolution: str, norm: str) -> list[str]:
    """Return the keys of a convolution without a bias and of its batch norm."""
    return [f"{convolution}.weight", *(f"{norm}.{key}" for key in NORM)]


def test_alexnet_takes_torchvision_weights() -> None:
    """The state dict of the one tower has torchvision's keys, so that its pretrained weights load."""
    layers = [*(f"features.{place}" for place in (0, 3, 6, 8, 10)), *(f"classifier.{place}" for place in (1, 4, 6))]
    assert keys("alexnet:one_tower") == weights_and_biases(*layers)


@pytest.mark.parametrize("depth", VGG_BN_FEATURES)
def test_vgg_with_batch_norm_takes_torchvision_weights(depth: int) -> None:
    """The state dict of VGG with batch norm has torchvision's keys, so that its pretrained weights load."""
    expected: list[str] = []
    for place in VGG_BN_FEATURES[depth]:
        expected += weights_and_biases(f"features.{place}")
        expected += [f"features.{place + 1}.{key}" for key in NORM]
    expected += weights_and_biases("classifier.0", "classifier.3", "classifier.6")
    assert keys(f"vgg:depth={depth},batch_norm=true") == expected


@pytest.mark.parametrize("depth", [34, 50])
def test_resnet_takes_torchvision_weights(depth: int) -> None:
    """The state dict of ResNet has torchvision's keys, so that its pretrained weights load."""
    expected = normed("conv1", "bn1")
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for place in range(blocks):
            block = f"layer{stage}.{place}"
            for number in range(1, 3 if depth == 34 else 4):
                expected += normed(f"{block}.conv{number}", f"{block}.bn{number}")
            if place == 0 and (depth == 50 or stage > 1):
                expected += normed(f"{block}.downsample.0", f"{block}.downsample.1")
    assert keys(f"resnet:depth={depth}") == [*expected, *weights_and_biases("fc")]


def test_googlenet_takes_torchvision_weights() -> None:
    """The state dict of GoogLeNet as in torchvision has its keys, so that its pretrained weights load."""
    units = ["conv1", "conv2", "conv3"]
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        units += [f"inception{module}.{unit}" for unit in ("branch1", "branch2.0", "branch2.1", "branch3.0")]
        units += [f"inception{module}.{unit}" for unit in ("branch3.1", "branch4.1")]
    trunk = [key for unit in units for key in normed(f"{unit}.conv", f"{unit}.bn")] + weights_and_biases("fc")
    assert keys("googlenet:torchvision") == trunk
    sides = [key for side in ("aux1", "aux2") for key in normed(f"{side}.conv.conv", f"{side}.conv.bn")]
    sides += weights_and_biases("aux1.fc1", "aux1.fc2", "aux2.fc1", "aux2.fc2")
    assert sorted(keys("googlenet:torchvision,aux=true")) == sorted(trunk + sides)


@pytest.mark.slow
@pytest.mark.parametrize("spec", LOADED)
def test_torchvision_gives_the_same(spec: str, torchvision: ModuleType) -> None:
    """With one set of weights a network and torchvision's give the same, to the last bit."""
    ours, inputs = calibrated(spec)
    options = {"aux_logits": False, "init_weights": False} if spec.startswith("googlenet") else {}
    theirs = getattr(torchvision, LOADED[spec])(**options).eval()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(outputs(ours, inputs)[0], outputs(theirs, inputs)[0])
