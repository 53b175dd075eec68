"""What claims are held against: published measurements, and run folders."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgebench.api.claims import settings
from edgebench.api.claims.settings import Setting
from edgebench.errors import UsageError

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
