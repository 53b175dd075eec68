"""`edgebench selftest`: measure where the truth is known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from edgebench.cli.options import Host, Json, Results, belonging
from edgebench.cli.printing import print_json, print_sentence, print_table, say
from edgebench.errors import UsageError

Device = Annotated[str, typer.Option("--device", help="A kind of board, a unit of boards.toml, or host: this machine.")]


def selftest(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    device: Device = "host",
    host: Host = None,
    aa: Annotated[bool, typer.Option("--aa", help="Set a model against itself, session after session.")] = False,
    known: Annotated[
        bool, typer.Option("--known", help="Set a computation against one of exactly 1.05 times the work.")
    ] = False,
    neighbour: Annotated[
        bool, typer.Option("--neighbour", help="Disturb it: a load of our own on the same processor.")
    ] = False,
    sessions: Annotated[int | None, typer.Option(min=1, help="How often; default: 40.")] = None,
    model: Annotated[str | None, typer.Option(help="The model of --aa; default: one of about a millisecond.")] = None,
    backend: Annotated[str | None, typer.Option(help="The runtime of --aa; default: onnxruntime.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all orders drawn; default: a new one, recorded.")] = None,
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """Say how fine this machine measures, and how often it is wrong; without --aa or --known, what was found before."""
    from edgebench import api
    from edgebench.report import selftest as report

    either = {"--neighbour": neighbour or None, "--sessions": sessions, "--seed": seed}
    _refuse(aa=aa, known=known, either=either, own={"--model": model, "--backend": backend})
    if not (aa or known):
        calibration = api.calibrated(device, host, results)
        if as_json:
            print_json(calibration)
        else:
            for sentence in report.before(calibration).splitlines():
                print_sentence(sentence)
        return
    asked = api.SelfTest(
        device=device,
        host=host,
        sessions=sessions or api.SelfTest().sessions,
        model=model or api.SelfTest().model,
        backend=backend or api.SelfTest().backend,
        known=known,
        neighbour=neighbour,
        seed=seed,
        results=results,
    )
    outcome = api.selftest(asked, say)
    if as_json:
        print_json({"folder": outcome.result.folder, "check": outcome.check, "entry": outcome.entry})
        return
    for sentence in report.sentences(outcome.check):
        print_sentence(sentence)
    print_table(report.table(outcome.check))
    print(f"Run folder: {outcome.result.folder}")


def _refuse(*, aa: bool, known: bool, either: Mapping[str, object], own: Mapping[str, object]) -> None:
    """Raise UsageError for options that do not go together: `either` belong to both tests, `own` to --aa."""
    if aa and known:
        raise UsageError("Both --aa and --known are given: expected one of them.")
    if not (aa or known):
        belonging("--aa or --known", either)
    if not aa:
        belonging("--aa", own)
