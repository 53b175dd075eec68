"""The first screen: which backend, how sure, what not to trust; in words, before any picture."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from edgebench import units
from edgebench.judge.compare import ComparedRow, Outcome
from edgebench.judge.together import Standing
from edgebench.measure.flags import forbidding
from edgebench.report import answer
from edgebench.report.page import document, trials
from edgebench.report.page.document import Card, Column, Table
from edgebench.report.page.material import Material, distinct, some
from edgebench.store.rows import TrialRow

_MOST_SAID = 6
_MOST_ANSWERED = 8
_MOST_CHECKS = 3
_ALLOWED = "where an interval of 95 % allows one in 20"
_MOST_MODELS = 3
_SECONDS_OF_DATE = 16  # 2026-11-22T10:15


def title(material: Material) -> str:
    """Return what was measured, and on what."""
    models = distinct(row.model for row in material.own)
    what = some(models, _MOST_MODELS) if models else "Nothing"
    return f"{what} on {_unit(material)}"


def _unit(material: Material) -> str:
    context = material.context
    cpu = context.facts.get("device_tree_model", "-")
    cpu = context.facts.get("cpu_model", "-") if cpu in {"", "-"} else cpu
    return context.unit if cpu in {"", "-"} else f"{context.unit} ({cpu})"


def under(material: Material) -> str:
    """Return when it was measured, with what, and how much of it there is."""
    context, rows = material.context, material.own
    cores = context.facts.get("cores", "-")
    samples = sum(row.samples for row in material.summary.trials)
    backends = distinct(
        f"{row.backend} {(row.runtime_version or '').partition('-')[0]}".strip() for row in rows if row.status == "done"
    )
    parts = [
        f"{context.started[:_SECONDS_OF_DATE].replace('T', ' ')} UTC",
        f"{cores} cores" if cores != "-" else "",
        some(backends, 4),
        f"{len(rows)} trials, {samples:,} samples",
        f"edgebench {context.edgebench_version}",
    ]
    return " · ".join(part for part in parts if part)


def headline(material: Material) -> str:
    """Return the answer: how often each backend is the fastest, or why that cannot be said, and what has no rank."""
    standings = material.standings
    ranked = [one for one in standings if one.best is not None]
    invalid = [_named(row) for one in standings for row in one.invalid]
    without = f" Not ranked, as INVALID: {some(invalid, 2)}." if invalid else ""
    if not ranked:
        return f"{_nothing(material)}{without}"
    several = [one for one in ranked if one.behind]
    return f"{_leading(several) if several else _alone(material)}{without}"


def _named(row: TrialRow) -> str:
    return f"{row.model} in {row.backend} ({', '.join(forbidding(row.flags.split()))})"


def _leading(standings: Sequence[Standing]) -> str:
    """Return which backend is the fastest most often, and how surely it is ahead of the next ones."""
    leading = [(one.best, one.behind[0]) for one in standings if one.best is not None]
    first = Counter(best.backend for best, _ in leading)
    name, times = first.most_common(1)[0]
    noun = "comparison" if len(leading) == 1 else "comparisons"
    if len({best.model for best, _ in leading}) == len(leading):
        noun = "model" if len(leading) == 1 else "models"
    of = f"{times} of {len(leading)} {noun}" if len(leading) > 1 else leading[0][0].model
    others = [f"{other} for {number}" for other, number in first.most_common()[1:]]
    rest = f"; {some(others, 3)}" if others else ""
    return f"{name} is the fastest for {of}, {_clearly([row for best, row in leading if best.backend == name])}{rest}."


def _clearly(behind: Sequence[ComparedRow]) -> str:
    """Return how surely a backend is ahead of those next to it: as `compare` judges it, and by the wall clock."""
    words = Counter(_AHEAD[_sure(row)] for row in behind)
    if len(words) == 1:
        (word,) = words
        return f"{'each time ' * (len(behind) > 1)}{word}"
    ordered = [word for word in _AHEAD.values() if words[word]]
    told = [f"{ordered[0]} in {words[ordered[0]]} of these"]
    told += [f"{word.replace('the next', 'it')} in {words[word]}" for word in ordered[1:]]
    return f"{', '.join(told[:-1])} and {told[-1]}"


def _sure(row: ComparedRow) -> str:
    return row.decided_on if row.outcome == Outcome.SLOWER and row.decided_on == "cpu time" else row.outcome


_AHEAD: dict[str, str] = {
    Outcome.SLOWER: "clearly ahead of the next",
    "cpu time": "ahead of the next in CPU time alone",
    Outcome.LEVEL: "level with the next",
    Outcome.NOISY: "too noisy to be told from the next",
    Outcome.FASTER: "behind the next in the rounds they share",
    Outcome.OPEN: "without an interval to the next",
    Outcome.INVALID: "next to an INVALID ratio",
    Outcome.NOT_MEASURED: "never in the same rounds as the next",
}
"""What the outcome of the next backend says of the fastest one."""


def _nothing(material: Material) -> str:
    if material.context.emulated or any(row.emulated for row in material.own):
        return "This ran on a stand-in: outputs were checked and memory was looked at, and nothing was timed."
    if material.timed:
        return "No figure of this run is one of what was asked for, so no backend is the fastest."
    return "Nothing was measured to its end, so there is no latency to tell of."


def _alone(material: Material) -> str:
    rows = [row for row in material.timed if not forbidding(row.flags.split())]
    quickest = min(rows, key=lambda row: row.latency_p50_s or 0.0)
    who = f"{quickest.model} takes {units.seconds(quickest.latency_p50_s)} in {quickest.backend}"
    return who + ("." if len(rows) == 1 else ", the least of this run; no model was measured in two backends.")


def table(material: Material) -> tuple[Table | None, int]:
    """Return the fastest backend of each model with the next one, and how many of these rows were left out."""
    ranked = [(one.best, one.behind) for one in material.standings if one.best is not None]
    if not ranked:
        return None, 0
    settings = {(best.precision_asked, best.threads_asked, best.batch) for best, _ in ranked}
    rows = tuple(
        (
            document.text(_model(best, alike=len(settings) == 1)),
            document.text(best.backend),
            document.seconds(best.latency_p50_s),
            document.text(answer.behind(behind[0]) if behind else "no other was measured"),
        )
        for best, behind in ranked[:_MOST_ANSWERED]
    )
    names = (("Model", False), ("Fastest", False), ("Latency", True), ("The next is", False))
    columns = tuple(Column(name=name, number=number) for name, number in names)
    found = Table(
        name="answer", title="The fastest backend of each model", columns=columns, rows=rows, source="pairs.csv"
    )
    return found, len(ranked) - len(rows)


def _model(row: TrialRow, *, alike: bool) -> str:
    """Return a model with whatever of its setting is not the same in all rows."""
    batch = f" batch {row.batch}" if row.batch > 1 else ""
    return row.model if alike else f"{row.model} {row.precision_asked} x{row.threads_asked}{batch}"


def cards(material: Material) -> tuple[Card, ...]:
    """Return the other questions of the first screen with their answers."""
    found = answer.answer(material.summary, material.known)
    against = (*_provenance(material), *found.distrusted)
    made = [
        _card("How sure", (*_sureness(material), *_checks(material, found.checked))),
        _card("What not to trust", against or (_CLEAN,), warns=bool(against)),
    ]
    consequences = (*found.pair, *trials.consequences(material.verdicts))
    if consequences:
        made.append(_card("Does latency follow mult-adds?", consequences))
    if found.inside:
        made.append(_card("How right, and where the time goes", found.inside))
    if found.circumstances:
        made.append(_card("What else to know", found.circumstances))
    return tuple(made)


_CLEAN = "No trial was lost and none is flagged: nothing was seen that speaks against these figures."


def _card(heading: str, says: Sequence[str], *, warns: bool = False) -> Card:
    return Card(title=heading, says=tuple(says[:_MOST_SAID]), more=max(0, len(says) - _MOST_SAID), warns=warns)


def _sureness(material: Material) -> Iterator[str]:
    """Yield what stands behind an interval, and how many comparisons it settles."""
    rows = material.timed
    if not rows:
        return
    numbers = sorted({row.invocations for row in rows})
    often = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    if all(row.latency_p50_low_s is None for row in rows):
        yield f"No figure has an interval: that takes five fresh processes a trial, and there were {often}."
        return
    yield f"Every interval is of 95 %, over {often} fresh processes a trial that took turns in the same rounds."
    standings = material.standings
    told = Counter(row.outcome for one in standings for row in one.behind)
    if told:
        found = ", ".join(f"{number} {outcome}" for outcome, number in told.most_common())
        yield f"Of {told.total()} backends beside the fastest ones, judged together as `compare` does: {found}."


def _checks(material: Material, told: Sequence[str]) -> Iterator[str]:
    """Yield the checks of trials against themselves; of many, how many there are and those that failed."""
    twins = [row for row in material.summary.pairs if row.by == "twin"]
    if len(twins) <= _MOST_CHECKS:
        yield from told
        return
    failed = sum(answer.apart(row.latency_ratio_low, row.latency_ratio_high) for row in twins)
    yield f"Check: of {len(twins)} trials measured against themselves {failed} were called different, {_ALLOWED}."


def _provenance(material: Material) -> Iterator[str]:
    """Yield what has to be known of all figures: stand-ins, backends and sensors that were not run on hardware."""
    if material.context.ended is None:
        yield "The run did not end: its figures are of what was measured until then (`edgebench run --resume`)."
    elif material.context.ended != "done":
        yield f"The run was {material.context.ended}: its figures are of what was measured until then."
    for told, members in groupby(sorted(material.own, key=_said_of), key=_said_of):
        if told:
            yield f"{told}: {some(distinct(row.backend for row in members), 4)}."


def _said_of(row: TrialRow) -> str:
    said = row.provenance.partition(";")[2].strip()
    return said[:1].upper() + said[1:]
