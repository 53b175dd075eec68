from dataclasses import fields, replace
from typing import Any

import pytest

from edgebench.measure.flags import MEANINGS
from edgebench.report import answer
from edgebench.store.rows import PairRow, TrialRow
from edgebench.store.tables import Summary


def trial(**given: Any) -> TrialRow:
    """Return a trial that was measured; what is not given is empty."""
    row = {
        **dict.fromkeys(field.name for field in fields(TrialRow)),
        "session": "s1",
        "model": "vgg",
        "backend": "torch",
        "threads_asked": 1,
        "batch": 1,
        "twin": False,
        "emulated": False,
        "status": "done",
        "invocations": 0,
        "latency_p50_s": 0.01,
        "flags": "",
    }
    return TrialRow(**{**row, **given})


def pair(**given: Any) -> PairRow:
    """Return VGG against MobileNet in torch: four times the mult-adds, thrice the latency."""
    row = {
        **dict.fromkeys(field.name for field in fields(PairRow)),
        "session": "s1",
        "by": "model",
        "subject_model": "vgg",
        "baseline_model": "mobilenet_v1",
        "subject_backend": "torch",
        "baseline_backend": "torch",
        "same_inputs": True,
        "threads": 1,
        "decided_on": "wall",
        "latency_ratio": 3.0,
        "latency_ratio_low": 2.9,
        "latency_ratio_high": 3.1,
        "mult_adds_ratio": 4.0,
        "flags": "",
    }
    return PairRow(**{**row, **given})


def twins(low: float | None, high: float | None) -> PairRow:
    """Return a trial against itself."""
    given = {"by": "twin", "baseline_model": "vgg", "mult_adds_ratio": None, "latency_ratio": 1.01}
    return pair(**given, latency_ratio_low=low, latency_ratio_high=high)


Bounds = tuple[float, float] | None


def ranked(*behind: tuple[str, float, Bounds], pairs: dict[str, Any] | None = None, **given: Any) -> list[str]:
    """Return the sentences of backends of VGG, each so many times slower than onnxruntime by its rounds."""
    row = {"precision_asked": "fp32", "invocations": 5, "samples": 50, **given}
    trials = [trial(trial="onnxruntime", backend="onnxruntime", **row)]
    told = []
    for number, (name, ratio, bounds) in enumerate(behind):
        trials.append(trial(trial=name, backend=name, **{**row, "latency_p50_s": 0.02 + number}))
        low, high = bounds or (None, None)
        ratios = {"latency_ratio": ratio, "latency_ratio_low": low, "latency_ratio_high": high, "mult_adds_ratio": None}
        names = {"subject": name, "baseline": "onnxruntime", "subject_backend": name}
        told.append(pair(by="backend", invocations=5, **ratios, **names, **(pairs or {})))
    return said(trials=tuple(trials), pairs=tuple(told))


def said(trials: tuple[TrialRow, ...] = (), pairs: tuple[PairRow, ...] = ()) -> list[str]:
    """Return the sentences of a run."""
    return list(answer.sentences(Summary(trials=trials, pairs=pairs, backends=())))


@pytest.mark.parametrize(
    ("ratio", "bounds", "pairs", "told"),
    [
        (2.5, (2.4, 2.6), {}, "torch 2.50x [2.40, 2.60]"),
        (1.01, (0.98, 1.04), {}, "torch level with it [0.980, 1.04]"),
        (1.008, (1.006, 1.009), {}, "torch level with it [1.01, 1.01]"),
        (0.909, (0.9, 0.92), {}, "torch 0.909x [0.900, 0.920] (faster in the rounds they share)"),
        (2.5, (2.4, 2.6), {"flags": "drift"}, "torch 2.50x [2.40, 2.60] (noisy)"),
        (2.5, (2.4, 2.6), {"flags": "parity"}, "torch 2.50x [2.40, 2.60] (INVALID)"),
        (2.5, None, {}, "torch 2.50x (no interval)"),
        (None, None, {}, "torch 20.0 ms (not in the same rounds)"),
    ],
)
def test_a_backend_stands_to_the_fastest_as_compare_says(
    ratio: float, bounds: Bounds, pairs: dict[str, Any], told: str
) -> None:
    """The fastest backend comes with its latency, the others with their ratio to it, its interval, and its doubts."""
    first = ranked(("torch", ratio, bounds), pairs=pairs)[0]
    assert first == f"vgg: onnxruntime takes 10.0 ms (fp32, 1 thread); {told}."


def test_a_ratio_of_cpu_time_says_so() -> None:
    """Where threads had to share a processor the ratio is one of CPU time, and named so."""
    cpu = {"cpu_ratio": 1.4, "cpu_ratio_low": 1.39, "cpu_ratio_high": 1.41, "decided_on": "cpu time"}
    calm = {"twin_cpu_ratio": 1.0, "twin_cpu_ratio_low": 0.999, "twin_cpu_ratio_high": 1.001}
    first = ranked(("torch", 1.4, (1.3, 1.5)), pairs={"flags": "contended", **cpu, **calm})[0]
    assert first.endswith("; torch 1.40x [1.39, 1.41] (CPU time).")


def test_what_is_invalid_is_never_the_fastest() -> None:
    """A quicker backend whose figures are of something else stands last, with its flags; one alone wins nothing."""
    wrong = trial(trial="x", backend="x", precision_asked="fp32", invocations=5, flags="drift parity threads")
    right = trial(trial="y", backend="y", precision_asked="fp32", invocations=5, latency_p50_s=0.02)
    assert (
        said(trials=(wrong, right))[0]
        == "vgg: y takes 20.0 ms (fp32, 1 thread); x takes 10.0 ms, INVALID (parity, threads)."
    )
    assert said(trials=(wrong,))[0] == "vgg has no fastest backend: x takes 10.0 ms, INVALID (parity, threads)."


def test_a_ruler_is_no_competitor() -> None:
    """The fixed computation of `null` stands in no order of runtimes; by itself its latency is told."""
    ruler = trial(trial="null", backend="null", precision_asked="fp32", invocations=5, latency_p50_s=1e-6)
    torch = trial(trial="torch", precision_asked="fp32", invocations=5)
    assert said(trials=(ruler, torch)) == ["vgg: torch takes 10.0 ms (fp32, 1 thread)."]
    assert said(trials=(ruler,)) == ["vgg: null takes 1.00 us (fp32, 1 thread)."]


def test_a_single_backend_wins_nothing() -> None:
    """One backend takes its time; there is nobody to compare it with. Threads and batch are said."""
    assert ranked() == ["vgg: onnxruntime takes 10.0 ms (fp32, 1 thread)."]
    assert ranked(threads_asked=4, batch=8) == ["vgg: onnxruntime takes 10.0 ms (fp32, 4 threads, batch 8)."]


def test_a_lost_backend_is_no_competitor() -> None:
    """Lost backends stand in no ranking; a model that ran nowhere has none."""
    lost = trial(trial="torch", status="lost", stage="load", reason="it crashed", latency_p50_s=None)
    best = trial(trial="x", backend="x", precision_asked="fp32", invocations=5)
    assert said(trials=(best, lost))[0] == "vgg: x takes 10.0 ms (fp32, 1 thread)."
    assert said(trials=(lost,)) == ["vgg in torch: lost at stage load: it crashed."]


def test_a_lost_trial_is_told_with_its_cause() -> None:
    """What was lost or unsupported is one sentence with stage and reason, ended by one full stop; a twin's is not."""
    lost = trial(status="lost", stage="load", reason="ended by SIGKILL", latency_p50_s=None)
    refused = trial(status="unsupported", stage="convert", reason="No such operation.", backend="openvino")
    unfinished = trial(status="unfinished", stage=None, reason="the run was ended", backend="null")
    assert said(trials=(lost, refused, unfinished, trial(status="lost", twin=True), trial())) == [
        "vgg in torch: lost at stage load: ended by SIGKILL.",
        "vgg in openvino: unsupported at stage convert: No such operation.",
        "vgg in null: unfinished: the run was ended.",
    ]


def test_what_beat_its_bound_is_an_error_of_one_of_two() -> None:
    """Its efficiency stands in the sentence, with where the peak is from; the flag is not told once more."""
    beaten = {"efficiency": 1.256, "flags": "beats_bound"}
    rows = (
        trial(bound_from="probe", **beaten),
        trial(bound_from="description", model="nin", threads_asked=4, **beaten),
        trial(bound_from="probe", efficiency=0.99),
        trial(bound_from="probe", twin=True, **beaten),
    )
    wrong = "or the measurement is wrong (flag beats_bound)."
    assert said(trials=rows) == [
        f"vgg in torch took less than its bound, an efficiency of 1.26: the probe's peak {wrong}",
        f"nin in torch on 4 threads took less than its bound, an efficiency of 1.26: the description's peak {wrong}",
    ]


def test_flags_are_told_once_each() -> None:
    """Each flag names its trials, the twin as such, in the order of the alphabet."""
    rows = (trial(flags="unsteady contended"), trial(flags="contended", twin=True), trial(flags=""))
    assert said(trials=rows) == [
        f"Flag contended ({MEANINGS['contended']}): vgg in torch, vgg in torch (twin).",
        f"Flag unsteady ({MEANINGS['unsteady']}): vgg in torch.",
    ]


def test_a_flag_of_the_machine_is_one_of_all_trials() -> None:
    """A flag that every trial has names none of them; one of many names the first five and counts the others."""
    rows = [trial(model=f"net{number}", samples=9, flags="drift") for number in range(8)]
    rows = [replace(row, flags="drift threads") if row.model != "net0" else row for row in rows]
    drift, threads = said(trials=tuple(rows))
    assert drift == f"Flag drift ({MEANINGS['drift']}): all trials."
    assert threads.endswith("net1 in torch, net2 in torch, net3 in torch, net4 in torch, net5 in torch and 2 more.")


def test_flags_of_pairs_are_told_once_each() -> None:
    """A flag that only pairs have names these by what their trials differ in; one that trials have is told of them."""
    flagged = {"flags": "contention_sensitive unsteady"}
    rows = (
        pair(**flagged, threads=4),
        pair(by="backend", baseline_model="vgg", baseline_backend="onnxruntime", **flagged),
        pair(by="threads", subject="a", baseline="b", mult_adds_ratio=None, **flagged),
    )
    found = said(trials=(trial(flags="unsteady"),), pairs=rows)[1:]
    assert found == [
        f"Flag unsteady ({MEANINGS['unsteady']}): vgg in torch.",
        f"Flag contention_sensitive ({MEANINGS['contention_sensitive']}): vgg / mobilenet_v1 in torch on 4 threads, "
        "torch / onnxruntime for vgg, a / b.",
    ]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.99, 1.015, "[0.990, 1.01]: as it should be."),
        (0.99, 1.03, "[0.990, 1.03]: as it should be, but a difference below 3 % would not show."),
        (0.891, 1.1, "[0.891, 1.10]: as it should be, but a difference below 12 % would not show."),
        (1.002, 1.03, "[1.00, 1.03]: it was called different from itself: distrust small differences of this run."),
        (0.95, 0.99, "[0.950, 0.990]: it was called different from itself: distrust small differences of this run."),
        (None, None, "1.01: too few invocations to judge."),
    ],
)
def test_the_twin_judges_the_session(low: float | None, high: float | None, verdict: str) -> None:
    """A twin whose interval excludes 1 is told as a reason for distrust, on either side of it."""
    (sentence,) = said(pairs=(twins(low, high),))
    assert sentence.startswith("Check: vgg in torch against itself is 1.01")
    assert sentence.endswith(verdict)


def test_the_widest_pair_is_told_in_every_backend() -> None:
    """Of all pairs the one furthest apart in mult-adds is told, with its latency ratio in each backend."""
    rows = (
        pair(baseline_model="squeezenet", mult_adds_ratio=2.0),
        pair(),
        pair(subject_backend="onnxruntime", latency_ratio=2.0, latency_ratio_low=None, latency_ratio_high=None),
    )
    assert said(pairs=rows) == [
        "vgg has 4.00x the mult-adds of mobilenet_v1; its latency is 3.00x [2.90, 3.10] in torch, 2.00x in onnxruntime."
    ]


def test_a_pair_of_unlike_inputs_is_told_only_without_others() -> None:
    """LeNet's 32x32 beside 224x224 says little: pairs of like inputs come first."""
    unlike = pair(baseline_model="lenet5", same_inputs=False, mult_adds_ratio=37000.0)
    assert "lenet5" not in said(pairs=(unlike, pair()))[0]
    assert "lenet5" in said(pairs=(unlike,))[0]


def test_a_pair_that_is_close_in_mult_adds_is_no_claim() -> None:
    """Below a ratio of 1.2 in mult-adds, and between backends, no pair is told."""
    assert said(pairs=(pair(mult_adds_ratio=1.19), pair(by="backend", mult_adds_ratio=None))) == []


def test_cpu_time_is_no_headline() -> None:
    """A pair that is decided on CPU time is in no sentence; where all are, no pair is told."""
    shared = pair(decided_on="cpu time", cpu_ratio=2.5)
    assert said(pairs=(shared,)) == []
    (sentence,) = said(pairs=(shared, pair(subject_backend="onnxruntime", latency_ratio=2.0)))
    assert sentence.endswith("its latency is 2.00x [2.90, 3.10] in onnxruntime.")


def test_the_answer_comes_first() -> None:
    """Winners, then the widest pair, the check, what was lost, and flags last."""
    rows = (trial(flags="unlimited", invocations=5), trial(status="lost", stage="load", reason="no"))
    found = said(trials=rows, pairs=(twins(0.9, 1.1), pair()))
    assert [sentence.split()[0] for sentence in found] == ["vgg:", "vgg", "Check:", "vgg", "Flag"]


def test_a_stand_in_says_what_it_checked() -> None:
    """No latency is named: which backends ran a model, and how far their outputs are from the reference."""
    given = {"emulated": True, "unit": "rpi4-emulated", "latency_p50_s": None, "parity_scale": 2.0}
    rows = (
        trial(**given, parity_max_abs_diff=1e-6),
        trial(**given, backend="onnxruntime", parity_max_abs_diff=4e-6, threads_asked=2),
    )
    assert list(answer.sentences(Summary(trials=rows, pairs=(), backends=()))) == [
        "vgg ran on rpi4-emulated, which is emulated; largest difference from the reference outputs: "
        "torch 5.0e-07 of their scale, onnxruntime on 2 threads 2.0e-06 of their scale."
    ]


def test_energy_names_its_source() -> None:
    """Rung, sensor, rail, rate and window once for all trials that share them."""
    told = {
        "energy_j": 0.01,
        "energy_rung": "board rail",
        "energy_sensor": "ina3221",
        "energy_rail": "VDD_IN",
        "energy_rate_hz": 20.0,
        "energy_window_s": 2.5,
        "energy_idle_w": 3.1,
    }
    found = [one for one in said(trials=(trial(**told), trial(backend="torch", **told))) if "nergy" in one]
    assert found == [
        "Energy is from board rail (ina3221: VDD_IN), read 20 times a second, in windows of 2.50 s; idle takes 3.10 W."
    ]


def test_long_run_is_told_by_its_two_ends() -> None:
    """Burst, sustained, their ratio, how long it took, and whether it came to rest."""
    long = {"burst_p50_s": 0.010, "sustained_p50_s": 0.0125, "sustained_after_s": 420.0}
    (rested,) = [one for one in said(trials=(trial(**long, sustained_reached=True),)) if "burst" in one]
    assert rested.endswith(": burst 10.0 ms, sustained 12.5 ms (1.25x) after 7 min 0 s; it stays there.")
    (restless,) = [one for one in said(trials=(trial(**long, sustained_reached=False),)) if "burst" in one]
    assert restless.endswith("; it had not come to rest.")


def test_processor_that_was_held_back_is_told_once() -> None:
    """With minute and cause, and what was measured before that."""
    held = {"throttled_at_s": 130.0, "throttled_by": "under-voltage"}
    kept = {"rounds_before_throttling": 12, "latency_before_throttling_s": 0.0083}
    (found,) = [one for one in said(trials=(trial(**held, **kept),)) if "held back" in one]
    assert found.startswith("The processor was held back in minute 3: under-voltage. Before that: ")
    assert found.endswith(" 8.30 ms (12 rounds).")
    (at_once,) = [one for one in said(trials=(trial(**held, rounds_before_throttling=0),)) if "held back" in one]
    assert at_once.endswith(": under-voltage. Nothing was measured before that.")
