import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench import analysis, architectures
from edgebench.analysis.cost import Memory
from edgebench.analysis.graph import Graph, Op, Tensor
from edgebench.analysis.memory import ELEMENTWISE, VIEWS, Moved, moved, peak, size_bytes
from tests.analysis.ops import CONV, graph, op

ONE = 4 * 2 * 2 * 4  # bytes of the tensors that `op` makes


def memory(spec: str, batch: int = 1) -> Memory:
    """Count what a specification moves and holds."""
    found = analysis.count(architectures.parse(spec), batch).memory
    assert found is not None
    return found


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """Draw a network of one to twelve operations, each of which reads one or two tensors made before it."""
    ops = [op("input", gives="0")]
    for position in range(1, draw(st.integers(2, 13))):
        kind = draw(st.sampled_from(["max_pool", "add", "relu", "batch_norm", "reshape", "dropout"]))
        earlier = [one.outputs[0] for one in ops]
        inputs = draw(st.lists(st.sampled_from(earlier), min_size=2, max_size=2) if kind == "add" else _one(earlier))
        size = draw(st.integers(1, 9)) if kind in {"max_pool", "add"} else inputs[0].shape[-1]
        made = Tensor(name=str(position), shape=(size,))
        ops.append(Op(name=str(position), kind=kind, inputs=tuple(inputs), outputs=(made,)))
    given_back = draw(st.lists(st.sampled_from([one.outputs[0] for one in ops]), min_size=1, max_size=2))
    return Graph(ops=tuple(ops), outputs=tuple(given_back))


def _one(earlier: list[Tensor]) -> st.SearchStrategy[list[Tensor]]:
    return st.lists(st.sampled_from(earlier), min_size=1, max_size=1)


def simulated(network: Graph, *, in_place: bool) -> int:
    """Run a network with an allocator that frees each buffer as soon as nothing will read it; return the most held."""
    buffers: dict[Tensor, int] = {}  # who lives where
    sizes: dict[int, int] = {}
    most = 0
    for position, one in enumerate(network.ops):
        later = {tensor for other in network.ops[position + 1 :] for tensor in other.inputs} | set(network.outputs)
        later = _seen_through_views(network, later)
        for made in one.outputs:
            home = buffers[one.inputs[0]] if one.inputs else -1
            shared = {tensor for tensor, buffer in buffers.items() if buffer == home}
            overwrites = in_place and one.kind in ELEMENTWISE and home != 0 and not shared & later
            if one.kind in VIEWS or overwrites:
                buffers[made] = home
            else:
                buffers[made] = position
                sizes[position] = size_bytes(made)
        most = max(most, sum(sizes[buffer] for buffer in sizes))
        kept = {buffers[tensor] for tensor in later if tensor in buffers}
        sizes = {buffer: size for buffer, size in sizes.items() if buffer in kept}
    return most


def _seen_through_views(network: Graph, tensors: set[Tensor]) -> set[Tensor]:
    for one in reversed(network.ops):
        if one.kind in VIEWS and tensors & set(one.outputs):
            tensors = tensors | set(one.inputs)
    return tensors


@given(network=networks())
def test_the_peak_is_what_an_allocator_needs(network: Graph) -> None:
    """The peak is the most that an allocator holds which frees each tensor after its last reader; overwriting saves."""
    assert peak(network).activation_bytes == simulated(network, in_place=True)
    assert peak(network, in_place=False).activation_bytes == simulated(network, in_place=False)
    assert peak(network).activation_bytes <= peak(network, in_place=False).activation_bytes


def test_a_chain_holds_two_tensors() -> None:
    """In a chain of layers the peak is the largest sum of an input and the output made of it."""
    network = graph(op("input"), op("conv", "input", **CONV), op("max_pool", "conv"), op("softmax", "max_pool"))
    assert peak(network).activation_bytes == 2 * ONE
    assert peak(network).op == "conv"


def test_a_shortcut_stays_alive() -> None:
    """What an addition reads later is held while the branch beside it runs."""
    network = graph(
        op("input"),
        op("conv", "input", gives="a", **CONV),
        op("conv", "a", gives="b", **CONV),
        op("conv", "b", gives="c", **CONV),
        op("add", "a", "c", gives="d", name="sum"),
    )
    assert peak(network).activation_bytes == 3 * ONE


def test_activations_write_where_they_read() -> None:
    """An elementwise operation takes no memory where nothing reads its input after it, and takes its own elsewhere."""
    chain = graph(op("input"), op("conv", "input", **CONV), op("relu", "conv"), op("max_pool", "relu"))
    assert peak(chain).activation_bytes == peak(chain, in_place=False).activation_bytes == 2 * ONE
    kept = graph(
        op("input"), op("conv", "input", **CONV), op("relu", "conv"), op("concatenate", "conv", "relu", gives="both")
    )
    assert peak(kept).activation_bytes == 3 * ONE


def test_the_network_does_not_overwrite_its_input() -> None:
    """An input of the network belongs to its caller, and so does a view of it."""
    network = graph(op("input"), op("reshape", "input"), op("relu", "reshape"))
    assert peak(network).activation_bytes == 2 * ONE


def test_views_take_and_move_nothing() -> None:
    """A reshaped tensor is the tensor under another name: it keeps the memory of its input alive."""
    network = graph(
        op("input"),
        op("max_pool", "input"),
        op("reshape", "max_pool"),
        op("softmax", "reshape"),
        op("add", "reshape", "softmax"),
    )
    assert peak(network).activation_bytes == 3 * ONE
    assert moved(network)[2] == Moved()


def test_outputs_live_to_the_end() -> None:
    """A tensor that the network gives back is held until all of it has run."""
    side = op("conv", "input", gives="side", **CONV)
    main = op("conv", "input", gives="main", **CONV)
    last = op("conv", "main", gives="last", **CONV)
    network = Graph(ops=(op("input"), side, main, last), outputs=(*side.outputs, *last.outputs))
    assert peak(network).activation_bytes == 3 * ONE


def test_outputs_are_not_written_over() -> None:
    """An elementwise operation does not write over a tensor that the network gives back, be it the last operation."""
    first, last = op("conv", "input", **CONV), op("relu", "conv")
    assert peak(Graph(ops=(op("input"), first, last), outputs=last.outputs)).activation_bytes == 2 * ONE
    assert peak(Graph(ops=(op("input"), first, last), outputs=first.outputs + last.outputs)).activation_bytes == 2 * ONE
    bare = (op("max_pool", gives="pool"), op("relu", "pool"))
    assert peak(Graph(ops=bare, outputs=bare[0].outputs + bare[1].outputs)).activation_bytes == 2 * ONE


def test_a_shape_is_known_without_its_tensor() -> None:
    """Reading a shape moves nothing and keeps nothing alive."""
    shape = Op(name="size", kind="shape", inputs=op("conv").outputs, outputs=())
    network = graph(op("input"), op("conv", "input", **CONV), op("max_pool", "conv"), shape, op("softmax", "max_pool"))
    assert peak(network).activation_bytes == 2 * ONE
    assert moved(network)[3] == Moved()


def test_constants_are_no_activations() -> None:
    """A constant is kept with the weights: it is neither moved nor held as an activation."""
    network = graph(op("input"), op("constant"), op("add", "input", "constant"))
    assert moved(network)[2] == Moved(read_bytes=ONE, written_bytes=ONE)
    assert peak(network).activation_bytes == 2 * ONE


def test_elements_may_be_of_any_size() -> None:
    """A tensor of bytes takes a quarter of one of floats."""
    assert size_bytes(Tensor(name="x", shape=(1, 3, 8, 8), element_bytes=1)) == 3 * 8 * 8


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (op("relu", "conv"), Moved()),
        (op("max_pool", "conv"), Moved(read_bytes=ONE, written_bytes=ONE)),
        (op("add", "conv", "conv"), Moved(read_bytes=ONE, written_bytes=ONE)),
        (op("add", "conv", "input"), Moved(read_bytes=2 * ONE, written_bytes=ONE)),
    ],
)
def test_an_activation_runs_inside_its_layer(second: Op, expected: Moved) -> None:
    """What a layer gives is written once; an elementwise operation behind it moves nothing, all others read it."""
    network = graph(op("input"), op("conv", "input", **CONV), second)
    assert moved(network)[1:] == (Moved(read_bytes=ONE, written_bytes=ONE), expected)


def test_a_pre_activation_moves_its_map() -> None:
    """A batch norm behind a concatenation runs by itself, the activation behind it as one with it."""
    network = graph(op("input"), op("concatenate", "input"), op("batch_norm", "concatenate"), op("relu", "batch_norm"))
    assert moved(network)[2:] == (Moved(read_bytes=ONE, written_bytes=ONE), Moved())


def test_a_tensor_read_twice_is_written_for_both() -> None:
    """An activation behind a layer that another operation reads too cannot run inside it."""
    network = graph(op("input"), op("conv", "input", **CONV), op("relu", "conv"), op("add", "conv", "relu"))
    assert moved(network)[2] == Moved(read_bytes=ONE, written_bytes=ONE)


def test_vgg_16_by_hand() -> None:
    """VGG-16 is a chain: its peak is the second convolution's input and output, its traffic the sum over its layers."""
    found = memory("vgg:depth=16")
    assert found.peak.activation_bytes == 2 * 64 * 224 * 224 * 4
    assert found.peak.op == "features.2"
    sides = (224, 224, 112, 112, 56, 56, 56, 28, 28, 28, 14, 14, 14)
    channels = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    written = [4 * side * side * maps for side, maps in zip(sides, channels, strict=True)]
    pooled = [written[layer] // 4 for layer in (1, 3, 6, 9, 12)]
    assert found.activation_written_bytes == sum(written) + sum(pooled) + 4 * (4096 + 4096 + 1000)


def test_mobilenet_v1_by_hand() -> None:
    """MobileNetV1's peak is its first pointwise layer: 32 maps of 112x112 in, 64 out."""
    found = memory("mobilenet_v1")
    assert found.peak.activation_bytes == (32 + 64) * 112 * 112 * 4
    assert found.peak_out_of_place.activation_bytes == 2 * 64 * 112 * 112 * 4
