"""The physical limit: exact for layers made by hand, ordered for whole networks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench import devices
from edgebench.analysis import bound, hardware
from edgebench.analysis.bound import winograd_gain
from edgebench.analysis.cost import Cost, LayerCost
from edgebench.analysis.hardware import Hardware, Rates
from edgebench.analysis.workload import kind_of, workload
from edgebench.board.peak import Clock, Figure, Peak, Rate
from edgebench.errors import UsageError

CORE = Hardware(name="core", cores=4, clock_hz=1e9, rates=Rates(fp32=4e9, int8=16e9))
SLOW_MEMORY = replace(CORE, bandwidth_one_bytes_per_s=1e9, bandwidth_all_bytes_per_s=3e9)
LAYER = LayerCost(
    name="conv",
    kind="conv_3x3",
    in_channels=64,
    out_channels=64,
    kernel=(3, 3),
    stride=(1, 1),
    groups=1,
    out_h=56,
    out_w=56,
    mult_adds=56 * 56 * 64 * 64 * 9,
    params=64 * 64 * 9,
    bias_params=0,
    bn_params=0,
    weight_bytes=4 * 64 * 64 * 9,
    activation_read_bytes=4 * 64 * 56 * 56,
    activation_written_bytes=4 * 64 * 56 * 56,
)


def one(hardware: Hardware, layer: LayerCost = LAYER, **how: Any) -> bound.Bound:
    """Return the bound of a network of one layer."""
    return bound.bound(Cost(layers=(layer,)), hardware, precision=how.pop("precision", "fp32"), **how)


def test_direct_convolution_takes_every_mult_add_at_the_peak() -> None:
    """The reference is mult-adds by cores, clock and mult-adds a cycle."""
    assert one(CORE).reference_s == pytest.approx(56 * 56 * 64 * 64 * 9 / 4e9)
    assert one(CORE, threads=4).reference_s == pytest.approx(56 * 56 * 64 * 64 * 9 / 16e9)


def test_the_lower_bound_knows_winograd() -> None:
    """F(6x6, 3x3) takes 8 * 8 multiplications where direct convolution takes 6 * 6 * 3 * 3."""
    assert one(CORE).lower_s == pytest.approx(one(CORE).reference_s * (8 * 8) / (6 * 6 * 3 * 3))


@pytest.mark.parametrize(
    ("changes", "gain"),
    [
        ({"kernel": (5, 5)}, (4 * 5 / 8) ** 2),
        ({"kernel": (1, 3)}, 6 * 3 / 8),
        ({"kernel": (1, 1)}, 1.0),
        ({"kernel": (7, 7)}, 1.0),
        ({"stride": (2, 2)}, 1.0),
        ({"groups": 2}, (6 * 3 / 8) ** 2),
        ({"groups": 64}, 1.0),
        ({"out_h": 2, "out_w": 2}, (2 * 3 / 4) ** 2),
        ({"kind": "fc"}, 1.0),
    ],
)
def test_minimal_filtering_where_runtimes_have_it(changes: dict[str, Any], gain: float) -> None:
    """Along a side of stride 1, m outputs of k taps take m + k - 1 multiplications instead of m * k."""
    assert winograd_gain(replace(LAYER, **changes)) == pytest.approx(gain)


def test_memory_bounds_what_arithmetic_does_not() -> None:
    """A fully connected layer reads its weights once: bytes by bandwidth, of one core and of all."""
    layer = replace(LAYER, kind="fc", kernel=(1, 1), out_h=1, out_w=1, mult_adds=1000, weight_bytes=10**9)
    layer = replace(layer, activation_read_bytes=0, activation_written_bytes=0)
    assert one(SLOW_MEMORY, layer).lower_s == pytest.approx(1.0)
    assert one(SLOW_MEMORY, layer, threads=2).lower_s == pytest.approx(1 / 2)
    assert one(SLOW_MEMORY, layer, threads=4).lower_s == pytest.approx(1 / 3)
    assert one(SLOW_MEMORY, layer, precision="int8").lower_s == pytest.approx(1 / 4)


def test_weights_that_fit_the_caches_stay_there() -> None:
    """Caches as large as the weights leave nothing to read; half as large, half."""
    layer = replace(LAYER, mult_adds=0, weight_bytes=10**9, activation_read_bytes=0, activation_written_bytes=0)
    assert one(replace(SLOW_MEMORY, shared_cache_bytes=10**9), layer).lower_s == 0
    assert one(replace(SLOW_MEMORY, shared_cache_bytes=10**9 // 2), layer).lower_s == pytest.approx(1 / 2)


def test_a_batch_repeats_arithmetic_and_activations() -> None:
    """Weights are read once a call, everything else once an input."""
    layer = replace(LAYER, mult_adds=0, weight_bytes=10**9, activation_read_bytes=10**8, activation_written_bytes=0)
    assert one(SLOW_MEMORY, layer, batch=5).lower_s == pytest.approx(1.0 + 0.5)
    assert one(CORE, batch=5).lower_s == pytest.approx(5 * one(CORE).lower_s)


def test_a_gpu_starts_every_operation() -> None:
    """However small its layers, a network takes the launches of its operations."""
    gpu = Hardware(name="gpu", processor="gpu", cores=1, clock_hz=1e9, rates=Rates(fp32=1e15), launch_s=1e-6)
    assert one(gpu).lower_s == pytest.approx(1e-6)


def test_hardware_without_a_peak_is_refused() -> None:
    """The sentence says which precision lacks a peak, and which have one."""
    with pytest.raises(UsageError, match=r"^No peak of core is known in fp16: expected fp32 or int8,"):
        one(CORE, precision="fp16")


@given(
    kernel=st.sampled_from([1, 3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    side=st.integers(1, 64),
    threads=st.integers(1, 8),
    weights=st.integers(0, 10**8),
)
def test_no_lower_bound_exceeds_the_reference(kernel: int, stride: int, side: int, threads: int, weights: int) -> None:
    """Winograd never adds multiplications, and both see the same bytes."""
    layer = replace(LAYER, kernel=(kernel, kernel), stride=(stride, stride), out_h=side, out_w=side)
    found = one(SLOW_MEMORY, replace(layer, weight_bytes=weights), threads=threads)
    assert 0 < found.lower_s <= found.reference_s


def test_efficiency_above_one_is_possible_to_state() -> None:
    """A measurement twice as fast as the bound has an efficiency of 2: an error, and not hidden."""
    assert bound.efficiency(0.02, 0.01) == 2.0


# --- hardware ---------------------------------------------------------------------------------------------------------


def test_a_device_is_taken_in_its_fastest_mode() -> None:
    """A Pi 4 does 4 mult-adds a cycle on each of 4 cores at 1.8 GHz, and shares 1 MiB."""
    found = hardware.of_device(devices.find("rpi4"))
    assert found is not None
    assert found.mult_adds_per_s("fp32", 4) == 4 * 4 * 1.8e9
    assert found.mult_adds_per_s("fp32", 8) == 4 * 4 * 1.8e9
    assert found.mult_adds_per_s("fp16", 4) is None
    assert found.cache_bytes(2) == 2 * 32768 + 2**20


def test_threads_share_the_bandwidth() -> None:
    """Two cores move twice what one moves, until the memory is the limit."""
    found = hardware.of_device(devices.find("rk3588"))
    assert found is not None
    assert [found.bytes_per_s(threads) for threads in (1, 2, 4)] == [25.6e9, 33.8e9, 33.8e9]


def test_the_generic_kind_has_no_bound() -> None:
    """Of any x86-64 machine neither clock nor peak is known."""
    assert hardware.of_device(devices.find("x86")) is None


def test_a_gpu_has_its_own_peak() -> None:
    """A Jetson Nano's 128 cores do a mult-add a cycle each, two in half precision; a Pi 3's GPU is not described."""
    found = hardware.of_gpu(devices.find("jetson-nano"))
    assert found is not None
    assert found.mult_adds_per_s("fp16", 1) == 256 * 921_600_000
    assert hardware.of_gpu(devices.find("rpi3")) is None


def rate(one_core: float, all_cores: float) -> Rate:
    """Return a rate without spread."""
    return Rate(
        one_core=Figure(median=one_core, lowest=one_core, highest=one_core),
        all_cores=Figure(median=all_cores, lowest=all_cores, highest=all_cores),
    )


PEAK = Peak(
    cpus=(0, 1),
    repeats=3,
    seconds=10.0,
    gemm_mult_adds_per_s=rate(50e9, 90e9),
    gemm_size=512,
    copy_bytes_per_s=rate(8e9, 12e9),
    add_bytes_per_s=rate(9e9, 11e9),
    working_set_bytes=2**28,
    last_level_cache_bytes=2**25,
    chain_s=Figure(median=1e-4, lowest=1e-4, highest=1e-4),
    chain_multiplications=100_000,
    clocks_under_load=(Clock(cores=(0, 1), now_hz=2_000_000_000, limit_hz=None),),
    blas="openblas",
    blas_core=None,
    openblas_coretype=None,
    numpy="2",
    python="3",
)


def test_a_probed_unit_has_its_own_figures() -> None:
    """The product on one core is the peak, the faster of copy and addition the bandwidth, and both say measured."""
    found = hardware.of_probe("host", PEAK)
    assert found.measured
    assert found.mult_adds_per_s("fp32", 2) == 100e9
    assert [found.bytes_per_s(threads) for threads in (1, 2)] == [9e9, 12e9]
    assert (found.clock_hz, found.cache_bytes(1)) == (2e9, 2**25)
    unsaid = replace(PEAK, clocks_under_load=())
    assert hardware.of_probe("host", unsaid).clock_hz == pytest.approx(12 * 100_000 / 1e-4)
    assert hardware.of_probe("host", replace(unsaid, blas_core="Haswell")).clock_hz == pytest.approx(50e9 / 16)


def test_instruction_sets_wider_than_the_probe_used_count() -> None:
    """Haswell's kernels at 50 G mult-adds a second are a core of 3.1 GHz, whose AVX-512 could do twice as many."""
    narrow = replace(PEAK, clocks_under_load=(), blas_core="Haswell")
    assert hardware.of_probe("host", narrow, ("avx2", "fma")).mult_adds_per_s("fp32", 1) == 50e9
    assert hardware.of_probe("host", narrow, ("fma", "avx512f")).mult_adds_per_s("fp32", 1) == 100e9


# --- what predictions are made of -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "winograd"),
        ({"stride": (2, 2)}, "dense"),
        ({"kernel": (5, 5)}, "dense"),
        ({"kernel": (1, 1)}, "pointwise"),
        ({"kernel": (1, 1), "out_h": 1, "out_w": 1}, "fully_connected"),
        ({"groups": 64}, "depthwise"),
        ({"kind": "fc"}, "fully_connected"),
    ],
)
def test_layers_are_predicted_by_kind(changes: dict[str, Any], kind: str) -> None:
    """A kind is what runtimes have kernels for; a 1x1 convolution of one pixel is a fully connected layer."""
    assert kind_of(replace(LAYER, **changes)) == kind


def test_a_table_of_layers_is_not_enough_to_predict() -> None:
    """What lies between the layers takes time too: without it there is a bound and no prediction."""
    with pytest.raises(UsageError, match="the bytes that the network moves are not known"):
        workload(Cost(layers=(LAYER,)), CORE, precision="fp32")
