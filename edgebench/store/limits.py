"""What bounds the trials of a run: derived when a run is read, from what is known of its unit and its kind by then."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from edgebench import devices
from edgebench.analysis import bound, hardware
from edgebench.analysis.cost import Cost
from edgebench.analysis.hardware import Hardware
from edgebench.devices.records import Precision
from edgebench.errors import UsageError
from edgebench.measure.plan import Trial
from edgebench.store import calibration
from edgebench.store.records import Counted, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What nothing beats, what direct convolution takes at the peak, and where the peak is from."""

    bound_s: float
    direct_s: float
    source: str  # "probe" or "description"


def of_unit(run: Run, folder: Path) -> Hardware | None:
    """Return the CPU of a run's unit: as it was probed, else as its kind is described; None where no peak is known.

    `folder` is the run's own, beside which the unit's calibration lies.
    """
    started, unit = run.started, folder.resolve().parent
    if unit.name == started.unit:
        found = calibration.latest_probe(calibration.read(unit.parent, unit.name))
        if found is not None:
            return hardware.of_probe(started.device, found.peak, started.facts.get("cpu_flags") or ())
    try:
        device = devices.find(started.device)
    except UsageError:  # measured elsewhere, on a kind that is not described here
        return None
    return hardware.of_device(device, _mode(device, started.facts))


def limit(trial: Trial, counted: Counted | None, provider: str | None, known: Hardware | None) -> Limit | None:
    """Return the limit of a trial on the CPU; None where it ran elsewhere, or where too little is known.

    A journal knows layers alone: what lies between them is free here, and takes time in `edgebench predict`.
    """
    precision = next((one for one in get_args(Precision) if one == trial.precision), None)
    if counted is None or known is None or precision is None or not (provider or "").upper().startswith("CPU"):
        return None
    try:
        found = bound.bound(
            Cost(layers=counted.layers), known, precision=precision, threads=trial.threads, batch=trial.batch
        )
    except UsageError:  # no peak in this precision
        return None
    source = "probe" if known.measured else "description"
    return Limit(bound_s=found.lower_s, direct_s=found.reference_s, source=source) if found.lower_s else None


def _mode(device: devices.Device, facts: dict[str, Any]) -> devices.Mode | None:
    """Return the power mode that the unit said it was in; None where it said nothing that tells one."""
    if not facts.get("clocks") or "cores" not in facts:
        return None
    return devices.mode(device, facts)
