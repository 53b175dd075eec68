"""Which layer of a network each node of an .onnx file is, without onnx, which boards do not have.

A node has inputs (field 1), outputs (2), a name (3) and an operation (4). torch's exporter calls weights as the state
dictionary does, and what folds batch norm or quantises adds to these names.
"""

from edgebench.board.backends._onnx_kernels import inner

_GRAPH, _NODE = 7, 1
_INPUT, _OUTPUT, _NAME, _OPERATION = 1, 2, 3, 4
_WEIGHT = ".weight"
_DEQUANTISED = "dq_output_"  # before it, where NNCF quantised
_COMPUTING = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


def layers(model: bytes) -> dict[str, str]:
    """Return the module whose weight each convolution or product has, by the node's name and by its outputs' names.

    Where weights are not called so it is the node's own name.
    """
    found: dict[str, str] = {}
    for graph in inner(memoryview(model), _GRAPH):
        for node in inner(graph, _NODE):
            if _first(node, _OPERATION) not in _COMPUTING:
                continue
            name = _first(node, _NAME)
            outputs = [_text(one) for one in inner(node, _OUTPUT)]
            layer = _module(node) or name or outputs[0]
            found.update(dict.fromkeys([name, *outputs], layer))
    return found


def _module(node: memoryview) -> str | None:
    """Return what the weight of a node is called, without what comes after it."""
    for given in inner(node, _INPUT):
        module, weight, _ = _text(given).partition(_WEIGHT)
        if weight and module:
            return module.removeprefix(_DEQUANTISED)
    return None


def _first(message: memoryview, field: int) -> str:
    return next((_text(one) for one in inner(message, field)), "")


def _text(found: memoryview) -> str:
    return bytes(found).decode(errors="replace")
