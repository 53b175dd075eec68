import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import analysis, architectures
from edgebench.analysis.cost import Cost, by_kind, cost
from edgebench.analysis.graph import Graph, Op, Window
from edgebench.errors import UsageError

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


def op(kind: str, *inputs: int, **facts: object) -> Op:
    """Make an operation on a map of four channels and two by two pixels."""
    shapes = ((1, 4, 2, 2),) * len(inputs)
    defaults = {"name": kind, "kind": kind, "inputs": inputs, "input_shapes": shapes, "output_shape": (1, 4, 2, 2)}
    return Op(**{**defaults, **facts})  # type: ignore[arg-type]


CONV = {"window": Window(kernel=(1, 1), stride=(1, 1), groups=1), "params": 16}


@QUICK
@given(spec=SPECS, batch=st.integers(2, 64))
def test_cost_is_linear_in_the_batch(spec: str, batch: int) -> None:
    """Mult-adds of a batch are those of one input times the batch, layer by layer; parameters are the same."""
    one, many = count(spec), count(spec, batch)
    assert [layer.mult_adds for layer in many.layers] == [batch * layer.mult_adds for layer in one.layers]
    assert (many.params, many.bias_params, many.bn_params) == (one.params, one.bias_params, one.bn_params)


@QUICK
@given(widths=st.tuples(st.floats(1 / 32, 1.0), st.floats(1 / 32, 1.0)))
def test_cost_grows_with_the_width(widths: tuple[float, float]) -> None:
    """A wider network never costs less."""
    thin, wide = (count(f"mobilenet_v1:width={width!r},resolution=32") for width in sorted(widths))
    assert thin.mult_adds <= wide.mult_adds
    assert thin.params <= wide.params


@QUICK
@given(
    resolutions=st.tuples(st.integers(32, 256), st.integers(32, 256)),
    architecture=st.sampled_from(["mobilenet_v1", "squeezenet"]),
)
def test_cost_grows_with_the_resolution(resolutions: tuple[int, int], architecture: str) -> None:
    """A larger input never costs less, and its size changes no parameter."""
    small, large = (count(f"{architecture}:resolution={resolution}") for resolution in sorted(resolutions))
    assert small.mult_adds <= large.mult_adds
    assert small.params == large.params


@given(spec=SPECS)
@QUICK
def test_kinds_add_up(spec: str) -> None:
    """The totals by kind sum to the total, in every column."""
    total = count(spec)
    kinds = by_kind(total)
    assert sum(kind.mult_adds for kind in kinds) == total.mult_adds
    assert sum(kind.params for kind in kinds) == total.params
    assert sum(kind.layers for kind in kinds) == len(total.layers)


def test_unknown_operations_stop_the_count() -> None:
    """An operation without a rule is refused by its name and layer: a total with a hole is no total."""
    graph = Graph(ops=(op("input"), op("einsum", 0, name="attention.scores")))
    with pytest.raises(
        UsageError, match=r"mult-adds of 'einsum' \(layer attention.scores\): expected add, average_pool"
    ):
        cost(graph)


def test_a_convolution_needs_its_kernel() -> None:
    """A convolution that does not say its kernel is refused."""
    with pytest.raises(UsageError, match="conv has no kernel"):
        cost(Graph(ops=(op("input"), op("conv", 0))))


def test_batch_norm_belongs_to_the_layer_before_it() -> None:
    """Batch norm parameters count at the layer they follow."""
    graph = Graph(ops=(op("input"), op("conv", 0, **CONV), op("batch_norm", 1, params=4, bias_params=4), op("relu", 2)))
    assert [layer.bn_params for layer in cost(graph).layers] == [8]


def test_batch_norm_after_no_layer_belongs_to_the_next() -> None:
    """Batch norm parameters that follow no layer count at the next one, or at the last when none comes."""
    norm = {"params": 4, "bias_params": 4}
    graph = Graph(
        ops=(
            op("input"),
            op("batch_norm", 0, **norm),
            op("relu", 1),
            op("conv", 2, **CONV),
            op("conv", 3, **CONV),
            op("add", 3, 4),
            op("batch_norm", 5, **norm),
        )
    )
    assert [layer.bn_params for layer in cost(graph).layers] == [8, 8]
