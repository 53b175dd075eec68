"""The same page as Markdown, with its charts as pictures beside it."""

import re
from collections.abc import Iterator

from edgebench.report.markdown import table_lines
from edgebench.report.page import document
from edgebench.report.page.document import Cell, Document, Section, Table

MOST_ROWS = 100
"""Rows of a table; the CSV file has all of them."""

PICTURES = "figures"
"""The folder of the pictures, beside the page."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!~$]|^[+-])")
_ENTITIES = {  # the first one first: the others hold its sign
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "|": "&#124;",
    "://": ":&#47;&#47;",
    "www.": "www&#46;",
    "@": "&#64;",
}


def render(page: Document, folder: str = "") -> str:
    """Return a page as Markdown; `folder` is the relative path from the page to its run folder."""
    return "\n".join(_lines(page, folder)).rstrip() + "\n"


def _lines(page: Document, folder: str) -> Iterator[str]:
    yield from (f"# {escaped(page.title)}", "", escaped(page.under), "", f"**{escaped(page.headline)}**", "")
    if page.answer is not None:
        yield from (*_table(page.answer), "")
        if page.beyond:
            yield from (f"{page.beyond} more stand in the tables below.", "")
    for card in page.cards:
        yield from (f"## {escaped(card.title)}", "", *(f"- {escaped(sentence)}" for sentence in card.says))
        yield from ([f"- {card.more} more in the tables below."] if card.more else [])
        yield ""
    for section in page.sections:
        yield from _section(section, folder)


def _section(section: Section, folder: str) -> Iterator[str]:
    yield from (f"## {escaped(section.title)}", "")
    for sentence in section.says:
        yield from (escaped(sentence), "")
    for chart in section.charts:
        picture = f"{PICTURES}/{chart.name}"
        yield from (f"![{escaped(chart.says)}]({picture}.png)", "", f"[As SVG]({picture}.svg)", "")
    for table in section.tables:
        yield from (f"### {escaped(table.title)}", "", *_table(table), "")
        if len(table.rows) > MOST_ROWS:
            yield from (f"The first {MOST_ROWS} of {len(table.rows)} rows.", "")
        if table.source is not None:
            path = f"{folder}/{table.source}" if folder else table.source
            yield from (f"Drawn from [{table.source}]({document.address(path)}).", "")


def _table(table: Table) -> Iterator[str]:
    headings = [escaped(column.name) for column in table.columns]
    right = {heading for heading, column in zip(headings, table.columns, strict=True) if column.number}
    yield from table_lines(headings, ([_cell(cell) for cell in row] for row in table.rows[:MOST_ROWS]), right)


def _cell(cell: Cell) -> str:
    shown = escaped(cell.text)
    return shown if cell.link is None else f"[{shown}]({cell.link})"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is: no emphasis, link, picture, table or HTML comes of it.

    >>> print(escaped("*a* <b> [c](d)"))
    \*a\* &lt;b&gt; \[c\]\(d\)
    """
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    for sign, instead in _ENTITIES.items():
        line = line.replace(sign, instead)
    return line
