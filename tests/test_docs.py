import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from edgebench import api, architectures, cli, devices, errors, plugins
from edgebench.api import referring
from edgebench.measure import flags
from edgebench.store import tables
from edgebench.store.records import Line
from edgebench.store.rows import BackendRow, EnergyRow, LayerRow, MinuteRow, PairRow, RoundRow, TrialRow

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKING = sorted({*ROOT.glob("*.md"), *PAGES, *(ROOT / "results").glob("*.md")})
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

ROWS = {
    "trials.csv": [field.name for field in fields(TrialRow)],
    "pairs.csv": [field.name for field in fields(PairRow)],
    "backends.csv": [field.name for field in fields(BackendRow)],
    "rounds.csv": [field.name for field in fields(RoundRow)],
    "energy.csv": [field.name for field in fields(EnergyRow)],
    "minutes.csv": [field.name for field in fields(MinuteRow)],
    "layers.csv": [field.name for field in fields(LayerRow)],
    "samples.csv.gz": list(tables._SAMPLE_COLUMNS),
}


def pages() -> str:
    """Return the README and all pages of docs."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command of the command line with its options."""
    import typer.main

    def below(command: object, path: str) -> Iterator[tuple[str, list[str]]]:
        inner = getattr(command, "commands", {})
        options = [option for one in getattr(command, "params", ()) for option in one.opts if option.startswith("--")]
        yield path, [option for option in options if option != "--help"]
        for name, child in inner.items():
            yield from below(child, f"{path} {name}")

    yield from below(typer.main.get_command(cli.app), "edgebench")


COMMANDS = dict(commands())
LEAVES = [one for one in COMMANDS if not any(other.startswith(f"{one} ") for other in COMMANDS)]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """Each command stands in the README or docs as one types it, and each of its options with it."""
    text = pages()
    assert re.search(rf"{command}\b", text), command
    assert [option for option in COMMANDS[command] if not re.search(rf"(?<![\w-]){option}\b", text)] == []


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_prints_json(command: str) -> None:
    """Each command has --json, as the README says."""
    assert "--json" in COMMANDS[command]


@pytest.mark.parametrize(
    "name",
    [
        *plugins.names("backends"),
        *plugins.names("formats"),
        *plugins.names("sensors"),
        *architectures.names(),
        *devices.known(),
        *api.suites(),
    ],
)
def test_every_name_is_documented(name: str) -> None:
    """Each backend, format, architecture, device and suite is named in the README or docs, as code."""
    assert re.search(rf"`{name}\b", pages())


def references() -> list[str]:
    """Return the published rows that the pages give to `compare --explain`, and those of the table of references."""
    given = re.findall(r"--explain (?:'([^']+)'|([^\s`'\]]+))", pages())
    text = (ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+:[^`]+)` \|", text, re.MULTILINE)
    return sorted({one for one in (*(quoted or word for quoted, word in given), *rows) if ":" in one})


@pytest.mark.slow
@pytest.mark.parametrize("reference", references())
def test_every_reference_that_is_shown_names_a_row(reference: str) -> None:
    """`compare SAMPLE --explain` answers each reference to a published row that the README or docs show."""
    (sample,) = (ROOT / "results" / "sample").glob("2*")
    assert referring.explain(sample, reference).theirs.name.partition(":")[0] == reference.partition(":")[0]


def test_every_exit_code_is_documented() -> None:
    """Each code that the program ends with has a line in the README's table, and its help names the same."""
    codes = {"0", "1", str(cli._INTERRUPTED)}
    codes |= {str(error.exit_code) for error in vars(errors).values() if hasattr(error, "exit_code")}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)) == codes
    assert set(re.findall(r"(?<!\S)(\d+) ", cli._EPILOG)) == codes


@pytest.mark.parametrize("table", ROWS)
def test_every_column_is_described(table: str) -> None:
    """docs/files.md describes the columns of each table, all of them and no others, each once."""
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {re.escape(table)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    described = [
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert sorted(described) == sorted(ROWS[table])


def test_every_kind_of_line_is_described() -> None:
    """docs/files.md names every `event` of the journal."""
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    events = [field.default for kind in get_args(Line) for field in fields(kind) if field.name == "event"]
    assert len(events) == len(get_args(Line))
    assert [event for event in events if f"`{event}`" not in text] == []


def test_every_flag_is_described() -> None:
    """docs/measuring.md has one row for each flag, in the words that the program uses."""
    text = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Flags$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    assert rows == sorted(flags.MEANINGS.items())


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link of a Markdown file to another file of this repository resolves."""
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_reason_that_the_code_points_to_is_there() -> None:
    """A module that names a page or a decision for its reason names one that the repository has."""
    named = {
        (module.name, page)
        for module in (ROOT / "edgebench").rglob("*.py")
        for page in re.findall(r"\bdocs/(?:\w+\.md|decisions/\d{4})", module.read_text(encoding="utf-8"))
    }
    assert named
    assert [one for one in sorted(named) if not list(ROOT.glob(f"{one[1]}*"))] == []


def test_no_page_has_a_hole() -> None:
    """No page holds a placeholder that waits for its figure."""
    assert [page.name for page in PAGES if re.search(r"\{[A-Z_]+\}|TODO|TBD", page.read_text(encoding="utf-8"))] == []


def test_decisions_are_numbered_without_gaps() -> None:
    """Decisions are numbered from 0001 on, each number once, each with a title."""
    assert [path.name[:5] for path in DECISIONS] == [f"{number:04}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        assert path.read_text(encoding="utf-8").startswith("# "), path.name
