"""A backend that fails as it is told to, `failing:how=kill`: each way at another stage, two of them in mid-block."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from edgebench.board.backends import Found, Settings, null
from edgebench.board.backends.null import Chain

FORMAT = None
DISTRIBUTION = None
PRECISIONS = ("fp32",)
OPTIONS = ("how",)

_WORK = 2000
_WARM_UP_CALLS = 25  # more than a worker makes that is started for its memory
_BLOCK_CALLS = 100


def import_runtime(settings: Settings) -> str:
    """Return a version, or abort as a runtime does whose library is of another processor."""
    if settings.options["how"] == "abort":
        sys.stderr.write("failing: no kernel for this processor\n")
        sys.stderr.flush()
        os.abort()
    return null.import_runtime(settings)


def load(artefact: Path | None, settings: Settings) -> "FailingChain":
    """Return a chain that will fail, or never return."""
    if settings.options["how"] == "hang-load":
        _hang()
    return FailingChain(settings.options["how"])


class FailingChain(Chain):
    """The null backend's work, up to the call that fails."""

    def __init__(self, how: str) -> None:
        super().__init__(_WORK)
        self._how = how
        self._calls = 0
        self._warm = False

    def call(self) -> None:
        """Multiply, and fail when its time has come."""
        super().call()
        self._calls += 1
        if self._how == "segfault":
            ctypes.string_at(0)
        if self._how == "exit" and self._calls == _WARM_UP_CALLS:
            os._exit(7)
        if self._warm and self._calls == _BLOCK_CALLS:
            self._fail_in_block()

    def found(self) -> Found:
        """Return what null does; the worker asks once, between its warm-up and its blocks."""
        self._warm = True
        self._calls = 0
        return super().found()

    def _fail_in_block(self) -> None:
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._how == "raise":
            raise RuntimeError("the accelerator fell asleep")
        if self._how == "hang-call":
            _hang()


def _hang() -> None:
    while True:
        signal.pause()
