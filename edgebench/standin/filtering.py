"""Start a program whose system calls are as proot expects them; run as `python filtering.py PROGRAM WORD...`.

proot reads and rewrites the paths of what it traces. Debian's proot 5.1 does not know the newer calls that hold one:
these answer that there is no such call, and C libraries and QEMU take the older one. A program that forbids to be
traced (sftp does, PR_SET_DUMPABLE) would be out of its reach: that call answers that it is done. Takes no privilege
(seccomp(2)).
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence

PR_SET_DUMPABLE = 4  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ENOSYS = 38
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h: what a filter returns
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h: LD W ABS, JMP JEQ K, RET K
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16  # struct seccomp_data, the lower half of its first argument

# arch/x86/entry/syscalls/syscall_64.tbl; linux/audit.h
X86_64 = {"architecture": 0xC000003E, "prctl": 157, "statx": 332, "openat2": 437, "faccessat2": 439}
UNKNOWN_TO_PROOT = ("statx", "openat2", "faccessat2")

Instruction = tuple[int, int, int, int]


def program() -> list[Instruction]:
    """Return the filter as instructions of classic BPF: code, jump if true, jump if false, operand."""
    calls = [X86_64[name] for name in UNKNOWN_TO_PROOT]
    head = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, X86_64["architecture"]), (_RETURN, 0, 0, _ALLOW)]
    refused = [one for call in calls for one in ((_EQUAL, 0, 1, call), (_RETURN, 0, 0, _ERRNO | _ENOSYS))]
    tail = [
        (_EQUAL, 0, 3, X86_64["prctl"]),
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 0, 1, PR_SET_DUMPABLE),
        (_RETURN, 0, 0, _ERRNO),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [*head, (_LOAD, 0, 0, _NUMBER), *refused, *tail]


def install(instructions: Sequence[Instruction]) -> None:
    """Put this process and all that it starts under a filter; raise OSError where the kernel has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in instructions))
    description = struct.pack("@HP", len(instructions), ctypes.addressof(code))  # struct sock_fprog
    for words in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(description), 0, 0),
    ):
        if libc.prctl(*words):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def main() -> None:
    """Become the program that is named, under the filter."""
    if platform.machine() != "x86_64":
        sys.exit(f"stand-ins without root are known on x86_64 alone, not on {platform.machine()}")
    install(program())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - a list, no shell


if __name__ == "__main__":
    main()
