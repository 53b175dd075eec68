"""The BLAS that numpy computes with: how many threads it has, what it is called, whose kernels it uses."""

import os
import re
import sys
from ctypes import CDLL, c_char_p
from pathlib import Path
from typing import Any

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_CORE_NAMES = ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename")


def single_threaded() -> None:
    """Have BLAS use one thread a caller: it reads its number of threads once, when numpy loads it."""
    if "numpy" in sys.modules and any(os.environ.get(name) != "1" for name in _BLAS_THREADS):
        raise RuntimeError("numpy was loaded before the peaks were asked for: start them in a process of their own")
    os.environ.update(dict.fromkeys(_BLAS_THREADS, "1"))


def name() -> str:
    """Return name and version of numpy's BLAS as numpy was built with it."""
    import numpy as np

    try:
        built: Any = np.show_config(mode="dicts")
        found = built["Build Dependencies"]["blas"]
        return " ".join(str(found[key]) for key in ("name", "version") if found.get(key)) or "unknown"
    except (TypeError, KeyError, AttributeError):  # numpy before 1.26, or a distribution's own build
        return "unknown"


def mapped_libraries(maps: str, word: str) -> list[str]:
    """Return the shared libraries in a /proc/PID/maps file whose file names hold a word; a path may hold spaces.

    >>> mapped_libraries("7f00-7f10 r-xp 0 fe:00 12      /my env/libscipy_openblas64_-8fb3d286.so\\n", "blas")
    ['/my env/libscipy_openblas64_-8fb3d286.so']
    """
    paths = set(re.findall(r"^(?:\S+ +){5}(/.*)$", maps, re.MULTILINE))
    return sorted(path for path in paths if word in (name := path.rpartition("/")[2]) and ".so" in name)


def core() -> str | None:
    """Return the core whose kernels OpenBLAS uses here, None for another BLAS or one that does not say."""
    maps = Path("/proc/self/maps").read_text(errors="replace")
    for path in mapped_libraries(maps, "blas"):
        try:
            library = CDLL(path)
        except OSError:
            continue
        for symbol in _CORE_NAMES:
            function = getattr(library, symbol, None)
            if function is not None:
                function.restype = c_char_p
                said: bytes | None = function()
                return said.decode(errors="replace") if said else None
    return None
