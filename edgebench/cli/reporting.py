"""`edgebench report`: a page to look at."""

from pathlib import Path
from typing import Annotated

import typer

from edgebench.cli.options import Json
from edgebench.cli.printing import print_json, print_sentence
from edgebench.errors import UsageError


def report(
    results: Annotated[
        Path, typer.Argument(metavar="RUN|DIR", help="A run folder, or a folder of such: then latency over dates.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write; default: report.html there."),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write Markdown with PNG and SVG into a folder instead.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Write a run, or all runs below a folder, as one HTML file that needs no network."""
    from edgebench import units
    from edgebench.api import reporting

    if markdown is not None and (output is not None or open_):
        raise UsageError("--markdown writes a folder: expected it without -o and --open, which are of the HTML file.")
    made = reporting.report(results, output) if markdown is None else reporting.report_markdown(results, markdown)
    if as_json:
        print_json(made)
    else:
        print_sentence(made.headline)
        print(f"{made.path}: {units.size(made.size_bytes)}.")
    if open_:
        import webbrowser

        webbrowser.open(made.path.resolve().as_uri())
