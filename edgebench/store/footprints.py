"""The memory of a trial, and what its calls cost beside computing: medians over workers that were alone."""

from dataclasses import dataclass

import numpy as np

from edgebench.board.wire import Footprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprints:
    """All footprints of one trial; a figure that none of them tells is None."""

    taken: tuple[Footprint, ...]

    def median(self, name: str) -> float | None:
        """Return the median of a figure in seconds over the repeats that tell it."""
        found = self._told(name)
        return float(np.median(found)) if found else None

    def median_bytes(self, name: str) -> int | None:
        """Return the median of a figure in bytes over the repeats that tell it."""
        found = self._told(name)
        return int(np.median(found)) if found else None

    def lowest_bytes(self, name: str) -> int | None:
        """Return the lowest of a figure in bytes."""
        return min(map(int, self._told(name)), default=None)

    def highest_bytes(self, name: str) -> int | None:
        """Return the highest of a figure in bytes."""
        return max(map(int, self._told(name)), default=None)

    def peak_is_sampled(self) -> bool | None:
        """Tell whether a peak was sampled because the kernel's own mark could not be reset."""
        return any(one.peak_is_sampled for one in self.taken) if self.taken else None

    def _told(self, name: str) -> list[float]:
        return [value for one in self.taken if (value := getattr(one, name)) is not None]
