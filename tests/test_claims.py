"""Claims from their files to their verdicts: what is shipped, what is malformed, what runs and boards say of it."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgebench import api, architectures, units
from edgebench.analysis.published import Confidence
from edgebench.api import Request
from edgebench.api.claims import accuracies, explaining, judging, measuring, paper_files
from edgebench.api.claims.evidence import PUBLISHED
from edgebench.api.counting import count, counted
from edgebench.board.wire import Block, InvocationDone, Ready, Watched, encode
from edgebench.cli.claims import claims as claims_command
from edgebench.errors import EdgebenchError, UsageError
from edgebench.judge import expectations, published
from edgebench.judge.judgement import Inferred, Judged, Judgements
from edgebench.judge.published import Asked
from edgebench.judge.verdict import Verdict
from edgebench.measure.plan import Protocol, Session, Trial
from edgebench.report import claim_story
from edgebench.store import SCHEMA, observations
from edgebench.store import published as latencies
from edgebench.store.records import Ended, RunStarted, SessionEnded

VGG, MOBILENET = "vgg:depth=16", "mobilenet_v1"

PAPER = """
title = "A paper"
cite = "Somebody, 2017."

[[claims]]
id = "compute"
statement = "MobileNet is 27 times less compute intensive than VGG-16."
place = "Table 8"
kind = "mult_adds_ratio"
printed = "27 x"
subject = "vgg:depth=16"
baseline = "mobilenet_v1"
confidence = "read"
source = "the paper"
"""

LATENCY = """
[[claims]]
id = "latency"
statement = "It is 10 times faster."
place = "Table 9"
kind = "latency_ratio"
printed = "10 x"
subject = "vgg:depth=16"
baseline = "mobilenet_v1"
confidence = "read"
source = "the paper"
"""

WHERE = 'where = { named = "Pixel 1", devices = ["pixel1"], processor = "cpu" }\n'


def written(folder: Path, text: str, name: str = "paper") -> Path:
    """A file of claims."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def judged(folder: Path, text: str, *evidence: str | Path) -> Judgements:
    """The claims of a file, judged."""
    return judging.judge({"paper": paper_files.check(written(folder, text))}, evidence)


def only(found: Judgements) -> Judged:
    """The only claim."""
    (one,) = found.judged
    return one


# --- what is shipped -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> dict[str, Judged]:
    """Every shipped claim by its id, counted."""
    found = judging.judge(paper_files.read(paper_files.known()), ())
    return {one.claim.id: one for one in found.judged}


def test_claims_of_each_kind_are_shipped() -> None:
    """Each kind has some, and what is left out says why and where it is printed."""
    papers = paper_files.read(paper_files.known())
    kinds = {claim.kind for paper in papers.values() for claim in paper.claims}
    assert kinds == {
        "mult_adds_ratio",
        "params_ratio",
        "share",
        "scaling_exponent",
        "latency_ratio",
        "absolute",
        "accuracy_delta",
    }
    assert all(one.reason.endswith(".") for paper in papers.values() for one in paper.left_out)
    assert all(claim.statement.endswith(".") for paper in papers.values() for claim in paper.claims)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "verdict", "value", "said"),
    [
        ("vgg16-compute", "HOLDS", 26.98, ""),
        ("vgg16-size", "HOLDS", 32.87, ""),
        ("separable-cost", "HOLDS", 1 / 512 + 1 / 9, ""),
        ("separable-cost-5x5", "HOLDS", 1 / 128 + 1 / 25, ""),
        (
            "squeezenet-compute",
            "DOES NOT HOLD",
            11.26,
            "by the convention two-per-mult-add of the subject alone it comes out",
        ),
        ("planet-mobilenet-compute", "DOES NOT HOLD", 577.7e6, "with another unit it comes out: 0.58 G"),
        ("first-layer-mult-adds", "DOES NOT HOLD", 0.019056, "with two digits swapped it comes out: 1.91 %"),
        ("faces-baseline-size", "DOES NOT HOLD", 7.5e6, "with the decimal point moved it comes out: 7.5 M"),
        ("resolutions-169", "DOES NOT HOLD", None, ""),
        ("mobilenet-v2-18-blocks", "DOES NOT HOLD", 17, ""),
        ("mobilenet-v2-bottlenecks", "DOES NOT HOLD", 17, ""),
        ("alexnet-input", "DOES NOT HOLD", 227, ""),
        ("keras-mobilenet", "DOES NOT HOLD", 568.7e6, ""),
        ("googlenet-12x", "DOES NOT HOLD", 8.72, ""),
        ("alexnet-accuracy", "DOES NOT HOLD", 3.0, ""),
        ("pointwise-mult-adds", "HOLDS", 0.9486, ""),
        ("pointwise-time", "NOT MEASURED", None, ""),
    ],
)
def test_known_misprints_and_mixed_conventions_come_out(
    shipped: dict[str, Judged], claim: str, verdict: str, value: float | None, said: str
) -> None:
    """Data says what is printed, counting says otherwise, and what would explain it is found by trying."""
    found = shipped[claim]
    assert found.decision.text == verdict
    assert said in "; ".join(found.otherwise)
    if value is not None:
        assert found.recounted is not None
        assert float(found.recounted.value) == pytest.approx(value, rel=2e-3)


@pytest.mark.slow
def test_the_share_of_time_is_set_beside_that_of_mult_adds(shipped: dict[str, Judged]) -> None:
    """The text says time and its table mult-adds: the count stands beside, and decides nothing."""
    found = shipped["pointwise-time"]
    assert found.recounted is None
    assert found.counterpart is not None
    assert float(found.counterpart.value) == pytest.approx(0.9486, abs=1e-4)
    assert found.otherwise[0].startswith("of mult-adds in place of time it comes out: ")
    others = [one.claim.id for one in shipped.values() if one.claim.measured and one.otherwise]
    assert others == ["pointwise-time"]


@pytest.mark.slow
def test_no_recalled_figure_decides(shipped: dict[str, Judged]) -> None:
    """What is quoted from memory neither holds nor fails, unless a count confirms it."""
    for found in shipped.values():
        if found.claim.confidence is not Confidence.READ:
            assert found.decision.verdict is not Verdict.DOES_NOT_HOLD, found.claim.id


@pytest.mark.slow
def test_every_latency_claim_has_a_counterpart(shipped: dict[str, Judged]) -> None:
    """What is claimed of time stands beside the same of mult-adds."""
    assert all(found.counterpart is not None for found in shipped.values() if found.claim.measured)


# --- nothing is hard-coded -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("", "", "HOLDS"),
        ('printed = "27 x"', 'printed = "28 x"', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "27.2 x"', "HOLDS"),  # 27.20 with the fully connected layers
        ('printed = "27 x"', 'printed = "27.1 x"', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "28 x"\ntolerance = "1 digit"\ntolerance_reason = "cut"', "HOLDS"),
        ('printed = "27 x"', 'printed = "30 x"\ntolerance = "9 %"\ntolerance_reason = "about"', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "30 x"\ntolerance = "10 %"\ntolerance_reason = "about"', "HOLDS"),
        ('printed = "27 x"', 'printed = "25 x"\nrelation = "at_least"', "HOLDS"),
        ('printed = "27 x"', 'printed = "25 x"\nrelation = "at_most"', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "27 to 28 x"\nrelation = "between"', "HOLDS"),
        ('printed = "27 x"', 'printed = "28 to 29 x"\nrelation = "between"', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "27.2 x"\nconvention = ["without-classifier"]', "DOES NOT HOLD"),
        ('printed = "27 x"', 'printed = "54 x"\nconvention = ["two-per-mult-add"]\nbaseline_convention = []', "HOLDS"),
        ('kind = "mult_adds_ratio"', 'kind = "params_ratio"', "DOES NOT HOLD"),
        ('confidence = "read"', 'confidence = "recalled"', "HOLDS"),
    ],
)
def test_the_file_decides(tmp_path: Path, old: str, new: str, verdict: str) -> None:
    """A changed value, relation, tolerance or convention in the file changes the verdict."""
    assert only(judged(tmp_path, PAPER.replace(old, new) if old else PAPER)).decision.text == verdict


def test_a_quotation_that_does_not_come_out_is_open(tmp_path: Path) -> None:
    """A figure nobody has read is no ground against a paper."""
    text = PAPER.replace('"27 x"', '"28 x"').replace('confidence = "read"', 'confidence = "recounted"')
    found = only(judged(tmp_path, text))
    assert (found.decision.text, "read the source" in found.decision.reason) == ("INCONCLUSIVE", True)


# --- malformed files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('subject = "vgg:depth=16"', 'subject = "vgg17"', "claims[0].subject (compute)"),
        ('subject = "vgg:depth=16"', 'subject = "vgg:depth=17"', "claims[0].subject (compute)"),
        ('source = "the paper"\n', "", "claims[0].source is missing"),
        ('source = "the paper"', 'source = ""', "source of compute is empty"),
        ('printed = "27 x"', 'printed = "27 M"', "claims[0] (compute) printed is '27 M', in M: expected x or %"),
        ('printed = "27 x"', 'printed = "many"', "claims[0] (compute) printed is 'many'"),
        ('printed = "27 x"', 'printed = "27 x"\ntolerance = "-1 %"\ntolerance_reason = "?"', "tolerance is '-1 %'"),
        ('printed = "27 x"', 'printed = "27 x"\ntolerance = "200 %"\ntolerance_reason = "?"', "less than 100 %"),
        ('printed = "27 x"', 'printed = "27 x"\ntolerance = "1 %"', "(compute) tolerance_reason is missing"),
        ('printed = "27 x"', 'printed = "27 x"\nfoo = 1', "unknown key claims[0].foo"),
        ('kind = "mult_adds_ratio"', 'kind = "flops_ratio"', "claims[0].kind is 'flops_ratio'"),
        ('kind = "mult_adds_ratio"', 'kind = "share"', "(compute) quantity is None"),
        ('confidence = "read"', 'confidence = "sure"', "claims[0].confidence is 'sure'"),
        ('source = "the paper"', 'source = "p"\nconvention = ["flops"]', "claims[0].convention (compute)"),
        ('source = "the paper"', f'source = "p"\n{WHERE.replace("pixel1", "pixel0")}', "'pixel0' is no device"),
        ('cite = "Somebody, 2017."', "", "cite is missing"),
        ("[[claims]]", "[[claims", "is not TOML"),
    ],
)
def test_a_malformed_file_gives_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    """It names the file and the key, and what was expected."""
    path = written(tmp_path, PAPER.replace(old, new))
    with pytest.raises(UsageError) as error:
        judging.check(path)
    text = str(error.value)
    assert said in text
    assert text.startswith(f"{path}: ")
    assert "\n" not in text


def test_an_id_stands_once(tmp_path: Path) -> None:
    """Two tables of a file, or a file and a known paper, may not share one."""
    twice = PAPER + PAPER[PAPER.index("[[claims]]") :]
    with pytest.raises(UsageError, match=r"claims\[1\]\.id is 'compute', as in an earlier table"):
        judging.check(written(tmp_path, twice))
    known = PAPER.replace('id = "compute"', 'id = "vgg16-compute"')
    with pytest.raises(UsageError, match=r"claims\[0\]\.id is 'vgg16-compute', as in .*mobilenets_2017\.toml"):
        judging.check(written(tmp_path, known))


def test_a_measured_claim_needs_networks_that_run(tmp_path: Path) -> None:
    """A network of which only a table is known has no latency."""
    text = PAPER + LATENCY.replace('baseline = "mobilenet_v1"', 'baseline = "inception_v2"')
    with pytest.raises(UsageError, match=r"claims\[1\]\.baseline \(latency\).*counted only"):
        judging.check(written(tmp_path, text))


def test_an_exponent_needs_its_parameter(tmp_path: Path) -> None:
    """Each model must give another number for what the exponent is fitted over."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "scaling_exponent"\nquantity = "mult_adds"')
    text = text.replace('printed = "27 x"', 'printed = "2"')
    text = text.replace('subject = "vgg:depth=16"\nbaseline = "mobilenet_v1"', 'models = ["vgg", "mobilenet_v1"]')
    for parameter, said in (("width", "gives no number for width"), ("colour", "gives no number for colour")):
        with pytest.raises(UsageError, match=said):
            judging.check(written(tmp_path, f'{text}parameter = "{parameter}"\n'))


def test_a_part_is_one_of_the_network(tmp_path: Path) -> None:
    """A share of layers that are not there is refused, not zero."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "share"\nquantity = "params"\npart = ["conv_9x9"]')
    text = text.replace('"27 x"', '"27 %"').replace('baseline = "mobilenet_v1"\n', "")
    with pytest.raises(UsageError, match="has no layer conv_9x9"):
        judged(tmp_path, text)


# --- runs ------------------------------------------------------------------------------------------------------------


def run_folder(
    folder: Path, medians: Mapping[str, Iterable[float]], *, device: str = "x86", looks: Iterable[Watched] = ()
) -> Path:
    """A run that measured these models in one session, one latency an invocation, two rounds in each."""
    trials = {model: Trial(model=model, backend="onnxruntime") for model in medians}
    lines: list[Any] = [
        RunStarted(
            schema=SCHEMA,
            edgebench_version="0",
            started="2026-11-22T10:15:00+00:00",
            unit=folder.name,
            device=device,
            seed=1,
            protocol=Protocol(),
            trials=tuple(trials.values()),
            sessions=(Session(name="s1", seed=2, together=True, trials=tuple(trials.values())),),
            formats={"onnxruntime": "onnx"},
            watts_per_core_low=None,
            watts_per_core_high=None,
            facts={},
            versions={},
        ),
        *(counted(model) for model in medians),
    ]
    for invocation, now in enumerate(zip(*medians.values(), strict=True)):
        for model, median_s in zip(medians, now, strict=True):
            lines += measured(trials[model], invocation, median_s)
        lines.append(InvocationDone(session="s1", invocation=invocation, seconds=1.0))
    lines += [*looks, SessionEnded(session="s1"), Ended(at="2026-11-22T10:25:00+00:00", how="done")]
    path = folder / "2026-11-22T10-15-00Z-ab12"
    path.mkdir(parents=True)
    (path / "journal.jsonl").write_bytes(b"".join(encode(line) for line in lines))
    return path


def measured(trial: Trial, invocation: int, median_s: float) -> list[Any]:
    """A worker's start and two blocks of three samples."""
    ready = Ready(
        session="s1",
        invocation=invocation,
        trial=trial.id,
        runtime_version="1",
        precision_found="fp32",
        provider="CPU",
        threads_found=1,
        threads_alive=1,
        import_s=0.1,
        load_s=0.1,
        first_call_s=0.1,
        start_up_ns=(10_000_000,),
        warm_up_ns=(10_000_000,),
        warm_up_calls=1,
        steady=True,
        call_s=median_s,
        cpus=(1,),
        parity=None,
        foreign_modules=(),
    )
    taken = (round(median_s * 1e9),) * 3
    blocks = [
        Block(
            session="s1",
            invocation=invocation,
            round=number,
            position=0,
            trial=trial.id,
            start_ns=1_000_000_000 * (number + 10 * invocation),
            calls=1,
            priming_ns=1_000_000,
            wall_ns=taken,
            cpu_ns=taken,
            involuntary_switches=(0, 0, 0),
            major_faults=(0, 0, 0),
        )
        for number in range(2)
    ]
    return [ready, *blocks]


def about(median_s: float, spread: float = 0.001, invocations: int = 10) -> list[float]:
    """Latencies of several processes around one."""
    return [median_s * (1 + spread * (-1) ** number) for number in range(invocations)]


def inferences(found: Judgements) -> dict[str, Inferred]:
    """The consequences of the only pair."""
    return {one.consequence: one for one in found.inferred}


@pytest.mark.parametrize(
    ("slow", "verdict", "faster", "proportional"),
    [
        (0.100, "HOLDS", "HOLDS", "DOES NOT HOLD"),
        (0.120, "DOES NOT HOLD", "HOLDS", "DOES NOT HOLD"),
        (0.250, "DOES NOT HOLD", "HOLDS", "HOLDS"),
        (0.009, "DOES NOT HOLD", "DOES NOT HOLD", "DOES NOT HOLD"),
    ],
)
def test_a_run_decides_claims_and_consequences(
    tmp_path: Path, slow: float, verdict: str, faster: str, proportional: str
) -> None:
    """A claim on latency is judged as it is stated; what a reader infers from mult-adds is judged apart."""
    run = run_folder(tmp_path / "board", {VGG: about(slow), MOBILENET: about(0.010, 0.002)})
    found = judged(tmp_path, PAPER.replace("[[claims]]", "", 1).split("id =")[0] + LATENCY, run)
    assert only(found).decision.text == verdict
    both = inferences(found)
    assert (both["faster"].decision.text, both["proportional"].decision.text) == (faster, proportional)
    assert both["faster"].mult_adds_ratio == pytest.approx(27.2, abs=0.01)


def test_a_run_that_was_throttled_says_when_and_by_what(tmp_path: Path) -> None:
    """Claim and consequences are INVALID on it, with the minute and the cause."""
    look = Watched(session="s1", invocation=0, round=0, start_ns=0, wall_ns=10**9, loop_ns=100_000, stream_ns=50_000)
    looks = [
        replace(
            look,
            invocation=invocation,
            round=number,
            start_ns=1_000_000_000 * (number + 10 * invocation),
            throttled=int(invocation >= 7),
            throttled_by=("under-voltage",) if invocation >= 7 else (),
        )
        for invocation in range(10)
        for number in range(2)
    ]
    run = run_folder(tmp_path / "board", {VGG: about(0.1), MOBILENET: about(0.010, 0.002)}, looks=looks)
    found = judged(tmp_path, PAPER + LATENCY, run)
    decisions = [found.judged[1].decision, *(one.decision for one in found.inferred)]
    assert [one.text for one in decisions] == ["INVALID"] * 3
    for findings in (found.judged[1].findings, *(one.findings for one in found.inferred)):
        assert "throttled in minute 2: under-voltage" in findings[0].decision.reason


def test_elsewhere_is_no_verdict_on_the_paper(tmp_path: Path) -> None:
    """On another device than the claim names the figure is shown, and nothing is said of the paper."""
    run = run_folder(tmp_path / "board", {VGG: about(0.5), MOBILENET: about(0.010, 0.002)})
    text = PAPER + LATENCY + WHERE
    claim = judged(tmp_path, text, run).judged[1]
    (finding,) = claim.findings
    assert (claim.decision.text, finding.decision.text, finding.elsewhere) == ("NOT MEASURED", "NOT MEASURED", True)
    assert finding.value == pytest.approx(50, rel=1e-3)
    there = run_folder(tmp_path / "phone", {VGG: about(0.5), MOBILENET: about(0.010, 0.002)}, device="pixel1")
    assert judged(tmp_path, text, there).judged[1].decision.text == "DOES NOT HOLD"


def test_a_folder_of_runs_is_evidence(tmp_path: Path) -> None:
    """Runs below a folder count each; where they contradict each other nothing is decided."""
    run_folder(tmp_path / "runs" / "a", {VGG: about(0.1), MOBILENET: about(0.010, 0.002)})
    run_folder(tmp_path / "runs" / "b", {VGG: about(0.2), MOBILENET: about(0.010, 0.002)})
    found = judged(tmp_path, PAPER + LATENCY, tmp_path / "runs").judged[1]
    assert [finding.decision.text for finding in found.findings] == ["HOLDS", "DOES NOT HOLD"]
    assert found.decision.text == "INCONCLUSIVE"
    with pytest.raises(UsageError, match="holds no run"):
        judged(tmp_path, PAPER, tmp_path / "nowhere")


def test_claims_asked_for_together_share_their_error(tmp_path: Path) -> None:
    """What two intervals decide alone, the same two among many leave open (Holm 1979)."""
    # 10.7 against a limit of 10.5, with a 95 % interval that just excludes it
    run = run_folder(tmp_path / "board", {VGG: about(0.107, 0.0265), MOBILENET: about(0.010, 0.0)})
    alone = judged(tmp_path, PAPER.split("[[claims]]", maxsplit=1)[0] + LATENCY, run)
    low, high = alone.judged[0].findings[0].low, alone.judged[0].findings[0].high
    assert low is not None
    assert high is not None
    many = PAPER.split("[[claims]]", maxsplit=1)[0] + "".join(
        LATENCY.replace('"latency"', f'"latency-{number}"') for number in range(200)
    )
    decided = judged(tmp_path, many, run).judged[0].findings[0].decision
    assert decided.low is not None
    assert decided.low < low


def test_a_share_of_time_is_summed_over_single_layers(tmp_path: Path) -> None:
    """The layers of a part, each measured by itself and as often as it stands in the network, over the network."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "share"\nquantity = "time"\npart = ["conv_3x3"]')
    text = text.replace('printed = "27 x"', 'printed = "20 %"').replace("vgg:depth=16", "mobilenet_v1")
    text = text.replace('baseline = "mobilenet_v1"\n', "")
    layer = "layer:standard,size=224,in=3,out=32,kernel=3,stride=2,order=conv-bn-relu"
    run = run_folder(tmp_path / "board", {MOBILENET: about(0.010, 0.0), layer: about(0.002)})
    found = only(judged(tmp_path, text, run))
    assert found.decision.text == "HOLDS"
    assert found.findings[0].value == pytest.approx(0.2, rel=1e-3)
    apart = only(judged(tmp_path, text.replace("20 %", "1.9 %"), run))
    assert apart.decision.text == "DOES NOT HOLD"


def test_layers_that_take_longer_than_their_network_decide_nothing(tmp_path: Path) -> None:
    """A share of more than all of the time is no share."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "share"\nquantity = "time"\npart = ["conv_3x3"]')
    text = text.replace('printed = "27 x"', 'printed = "20 %"').replace("vgg:depth=16", "mobilenet_v1")
    text = text.replace('baseline = "mobilenet_v1"\n', "")
    layer = "layer:standard,size=224,in=3,out=32,kernel=3,stride=2,order=conv-bn-relu"
    run = run_folder(tmp_path / "board", {MOBILENET: about(0.010, 0.0), layer: about(0.012)})
    found = only(judged(tmp_path, text, run))
    assert found.decision.text == "INCONCLUSIVE"
    assert "take longer than the network" in found.decision.reason


def test_a_share_of_time_asks_for_its_layers(tmp_path: Path) -> None:
    """--measure plans the network and every single layer of the part, under the names that a run gives them."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "share"\nquantity = "time"\npart = ["conv_1x1"]')
    text = text.replace('printed = "27 x"', 'printed = "95 %"').replace("vgg:depth=16", "mobilenet_v1")
    text = text.replace('baseline = "mobilenet_v1"\n', "")
    (asked,) = measuring.wanted(judged(tmp_path, text), "x86")
    layers = [model for model in asked.models if model.startswith("layer:")]
    assert set(asked.models) - set(layers) == {MOBILENET}
    assert len(layers) == 9  # 13 pointwise convolutions: the five of 512 to 512 channels are the same
    assert [architectures.name(architectures.parse(model)) for model in asked.models] == list(asked.models)
    request = Request(models=asked.models, backends=("null",))
    assert {trial.model for trial in api.plan(request).trials} == set(asked.models)


def test_an_exponent_of_latency_is_fitted_over_models(tmp_path: Path) -> None:
    """Latency as the 1.5th power of the width is not its square."""
    text = PAPER.replace('kind = "mult_adds_ratio"', 'kind = "scaling_exponent"\nquantity = "latency"')
    models = [f"mobilenet_v1:width={width}" for width in (0.25, 0.5, 0.75)]
    text = text.replace(
        'subject = "vgg:depth=16"\nbaseline = "mobilenet_v1"', f'models = {json.dumps(models)}\nparameter = "width"'
    )
    medians = {model: about(0.01 * width**1.5) for model, width in zip(models, (0.25, 0.5, 0.75), strict=True)}
    run = run_folder(tmp_path / "board", medians)
    tolerance = '\ntolerance = "5 %"\ntolerance_reason = "stated"'
    square = only(judged(tmp_path, text.replace('"27 x"', f'"2"{tolerance}'), run))
    assert square.decision.text == "DOES NOT HOLD"
    assert square.findings[0].value == pytest.approx(1.5, abs=1e-3)
    power = only(judged(tmp_path, text.replace('"27 x"', f'"1.5"{tolerance}'), run))
    assert power.decision.text == "HOLDS"


def test_what_is_open_is_measured(tmp_path: Path) -> None:
    """Pairs that evidence decides, and claims on other devices, are left; what waits for the same models adds up."""
    text = PAPER + LATENCY + LATENCY.replace('"latency"', '"elsewhere"') + WHERE
    (everything,) = measuring.wanted(judged(tmp_path, text), "x86")
    assert (set(everything.models), everything.statements) == ({VGG, MOBILENET}, 3)  # a claim, two consequences
    (on_phone,) = measuring.wanted(judged(tmp_path, text), "pixel1")
    assert on_phone.statements == 4
    run = run_folder(tmp_path / "board", {VGG: about(0.1), MOBILENET: about(0.010, 0.002)})
    assert measuring.wanted(judged(tmp_path, text, run), "x86") == ()


def test_models_that_statements_share_are_measured_together() -> None:
    """Groups join while that decides more a second; others stay alone, larger ones too, and none is measured twice."""
    wanted = measuring.Wanted
    star = [wanted(models=(one, "x"), statements=2) for one in "abc"]
    apart = wanted(models=("y", "z"), statements=1)
    large = wanted(models=tuple("klmn"), statements=1)
    seconds = dict.fromkeys("abcxyzklmn", 1.0)
    found = measuring.packed([*star, apart, large], seconds, 3)
    assert [(one.models, one.statements) for one in found] == [
        (("a", "b", "x"), 4),
        (("c", "x"), 2),
        (("y", "z"), 1),
        (("k", "l", "m", "n"), 1),
    ]


def test_a_budget_that_allows_nothing_is_refused(tmp_path: Path) -> None:
    """The shortest run is told, and nothing is started."""
    with pytest.raises(UsageError, match="The budget is 1 s, and the shortest run takes about"):
        measuring.measure(judged(tmp_path, PAPER), "host", 1.0, tmp_path / "results")
    assert not (tmp_path / "results").exists()


# --- published measurements ------------------------------------------------------------------------------------------


def test_published_boards_answer_with_k_of_n(tmp_path: Path) -> None:
    """A consequence's answer is that of all rows; that of a claim with a class of devices is split by it."""
    text = PAPER + LATENCY + WHERE
    found = judged(tmp_path, text, PUBLISHED)
    rows = latencies.read().rows
    both = inferences(found)
    asked = Asked(relation="above", low=1.0)
    assert both["faster"].boards == published.answers(rows, VGG, MOBILENET, asked)
    assert both["faster"].decision.text == "NOT MEASURED"  # boards have no interval, so they give no verdict
    claim = found.judged[1]
    assert sum(answer.rows.rows for answer in claim.boards) + sum(
        answer.rows.rows for answer in claim.boards_elsewhere
    ) == sum(answer.rows.rows for answer in both["faster"].boards)


@pytest.mark.slow
def test_the_bound_stands_between_mult_adds_and_the_measurement(tmp_path: Path) -> None:
    """Of a run by the peak of its unit, of published boards by theirs; both in the story, side by side."""
    run = run_folder(tmp_path / "board", {VGG: about(4.0), MOBILENET: about(0.4, 0.002)}, device="rpi4")
    found = judged(tmp_path, PAPER + LATENCY, run, PUBLISHED)
    claim = found.judged[1]
    (finding,) = claim.findings
    bounds = {row.model: row.bound_s for row in api.read(run).summary.trials}
    assert finding.bound == pytest.approx(bounds[VGG] / bounds[MOBILENET])  # type: ignore[operator] # both are known
    observed = observations.take(latencies.read()).observations
    costs = {model: count(model).cost for model in (VGG, MOBILENET)}
    settings = list(expectations.of_published(observed, costs, VGG, MOBILENET))
    assert claim.expected is not None
    assert claim.expected.settings == len(settings) > 10
    assert claim.expected.measured.median == pytest.approx(median(one.measured for one in settings))
    assert claim.expected.bound.high < claim.expected.mult_adds == pytest.approx(27.2, abs=0.01)
    assert {one.expected for one in found.inferred} == {claim.expected}
    said = "\n".join(claim_story.story(found))
    assert said.count("Bound:      ") == 1 + 2 * 2  # the claim, and below both claims both consequences
    assert f"the bound of this unit predicts {units.ratio(finding.bound)}" in said
    assert f"; the bound predicts {units.ratio(finding.bound)}; flags:" in said


# --- what explains latency, and the front -----------------------------------------------------------------------------

GRID = [f"mobilenet_v1:width={width},resolution={side}" for width in (0.25, 0.5, 0.75) for side in (128, 160)]


def grid_runs(folder: Path, power: float) -> None:
    """Two runs of one unit that measured three networks each, with a latency that is a power of the mult-adds."""
    for number, models in enumerate((GRID[:3], GRID[3:])):
        medians = {model: about(1e-9 * counted(model).mult_adds ** power) for model in models}
        run_folder(folder / f"run-{number}" / "board", medians)


@pytest.mark.slow
def test_runs_of_one_unit_are_explained_together(tmp_path: Path) -> None:
    """Six networks of two sessions are one fit; a power of the mult-adds is explained by them, within and across."""
    grid_runs(tmp_path, 0.8)
    told = explaining.explain([tmp_path])
    (one,) = told.explained
    by_mult_adds = [fit for fit in one.fits if fit.by == ("mult-adds",)]
    assert [(fit.within, fit.networks) for fit in by_mult_adds] == [(False, 6), (True, 6)]
    for fit in by_mult_adds:
        assert (fit.r2, fit.slopes[0]) == pytest.approx((1, 0.8), abs=1e-4)
    (front,) = told.fronts
    assert [network.by_latency for network in front.networks] == [network.by_mult_adds for network in front.networks]


def test_accuracies_are_the_papers() -> None:
    """The first source that was read stands: papers and releases, then torchvision; none with recipes of its own."""
    found = accuracies.accuracies()
    assert (found[MOBILENET].top1, found[MOBILENET].source) == (70.6, "MobileNetV1, the paper")
    assert (found["mobilenet_v3:large"].top1, found["mobilenet_v3:large"].source) == (75.2, "MobileNetV3, the release")
    assert found[VGG].source == "torchvision"
    assert not {one.source for one in found.values()} & {"timm", "PaddleClas"}


@pytest.mark.slow
def test_published_boards_are_explained_as_plain_regression_says() -> None:
    """The fit of one board is that of the raw rows, taken by hand; every place has a share between none and all."""
    import numpy as np
    import pandas as pd

    told = explaining.explain()
    rows = pd.read_csv(latencies.folder() / "ncnn.csv")
    one = next(one for one in told.explained if one.place.chosen and one.place.source == "ncnn" and one.fits)
    place = one.place
    kept = rows[(rows.board == place.board) & (rows.backend == place.processor) & (rows.version == place.version)]
    kept = kept[(kept.threads == place.threads) & (kept.precision == place.precision) & kept.doubt.isna()]
    kept = kept[(kept.settings.fillna("") == (place.settings or "")) & (kept.date == kept.date.max())]
    fastest = kept.groupby("model").latency_s.min()
    counts = [counted(model).mult_adds for model in fastest.index]
    expected = np.corrcoef(np.log(counts), np.log(fastest))[0, 1] ** 2
    assert one.fits[0].networks == len(fastest)
    assert one.fits[0].r2 == pytest.approx(expected)
    assert all(0 <= fit.r2 <= 1 + 1e-12 and fit.residual >= 1 for each in told.explained for fit in each.fits)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The command in a folder whose only paper is a file of its own."""
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, PAPER + LATENCY)
    monkeypatch.setattr(paper_files, "known", lambda: {"paper": path})
    run_folder(tmp_path / "results" / "board", {VGG: about(0.1), MOBILENET: about(0.010, 0.002)})
    app = typer.Typer()
    app.command()(claims_command)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return call


def test_the_table_and_the_story(command: Any) -> None:
    """The table fits 80 columns; the story of a claim has its arithmetic, its evidence and its sources."""
    table = command("--evidence", "results")
    assert "27.202 x" not in table
    assert "27.20 x" in table
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 120
    story = command("--claim", "compute", "--evidence", "results")
    assert "15,470,264,320 / 568,740,352" in story
    assert "Consequence (ours, not the paper's)" in story
    assert "the paper; read" in story


def test_machines_read_csv_and_json(command: Any) -> None:
    """Both hold claims and consequences, with their verdicts."""
    rows = list(csv.DictReader(io.StringIO(command("--csv", "--evidence", "results"))))
    assert [(row["claim"], row["verdict"]) for row in rows[:2]] == [("compute", "HOLDS"), ("latency", "HOLDS")]
    assert [row["kind"] for row in rows[2:]] == ["faster", "proportional"]
    found = json.loads(command("--json", "--evidence", "results"))
    assert found["claims"][0]["recounted"]["value"] == pytest.approx(27.201, abs=1e-3)
    assert [one["verdict"] for one in found["consequences"]] == ["HOLDS", "DOES NOT HOLD"]


def test_the_page(command: Any) -> None:
    """Transfer comes first, then what does not come out, then each claim with a footnote that has its source."""
    page = command("--markdown", "--evidence", "results")
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "# What the papers claim and what boards do",
        "## In short",
        "## Measured on",
        "## Transfer: what mult-adds become in time",
        "### Measured",
        "## Claim by claim",
        "### A paper",
    ]
    assert "[^compute]: `compute`: the paper (read)." in page
    assert page.count("[^compute]") == 2
    assert page.count("- **board**: ") == 1
    assert "10.0x" in page.split("## Transfer")[0]


def test_a_page_tells_what_does_not_come_out(command: Any, tmp_path: Path) -> None:
    """A slip that explains a figure stands in the first list, with the arithmetic."""
    written(tmp_path, PAPER.replace('"27 x"', '"72 x"'))
    page = command("--markdown", "--evidence", "results")
    assert "## Misprints and mixed conventions" in page
    assert "Printed: **72 x**. Counted: **27.20 x** (15,470,264,320 / 568,740,352)." in page
    assert "With two digits swapped it comes out: 27 x." in page


@pytest.mark.slow
def test_what_explains_latency_can_be_asked_for_alone(command: Any, tmp_path: Path) -> None:
    """As text of 80 columns, and as a row of CSV for each fit."""
    grid_runs(tmp_path / "results", 0.8)
    text = command("--explain-latency", "--evidence", "results")
    assert "Measured: onnxruntime fp32 on board" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    rows = list(csv.DictReader(io.StringIO(command("--explain-latency", "--csv", "--evidence", "results"))))
    assert {(row["board"], row["networks"], row["within_families"]) for row in rows} == {
        ("board", "8", "False"),
        ("board", "7", "True"),  # VGG-16 is a family of one
    }


@pytest.mark.slow
def test_the_front_can_be_asked_for_alone(command: Any, tmp_path: Path) -> None:
    """Whose accuracy it is stands in the heading; and both say the same as JSON and Markdown."""
    grid_runs(tmp_path / "results", 0.8)
    assert "accuracy: the papers'" in command("--front", "--evidence", "results")
    rows = list(csv.DictReader(io.StringIO(command("--front", "--csv", "--evidence", "results"))))
    assert {row["model"] for row in rows} == {*GRID, VGG, MOBILENET}
    assert "| network | top-1 |" in command("--front", "--markdown", "--evidence", "results")
    assert json.loads(command("--front", "--json", "--evidence", "results"))["fronts"][0]["board"] == "board"
    assert "### Measured" in command("--explain-latency", "--markdown", "--evidence", "results")
    found = json.loads(command("--explain-latency", "--json", "--evidence", "results"))
    assert found["explained"][0]["by"] == "mult-adds"


def test_check_says_what_is_wrong(command: Any, tmp_path: Path) -> None:
    """A file that is well-formed is told so; one that is not is an error."""
    mine = written(tmp_path, PAPER.replace('"compute"', '"again"'), "mine")
    assert "nothing is wrong with it" in command("--check", str(mine))
    bad = written(tmp_path, PAPER.replace("27 x", "27 M"), "bad")
    with pytest.raises(EdgebenchError, match="in M: expected"):
        command("--check", str(bad))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--paper", "nowhere"), "Unknown paper 'nowhere': expected paper"),
        (("--claim", "nothing"), "Unknown claim 'nothing'"),
        (("--json", "--csv"), "more than one of"),
        (("--device", "host"), "--device belongs to --measure: give it too."),
        (("--budget", "5m"), "--budget belongs to --measure: give it too."),
        (("--results", "nowhere"), "--results belongs to --measure: give it too."),
        (("--measure", "--budget", "soon", "--paper", "nowhere"), "The budget is 'soon': expected a number with s, m"),
        (("--evidence", "nowhere"), "holds no run"),
        (("--explain-latency", "--front"), "expected one of them alone"),
        (("--front", "--claim", "compute"), "without --paper, --claim and --measure"),
    ],
)
def test_wrong_use_is_one_sentence(command: Any, arguments: tuple[str, ...], said: str) -> None:
    """Names that are none, and options that exclude each other, say what is expected."""
    with pytest.raises(EdgebenchError, match=r".") as error:
        command(*arguments)
    assert said in str(error.value)
