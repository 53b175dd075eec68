"""Fit a unit's power model, watts = idle + slope x utilisation, from a run whose power somebody told."""

from datetime import UTC, datetime
from pathlib import Path

import edgebench
from edgebench.errors import UsageError
from edgebench.measure.energy import NoEnergyError
from edgebench.store import RunFolder, calibration
from edgebench.store.calibration import Calibration, PowerFit
from edgebench.store.energy import fit_of


def power(folder: str | Path, meter: Path | None = None) -> Calibration:
    """Fit a power model to the windows of a run and add it to the calibration of its unit, which is returned.

    The power is that of the best source the run has: the log of its `meter`, which is kept with it, else its sensor.
    Raise UsageError where there is no such line.
    """
    found = RunFolder(path=Path(folder))
    run = found.read()
    if meter is not None:
        found.adopt_meter(meter)
        run = found.read()
    cores = run.started.facts.get("cores")
    if not isinstance(cores, int) or cores < 1:
        raise UsageError(f"{folder} does not say how many cores its board has: measure again with this version.")
    unit = found.path.resolve().parent
    if unit.name != run.started.unit:
        raise UsageError(f"{folder} does not lie in the folder of its unit {run.started.unit!r}: move it back there.")
    try:
        model, source = fit_of(run, cores)
    except NoEnergyError as error:
        raise UsageError(f"No power model comes of {folder}: {error}.") from error
    fit = PowerFit(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        edgebench_version=edgebench.__version__,
        run=found.path.resolve().name,
        rung=source.rung,
        rail=source.rail,
        idle_w=model.idle.w,
        slope_w=model.slope.w,
        residual_w=model.residual_sd.w,
        windows=model.windows,
        lowest=model.lowest,
        highest=model.highest,
        cores=cores,
        mean_utilisation=model.mean_utilisation,
        utilisation_squares=model.utilisation_squares,
    )
    return calibration.add(unit.parent, unit.name, fit)
