"""`edgebench list`: what is known, what is installed, and how to get the rest."""

import typer

from edgebench.cli.options import Host, Json, Name
from edgebench.cli.printing import print_json, print_sentence, print_table

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
    from edgebench import api, extras
    from edgebench.report import lists

    found = api.backends()
    if as_json:
        print_json(found)
    else:
        print_table(lists.backends(found))
        wanted = ",".join(one.extra for one in found if one.extra)
        if wanted:
            print_sentence(f"All that are missing: {extras.way(wanted)}")


@app.command("sensors")
def list_sensors(name: Name = "host", host: Host = None, as_json: Json = False) -> None:
    """List what tells power, heat and clocks on a board, what is missing there, and what to do about it."""
    from edgebench import api
    from edgebench.report import sensing

    found = api.sensors(name, host)
    if as_json:
        print_json(found)
        return
    for sentence in sensing.sentences(found):
        print_sentence(sentence)
    print_table(sensing.table(found))


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
