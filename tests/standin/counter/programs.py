"""AArch64 programs of a handful of instructions, put into ELF files by hand: what they execute is known exactly."""

import struct
from pathlib import Path

FMLA, SDOT = 0x4E22CC20, 0x4E829420  # fmla v0.4s, v1.4s, v2.4s; sdot v0.4s, v1.16b, v2.16b
SVC = 0xD4000001
_LSEEK, _EXIT, _CLOCK = 62, 93, 113  # asm-generic/unistd.h
_MAGIC = 0x45444745
_BASE, _HEADERS = 0x400000, 64 + 56


def movz(register: int, value: int, shift: int = 0) -> int:
    """Return movz x{register}, #value, lsl #shift."""
    return 0xD2800000 | shift // 16 << 21 | value << 5 | register


def movk(register: int, value: int, shift: int) -> int:
    """Return movk x{register}, #value, lsl #shift."""
    return 0xF2800000 | shift // 16 << 21 | value << 5 | register


def mark(code: int) -> list[int]:
    """Return a mark: lseek(0, MAGIC << 32 | code, SEEK_SET), in 7 instructions."""
    offset = [movz(1, code), movk(1, _MAGIC & 0xFFFF, 32), movk(1, _MAGIC >> 16, 48)]
    return [movz(0, 0), *offset, movz(2, 0), movz(8, _LSEEK), SVC]


def clock() -> list[int]:
    """Return a reading of the clock into nowhere, which the kernel refuses: 4 instructions."""
    return [movz(0, 1), movz(1, 0), movz(8, _CLOCK), SVC]


def loop(times: int, *body: int) -> list[int]:
    """Return a loop: 1 instruction, then those of the body and 2 more each time."""
    back = -(len(body) + 1) & 0x7FFFF
    return [movz(3, times), *body, 0xF1000463, 0x54000001 | back << 5]  # subs x3, x3, #1; b.ne


def leave(status: int = 0) -> list[int]:
    """Return exit(status)."""
    return [movz(0, status), movz(8, _EXIT), SVC]


def write(path: Path, words: list[int]) -> Path:
    """Write a static program that begins with the first word, and return its path."""
    code = struct.pack(f"<{len(words)}I", *words)
    size = _HEADERS + len(code)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    path.write_bytes(identity + header + segment + code)
    path.chmod(0o755)
    return path
