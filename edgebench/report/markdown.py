"""Tables of Markdown, and text of unknown origin in it."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from edgebench.untrusted import plain

_MEANING = re.compile(r"[&<>|*`\[\]\\#~@$]|(?<![^\W_])_|_(?![^\W_])")
"""Signs that make markup, HTML, a mention or a formula of what stands around them; _ does so at the end of a word."""


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()) -> Iterator[str]:
    """Yield a table line by line; columns named in `right` are right-aligned.

    >>> list(table_lines(("a", "b"), [("x|y", "1")], right=("b",)))
    ['| a | b |', '| --- | ---: |', '| x&#124;y | 1 |']
    """
    yield _line(columns)
    yield _line(["---:" if column in right else "---" for column in columns])
    yield from map(_line, rows)


def literal(text: str, most: int = 200) -> str:
    """Return a text that is shown as it is wherever Markdown is read: one line, no markup, so many signs at most.

    >>> literal("<b>a|b"), literal("mobilenet_v1 _x_")
    ('&#60;b&#62;a&#124;b', 'mobilenet_v1 &#95;x&#95;')
    """
    return _MEANING.sub(lambda sign: f"&#{ord(sign[0])};", plain(text, most))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
