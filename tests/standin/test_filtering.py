"""The filter under which proot runs, tried by the calls that it is about."""

import platform
import subprocess
import sys

import pytest

from edgebench.standin import filtering

TRIED = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
numbers = {numbers}
for number in numbers:
    print(libc.syscall(number, -1, None, 0, 0, None), os.strerror(ctypes.get_errno()))
print(libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0))
print(os.stat("/").st_ino > 0)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for x86_64")
def test_calls_that_proot_cannot_follow_are_not_there() -> None:
    """Newer calls with a path answer ENOSYS; that to forbid tracing answers 0 and changes nothing; others go on."""
    numbers = [filtering.X86_64[name] for name in filtering.UNKNOWN_TO_PROOT]
    words = [sys.executable, "-I", "-S", "-c", TRIED.format(numbers=numbers)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", filtering.__file__, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["-1 Function not implemented"] * 3 + ["0 1", "True"]


def test_the_filter_is_for_one_architecture() -> None:
    """Calls of another one, whose numbers mean other things, are let through."""
    load, equal, allow = filtering.program()[:3]
    assert (load[3], equal[1:3], allow[3]) == (4, (1, 0), 0x7FFF0000)
