"""Clocks of the measuring side, and the statistics a worker needs to know that it is warm."""

import time

import numpy as np

wall_ns = time.perf_counter_ns
"""Monotonic wall clock; 52 ns a pair on a server core."""

cpu_ns = time.process_time_ns
"""CPU time of all threads of this process."""

_STEADY_SHIFT = 0.01  # one per cent
_PARTS = 8
_T_THREE_DEGREES = 3.18  # 97.5 % quantile of Student's t: the spread comes from four medians


def is_steady(samples_ns: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> bool:
    """Tell whether a window of eight samples or more has come to rest.

    The window is cut into eight parts; the medians of the first four must lie, on average, within 1 % of those of the
    last four, or within the noise that these four show among themselves. So a machine whose speed wanders is told
    from a network that is still getting faster (docs/decisions/0003).

    >>> is_steady(np.array([200, 150, 120, 110, 105, 103, 101, 100]))
    False
    >>> is_steady(np.array([100, 101, 100, 99, 100, 101, 100, 99]))
    True
    """
    logs = np.log(np.maximum(samples_ns, 1).astype(float))
    medians = [float(np.median(part)) for part in np.array_split(logs, _PARTS)]
    early, late = medians[: _PARTS // 2], medians[_PARTS // 2 :]
    shift = abs(float(np.mean(early) - np.mean(late)))
    noise = _T_THREE_DEGREES * float(np.std(late, ddof=1)) * float(np.sqrt(2 / len(late)))
    return shift <= max(_STEADY_SHIFT, noise)
