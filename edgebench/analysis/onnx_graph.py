"""Turn an .onnx file that was read into a Graph; needs neither onnx nor torch."""

from collections.abc import Callable

from edgebench.analysis._building import Building, Params, begun, misfit, without_rule
from edgebench.analysis.graph import Graph, Window
from edgebench.formats import FileGraph, FileOp

_GATHERS = ("Gather", "GatherElements", "GatherND")  # places of the first input by the second

KINDS = {  # operations that count nothing, by what they do
    "Relu": "relu",
    "HardSwish": "hardswish",
    "HardSigmoid": "hardsigmoid",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    **dict.fromkeys(("Softmax", "LogSoftmax"), "softmax"),
    **dict.fromkeys(("MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin"), "max_pool"),
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "ReduceMean"), "average_pool"),
    "ReduceSum": "sum",
    "LRN": "local_response_norm",
    **dict.fromkeys(("Add", "Sum"), "add"),
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    **dict.fromkeys(("Max", "Min", "Pow", "Where", "Equal", "Greater", "Less", "And", "Or", "Not"), "compare"),
    **dict.fromkeys(("GreaterOrEqual", "LessOrEqual", "ArgMax", "ArgMin", "TopK"), "compare"),
    **dict.fromkeys(
        ("LeakyRelu", "Elu", "Celu", "Selu", "Gelu", "Softplus", "Softsign", "Mish", "Clip"), "elementwise"
    ),
    **dict.fromkeys(("Erf", "Exp", "Log", "Sqrt", "Reciprocal", "Neg", "Abs", "Floor", "Ceil", "Round"), "elementwise"),
    **dict.fromkeys(("Sin", "Cos", "Sign"), "elementwise"),
    **dict.fromkeys(("Cast", "CastLike", "QuantizeLinear", "DequantizeLinear"), "cast"),
    "Concat": "concatenate",
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), "reshape"),
    "Identity": "identity",
    "Dropout": "dropout",
    **dict.fromkeys(("Transpose", "Split", "Slice", "Pad", "Expand", "Tile"), "move"),
    **dict.fromkeys(_GATHERS, "move"),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth", "Resize", "Upsample"), "move"),
}

_FIRST_IS_DATA = frozenset(  # their other inputs set them up: axes, shapes, bounds, scales
    {"Reshape", "Squeeze", "Unsqueeze", "Slice", "Pad", "Expand", "Tile", "Resize", "Upsample", "Split", "Clip", "TopK"}
    | {"Dropout", "QuantizeLinear", "DequantizeLinear", "CastLike"}
    | {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"}
)
_WITH_GRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})  # they read more than their inputs
_RELU6 = {"min": (0.0,), "max": (6.0,)}
_MAP_AXES = 4


def graph(file: FileGraph) -> Graph:
    """Return the network in a file; raise UsageError for an operation that nothing here knows.

    Operations on stored values alone, and on shapes, which are fixed, are folded as every runtime does: they are none.
    """
    building = begun(file)
    for one in file.operations:
        if _is_folded(one, building):
            _fold(one, building)
        else:
            _LAYERS.get(one.operator, _free)(one, building)
    return building.finished()


def _is_folded(one: FileOp, building: Building) -> bool:
    if one.operator in {"Shape", "Size"}:
        return True
    if one.operator in _WITH_GRAPHS or "." in one.operator:
        return False
    inputs = [name for name in one.inputs if name]
    return bool(inputs) and all(name in building.constant for name in inputs)


def _fold(one: FileOp, building: Building) -> None:
    stored = next((building.constant[name] for name in one.inputs if name in building.constant), None)
    for name in filter(None, one.outputs):
        own = building.tensors[name].element_bytes
        building.constant[name] = stored if stored and one.operator == "DequantizeLinear" else own


def _free(one: FileOp, building: Building) -> None:
    kind = KINDS.get(one.operator)
    if kind is None:
        raise without_rule(one)
    if one.operator == "Clip" and _RELU6.items() <= one.numbers.items():
        kind = "relu6"
    names = one.inputs[:1] if one.operator in _FIRST_IS_DATA else one.inputs
    if kind == "add" and (bias := _bias(one, building)):
        names = tuple(name for name in names if name != bias)
    if one.operator in _GATHERS and one.inputs[1] in building.constant:
        names = one.inputs[:1]
    building.add(one, kind, building.data(names, one))


def _bias(one: FileOp, building: Building) -> str:
    """Give the layer before an addition its bias, and return that operand; "" when none of the two is one."""
    if len(one.inputs) != 2:
        return ""
    for bias, other in (one.inputs, one.inputs[::-1]):
        maker = building.makers.get(other)
        if bias not in building.constant or maker is None or building.readers[other] != 1:
            continue
        layer, shape = building.ops[maker], building.shape(bias, one)
        if layer.kind == "linear" and layer.params and not layer.bias_params and shape == layer.output_shape[-1:]:
            building.biased(maker, bias)
            return bias
    return ""


def _convolution(one: FileOp, building: Building) -> None:
    _convolve(one, building, Params(weights=one.inputs[1], biases="".join(one.inputs[2:3])))


def _integer_convolution(one: FileOp, building: Building) -> None:
    _convolve(one, building, Params(weights=one.inputs[1]))  # inputs 2 and 3 are zero points


def _quantised_convolution(one: FileOp, building: Building) -> None:
    _convolve(one, building, Params(weights=one.inputs[3], biases="".join(one.inputs[8:9])))


def _convolve(one: FileOp, building: Building, params: Params) -> None:
    weights = building.shape(params.weights, one)
    image, output = building.shape(one.inputs[0], one), building.shape(one.outputs[0], one)
    if params.weights not in building.constant:
        raise without_rule(one, " with computed weights")
    if len(weights) != _MAP_AXES or len(image) != _MAP_AXES:
        raise without_rule(one, f" over {len(weights) - 2} axes")
    groups = int(one.numbers.get("group", (1,))[0])
    stride_h, stride_w = (int(side) for side in one.numbers.get("strides", (1, 1)))
    # [n, o, h, w] = conv([n, i, h', w'], [o, i / groups, kh, kw])
    if groups < 1 or image[1] != weights[1] * groups or output[1] != weights[0] or weights[0] % groups:
        raise misfit(one, image, weights)
    window = Window(kernel=(weights[2], weights[3]), stride=(stride_h, stride_w), groups=groups)
    held = Params(weights=params.weights, biases=_constant(params.biases, building), window=window)
    building.add(one, "conv", building.data(one.inputs[:1], one), held)


def _constant(name: str, building: Building) -> str:
    return name if name in building.constant else ""


def _gemm(one: FileOp, building: Building) -> None:
    a, b = building.shape(one.inputs[0], one), building.shape(one.inputs[1], one)
    if one.numbers.get("transA", (0,))[0]:
        raise without_rule(one, " with its first matrix transposed")
    inner, outer = b[::-1] if one.numbers.get("transB", (0,))[0] else b
    if a[-1] != inner or building.shape(one.outputs[0], one)[-1] != outer:
        raise misfit(one, a, b)
    _multiply(one, building, (one.inputs[0], one.inputs[1]), "".join(one.inputs[2:3]))


def _matrices(one: FileOp, building: Building) -> None:
    _check_matrices(one, building, one.inputs[0], one.inputs[1])
    _multiply(one, building, (one.inputs[0], one.inputs[1]), "")


def _quantised_matrices(one: FileOp, building: Building) -> None:
    _check_matrices(one, building, one.inputs[0], one.inputs[3])
    _multiply(one, building, (one.inputs[0], one.inputs[3]), "")


def _check_matrices(one: FileOp, building: Building, left: str, right: str) -> None:
    # [..., m, n] = [..., m, k] x [..., k, n]
    a, b = building.shape(left, one), building.shape(right, one)
    if not a or not b or a[-1] != b[max(0, len(b) - 2)]:
        raise misfit(one, a, b)


def _multiply(one: FileOp, building: Building, factors: tuple[str, str], bias: str) -> None:
    """Add a fully connected layer where the second factor is a stored matrix, else a product of two activations."""
    left, right = factors
    if not building.shape(one.outputs[0], one):
        raise without_rule(one, " that gives a single number")
    if right in building.constant and len(building.shape(right, one)) == 2:
        params = Params(weights=right, biases=_constant(bias, building))
        building.add(one, "linear", building.data((left,), one), params)
    else:
        building.add(one, "matmul", building.data(factors, one), Params(biases=_constant(bias, building)))


def _batch_norm(one: FileOp, building: Building) -> None:
    scale, shift = one.inputs[1], one.inputs[2]
    if not {scale, shift} <= building.constant.keys():
        raise without_rule(one, " with computed scales")
    building.add(one, "batch_norm", building.data(one.inputs[:1], one), Params(weights=scale, biases=shift))


def _normalisation(one: FileOp, building: Building) -> None:
    scale, shift = "".join(one.inputs[1:2]), "".join(one.inputs[2:3])
    params = Params(weights=_constant(scale, building), biases=_constant(shift, building))
    building.add(one, "normalization", building.data(one.inputs[:1], one), params)


def _sloped(one: FileOp, building: Building) -> None:
    params = Params(weights=_constant(one.inputs[1], building))
    building.add(one, "elementwise", building.data(one.inputs[:1], one), params)


_LAYERS: dict[str, Callable[[FileOp, Building], None]] = {
    "Conv": _convolution,
    "ConvInteger": _integer_convolution,
    "QLinearConv": _quantised_convolution,
    "Gemm": _gemm,
    "MatMul": _matrices,
    "MatMulInteger": _matrices,
    "QLinearMatMul": _quantised_matrices,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _normalisation,
    "InstanceNormalization": _normalisation,
    "GroupNormalization": _normalisation,
    "RMSNormalization": _normalisation,
    "PRelu": _sloped,
}
