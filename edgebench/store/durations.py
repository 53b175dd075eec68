"""What earlier runs of a unit tell of how long its trials take to start and to call."""

import contextlib
import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edgebench.measure.duration import Timing
from edgebench.measure.plan import TWIN

_RUNS = 8  # the newest ones: runtimes and machines change
_PROCESS_S = 0.2  # Python, numpy and the first line, before a worker looks at its clock


def remembered(results: Path, unit: str) -> dict[str, Timing]:
    """Return the timing of each trial that the newest runs of a unit measured, by its id; the newest run counts."""
    found: dict[str, Timing] = {}
    for path in sorted((results / unit).glob("*/trials.csv"))[-_RUNS:]:
        found |= dict(_timings(path))
    return found


def per_mult_add_s(results: Path, unit: str) -> dict[str, float]:
    """Return the median seconds of a mult-add by backend, over the trials of the newest runs of a unit."""
    rates: dict[str, list[float]] = {}
    for path in sorted((results / unit).glob("*/trials.csv"))[-_RUNS:]:
        for row in _rows(path):
            with contextlib.suppress(ValueError, ZeroDivisionError, KeyError):
                work = float(row["mult_adds"]) * float(row["batch"])
                rate = float(row["latency_p50_s"]) / work  # of a row without a latency there is none
                rates.setdefault(row["backend"], []).append(rate)
    return {name: sorted(values)[len(values) // 2] for name, values in rates.items()}


def _timings(path: Path) -> Iterator[tuple[str, Timing]]:
    for row in _rows(path):
        with contextlib.suppress(ValueError, KeyError):
            started = sum(float(row[name]) for name in ("import_s", "load_s", "first_call_s"))
            yield (
                row["trial"].removesuffix(TWIN),
                Timing(
                    start_s=_PROCESS_S + started,
                    call_s=float(row["latency_p50_s"]),
                    warm_up_s=float(row["warm_up_s"]),
                    told=True,
                ),
            )


def _rows(path: Path) -> Iterable[Mapping[str, str]]:
    """Return the rows of a table, as far as it can be read: it only helps to guess."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []
