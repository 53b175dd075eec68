"""Compare runs: before and after, trial by trial, and the trials of one run by what they differ in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from edgebench.api._sides import Known, common_rulers, compared_of, side_of, spread_of
from edgebench.api.reading import read
from edgebench.errors import UsageError
from edgebench.judge import compare, context, together
from edgebench.judge.compare import Compared, ComparedRow, known_of
from edgebench.judge.context import Difference
from edgebench.measure import apart
from edgebench.store import pairs, run_folders
from edgebench.store.calibration import Resolution
from edgebench.store.folder import JOURNAL
from edgebench.untrusted import plain

By = Literal["backend", "precision", "threads", "batch", "model", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared, row by row; `changed` is what differs for all rows, `notes` how the figures were taken."""

    before: Path
    after: Path
    by: By | None
    rows: tuple[ComparedRow, ...]
    changed: tuple[Difference, ...]
    notes: tuple[str, ...]
    fail_above: float | None
    fail_noisy: bool = False

    @property
    def failed(self) -> bool:
        """Tell whether the gate says no."""
        return compare.failed(self.rows, noisy=self.fail_noisy)

    @property
    def lost(self) -> bool:
        """Tell whether something that was measured before is lost now."""
        return self.fail_above is not None and any(row.outcome == compare.Outcome.LOST for row in self.rows)


def runs(before: Path, after: Path, match: tuple[str, str] | None = None, fail_above: float | None = 0.0) -> Comparison:
    """Return what changed from one run folder to another.

    `match` reads its first words in the names of trials of `before` as its second. Raise UsageError for two runs that
    cannot be compared: of a stand-in, of two units, the same.
    """
    if before.resolve() == after.resolve():
        raise UsageError(f"{before} is given twice: expected two runs, or one of them with --by.")
    sides = side_of(before, match), side_of(after, None)
    units = [side.result.run.started.unit for side in sides]
    if units[0] != units[1]:
        raise UsageError(
            f"The runs are of two units, {units[0]} and {units[1]}: compare their folder with --by device."
        )
    spread = spread_of(*sides)
    rulers = common_rulers(sides)
    names = [name for name in {**sides[0].rows, **sides[1].rows} if name not in rulers]
    compared = [compared_of(sides, name, spread.spread, rulers[0] if rulers else None) for name in names]
    return Comparison(
        before=before,
        after=after,
        by=None,
        rows=compare.rows(compared, known_of(sides[1].entry), fail_above),
        changed=tuple(context.differences(context.of_run(sides[0].result.run), context.of_run(sides[1].result.run))),
        notes=tuple(_notes(compared, spread, sides[1].entry)),
        fail_above=fail_above,
    )


def checked(by: str | None) -> pairs.By:
    """Return what trials of a run may differ in; raise UsageError for another word."""
    for one in pairs.COLUMNS:
        if one == by:
            return one
    raise UsageError(f"--by is {by!r}: expected one of {', '.join(get_args(By))}.")


def within(folder: Path, by: pairs.By, baseline: str | None = None, fail_above: float | None = None) -> Comparison:
    """Return the trials of one run that differ in one thing, each against the quickest of them or a `baseline`.

    Raise UsageError where nothing differs in that.
    """
    if fail_above is not None and baseline is None:
        raise UsageError("--fail-above with --by needs --baseline: what must the others not be slower than?")
    side = side_of(folder, None)
    known = known_of(side.entry)
    found = together.groups(side.rows.values(), side.result.summary.pairs, by, known, baseline)
    compared = [one for group in found for one in group.compared]
    if not compared:
        named = f" and {plain(baseline)!r} among them" if baseline else ""
        raise UsageError(f"{folder} has no two measured trials that differ in {by} alone{named}.")
    return Comparison(
        before=folder,
        after=folder,
        by=by,
        rows=compare.rows(compared, known, fail_above),
        changed=(),
        notes=("Taken together: paired round by round in one session.",),
        fail_above=fail_above,
    )


def devices(folder: Path, baseline: str | None = None) -> Comparison:
    """Return the newest runs of the units below a folder against each other; nothing of it is paired.

    Raise UsageError for one run alone, and for less than two units.
    """
    if (folder / "journal.jsonl").is_file():
        raise UsageError(
            f"{folder} is one run, and --by device compares the newest runs of several units: expected the folder that "
            "these lie in, such as results/."
        )
    newest: dict[str, Path] = {}
    for path in run_folders(folder):
        if not (path / JOURNAL).is_file():
            continue
        result = read(path)
        started = result.run.started
        if not started.emulated:
            newest[started.unit] = max(path, newest.get(started.unit, path), key=lambda one: one.name)
    if len(newest) < 2:
        raise UsageError(f"{folder} has runs of {len(newest)} units: expected two or more to compare by device.")
    first = baseline or next(iter(newest))
    if first not in newest:
        raise UsageError(f"{plain(first)} is none of the units: expected one of {', '.join(newest)}.")
    sides = {unit: side_of(path, None) for unit, path in newest.items()}
    compared = [
        compared_of((sides[first], side), name, apart.ASSUMED, None)
        for unit, side in sides.items()
        if unit != first
        for name in sides[first].rows
        if name in side.rows
    ]
    return Comparison(
        before=newest[first],
        after=folder,
        by="device",
        rows=compare.rows(compared, compare.Known(), None),
        changed=(),
        notes=(
            f"Taken apart, on different machines: each ratio is that to {first}, and nothing but its size "
            f"is told. Both sides are widened by {100 * apart.SPREAD_WITHOUT_RULER:g} % between sessions.",
        ),
        fail_above=None,
    )


# --- before and after ------------------------------------------------------------------------------------------------


def _notes(compared: Sequence[Compared], known: Known, entry: Resolution | None) -> Iterator[str]:
    rulers = {one.ruler for one in compared if one.measured is not None}
    spreads = []
    if "null" in rulers:
        spreads.append(f"{100 * known.spread.ruled:.2g} %")
    if None in rulers:
        spreads.append(f"{100 * known.spread.bare:.2g} %{' without a ruler' * ('null' in rulers)}")
    if spreads:
        yield (
            "Taken apart: the runs are of different times, so nothing is paired, and intervals are wider by what "
            f"sessions of a unit differ: {', '.join(spreads)} ({known.said})."
        )
    if "null" in rulers:
        yield (
            "Each latency is held against the trial of `null` in the same rounds; by how much that itself changed "
            "stands under `machine`, and up to half of it widens the interval."
        )
    if None in rulers:
        yield (
            "Smaller slowdowns are told with `--backend null` in both runs: a ruler in the same rounds, which takes "
            "the machine's own changes out."
        )
    if entry is None:
        yield (
            "The unit has no selftest: what its sessions differ by is assumed, and differences below 1 % are not "
            "called any. Run `edgebench selftest --aa` to learn its own spread."
        )
