from dataclasses import replace
from typing import Any

import pytest

from edgebench.analysis.cost import Cost, LayerCost, layer_kind
from edgebench.analysis.executed import (
    OUTSIDE,
    Executed,
    KindExecuted,
    by_kind,
    explanations,
    found_by_clock,
    kind_of,
    mult_adds,
)
from edgebench.board.regions import Layer
from edgebench.errors import UsageError
from edgebench.standin.counter.regions import Part
from edgebench.standin.counter.tally import Tally

FMLA, NOP = 0x4E21CC02, 0xD503201F  # 4 lanes; none


def part(fmla: int = 0, nop: int = 0) -> Part:
    """Make a part of so many instructions of two sorts."""
    return Part(words={word: count for word, count in ((FMLA, fmla), (NOP, nop)) if count}, elsewhere=0)


def conv(place: int, **facts: Any) -> Layer:
    """Make a 3x3 convolution of 8 into 8 channels on 5 x 5 places."""
    sizes: dict[str, Any] = {"weight": (8, 8, 3, 3), "in_channels": 8, "positions": 25}
    return Layer(name=f"conv{place}", operation="Conv", part=place, **{**sizes, **facts})


def counted(lanes: int, mult_adds: int, kinds: tuple[KindExecuted, ...] | None = None) -> Executed:
    """Make a count of an inference with so many fused lanes."""
    return Executed(
        model="m",
        batch=1,
        device="rpi4",
        cpu="cortex-a72",
        backend="ncnn",
        runtime_version="1",
        precision="fp32",
        parity_max_abs_diff=0.0,
        parity_scale=1.0,
        mult_adds=mult_adds,
        tally=Tally(instructions={"fma_vector": lanes // 4}, fused_vector_lanes=lanes),
        elsewhere=0,
        kinds=kinds,
        edgebench_version="0",
    )


def layer_cost(size: int = 14, out: int = 64, kernel: int = 1, groups: int = 1) -> Cost:
    """Make the cost of a layer of 64 channels and stride 1."""
    layer = LayerCost(
        name="layer",
        kind=layer_kind((kernel, kernel), groups, 64),
        in_channels=64,
        out_channels=out,
        kernel=(kernel, kernel),
        stride=(1, 1),
        groups=groups,
        out_h=size,
        out_w=size,
        mult_adds=size * size * out * 64 // groups * kernel * kernel,
        params=out * 64 // groups * kernel * kernel,
        bias_params=0,
        bn_params=0,
    )
    return Cost(layers=(layer,))


@pytest.mark.parametrize(
    ("layer", "kind", "size"),
    [
        (conv(0), "conv_3x3", 8 * 8 * 3 * 3 * 25),
        (conv(0, weight=(8, 1, 3, 3)), "conv_dw_3x3", 8 * 1 * 3 * 3 * 25),
        (conv(0, weight=(8, 4, 5, 5)), "conv_5x5_g2", 8 * 4 * 5 * 5 * 25),
        (conv(0, weight=(10, 84), in_channels=84, positions=1), "fc", 10 * 84),
        (Layer(name="p", operation="MaxPool", part=0), "MaxPool", None),
    ],
)
def test_layers_are_called_as_on_paper(layer: Layer, kind: str, size: int | None) -> None:
    """A runtime's layer has the kind and the mult-adds that counting gives it; others keep the runtime's own word."""
    assert (kind_of(layer), mult_adds(layer)) == (kind, size)


def test_kinds_sum_up_their_parts() -> None:
    """Layers of one kind are summed, the largest kind comes first, and what is in no layer stands last."""
    pool = Layer(name="pool", operation="Pool", part=3)
    region = (part(nop=5), part(fmla=10), part(nop=1), part(fmla=1, nop=100), part(fmla=20))
    found = by_kind([conv(1), pool, conv(4)], region, clocked=False)
    assert [(one.kind, one.layers, one.mult_adds, one.tally.total) for one in found] == [
        ("Pool", 1, None, 101),
        ("conv_3x3", 2, 2 * 8 * 8 * 3 * 3 * 25, 30),
        (OUTSIDE, 0, None, 6),
    ]
    assert found[1].tally.fused_lanes == 4 * 30


def test_what_a_part_repeats_is_taken_off() -> None:
    """Of a layer whose output is copied out, the copy, which has a part of its own, counts nowhere."""
    region = (part(), part(fmla=10, nop=7), part(nop=7), part(nop=2))
    layer, outside = by_kind([conv(1, less=2)], region, clocked=False)
    assert (layer.tally.total, outside.tally.total) == (10, 2)


def test_layers_are_found_between_readings_of_a_clock() -> None:
    """Every other part is a layer; which ones follows from where the multiplications are."""
    region = (part(nop=9), part(nop=3), part(fmla=5), part(nop=50), part(fmla=6), part(nop=1), part(nop=20))
    assert found_by_clock(region, 2) == [2, 4]
    assert found_by_clock(region, 3) == [2, 4, 6]


@pytest.mark.parametrize("layers", [0, 3])
def test_layers_that_have_no_parts_are_refused(layers: int) -> None:
    """Fewer readings of a clock than layers need mean that it was read for something else."""
    with pytest.raises(UsageError, match="read a clock 3 times"):
        found_by_clock((part(), part(), part(), part()), layers)


def test_marks_that_are_missing_are_refused() -> None:
    """A layer whose part does not exist is no layer of this region."""
    with pytest.raises(UsageError, match="do not hold them"):
        by_kind([conv(1)], (part(),), clocked=False)


def test_equal_figures_need_no_explanation() -> None:
    """Lanes within 1 % of the mult-adds are what was counted."""
    cost = layer_cost(kernel=3)
    assert explanations(counted(cost.mult_adds, cost.mult_adds), cost) == ()


@pytest.mark.parametrize(
    ("sizes", "share", "words"),
    [
        ({"size": 14, "out": 64, "kernel": 3}, 0.25, ["75.0% fewer", "Winograd", "100% of the mult-adds"]),
        ({"size": 14, "out": 64, "kernel": 5}, 0.5, ["50.0% fewer", "Winograd", "100% of the mult-adds"]),
        ({"size": 14, "out": 64, "kernel": 1}, 0.875, ["12.5% fewer", "Strassen", "100% of the mult-adds"]),
        ({"size": 14, "out": 64, "kernel": 5, "groups": 64}, 0.9, ["10.0% fewer", "borders"]),
        ({"size": 14, "out": 6, "kernel": 1}, 4 / 3, ["33.3% more", "channels to multiples of 4 33.3%"]),
        ({"size": 7, "out": 64, "kernel": 1}, 1.1, ["10.0% more", "pixels to multiples of 8 14.3%"]),
        ({"size": 8, "out": 64, "kernel": 1}, 1.1, ["10.0% more", "elsewhere, in activations"]),
    ],
)
def test_differences_are_explained_by_what_fits(sizes: dict[str, int], share: float, words: list[str]) -> None:
    """Only transforms that work on the network's layers are named, with how much of it they work on."""
    cost = layer_cost(**sizes)
    (told,) = explanations(counted(round(cost.mult_adds * share), cost.mult_adds), cost)
    assert [word for word in words if word not in told] == []


def test_kinds_are_explained_one_by_one() -> None:
    """Where kinds of layers are known, each that differs has its own sentence, and the whole has none."""
    cost = Cost(layers=(*layer_cost(kernel=3, groups=64).layers, *layer_cost().layers))
    depthwise, pointwise = (layer.mult_adds for layer in cost.layers)
    kinds = (
        KindExecuted(kind="conv_dw_3x3", layers=1, mult_adds=depthwise, tally=Tally(fused_vector_lanes=depthwise)),
        KindExecuted(kind="conv_1x1", layers=1, mult_adds=pointwise, tally=Tally(fused_vector_lanes=pointwise // 2)),
        KindExecuted(kind="Reorder", layers=1, mult_adds=None, tally=Tally()),
    )
    (told,) = explanations(counted(pointwise, depthwise + pointwise, kinds), cost)
    assert told.startswith("conv_1x1: 50.0% fewer")


def test_kinds_of_unknown_sizes_are_explained_as_a_whole() -> None:
    """Where a runtime does not tell the sizes of most layers, the few whose sizes it tells are not all that is said."""
    cost = Cost(layers=(*layer_cost().layers, *layer_cost(kernel=3).layers))
    kinds = (
        KindExecuted(kind="conv_1x1", layers=1, mult_adds=cost.layers[0].mult_adds, tally=Tally()),
        KindExecuted(
            kind="QLinearConv", layers=1, mult_adds=None, tally=Tally(dot_lanes=cost.layers[1].mult_adds // 2)
        ),
    )
    (told,) = explanations(counted(cost.mult_adds // 2, cost.mult_adds, kinds), cost)
    assert told.startswith("50.0% fewer")


def test_products_that_are_not_fused_are_told() -> None:
    """Where plain multiplications make up for what is missing, no transform is named."""
    cost = layer_cost()
    tenth = cost.mult_adds // 10
    found = counted(cost.mult_adds - tenth, cost.mult_adds)
    (told,) = explanations(replace(found, tally=replace(found.tally, multiply_lanes=tenth)), cost)
    assert told == "10.0% of the multiplications are not fused with an addition: with them 1.0000 a mult-add"


def test_ratios_are_per_counted_mult_add() -> None:
    """Instructions and lanes are set against the mult-adds on paper; dot products and integers are lanes too."""
    found = replace(
        counted(0, 100),
        tally=Tally(instructions={"dot": 5, "branch": 45}, dot_lanes=80, integer_lanes=10, fused_scalar_lanes=10),
    )
    assert (found.instructions_per_mult_add, found.lanes_per_mult_add) == (0.5, 1.0)
