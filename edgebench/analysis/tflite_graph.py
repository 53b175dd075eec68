"""Turn a .tflite file that was read into a Graph; needs no library of TensorFlow's."""

from collections.abc import Callable
from math import prod

from edgebench.analysis._building import Building, Params, begun, channels_first, misfit, without_rule
from edgebench.analysis.graph import Graph, Window
from edgebench.formats import FileGraph, FileOp

KINDS = {  # operations that count nothing, by what they do
    "RELU": "relu",
    "RELU6": "relu6",
    "HARD_SWISH": "hardswish",
    "LOGISTIC": "sigmoid",
    "TANH": "tanh",
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX"), "softmax"),
    **dict.fromkeys(("MAX_POOL_2D", "REDUCE_MAX", "REDUCE_MIN"), "max_pool"),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MEAN"), "average_pool"),
    "SUM": "sum",
    "LOCAL_RESPONSE_NORMALIZATION": "local_response_norm",
    **dict.fromkeys(("ADD", "ADD_N"), "add"),
    "SUB": "subtract",
    "MUL": "multiply",
    "DIV": "divide",
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "POW", "SELECT", "SELECT_V2", "ARG_MAX", "ARG_MIN", "TOPK_V2"), "compare"),
    **dict.fromkeys(("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"), "compare"),
    **dict.fromkeys(("LEAKY_RELU", "ELU", "GELU", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "NEG"), "elementwise"),
    **dict.fromkeys(("ABS", "FLOOR", "CEIL", "ROUND", "SIN", "COS", "RELU_N1_TO_1", "RELU_0_TO_1"), "elementwise"),
    **dict.fromkeys(("CAST", "QUANTIZE", "DEQUANTIZE"), "cast"),
    "CONCATENATION": "concatenate",
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), "reshape"),
    **dict.fromkeys(("TRANSPOSE", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "PAD", "PADV2", "MIRROR_PAD"), "move"),
    **dict.fromkeys(("GATHER", "TILE", "BROADCAST_TO", "PACK", "UNPACK"), "move"),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), "move"),
}

_FIRST_IS_DATA = frozenset(  # their other inputs set them up: axes, shapes, paddings
    {
        "RESHAPE",
        "SQUEEZE",
        "EXPAND_DIMS",
        "TRANSPOSE",
        "SPLIT_V",
        "SLICE",
        "STRIDED_SLICE",
        "PAD",
        "PADV2",
        "MIRROR_PAD",
    }
    | {"TILE", "BROADCAST_TO", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"}
    | {"ARG_MAX", "ARG_MIN", "TOPK_V2", "GATHER"}
)
_ON_CONSTANTS = frozenset({"DENSIFY", "FILL", "RANGE", "ZEROS_LIKE"})  # that stand in files only to be folded
_MAP_AXES = 4
_SHUFFLED = 1  # FullyConnectedOptionsWeightsFormat: weights laid out in another order


def graph(file: FileGraph) -> Graph:
    """Return the network in a file; raise UsageError for an operation that nothing here knows.

    Operations on stored values alone, and on shapes, which are fixed, are folded as its runtime does: they are none.
    """
    building = begun(file)
    for one in file.operations:
        if _is_folded(one, building):
            _fold(one, building)
        else:
            _LAYERS.get(one.operator, _free)(one, building)
    return building.finished()


def _is_folded(one: FileOp, building: Building) -> bool:
    if one.operator in {"SHAPE", "RANK"}:
        return True
    inputs = [name for name in one.inputs if name]
    known = one.operator in KINDS or one.operator in _ON_CONSTANTS
    return known and bool(inputs) and all(name in building.constant for name in inputs)


def _fold(one: FileOp, building: Building) -> None:
    stored = next((building.constant[name] for name in one.inputs if name in building.constant), None)
    for name in filter(None, one.outputs):
        own = building.tensors[name].element_bytes
        building.constant[name] = stored if stored and one.operator in {"DEQUANTIZE", "DENSIFY"} else own


def _free(one: FileOp, building: Building) -> None:
    kind = KINDS.get(one.operator)
    if kind is None:
        raise without_rule(one)
    names = one.inputs[1:2] if one.operator == "SPLIT" else one.inputs
    names = one.inputs[:1] if one.operator in _FIRST_IS_DATA else names
    building.add(one, kind, building.data(names, one))


def _convolution(one: FileOp, building: Building) -> None:
    image, weights = _maps(one, building)
    # [n, h, w, o] = conv([n, h', w', i], [o, kh, kw, i / groups])
    outputs, kernel_h, kernel_w, inputs = weights
    if not inputs or image[1] % inputs or outputs % (image[1] // inputs):
        raise misfit(one, image, weights)
    _add(one, building, Window(kernel=(kernel_h, kernel_w), stride=_stride(one), groups=image[1] // inputs), outputs)


def _depthwise(one: FileOp, building: Building) -> None:
    image, weights = _maps(one, building)
    # [n, h, w, i * m] = conv([n, h', w', i], [1, kh, kw, i * m])
    leading, kernel_h, kernel_w, outputs = weights
    if leading != 1 or not image[1] or outputs % image[1]:
        raise misfit(one, image, weights)
    _add(one, building, Window(kernel=(kernel_h, kernel_w), stride=_stride(one), groups=image[1]), outputs)


def _maps(one: FileOp, building: Building) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of a convolution's input, channels first, and of its weights, as the file has them."""
    image, weights = building.shape(one.inputs[0], one), building.shape(one.inputs[1], one)
    if one.inputs[1] not in building.constant:
        raise without_rule(one, " with computed weights")
    if len(weights) != _MAP_AXES or len(image) != _MAP_AXES:
        raise misfit(one, image, weights)
    return channels_first(image, building.file), weights


def _stride(one: FileOp) -> tuple[int, int]:
    return int(one.numbers.get("StrideH", (1,))[0]), int(one.numbers.get("StrideW", (1,))[0])


def _add(one: FileOp, building: Building, window: Window, outputs: int) -> None:
    output = building.shape(one.outputs[0], one)
    if len(output) != _MAP_AXES or output[-1] != outputs:
        raise misfit(one, output, building.shape(one.inputs[1], one))
    params = Params(weights=one.inputs[1], biases=_constant("".join(one.inputs[2:3]), building), window=window)
    building.add(one, "conv", building.data(one.inputs[:1], one), params)


def _fully_connected(one: FileOp, building: Building) -> None:
    # [n, o] = [n, i] x [o, i], whatever axes the input has before
    weights, output = building.shape(one.inputs[1], one), building.shape(one.outputs[0], one)
    if one.inputs[1] not in building.constant or one.numbers.get("WeightsFormat", (0,))[0] == _SHUFFLED:
        raise without_rule(one, " with computed or shuffled weights")
    (source,) = building.data(one.inputs[:1], one)
    if len(output) == _MAP_AXES:
        raise without_rule(one, " that gives a map")
    if len(weights) != 2 or not output or output[-1] != weights[0] or prod(source.shape) % (weights[1] or 1):
        raise misfit(one, source.shape, weights)
    if len(source.shape) == _MAP_AXES or source.shape[-1:] != weights[1:]:
        source = building.view(one, source, (prod(source.shape) // weights[1], weights[1]))
    params = Params(weights=one.inputs[1], biases=_constant("".join(one.inputs[2:3]), building))
    building.add(one, "linear", (source,), params)


def _constant(name: str, building: Building) -> str:
    return name if name in building.constant else ""


_LAYERS: dict[str, Callable[[FileOp, Building], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
}
