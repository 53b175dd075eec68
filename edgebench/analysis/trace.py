"""Turn a network into a Graph: torch.fx records operations, the meta device their shapes; no weight is allocated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgebench.analysis.graph import FLOAT32_BYTES, Graph, Op, Tensor, Window
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from torch import fx, nn
    from torch.fx.passes.shape_prop import TensorMetadata

KINDS = {  # names of torch.nn classes, of functions and of tensor methods
    "Conv2d": "conv",
    "Linear": "linear",
    "BatchNorm2d": "batch_norm",
    "LocalResponseNorm": "local_response_norm",
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
    **dict.fromkeys(("mul", "imul", "mul_", "square"), "multiply"),
    "sum": "sum",
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
    return _graph(traced)


def _graph(traced: fx.GraphModule) -> Graph:
    counted: set[int] = set()  # parameters that an earlier operation owns
    tensors: dict[fx.Node, tuple[Tensor, ...]] = {}
    ops: list[Op] = []
    outputs: tuple[Tensor, ...] = ()
    for node in traced.graph.nodes:
        read = tuple(tensor for source in node.all_input_nodes for tensor in tensors[source])
        if node.op == "output":
            outputs = tuple(dict.fromkeys(read))
        elif _picks(node):
            tensors[node] = _picked(tensors[node.args[0]], node.args[1])
        else:
            tensors[node] = _outputs(node)
            ops.append(
                Op(
                    kind=_kind(node, traced),
                    inputs=read,
                    outputs=tensors[node],
                    **_module_facts(node, traced, counted),
                )
            )
    return Graph(ops=tuple(ops), outputs=outputs)


def _outputs(node: fx.Node) -> tuple[Tensor, ...]:
    metas = _metas(node)
    names = [node.name] if len(metas) == 1 else [f"{node.name}.{position}" for position in range(len(metas))]
    return tuple(
        Tensor(name=name, shape=tuple(meta.shape), element_bytes=meta.dtype.itemsize)
        for name, meta in zip(names, metas, strict=True)
    )


def _metas(node: fx.Node) -> tuple[TensorMetadata, ...]:
    """Return what torch noted of each tensor that a node gives: none for a shape or a number, several for a split."""
    from torch.fx.passes.shape_prop import TensorMetadata

    noted = node.meta.get("tensor_meta")
    if isinstance(noted, TensorMetadata):  # itself a tuple
        return (noted,)
    return tuple(meta for meta in noted or () if isinstance(meta, TensorMetadata))


def _picks(node: fx.Node) -> bool:
    """Tell whether a node takes tensors out of several, which computes nothing."""
    from torch.fx.passes.shape_prop import TensorMetadata

    if node.target is not operator.getitem:
        return False
    source = node.all_input_nodes[0].meta.get("tensor_meta")
    return isinstance(source, tuple) and not isinstance(source, TensorMetadata)


def _picked(several: tuple[Tensor, ...], index: Any) -> tuple[Tensor, ...]:
    found = several[index]
    return (found,) if isinstance(found, Tensor) else found


def _kind(node: fx.Node, traced: fx.GraphModule) -> str:
    called = _called(node, traced)
    kind = KINDS.get(called, called)
    return "move" if kind == "shape" and _metas(node) else kind  # x[:, 1:] copies data, x.shape[1] does not


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
        "param_bytes": next((parameter.element_size() for parameter in module.parameters()), FLOAT32_BYTES),
    }


def _window(module: nn.Module) -> Window | None:
    from torch import nn

    if not isinstance(module, nn.Conv2d):
        return None
    (kernel_h, kernel_w), (stride_h, stride_w) = module.kernel_size, module.stride
    return Window(kernel=(kernel_h, kernel_w), stride=(stride_h, stride_w), groups=module.groups)
