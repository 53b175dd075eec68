"""The front of printed accuracy against cost: tables for a terminal, lines of Markdown, rows of CSV."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.table import Table

from edgebench import units
from edgebench.judge import fronts
from edgebench.judge.fronts import Front, Network, Standing
from edgebench.report.explained import processor, setting
from edgebench.report.markdown import table_lines
from edgebench.report.terminal import add_row, plain_table

MEANING = (
    "The accuracy is printed by those who trained the network, not measured here; of integers it would be another, so "
    "that they are left out. A network is on a front when no other of the same board costs less and is as accurate."
)

_LEAST_BOARDS = 3
"""A network that fewer boards ran says too little of boards to stand in a table of them."""

_COLUMNS = ("network", "top-1", "mult-adds", "by mult-adds", "by latency")
_OWN_COLUMNS = ("network", "top-1", "mult-adds", "latency", "on the front by")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRow:
    """One network at one place as a row of CSV; `accuracy_source` says who printed its top-1 accuracy, in per cent."""

    source: str
    board: str
    runtime: str
    version: str | None
    processor: str
    precision: str | None
    threads: int | None
    batch: int
    model: str
    accuracy: float
    accuracy_source: str
    mult_adds: int
    latency_s: float
    front_by_mult_adds: bool
    front_by_latency: bool


def rows(found: Iterable[Front]) -> Iterator[FrontRow]:
    """Yield a row for each network of each place."""
    for one in found:
        for network in one.networks:
            yield FrontRow(
                source=one.place.source,
                board=one.place.board,
                runtime=one.place.runtime,
                version=one.place.version,
                processor=one.place.processor,
                precision=one.place.precision,
                threads=one.place.threads,
                batch=one.place.batch,
                model=network.model,
                accuracy=network.accuracy.top1,
                accuracy_source=network.accuracy.source,
                mult_adds=network.mult_adds,
                latency_s=network.latency_s,
                front_by_mult_adds=network.by_mult_adds,
                front_by_latency=network.by_latency,
            )


def summary(found: Sequence[Front]) -> Iterator[str]:
    """Yield, of each kind of processor, for which network the two fronts differ on most boards."""
    for kind, members in _by_processor(found):
        one = max(members, key=lambda one: abs(one.by_latency - one.by_mult_adds) / one.boards)
        if one.by_latency != one.by_mult_adds:
            yield (
                f"On {processor(kind, 'float')} {one.model} is on the front of printed accuracy by mult-adds on "
                f"{one.by_mult_adds} of {one.boards} boards, by latency on {one.by_latency}."
            )


def tables(found: Sequence[Front]) -> Iterator[Table]:
    """Yield a table of each place where runs measured, then one of each kind of processor over published boards."""
    for title, columns, lines in _parts(found):
        signs = ("", *">" * len(columns[1:]))
        made = plain_table(title, *map("".join, zip(columns, signs, strict=True)))
        for line in lines:
            add_row(made, *line)
        yield made


def markdown(found: Sequence[Front]) -> Iterator[str]:
    """Yield the same as Markdown, with who printed the accuracies below."""
    for title, columns, lines in _parts(found):
        yield from (f"### {title}", "")
        yield from table_lines(columns, [(f"`{line[0]}`", *line[1:]) for line in lines], right=columns[1:])
        yield ""
    printed: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        for network in one.networks:
            printed[network.accuracy.source].add(f"`{network.model}`")
    for source, models in sorted(printed.items()):
        yield f"- Accuracies printed by *{source}*: {', '.join(sorted(models))}."
    yield ""


def _parts(found: Sequence[Front]) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    for one in found:
        if one.place.own:
            yield f"Measured: {setting(one.place)} (accuracy: the papers')", _OWN_COLUMNS, [*map(_own, one.networks)]
    for kind, members in _by_processor(found):
        title = f"Published, {processor(kind, 'float')}: on the front of how many boards (accuracy: the papers')"
        yield title, _COLUMNS, [*map(_standing, members)]


def _by_processor(found: Sequence[Front]) -> Iterator[tuple[str, list[Standing]]]:
    for kind, members in groupby(fronts.standings(found), key=lambda one: one.processor):
        known = [one for one in members if one.boards >= _LEAST_BOARDS]
        if known:
            yield kind, known


def _own(one: Network) -> tuple[str, ...]:
    on = [name for name, there in (("mult-adds", one.by_mult_adds), ("latency", one.by_latency)) if there]
    return (
        one.model,
        _accuracy(one),
        units.count(one.mult_adds),
        units.seconds(one.latency_s),
        "both" if len(on) == 2 else "".join(on) or "-",
    )


def _standing(one: Standing) -> tuple[str, ...]:
    return (
        one.model,
        _accuracy(one),
        units.count(one.mult_adds),
        f"{one.by_mult_adds} of {one.boards}",
        f"{one.by_latency} of {one.boards}",
    )


def _accuracy(one: Network | Standing) -> str:
    return f"{one.accuracy.top1:.1f} %"
