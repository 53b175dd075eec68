"""What trtexec prints and exports, read; it runs nothing.

The formats are those that the sources of trtexec write, releases 8.2 to 11.1 (github.com/NVIDIA/TensorRT:
samples/common/sampleReporting.cpp for exports, logging.h for lines); layers are described in "Engine Inspector" of
TensorRT's developer guide.
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Version = tuple[int, int, int]

_NS_PER_MS = 1e6
_S_PER_MS = 1e-3
_COMPUTING = re.compile(r"conv|gemm|matmul|matrix|fullyconnected", re.IGNORECASE)
_DATATYPE = re.compile(r"\b(float|fp32|half|fp16|bfloat16|bf16|int8|fp8)\b", re.IGNORECASE)
_NAMES = {"float": "fp32", "half": "fp16", "bfloat16": "bf16"}
_STAMP = re.compile(r"^(\[[^\]]*\] )?\[[EF]\] ?(\[TRT\] )?")
_NOT_FINITE = re.compile(r"(?<=[ ,])(-?)(nan|inf)(?=[ ,\]])")  # as C++ prints them; JSON knows neither


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """One layer of an engine as --exportProfile times it; `share` is its part of the sum over all layers."""

    name: str
    mean_s: float
    median_s: float | None
    share: float


def version(log: str) -> Version | None:
    """Return TensorRT's version from the line that trtexec begins with; from 10 on its parts take two digits each.

    >>> version("&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec --help")
    (8, 6, 2)
    >>> version("&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --help")
    (10, 3, 0)
    """
    match = re.search(r"\[TensorRT v(\d{4,6})\]", log)
    if match is None:
        return None
    number = int(match[1])
    if number >= 100_000:
        return number // 10_000, number // 100 % 100, number % 100
    return number // 1000, number // 100 % 10, number % 100


def device(log: str) -> str | None:
    """Return the name of the GPU that trtexec selected.

    >>> device("[01/10/2024-21:52:50] [I] Selected Device: Orin\\n")
    'Orin'
    """
    match = re.search(r"\] Selected Device: (.+)", log)
    return match[1].strip() if match else None


def reason(log: str) -> str | None:
    """Return the first error that trtexec printed: those that follow tell how it gave up.

    >>> reason("[I] x\\n[01/10/2024-21:52:50] [E] [TRT] no such operator\\n[01/10/2024-21:52:51] [E] set up failed\\n")
    'no such operator'
    """
    errors = (line for line in log.splitlines() if _STAMP.match(line))
    return next((_STAMP.sub("", line).strip() for line in errors), None)


def times_ns(text: str, warm_up_s: float) -> list[int]:
    """Return the latencies that --exportTimes holds, call by call: transfer in, computing, transfer out.

    Releases before 8.5 export the warm-up too: calls that began within it are left out, as later ones do. Differences
    of time stamps would not do for latencies: they are printed with six digits, 10 us apart after a second.

    >>> times_ns('[ { "startComputeMs" : 500.2, "latencyMs" : 1.23 } ]', 0.5)
    [1230000]
    """
    entries = _entries(text, "times")
    spans = [_number(one, "latencyMs") for one in entries if _number(one, "startComputeMs") * _S_PER_MS >= warm_up_s]
    if not all(0 < span < float("inf") for span in spans):
        raise ValueError("trtexec's times hold a call that took no time")
    return [round(span * _NS_PER_MS) for span in spans]


def layer_times(text: str) -> tuple[LayerTime, ...]:
    """Return what --exportProfile holds, layer by layer; its first entry counts the calls.

    >>> layer_times('[ { "count" : 9 } , { "name" : "conv", "timeMs" : 18, "averageMs" : 2, "percentage" : 100 } ]')
    (LayerTime(name='conv', mean_s=0.002, median_s=None, share=1.0),)
    """
    return tuple(
        LayerTime(
            name=str(entry.get("name")),
            mean_s=_number(entry, "averageMs") * _S_PER_MS,
            median_s=_number(entry, "medianMs") * _S_PER_MS if "medianMs" in entry else None,
            share=_number(entry, "percentage") / 100,
        )
        for entry in _entries(text, "profile")[1:]
    )


def precision(text: str) -> str:
    """Return in what the convolutions and matrix products of an engine compute, "unknown" where it is not told.

    It is the type of their inputs; fp32 inputs of a kernel that multiplies in TensorFloat-32 are tf32.

    >>> conv = '{"LayerType": "CaskConvolution", "Inputs": [{"Format/Datatype": "Row major linear FP16 format"}]}'
    >>> precision(f'{{"Layers": [{conv}]}}'), precision('{"Layers": ["conv1"]}')
    ('fp16', 'unknown')
    """
    kinds: set[str] = set()
    for layer in _layers(text):
        words = " ".join(str(layer.get(key, "")) for key in ("LayerType", "ParameterType"))
        if _COMPUTING.search(words):
            kinds |= _kinds(layer)
    return "+".join(sorted(kinds)) or "unknown"


def tensor_names(text: str) -> list[str]:
    """Return the names of an engine's inputs and outputs in the model's order, none where it is not told.

    >>> tensor_names('{"Layers": [], "Bindings": ["x", "y"]}'), tensor_names('{"I/O Tensors": [{"Name": "x"}]}')
    (['x', 'y'], ['x'])
    """
    found = _json(text, "layers")
    if not isinstance(found, dict):
        return []
    named = found.get("Bindings") or found.get("I/O Tensors") or []  # to 10; from 11 on
    return [str(one.get("Name")) if isinstance(one, dict) else str(one) for one in named]


def outputs(text: str, order: list[str]) -> "list[np.ndarray[Any, Any]]":
    """Return the arrays that --exportOutput holds in the order of these names; trtexec writes them in any.

    >>> outputs('[ { "name" : "y" , "dimensions" : "1x2" , "values" : [ 1, 2.5 ] } ]', [])[0].tolist()
    [[1.0, 2.5]]
    """
    import numpy as np

    entries = _entries(_NOT_FINITE.sub(_as_json, text), "outputs")
    if len(entries) > 1:
        unknown = [entry.get("name") for entry in entries if entry.get("name") not in order]
        if unknown:
            raise ValueError(f"trtexec does not tell which output of the model {unknown[0]!r} is")
        entries = sorted(entries, key=lambda entry: order.index(str(entry["name"])))
    arrays = []
    for entry in entries:
        shape = [int(side) for side in re.findall(r"\d+", str(entry.get("dimensions")))]
        try:
            arrays.append(np.array(entry.get("values"), dtype=np.float32).reshape(shape))
        except (ValueError, TypeError):
            raise ValueError(f"trtexec's output {entry.get('name')!r} does not fill its dimensions {shape}") from None
    return arrays


def _layers(text: str) -> list[dict[str, Any]]:
    """Return the layers that are described; an engine without detailed verbosity gives their names only."""
    found = _json(text, "layers")
    layers = found.get("Layers") if isinstance(found, dict) else None
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []


def _kinds(layer: dict[str, Any]) -> set[str]:
    inputs = layer.get("Inputs")
    kinds = set()
    for tensor in inputs if isinstance(inputs, list) else []:
        told = " ".join(str(tensor.get(key, "")) for key in ("Format/Datatype", "DataType", "Format"))
        match = _DATATYPE.search(told)
        if match is not None:
            kinds.add(_NAMES.get(match[1].lower(), match[1].lower()))
    if "tf32" in str(layer.get("TacticName", "")).lower() and "fp32" in kinds:
        kinds = kinds - {"fp32"} | {"tf32"}
    return kinds


def _entries(text: str, what: str) -> list[dict[str, Any]]:
    found = _json(text, what)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(f"trtexec's {what} are no list of records: {text[:60]!r}")
    return found


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"trtexec's {what} are no JSON ({error}): {text[:60]!r}") from None


def _number(entry: dict[str, Any], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"an entry of trtexec's export has no number {key}: {str(entry)[:80]}")
    return float(value)


def _as_json(match: "re.Match[str]") -> str:
    return match[1] + {"nan": "NaN", "inf": "Infinity"}[match[2]]
