"""`edgebench list`: what is known, what is installed, and how to get the rest."""

import typer

from edgebench.cli.options import Json
from edgebench.cli.printing import print_json, print_table

app = typer.Typer(help="What is known, what is installed, and how to get the rest.")


@app.command("models")
def list_models(as_json: Json = False) -> None:
    """List the architectures with their parameters, and how to give a model of your own."""
    from edgebench import architectures
    from edgebench.report import lists

    found = architectures.catalogue()
    if as_json:
        print_json(found)
    else:
        print_table(lists.models(found))
        for line in lists.YOURS:
            print(line)


@app.command("backends")
def list_backends(as_json: Json = False) -> None:
    """List the runtimes: installed ones with their version, and how to get the others."""
    from edgebench import api
    from edgebench.report import lists

    found = api.backends()
    if as_json:
        print_json(found)
    else:
        print_table(lists.backends(found))


@app.command("suites")
def list_suites(as_json: Json = False) -> None:
    """List the suites of models."""
    from edgebench import api
    from edgebench.report import lists

    found = api.suites()
    if as_json:
        print_json(found)
    else:
        print_table(lists.suites(found))
