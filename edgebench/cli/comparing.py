"""`edgebench compare`: what differs between two results of one kind."""

from pathlib import Path
from typing import Annotated

import typer

from edgebench.cli.options import Json
from edgebench.cli.printing import print_json, print_table
from edgebench.errors import UsageError


def compare(
    before: Annotated[Path, typer.Argument(help="A file that `count --executed --json` printed.")],
    after: Annotated[Path, typer.Argument(help="The same of another version.")],
    executed: Annotated[
        bool, typer.Option("--executed", help="Compare executed instructions: exact, so every difference is one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what differs between two counts of executed instructions, such as of two versions of a runtime."""
    if not executed:
        raise UsageError("compare needs --executed: this version compares counts of executed instructions.")
    from edgebench import api
    from edgebench.report import executed as tables

    found = api.compare_executed(before, after)
    if as_json:
        print_json(found)
        return
    for one in found:
        if one.same:
            print(f"{one.before.model} in {one.before.backend}: the same, instruction for instruction.")
        else:
            print_table(tables.difference(one))
