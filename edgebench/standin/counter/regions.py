"""What the plugin writes: regions, their parts, and the words of the instructions that ran in each."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ENDS = {"close", "split", "clock"}


class MalformedCounts(ValueError):  # noqa: N818 - a fact about a file
    """The file of counts is not what the plugin writes, or breaks off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What ran between two marks: instruction words with how often each, all threads together.

    `elsewhere` is how many instructions other threads executed meanwhile than the one that marked.
    """

    words: dict[int, int]
    elsewhere: int


Region = tuple[Part, ...]
"""The parts of a region in their order; one that was never split has one."""


def parse(lines: Iterable[str]) -> Iterator[Region]:
    """Yield the regions of a file in their order; raise MalformedCounts when it is none.

    >>> [region[0].words for region in parse(["3 0 d503201f", "1 0 d503201f d65f03c0", "close"])]
    [{3573751839: 4, 3596551104: 1}]
    """
    parts: list[Part] = []
    words: Counter[int] = Counter()
    elsewhere = 0
    for line in lines:
        first, *rest = line.split() or [""]
        if first in _ENDS and not rest:
            parts.append(Part(words=dict(words), elsewhere=elsewhere))
            words, elsewhere = Counter(), 0
            if first == "close":
                yield tuple(parts)
                parts = []
            continue
        own, others, block = _block(first, rest)
        for word in block:
            words[word] += own + others
        elsewhere += others * len(block)
    if words or parts:
        raise MalformedCounts("the counts break off inside a region")


def merged(parts: Iterable[Part]) -> Part:
    """Return several parts as one."""
    words: Counter[int] = Counter()
    elsewhere = 0
    for part in parts:
        words.update(part.words)
        elsewhere += part.elsewhere
    return Part(words=dict(words), elsewhere=elsewhere)


def _block(first: str, rest: list[str]) -> tuple[int, int, list[int]]:
    try:
        own, others, *block = int(first), int(rest[0]), *(int(word, 16) for word in rest[1:])
    except (ValueError, IndexError):
        line = " ".join([first, *rest])
        raise MalformedCounts(f"the counts hold a line that is none of theirs: {line[:80]!r}") from None
    return own, others, block
