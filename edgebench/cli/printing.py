"""What the commands print with: sentences, tables, JSON."""

import csv
import dataclasses
import json
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

WIDTH = 80


def say(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def print_sentence(text: str) -> None:
    """Print a sentence, broken at 80 columns."""
    print(textwrap.fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))


def print_table(renderable: Any) -> None:
    """Print a table: with colours on a terminal, 80 columns of plain text into a pipe."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(renderable)


def print_json(value: Any) -> None:
    """Print a value as JSON, records as objects."""
    print(json.dumps(value, default=fields, indent=2))


def print_csv(kind: type[Any], rows: Iterable[Any]) -> None:
    """Print records as CSV, their fields as columns; a text that a spreadsheet would compute gets a quote before it."""
    from edgebench.store import csvfile

    writer = csv.DictWriter(sys.stdout, csvfile.columns(kind), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {name: getattr(row, name) for name in csvfile.columns(kind)}
        writer.writerow({name: csvfile.shown(one) if isinstance(one, str) else one for name, one in cells.items()})


def fields(value: Any) -> Any:
    """Return what JSON cannot hold as what it can: records as objects, paths and the rest as text."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)
