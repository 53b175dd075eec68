"""Options that several commands share, and what their words mean."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from edgebench.errors import UsageError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of all run folders.")]
Host = Annotated[str | None, typer.Option("--host", help="USER@HOST of a board that no boards.toml names.")]
Name = Annotated[str, typer.Argument(help="A kind of board, a unit of boards.toml, or host: this machine.")]

Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="The shape of an input of your own model, as [NAME=]1x3x224x224; repeatable."),
]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="A state dictionary for the model, as torch.save writes it.")
]


def belonging(owner: str, options: Mapping[str, object]) -> None:
    """Raise UsageError for the first option that is given: what it belongs to, `owner`, is not.

    >>> belonging("--measure", {"--device": None})
    """
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{given[0]} belongs to {owner}: give it too.")


def span_s(text: str, what: str = "budget") -> float:
    """Return the seconds of a span of time with its unit; `what` names it where it is none.

    >>> span_s("1.5m")
    90.0
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"The {what} is {text!r}: expected a number with s, m or h, such as 10m.")
    return float(match[1]) * _SECONDS[match[2]]


def share(text: str, what: str = "target") -> float:
    """Return a percentage as a share; `what` names it where it is none.

    >>> share("0.5%")
    0.005
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"The {what} is {text!r}: expected per cent, such as 0.5%.")
    return float(match[1]) / 100
