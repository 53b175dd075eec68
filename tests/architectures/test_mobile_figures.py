"""The mobile networks against what their papers, their authors' releases and torchvision print of them."""

import math

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost

RESOLUTIONS = (224, 192, 160, 128, 96)

V1_GRID = {  # tf-slim, nets/mobilenet_v1.md: millions of mult-adds by width, in the order of RESOLUTIONS
    1.0: (569, 418, 291, 186),
    0.75: (317, 233, 162, 104),
    0.5: (150, 110, 77, 49),
    0.25: (41, 34, 21, 14),
}
V1_DEVIATIONS = {  # what the count gives instead
    (0.5, 224): 149,  # 149.498, rounded up in two steps
    (0.25, 192): 30,  # a misprint: the other resolutions of its row grow with the number of pixels
}
V1_PARAMS = {1.0: 4.24, 0.75: 2.59, 0.5: 1.34, 0.25: 0.47}  # millions

V2_GRID = {  # tf-slim, nets/mobilenet/README.md: millions of mult-adds, cut off, in the order of RESOLUTIONS
    1.4: (582,),
    1.3: (509,),
    1.0: (300, 221, 154, 99, 56),
    0.75: (209, 153, 107, 69, 39),
    0.5: (97, 71, 50, 32, 18),
    0.35: (59, 43, 30, 20, 11),
}
V2_PARAMS = {1.4: 6.06, 1.3: 5.34, 1.0: 3.47, 0.75: 2.61, 0.5: 1.95, 0.35: 1.66}  # millions, weights only

V3 = [  # tf-slim, nets/mobilenet/README.md: millions of mult-adds and of all that is trained
    ("large", 217, 5.4),
    ("large,width=0.75", 155, 4.0),
    ("small,width=0.75,hidden=1280", 44, 2.4),
    ("large,minimalistic=true", 209, 3.9),
]
V3_STALE = [  # the same table, and the count in its place: its mult-adds are of another network
    ("small,hidden=1280", 66, 57),
    ("small,minimalistic=true", 65, 52),
]

TORCHVISION = [  # model, millions of mult-adds, all that is trained: torchvision 0.29.1, metadata of the weights
    ("mobilenet_v2", 301, 3_504_872),
    ("mobilenet_v3:large", 217, 5_483_032),
    ("mobilenet_v3:small", 57, 2_542_856),
    ("efficientnet:b0", 386, 5_288_548),
    ("efficientnet:b1", 687, 7_794_184),
    ("efficientnet:b2,resolution=288", 1088, 9_109_994),
    ("efficientnet:b3", 1827, 12_233_232),
    ("efficientnet:b4", 4394, 19_341_616),
    ("efficientnet:b5", 10266, 30_389_784),
    ("efficientnet:b6", 19068, 43_040_704),
    ("efficientnet:b7", 37746, 66_347_960),
]

BODIES = [  # MobileNetV1 paper, Table 12: millions of mult-adds and of weights without a classifier
    ("mobilenet_v1", 568, 3.2),
    ("mobilenet_v1:width=0.5", 149, 0.8),
    ("mobilenet_v1:width=0.25,least_channels=16", 45, 0.2),
    ("mobilenet_v1:resolution=128", 185, 3.2),
    ("mobilenet_v1:width=0.5,resolution=128", 48, 0.8),
    ("mobilenet_v1:width=0.25,resolution=128,least_channels=16", 15, 0.2),
]


def count(spec: str) -> Cost:
    """Count a model."""
    return analysis.count(architectures.parse(spec))


def trained(cost: Cost) -> int:
    """Return the number of all that is trained: weights, biases, scales and shifts of batch norms."""
    return cost.params + cost.bias_params + cost.bn_params


def printed(value: float, digits: int = 0) -> set[float]:
    """Return how one prints a number to so many digits: most round it, some cut it off."""
    return {round(value, digits), math.floor(value * 10**digits) / 10**digits}


@pytest.mark.parametrize("width", V1_GRID)
def test_mobilenet_v1_grid(width: float) -> None:
    """The sixteen MobileNetV1 have the mult-adds and parameters of the authors' release."""
    for resolution, mult_adds_m in zip(RESOLUTIONS, V1_GRID[width], strict=False):
        cost = count(f"mobilenet_v1:width={width},resolution={resolution},classes=1001")
        left_out = cost.layers[0].mult_adds if width == 0.75 else 0  # that row leaves out the first convolution
        assert round((cost.mult_adds - left_out) / 1e6) == V1_DEVIATIONS.get((width, resolution), mult_adds_m)
        with_statistics = cost.params + cost.bias_params + cost.bn_params * 3 // 2  # shift, moving mean and variance
        assert round(with_statistics / 1e6, 2) == V1_PARAMS[width]


@pytest.mark.parametrize(("spec", "mult_adds_m", "params_m"), BODIES)
def test_mobilenet_v1_bodies(spec: str, mult_adds_m: int, params_m: float) -> None:
    """Without its classifier MobileNetV1 has the figures of Table 12, whose narrow networks keep 16 channels."""
    body = [layer for layer in count(spec).layers if layer.kind != "fc"]
    assert mult_adds_m in printed(sum(layer.mult_adds for layer in body) / 1e6)
    assert params_m in printed(sum(layer.params for layer in body) / 1e6, digits=1)


def test_mobilenet_v1_classes() -> None:
    """The number of classes changes the last layer alone: Table 10 prints 3.3 million weights for 120 classes."""
    dogs, imagenet = count("mobilenet_v1:classes=120"), count("mobilenet_v1")
    assert dogs.layers[:-1] == imagenet.layers[:-1]
    assert (dogs.layers[-1].mult_adds, dogs.layers[-1].bias_params) == (1024 * 120, 120)
    assert round(dogs.params / 1e6, 1) == 3.3


@pytest.mark.parametrize("width", V2_GRID)
def test_mobilenet_v2_grid(width: float) -> None:
    """The 22 MobileNetV2 have the mult-adds and weights of the authors' release, to the printed digit."""
    for resolution, mult_adds_m in zip(RESOLUTIONS, V2_GRID[width], strict=False):
        cost = count(f"mobilenet_v2:width={width},resolution={resolution}")
        assert cost.mult_adds // 10**6 == mult_adds_m
        assert round(cost.params / 1e6, 2) == V2_PARAMS[width]


@pytest.mark.parametrize(("spec", "mult_adds_m", "params_m"), V3)
def test_mobilenet_v3_variants(spec: str, mult_adds_m: int, params_m: float) -> None:
    """Narrow and minimalistic MobileNetV3 have the figures of the authors' release."""
    cost = count(f"mobilenet_v3:{spec},classes=1001")
    assert round(cost.mult_adds / 1e6) == mult_adds_m
    assert params_m in printed(trained(cost) / 1e6, digits=1)


@pytest.mark.parametrize(("spec", "printed_m", "counted_m"), V3_STALE)
def test_mobilenet_v3_small_is_smaller_than_its_table_says(spec: str, printed_m: int, counted_m: int) -> None:
    """The release's table lists more mult-adds for the small networks than their layers have."""
    assert round(count(f"mobilenet_v3:{spec},classes=1001").mult_adds / 1e6) == counted_m < printed_m


@pytest.mark.parametrize(("spec", "mult_adds_m", "params"), TORCHVISION)
def test_torchvision_figures(spec: str, mult_adds_m: int, params: int) -> None:
    """Networks that torchvision has too have its figures, to the last parameter."""
    cost = count(spec)
    assert round(cost.mult_adds / 1e6) == mult_adds_m
    assert trained(cost) == params


def test_ssd_figures() -> None:
    """SSD-300 on MobileNetV1 has the 1.2 G mult-adds and 6.8 M weights of the MobileNetV1 paper's Table 13."""
    cost = count("ssd_mobilenet")
    assert (round(cost.mult_adds / 1e9, 1), round(cost.params / 1e6, 1)) == (1.2, 6.8)
