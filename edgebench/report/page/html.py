"""One HTML file that needs nothing else: text escaped by the template, tables and charts as one block of JSON.

The page forbids itself every request, and every script but its own two, by a content security policy. Vega therefore
interprets its expressions instead of compiling them.
"""

import base64
import functools
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebench.report.page import document
from edgebench.report.page.document import Cell, Document, Table

if TYPE_CHECKING:
    from jinja2 import Template

FIRST_ROWS = 50
"""Rows of a table that stand in the page as text, and rows that the script shows at a time."""

MOST_BEHIND = 1000
"""Rows behind a chart that the page holds; tables to be read have all of theirs."""

_HERE = Path(__file__).parent
_COMMAND = re.compile(r"`((?:edgebench |--)[^`]*)`")
_TEMPLATE = "page.html"
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(page: Document, folder: str = "") -> str:
    """Return a page as HTML; `folder` is the relative path from the page to its run folder, where the CSV files lie.

    The style sheet, the script and Vega stand in it.
    """
    from markupsafe import Markup

    page = _cut(page)
    has_charts = any(section.charts for section in page.sections)
    scripts = [*([_library()] if has_charts else []), (_HERE / "page.js").read_text(encoding="utf-8")]
    return _template().render(
        page=page,
        first=FIRST_ROWS,
        policy=_policy(scripts),
        style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own file, and a library's
        data=Markup(block({"rows": FIRST_ROWS, **_data(page)})),  # noqa: S704 - escaped by `block`
        source=lambda name: document.address(f"{folder}/{name}" if folder else name),
    )


@functools.cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["commands"] = _commands
    return environment.get_template(_TEMPLATE)


def _commands(sentence: str) -> str:
    """Return a sentence whose commands of ours, between backticks, are set as code; all else of it is escaped."""
    from markupsafe import Markup, escape

    parts = _COMMAND.split(sentence)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def _cut(page: Document) -> Document:
    """Return a page whose tables behind charts are no longer than the page can carry, which their titles then say."""
    return replace(
        page,
        sections=tuple(
            section if section.open else replace(section, tables=tuple(map(_cut_table, section.tables)))
            for section in page.sections
        ),
    )


def _cut_table(table: Table) -> Table:
    if len(table.rows) <= MOST_BEHIND:
        return table
    title = f"{table.title}: the first {MOST_BEHIND} of {len(table.rows)}, the file has all"
    return replace(table, title=title, rows=table.rows[:MOST_BEHIND])


def block(value: Any) -> str:
    r"""Return a value as JSON that can stand inside a script element: what could end that is escaped.

    >>> block("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text


def _data(page: Document) -> dict[str, Any]:
    return {
        "tables": {table.name: [[_cell(cell) for cell in row] for row in table.rows] for table in _tables(page)},
        "charts": {chart.name: chart.spec for section in page.sections for chart in section.charts},
    }


def _tables(page: Document) -> Iterator[Table]:
    for section in page.sections:
        yield from section.tables


def _cell(cell: Cell) -> Any:
    """Return a cell as short as the script can read it: text, or a list of text, key and link."""
    if cell.link is not None:
        return [cell.text, cell.key, cell.link]
    return cell.text if cell.key is None else [cell.text, cell.key]


def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, of the version that the charts were made for."""
    import altair as alt
    import vl_convert

    version = "_".join(alt.SCHEMA_VERSION.split(".")[:2])
    text = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version))
    return text.replace("\r\n", "\n").replace("</script", "<\\/script")


def _policy(scripts: list[str]) -> str:
    """Return a policy that allows these scripts and styles in the page, and no request whatever."""
    digests = (base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
