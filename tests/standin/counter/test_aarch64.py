from pathlib import Path

import pytest

from edgebench.standin.counter.aarch64 import KINDS, Instruction, decode

ENCODINGS = Path(__file__).parents[2] / "data" / "aarch64" / "encodings.txt"
"""Word, kind, lanes, bits of a factor, and the text that GNU as 2.40 makes that word of."""


def cases() -> list[tuple[str, int, Instruction]]:
    """Return text, word and meaning of every line."""
    rows = [line.split(None, 4) for line in ENCODINGS.read_text(encoding="ascii").splitlines()]
    return [
        (text, int(word, 16), Instruction(kind=kind, lanes=int(lanes), bits=int(bits)))  # type: ignore[arg-type]
        for word, kind, lanes, bits, text in rows
    ]


def test_every_instruction_is_what_its_text_says() -> None:
    """A word that the assembler made decodes to the kind, lanes and width of its text."""
    wrong = [(text, decode(word), meaning) for text, word, meaning in cases() if decode(word) != meaning]
    assert wrong == []


def test_every_kind_has_an_instruction() -> None:
    """The encodings that are tested hold each kind."""
    assert {meaning.kind for _, _, meaning in cases()} == set(KINDS)


@pytest.mark.parametrize("register", [0, 7, 31])
def test_registers_do_not_matter(register: int) -> None:
    """Operands name registers, not what is done: their bits change no meaning."""
    words = [word for text, word, _ in cases() if text.startswith(("fmla", "sdot"))]
    assert all(decode(word ^ register) == decode(word) for word in words)


def test_no_word_is_refused() -> None:
    """Whatever stands in memory has a kind, even what no processor executes."""
    step = 0x0100_0193  # odd, so that all bits change
    found = {decode(word * step & 0xFFFF_FFFF).kind for word in range(20_000)}
    assert found <= set(KINDS)
