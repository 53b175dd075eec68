"""Turn a network into a Graph: torch.fx records operations, the meta device their shapes; no weight is allocated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgebench.analysis.graph import Graph, Op, Window
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import fx, nn

KINDS = {  # names of torch.nn classes, of functions and of tensor methods
    "Conv2d": "conv",
    "Linear": "linear",
    "BatchNorm2d": "batch_norm",
    **dict.fromkeys(("ReLU", "relu", "relu_"), "relu"),
    **dict.fromkeys(("ReLU6", "relu6"), "relu6"),
    **dict.fromkeys(("Hardswish", "hardswish"), "hardswish"),
    **dict.fromkeys(("Hardsigmoid", "hardsigmoid"), "hardsigmoid"),
    **dict.fromkeys(("SiLU", "silu"), "silu"),
    **dict.fromkeys(("Sigmoid", "sigmoid"), "sigmoid"),
    **dict.fromkeys(("Tanh", "tanh"), "tanh"),
    **dict.fromkeys(("Softmax", "softmax", "LogSoftmax", "log_softmax"), "softmax"),
    **dict.fromkeys(("MaxPool2d", "max_pool2d", "AdaptiveMaxPool2d", "adaptive_max_pool2d"), "max_pool"),
    **dict.fromkeys(("AvgPool2d", "avg_pool2d", "AdaptiveAvgPool2d", "adaptive_avg_pool2d", "mean"), "average_pool"),
    **dict.fromkeys(("Dropout", "Dropout2d", "dropout", "dropout2d"), "dropout"),
    "Identity": "identity",
    **dict.fromkeys(("add", "iadd", "add_"), "add"),
    **dict.fromkeys(("sub", "isub", "sub_"), "subtract"),
    **dict.fromkeys(("mul", "imul", "mul_"), "multiply"),
    **dict.fromkeys(("truediv", "itruediv", "div", "div_"), "divide"),
    **dict.fromkeys(("cat", "concat", "concatenate"), "concatenate"),
    **dict.fromkeys(("Flatten", "flatten", "view", "reshape", "squeeze", "unsqueeze"), "reshape"),
    **dict.fromkeys(("permute", "transpose", "contiguous", "chunk", "split", "pad", "ZeroPad2d"), "move"),
    **dict.fromkeys(("size", "getattr", "getitem", "floordiv"), "shape"),  # arithmetic on shapes, not on data
}


def trace(module_factory: Callable[[], nn.Module], input_shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """Return what the module does with inputs of these shapes; the factory runs under the meta device."""
    import torch
    from torch import fx
    from torch.fx.passes.shape_prop import ShapeProp

    with torch.device("meta"):
        module = module_factory().eval()
        inputs = [torch.empty(shape) for shape in input_shapes.values()]
    try:
        traced = fx.symbolic_trace(module)
    except fx.proxy.TraceError as error:
        raise UsageError(
            f"Cannot trace {type(module).__name__} ({error}): expected a network whose steps do not depend on its data."
        ) from error
    ShapeProp(traced).propagate(*inputs)
    return Graph(ops=_ops(traced))


def _ops(traced: fx.GraphModule) -> tuple[Op, ...]:
    counted: set[int] = set()  # parameters that an earlier operation owns
    positions: dict[fx.Node, int] = {}
    ops: list[Op] = []
    for node in traced.graph.nodes:
        if node.op == "output":
            continue
        sources = node.all_input_nodes
        positions[node] = len(ops)
        ops.append(
            Op(
                kind=KINDS.get(_called(node, traced), _called(node, traced)),
                inputs=tuple(positions[source] for source in sources),
                input_shapes=tuple(_shape(source) for source in sources),
                output_shape=_shape(node),
                **_module_facts(node, traced, counted),
            )
        )
    return tuple(ops)


def _called(node: fx.Node, traced: fx.GraphModule) -> str:
    from torch import nn

    if node.op == "placeholder":
        return "input"
    if node.op == "call_module":
        return type(traced.get_submodule(str(node.target))).__name__
    if node.op == "call_function":
        return str(getattr(node.target, "__name__", node.target))
    if node.op == "call_method":
        return str(node.target)
    return "Parameter" if isinstance(_attribute(node, traced), nn.Parameter) else "constant"


def _attribute(node: fx.Node, traced: fx.GraphModule) -> Any:
    return operator.attrgetter(str(node.target))(traced)


def _module_facts(node: fx.Node, traced: fx.GraphModule, counted: set[int]) -> dict[str, Any]:
    if node.op != "call_module":
        return {"name": node.name}
    module = traced.get_submodule(str(node.target))
    sizes = {"weight": 0, "bias": 0}
    for name, parameter in module.named_parameters():
        if id(parameter) not in counted:
            counted.add(id(parameter))
            sizes["bias" if name == "bias" else "weight"] += parameter.numel()
    return {
        "name": str(node.target),
        "window": _window(module),
        "params": sizes["weight"],
        "bias_params": sizes["bias"],
    }


def _window(module: nn.Module) -> Window | None:
    from torch import nn

    if not isinstance(module, nn.Conv2d):
        return None
    (kernel_h, kernel_w), (stride_h, stride_w) = module.kernel_size, module.stride
    return Window(kernel=(kernel_h, kernel_w), stride=(stride_h, stride_w), groups=module.groups)


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(getattr(node.meta.get("tensor_meta"), "shape", ()))
