"""What is expected of models on a device, as records."""

from dataclasses import dataclass

from edgebench.analysis import residence
from edgebench.analysis.bound import Bound
from edgebench.analysis.hardware import Hardware
from edgebench.analysis.predict import Prediction
from edgebench.analysis.residence import Residence, Verdict
from edgebench.devices.records import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Top-1 accuracy on ImageNet in per cent, and which source prints it: nothing that this program measured."""

    top1: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What one model is expected to take in one set-up; None where it cannot be told, for the reasons in `missing`."""

    model: str
    backend: str
    precision: Precision
    threads: int
    batch: int
    mult_adds: int
    bound: Bound | None
    prediction: Prediction | None
    memory: Residence | None
    accuracy: Accuracy | None
    missing: tuple[str, ...]

    @property
    def lower_s(self) -> float | None:
        """Return what nothing beats."""
        return None if self.bound is None else self.bound.lower_s

    @property
    def reference_s(self) -> float | None:
        """Return what direct convolution takes at best."""
        return None if self.bound is None else self.bound.reference_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomInMemory:
    """A size of memory, and what of it a process may have: what is free now, or what its system leaves."""

    size_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """All forecasts of a request, and what they stand on.

    `limits` is the hardware of the bounds: the unit's own figures where they were measured. `memories`: that of this
    machine, or those that the board is sold with. `own`: how many own measurements were taken in.
    """

    device: str
    title: str
    limits: Hardware
    probed: bool
    own: int
    memories: tuple[RoomInMemory, ...]
    forecasts: tuple[Forecast, ...]

    def verdicts(self, needed: Residence) -> tuple[tuple[RoomInMemory, Verdict], ...]:
        """Return for each memory, the smallest first, whether a process fits, alone."""
        memories = sorted(self.memories, key=lambda one: one.size_bytes)
        return tuple((one, residence.fits(needed, one.free_bytes)) for one in memories)
