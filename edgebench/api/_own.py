"""What own runs measured on a unit, as points that adapt a table of predictions."""

import csv
from pathlib import Path
from typing import Any, get_args

from edgebench.analysis.cost import Cost
from edgebench.analysis.fitting import Point
from edgebench.analysis.hardware import Hardware
from edgebench.analysis.workload import workload
from edgebench.api.counting import count
from edgebench.devices.records import Precision
from edgebench.errors import UsageError

_NONE = "null"  # the backend that multiplies numbers of its own


def points(results: Path, unit: str, device: str, hardware: Hardware) -> tuple[Point, ...]:
    """Return a point for each trial of a unit that was measured to its end, one image a call, in its newest run.

    Trials that cannot be predicted are left out: files that are gone, precisions without a known peak, runtimes that
    compute nothing, rows of a table that is no longer as runs write it.
    """
    costs: dict[str, Cost | None] = {}
    newest: dict[tuple[str, ...], Point] = {}
    for path in sorted((results / unit).glob("*/trials.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in filter(_measured, csv.DictReader(file)):
                model = row["model"]
                if model not in costs:
                    costs[model] = _cost(model)
                point = _point(row, costs[model], device, hardware)
                if point is not None:
                    newest[tuple(map(str, (point.model, *point.setup)))] = point
    return tuple(newest.values())


def _measured(row: dict[str, Any]) -> bool:
    expected = {"status": "done", "twin": "False", "batch": "1"}
    return all(row.get(name) == value for name, value in expected.items()) and row["backend"].partition(":")[0] != _NONE


def _cost(model: str) -> Cost | None:
    try:
        return count(model).cost
    except UsageError:
        return None


def _point(row: dict[str, Any], cost: Cost | None, device: str, hardware: Hardware) -> Point | None:
    precision = next((one for one in get_args(Precision) if one == row.get("precision_found")), None)
    if cost is None or not cost.mult_adds or precision is None:
        return None
    try:
        threads, latency_s = int(row["threads_asked"]), float(row["latency_p50_s"])
        seconds = workload(cost, hardware, precision=precision, threads=threads).seconds
    except (KeyError, ValueError, UsageError):
        return None
    return Point(
        device=device,
        runtime=row["backend"],
        precision=precision,
        threads=threads,
        model=row["model"],
        mult_adds=cost.mult_adds,
        workload=seconds,
        latency_s=latency_s,
    )
