"""`edgebench compare`: before and after, the trials of one run, many runs over time, and a number explained."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edgebench.cli.options import Json, share
from edgebench.cli.printing import print_csv, print_json, print_sentence, print_table
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.api.comparing import Comparison

Form = Literal["text", "json", "csv", "markdown"]

_GATE_SAID_NO = 1
_LOST = 3


def compare(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    first: Annotated[
        Path, typer.Argument(metavar="RUN|RESULTS", help="A run folder, or a folder of run folders; alone or before.")
    ],
    second: Annotated[Path | None, typer.Argument(metavar="RUN", help="A later run of the same unit: after.")] = None,
    by: Annotated[
        str | None,
        typer.Option(help="backend, precision, threads, batch, model: of one run; device: of the newest runs."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="With --by: what the others are compared with; default: the quickest.")
    ] = None,
    fail_above: Annotated[
        str | None,
        typer.Option(help="End with code 1 when something is slower by more than this; default for two runs: 0%."),
    ] = None,
    fail_noisy: Annotated[
        bool, typer.Option("--fail-noisy", help="Of a gate: end with code 1 when a row could not be judged, too.")
    ] = False,
    match: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Words in the names of the first run's trials, and what stands for them in the second run."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE",
            help="Why is my number not that one: DIR[#TRIAL], ncnn:3028, ncnn:board=NAME,threads=N.",
        ),
    ] = None,
    trial: Annotated[str | None, typer.Option(help="With --explain: words in the name of our trial.")] = None,
    executed: Annotated[
        bool, typer.Option("--executed", help="Compare files that `count --executed --json` printed.")
    ] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="Of a folder of runs: also write the table as a Parquet file.")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a summary for a pull request.")] = False,
) -> None:
    """Say what changed from one run to another, which trial of a run is quicker, or why two numbers differ."""
    form = _form(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    given = {"--by": by, "--explain": explain, "--match": match, "--parquet": parquet, "--executed": executed or None}
    _refuse({"--baseline": (baseline, by, "--by"), "--trial": (trial, explain, "--explain")})
    kind = _kind(first, second, {name for name, value in given.items() if value is not None})
    limit = None if fail_above is None else share(fail_above, "--fail-above")
    if limit is not None and kind not in ("--runs", "--by"):
        raise UsageError("--fail-above is a gate for two runs, or for --by with --baseline: expected one of them.")
    if fail_noisy and kind != "--runs" and limit is None:
        raise UsageError("--fail-noisy is for a gate: expected two runs, or --by with --baseline and --fail-above.")
    if kind == "--executed":
        assert second is not None
        _print_executed(first, second, form)
    elif kind == "--explain":
        assert explain is not None
        _print_explained(first, explain, trial, form)
    elif kind == "--history":
        _print_history(first, parquet, form)
    else:
        found = _compared(first, second, (by, baseline), match, limit)
        _print_compared(replace(found, fail_noisy=fail_noisy), form)


def _form(*, as_json: bool, as_csv: bool, as_markdown: bool) -> Form:
    if sum((as_json, as_csv, as_markdown)) > 1:
        raise UsageError("Found more than one of --json, --csv and --markdown: expected one of them.")
    return "json" if as_json else "csv" if as_csv else "markdown" if as_markdown else "text"


def _kind(first: Path, second: Path | None, given: set[str]) -> str:
    """Return what is asked for: `--executed`, `--explain`, `--by`, `--runs` (two of them) or `--history` (of many)."""
    asked = sorted(given & {"--executed", "--explain", "--by"})
    if len(asked) > 1:
        raise UsageError(f"Found {' and '.join(asked)}: expected one of them.")
    if asked and (second is None) is (asked == ["--executed"]):
        raise UsageError(f"{asked[0]} takes {'two files' if asked == ['--executed'] else 'one run'}.")
    kind = asked[0] if asked else "--history" if second is None else "--runs"
    if "--match" in given and kind != "--runs":
        raise UsageError("--match is for two runs: expected RUN RUN.")
    if "--parquet" in given and kind != "--history":
        raise UsageError("--parquet is for a folder of run folders: expected one alone.")
    if kind == "--history" and (first / "journal.jsonl").is_file():
        raise UsageError(f"{first} is one run: give another one, --by, --explain, or the folder that it lies in.")
    return kind


def _refuse(options: dict[str, tuple[str | None, str | None, str]]) -> None:
    for name, (value, owned, owner) in options.items():
        if value is not None and owned is None:
            raise UsageError(f"{name} belongs to {owner}: expected both or neither.")


def _compared(
    first: Path,
    second: Path | None,
    by: tuple[str | None, str | None],
    match: tuple[str, str] | None,
    fail_above: float | None,
) -> "Comparison":
    from edgebench.api import comparing

    if second is not None:
        return comparing.runs(first, second, match, fail_above or 0.0)
    word, baseline = by
    if word == "device":
        if fail_above is not None:
            raise UsageError("--by device has no gate: other machines are not slower versions of one.")
        return comparing.devices(first, baseline)
    return comparing.within(first, comparing.checked(word), baseline, fail_above)


def _print_compared(found: "Comparison", form: Form) -> None:
    """Print a comparison, and end with code 1 when its gate says no, 3 when what was measured before is lost."""
    from edgebench.judge.compare import ComparedRow
    from edgebench.report import compared as report

    if form == "csv":
        print_csv(ComparedRow, found.rows)
    elif form == "json":
        print_json(found)
    elif form == "markdown":
        lines = report.markdown(
            found.rows, found.changed, found.notes, found.fail_above, fail_noisy=found.fail_noisy, by=found.by
        )
        print("\n".join(lines))
    else:
        said = report.sentences(found.rows, found.fail_above, fail_noisy=found.fail_noisy)
        for sentence in (*said, *found.notes):
            print_sentence(sentence)
        print_table(report.table(found.rows, by=found.by))
        changed = report.changes(found.changed, () if found.by else found.rows)
        if changed is not None:
            print_table(changed)
    if found.failed:
        raise typer.Exit(_GATE_SAID_NO)
    if found.lost:
        raise typer.Exit(_LOST)


def _print_explained(folder: Path, reference: str, trial: str | None, form: Form) -> None:
    from edgebench.api import referring
    from edgebench.report import unlike as report

    found = referring.explain(folder, reference, trial)
    if form == "csv":
        print_csv(report.UnlikeRow, report.rows(found.unlike))
    elif form == "json":
        print_json(found)
    elif form == "markdown":
        print("\n".join(report.markdown(found)))
    else:
        _print_text(report.sentences(found), report.table(found))


def _print_history(folder: Path, parquet: Path | None, form: Form) -> None:
    from edgebench.api import histories
    from edgebench.report import histories as report
    from edgebench.store.rows import HistoryRow

    found = histories.history(folder)
    if parquet is not None:
        histories.write_parquet(found, parquet)
    if form == "csv":
        print_csv(HistoryRow, found.rows)
    elif form == "json":
        print_json(found)
    elif form == "markdown":
        print("\n".join(report.markdown(found.rows, found.left_out)))
    else:
        _print_text((f"Left out: {one}" for one in found.left_out), report.table(found.rows))


def _print_text(sentences: Any, table: Any) -> None:
    for sentence in sentences:
        print_sentence(sentence)
    if table is not None:
        print_table(table)


def _print_executed(before: Path, after: Path, form: Form) -> None:
    from edgebench import api
    from edgebench.report import executed as tables

    if form not in ("text", "json"):
        raise UsageError("--executed prints tables or --json: expected no other form.")
    found = api.compare_executed(before, after)
    if form == "json":
        print_json(found)
        return
    for one in found:
        if one.same:
            print(f"{one.before.model} in {one.before.backend}: the same, instruction for instruction.")
        else:
            print_table(tables.difference(one))
