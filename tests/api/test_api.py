import json
import subprocess
import sys
from pathlib import Path

import pytest

import edgebench
from edgebench import api, devices
from edgebench.api._reaching import Board
from edgebench.api.planning import plan_for
from edgebench.board.probe import probe
from edgebench.errors import UsageError

HEAVY = {"torch", "pandas", "pydantic", "onnx", "scipy", "rich", "typer", "edgebench.api"}


def test_importing_edgebench_imports_nothing_heavy() -> None:
    """`import edgebench` is for boards too: no torch, no pandas, no pydantic, not even our own interface."""
    code = f"import sys, edgebench; print(*({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_public_interface_is_the_programs_own() -> None:
    """What edgebench exports is the interface that the command line calls, and nothing else exists."""
    assert (edgebench.run, edgebench.count, edgebench.read, edgebench.Request) == (
        api.run,
        api.count,
        api.read,
        api.Request,
    )
    assert set(edgebench.__all__) == {"Request", "__version__", "count", "read", "run"}
    with pytest.raises(AttributeError, match="no attribute 'surprise'"):
        _ = edgebench.surprise


def test_the_interface_is_typed() -> None:
    """The package tells type checkers that its annotations count."""
    assert (Path(edgebench.__file__).parent / "py.typed").is_file()


def test_counting_uses_canonical_names() -> None:
    """A count names the model canonically and scales with the batch."""
    one, eight = edgebench.count("mobilenet_v1:width=1.0"), edgebench.count("mobilenet_v1", batch=8)
    assert one.model == eight.model == "mobilenet_v1"
    assert eight.cost.mult_adds == 8 * one.cost.mult_adds
    assert eight.cost.params == one.cost.params


def test_backends_say_how_to_get_them() -> None:
    """A backend is installed with a version, needs none, or says how to get it."""
    for state in api.backends():
        assert (state.version is None) == (state.get_it is not None)
        assert "fp32" in state.precisions
    null = next(state for state in api.backends() if state.name == "null")
    assert (null.version, null.format, null.options) == ("", None, ("work",))


def test_every_suite_holds_models_that_exist() -> None:
    """Each model of a suite has a canonical name, which is the one that is written there or short for it."""
    assert api.suites()
    for suite in api.suites().values():
        for model in suite.models:
            assert edgebench.count(model).model == model


def plan(**given: object) -> api.Plan:
    """Return the plan of a request for this machine, drawn without an agent."""
    from edgebench.board.backends import installed

    device, unit = devices.resolve(devices.HOST)
    board = Board(device=device, unit=unit, facts=probe(), runtimes=installed())
    return plan_for(api.Request(**given), board)  # type: ignore[arg-type] # the tests name the fields


def test_a_plan_is_every_combination_once() -> None:
    """Models, backends, threads and batches multiply; what was named twice is measured once, the first also as twin."""
    asked = plan(
        models=("lenet5", "layer", "lenet5"), backends=("null", "null:work=7"), threads=(1,), batches=(1, 8), seed=3
    )
    assert len(asked.trials) == 2 * 2 * 1 * 2
    assert len({trial.id for trial in asked.trials}) == len(asked.trials)
    (session,) = asked.sessions
    assert [trial.id for trial in session.trials[:-1]] == [trial.id for trial in asked.trials]
    assert session.trials[-1].id == f"{asked.trials[0].id}|twin"
    assert (asked.seed, asked.formats) == (3, {"null": None})
    assert asked.converting_s == 0


def test_a_plan_without_models_takes_the_default_suite() -> None:
    """A bare request measures the suite `seeds`; models named beside a suite come first."""
    seeds = api.suites()["seeds"].models
    assert tuple(one.model for one in plan(backends=("null",)).counted) == seeds
    both = plan(models=("layer",), suite="seeds", backends=("null",))
    assert [one.model for one in both.counted][1:] == list(seeds)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threads": (0,)}, "0 threads asked for: this board lets us use 1 to"),
        ({"threads": (4096,)}, "4096 threads asked for"),
        ({"batches": (0,)}, "The batch is 0: expected an integer from 1"),
        ({"precisions": ("int3",)}, "null has no precision 'int3': expected fp32"),
        ({"backends": ("null:wrok=5",)}, "Unknown option 'wrok=5' of backend null: expected work=..."),
        ({"backends": ("null:work",)}, "Unknown option 'work' of backend null"),
        ({"suite": "sedes"}, "Unknown suite 'sedes': known are mobile, seeds"),
    ],
)
def test_what_cannot_be_measured_is_refused_before(given: dict[str, object], message: str) -> None:
    """A request that cannot be met is one sentence, before anything is converted or measured."""
    with pytest.raises(UsageError) as refused:
        plan(**{"models": ("lenet5",), "backends": ("null",), **given})
    assert str(refused.value).startswith(message)


ONE, TWO = {"onnxruntime": "1", "torch": "2"}, {"onnxruntime": "1", "openvino": "2", "torch": "2"}


def planned(runtimes: dict[str, str], **given: object) -> api.Plan:
    """Return the plan of LeNet-5 for a PC with these runtimes."""
    device, unit = devices.find("x86"), devices.resolve(devices.HOST)[1]
    board = Board(device=device, unit=unit, facts=probe(), runtimes=runtimes)
    return plan_for(api.Request(models=("lenet5",), **given), board)  # type: ignore[arg-type]


def test_default_backends_without_a_precision_are_left_out() -> None:
    """A backend that nobody named has no trial in a precision that it lacks, and the sentence of the plan says so."""
    found = planned(TWO, precisions=("int8", "fp32"))
    assert sorted((one.backend, one.precision) for one in found.trials) == [
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
        ("openvino", "fp32"),
        ("openvino", "int8"),
        ("torch", "fp32"),
    ]
    assert found.unfit == ("torch has no int8",)
    assert "; left out: torch has no int8." in api.expectation(found)
    assert planned(TWO).unfit == ()


def test_a_precision_that_a_backend_lacks_is_refused_where_it_is_named() -> None:
    """The sentence says which backends of the board have it; where no default has one, the backends are named."""
    with pytest.raises(UsageError) as refused:
        planned(TWO, backends=("torch",), precisions=("int8",))
    assert str(refused.value) == (
        "torch has no precision 'int8': expected fp32; on host onnxruntime, openvino have it."
    )
    with pytest.raises(
        UsageError, match=r"^None of the device's backends \(torch, onnxruntime\) has the precision 'bf16'"
    ):
        planned(ONE, precisions=("bf16",))


def test_energy_is_planned_with_what_the_device_prefers() -> None:
    """A meter asks for windows even where no sensor is; the device's own preference goes along."""
    usual, asked, metered = (
        plan(models=("lenet5",), backends=("null",), **given).protocol
        for given in ({}, {"energy": True}, {"meter": Path("power.csv")})
    )
    assert (usual.energy, usual.meter) == (False, False)
    assert (asked.energy, asked.meter) == (True, False)
    assert (metered.energy, metered.meter) == (True, True)
    assert usual.sensors == devices.resolve(devices.HOST)[0].sensors.preference
    assert usual.gate_s == 30.0


def test_a_long_run_is_one_invocation_without_a_twin() -> None:
    """Nothing is measured twice for ten minutes unless it is asked for; its time counts."""
    asked = plan(models=("lenet5", "layer"), backends=("null",), sustained_s=600.0)
    assert asked.protocol.sustained_s == 600.0
    assert asked.protocol.invocations == 1
    assert not [trial for session in asked.sessions for trial in session.trials if trial.twin]
    assert asked.measuring_s is not None
    assert asked.measuring_s > 2 * 600.0
    assert "without a pause until it stays level, for 10 min 0 s at most" in api.expectation(asked)
    assert plan(models=("lenet5",), backends=("null",), sustained_s=600.0, invocations=3).protocol.invocations == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sustained_s": 5.0}, "--sustained is 5 s: expected 10 s at least"),
        ({"sustained_s": 60.0, "pace_hz": 30.0}, "--sustained and --pace do not go together"),
        ({"sustained_s": 60.0, "budget_s": 60.0}, "--sustained and --budget do not go together"),
        ({"sustained_s": 60.0, "target": 0.01}, "--sustained and --target do not go together"),
        ({"meter": Path("/nowhere/at/all/power.csv")}, "/nowhere/at/all is no folder"),
    ],
)
def test_long_runs_and_meters_that_cannot_be_are_refused(given: dict[str, object], message: str) -> None:
    """One sentence, before anything is measured."""
    with pytest.raises(UsageError) as refused:
        plan(models=("lenet5",), backends=("null",), **given)
    assert str(refused.value).startswith(message)


def test_a_broken_backend_is_told_from_one_that_is_missing() -> None:
    """A backend whose module cannot be imported says why; how to install it would be no help."""

    device, unit = devices.resolve(devices.HOST)
    board = Board(
        device=device, unit=unit, facts=probe(), runtimes={}, broken={"onnxruntime": "ImportError: no libfoo"}
    )
    with pytest.raises(UsageError, match="onnxruntime cannot be imported on host: ImportError: no libfoo"):
        plan_for(api.Request(models=("lenet5",), backends=("onnxruntime",)), board)


def test_an_expectation_is_a_sentence() -> None:
    """The plan in words says trials, sessions, board and time."""
    sentence = api.expectation(plan(models=("lenet5",), backends=("null",)))
    assert sentence.startswith("1 trial in 1 session on host (")
    assert "5 invocations each: about " in sentence
    assert sentence.endswith(" measuring.")


def test_reading_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """A folder without a journal is one sentence, whether it is read or recomputed."""
    for ask in (edgebench.read, api.recompute):
        with pytest.raises(UsageError, match="is no run folder"):
            ask(tmp_path)


def test_the_cache_is_told_in_bytes() -> None:
    """The state of the cache names its folder; clearing says what it freed."""
    state = api.cache_state()
    assert state.folder.name == "edgebench"
    assert json.loads(json.dumps(state.size_bytes)) >= 0
