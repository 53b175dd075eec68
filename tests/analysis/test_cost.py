import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost, Memory, cost
from edgebench.analysis.kinds import by_kind
from edgebench.errors import UsageError
from tests.analysis.ops import CONV, graph, op

SPECS = st.sampled_from(
    [
        "mobilenet_v1:width=0.25,resolution=64",
        "mobilenet_v1:full_convolution",
        "squeezenet",
        "vgg",
        "lenet5",
        "layer:separable",
    ]
)
QUICK = settings(max_examples=15)  # each example traces a network twice


def count(spec: str, batch: int = 1) -> Cost:
    """Count a specification."""
    return analysis.count(architectures.parse(spec), batch)


def memory(cost: Cost) -> Memory:
    """Return what a network moves and holds, which is known of all that are traced."""
    assert cost.memory is not None
    return cost.memory


def growing(cost: Cost) -> tuple[int, ...]:
    """Return what a larger network cannot have less of."""
    found = memory(cost)
    return (
        cost.mult_adds,
        cost.params,
        found.weight_bytes.int8,
        found.activation_read_bytes,
        found.activation_written_bytes,
        found.peak.activation_bytes,
        found.peak_out_of_place.activation_bytes,
    )


@QUICK
@given(spec=SPECS, batch=st.integers(2, 64))
def test_cost_is_linear_in_the_batch(spec: str, batch: int) -> None:
    """Mult-adds and activations of a batch are those of one input times the batch; parameters are the same."""
    one, many = count(spec), count(spec, batch)
    assert [layer.mult_adds for layer in many.layers] == [batch * layer.mult_adds for layer in one.layers]
    assert (many.params, many.bias_params, many.bn_params) == (one.params, one.bias_params, one.bn_params)
    assert memory(many).weight_bytes == memory(one).weight_bytes
    assert memory(many).activation_read_bytes == batch * memory(one).activation_read_bytes
    assert memory(many).activation_written_bytes == batch * memory(one).activation_written_bytes
    assert memory(many).peak.activation_bytes == batch * memory(one).peak.activation_bytes
    assert memory(many).peak.op == memory(one).peak.op


@QUICK
@given(spec=SPECS, batch=st.integers(2, 64))
def test_a_batch_raises_the_intensity(spec: str, batch: int) -> None:
    """Weights are read once for all inputs of a batch, so that each byte moved serves more mult-adds."""
    one, many = count(spec).intensity, count(spec, batch).intensity
    assert one is not None
    assert many is not None
    assert one < many < batch * one


@pytest.mark.slow
@QUICK
@given(
    widths=st.tuples(st.floats(1 / 16, 1.0), st.floats(1 / 16, 1.0)),
    architecture=st.sampled_from(["mobilenet_v1", "mobilenet_v2"]),
)
def test_cost_grows_with_the_width(widths: tuple[float, float], architecture: str) -> None:
    """A wider network has no less of anything."""
    thin, wide = (count(f"{architecture}:width={width!r},resolution=32") for width in sorted(widths))
    assert all(less <= more for less, more in zip(growing(thin), growing(wide), strict=True))


@pytest.mark.slow
@QUICK
@given(
    resolutions=st.tuples(st.integers(32, 256), st.integers(32, 256)),
    architecture=st.sampled_from(["mobilenet_v1", "squeezenet"]),
)
def test_cost_grows_with_the_resolution(resolutions: tuple[int, int], architecture: str) -> None:
    """A larger input has no less of anything, and its size changes no parameter."""
    small, large = (count(f"{architecture}:resolution={resolution}") for resolution in sorted(resolutions))
    assert all(less <= more for less, more in zip(growing(small), growing(large), strict=True))
    assert small.params == large.params
    assert memory(small).weight_bytes == memory(large).weight_bytes


@pytest.mark.parametrize(
    ("width", "of_mult_adds", "of_params"),
    [(0.75, 1.941, 1.717), (0.5, 1.928, 1.673), (0.25, 1.897, 1.591)],
)
def test_width_acts_with_an_exponent_below_two(width: float, of_mult_adds: float, of_params: float) -> None:
    """MobileNetV1's width multiplier acts on mult-adds and weights a little less than squared, as its paper says."""
    thin, full = count(f"mobilenet_v1:width={width}"), count("mobilenet_v1")
    assert round(math.log(thin.mult_adds / full.mult_adds, width), 3) == of_mult_adds
    assert round(math.log(thin.params / full.params, width), 3) == of_params


@pytest.mark.parametrize(("resolution", "of_mult_adds"), [(192, 1.996), (160, 1.995), (128, 1.993)])
def test_resolution_acts_with_an_exponent_of_two(resolution: int, of_mult_adds: float) -> None:
    """MobileNetV1's resolution multiplier acts squared on all but the classifier, and on no weight."""
    small, full = count(f"mobilenet_v1:resolution={resolution}"), count("mobilenet_v1")
    assert round(math.log(small.mult_adds / full.mult_adds, resolution / 224), 3) == of_mult_adds
    assert small.params == full.params
    body = [sum(layer.mult_adds for layer in cost.layers[:-1]) for cost in (small, full)]
    assert body[0] * 224**2 == body[1] * resolution**2


@given(spec=SPECS)
@QUICK
def test_kinds_add_up(spec: str) -> None:
    """The totals by kind sum to the total, in every column."""
    total = count(spec)
    kinds = by_kind(total)
    assert sum(kind.mult_adds for kind in kinds) == total.mult_adds
    assert sum(kind.params for kind in kinds) == total.params
    assert sum(kind.layers for kind in kinds if kind.mult_adds) == len(total.layers)
    assert sum(kind.weight_bytes or 0 for kind in kinds) == memory(total).moved_weight_bytes
    assert sum(kind.activation_read_bytes or 0 for kind in kinds) == memory(total).activation_read_bytes
    assert sum(kind.activation_written_bytes or 0 for kind in kinds) == memory(total).activation_written_bytes


def test_kinds_of_a_table_have_no_bytes() -> None:
    """Where only the layers are known, bytes and intensity are not: they are missing, not zero."""
    table = Cost(layers=count("lenet5").layers)
    assert table.intensity is None
    assert {kind.activation_read_bytes for kind in by_kind(table)} == {None}
    assert sum(kind.mult_adds for kind in by_kind(table)) == table.mult_adds


def test_layers_know_their_bytes() -> None:
    """A layer reads its input, writes its output and keeps its weights: the pointwise one of MobileNetV1's Table 3."""
    layer = count("layer:separable,size=14,in=512,out=512,kernel=3").layers[1]
    activations = 4 * 14 * 14 * 512
    assert (layer.activation_read_bytes, layer.activation_written_bytes) == (activations, activations)
    assert layer.weight_bytes == 4 * 512 * 512
    assert layer.intensity == 14 * 14 * 512 * 512 / (4 * 512 * 512 + 2 * activations)


def test_operations_stand_in_order() -> None:
    """An operation may only read what one before it gave: a cycle, or a hole, is refused by the tensor's name."""
    with pytest.raises(UsageError, match="relu reads conv, which no operation before it gives"):
        cost(graph(op("input"), op("relu", "conv"), op("conv", "relu", **CONV)))


def test_unknown_operations_stop_the_count() -> None:
    """An operation without a rule is refused by its name and layer: a total with a hole is no total."""
    with pytest.raises(
        UsageError, match=r"mult-adds of 'einsum' \(layer attention.scores\): expected add, average_pool"
    ):
        cost(graph(op("input"), op("einsum", "input", name="attention.scores")))


def test_a_convolution_needs_its_kernel() -> None:
    """A convolution that does not say its kernel is refused."""
    with pytest.raises(UsageError, match="conv has no kernel"):
        cost(graph(op("input"), op("conv", "input")))


def test_batch_norm_belongs_to_the_layer_before_it() -> None:
    """Batch norm parameters count at the layer they follow."""
    network = graph(
        op("input"),
        op("conv", "input", **CONV),
        op("batch_norm", "conv", params=4, bias_params=4),
        op("relu", "batch_norm"),
    )
    assert [layer.bn_params for layer in cost(network).layers] == [8]


def test_batch_norm_after_no_layer_belongs_to_the_next() -> None:
    """Batch norm parameters that follow no layer count at the next one, or at the last when none comes."""
    norm: dict[str, Any] = {"params": 4, "bias_params": 4}
    network = graph(
        op("input"),
        op("batch_norm", "input", gives="a", **norm),
        op("relu", "a", gives="b"),
        op("conv", "b", gives="c", **CONV),
        op("conv", "c", gives="d", **CONV),
        op("add", "c", "d", gives="e"),
        op("batch_norm", "e", gives="f", **norm),
    )
    assert [layer.bn_params for layer in cost(network).layers] == [8, 8]
