"""Tell what an AArch64 instruction does from its word: its kind, and how many multiplications stand in it.

Encodings are those of the Arm Architecture Reference Manual for A-profile (DDI 0487), section C4.1: bits 28:25 of a
word choose the group, the tables below the instruction. A lane is one multiplication, added to something where the
instruction adds: FMLA of four fp32 has 4, SDOT of sixteen int8 has 16.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "fma_vector",
    "fma_scalar",
    "dot",
    "multiply",
    "integer_multiply",
    "vector",
    "scalar_float",
    "load_vector",
    "load",
    "store_vector",
    "store",
    "prefetch",
    "branch",
    "integer",
    "other",
    "scalable",
]
"""What an instruction does, each of one kind.

`fma_*`: fused multiply-add or multiply-subtract of real numbers; `dot`: several products summed into one lane (SDOT,
SMMLA, BFDOT); `multiply`, `integer_multiply`: other vector multiplications, of real numbers and of integers;
`vector`: all other arithmetic and moves on vectors; `scalar_float`: the same on one number in a vector register;
`*_vector`: to and from vector registers; `integer`: general registers; `other`: system, barriers, atomics;
`scalable`: SVE and SME, whose lanes a word does not tell.
"""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What one instruction does; `lanes` are its multiplications, 0 where it has none, `bits` the width of a factor."""

    kind: Kind
    lanes: int = 0
    bits: int = 0  # of a factor: 32 for fp32, 8 for int8


def _bit(word: int, place: int) -> int:
    return word >> place & 1


def _real(kind: Kind, bits: int | None = None) -> Callable[[int], Instruction]:
    """Return a reader of a vector of real numbers: 64 or 128 bits by bit 30; fp32 or fp64 by bit 22 unless given."""

    def read(word: int) -> Instruction:
        width = bits or (64 if _bit(word, 22) else 32)
        return Instruction(kind=kind, lanes=(128 if _bit(word, 30) else 64) // width, bits=width)

    return read


def _fixed(kind: Kind, lanes: int, bits: int) -> Callable[[int], Instruction]:
    """Return a reader of a vector whose lanes in 128 bits are given; 64 bits hold half of them."""

    def read(word: int) -> Instruction:
        return Instruction(kind=kind, lanes=lanes if _bit(word, 30) else lanes // 2, bits=bits)

    return read


def _whole(kind: Kind, lanes: int, bits: int) -> Callable[[int], Instruction]:
    """Return a reader of what always has so many lanes."""
    found = Instruction(kind=kind, lanes=lanes, bits=bits)
    return lambda word: found


def _same(word: int) -> Instruction:
    """Read integers that stay as wide as they are; bits 23:22 are their size, bit 30 the vector's."""
    bits = 8 << (word >> 22 & 3)
    return Instruction(kind="integer_multiply", lanes=(128 if _bit(word, 30) else 64) // bits, bits=bits)


def _long(word: int) -> Instruction:
    """Read integers that become twice as wide: 64 bits of factors, the lower or (bit 30) the upper half."""
    bits = 8 << (word >> 22 & 3)
    return Instruction(kind="integer_multiply", lanes=64 // bits, bits=bits)


def _scalar(word: int) -> Instruction:
    """Read a scalar fused multiply-add; bits 23:22 are 00 for fp32, 01 for fp64, 11 for fp16."""
    return Instruction(kind="fma_scalar", lanes=1, bits={0: 32, 1: 64, 3: 16}.get(word >> 22 & 3, 0))


_FMA: Final = "fma_vector"
_MUL: Final = "multiply"
_DOT: Final = "dot"

_MULTIPLICATIONS: tuple[tuple[int, int, Callable[[int], Instruction]], ...] = (
    # An instruction is what it is where word & mask == value.
    # three registers of the same type: bit 23 is subtraction where the mask leaves it out
    (0xBF20FC00, 0x0E20CC00, _real(_FMA)),  # FMLA, FMLS
    (0xBF60FC00, 0x0E400C00, _real(_FMA, 16)),  # FMLA, FMLS of fp16
    (0xBF60FC00, 0x0E20EC00, _fixed(_FMA, 4, 16)),  # FMLAL, FMLSL: fp16 into fp32
    (0xBF60FC00, 0x2E20CC00, _fixed(_FMA, 4, 16)),  # FMLAL2, FMLSL2
    (0xBFA0FC00, 0x2E20DC00, _real(_MUL)),  # FMUL
    (0xBFA0FC00, 0x0E20DC00, _real(_MUL)),  # FMULX
    (0xBFE0FC00, 0x2E401C00, _real(_MUL, 16)),  # FMUL of fp16
    (0xBFE0FC00, 0x0E401C00, _real(_MUL, 16)),  # FMULX of fp16
    (0x9F20FC00, 0x0E209400, _same),  # MLA, MLS
    (0xBF20FC00, 0x0E209C00, _same),  # MUL
    (0x9F20FC00, 0x0E20B400, _same),  # SQDMULH, SQRDMULH
    (0xBF20F400, 0x2E008400, _same),  # SQRDMLAH, SQRDMLSH
    # dot products and matrix products
    (0x9FE0FC00, 0x0E809400, _fixed(_DOT, 16, 8)),  # SDOT, UDOT
    (0xBFE0FC00, 0x0E809C00, _fixed(_DOT, 16, 8)),  # USDOT
    (0xBFE0FC00, 0x2E40FC00, _fixed(_DOT, 8, 16)),  # BFDOT
    (0xDFE0FC00, 0x4E80A400, _whole(_DOT, 32, 8)),  # SMMLA, UMMLA
    (0xFFE0FC00, 0x4E80AC00, _whole(_DOT, 32, 8)),  # USMMLA
    (0xFFE0FC00, 0x6E40EC00, _whole(_DOT, 16, 16)),  # BFMMLA
    (0xBFE0FC00, 0x2EC0FC00, _whole(_FMA, 4, 16)),  # BFMLALB, BFMLALT
    # three registers, the result twice as wide
    (0x9F20DC00, 0x0E208000, _long),  # SMLAL, SMLSL and unsigned
    (0x9F20FC00, 0x0E20C000, _long),  # SMULL, UMULL
    (0xBF20DC00, 0x0E209000, _long),  # SQDMLAL, SQDMLSL
    (0xBF20FC00, 0x0E20D000, _long),  # SQDMULL
    # a vector by one element of another
    (0xBF80B400, 0x0F801000, _real(_FMA)),  # FMLA, FMLS
    (0xBFC0B400, 0x0F001000, _real(_FMA, 16)),  # FMLA, FMLS of fp16
    (0xBFC0B400, 0x0F800000, _fixed(_FMA, 4, 16)),  # FMLAL, FMLSL
    (0xBFC0B400, 0x2F808000, _fixed(_FMA, 4, 16)),  # FMLAL2, FMLSL2
    (0x9F80F400, 0x0F809000, _real(_MUL)),  # FMUL, FMULX
    (0x9FC0F400, 0x0F009000, _real(_MUL, 16)),  # FMUL, FMULX of fp16
    (0x9FC0F400, 0x0F80E000, _fixed(_DOT, 16, 8)),  # SDOT, UDOT
    (0xBF40F400, 0x0F00F000, _fixed(_DOT, 16, 8)),  # SUDOT, USDOT
    (0xBFC0F400, 0x0F40F000, _fixed(_DOT, 8, 16)),  # BFDOT
    (0xBFC0F400, 0x0FC0F000, _whole(_FMA, 4, 16)),  # BFMLALB, BFMLALT
    (0xBF00B400, 0x2F000000, _same),  # MLA, MLS
    (0xBF00F400, 0x0F008000, _same),  # MUL
    (0xBF00E400, 0x0F00C000, _same),  # SQDMULH, SQRDMULH
    (0xBF00D400, 0x2F00D000, _same),  # SQRDMLAH, SQRDMLSH
    (0x9F00B400, 0x0F002000, _long),  # SMLAL, SMLSL and unsigned
    (0x9F00F400, 0x0F00A000, _long),  # SMULL, UMULL
    (0xBF00B400, 0x0F003000, _long),  # SQDMLAL, SQDMLSL
    (0xBF00F400, 0x0F00B000, _long),  # SQDMULL
    # one number
    (0xFF000000, 0x1F000000, _scalar),  # FMADD, FMSUB, FNMADD, FNMSUB
    (0xFFC0B400, 0x5F801000, _whole("fma_scalar", 1, 32)),  # FMLA, FMLS by element, fp32
    (0xFFC0B400, 0x5FC01000, _whole("fma_scalar", 1, 64)),
    (0xFFC0B400, 0x5F001000, _whole("fma_scalar", 1, 16)),
)


@functools.lru_cache(maxsize=2**18)
def decode(word: int) -> Instruction:
    """Return what an instruction does.

    >>> decode(0x4E21CC02)  # fmla v2.4s, v0.4s, v1.4s
    Instruction(kind='fma_vector', lanes=4, bits=32)
    >>> decode(0xD65F03C0)  # ret
    Instruction(kind='branch', lanes=0, bits=0)
    """
    return _GROUPS[word >> 25 & 15](word)


def _vectors(word: int) -> Instruction:
    for mask, value, read in _MULTIPLICATIONS:
        if word & mask == value:
            return read(word)
    return Instruction(kind="scalar_float" if _bit(word, 28) else "vector")


def _branches(word: int) -> Instruction:
    # 0xD4 are exceptions, 0xD5 system instructions: hints, barriers, system registers
    return Instruction(kind="other" if word >> 24 in {0xD4, 0xD5} else "branch")


def _memory(word: int) -> Instruction:
    return Instruction(kind=_MEMORY[word >> 28 & 3](word))


def _exclusive_or_structures(word: int) -> Kind:
    """Return the kind where bits 29:28 are 00: exclusive and ordered accesses, CAS, structures of vectors."""
    if _bit(word, 26):
        return "load_vector" if _bit(word, 22) else "store_vector"
    ordered, paired = _bit(word, 23), _bit(word, 21)
    if (ordered and paired) or (paired and not _bit(word, 31)):  # CAS; CASP, which has sizes 0x
        return "other"
    return "load" if _bit(word, 22) else "store"


def _literal_or_unscaled(word: int) -> Kind:
    """Return the kind where bits 29:28 are 01: literals, unscaled acquire and release, memory tags and copies."""
    vector = _bit(word, 26)
    if not _bit(word, 24):
        if word >> 30 == 3 and not vector:
            return "prefetch"
        return "load_vector" if vector else "load"
    if _bit(word, 21) or word >> 10 & 3 == 1:
        return "other"
    return _sided(load=word >> 22 & 3 != 0 if not vector else bool(_bit(word, 22)), vector=vector)


def _pair(word: int) -> Kind:
    return _sided(load=bool(_bit(word, 22)), vector=_bit(word, 26))


def _single(word: int) -> Kind:
    """Return the kind where bits 29:28 are 11: one register, and atomic operations."""
    vector, operation = _bit(word, 26), word >> 22 & 3
    if vector:
        return _sided(load=bool(operation & 1), vector=1)
    if not _bit(word, 24) and _bit(word, 21):
        if word >> 10 & 3 == 0:
            return "load" if word & 0x3FFFFC00 == 0x38BFC000 else "other"  # LDAPR stands among the atomic operations
        if _bit(word, 10):
            return "load"  # LDRAA, LDRAB: authenticated
    if word >> 30 == 3 and operation == 2:
        return "prefetch"
    return _sided(load=operation != 0, vector=0)


def _sided(*, load: bool, vector: int) -> Kind:
    if load:
        return "load_vector" if vector else "load"
    return "store_vector" if vector else "store"


_MEMORY: tuple[Callable[[int], Kind], ...] = (_exclusive_or_structures, _literal_or_unscaled, _pair, _single)


def _constant(kind: Kind) -> Callable[[int], Instruction]:
    found = Instruction(kind=kind)
    return lambda word: found


def _reserved(word: int) -> Instruction:
    return Instruction(kind="scalable" if _bit(word, 31) else "other")  # SME, or UDF and what is not allocated


_GROUPS: tuple[Callable[[int], Instruction], ...] = (
    _reserved,  # 0000
    _constant("other"),  # 0001: not allocated
    _constant("scalable"),  # 0010: SVE
    _constant("other"),  # 0011: not allocated
    _memory,  # 0100
    _constant("integer"),  # 0101: registers
    _memory,  # 0110
    _vectors,  # 0111
    _constant("integer"),  # 1000: immediates
    _constant("integer"),  # 1001
    _branches,  # 1010
    _branches,  # 1011
    _memory,  # 1100
    _constant("integer"),  # 1101: registers
    _memory,  # 1110
    _vectors,  # 1111
)
