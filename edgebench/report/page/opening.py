"""The first screen: which backend, how sure, what not to trust; in words, before any picture."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from edgebench import units
from edgebench.report import answer
from edgebench.report.page import document, trials
from edgebench.report.page.document import Card, Column, Table
from edgebench.report.page.material import Material, distinct, some
from edgebench.store.rows import BackendRow, TrialRow

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
    """Return the answer in one sentence: how often each backend is the fastest, or why that cannot be said."""
    ranked = list(_ranked(material.summary.backends))
    if not ranked:
        return _nothing(material)
    several = [members for members in ranked if len(members) > 1]
    if not several:
        return _alone(material)
    first = Counter(members[0].backend for members in several)
    best, times = first.most_common(1)[0]
    won = [members[1] for members in several if members[0].backend == best]
    noun = "comparison" if len(several) == 1 else "comparisons"
    if len({members[0].model for members in several}) == len(several):
        noun = "model" if len(several) == 1 else "models"
    of = f"{times} of {len(several)} {noun}" if len(several) > 1 else several[0][0].model
    others = [f"{name} for {number}" for name, number in first.most_common()[1:]]
    rest = f"; {some(others, 3)}" if others else ""
    return f"{best} is the fastest for {of}{_clearly(won)}{rest}."


def _clearly(behind: Sequence[BackendRow]) -> str:
    """Return how surely a backend is ahead of those next to it; without intervals nobody knows."""
    judged = [row for row in behind if row.ratio_to_best_low is not None]
    if not judged:
        return ", how surely no interval tells"
    times, clear = len(judged), sum(answer.apart(row.ratio_to_best_low, row.ratio_to_best_high) for row in judged)
    unknown = f"; {len(behind) - times} without an interval" if len(behind) > times else ""
    return f"{_ahead(clear, times)}{unknown}"


def _ahead(clear: int, times: int) -> str:
    if clear == times:
        return ", clearly ahead of the next" if times == 1 else ", each time clearly ahead of the next"
    if clear == 0:
        return ", level with the next" if times == 1 else ", each time level with the next"
    return f", clearly ahead of the next in {clear} of these and level with it in {times - clear}"


def _ranked(rows: Iterable[BackendRow]) -> Iterator[list[BackendRow]]:
    """Yield the backends that were measured for each model and setting, the fastest first."""
    for _, members in groupby(rows, key=lambda row: (row.session, row.model, row.precision, row.threads, row.batch)):
        done = [row for row in members if row.status == "done" and row.latency_p50_s is not None]
        if done:
            yield done


def _nothing(material: Material) -> str:
    if material.context.emulated or any(row.emulated for row in material.own):
        return "This ran on a stand-in: outputs were checked and memory was looked at, and nothing was timed."
    return "Nothing was measured to its end, so there is no latency to tell of."


def _alone(material: Material) -> str:
    rows = material.timed
    quickest = min(rows, key=lambda row: row.latency_p50_s or 0.0)
    who = f"{quickest.model} takes {units.seconds(quickest.latency_p50_s)} in {quickest.backend}"
    return who + ("." if len(rows) == 1 else ", the least of this run; no model was measured in two backends.")


def table(material: Material) -> tuple[Table | None, int]:
    """Return the fastest backend of each model with the next one, and how many of these rows were left out."""
    ranked = list(_ranked(material.summary.backends))
    if not ranked:
        return None, 0
    rows = tuple(
        (
            document.text(_model(members[0], ranked)),
            document.text(members[0].backend),
            document.seconds(members[0].latency_p50_s),
            document.text(_next(members[1:])),
        )
        for members in ranked[:_MOST_ANSWERED]
    )
    names = (("Model", False), ("Fastest", False), ("Latency", True), ("The next is", False))
    columns = tuple(Column(name=name, number=number) for name, number in names)
    found = Table(
        name="answer", title="The fastest backend of each model", columns=columns, rows=rows, source="backends.csv"
    )
    return found, len(ranked) - len(rows)


def _model(row: BackendRow, ranked: Sequence[Sequence[BackendRow]]) -> str:
    """Return a model with whatever of its setting is not the same in all rows."""
    settings = {(one.precision, one.threads, one.batch) for one, *_ in ranked}
    if len(settings) == 1:
        return row.model
    return f"{row.model} {row.precision} x{row.threads}{f' batch {row.batch}' if row.batch > 1 else ''}"


def _next(others: Sequence[BackendRow]) -> str:
    if not others:
        return "no other was measured"
    first = others[0]
    bounds = answer.interval(first.ratio_to_best_low, first.ratio_to_best_high)
    if first.ratio_to_best_low is None:
        return f"{first.backend}, {units.ratio(first.ratio_to_best)} (no interval)"
    if not answer.apart(first.ratio_to_best_low, first.ratio_to_best_high):
        return f"{first.backend}, level{bounds}"
    return f"{first.backend}, {units.ratio(first.ratio_to_best)}{bounds}"


def cards(material: Material) -> tuple[Card, ...]:
    """Return the other questions of the first screen with their answers."""
    found = answer.answer(material.summary)
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
    behind = [row for members in _ranked(material.summary.backends) for row in members[1:]]
    judged = [row for row in behind if row.ratio_to_best_low is not None]
    if judged:
        clear = sum(answer.apart(row.ratio_to_best_low, row.ratio_to_best_high) for row in judged)
        level = len(judged) - clear
        yield f"Of {len(judged)} slower backends {clear} are told apart from the fastest; {level} are level with it."
    if len(behind) > len(judged):
        yield f"{len(behind) - len(judged)} comparisons have no interval: that takes five processes a trial."


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
