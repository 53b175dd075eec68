"""The command line: parse, call `edgebench.api`, print. Everything heavy is imported by the command that needs it."""

import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from edgebench import __version__
from edgebench.cli import boards, claims, comparing, counting, listing, predicting, reporting, selftest
from edgebench.cli.options import Host, Inputs, Json, Results, Weights, share, span_s
from edgebench.cli.printing import fields, print_json, print_sentence, print_table, say
from edgebench.errors import EdgebenchError, UsageError

if TYPE_CHECKING:
    from edgebench.api import Plan, Result

_INTERRUPTED = 130  # 128 + SIGINT, as shells say it
_LOST = 3

_HELP = "Measure what neural networks cost on edge devices, and judge what papers claim of them."
_EPILOG = (
    "Exit codes: 0 done, 1 a gate said no, 2 wrong use, 3 a trial was lost, 4 the device could not be reached, "
    "130 interrupted."
)


class _Interrupted(Exception):  # noqa: N818 - an event, not a mistake
    """Ctrl-C, by a name that typer lets through: a KeyboardInterrupt it would end without a word."""


class _Commands(TyperGroup):
    """The commands; what interrupts one of them reaches `main`."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None


app = typer.Typer(
    cls=_Commands,
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: a third of the start-up time
    pretty_exceptions_enable=False,
)
app.add_typer(boards.app, name="devices", no_args_is_help=True)
app.add_typer(listing.app, name="list", no_args_is_help=True)
app.command("selftest")(selftest.selftest)

Devices = Annotated[
    list[str] | None,
    typer.Option("--device", help="A kind of board, a unit of boards.toml, or host: this machine; repeatable."),
]


def main() -> None:
    """Run the command line; what a user can act on is printed as one sentence, everything else is a bug."""
    try:
        app(prog_name="edgebench")
    except EdgebenchError as error:
        print(f"edgebench: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except (_Interrupted, KeyboardInterrupt):
        print("edgebench: interrupted.", file=sys.stderr)
        raise SystemExit(_INTERRUPTED) from None
    finally:
        gc.freeze()  # else Python searches all that torch made before it ends: 0.9 s, now 0.1 s


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


@app.command()
def run(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    device: Devices = None,
    host: Host = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model, such as mobilenet_v1:width=0.5 or my.onnx; repeatable.")
    ] = None,
    inputs: Inputs = None,
    weights: Weights = None,
    suite: Annotated[str | None, typer.Option(help="Models under one name; default: seeds.")] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="A runtime; default: those of the device that are installed; repeatable."),
    ] = None,
    precision: Annotated[list[str] | None, typer.Option(help="fp32, fp16, bf16 or int8; repeatable.")] = None,
    threads: Annotated[list[int] | None, typer.Option(help="Threads a worker computes with; repeatable.")] = None,
    batch: Annotated[list[int] | None, typer.Option(help="Inputs per call; repeatable.")] = None,
    invocations: Annotated[
        int | None, typer.Option(min=1, help="Fresh processes a trial; intervals need 5, the default.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Measure until ratios are known to 1%, for so long at most: 90s, 10m, 1h."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Measure until ratios are known so well: 0.5%.")] = None,
    pace: Annotated[
        float | None, typer.Option(metavar="HZ", help="Start calls at fixed times, as a camera does.")
    ] = None,
    energy: Annotated[
        bool, typer.Option("--energy", help="Measure energy as well, with the best sensor of the board.")
    ] = False,
    meter: Annotated[
        Path | None, typer.Option(help="CSV file that an external meter is writing: energy from that.")
    ] = None,
    sustained: Annotated[
        str | None, typer.Option(help="Call each model without a pause until it stays level, for so long at most: 10m.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Images in class folders, or an .npz: accuracy of each trial, and calibration of int8."),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="The time of each layer as well.")] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of all orders drawn; default: a new one, recorded.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Take the models from a file that `edgebench pack` made: needs no torch.")
    ] = None,
    results: Results = Path("results"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest run that did not end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be measured and how long it takes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure models in several runtimes, and set the latencies against the mult-adds."""
    from edgebench import api

    if device is not None and len(device) > 1:
        _show_fleet(device, as_json)
        return
    name = device[0] if device else "host"
    request = api.Request(
        device=name,
        host=host,
        models=tuple(model or ()),
        inputs=tuple(inputs or ()),
        weights=weights,
        suite=suite,
        backends=tuple(backend or ()),
        precisions=tuple(precision or ()),
        threads=tuple(threads or ()),
        batches=tuple(batch or (1,)),
        invocations=invocations,
        budget_s=None if budget is None else span_s(budget),
        target=None if target is None else share(target),
        pace_hz=pace,
        sustained_s=None if sustained is None else span_s(sustained, "time of --sustained"),
        energy=energy,
        meter=meter,
        results=results,
        seed=seed,
        bundle=bundle,
        data=data,
        layers=layers,
    )
    if resume:
        defaults = api.Request(device=name, host=host, results=results)
        if request != defaults or dry_run:
            raise UsageError(
                "--resume goes on with a run as it was planned: give it no options but --device, --results and --json."
            )
        _show(api.resume(results, name, host, say), as_json)
    elif dry_run:
        _show_plan(api.plan(request), as_json)
    else:
        _show(api.run(request, say), as_json)


app.command("count")(counting.count)
app.command("claims")(claims.claims)
app.command("compare")(comparing.compare)
app.command("predict")(predicting.predict)
app.command("report")(reporting.report)


@app.command()
def pack(  # noqa: PLR0913, PLR0917 - a command has as many parameters as options
    what: Annotated[list[str], typer.Argument(metavar="SUITE|MODEL...", help="Suites and models.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("bundle.zip"),
    backend: Annotated[
        list[str] | None,
        typer.Option(
            help="A runtime to pack for; default: all that load plain data and need no new converter; repeatable."
        ),
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Inputs per call; repeatable.")] = None,
    inputs: Inputs = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Count and convert models into one file, for `run --bundle` on a board without torch."""
    from edgebench import api, units

    packed = api.pack(
        what, output, backends=backend or (), batches=batch or (1,), inputs=inputs or (), weights=weights, say=say
    )
    if as_json:
        print_json(packed)
    else:
        models = f"{len(packed.models)} model{'s' * (len(packed.models) != 1)} as {', '.join(packed.formats)}"
        print(f"{packed.path}: {models}, {units.size(packed.size_bytes)}.")
        if packed.not_packed:
            left_out = ", ".join(packed.not_packed)
            print(f"Not packed: {left_out} (their converters are not installed here): name them with --backend.")
        print(f"On the board: edgebench run --bundle {packed.path.name}")
    if any(one.lost for one in packed.not_converted):
        raise typer.Exit(_LOST)


@app.command()
def recompute(
    run_folder: Annotated[Path, typer.Argument(help="A run folder, such as results/host/2026-11-22T10-15-00Z-ab12.")],
    meter: Annotated[Path | None, typer.Option(help="CSV file of an external meter: energy from that.")] = None,
    as_json: Json = False,
) -> None:
    """Make every derived file of a run again from its journal."""
    from edgebench import api

    _show(api.recompute(run_folder, meter), as_json)


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete every converted model.")] = False,
    as_json: Json = False,
) -> None:
    """Say where converted models are kept and how much room they take."""
    from edgebench import api, units

    state = api.clear_cache() if clear else api.cache_state()
    if as_json:
        print_json(state)
    else:
        done = "Freed" if clear else "Holds"
        print(f"{state.folder}: {done.lower()} {units.size(state.size_bytes)}.")


def _show(result: "Result", as_json: bool) -> None:
    """Print a run: the answer first; end with code 3 when a trial was lost, 130 when its user ended it."""
    from edgebench.report import answer, expectations, layer_times, terminal

    if as_json:
        print_json({"folder": result.folder, **fields(result.summary), "verdicts": result.verdicts})
    else:
        for sentence in answer.sentences(result.summary, result.known):
            print_sentence(sentence)
        tables = (
            terminal.trials(result.summary.trials),
            terminal.energy(result.summary.trials),
            terminal.minutes(result.summary.minutes),
            terminal.pairs(result.summary.pairs),
            terminal.verdicts(result.verdicts),
            layer_times.table(result.summary.layers),
            expectations.of_summary(result.summary),
        )
        for table in tables:
            if table is not None:
                print_table(table)
        print(f"Run folder: {result.folder}")
    if result.run.ended == "interrupted":
        raise typer.Exit(_INTERRUPTED)
    if result.lost:
        raise typer.Exit(_LOST)


def _show_fleet(units: list[str], as_json: bool) -> None:
    """Run the same command for each unit, side by side, and print one table; end with the gravest exit code."""
    from edgebench import api, fleet
    from edgebench.report import terminal

    words = _without_devices(sys.argv[1:])
    command = [sys.executable, "-P", "-m", "edgebench", *words, *([] if as_json else ["--json"])]
    ended = fleet.run({unit: [*command, "--device", unit] for unit in dict.fromkeys(units)}, say)
    printed = {unit: json.loads(one.printed) for unit, one in ended.items() if one.printed}
    if as_json:
        print_json(printed)
    elif "--dry-run" not in words:
        results = [api.read(value["folder"]) for value in printed.values()]
        print_table(terminal.trials(row for result in results for row in result.summary.trials))
        for result in results:
            print(f"Run folder: {result.folder}")
    status = max((abs(one.status) for one in ended.values()), default=0)
    if status:
        raise typer.Exit(status)


def _without_devices(words: list[str]) -> list[str]:
    """Return the words of a command line without its --device options.

    >>> _without_devices(["run", "--device", "a", "--device=b", "--model", "lenet5"])
    ['run', '--model', 'lenet5']
    """
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--device":
            next(rest, None)
        elif not word.startswith("--device="):
            kept.append(word)
    return kept


def _show_plan(plan: "Plan", as_json: bool) -> None:
    from edgebench import api

    if as_json:
        print_json(
            {
                "device": plan.device.name,
                "unit": plan.unit.name,
                "trials": [trial.id for trial in plan.trials],
                "sessions": plan.sessions,
                "left_out": plan.left_out,
                "measuring_s": plan.measuring_s,
                "converting_s": plan.converting_s,
            }
        )
        return
    print(api.expectation(plan))
    for session in plan.sessions:
        why = "they do not fit into the memory together" if plan.protocol.sustained_s is None else "each alone"
        how = "together" if session.together else f"one after the other: {why}"
        print(f"Session {session.name} ({how}):")
        for trial in session.trials:
            print(f"  {trial.id}")
    for one in plan.left_out:
        print(f"Left out: {one.trial} {one.reason}.")
