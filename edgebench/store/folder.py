"""Run folders: `results/UNIT/2026-11-22T10-15-00Z-ab12/`, their journal, spools and tables."""

import contextlib
import fcntl
import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from edgebench.board.sensors import SensorError, meter
from edgebench.board.wire import Event, encode
from edgebench.errors import UsageError
from edgebench.store import csvfile, journal
from edgebench.store.journal import Journal
from edgebench.store.records import Line, Run, assemble

if TYPE_CHECKING:
    import pandas as pd

JOURNAL = "journal.jsonl"
TRIALS = "trials.csv"
TABLES = ("trials", "pairs", "backends", "rounds", "energy", "minutes", "layers")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """Where one run is kept."""

    path: Path

    @property
    def journal(self) -> Path:
        """Return the only file that is written while measuring."""
        return self.path / JOURNAL

    def read(self) -> Run:
        """Return what the journal tells; raise UsageError when there is none or it is of another kind."""
        if not self.journal.is_file():
            raise UsageError(f"{self.path} is no run folder: expected a file {JOURNAL} in it.")
        run = assemble(journal.lines(self.journal))
        if run is None:
            raise UsageError(f"{self.journal} does not begin with a run: nothing was measured in it.")
        return replace(run, meter=read_meter(self.meter)) if self.meter.is_file() else run

    @property
    def meter(self) -> Path:
        """Return where the log of an external meter lies, if the run has one."""
        return self.path / "meter.csv"

    def adopt_meter(self, log: Path) -> None:
        """Keep a copy of a meter's log with the run; raise UsageError when it is none."""
        read_meter(log)
        if log.resolve() != self.meter.resolve():
            with _draft(self.meter) as draft:
                draft.write_bytes(log.read_bytes())

    def opened(self) -> AbstractContextManager[Journal]:
        """Open the journal for appending."""
        return journal.opened(self.journal)

    def adopt_spools(self, into: Journal) -> None:
        """Append what an agent measured and the host, gone by then, never received; then delete the spools."""
        spools = sorted(self.path.glob("spool-*.jsonl"))
        if not spools:
            return
        known = {encode(line) for line in journal.lines(self.journal) if _from_agent(line)}
        for spool in spools:
            for line in journal.lines(spool):
                if _from_agent(line) and encode(line) not in known:  # a board has no say in anything else
                    into.append(line)
            spool.unlink()

    def write_tables(self) -> "dict[str, pd.DataFrame]":
        """Make every derived file from the journal and return the tables by name."""
        from edgebench.store import limits, tables

        run = self.read()
        made = tables.make(run, limits.of_unit(run, self.path))
        for name, frame in made.items():
            suffix = ".csv.gz" if name == "samples" else ".csv"
            _replace(self.path / f"{name}{suffix}", frame)
        _replace_text(self.path / "context.json", json.dumps(tables.context(run), indent=2, sort_keys=True) + "\n")
        return made

    def write_rows(self, name: str, kind: type[Any], rows: tuple[Any, ...]) -> None:
        """Write one more table, made elsewhere: its columns are the fields of `kind`."""
        from edgebench.store import tables

        _replace(self.path / f"{name}.csv", tables.frame(kind, rows))


def read_meter(path: Path) -> meter.Log:
    """Return the log of an external meter; raise UsageError, with the line, for anything else."""
    try:
        return meter.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): expected the CSV file of a meter.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8: expected the CSV file of a meter.") from error
    except SensorError as error:
        raise UsageError(f"{path} is no log of a meter: {error.reason}.") from error


def create(results: Path, unit: str, now: datetime) -> RunFolder:
    """Make a new, empty run folder; raise UsageError when that cannot be."""
    name = f"{now:%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(2)}"
    path = results / unit / name
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be made ({error.strerror}): choose a folder that you may write to with --results."
        ) from error
    return RunFolder(path=path)


@contextlib.contextmanager
def locked(results: Path, unit: str) -> Iterator[None]:
    """Keep others from measuring a unit meanwhile; raise UsageError when another run does."""
    path = results / unit / ".lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise UsageError(
            f"{path.parent} cannot be made ({error.strerror}): choose a folder that you may write to with --results."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Another run is measuring {unit} ({path} is locked): wait until it has ended.") from None
        yield


def run_folders(folder: Path) -> tuple[Path, ...]:
    """Return the run folders at any depth below a folder, or itself where it is one, oldest first.

    One has a journal, or tables that were made of it. Raise UsageError when there is none.
    """
    found = {path.parent for name in (JOURNAL, TRIALS) for path in folder.rglob(name)}
    if not found:
        raise UsageError(f"{folder} holds no {JOURNAL} and no {TRIALS}: expected a run folder, or a folder of such.")
    return tuple(sorted(found, key=lambda path: (path.name, str(path))))


def newest_unfinished(results: Path, unit: str) -> RunFolder | None:
    """Return the newest run of a unit that was not measured to its end, None when there is none."""
    return next((folder for folder in _newest_first(results / unit) if journal.unfinished(folder.journal)), None)


def _newest_first(folder: Path) -> Iterable[RunFolder]:
    found = sorted(folder.glob(f"*/{JOURNAL}"), reverse=True)
    return (RunFolder(path=path.parent) for path in found)


def _from_agent(line: Line) -> bool:
    return isinstance(line, get_args(Event))


def _replace(path: Path, frame: "pd.DataFrame") -> None:
    options: dict[str, Any] = {"compression": {"method": "gzip", "mtime": 0}} if path.suffix == ".gz" else {}
    with _draft(path) as draft:
        _inert(frame).to_csv(draft, index=False, lineterminator="\n", **options)


def _inert(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table whose texts no spreadsheet computes; most have none that it would."""
    texts = {name: [one for one in frame[name].unique() if isinstance(one, str)] for name in frame.columns}
    risky = [name for name, found in texts.items() if any(csvfile.shown(one) != one for one in found)]
    return frame.assign(**{name: frame[name].map(_shown) for name in risky}) if risky else frame


def _shown(value: object) -> object:
    return csvfile.shown(value) if isinstance(value, str) else value


def _replace_text(path: Path, text: str) -> None:
    with _draft(path) as draft:
        draft.write_text(text)


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of `path` when it is whole, and vanishes when not."""
    draft = path.with_name(f".{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
