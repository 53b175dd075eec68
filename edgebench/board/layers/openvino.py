"""OpenVINO: a model compiled with counters tells the mean time of each operation over all calls, in microseconds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.board.backends import Settings, _onnx_names, openvino
from edgebench.board.layering import plain, spent, warmed
from edgebench.board.layers import Timed
from edgebench.board.wire import LayerTimes

if TYPE_CHECKING:
    from edgebench.board.backends import Arrays

_FREE = {"Input", "Output", "Const", "Constant", "Parameter", "Result"}
_COMPUTING = {
    "Convolution",
    "GroupConvolution",
    "FullyConnected",
    "MatMul",
    "Deconvolution",
    "FullyConnectedQuantizedLegacy",
}
_UNDECORATED = "/WithoutBiases"  # what its reader of .onnx adds to the name of a convolution


def by_layer(artefact: Path, inputs: "Arrays", settings: Settings) -> Timed:
    """Call a request and its twin with counters in turns.

    The counters never begin again: what the calls took follows from the means before and after them.
    """
    whole = plain("openvino", artefact, inputs, settings)
    counted = openvino.load(artefact, settings, counters=True)
    counted.set_inputs(inputs)
    calls = warmed(whole.call)
    before = calls
    for _ in range(before):
        counted.call()
    first = counted.counters()
    whole_ns = []
    for _ in range(calls):
        whole_ns.append(spent(whole.call))
        counted.call()
    last = counted.counters()
    names = _onnx_names.layers(artefact.read_bytes())
    originals = counted.originals()
    return Timed(
        whole_ns=tuple(whole_ns),
        layers=tuple(
            LayerTimes(
                name=_named(one, originals.get(one.node_name, ()), names),
                operation=one.node_type,
                wall_ns=(_mean_ns(_ns(earlier), before, _ns(one), before + calls),),
            )
            for earlier, one in zip(first, last, strict=True)
            if one.node_type not in _FREE and _ns(one)
        ),
    )


def _ns(counter: Any) -> int:
    seconds: float = counter.real_time.total_seconds()
    return round(seconds * 1e9)


def _mean_ns(first_ns: int, first_calls: int, last_ns: int, last_calls: int) -> int:
    """Return the mean of the calls between two means of all calls so far.

    >>> _mean_ns(300, 2, 200, 4)
    100
    """
    return max(0, round((last_ns * last_calls - first_ns * first_calls) / (last_calls - first_calls)))


def _named(counter: Any, originals: tuple[str, ...], names: dict[str, str]) -> str:
    """Return the layer that an operation computes, by the names of the nodes that were fused into it."""
    own = str(counter.node_name)
    if counter.node_type not in _COMPUTING:
        return own
    for name in (own, *originals):
        found = names.get(name.removesuffix(_UNDECORATED))
        if found is not None:
            return found
    return own
