"""Ratios of published powers and energies: `edgebench/reference/energy`, known answers for the arithmetic of ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from edgebench.store import csvfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Two ratios made of one published row: mean power over idle power, and the share of energy above idle."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    source: str
    board: str
    runtime: str
    model: str
    power_over_idle: float
    above_idle_share: float


def columns() -> tuple[str, ...]:
    """Return the columns of the file, in their order."""
    return csvfile.columns(Derived)


def derived() -> Iterator[Derived]:
    """Yield every row; raise UsageError, with file and line, for a wrong one."""
    path = Path(str(files("edgebench.reference"))) / "energy" / "derived.csv"
    for _, row in csvfile.lines(path, Derived):
        yield row
