"""Tables and text of Markdown."""

import html
from collections.abc import Collection, Iterable, Iterator, Sequence


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> Iterator[str]:
    """Yield a table line by line; columns named in `right` are right-aligned.

    >>> list(table_lines(("a", "b"), [("x|y", "1")], right=("b",)))
    ['| a | b |', '| --- | ---: |', '| x&#124;y | 1 |']
    """
    yield _line(columns)
    yield _line(["---:" if column in right else "---" for column in columns])
    yield from map(_line, rows)


def text(words: str) -> str:
    """Return words that came from elsewhere on one line, their markup shown rather than followed.

    >>> text("a <b>\n[c](d)")
    'a &lt;b&gt; &#91;c](d)'
    """
    return html.escape(" ".join(words.split()), quote=False).replace("[", "&#91;").replace("*", "&#42;")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
