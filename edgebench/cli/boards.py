"""`edgebench devices`: kinds of boards, and what is done with one board."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from edgebench.cli.options import Host, Json, Name, Results
from edgebench.cli.printing import print_json, print_table, say

Wheels = Literal["auto", "board", "host"]

app = typer.Typer(help="Kinds of boards, and setting up, checking and probing one.")


@app.command("list")
def devices_list(as_json: Json = False) -> None:
    """List the kinds of boards, and your units of boards.toml."""
    from edgebench import devices
    from edgebench.report import lists

    kinds = [devices.load(path) for path in devices.known().values()]
    units = devices.units().values()
    if as_json:
        named = [{"name": kind.name, "title": kind.title, "status": kind.status} for kind in kinds]
        print_json({"kinds": named, "units": list(units)})
        return
    print_table(lists.devices(kinds))
    if units:
        print_table(lists.boards(units))


@app.command("show")
def devices_show(name: Annotated[str, typer.Argument(help="A kind of board.")], as_json: Json = False) -> None:
    """Show all that is known of a kind of board, with its sources."""
    from edgebench import devices

    path = devices.known().get(name)
    kind = devices.find(name)
    if as_json or path is None:
        print_json(kind)
    else:
        print(f"# {path}\n{path.read_text(encoding='utf-8')}", end="")


@app.command("check")
def devices_check(name: Name = "host", host: Host = None, as_json: Json = False) -> None:
    """Say what a board is, and whether it is of this kind."""
    from edgebench import api
    from edgebench.report import lists

    board = api.board(name, host)
    if as_json:
        print_json({"device": board.device.name, "facts": board.facts, "runtimes": board.runtimes})
        return
    who = "This machine" if board.unit.host is None else board.unit.host
    print(f"{who} is of the kind {board.device.name} ({board.device.title}).")
    print_table(
        lists.facts({**board.facts, "runtimes": [f"{name} {text}".strip() for name, text in board.runtimes.items()]})
    )


@app.command("setup")
def devices_setup(
    name: Name = "host",
    host: Host = None,
    backend: Annotated[list[str] | None, typer.Option(help="A runtime; default: onnxruntime; repeatable.")] = None,
    wheels: Annotated[Wheels, typer.Option(help="Where wheels come from.")] = "auto",
    remove: Annotated[bool, typer.Option("--remove", help="Delete all that edgebench put on the board.")] = False,
    as_json: Json = False,
) -> None:
    """Prepare a board for measuring, without building anything on it."""
    from edgebench import api

    if remove:
        there = api.remove(name, host)
        print("Removed: nothing of edgebench is left on the board." if there else "There was nothing to remove.")
        return
    done = api.prepare(name, host, backend or (), wheels=wheels, say=say)
    if as_json:
        print_json(done)
    else:
        print(f"Set up: Python {done.python_version} with {', '.join(done.backends)}.")


@app.command("probe")
def devices_probe(
    name: Name = "host",
    host: Host = None,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """Measure what a board reaches at best, and keep it in its calibration."""
    from edgebench import api
    from edgebench.report import lists

    calibration = api.probe(name, host, results, seconds)
    if as_json:
        print_json(calibration)
    else:
        print_table(lists.calibration(calibration))


@app.command("power")
def devices_power(
    run_folder: Annotated[Path, typer.Argument(help="A run that was measured with --energy or --meter.")],
    meter: Annotated[Path | None, typer.Option(help="CSV file of an external meter that logged the run.")] = None,
    as_json: Json = False,
) -> None:
    """Fit watts = idle + a x utilisation to a run whose power was measured, and keep it in the unit's calibration."""
    from edgebench import api
    from edgebench.report import sensing

    calibration = api.power(run_folder, meter)
    if as_json:
        print_json(calibration)
    else:
        for sentence in sensing.power(calibration):
            print(sentence)


@app.command("new")
def devices_new(
    name: Annotated[str, typer.Argument(help="The name of a kind that is not known yet.")],
    host: Host = None,
    as_json: Json = False,
) -> None:
    """Draft devices/NAME.toml for a board, from what it says of itself."""
    from edgebench import api

    path = api.draft(name, host)
    if as_json:
        print_json({"file": path})
    else:
        print(f"{path} is written: fill in what the board did not say, each fact with its source.")


@app.command("emulate")
def devices_emulate(
    name: Annotated[str, typer.Argument(help="A kind of board, such as rpi4.")],
    backend: Annotated[list[str] | None, typer.Option(help="A runtime; default: onnxruntime; repeatable.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Run commands that change the system, where any are needed.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the stand-in, and keep it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the stand-in and all that was made for it.")] = False,
    as_json: Json = False,
) -> None:
    """Start a stand-in: an emulated board of this kind, on a loopback address, for want of a real one."""
    from edgebench import api

    if remove:
        done = api.remove_emulated(name)
        print("\n".join(f"{line[0].upper()}{line[1:]}." for line in done) or "There was nothing to remove.")
        return
    if stop:
        print("Stopped." if api.stop_emulated(name) else "It was not running.")
        return
    made = api.emulate(name, backend or (), yes=yes, say=say)
    if as_json:
        print_json(made)
        return
    has = ", ".join(made.backends)
    print(f"{made.unit} answers at {made.address}, port {made.port}: an emulated {made.cpu} with {has}.")
    print(f"Run on it: edgebench run --device {made.unit} --model lenet5")
    print(f"Look at it: ssh -F {shlex.quote(str(made.ssh_config))} {made.unit}")
    print("What runs there is checked, not timed: an emulator's times mean nothing.")
