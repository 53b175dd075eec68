"""Read run folders: rows as records, tables as data frames, and every derived file again."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgebench.store import RunFolder
from edgebench.store.records import Run
from edgebench.store.tables import Summary, summarize

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run folder and what it says."""

    folder: Path
    run: Run
    summary: Summary

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return trials, pairs, backends, rounds, layers and samples as data frames."""
        from edgebench.store import tables

        return tables.make(self.run)

    @property
    def lost(self) -> bool:
        """Return whether a trial was lost or not measured to its end."""
        return any(row.status in ("lost", "unfinished") for row in self.summary.trials)


def read(folder: str | Path) -> Result:
    """Return what a run folder says; only its journal is read.

    Raise UsageError when the folder holds no journal of this version.
    """
    path = Path(folder)
    run = RunFolder(path=path).read()
    return Result(folder=path, run=run, summary=summarize(run))


def recompute(folder: str | Path) -> Result:
    """Make every derived file of a run again from its journal, and return what it says."""
    try:
        RunFolder(path=Path(folder)).write_tables()
    except OSError as error:
        from edgebench.errors import UsageError

        raise UsageError(
            f"The tables of {folder} cannot be written ({error.strerror}): make room or access."
        ) from error
    return read(folder)
