"""Trees that change while a session runs: what a file says is made up when somebody reads it."""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from edgebench.board.sensors import Place

Course = Callable[[float], str | None]
"""What a file says so many seconds after the beginning; None: it is gone."""


class Tree:
    """A root folder some of whose files follow courses; the time of its beginning is kept."""

    def __init__(self, root: Path, still: Mapping[str, str], courses: Mapping[str, Course]) -> None:
        self.root = root
        self._courses = {root / name: course for name, course in courses.items()}
        self.began_ns = time.perf_counter_ns()
        for name, text in {**dict.fromkeys(courses, ""), **still}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    @contextlib.contextmanager
    def living(self) -> Iterator[None]:
        """Have the board's readers read the courses: as the kernel does, which makes up a file when it is read."""
        plain = Path.read_bytes

        def read(path: Path) -> bytes:
            course = self._courses.get(path)
            if course is None:
                return plain(path)
            text = course(self.seconds(time.perf_counter_ns()))
            if text is None:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
            return text.encode()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "read_bytes", read)
            patch.setitem(Place.__init__.__kwdefaults__, "open", read)  # type: ignore[arg-type] # a function has them
            yield

    def seconds(self, at_ns: int) -> float:
        """Return a moment of the machine's clock as seconds since the beginning."""
        return (at_ns - self.began_ns) * 1e-9
