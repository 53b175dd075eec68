"""Whole networks against tables that were counted by hand from their papers: a new case is a file and a line here."""

import csv
from pathlib import Path

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.cost import LayerCost
from edgebench.analysis.kinds import by_kind

TABLES = Path(__file__).parents[1] / "data" / "layers"
SPECS = {
    "alexnet_one_tower_224": "alexnet:one_tower",
    "alexnet_two_group_227": "alexnet:two_groups",
    "conv_mobilenet_224": "mobilenet_v1:full_convolution",
    "densenet121_224": "densenet:depth=121",
    "efficientnet_b0_224": "efficientnet:b0",
    "googlenet_224": "googlenet",
    "googlenet_with_aux_224": "googlenet:aux=true",
    "inception_v2_224": "counted:inception_v2",
    "inception_v3_299": "inception_v3",
    "lenet5_modern_32": "lenet5",
    "mnasnet_b1_1.0_224": "mnasnet:b1",
    "mobilenet_v1_0.25_224": "mobilenet_v1:width=0.25",
    "mobilenet_v1_0.5_160": "mobilenet_v1:width=0.5,resolution=160",
    "mobilenet_v1_0.75_128": "mobilenet_v1:width=0.75,resolution=128",
    "mobilenet_v1_1.0_224": "mobilenet_v1",
    "mobilenet_v2_1.0_224": "mobilenet_v2",
    "mobilenet_v3_large_224": "mobilenet_v3:large",
    "mobilenet_v3_small_224": "mobilenet_v3:small",
    "nin_imagenet_227": "nin",
    "resnet101_v1_224": "resnet:depth=101,stride_on=1x1",
    "resnet152_v1_224": "resnet:depth=152,stride_on=1x1",
    "resnet18_224": "resnet:depth=18",
    "resnet34_224": "resnet:depth=34",
    "resnet50_v1.5_224": "resnet:depth=50",
    "resnet50_v1_224": "resnet:depth=50,stride_on=1x1",
    "shallow_mobilenet_224": "mobilenet_v1:shallow=true",
    "shufflenet_v2_1.0_224": "shufflenet_v2",
    "squeezenet_1.0_224_nopad": "squeezenet:version=1.0",
    "squeezenet_1.0_227": "squeezenet:version=1.0,resolution=227,conv10_padding=1",
    "squeezenet_1.1_224": "squeezenet:version=1.1",
    "ssd_mobilenet_v1_300": "ssd_mobilenet",
    "vgg16_224": "vgg:depth=16",
    "vgg19_224": "vgg:depth=19",
}

PUBLISHED = [  # model, mult-adds and weights in millions, as printed; half a unit of the last digit is the tolerance
    ("mobilenet_v1", 569, 4.2),  # MobileNetV1 paper, Tables 4, 6 and 8
    ("mobilenet_v1:width=0.75", 325, 2.6),  # Table 6
    ("mobilenet_v1:width=0.25", 41, 0.5),
    ("mobilenet_v1:resolution=192", 418, 4.2),  # Table 7
    ("mobilenet_v1:resolution=128", 186, 4.2),
    ("mobilenet_v1:shallow=true", 307, 2.9),  # Table 5
    ("layer:standard,size=14,in=512,out=512,kernel=3", 462, 2.36),  # Table 3
    ("layer:separable,size=14,in=512,out=512,kernel=3", 52.3, 0.27),
    ("layer:separable,size=14,in=384,out=384,kernel=3", 29.6, 0.15),  # width 0.75
    ("layer:separable,size=10,in=384,out=384,kernel=3", 15.1, 0.15),  # and resolution 10 / 14
    ("vgg:depth=16", 15470, 138),  # torchvision prints 15.47 G; the paper's Table 2 prints 138 M
]

SHARES = {  # MobileNetV1 paper, Table 2: per cent of mult-adds and of weights
    "conv_1x1": (94.86, 74.59),
    "conv_dw_3x3": (3.06, 1.06),
    "conv_3x3": (1.91, 0.02),  # printed 1.19: the digits are swapped, the printed column sums to 99.29
    "fc": (0.18, 24.33),
}


def row(layer: LayerCost) -> dict[str, str]:
    """Return a layer as the tables write it, without its name."""
    assert layer.stride[0] == layer.stride[1]
    return {
        "type": layer.kind,
        "in_ch": str(layer.in_channels),
        "out_ch": str(layer.out_channels),
        "kernel": f"{layer.kernel[0]}x{layer.kernel[1]}",
        "stride": str(layer.stride[0]),
        "groups": str(layer.groups),
        "out_h": str(layer.out_h),
        "out_w": str(layer.out_w),
        "mult_adds": str(layer.mult_adds),
        "params": str(layer.params),
        "bias_params": str(layer.bias_params),
        "bn_params": str(layer.bn_params),
    }


@pytest.mark.parametrize("table", sorted(path.stem for path in TABLES.glob("*.csv")))
def test_layers_equal_the_table(table: str) -> None:
    """Every layer has the table's shape, mult-adds and parameters, in the table's order."""
    with (TABLES / f"{table}.csv").open(newline="") as file:
        expected = [{key: value for key, value in line.items() if key != "layer"} for line in csv.DictReader(file)]
    cost = analysis.count(architectures.parse(SPECS[table]))
    assert [row(layer) for layer in cost.layers] == expected


@pytest.mark.parametrize(("spec", "mult_adds_m", "params_m"), PUBLISHED)
def test_totals_equal_the_published_ones(spec: str, mult_adds_m: float, params_m: float) -> None:
    """Totals, rounded as the paper prints them, are the paper's."""
    cost = analysis.count(architectures.parse(spec))
    assert round(cost.mult_adds / 1e6, _digits(mult_adds_m)) == mult_adds_m
    assert round(cost.params / 1e6, _digits(params_m)) == params_m


def _digits(printed: float) -> int:
    return len(str(printed).partition(".")[2])


def test_exact_totals() -> None:
    """The counts are integers, exact: MobileNetV1, VGG-16 and the layer of MobileNetV1's Table 3."""
    mobilenet = analysis.count(architectures.parse("mobilenet_v1"))
    assert (mobilenet.mult_adds, mobilenet.params, mobilenet.bias_params) == (568_740_352, 4_209_088, 1000)
    vgg = analysis.count(architectures.parse("vgg"))
    assert (vgg.mult_adds, vgg.params, vgg.params + vgg.bias_params) == (15_470_264_320, 138_344_128, 138_357_544)
    standard = analysis.count(architectures.parse("layer:standard,size=14,in=512,out=512,kernel=3"))
    assert standard.mult_adds == 14 * 14 * 512 * 512 * 3 * 3
    separable = analysis.count(architectures.parse("layer:separable,size=14,in=512,out=512,kernel=3"))
    assert separable.mult_adds == 14 * 14 * 512 * 3 * 3 + 14 * 14 * 512 * 512
    assert [layer.name for layer in separable.layers] == ["depthwise", "pointwise"]


def test_shares_of_the_kinds_equal_the_paper() -> None:
    """Totals by kind, the largest first, give MobileNetV1's Table 2."""
    cost = analysis.count(architectures.parse("mobilenet_v1"))
    kinds = [kind for kind in by_kind(cost) if kind.mult_adds]
    assert [kind.kind for kind in kinds] == list(SHARES)
    assert [kind.layers for kind in kinds] == [13, 13, 1, 1]
    for kind in kinds:
        shares = (100 * kind.mult_adds / cost.mult_adds, 100 * kind.params / cost.params)
        assert tuple(round(share, 2) for share in shares) == SHARES[kind.kind]
    assert sum(kind.bn_params for kind in kinds) == cost.bn_params
    assert sum(kind.bias_params for kind in kinds) == cost.bias_params
