"""What claims are held against: published measurements, and run folders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edgebench import units
from edgebench.api.claims import settings
from edgebench.api.claims.settings import Setting
from edgebench.api.reading import read
from edgebench.errors import UsageError
from edgebench.judge.judgement import Machine

PUBLISHED = "published"
"""The evidence that is shipped: published measurements of real boards."""

_JOURNAL = "journal.jsonl"


def runs(evidence: Iterable[str | Path]) -> list[Setting]:
    """Return the settings of all runs among the evidence; raise UsageError for a folder without any."""
    return [setting for one in evidence if one != PUBLISHED for setting in _below(Path(one))]


def _below(folder: Path) -> Iterator[Setting]:
    journals = sorted(folder.rglob(_JOURNAL))
    if not journals:
        raise UsageError(f"{folder} holds no run: expected {PUBLISHED}, a run folder, or a folder of such.")
    for journal in journals:
        yield from settings.settings(journal.parent)


def machines(measured: Iterable[Setting]) -> tuple[Machine, ...]:
    """Return the machines behind settings: one a unit and description, as its runs recorded it."""
    found: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = defaultdict(list)
    for run in dict.fromkeys(setting.run for setting in measured):
        started = read(run).run.started
        found[started.unit, _description(started.facts)].append((started.started[:10], started.versions))
    return tuple(
        Machine(
            unit=unit,
            description=description,
            runs=len(runs),
            days=tuple(sorted({day for day, _ in runs})),
            versions=tuple(sorted({f"{name} {version}" for _, of in runs for name, version in of.items()})),
        )
        for (unit, description), runs in found.items()
    )


def _description(facts: Mapping[str, object]) -> str:
    """Return what a machine says of itself in a line; its text is data, whatever it holds.

    >>> _description({"cpu_model": "AMD EPYC", "cores": 2, "memory_total_bytes": 2**34, "os": "Debian 12"})
    'AMD EPYC, 2 cores, 16.0 GiB, Debian 12'
    """
    board, cores, memory = facts.get("device_tree_model"), facts.get("cores"), facts.get("memory_total_bytes")
    parts = [board, facts.get("cpu_model") or facts.get("machine")]
    parts += [f"{cores} cores" if isinstance(cores, int) else None]
    parts += [units.size(memory) if isinstance(memory, int) else None, facts.get("os")]
    return ", ".join(" ".join(str(part).split()) for part in parts if part)
