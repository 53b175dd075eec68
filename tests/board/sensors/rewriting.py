"""Trees that change while another process reads them: a thread writes each file anew, whole, as its course goes."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.board.sensors.living import Course

_STEP_S = 0.002


@contextlib.contextmanager
def rewritten(root: Path, still: Mapping[str, str], courses: Mapping[str, Course]) -> Iterator[int]:
    """Fill a tree and keep its courses going; give the time of their beginning, by the clock of `time.perf_counter_ns`.

    All processes of a machine that runs Linux share that clock.
    """
    began_ns = time.perf_counter_ns()
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        new = Path(folder) / "file"  # a file that is half written is never seen: it is made here, and moved

        def write(files: Mapping[str, str | None]) -> None:
            for name, text in files.items():
                _put(root / name, text, new)

        def write_now() -> None:
            at_s = (time.perf_counter_ns() - began_ns) * 1e-9
            write({name: course(at_s) for name, course in courses.items()})

        write(still)
        write_now()
        with _repeated(write_now):
            yield began_ns


@contextlib.contextmanager
def _repeated(do: Callable[[], None]) -> Iterator[None]:
    """Do something again and again in a thread."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(_STEP_S):
            do()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _put(path: Path, text: str | None, new: Path) -> None:
    """Have a file say something, or be gone."""
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(text)
    new.replace(path)
