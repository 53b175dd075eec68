"""Tell an instruction counter outside this process where a region begins and ends; where none listens, nothing happens.

A mark is a seek in /dev/null to an offset that only the counter knows (`standin/counter/edgecount.c`): one system call
that the kernel takes for nothing.
"""

import os

_MAGIC = 0x45444745 << 32
_OPEN, _CLOSE, _SPLIT = 1, 2, 3


class Marks:
    """Marks that this process makes; it keeps /dev/null open for them."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY)

    def open(self) -> None:
        """Begin a region: what this process executes from here on is counted."""
        os.lseek(self._null, _MAGIC | _OPEN, os.SEEK_SET)

    def split(self) -> None:
        """End the first part of a region and begin the next."""
        os.lseek(self._null, _MAGIC | _SPLIT, os.SEEK_SET)

    def close(self) -> None:
        """End a region."""
        os.lseek(self._null, _MAGIC | _CLOSE, os.SEEK_SET)
