import pytest

from edgebench.standin.counter.regions import MalformedCounts, Part, merged, parse

NOP, RET = 0xD503201F, 0xD65F03C0


def test_blocks_count_all_their_instructions() -> None:
    """A block counts each of its words as often as it ran, in the marking thread and in others together."""
    assert list(parse(["5 2 d503201f d503201f d65f03c0", "close"])) == [
        (Part(words={NOP: 14, RET: 7}, elsewhere=2 * 3),),
    ]


def test_regions_are_split_in_order() -> None:
    """A region has a part for each mark inside it, an empty one too."""
    lines = ["1 0 d503201f", "split", "clock", "2 0 d65f03c0", "close", "1 0 d65f03c0", "close"]
    first, second = parse(lines)
    assert [part.words for part in first] == [{NOP: 1}, {}, {RET: 2}]
    assert [part.words for part in second] == [{RET: 1}]


def test_merging_adds() -> None:
    """Parts that are merged hold what all of them hold."""
    assert merged([Part(words={NOP: 1}, elsewhere=1), Part(words={NOP: 2, RET: 3}, elsewhere=0)]) == Part(
        words={NOP: 3, RET: 3}, elsewhere=1
    )


@pytest.mark.parametrize(
    "lines", [["1 0 d503201f"], ["split"], ["x 0 d503201f", "close"], ["1", "close"], ["", "close"]]
)
def test_what_breaks_off_or_is_foreign_is_refused(lines: list[str]) -> None:
    """Counts with a hole in them are no counts."""
    with pytest.raises(MalformedCounts):
        list(parse(lines))
