"""Read run folders: rows as records, tables as data frames, and every derived file again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebench.errors import UsageError
from edgebench.judge import consequences
from edgebench.judge.compare import Known, known_of
from edgebench.judge.consequences import VerdictRow
from edgebench.store import RunFolder, calibration, limits
from edgebench.store.records import Run
from edgebench.store.tables import Summary, summarize

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run folder, what it says, and the verdicts on the consequences of its pairs of models.

    `known` is what the selftest of its unit tells of differences there.
    """

    folder: Path
    run: Run
    summary: Summary
    verdicts: tuple[VerdictRow, ...]
    known: Known

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return trials, pairs, backends, rounds, layers, samples and verdicts as data frames."""
        from edgebench.store import tables

        known = limits.of_unit(self.run, self.folder)
        return {**tables.make(self.run, known), "verdicts": tables.frame(VerdictRow, self.verdicts)}

    @property
    def lost(self) -> bool:
        """Return whether a trial was lost or not measured to its end."""
        return any(row.status in ("lost", "unfinished") for row in self.summary.trials)


def read(folder: str | Path) -> Result:
    """Return what a run folder says; only its journal is read, and the calibration of its unit.

    Raise UsageError when the folder holds no journal of this version.
    """
    path = Path(folder)
    run = RunFolder(path=path).read()
    summary = summarize(run, limits.of_unit(run, path))
    known = known_of(calibration.resolution_beside(path, run.started.unit))
    verdicts = consequences.rows(summary.pairs, known.resolution, reliable=known.reliable)
    return Result(folder=path, run=run, summary=summary, verdicts=tuple(verdicts), known=known)


def recompute(folder: str | Path, meter: Path | None = None) -> Result:
    """Make every derived file of a run again from its journal, and return what it says.

    The log of a `meter` is kept with the run and joined with it. Raise UsageError when it is none.
    """
    found = RunFolder(path=Path(folder))
    try:
        if meter is not None:
            found.read()
            found.adopt_meter(meter)
        return derive(found)
    except OSError as error:
        raise UsageError(
            f"The tables of {folder} cannot be written ({error.strerror}): make room or access."
        ) from error


def derive(folder: RunFolder) -> Result:
    """Write every derived file of a run, and return what it says; raise OSError when that cannot be."""
    folder.write_tables()
    result = read(folder.path)
    folder.write_rows("verdicts", VerdictRow, result.verdicts)
    return result
