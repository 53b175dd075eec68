from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.standin.counter.tally import Tally, tally, total

FMLA_4S, FMLA_8H, SDOT, FMADD, MLA_8H, RET = 0x4E21CC02, 0x4E410C02, 0x4E819402, 0x1F020C20, 0x4E619402, 0xD65F03C0
WORDS = st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 2**40), max_size=5)
FEW = settings(max_examples=25)


def test_lanes_count_multiplications() -> None:
    """Each instruction counts as many lanes as it multiplies pairs, under the kind of instruction that it is."""
    found = tally({FMLA_4S: 3, FMLA_8H: 5, SDOT: 7, FMADD: 11, MLA_8H: 13, RET: 17})
    assert found == Tally(
        instructions={"fma_vector": 8, "fma_scalar": 11, "dot": 7, "integer_multiply": 13, "branch": 17},
        fused_vector_lanes=3 * 4 + 5 * 8,
        fused_scalar_lanes=11,
        narrow_fused_lanes=5 * 8,
        integer_lanes=13 * 8,
        dot_lanes=7 * 16,
    )
    assert found.total == 3 + 5 + 7 + 11 + 13 + 17
    assert found.multiply_add_lanes == 3 * 4 + 5 * 8 + 11 + 13 * 8 + 7 * 16


@FEW
@given(WORDS, WORDS)
def test_tallies_add_up(first: dict[int, int], second: dict[int, int]) -> None:
    """What two parts executed is what their sum executed, in every figure."""
    both = {word: first.get(word, 0) + second.get(word, 0) for word in {*first, *second}}
    assert total([tally(first), tally(second)]) == tally(both)


@FEW
@given(WORDS)
def test_no_instruction_is_lost(words: dict[int, int]) -> None:
    """The kinds sum up to everything that ran."""
    assert tally(words).total == sum(words.values())
