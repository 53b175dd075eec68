"""What bounds the trials of a run, and where its peak is from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench.analysis.cost import LayerCost
from edgebench.analysis.hardware import Hardware, Rates
from edgebench.board.peak import Figure, Peak, Rate
from edgebench.measure.plan import Protocol, Trial
from edgebench.store import SCHEMA, calibration, limits
from edgebench.store.records import Counted, Run, RunStarted

LAYER = LayerCost(
    name="conv",
    kind="conv_3x3",
    in_channels=8,
    out_channels=8,
    kernel=(3, 3),
    stride=(1, 1),
    groups=1,
    out_h=48,
    out_w=48,
    mult_adds=48 * 48 * 8 * 8 * 9,
    params=8 * 8 * 9,
    bias_params=0,
    bn_params=0,
)
COUNTED = Counted(
    model="small",
    inputs={"x": (1, 8, 48, 48)},
    mult_adds=LAYER.mult_adds,
    params=LAYER.params,
    bias_params=0,
    bn_params=0,
    layers=(LAYER,),
)
CORE = Hardware(name="pi", cores=2, clock_hz=1e9, rates=Rates(fp32=1e9))
TRIAL = Trial(model="small", backend="onnxruntime")


def run(**changes: Any) -> Run:
    """Return a run on a Pi 4 that says nothing of its clocks."""
    plan = RunStarted(
        schema=SCHEMA,
        edgebench_version="0",
        started="2026-11-22T10:15:00+00:00",
        unit="pi-a",
        device="rpi4",
        seed=1,
        protocol=Protocol(),
        trials=(),
        sessions=(),
        formats={},
        watts_per_core_low=None,
        watts_per_core_high=None,
        facts={},
        versions={},
    )
    return Run(started=replace(plan, **changes))


def figure(value: float) -> Figure:
    """Return a figure without spread."""
    return Figure(median=value, lowest=value, highest=value)


def test_a_trial_is_bounded_by_its_threads_and_batch() -> None:
    """Twice the threads halve the bound, three times the batch triples it; direct is Winograd's 5.0625 above."""
    (one, two, batch) = (
        limits.limit(trial, COUNTED, "CPUExecutionProvider", CORE)
        for trial in (TRIAL, replace(TRIAL, threads=2), replace(TRIAL, batch=3))
    )
    assert one is not None
    assert two is not None
    assert batch is not None
    assert one.direct_s == pytest.approx(LAYER.mult_adds / 1e9)
    assert one.direct_s / one.bound_s == pytest.approx(5.0625)
    assert (two.bound_s, batch.bound_s) == pytest.approx((one.bound_s / 2, 3 * one.bound_s))
    assert one.source == "description"


@pytest.mark.parametrize(
    ("trial", "provider", "known"),
    [
        (TRIAL, "CUDAExecutionProvider", CORE),
        (TRIAL, None, CORE),
        (TRIAL, "CPU", None),
        (replace(TRIAL, precision="int8"), "CPU", CORE),
        (replace(TRIAL, precision="bf16"), "CPU", CORE),
    ],
)
def test_what_is_not_known_has_no_bound(trial: Trial, provider: str | None, known: Hardware | None) -> None:
    """On a GPU, without a peak, or in a precision that has none, the columns stay empty."""
    assert limits.limit(trial, COUNTED, provider, known) is None


def test_a_run_is_bounded_by_its_kind(tmp_path: Path) -> None:
    """Without a probe the description counts, in its fastest mode where the unit said nothing of its clock."""
    found = limits.of_unit(run(), tmp_path / "pi-a" / "run")
    assert found is not None
    assert (found.measured, found.mult_adds_per_s("fp32", 1)) == (False, 4 * 1.8e9)


def test_the_mode_that_a_unit_was_in_counts(tmp_path: Path) -> None:
    """A Pi 4 whose firmware allows 1.5 GHz is bounded at 1.5 GHz."""
    clocks = [{"cores": [0, 1, 2, 3], "governor": None, "max_hz": None, "limit_hz": 1_500_000_000, "now_hz": None}]
    found = limits.of_unit(run(facts={"clocks": clocks, "cores": 4}), tmp_path / "pi-a" / "run")
    assert found is not None
    assert found.mult_adds_per_s("fp32", 1) == 4 * 1.5e9


def test_a_probed_unit_is_bounded_by_its_probe(tmp_path: Path) -> None:
    """The calibration beside the run folders of the unit counts before the description."""
    rate = Rate(one_core=figure(6e9), all_cores=figure(20e9))
    peak = Peak(
        cpus=(0, 1, 2, 3),
        repeats=3,
        seconds=10.0,
        gemm_mult_adds_per_s=rate,
        gemm_size=512,
        copy_bytes_per_s=rate,
        add_bytes_per_s=rate,
        working_set_bytes=2**28,
        last_level_cache_bytes=2**20,
        chain_s=figure(2e-4),
        chain_multiplications=100_000,
        clocks_under_load=(),
        blas="openblas",
        blas_core=None,
        openblas_coretype=None,
        numpy="2",
        python="3",
    )
    calibration.add(
        tmp_path, "pi-a", calibration.Probe(at="2026-11-22T10:00:00+00:00", edgebench_version="0", peak=peak)
    )
    found = limits.of_unit(run(), tmp_path / "pi-a" / "run")
    assert found is not None
    assert (found.measured, found.mult_adds_per_s("fp32", 1)) == (True, 6e9)
    elsewhere = limits.of_unit(run(), tmp_path / "pi-b" / "run")
    assert elsewhere is not None
    assert not elsewhere.measured


def test_a_kind_that_is_not_described_here_has_no_bound(tmp_path: Path) -> None:
    """A run of someone else's board can be read without its device file."""
    assert limits.of_unit(run(device="unheard-of"), tmp_path / "pi-a" / "run") is None
