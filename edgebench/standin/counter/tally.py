"""Sums over the instructions of a region: by kind, and how many multiplications stood in them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from edgebench.board.wire import STRICT
from edgebench.standin.counter.aarch64 import KINDS, decode

_FUSED = {"fma_vector": "fused_vector_lanes", "fma_scalar": "fused_scalar_lanes"}
_LANES = {**_FUSED, "dot": "dot_lanes", "multiply": "multiply_lanes", "integer_multiply": "integer_lanes"}
_FP32_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was executed: instructions by kind, and multiplications by the kind of instruction that held them.

    `narrow_fused_lanes` are those fused lanes whose factors have fewer than 32 bits (fp16, bf16).
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    instructions: dict[str, int] = field(default_factory=dict)
    fused_vector_lanes: int = 0
    fused_scalar_lanes: int = 0
    narrow_fused_lanes: int = 0
    multiply_lanes: int = 0
    integer_lanes: int = 0
    dot_lanes: int = 0

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.instructions.values())

    @property
    def fused_lanes(self) -> int:
        """Fused multiply-adds of real numbers, those of vectors and single ones."""
        return self.fused_vector_lanes + self.fused_scalar_lanes

    @property
    def multiply_add_lanes(self) -> int:
        """Multiplications of the kinds that networks are made of: fused ones, dot products, integer vectors."""
        return self.fused_lanes + self.dot_lanes + self.integer_lanes

    def of(self, *kinds: str) -> int:
        """Return how many instructions were of these kinds."""
        return sum(self.instructions.get(kind, 0) for kind in kinds)


def tally(words: Mapping[int, int]) -> Tally:
    """Return the sums over instruction words, each with how often it was executed.

    >>> tally({0x4E21CC02: 10, 0xD65F03C0: 1}).fused_lanes  # fmla v2.4s, v0.4s, v1.4s; ret
    40
    """
    instructions: Counter[str] = Counter()
    lanes: Counter[str] = Counter()
    for word, executed in words.items():
        found = decode(word)
        instructions[found.kind] += executed
        if found.kind in _LANES:
            lanes[_LANES[found.kind]] += found.lanes * executed
        if found.kind in _FUSED and found.bits < _FP32_BITS:
            lanes["narrow_fused_lanes"] += found.lanes * executed
    return Tally(instructions={kind: instructions[kind] for kind in KINDS if instructions[kind]}, **lanes)


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sums over several regions."""
    instructions: Counter[str] = Counter()
    lanes: Counter[str] = Counter()
    for one in tallies:
        instructions.update(one.instructions)
        lanes.update({name: getattr(one, name) for name in _NUMBERS})
    return Tally(instructions={kind: instructions[kind] for kind in KINDS if instructions[kind]}, **lanes)


_NUMBERS = tuple(one.name for one in fields(Tally) if one.name != "instructions")
