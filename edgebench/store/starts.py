"""What the workers of one trial had in common when they started, and how long they took to come to rest."""

from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Ready

_NS = 1e-9
_PROCESSORS = ("cpu", "numpy")  # onnxruntime, OpenVINO and torch say CPU of themselves, `null` says numpy
_WINDOW = 5
_SAME = 0.01
_MEDIAN_TO_SD = 1.2533  # standard error of a median over that of a mean, of normal samples
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """When a worker was as fast as it would get: seconds and calls before that, its first call counted."""

    seconds: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """The starts of a trial's workers, one an invocation."""

    ready: tuple[Ready, ...]

    def median(self, name: str) -> float | None:
        """Return the median of a figure that every start tells."""
        return float(np.median([getattr(one, name) for one in self.ready])) if self.ready else None

    def words(self, name: str) -> str | None:
        """Return what all starts say, or each of the different things that they say."""
        return "; ".join(sorted({str(getattr(one, name)) for one in self.ready})) or None

    def threads_found(self) -> int | None:
        """Return the most threads that computed."""
        return max((one.threads_found for one in self.ready if one.threads_found is not None), default=None)

    def own_clock(self) -> bool:
        """Tell whether the runtime's own program took the times."""
        return any(one.own_clock for one in self.ready)

    def own_cpu(self) -> bool:
        """Tell whether calls were computed on the processors whose time was taken: a GPU's time is not in it."""
        providers = [one.provider.lower() for one in self.ready]
        return not self.own_clock() and all(any(word in said for word in _PROCESSORS) for said in providers)

    def seconds(self) -> float:
        """Return the median of what an invocation takes before its first round."""
        spans = [
            one.import_s + one.load_s + one.first_call_s + (sum(one.start_up_ns) + sum(one.warm_up_ns)) * _NS
            for one in self.ready
        ]
        return float(np.median(spans)) if spans else 0.0

    def warm_up_s(self) -> float | None:
        """Return the median of what all warm-up calls took."""
        spans = [(sum(one.start_up_ns) + sum(one.warm_up_ns)) * _NS for one in self.ready]
        return float(np.median(spans)) if spans else None

    def settled(self) -> Settled | None:
        """Return the median of when the workers that came to rest did so."""
        found = [moment for moment in map(settled, self.ready) if moment is not None]
        if not found:
            return None
        return Settled(
            seconds=float(np.median([moment.seconds for moment in found])),
            calls=round(float(np.median([moment.calls for moment in found]))),
        )

    def parity_max_abs_diff(self) -> float | None:
        """Return the largest difference from the reference."""
        return max((one.parity.max_abs_diff for one in self.ready if one.parity is not None), default=None)

    def parity_scale(self) -> float | None:
        """Return the largest magnitude of the reference."""
        return max((one.parity.scale for one in self.ready if one.parity is not None), default=None)


def settled(ready: Ready) -> Settled | None:
    """Return when a worker was as fast as it would get, None when it did not come to rest or kept no clock of ours.

    It was with the first of five successive samples whose median lies within 1 % of that of the last half of its
    warm-up, or within the noise of five samples of that half; slower ones at the head of the five do not count.
    Warm-up goes on for at least half a second after that moment, to see that it was one.
    """
    if not ready.steady or ready.own_clock or not ready.warm_up_ns:
        return None
    calls = np.array([1] * (1 + len(ready.start_up_ns)) + [ready.warm_up_calls] * len(ready.warm_up_ns))
    spans_s = np.array([ready.first_call_s, *(ns * _NS for ns in (*ready.start_up_ns, *ready.warm_up_ns))])
    logs = np.log(np.maximum(spans_s / calls, _NS))
    rest = logs[-max(1, len(ready.warm_up_ns) // 2) :]
    level = float(np.median(rest))
    noise = 2 * _MEDIAN_TO_SD * _MAD_TO_SD * float(np.median(np.abs(rest - level))) / np.sqrt(_WINDOW)
    near = max(_SAME, noise)
    window = min(_WINDOW, len(logs))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(logs, window), axis=1)
    at_rest = np.flatnonzero(np.abs(medians - level) <= near)
    if not len(at_rest):
        return None
    first = int(at_rest[0])
    before = first + int(np.argmin(logs[first : first + window] > level + near))
    return Settled(seconds=float(np.sum(spans_s[:before])), calls=int(np.sum(calls[:before])))
