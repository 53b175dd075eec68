"""SqueezeNet, DenseNet, Inception V3, ShuffleNetV2, MnasNet, single layers and blocks, and what is counted only."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from edgebench import analysis, api, architectures
from edgebench.analysis import convention
from edgebench.analysis.cost import Cost
from edgebench.architectures import counted, densenet, layer, squeezenet
from edgebench.architectures._weights import calibrate, make_inputs
from edgebench.errors import UsageError


def count(spec: str) -> Cost:
    """Count a model."""
    return analysis.count(architectures.parse(spec))


def trained(cost: Cost) -> int:
    """Return the number of all that is trained: weights, biases, scales and shifts of batch norms."""
    return cost.params + cost.bias_params + cost.bn_params


# --- published figures -----------------------------------------------------------------------------------------------

TORCHVISION = [  # model, millions of mult-adds, all that is trained: torchvision 0.29.1, metadata of the weights
    ("squeezenet:version=1.0", 819, 1_248_424),
    ("squeezenet:version=1.1", 349, 1_235_496),
    ("densenet:depth=121", 2834, 7_978_856),
    ("densenet:depth=161,growth=48", 7728, 28_681_000),
    ("densenet:depth=169", 3360, 14_149_480),
    ("densenet:depth=201", 4291, 20_013_928),
    ("shufflenet_v2:width=0.5", 40, 1_366_792),
    ("shufflenet_v2:width=1.0", 145, 2_278_604),
    ("shufflenet_v2:width=1.5", 296, 3_503_624),
    ("shufflenet_v2:width=2.0", 583, 7_393_996),
    ("mnasnet:b1,width=0.5", 104, 2_218_512),
    ("mnasnet:b1,width=0.75", 215, 3_170_208),
    ("mnasnet:b1", 314, 4_383_312),
    ("mnasnet:b1,width=1.3", 526, 6_282_256),
]

COUNTED = [  # network, mult-adds and weights in millions as printed, and what the table gives where that is another
    ("ssd_inception_v2", (3800, 3783), (13.7, 13.8)),  # MobileNetV1 paper, Table 13
    ("ssd_vgg", (34_900, 34_858), (33.1, 35.6)),  # its weights are not reproduced
    ("faster_rcnn_vgg_300", (64_300, 64_304), (138.5, 138.5)),
    ("faster_rcnn_vgg_600", (149_600, 149_540), (138.5, 138.5)),
    ("faster_rcnn_inception_v2_300", (118_200, 118_217), (13.3, 13.3)),
    ("faster_rcnn_inception_v2_600", (129_600, 129_566), (13.3, 13.3)),
    ("faster_rcnn_mobilenet_v1_300", (25_200, 25_224), (6.1, 6.0)),
    ("faster_rcnn_mobilenet_v1_600", (30_500, 30_494), (6.1, 6.0)),
    ("planet", (5740, 5741), (52, 52.1)),  # Table 11
    ("planet_mobilenet_v1", (580, 578), (13, 13.2)),
    ("facenet", (1600, 1597), (7.5, 7.4)),  # FaceNet paper, Table 2; 7.456 M with biases
]

MNASNET_A1 = {  # authors' README: millions of weights by width
    1.4: 6.1,
    1.0: 3.9,
    0.75: 2.9,
    0.5: 2.1,
    0.35: 1.7,
}


@pytest.mark.parametrize(("spec", "mult_adds_m", "params"), TORCHVISION)
def test_counts_are_torchvision_s(spec: str, mult_adds_m: int, params: int) -> None:
    """Parameters equal torchvision's to the last one, mult-adds to the last printed digit."""
    cost = count(spec)
    assert round(cost.mult_adds / 1e6) == mult_adds_m
    assert trained(cost) == params


def test_inception_v3_is_torchvision_s_with_its_side_branch() -> None:
    """Torchvision counts mult-adds without the side branch (5713 M), parameters with it (27 161 264)."""
    assert round(count("inception_v3").mult_adds / 1e6) == 5713
    assert trained(count("inception_v3:aux=true")) == 27_161_264


@pytest.mark.parametrize(("network", "mult_adds_m", "params_m"), COUNTED)
def test_tables_give_the_printed_totals(
    network: str, mult_adds_m: tuple[int, int], params_m: tuple[float, float]
) -> None:
    """Mult-adds of a table lie within 1 % of the printed ones; weights too, but where the comment says otherwise."""
    cost = count(network)
    printed, exact = mult_adds_m
    assert round(cost.mult_adds / 1e6) == exact
    assert round(cost.params / 1e6, 1) == params_m[1]
    assert cost.mult_adds / 1e6 == pytest.approx(printed, rel=0.01)


def test_facenet_s_rows_give_the_printed_mult_adds() -> None:
    """Each module of FaceNet's Table 2 has the mult-adds that stand beside it, in millions."""
    printed = {
        "conv1": 119,
        "inception2": 360,
        **{"3a": 128, "3b": 179, "3c": 108},
        **{"4a": 107, "4b": 117, "4c": 128, "4d": 142, "4e": 56},
        **{"5a": 78, "5b": 78},
    }
    found = dict.fromkeys(printed, 0)
    for one in count("facenet").layers[:-1]:
        found[one.name.partition(".")[0]] += one.mult_adds
    for module, mult_adds in found.items():
        assert mult_adds / 1e6 == pytest.approx(printed[module], abs=1), module


def test_mnasnet_s_weights_are_the_printed_ones() -> None:
    """MnasNet-A1 has the printed weights at each width, and 1 to 3 % fewer mult-adds than printed: 315.2 M at 1.0."""
    found = {width: round(count(f"mnasnet:a1,width={width}").params / 1e6, 1) for width in MNASNET_A1}
    found[1.0] = round(trained(count("mnasnet:a1")) / 1e6, 1)  # 3.85 M weights, 3.89 M with biases and batch norms
    assert found == MNASNET_A1
    assert round(count("mnasnet:a1").mult_adds / 1e6, 1) == 311.6
    small = count("mnasnet:small")
    assert (round(small.mult_adds / 1e6), round(small.params / 1e6, 1)) == (68, 2.0)


def test_squeezenet_counts_twice() -> None:
    """SqueezeNet's README counts two operations a mult-add: 1.72 G for version 1.0; 1.1 needs 2.4 times less."""
    first = count("squeezenet:version=1.0,resolution=227,conv10_padding=1")
    twice = convention.figures(first, convention.parse(["two-per-mult-add"])).operations
    assert round(twice / 1e9, 2) == 1.72
    released = count("squeezenet:version=1.0,conv10_padding=1")
    ratio = released.mult_adds / count("squeezenet:version=1.1").mult_adds
    assert round(ratio, 1) == 2.4


# --- variants --------------------------------------------------------------------------------------------------------


def test_a_simple_bypass_costs_nothing() -> None:
    """A simple bypass adds no weight and no mult-add, a complex one a 1x1 convolution wherever the width changes."""
    plain, simple, complex_ = (count(f"squeezenet:version=1.0,bypass={kind}") for kind in ("none", "simple", "complex"))
    assert (simple.mult_adds, trained(simple)) == (plain.mult_adds, trained(plain))
    added = 96 * 128 + 128 * 256 + 256 * 384 + 384 * 512
    assert complex_.params - plain.params == added
    assert complex_.bias_params - plain.bias_params == 128 + 256 + 384 + 512


@pytest.mark.parametrize("ratio", [0.125, 0.5, 1.0])
def test_the_squeeze_ratio_scales_what_is_squeezed(ratio: float) -> None:
    """The squeezed channels are a share of the expanded ones, in each fire module alike."""
    layers = {one.name: one for one in count(f"squeezenet:version=1.0,squeeze_ratio={ratio}").layers}
    squeezed = [one.out_channels for name, one in layers.items() if name.endswith("squeeze")]
    assert squeezed == [ratio * 2 * stage.expand for stage in squeezenet.VERSIONS["1.0"].stages]


def test_densenet_grows_by_its_rate() -> None:
    """Without bottleneck and compression each layer has one 3x3 convolution, which gives k maps and reads all."""
    plain = count("densenet:growth=12,bottleneck=false,compression=1.0")
    threes = [one for one in plain.layers if one.kind == "conv_3x3"]
    assert len(threes) == sum(densenet.LAYERS[121])
    assert {one.out_channels for one in threes} == {12}
    assert [one.in_channels for one in threes] == [24 + 12 * place for place in range(len(threes))]
    assert len(plain.layers) == len(threes) + 1 + 3 + 1  # first convolution, transitions, classifier


def test_compression_halves_what_a_block_gives() -> None:
    """A transition keeps the floor of theta times the channels that come in."""
    for theta in (0.5, 0.3):
        cost = count(f"densenet:compression={theta}")
        transitions = [one for one in cost.layers if "transition" in one.name]
        assert [one.out_channels for one in transitions] == [int(theta * one.in_channels) for one in transitions]


def test_shufflenet_units_interleave_their_branches() -> None:
    """A unit of stride 1 passes half of its channels on, to every second place, and convolves the other half."""
    network = architectures.build(architectures.parse("shufflenet_v2"))
    unit = network.get_submodule("stage2.1")
    x = torch.randn(1, 116, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        y = unit(x)
    assert torch.equal(y[:, 0::2], x[:, :58])
    assert not torch.isin(y[:, 1::2], x).any()


# --- single layers and blocks ----------------------------------------------------------------------------------------


def test_a_reduction_makes_the_5x5_branch_cheap() -> None:
    """GoogLeNet's 5x5 convolution costs 120 M on 192 maps, and 12.4 M behind a reduction to 16."""
    direct, reduced = count("layer:branch,reduce=0"), count("layer:branch")
    assert direct.mult_adds == 28 * 28 * 192 * 32 * 5 * 5
    assert [one.mult_adds for one in reduced.layers] == [28 * 28 * 192 * 16, 28 * 28 * 16 * 32 * 5 * 5]
    assert (round(direct.mult_adds / 1e6), round(reduced.mult_adds / 1e6, 1)) == (120, 12.4)


def test_fire_is_squeezenet_s() -> None:
    """A fire module alone has the layers that it has in SqueezeNet 1.0 on images of 224 pixels."""
    alone = count("layer:fire,size=54").layers
    inside = [one for one in count("squeezenet:version=1.0").layers if one.name.startswith("features.3.")]
    assert [one.mult_adds for one in alone] == [one.mult_adds for one in inside]


def test_blocks_are_wide_inside_or_outside() -> None:
    """An inverted residual is wide inside, a bottleneck outside; where the ends differ the bottleneck projects."""
    inverted, bottleneck = count("layer:inverted_residual"), count("layer:residual_bottleneck")
    assert [one.out_channels for one in inverted.layers] == [144, 144, 24]
    assert [one.out_channels for one in bottleneck.layers] == [64, 64, 256]
    assert inverted.mult_adds == 56 * 56 * (24 * 144 + 144 * 9 + 144 * 24)
    assert bottleneck.mult_adds == 56 * 56 * (256 * 64 + 64 * 64 * 9 + 64 * 256)
    projected = count("layer:residual_bottleneck,in=64")
    assert [one.kind for one in projected.layers] == ["conv_1x1", "conv_3x3", "conv_1x1", "conv_1x1"]


def test_blocks_are_residuals() -> None:
    """Without what its layers make, a block gives its input back; a bottleneck's is rectified."""
    for spec, expected in (("inverted_residual", Tensor.clone), ("residual_bottleneck", torch.relu)):
        model = architectures.parse(f"layer:{spec},size=4")
        block, inputs = architectures.build(model), make_inputs(model, seed=0)
        for module in block.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.zeros_(module.weight)
        with torch.no_grad():
            assert torch.equal(block(inputs["x"]), expected(inputs["x"]))


@pytest.mark.parametrize(
    ("order", "layers"),
    [
        ("conv", ["Conv2d"]),
        ("conv-relu", ["Conv2d", "ReLU6"]),
        ("conv-bn-relu", ["Conv2d", "BatchNorm2d", "ReLU6"]),
        ("bn-relu-conv", ["BatchNorm2d", "ReLU6", "Conv2d"]),
    ],
)
def test_layers_stand_in_the_order_that_is_asked_for(order: str, layers: list[str]) -> None:
    """Around the convolution stand batch norm and activation in their order; each half of a separable pair has them."""
    activation = "" if order == "conv" else ",activation=relu6"
    for kind, times in (("standard", 1), ("separable", 2)):
        network = architectures.build(architectures.parse(f"layer:{kind},order={order}{activation}"))
        assert [type(module).__name__ for module in network.children()] == times * layers


def test_order_and_activation_cost_no_mult_adds() -> None:
    """Mult-adds are those of the convolution alone; the batch norm belongs to it wherever it stands."""
    plain = count("layer:standard")
    for order in ("conv-bn-relu", "bn-relu-conv"):
        cost = count(f"layer:standard,order={order}")
        assert (cost.mult_adds, cost.params, cost.bn_params) == (plain.mult_adds, plain.params, 2 * 512)


@pytest.mark.parametrize("kind", ["standard", "separable"])
def test_sparse_weights_keep_their_zeros_and_their_scale(kind: str) -> None:
    """Exactly the asked share of weights is zero, at other places in another seed, and outputs stay about N(0, 1)."""
    model = architectures.parse(f"layer:{kind},size=14,in=64,out=64,sparsity=0.75")
    patterns = []
    for seed in (0, 1):
        network, inputs = architectures.build(model), make_inputs(model, seed)
        calibrate(network, inputs, seed)
        architectures.finish(model, network, seed)
        for one in network.children():
            weight = one.get_parameter("weight")
            assert int((weight == 0).sum()) == round(0.75 * weight.numel())
        patterns.append(network[0].weight == 0)  # type: ignore[index]
        with torch.inference_mode():
            assert 0.7 < network(inputs["x"]).std() < 1.4
    assert not torch.equal(*patterns)


def test_sparse_weights_are_the_same_for_a_seed() -> None:
    """Zeros and weights of a seed come again, and dense layers are left as they were calibrated."""
    states = []
    for spec in (
        "layer:standard,in=8,out=8,sparsity=0.5",
        "layer:standard,in=8,out=8,sparsity=0.5",
        "layer:in=8,out=8",
    ):
        model = architectures.parse(spec)
        network, inputs = architectures.build(model), make_inputs(model, seed=3)
        calibrate(network, inputs, seed=3)
        before = network.state_dict()["conv.weight"].clone()
        architectures.finish(model, network, seed=3)
        states.append(network.state_dict()["conv.weight"])
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[2], before)


def test_sparse_layers_are_counted_densely() -> None:
    """Zeros are multiplied like other weights: no runtime here skips them, and the count does not."""
    assert count("layer:standard,sparsity=0.9").layers == count("layer:standard").layers


def test_identity_is_nothing() -> None:
    """The identity has no layer, gives its input back, and is one number by default."""
    model = architectures.parse("layer:identity")
    inputs = make_inputs(model, seed=0)
    assert count("layer:identity").layers == ()
    assert math.prod(architectures.input_shapes(model)["x"]) == 1
    assert torch.equal(architectures.build(model)(inputs["x"]), inputs["x"])


# --- counted only ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", counted.networks())
def test_tables_are_complete(network: str) -> None:
    """Each table has an entry with its source, layers with names of their own, and nothing else has an entry."""
    entry = counted.table(network)
    assert entry.title
    assert entry.note
    assert "arXiv" in entry.paper
    names = [one.name for one in counted.layers(counted.Parameters(kind=network))]
    assert len(set(names)) == len(names)


def test_a_table_is_a_model_by_its_bare_name() -> None:
    """A network that is counted only may be named with and without `counted:`, and counts by the batch."""
    assert architectures.name(architectures.parse("planet")) == "counted:planet"
    assert analysis.count(architectures.parse("planet"), 2).mult_adds == 2 * count("counted:planet").mult_adds
    assert count("planet").memory is None


def test_what_repeats_counts_each_time() -> None:
    """The layers behind a detector's proposals count 300 times in mult-adds, and once in weights."""
    layers = {one.name: one for one in count("faster_rcnn_vgg_300").layers}
    assert layers["head.fc6"].params == 7 * 7 * 512 * 4096
    assert layers["head.fc6"].mult_adds == 300 * 7 * 7 * 512 * 4096


def test_a_table_cannot_be_run(tmp_path: Path) -> None:
    """Building, running and packing a network that is counted only is refused in one sentence before anything else."""
    model = architectures.parse("facenet")
    with pytest.raises(UsageError, match="facenet is counted only, from a table of its layers: expected a network"):
        architectures.build(model)
    with pytest.raises(UsageError, match="facenet is counted only"):
        api.plan(api.Request(models=("facenet",), results=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_unknown_tables_are_refused() -> None:
    """A name without a table is refused with the names that have one."""
    with pytest.raises(UsageError, match=r"kind of counted is 'inception_v9': expected facenet, .* or ssd_vgg"):
        architectures.parse("counted:inception_v9")
    with pytest.raises(UsageError, match="no table of layers for 'inception_v9': counted networks are facenet"):
        counted.Parameters(kind="inception_v9")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,conv,3,8,3,1,1,4,4,1,0,0", "line 2: is no layer"),
        ("a,conv,3,8,3x3,1,1,4,4,1,0", "line 2: is no layer"),
        ("a,conv,3,eight,3x3,1,1,4,4,1,0,0", "line 2: is no layer .*eight"),
        ("a,pool,3,8,3x3,1,1,4,4,1,0,0", "line 2: kind is 'pool': expected conv or fc"),
    ],
)
def test_wrong_rows_are_named(row: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is no layer is named by its file and line."""
    header = "layer,kind,in_ch,out_ch,kernel,stride,groups,out_h,out_w,repeat,bias_params,bn_params"
    (tmp_path / "wrong.csv").write_text(f"{header}\n{row}\n")
    monkeypatch.setattr(counted, "_folder", lambda: tmp_path)
    with pytest.raises(UsageError, match=message):
        counted.layers(counted.Parameters(kind="wrong"))


# --- specifications --------------------------------------------------------------------------------------------------


def test_kinds_are_listed_with_their_parameters() -> None:
    """The list of models names each kind of layer with its own parameters, and each network that is counted only."""
    described = {one.name: one for one in architectures.catalogue()}
    assert list(described["layer"].kinds) == list(layer.KINDS)
    assert described["layer"].kinds["fire"] == {"size": "55", "in": "96", "squeeze": "16", "expand": "64"}
    assert tuple(described["counted"].kinds) == counted.networks()
    assert described["vgg"].kinds == {}


# --- running ---------------------------------------------------------------------------------------------------------

SMALL = [  # model, shapes of what comes out for one image
    ("squeezenet:version=1.0,resolution=64,bypass=simple", [(1, 1000)]),
    ("squeezenet:version=1.0,resolution=64,bypass=complex,squeeze_ratio=0.5", [(1, 1000)]),
    ("densenet:growth=12,resolution=32", [(1, 1000)]),
    ("densenet:growth=8,bottleneck=false,compression=1.0,resolution=33", [(1, 1000)]),
    ("inception_v3:resolution=75", [(1, 1000)]),
    ("shufflenet_v2:width=0.5,resolution=32", [(1, 1000)]),
    ("mnasnet:a1,width=0.35,resolution=64", [(1, 1000)]),
    ("mnasnet:b1,width=0.5,resolution=32", [(1, 1000)]),
    ("mnasnet:small,resolution=33", [(1, 1000)]),
    ("layer:standard,size=7,in=64,out=64,sparsity=0.9", [(1, 64, 7, 7)]),
    ("layer:separable,size=7,in=64,out=32,stride=2,order=bn-relu-conv,activation=relu6", [(1, 32, 4, 4)]),
    ("layer:branch,size=7", [(1, 32, 7, 7)]),
    ("layer:fire,size=7", [(1, 128, 7, 7)]),
    ("layer:inverted_residual,size=7", [(1, 24, 7, 7)]),
    ("layer:inverted_residual,size=7,out=32,stride=2,expansion=1", [(1, 32, 4, 4)]),
    ("layer:residual_bottleneck,size=7", [(1, 256, 7, 7)]),
    ("layer:residual_bottleneck,size=7,in=64,stride=2", [(1, 256, 4, 4)]),
    ("layer:identity", [(1, 1, 1, 1)]),
]


def outputs(network: torch.nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
    """Return what a network gives, as a list."""
    with torch.inference_mode():
        found = network(*inputs.values())
    return list(found) if isinstance(found, tuple) else [found]


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "shapes"), SMALL)
def test_networks_run_with_drawn_weights(spec: str, shapes: list[tuple[int, ...]]) -> None:
    """With drawn weights outputs have the expected shapes, are finite, and vary by about one."""
    model = architectures.parse(spec)
    network, inputs = architectures.build(model), make_inputs(model, seed=0)
    calibrate(network, inputs, seed=0)
    architectures.finish(model, network, seed=0)
    found = outputs(network, inputs)
    assert [tuple(one.shape) for one in found] == shapes
    for one in found:
        assert one.isfinite().all()
        assert one.numel() == 1 or 0.3 < one.std() < 2


def test_the_side_branch_gives_scores_of_its_own() -> None:
    """With its side branch Inception V3 gives two vectors of scores."""
    model = architectures.parse("inception_v3:aux=true")
    with torch.device("meta"):
        scores = architectures.build(model)(torch.empty(2, 3, 299, 299))
    assert [tuple(one.shape) for one in scores] == [(2, 1000), (2, 1000)]


@pytest.mark.slow
@pytest.mark.parametrize("spec", [spec for spec, _ in SMALL])
def test_runtimes_give_the_same(spec: str, agree_with_torch: Callable[[str], None]) -> None:
    """Exported to ONNX, a network gives in onnxruntime and in OpenVINO what it gives in torch."""
    agree_with_torch(spec)


# --- torchvision's weights -------------------------------------------------------------------------------------------

KEYS = {  # the number of tensors in the state dict of torchvision 0.28.0, and the SHA-256 of their names, a line each
    "squeezenet:version=1.0": (52, "6512bd708bb29dd3"),
    "squeezenet:version=1.1": (52, "377239e32f1ba6b0"),
    "densenet:depth=121": (727, "c7c858119b3a3323"),
    "densenet:depth=161,growth=48": (967, "e1b33e61ee2e4813"),
    "densenet:depth=169": (1015, "439b81c377136727"),
    "densenet:depth=201": (1207, "dc384d8aae7ec932"),
    "inception_v3": (566, "a21712b39370296a"),
    "inception_v3:aux=true": (580, "12269a63ba87686a"),
    "shufflenet_v2": (338, "677e5f8fbedbced3"),
    "mnasnet:b1": (314, "8925a80f1ba95411"),
}

LOADED = {
    "squeezenet:version=1.0,resolution=64": ("squeezenet1_0", {}),
    "squeezenet:version=1.1,resolution=64": ("squeezenet1_1", {}),
    "densenet:depth=121,resolution=64": ("densenet121", {}),
    "densenet:depth=161,growth=48,resolution=64": ("densenet161", {}),
    "inception_v3:resolution=75": ("inception_v3", {"aux_logits": False, "init_weights": False}),
    "inception_v3:aux=true": ("inception_v3", {"aux_logits": True, "init_weights": False}),
    "shufflenet_v2:width=0.5,resolution=64": ("shufflenet_v2_x0_5", {}),
    "shufflenet_v2:width=2.0,resolution=64": ("shufflenet_v2_x2_0", {}),
    "mnasnet:b1,resolution=64": ("mnasnet1_0", {}),
}


@pytest.mark.parametrize("spec", KEYS)
def test_state_dicts_have_torchvision_s_keys(spec: str) -> None:
    """The state dict has torchvision's keys, so that its pretrained weights load."""
    with torch.device("meta"):
        keys = sorted(architectures.build(architectures.parse(spec)).state_dict())
    assert (len(keys), hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]) == KEYS[spec]


@pytest.mark.slow
@pytest.mark.parametrize("spec", LOADED)
def test_torchvision_gives_the_same(spec: str, torchvision: ModuleType) -> None:
    """With one set of weights a network and torchvision's give the same scores, to the last bit."""
    name, options = LOADED[spec]
    model = architectures.parse(spec)
    ours, inputs = architectures.build(model), make_inputs(model, seed=0)
    calibrate(ours, inputs, seed=0)
    theirs = getattr(torchvision, name)(**options).eval()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(outputs(ours, inputs)[0], outputs(theirs, inputs)[0])
