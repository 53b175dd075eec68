"""`edgebench claims`: what papers claim, what counting gives, what boards do."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edgebench.cli.options import Json, belonging, span_s
from edgebench.cli.printing import print_csv, print_json, print_sentence, print_table, say
from edgebench.errors import UsageError

if TYPE_CHECKING:
    from edgebench.judge.judgement import Judgements

_BUDGET = "20m"

Form = Literal["text", "json", "csv", "markdown"]


def claims(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    paper: Annotated[str | None, typer.Option(help="The claims of one paper, such as mobilenets_2017.")] = None,
    claim: Annotated[str | None, typer.Option(help="The full story of one claim, such as vgg16-compute.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            help="published: measurements of real boards; or a folder of runs; repeatable. Default: published."
        ),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(help="Say what is wrong with a file of claims, and judge nothing.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="First measure what is open, what tells most in the least time first.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="With --measure: a kind of board, a unit, or host; default: host.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="With --measure: for so long at most: 90s, 20m, 1h; default: 20m.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="With --measure: folder of all run folders; default: results.")
    ] = None,
    explain_latency: Annotated[
        bool,
        typer.Option("--explain-latency", help="Only how well mult-adds, activations and bytes explain latency."),
    ] = False,
    front: Annotated[
        bool, typer.Option("--front", help="Only the front of printed accuracy, by mult-adds and by latency.")
    ] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a row a claim, and a consequence.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a page of Markdown.")] = False,
) -> None:
    """Hold what papers claim against counting, your own runs and published measurements."""
    from edgebench.api.claims.evidence import PUBLISHED

    if not measure:
        belonging("--measure", {"--device": device, "--budget": budget, "--results": results})
    budget_s = span_s(budget or _BUDGET)
    form = _form(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    given = tuple(evidence or (PUBLISHED,))
    if check is not None:
        _print_check(check, form)
    elif explain_latency or front:
        if (explain_latency and front) or measure or paper is not None or claim is not None:
            raise UsageError(
                "--explain-latency and --front each tell one thing of all the evidence: expected one of them alone, "
                "without --paper, --claim and --measure."
            )
        (_print_explained if explain_latency else _print_fronts)(given, form)
    else:
        measuring = (device or "host", budget_s, results or Path("results")) if measure else None
        _print_claims(_judged(paper, claim, given, measuring), claim, form)


def _form(*, as_json: bool, as_csv: bool, as_markdown: bool) -> Form:
    if sum((as_json, as_csv, as_markdown)) > 1:
        raise UsageError("Found more than one of --json, --csv and --markdown: expected one of them.")
    return "json" if as_json else "csv" if as_csv else "markdown" if as_markdown else "text"


def _print_check(path: Path, form: Form) -> None:
    from edgebench.api.claims import judging

    found = judging.check(path)
    if form == "json":
        print_json({"file": path, "claims": len(found.claims), "left_out": len(found.left_out)})
    else:
        print(f"{path}: {len(found.claims)} claims, {len(found.left_out)} left out: nothing is wrong with it.")


# --- claims ----------------------------------------------------------------------------------------------------------


def _judged(
    paper: str | None, claim: str | None, evidence: Sequence[str], measuring: tuple[str, float, Path] | None
) -> "Judgements":
    """Return the claims that were asked for, after measuring what of them is open where that was asked for too."""
    from edgebench.api.claims import judging

    judged = judging.claims(paper, claim, evidence)
    if measuring is None:
        return judged
    from edgebench.api.claims.measuring import measure

    device, budget_s, results = measuring
    runs = measure(judged, device, budget_s, results, say)
    return judging.claims(paper, claim, (*evidence, *runs))


def _print_claims(judged: "Judgements", claim: str | None, form: Form) -> None:
    from edgebench.report import claim_rows, claim_story

    if form == "csv":
        print_csv(claim_rows.ClaimRow, claim_rows.rows(judged))
    elif form == "json":
        print_json(claim_rows.document(judged))
    elif form == "markdown":
        _print_page(judged)
    elif claim is not None:
        for line in claim_story.story(judged):
            print(line)
    else:
        _print_tables(judged)


def _print_page(judged: "Judgements") -> None:
    """Print the page; what the evidence tells beyond single papers stands there when all of them were asked for."""
    from edgebench.api.claims import explaining
    from edgebench.report import claim_page

    if len(judged.papers) > 1:
        told = explaining.explain(judged.evidence)
        lines = claim_page.page(judged, told.explained, told.fronts)
    else:
        lines = claim_page.page(judged)
    print("\n".join(lines))


def _print_tables(judged: "Judgements") -> None:
    from edgebench.report import claims as report

    for sentence in report.summary(judged):
        print_sentence(sentence)
    print_table(report.claims_table(judged))
    for sentence in report.told(judged):
        print_sentence(sentence)
    consequences = report.consequences_table(judged)
    if consequences is not None:
        print_table(consequences)
    for sentence in report.further(judged):
        print_sentence(sentence)


# --- what explains latency, and the front ----------------------------------------------------------------------------


def _print_explained(evidence: Sequence[str], form: Form) -> None:
    from edgebench.api.claims import explaining
    from edgebench.report import explained as report

    found = explaining.explain(evidence).explained
    if form == "csv":
        print_csv(report.ExplainedRow, report.rows(found))
    elif form == "json":
        print_json({"evidence": evidence, "explained": list(report.rows(found))})
    elif form == "markdown":
        print("\n".join((report.MEANING, "", *report.markdown(found))))
    else:
        _print_text(report.MEANING, report.summary(found), report.tables(found))


def _print_fronts(evidence: Sequence[str], form: Form) -> None:
    from edgebench.api.claims import explaining
    from edgebench.report import fronts as report

    found = explaining.explain(evidence).fronts
    if form == "csv":
        print_csv(report.FrontRow, report.rows(found))
    elif form == "json":
        print_json({"evidence": evidence, "fronts": list(report.rows(found))})
    elif form == "markdown":
        print("\n".join((report.MEANING, "", *report.markdown(found))))
    else:
        _print_text(report.MEANING, report.summary(found), report.tables(found))


def _print_text(meaning: str, sentences: Iterable[str], tables: Iterable[Any]) -> None:
    for sentence in (*sentences, meaning):
        print_sentence(sentence)
    for table in tables:
        print_table(table)
