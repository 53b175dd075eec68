from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from edgebench import analysis, architectures
from edgebench.analysis.cost import cost
from edgebench.analysis.trace import trace
from edgebench.errors import UsageError

IMAGE = {"x": (2, 4, 8, 6)}


class Lambda(nn.Module):
    """A network whose forward is one function of itself and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **members: nn.Module | Tensor) -> None:
        """Keep the function and the members it uses."""
        super().__init__()
        self.function = forward
        for name, member in members.items():
            if isinstance(member, nn.Module | nn.Parameter):
                setattr(self, name, member)
            else:
                self.register_buffer(name, member)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the function gives."""
        return self.function(self, x)


class Devices(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Note the device of every tensor that torch makes."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation and look at what it gives."""
        result = func(*args, **(kwargs or {}))
        self.seen |= {made.device.type for made in (result,) if isinstance(made, Tensor)}
        return result


def test_counting_allocates_no_weights() -> None:
    """Counting VGG-16, 138 million weights, makes no tensor outside the meta device."""
    with Devices() as devices:
        assert analysis.count(architectures.parse("vgg")).params == 138_344_128
    assert devices.seen == {"meta"}


@pytest.mark.parametrize("spec", ["mobilenet_v1", "squeezenet", "vgg", "lenet5", "layer:separable"])
def test_layers_keep_the_names_of_their_modules(spec: str) -> None:
    """A layer's name finds the module in the network, and the parameters counted are all that the network has."""
    model = architectures.parse(spec)
    total = analysis.count(model)
    with torch.device("meta"):
        network = architectures.build(model)
    assert all(isinstance(network.get_submodule(layer.name), nn.Conv2d | nn.Linear) for layer in total.layers)
    counted = total.params + total.bias_params + total.bn_params
    assert counted == sum(parameter.numel() for parameter in network.parameters())


def test_a_graph_says_who_reads_what() -> None:
    """Operations stand in the order of execution, with the shapes and the positions of what they read."""
    graph = trace(
        lambda: Lambda(lambda net, x: torch.cat([net.conv(x), x], dim=1).relu(), conv=nn.Conv2d(4, 3, 1)), IMAGE
    )
    made_by = {tensor: op.name for op in graph.ops for tensor in op.outputs}
    assert [(op.kind, [made_by[tensor] for tensor in op.inputs]) for op in graph.ops] == [
        ("input", []),
        ("conv", ["x"]),
        ("concatenate", ["conv", "x"]),
        ("relu", ["cat"]),
    ]
    assert graph.outputs == graph.ops[3].outputs
    assert graph.ops[2].input_shapes == ((2, 3, 8, 6), (2, 4, 8, 6))
    assert graph.ops[2].output_shape == (2, 7, 8, 6)


def test_kernels_may_be_oblong_and_grouped() -> None:
    """Height and width are told apart, and groups divide the input channels."""
    total = cost(trace(lambda: nn.Sequential(nn.Conv2d(4, 8, (3, 1), stride=(2, 1), groups=2)), IMAGE))
    (layer,) = total.layers
    assert (layer.kind, layer.stride, layer.out_h, layer.out_w) == ("conv_3x1_g2", (2, 1), 3, 6)
    assert layer.mult_adds == 2 * 8 * 3 * 6 * (4 // 2) * 3 * 1
    assert layer.params == 8 * (4 // 2) * 3 * 1


def test_a_linear_layer_counts_once_a_token() -> None:
    """A linear layer over tokens costs its weights for each of them."""
    total = cost(trace(lambda: nn.Sequential(nn.Linear(6, 5)), IMAGE))
    assert total.mult_adds == 2 * 4 * 8 * 6 * 5
    assert total.params == 6 * 5


def test_a_product_of_activations_counts() -> None:
    """A matrix product of two activations costs a mult-add for each pair it multiplies, and has no weights."""
    total = cost(trace(lambda: Lambda(lambda _, x: x @ x.transpose(2, 3)), IMAGE))
    assert [(layer.kind, layer.mult_adds, layer.params) for layer in total.layers] == [("matmul", 2 * 4 * 8 * 8 * 6, 0)]


def test_a_split_gives_several_tensors() -> None:
    """A split has an output for each part, and taking one of them is no operation; taking a part of one copies it."""

    def forward(_: Any, x: Tensor) -> Any:
        first, second = x.chunk(2, dim=1)
        return first + second, x[:, 1:]

    network = trace(lambda: Lambda(forward), IMAGE)
    assert [(op.kind, len(op.outputs)) for op in network.ops] == [("input", 1), ("move", 2), ("add", 1), ("move", 1)]
    assert network.ops[2].inputs == network.ops[1].outputs
    assert [tensor.shape for tensor in network.ops[1].outputs] == [(2, 2, 8, 6)] * 2
    assert network.outputs == (*network.ops[2].outputs, *network.ops[3].outputs)


def test_tensors_know_the_size_of_their_elements() -> None:
    """A tensor has the element size of its type, and so have the weights of a layer."""
    network = trace(lambda: Lambda(lambda net, x: net.conv(x.half()), conv=nn.Conv2d(4, 4, 1).half()), IMAGE)
    assert [tensor.element_bytes for op in network.ops for tensor in op.outputs] == [4, 2, 2]
    assert network.ops[2].param_bytes == 2


def test_a_layer_used_twice_has_its_weights_once() -> None:
    """Mult-adds count at each use, parameters at the first."""
    total = cost(trace(lambda: Lambda(lambda net, x: net.conv(net.conv(x)), conv=nn.Conv2d(4, 4, 1)), IMAGE))
    assert [layer.mult_adds for layer in total.layers] == [2 * 8 * 6 * 4 * 4] * 2
    assert (total.params, total.bias_params) == (4 * 4, 4)


def test_shape_arithmetic_and_constants_are_free() -> None:
    """What computes on shapes, moves data or uses a constant costs nothing."""

    def forward(net: Any, x: Tensor) -> Tensor:
        first, second = ((x - net.offset) / 2).chunk(2, dim=1)
        both: Tensor = first + second
        return both.view(x.size(0), -1)

    assert cost(trace(lambda: Lambda(forward, offset=torch.zeros(1)), IMAGE)).mult_adds == 0


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (lambda: nn.Sequential(nn.ConvTranspose2d(4, 4, 2)), r"'ConvTranspose2d' \(layer 0\)"),
        (lambda: Lambda(lambda _, x: torch.cumsum(x, dim=1)), r"'cumsum' \(layer cumsum\)"),
        (lambda: Lambda(lambda net, x: x * net.gain, gain=nn.Parameter(torch.ones(1))), r"'Parameter' \(layer gain\)"),
    ],
)
def test_operations_unknown_to_the_count_keep_their_names(network: Callable[[], nn.Module], named: str) -> None:
    """What no rule knows is traced under its own name and refused by it; a bare parameter is such a thing."""
    with pytest.raises(UsageError, match=named):
        cost(trace(network, IMAGE))


def test_networks_that_depend_on_their_data_are_refused() -> None:
    """A network that branches on its data has no one cost: it is refused in a sentence."""
    with pytest.raises(UsageError, match="Cannot trace Lambda"):
        trace(lambda: Lambda(lambda _, x: x if x.sum() > 0 else -x), IMAGE)
