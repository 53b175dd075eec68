"""What stands on a page: its first screen, its sections, and texts that mean harm. Without charts: Altair is slow."""

import re
from dataclasses import fields, replace
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from edgebench.report import answer
from edgebench.report.page import document, html, kinds, markdown, opening, scaling, thinning, trials, watching
from edgebench.report.page.axes import ticks
from edgebench.report.page.charts import Spot
from edgebench.report.page.document import Card, Cell, Column, Document, Section, Table
from edgebench.report.page.material import Material
from edgebench.store.derived import Context
from edgebench.store.rows import LayerRow, PairRow, TrialRow
from edgebench.store.tables import Summary
from tests.report.page import runs

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("http://example.org")',
    "two\nlines",
    "[a](javascript:alert(1))",
    "a|b `c` *d* _e_ # f",
    "{{ 7 * 7 }}",
    "n" * 10_000,
    "right\u202eleft",
)


def trial(model: str, backend: str, latency_s: float | None, **changes: Any) -> TrialRow:
    """Return a trial that was measured, or one that was lost."""
    row = dict.fromkeys(field.name for field in fields(TrialRow))
    row |= {
        "session": "s1",
        "trial": f"{model}|{backend}",
        "model": model,
        "backend": backend,
        "precision_asked": "fp32",
        "threads_asked": 1,
        "batch": 1,
        "twin": False,
        "status": "lost" if latency_s is None else "done",
        "unit": "board",
        "device": "x86",
        "emulated": False,
        "provenance": "measured",
        "mult_adds": 1000,
        "invocations": 5,
        "samples": 100,
        "latency_p50_s": latency_s,
        "flags": "",
    }
    row |= changes
    return TrialRow(**row)  # type: ignore[arg-type]  # every field by its name


def layer(model: str, name: str, kind: str, **changes: Any) -> LayerRow:
    """Return a layer that was counted, or one that was timed."""
    row = dict.fromkeys(field.name for field in fields(LayerRow))
    row |= {"model": model, "layer": name, "kind": kind, "in_channels": 8, "mult_adds_share": 0.0, **changes}
    return LayerRow(**row)  # type: ignore[arg-type]  # every field by its name


Behind = tuple[str, float | None, float | None, float | None]
Run = tuple[list[TrialRow], list[PairRow]]


def ranked(model: str, *behind: Behind, **changes: Any) -> Run:
    """Return the backends of a model and their pairs with the first: name, ratio to it, and its interval."""
    (first, *_), *others = behind
    trials = [trial(model, name, 0.01 * (1 + number)) for number, (name, *_) in enumerate(behind)]
    return trials, [pair(model, (name, first), *ratio, **changes) for name, *ratio in others]


def pair(model: str, backends: tuple[str, str], *ratio: float | None, **changes: Any) -> PairRow:
    """Return the ratio of a model in two backends, with its interval."""
    row = dict.fromkeys(field.name for field in fields(PairRow))
    subject, baseline = (f"{model}|{name}" for name in backends)
    row |= {"session": "s1", "by": "backend", "subject": subject, "baseline": baseline, "invocations": 5}
    row |= {"subject_model": model, "baseline_model": model, "threads": 1, "decided_on": "wall", "flags": ""}
    row |= dict(zip(("latency_ratio", "latency_ratio_low", "latency_ratio_high"), ratio, strict=True)) | changes
    return PairRow(**row)  # type: ignore[arg-type]  # every field by its name


def material(*parts: Run, **changes: Any) -> Material:
    """Return what a run of these trials and pairs says."""
    rows = [row for trials, _ in parts for row in trials]
    pairs = [row for _, pairs in parts for row in pairs]
    context = Context(
        unit="board",
        device="x86",
        started="2026-11-22T10:15:00+00:00",
        ended="done",
        edgebench_version="1",
        emulated=False,
    )
    whole = Material(
        context=context,
        summary=Summary(trials=tuple(rows), pairs=tuple(pairs), backends=()),
        verdicts=(),
        rounds=pd.DataFrame(),
        fronts=(),
        printed=0,
    )
    return replace(whole, **changes)


def page(text: str) -> Document:
    """Return a page that says one text wherever a page says anything."""
    shown = document.shown(text)
    table = Table(
        name="rows",
        title=shown,
        columns=(Column(name=shown), Column(name="number", number=True)),
        rows=(
            (Cell(text=shown), Cell(text="1", key=1.0)),
            (document.linked(shown, f"{text[:50]}/trials.csv"), Cell(text="")),
        ),
        source="trials.csv",
    )
    section = Section(name="one", title=shown, says=(shown,), tables=(table,), open=True)
    card = Card(title="How sure", says=(shown,))
    return Document(
        title=shown,
        under=shown,
        headline=shown,
        answer=replace(table, name="answer"),
        beyond=0,
        cards=(card,),
        sections=(section,),
    )


# --- the first screen ------------------------------------------------------------------------------------------------


CLEAR, LEVEL = (2.0, 1.9, 2.1), (1.01, 0.9, 1.1)
FIRST = ("x", None, None, None)
ON_CPU = {"decided_on": "cpu time", "cpu_ratio": 1.1, "cpu_ratio_low": 1.09, "cpu_ratio_high": 1.11}
CALM = {"twin_cpu_ratio": 1.0, "twin_cpu_ratio_low": 0.999, "twin_cpu_ratio_high": 1.001}


@pytest.mark.parametrize(
    ("run", "headline"),
    [
        (
            [ranked("a", FIRST, ("y", *CLEAR)), ranked("b", FIRST, ("y", *LEVEL))],
            "x is the fastest for 2 of 2 models, clearly ahead of the next in 1 of these and level with it in 1.",
        ),
        (
            [ranked("a", FIRST, ("y", *CLEAR)), ranked("b", ("y", None, None, None), ("x", *CLEAR))],
            "x is the fastest for 1 of 2 models, clearly ahead of the next; y for 1.",
        ),
        (
            [ranked("a", FIRST, ("y", *CLEAR)), ranked("b", FIRST, ("y", *CLEAR))],
            "x is the fastest for 2 of 2 models, each time clearly ahead of the next.",
        ),
        ([ranked("a", FIRST, ("y", *LEVEL))], "x is the fastest for a, level with the next."),
        (
            [ranked("a", FIRST, ("y", 2.0, None, None))],
            "x is the fastest for a, without an interval to the next.",
        ),
        (
            [ranked("a", FIRST, ("y", 0.909, 0.9, 0.92))],
            "x is the fastest for a, behind the next in the rounds they share.",
        ),
        (
            [ranked("a", FIRST, ("y", *CLEAR), flags="drift"), ranked("b", FIRST, ("y", 2.0, None, None))],
            "x is the fastest for 2 of 2 models, too noisy to be told from the next in 1 of these and without an "
            "interval to it in 1.",
        ),
        (
            [ranked("a", FIRST, ("y", 1.1, 1.05, 1.15), flags="contended", **ON_CPU, **CALM)],
            "x is the fastest for a, ahead of the next in CPU time alone.",
        ),
        ([], "Nothing was measured to its end, so there is no latency to tell of."),
    ],
)
def test_the_headline_names_the_fastest_backend_and_how_sure(run: list[Run], headline: str) -> None:
    """The first sentence says which backend wins how often, and how often that is told by the wall clock."""
    assert opening.headline(material(*run)) == headline


def flagged(model: str, backend: str, flags: str) -> Run:
    """Return a trial that is the quickest of its model, and not what was asked for."""
    return [trial(model, backend, 0.001, flags=flags)], []


def test_the_headline_ranks_no_invalid_figure() -> None:
    """The quickest backend is none where its figures are of something else; the headline says which and why."""
    found = material(flagged("a", "z", "drift parity precision"), ranked("a", FIRST, ("y", *CLEAR)))
    assert opening.headline(found) == (
        "x is the fastest for a, clearly ahead of the next. Not ranked, as INVALID: a in z (parity, precision)."
    )
    table, _ = opening.table(found)
    assert table is not None
    assert [cell.text for cell in table.rows[0]] == ["a", "x", "10.0 ms", "y 2.00x [1.90, 2.10]"]
    nothing = opening.headline(material(flagged("a", "z", "invalid_paging")))
    assert nothing.endswith("so no backend is the fastest. Not ranked, as INVALID: a in z (invalid_paging).")


def test_the_first_screen_counts_as_compare_does() -> None:
    """How many backends are told from the fastest is what `compare --by backend` says of the same rows together."""
    rows, pairs = ranked("a", FIRST, ("y", *CLEAR), ("z", 3.0, 2.9, 3.1))
    surely = [replace(row, latency_p50_low_s=row.latency_p50_s) for row in rows]
    found = material((surely, pairs), ranked("b", FIRST, ("y", *LEVEL)))
    (card,) = [card for card in opening.cards(found) if card.title == "How sure"]
    assert "judged together as `compare` does: 2 slower, 1 not told apart." in card.says[-1]


def test_one_backend_alone_is_not_called_the_fastest() -> None:
    """Where a model was measured in one backend, no backend wins."""
    assert opening.headline(material(ranked("a", FIRST))) == "a takes 10.0 ms in x."


def test_without_intervals_nothing_is_called_sure() -> None:
    """Where no figure has an interval, the first screen says so and what it takes."""
    found = material(([trial("a", "x", 0.01, invocations=1)], []))
    (card,) = [card for card in opening.cards(found) if card.title == "How sure"]
    assert card.says == ("No figure has an interval: that takes five fresh processes a trial, and there were 1.",)


def test_what_not_to_trust_is_always_answered() -> None:
    """A lost trial and a flag stand on the first screen with their reasons; without any that is said."""
    clean = material(([trial("a", "x", 0.01)], []))
    (card,) = [card for card in opening.cards(clean) if card.title == "What not to trust"]
    assert (card.warns, len(card.says)) == (False, 1)
    lost = trial("a", "y", None, stage="load", reason="it crashed")
    against = replace(clean, summary=replace(clean.summary, trials=(lost, *clean.summary.trials)))
    (card,) = [card for card in opening.cards(against) if card.title == "What not to trust"]
    assert card.warns
    assert card.says == ("a in y: lost at stage load: it crashed.",)


def test_the_page_says_what_the_terminal_says() -> None:
    """Every sentence that a terminal prints of the pair, the check and the doubts is on the first screen."""
    found = material(([trial("a", "x", 0.01, flags="drift")] * 2, []))
    said = answer.answer(found.summary)
    cards = [sentence for card in opening.cards(found) for sentence in card.says]
    assert said.distrusted
    assert {*said.pair, *said.checked, *said.circumstances, *said.distrusted} <= set(cards)
    assert next(answer.sentences(found.summary)) == said.fastest[0]


# --- sections --------------------------------------------------------------------------------------------------------


def test_the_table_of_trials_leaves_out_what_is_the_same_everywhere() -> None:
    """A column that tells nothing apart becomes a word of a sentence; a lost trial is a row like any other."""
    section = trials.trials(material(([trial("a", "x", 0.01), trial("b", "x", None, stage="load")], [])))
    (table,) = section.tables
    assert [column.name for column in table.columns] == ["Model", "Backend", "Status", "Latency", "Mult-adds"]
    assert [row[2].text for row in table.rows] == ["done", "lost: load"]
    assert "threads 1" in section.says[-1]


def test_a_section_without_data_says_what_is_missing() -> None:
    """No chart is drawn from nothing: a sentence names the command that would fill it."""
    empty = material()
    for section in (trials.backends(empty), trials.pairs(empty), scaling.scaling(empty)):
        assert not section.charts
        assert not section.tables
        assert len(section.says) == 1


def test_time_of_layers_stands_below_their_mult_adds() -> None:
    """A bar of what was counted, then one a trial; layers that were timed alone have a star."""
    counted = {"pw": ("conv_1x1", 0.75), "dw": ("depthwise", 0.25)}
    rows = [layer("net", name, kind, mult_adds_share=share) for name, (kind, share) in counted.items()]
    for backend, source, share in (("onnxruntime", "runtime", 0.5), ("ncnn", "isolated", 0.9)):
        told = {"trial": f"net|{backend}|fp32|threads=1|batch=1", "source": source, "session": "s1"}
        rows += [layer("net", "pw", "conv_1x1", time_s=share, time_share=share, **told)]
        rows += [layer("net", "softmax", "Softmax", in_channels=None, time_s=1 - share, time_share=1 - share, **told)]
    found = [(bar.model, bar.of, dict(bar.shares)) for bar in kinds.bars(rows)]
    assert found[0] == ("net", "mult-adds", {"conv_1x1": 0.75, "depthwise": 0.25})
    assert {of: shares["conv_1x1"] for _, of, shares in found[1:]} == {
        "time in ncnn*": 0.9,
        "time in onnxruntime": 0.5,
    }
    assert all(set(shares) == {"conv_1x1", "other operations"} for _, _, shares in found[1:])


def test_rounds_are_put_together_when_there_are_too_many() -> None:
    """Bands hold eight of ten blocks, each relative to its own trial; sessions follow one another."""
    rounds = pd.DataFrame(
        {
            "session": ["s1"] * 40 + ["s2"] * 40,
            "invocation": 0,
            "round": [*range(20), *range(20)] * 2,
            "trial": (["a"] * 20 + ["b"] * 20) * 2,
            "complete": True,
            "start_s": [*range(20), *range(20)] * 2,
            "samples": 3,
            "wall_p50_s": ([1.0] * 20 + [5.0] * 20) * 2,
        }
    )
    each = watching.over_time(rounds)
    few = watching.over_time(rounds, most=10)
    assert each is not None
    assert few is not None
    assert (len(each), len(few), int(few["blocks"].sum())) == (40, 10, 80)
    assert set(each["middle"]) == {1.0}
    assert each["minutes"].is_monotonic_increasing


def test_a_disturbed_round_is_marked_and_told() -> None:
    """Throttling of a round stands in the rows of all its blocks, and counts once; what was seen is told in words."""
    rounds = pd.DataFrame(
        {
            "session": "s1",
            "invocation": 0,
            "round": [0, 0, 1, 1],
            "trial": ["a", "b", "a", "b"],
            "complete": True,
            "start_s": [0.0, 0.1, 1.0, 1.1],
            "samples": 3,
            "wall_p50_s": 1.0,
            "throttled": [0, 0, 2, 2],
            "major_faults": [0, 0, 1, 1],
        }
    )
    moments = watching.over_time(rounds)
    assert moments is not None
    assert list(moments["throttled"]) == [0, 2]
    assert watching._disturbances(moments) == ["2 pages read from disk", "throttling at 1 of 2 points"]
    (event,) = watching._events(moments)
    assert (event.x, event.shown) == (2.0, "throttling, pages read from disk")


def test_a_round_that_was_not_completed_is_not_shown() -> None:
    """Blocks of a lost invocation do not count."""
    rounds = pd.DataFrame({"session": ["s1"], "trial": ["a"], "complete": [False], "wall_p50_s": [1.0]})
    assert watching.over_time(rounds) is None


def test_many_points_become_bands() -> None:
    """Beyond what can be seen, points are their tenths and their middle; a few stay as they are."""
    spots = [Spot(series="x", x=1.0, y=float(number), name="", shown="") for number in range(1, 2002)]
    kept, (band,) = thinning.thinned(spots)
    assert not kept
    assert (band.low, band.y, band.high) == (201.0, 1001.0, 1801.0)
    assert thinning.thinned(spots[:10]) == (spots[:10], [])


def test_a_short_axis_has_round_values() -> None:
    """An axis inside one step of 1, 2, 5 still has ticks, in order and inside it."""
    assert ticks(1.0, 1000.0) == [1.0, 10.0, 100.0, 1000.0]
    short = ticks(0.021, 0.024)
    assert len(short) == 5
    assert short == sorted(short)


# --- texts that mean harm --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_hostile_text_is_text_in_html(text: str) -> None:
    """Whatever a name holds, the page has no element, attribute or script of it, and shows it."""
    rendered = html.render(page(text), "a run")
    benign = runs.Elements(html.render(page("benign"), "a run"))
    found = runs.Elements(rendered)
    assert [tag for tag, _ in found.found] == [tag for tag, _ in benign.found]
    assert not [name for _, attributes in found.found for name in attributes if name.startswith("on")]
    links = [attributes["href"] for tag, attributes in found.found if tag == "a"]
    assert all(re.match(r"[.]/|#", link or "") for link in links)
    assert document.shown(text) in found.text
    assert rendered.count("</script>") == benign_scripts()


def benign_scripts() -> int:
    """Return how many scripts a page without charts has: its data and its own."""
    return 2


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_hostile_text_is_text_in_markdown(text: str) -> None:
    """Read by a Markdown reader, the page has the elements of a harmless one, and shows the name."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = runs.Elements(reader.render(markdown.render(page(text), "a run")))
    benign = runs.Elements(reader.render(markdown.render(page("benign"), "a run")))
    assert [tag for tag, _ in found.found] == [tag for tag, _ in benign.found]
    assert " ".join(document.shown(text).split()) in found.text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_names_are_shown_on_one_short_line(text: str) -> None:
    """A name is one printable line of bounded length; two long ones that differ stay different."""
    shown = document.shown(text)
    assert shown.isprintable()
    assert len(shown) <= document.MOST_NAME
    assert document.shown("n" * 5000 + "a" + "n" * 5000) != document.shown("n" * 5000 + "b" + "n" * 5000)


def test_the_page_forbids_requests() -> None:
    """The policy allows nothing from elsewhere, and of scripts only those that it names by their digest."""
    found = runs.Elements(html.render(page("benign")))
    (policy,) = [one["content"] or "" for tag, one in found.found if tag == "meta" and "http-equiv" in one]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "http:" not in policy
