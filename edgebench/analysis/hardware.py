"""What a processor reaches at best, as far as bounds need it: from a device's description, or from a unit's probe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edgebench.board.peak import Peak
from edgebench.devices.records import Cache, Device, GpuMode, Mode, PerCycle, Precision

LAUNCH_S = 2.2e-6
"""The time from one kernel of a GPU to the next: 2.2 us on an NVIDIA P100 (reframe-hpc/reframe: cscs-checks/
microbenchmarks/kernel_latency, asynchronous). Embedded GPUs take longer; a captured graph may take less."""


KERNEL_WIDTH: Mapping[str, int] = {"Haswell": 16, "Zen": 16, "SkylakeX": 32, "Cooperlake": 32, "SapphireRapids": 32}
"""Mult-adds a cycle of OpenBLAS' kernels for a matrix product in fp32, by its name for them: two fused multiply-adds of
8 numbers (AVX2) or of 16 (AVX-512). They reach nearly that, so the product's rate tells the clock."""

FLAG_WIDTH: Mapping[str, int] = {"avx512f": 32, "fma": 16}
"""Mult-adds a cycle that an instruction set allows at most, wider first: cores with one unit of 512 bit reach half."""

CHAIN_CYCLES = 12
"""What the probe's chain takes a multiplication, its result written and read again: 3.7 ns at about 3.3 GHz on the EPYC
with AVX-512 on which this was developed. A clock told by it is a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Mult-adds a second of one core, or of a whole GPU; None where there is no such arithmetic or nobody says."""

    fp32: float | None = None
    fp16: float | None = None
    int8: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A processor and the memory behind it.

    `cores` are those of which the rates and the clock hold; a GPU counts as one. `bandwidth_one_bytes_per_s` is what
    one core moves, `bandwidth_all_bytes_per_s` what the memory gives to all. `measured`: the rates are what the unit's
    probe reached, which a better kernel may exceed; else they are what the silicon allows.
    """

    name: str
    processor: Literal["cpu", "gpu"] = "cpu"
    cores: int
    clock_hz: float | None
    rates: Rates
    bandwidth_one_bytes_per_s: float | None = None
    bandwidth_all_bytes_per_s: float | None = None
    core_cache_bytes: int = 0
    shared_cache_bytes: int = 0
    launch_s: float = 0.0
    measured: bool = False

    def mult_adds_per_s(self, precision: Precision, threads: int) -> float | None:
        """Return the peak of so many threads, one a core; None where it is not known."""
        rate: float | None = getattr(self.rates, precision)
        return None if rate is None else rate * min(threads, self.cores)

    def bytes_per_s(self, threads: int) -> float | None:
        """Return what so many threads can move to and from memory; None where it is not known."""
        one, both = self.bandwidth_one_bytes_per_s, self.bandwidth_all_bytes_per_s
        if one is None or both is None:
            return both if one is None else one * threads
        return min(one * threads, both)

    def cache_bytes(self, threads: int) -> int:
        """Return what the caches of so many cores hold, all levels together."""
        return self.core_cache_bytes * min(threads, self.cores) + self.shared_cache_bytes


def of_device(device: Device, mode: Mode | None = None) -> Hardware | None:
    """Return the CPU of a device in a power mode, by default its fastest; None where no peak is known."""
    chosen = mode or next(iter(reversed(device.cpu.mode)), None)
    if chosen is None or chosen.mult_adds_per_cycle == PerCycle():
        return None
    nominal = chosen.bandwidth_nominal_bytes_per_s or device.memory.bandwidth_nominal_bytes_per_s
    measured = chosen.bandwidth_measured_bytes_per_s or device.memory.bandwidth_measured_bytes_per_s
    own, shared = _caches(device)
    return Hardware(
        name=device.name,
        cores=chosen.cores,
        clock_hz=chosen.clock_hz,
        rates=_rates(chosen.mult_adds_per_cycle, chosen.clock_hz),
        bandwidth_one_bytes_per_s=measured or nominal,
        bandwidth_all_bytes_per_s=nominal or measured,
        core_cache_bytes=own,
        shared_cache_bytes=shared,
    )


def of_gpu(device: Device, mode: str | None = None) -> Hardware | None:
    """Return the GPU of a device in the power mode of that name, by default the fastest; None where no peak is known.

    Its caches are not described, so all bytes count as moved from memory but those that one layer hands to the next.
    """
    modes = device.gpu.mode if device.gpu else ()
    chosen: GpuMode | None = next((one for one in reversed(modes) if mode in (None, one.name)), None)
    if chosen is None or device.gpu is None:
        return None
    bandwidth = device.memory.bandwidth_nominal_bytes_per_s
    return Hardware(
        name=device.name,
        processor="gpu",
        cores=1,
        clock_hz=chosen.clock_hz,
        rates=_rates(chosen.mult_adds_per_cycle, chosen.clock_hz),
        bandwidth_one_bytes_per_s=bandwidth,
        bandwidth_all_bytes_per_s=bandwidth,
        launch_s=LAUNCH_S,
    )


def of_probe(name: str, peak: Peak, flags: Sequence[str] = ()) -> Hardware:
    """Return a unit's CPU as its probe found it: the best repetition of its matrix product, its copies and additions.

    The clock is the one that cpufreq said under load; where it says none, as in most virtual machines, the product
    tells it. With the instruction sets of the CPU (`flags`) the peak is what these allow at that clock, should the
    product have used narrower ones. The probe multiplies in fp32 alone: other precisions have no rate.
    """
    gemm, copy, add = peak.gemm_mult_adds_per_s, peak.copy_bytes_per_s, peak.add_bytes_per_s
    reached = max(gemm.one_core.highest, gemm.all_cores.highest / len(peak.cpus))
    clock_hz = _clock_hz(peak, reached)
    width = next((mult_adds for flag, mult_adds in FLAG_WIDTH.items() if flag in flags), 0)
    return Hardware(
        name=name,
        cores=len(peak.cpus),
        clock_hz=clock_hz,
        rates=Rates(fp32=max(reached, width * clock_hz)),
        bandwidth_one_bytes_per_s=max(copy.one_core.highest, add.one_core.highest),
        bandwidth_all_bytes_per_s=max(rate.highest for one in (copy, add) for rate in (one.one_core, one.all_cores)),
        shared_cache_bytes=peak.last_level_cache_bytes or 0,
        measured=True,
    )


def _clock_hz(peak: Peak, mult_adds_per_s: float) -> float:
    """Return the clock of the fastest core: as said, else as the matrix product tells it, else as the chain does."""
    said = [float(clock.now_hz or clock.limit_hz or 0) for clock in peak.clocks_under_load]
    if any(said):
        return max(said)
    width = KERNEL_WIDTH.get(peak.blas_core or "")
    if width is not None:
        return mult_adds_per_s / width
    return CHAIN_CYCLES * peak.chain_multiplications / peak.chain_s.lowest


def _rates(per_cycle: PerCycle, clock_hz: float) -> Rates:
    found = {name: getattr(per_cycle, name) for name in ("fp32", "fp16", "int8")}
    return Rates(**{name: None if value is None else value * clock_hz for name, value in found.items()})


def _caches(device: Device) -> tuple[int, int]:
    """Return the bytes of cache that each core has for itself, and those that cores share."""
    clusters = max(len(device.cpu.clusters), 1)
    copies = {"cluster": clusters, "all": 1}
    own = sum(cache.bytes for cache in device.cpu.cache if cache.shared_by == "core")
    return own, sum(copies[cache.shared_by] * cache.bytes for cache in device.cpu.cache if _is_shared(cache))


def _is_shared(cache: Cache) -> bool:
    return cache.shared_by != "core"
