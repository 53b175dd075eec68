"""From a model's and a device's name to bounds, a latency with an interval, and memory."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench import api, devices
from edgebench.analysis import bound, hardware
from edgebench.analysis.bound import Bound, OpBound
from edgebench.analysis.forecasts import Forecast, Forecasts, RoomInMemory
from edgebench.analysis.predict import Prediction
from edgebench.analysis.residence import Residence
from edgebench.api import _own
from edgebench.api._accuracy import accuracies
from edgebench.board.peak import Figure, Peak, Rate
from edgebench.cli import main
from edgebench.errors import UsageError
from edgebench.report import predictions
from edgebench.store import calibration, observations, published

SMALL = "layer:separable,size=14,in=64,out=64"


def rate(one: float, both: float) -> Rate:
    """Return a rate without spread."""
    return Rate(
        one_core=Figure(median=one, lowest=one, highest=one), all_cores=Figure(median=both, lowest=both, highest=both)
    )


PROBE = calibration.Probe(
    at="2026-11-22T10:00:00+00:00",
    edgebench_version="0",
    peak=Peak(
        cpus=(0, 1),
        repeats=3,
        seconds=10.0,
        gemm_mult_adds_per_s=rate(50e9, 90e9),
        gemm_size=512,
        copy_bytes_per_s=rate(8e9, 12e9),
        add_bytes_per_s=rate(9e9, 11e9),
        working_set_bytes=2**28,
        last_level_cache_bytes=2**25,
        chain_s=Figure(median=2e-4, lowest=2e-4, highest=2e-4),
        chain_multiplications=100_000,
        clocks_under_load=(),
        blas="openblas",
        blas_core=None,
        openblas_coretype=None,
        numpy="2",
        python="3",
    ),
)


def forecast(**changes: Any) -> Forecasts:
    """Predict one small layer on a Pi 4."""
    asked = api.ForecastRequest(models=(SMALL,), device="rpi4", backends=("ncnn",), results=Path("nowhere"))
    return api.forecast(replace(asked, **changes))


def test_a_prediction_lies_above_its_bound_and_inside_its_interval() -> None:
    """On a Pi 4 ncnn was fitted in fp32 with one thread and with four."""
    found = forecast()
    assert [(one.precision, one.threads) for one in found.forecasts] == [("fp32", 1), ("fp32", 4)]
    for one in found.forecasts:
        assert one.prediction is not None
        assert one.lower_s is not None
        assert one.reference_s is not None
        assert 0 < one.lower_s <= one.reference_s
        assert one.prediction.low_s < one.prediction.latency_s < one.prediction.high_s
        assert one.prediction.basis == "architecture"  # single layers were not fitted
    assert (found.probed, found.own) == (False, 0)


def test_half_precision_is_the_default_where_it_was_fitted() -> None:
    """On a Pi 5 published rows of ncnn computed in half precision."""
    assert {one.precision for one in forecast(device="rpi5").forecasts} == {"fp16"}


def test_phones_are_predicted_too() -> None:
    """A kind that is for reference only has a peak like any other."""
    (one,) = forecast(device="pixel1", backends=("litert",), threads=(1,)).forecasts
    assert one.prediction is not None
    assert "litert" not in " ".join(one.prediction.outside)


def test_what_is_not_known_is_said_and_the_rest_is_told() -> None:
    """Of Xavier no int8 peak is known: neither bound nor prediction, one reason."""
    (one,) = forecast(device="jetson-agx-xavier", precisions=("int8",), threads=(1,)).forecasts
    assert (one.lower_s, one.prediction) == (None, None)
    assert "No peak of jetson-agx-xavier is known in int8: expected fp32 or fp16" in one.missing[0]


def test_a_gpu_has_a_bound_and_no_prediction() -> None:
    """TensorRT on a Jetson Nano is bounded by its GPU and by starting kernels; rows of CPUs alone were fitted."""
    (one,) = forecast(device="jetson-nano", backends=("tensorrt",), precisions=("fp16",), threads=(1,)).forecasts
    assert one.prediction is None
    assert one.bound is not None
    assert one.bound.launches_s == pytest.approx(2.2e-6 * len(one.bound.ops))
    assert one.missing == ("Latency on a GPU is not predicted: rows of CPUs alone were fitted.",)


def test_a_kind_without_a_peak_asks_for_a_probe() -> None:
    """Of any x86-64 machine nothing is known, and what a probe found of this one is taken as host's alone."""
    wanted = r"^No peak of x86 is known: `edgebench devices probe` measures this machine's, which `--device host` takes"
    with pytest.raises(UsageError, match=wanted):
        forecast(device="x86")


def test_a_unit_without_a_peak_is_to_be_probed_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of boards.toml is named where it is probed and where it is predicted."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boards.toml").write_text('[pc-a]\ndevice = "x86"\nhost = "me@pc-a"\n')
    wanted = r"`edgebench devices probe pc-a` measures its peak, which `--device pc-a` takes"
    with pytest.raises(UsageError, match=wanted):
        forecast(device="pc-a")


def test_a_probed_unit_is_bounded_by_its_own_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of a described kind keeps the description for the prediction, and the probe for the bound."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boards.toml").write_text('[pi-a]\ndevice = "rpi4"\nhost = "pi@pi-a"\n')
    calibration.add(tmp_path / "results", "pi-a", PROBE)
    kind, unit = forecast(), forecast(device="pi-a", results=tmp_path / "results")
    assert unit.probed
    assert unit.limits.mult_adds_per_s("fp32", 1) == 50e9
    assert [one.prediction for one in unit.forecasts] == [one.prediction for one in kind.forecasts]
    assert unit.forecasts[0].lower_s != kind.forecasts[0].lower_s


def test_own_runs_of_a_unit_are_taken_in(tmp_path: Path) -> None:
    """Trials that were measured to their end become points; twins, lost ones and the null backend do not."""
    rows = [
        ("done", "False", "1", "ncnn", "0.5"),
        ("done", "True", "1", "ncnn", "0.6"),
        ("lost", "False", "1", "ncnn", ""),
        ("done", "False", "1", "null:work=100", "0.1"),
        ("done", "False", "8", "ncnn", "0.1"),
    ]
    folder = tmp_path / "pi-a" / "2026-11-22"
    folder.mkdir(parents=True)
    lines = [f'"{SMALL}",{status},{twin},{batch},{name},fp32,1,{span}' for status, twin, batch, name, span in rows]
    header = "model,status,twin,batch,backend,precision_found,threads_asked,latency_p50_s"
    (folder / "trials.csv").write_text("\n".join([header, *lines]) + "\n")
    known = hardware.of_device(devices.find("rpi4"))
    assert known is not None
    (point,) = _own.points(tmp_path, "pi-a", "rpi4", known)
    assert (point.latency_s, point.runtime, point.device) == (0.5, "ncnn", "rpi4")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"backends": ("nccn",)},
            r"^Unknown backend 'nccn': known are .*mnn, ncnn, .*, and from published rows tengine,",
        ),
        ({"backends": ("tengine:a=b",)}, r"^Unknown backend 'tengine:a=b'"),
        (
            {"backends": ("ncnn", "null")},
            "^The backend null loads no model, so there is nothing to predict: name another",
        ),
        ({"backends": ("null:work=9",), "precisions": ("int8",)}, "^The backend null loads no model"),
        ({"backends": ("onnxruntime:spinning=off",)}, r"^Unknown option 'spinning=off' .*: expected provider=\.\.\."),
        (
            {"backends": ("onnxruntime:provider=nonsense",)},
            "^No prediction knows what provider=nonsense does to onnxruntime: expected provider=cpu or provider=cuda",
        ),
        ({"backends": ("mnn",), "precisions": ("int8",)}, "^mnn has no precision 'int8': expected fp32 or fp16"),
        ({"threads": (1, 64)}, "^64 threads asked for: rpi4 has 4 processors, ask for 1 to 4"),
        ({"threads": (0,)}, "^0 threads asked for"),
    ],
)
def test_no_latency_is_invented(changes: dict[str, Any], words: str) -> None:
    """A backend, an option, a precision or threads that are not there are refused, as `run` refuses them."""
    with pytest.raises(UsageError, match=words):
        forecast(**changes)


@pytest.mark.parametrize(
    ("device", "threads", "refused"), [("rk3588", 8, 9), ("jetson-orin-nano", 6, 7), ("pixel1", 4, 5)]
)
def test_slow_cores_are_processors_too(device: str, threads: int, refused: int) -> None:
    """A board with fast and slow cores is predicted with as many threads as it has of both."""
    assert forecast(device=device, threads=(threads,)).forecasts
    with pytest.raises(UsageError, match=f"^{refused} threads asked for: {device} has {threads} processors"):
        forecast(device=device, threads=(refused,))


def test_what_was_fitted_or_is_named_without_a_fit_is_predicted() -> None:
    """Runtimes of published rows, backends of ours that no row has, and options that say where they compute."""
    asked = ("tengine", "torch:compile", "mnn", "onnxruntime:provider=cpu", "torch:device=cuda")
    found = forecast(backends=asked, threads=(1,)).forecasts
    assert tuple(one.backend for one in found) == asked
    assert [one.prediction is None for one in found] == [False, False, False, False, True]


def test_own_backends_are_predicted_in_their_precisions() -> None:
    """Of a device's backends those are left away that lack the precision: rows of ncnn in int8 were published."""
    found = {one.backend for one in forecast(backends=(), precisions=("int8",), threads=(1,)).forecasts}
    assert {"onnxruntime", "openvino", "litert", "ncnn"} <= found
    assert not {"mnn", "torch"} & found


def test_models_or_a_suite() -> None:
    """Neither of the two, or both, is wrong use."""
    with pytest.raises(UsageError, match="Found neither of models and --suite"):
        forecast(models=())
    with pytest.raises(UsageError, match="Found both of models and --suite"):
        forecast(suite="mobile")


def test_accuracies_name_their_source() -> None:
    """MobileNetV1 has 70.6 % in its paper, or what the release prints."""
    found = accuracies()["mobilenet_v1"]
    assert 70 < found.top1 < 72
    assert found.source


# --- within a limit ---------------------------------------------------------------------------------------------------

RESIDENCE = Residence(
    backend="ncnn",
    process_bytes=40 * 2**20,
    weight_bytes=2**20,
    activation_bytes=2**20,
    peak_bytes=50 * 2**20,
    high_bytes=60 * 2**20,
    source="made up",
)
ONE = Forecast(
    model="a",
    backend="ncnn",
    precision="fp32",
    threads=4,
    batch=1,
    mult_adds=10**6,
    bound=Bound(ops=(OpBound(name="op", kind="fc", direct_s=0.006, winograd_s=0.005, memory_s=0.0),)),
    prediction=Prediction(
        latency_s=0.010, low_s=0.007, high_s=0.014, shares={"dense": 1.0}, basis="model", outside=("b was not fitted",)
    ),
    memory=RESIDENCE,
    accuracy=None,
    missing=(),
)


@pytest.mark.parametrize(
    ("limit_ms", "answer"), [(20, "yes"), (12, "likely"), (8, "unlikely"), (6, "no"), (4, "no"), (14, "yes")]
)
def test_a_limit_is_kept_by_the_whole_interval(limit_ms: float, answer: str) -> None:
    """10 ms in [7, 14]; below the bound of 5 ms nothing can be."""
    assert predictions.answer(ONE, limit_ms / 1000) == answer


def test_without_a_prediction_the_bound_alone_can_refuse() -> None:
    """What is slower than the limit at its very best does not keep it, whatever the runtime."""
    assert predictions.answer(replace(ONE, prediction=None), 0.004) == "no"
    assert predictions.answer(replace(ONE, prediction=None), 0.1) == "not known"


def test_sentences_say_what_a_table_leaves_open() -> None:
    """Interval, what was not fitted, and whether it fits the memory."""
    known = hardware.of_device(devices.find("rpi4"))
    assert known is not None
    found = Forecasts(
        device="rpi4",
        title="Raspberry Pi 4",
        limits=known,
        probed=False,
        own=3,
        memories=(RoomInMemory(size_bytes=2**30, free_bytes=55 * 2**20),),
        forecasts=(ONE,),
    )
    text = " ".join(predictions.sentences(found, (ONE,)))
    assert "Adapted to 3 own measurements." in text
    assert "Outside what it was fitted on: b was not fitted." in text
    assert "Memory of a in ncnn: 50.0 MiB, 60.0 MiB at most; may not fit 1.00 GiB." in text


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`predict MODEL --device rpi4 --backend ncnn --within 30ms --json` says all of it."""
    words = [SMALL, "--device", "rpi4", "--backend", "ncnn", "--threads", "4", "--within", "30ms", "--layers", "--json"]
    monkeypatch.setattr("sys.argv", ["edgebench", "predict", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    (one,) = json.loads(capsys.readouterr().out)["forecasts"]
    assert (one["within"], one["threads"]) == ("yes", 4)
    assert sum(op["winograd_s"] for op in one["operations"]) <= one["bound"]["lower_s"]


@pytest.mark.slow
def test_no_published_row_beats_its_bound() -> None:
    """None of the rows on CPUs of a known peak is more than 5 % faster than what nothing beats."""
    seen = observations.take(published.read()).observations
    costs = {model: api.count(model).cost for model in {one.model for one in seen}}
    shares = [
        bound.efficiency(
            bound.bound(costs[one.model], one.hardware, precision=one.precision, threads=one.threads).lower_s,
            one.latency_s,
        )
        for one in seen
    ]
    assert max(shares) <= 1.05
