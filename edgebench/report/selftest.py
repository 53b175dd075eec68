"""What a self-test found, in words and as a table."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from edgebench import units
from edgebench.measure import truth
from edgebench.measure.statistics import Estimate
from edgebench.measure.truth import Check, Tally
from edgebench.report.terminal import add_row, plain_table
from edgebench.store.calibration import Calibration, Resolution


def sentences(check: Check) -> Iterator[str]:
    """Yield what a self-test says: how often it was wrong, and how fine it measures."""
    missed = truth.tally(check.own, check.truth)
    what = "called a model different from itself" if check.truth == 1 else f"missed the true {check.truth:g}"
    yield f"{missed.excluded} of {missed.sessions} sessions {what}; {_expected(missed)}."
    if check.truth != 1:
        found = truth.tally(check.own, 1.0)
        yield f"{found.excluded} of {found.sessions} found the difference."
    yield (
        f"Resolution: 95% of sessions were within {_percent(truth.resolution(check.own, check.truth))} of the truth; "
        f"half of their intervals are narrower than {_percent(truth.median_half_width(check.own))} to either side."
    )


def table(check: Check) -> Table:
    """Return the protocol of this program beside the usual one, on the same samples."""
    made = plain_table(
        f"{len(check.own)} sessions whose true ratio is {check.truth:g}",
        "protocol",
        f"excludes {check.truth:g}>",
        "off by, p95>",
        "half-width>",
    )
    for name, estimates in (
        ("this program, wall time", check.own),
        ("this program, CPU time", check.cpu),
        ("one after the other, bootstrap", check.usual),
    ):
        if estimates:
            add_row(made, name, *_cells(estimates, check.truth))
    return made


def before(calibration: Calibration) -> str:
    """Return what the calibration of a unit says of its resolution, one sentence a self-test."""
    found = [entry for entry in calibration.entries if isinstance(entry, Resolution)]
    if not found:
        return f"{calibration.unit} was never tested against itself: run `edgebench selftest --aa`."
    return "\n".join(_told(entry) for entry in found)


def _told(entry: Resolution) -> str:
    beside = " beside a neighbour" if entry.neighbour else ""
    return (
        f"{entry.at}: {entry.excluded_one} of {entry.sessions} sessions{beside} called {entry.trial} different from "
        f"itself ({entry.naive_excluded_one} with the usual protocol); resolution {_percent(entry.resolution)}."
        f"{_apart(entry)}"
    )


def _apart(entry: Resolution) -> str:
    """Return how far sessions of different times lie apart, where that was taken."""
    if entry.between_sessions is None or entry.between_sessions_ruled is None:
        return ""
    ruled = f"{_percent(entry.between_sessions_ruled)} against the canary"
    return f" Its sessions lay {_percent(entry.between_sessions)} apart, {ruled} (standard deviations)."


def _expected(missed: Tally) -> str:
    bounds = f"{_percent(missed.rate)} [{_percent(missed.rate_low)}, {_percent(missed.rate_high)}]"
    return f"that is {bounds}, where 5% is nominal"


def _cells(estimates: Sequence[Estimate], value: float) -> tuple[str, str, str]:
    missed = truth.tally(estimates, value)
    return (
        f"{missed.excluded} of {missed.sessions}",
        _percent(truth.resolution(estimates, value)),
        _percent(truth.median_half_width(estimates)),
    )


def _percent(value: float) -> str:
    return f"{units.digits(100 * value)}%"
