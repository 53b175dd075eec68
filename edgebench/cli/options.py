"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of all run folders.")]
Host = Annotated[str | None, typer.Option("--host", help="USER@HOST of a board that no boards.toml names.")]
Name = Annotated[str, typer.Argument(help="A kind of board, a unit of boards.toml, or host: this machine.")]
