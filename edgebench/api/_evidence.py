"""From published rows and own runs to what a fit takes: hardware and counted network become seconds by kind."""

from collections.abc import Iterable, Mapping

from edgebench.analysis.cost import Cost
from edgebench.analysis.fitting import Point
from edgebench.analysis.workload import workload
from edgebench.store.observations import Observation

RUNTIMES: Mapping[str, str] = {
    "ONNX Runtime Python": "onnxruntime",
    "OpenVINO DLDT": "openvino",
    "PyTorch torch.compile(inductor)": "torch:compile",
    "TFLite": "litert",
    "Tengine-Lite": "tengine",
    "TVM": "tvm",
    "XNNPACK end2end_bench": "xnnpack",
}
"""What published rows call the runtimes that have another name here."""


def points(observations: Iterable[Observation], costs: Mapping[str, Cost]) -> tuple[Point, ...]:
    """Return what a fit takes of each observation; `costs` holds every model that one names."""
    return tuple(_point(one, costs[one.model]) for one in observations)


def _point(one: Observation, cost: Cost) -> Point:
    found = workload(cost, one.hardware, precision=one.precision, threads=one.threads)
    return Point(
        device=one.device,
        runtime=RUNTIMES.get(one.runtime, one.runtime),
        precision=one.precision,
        threads=one.threads,
        model=one.model,
        mult_adds=cost.mult_adds,
        workload=found.seconds,
        latency_s=one.latency_s,
    )
