"""Users' models from the request to the plan, the run and the bundle."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgebench import api
from edgebench.api._models import canonical, runnable, served
from edgebench.errors import UsageError
from edgebench.store import bundle as bundles
from tests.formats import onnx_files, tflite_files

ALL = [("torch", ()), ("onnxruntime", ()), ("openvino", ())]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return the path of a small .onnx file."""
    return onnx_files.written(tmp_path, onnx_files.small("n"))


def test_one_file_is_one_model(small: Path) -> None:
    """A file given twice, by path and by name, is measured once."""
    (name,) = canonical([str(small)])
    assert canonical([str(small), name, "lenet5", str(small)]) == (name, "lenet5")


@pytest.mark.parametrize(
    ("texts", "inputs", "reason"),
    [
        (["lenet5", "vgg"], ["1x3"], "--input belongs to one model, and there are 2"),
        (["lenet5"], ["1x1x32x32"], "--input is for users' files and functions: lenet5 has a shape of its own"),
        ([__file__], [], "test_models.py is no kind of model that is known: expected a .onnx or .tflite file"),
        (["nowhere.onnx"], [], "nowhere.onnx is no file: expected an ONNX model"),
    ],
)
def test_wrong_requests_are_refused(texts: list[str], inputs: list[str], reason: str) -> None:
    """What --input and --model cannot mean is refused."""
    with pytest.raises(UsageError, match=reason):
        canonical(texts, inputs)


def test_shapes_are_given_once(small: Path) -> None:
    """An input that is given two shapes is refused, and so is a shape that is none."""
    with pytest.raises(UsageError, match="The input x is given two shapes"):
        canonical([str(small)], ["x=1x3x8x8", "x=2x3x8x8"])
    for wrong in ("", "x", "1x-3x8x8", "0x3x8x8", "1.5x3", "99999999999x1"):
        with pytest.raises(UsageError, match=r"The shape .* is none"):
            canonical([str(small)], [f"x={wrong}"])


def test_a_batch_that_a_file_does_not_allow_is_refused(tmp_path: Path) -> None:
    """The batch of a file with fixed shapes is settled before anything is measured."""
    path = onnx_files.written(tmp_path, onnx_files.small())
    with pytest.raises(UsageError, match="its batch cannot be 2"):
        runnable([str(path)], (), None, (1, 2))


def test_a_file_is_for_the_backends_that_load_it(small: Path) -> None:
    """Backends that load another format are left out unless they were asked for."""
    (name,) = canonical([str(small)])
    assert served(name, ALL, asked=False) == ALL[1:]
    assert served("lenet5", ALL, asked=True) == ALL
    with pytest.raises(
        UsageError, match=r"torch cannot run a \.onnx file, nor what it is converted to: expected mnn or ncnn or onnxr"
    ):
        served(name, ALL, asked=True)


def test_a_tflite_file_is_for_litert(tmp_path: Path) -> None:
    """No other backend runs a .tflite file, nor is it converted to anything."""
    (name,) = canonical([str(tflite_files.written(tmp_path, tflite_files.small()))])
    assert served(name, [("litert", ()), *ALL], asked=False) == [("litert", ())]
    with pytest.raises(UsageError, match=r"cannot run a \.tflite file.*: expected litert\."):
        served(name, ALL, asked=True)


def test_a_plan_holds_the_shapes(small: Path, tmp_path: Path) -> None:
    """A plan's models have canonical names, and their counts the inputs of the file."""
    planned = api.plan(api.Request(models=(str(small),), inputs=("x=2x3x8x8",), results=tmp_path))
    (counted,) = planned.counted
    assert counted.inputs == {"x": (2, 3, 8, 8)}
    assert counted.mult_adds == 2 * onnx_files.SMALL_MULT_ADDS
    assert {trial.backend for trial in planned.trials} <= {"mnn", "ncnn", "onnxruntime", "openvino"}
    assert counted.model.endswith(",input=2x3x8x8")


@pytest.mark.slow
def test_a_file_is_measured_and_compared(small: Path, tmp_path: Path) -> None:
    """A user's file runs in onnxruntime and OpenVINO, agrees with its reference, and is in the journal by its hash."""
    words = ["run", "--model", str(small), "--invocations", "1", "--batch", "2", "--results", "out", "--json"]
    command = [sys.executable, "-m", "edgebench", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = api.read(tmp_path / json.loads(done.stdout)["folder"])
    rows = result.summary.trials
    assert {row.backend for row in rows} >= {"onnxruntime", "openvino"}
    assert {row.status for row in rows} == {"done"}
    assert all(row.parity_max_abs_diff is not None for row in rows)
    converted = next(one for one in result.run.converted.values() if one.format == "onnx")
    assert converted.sha256.startswith(converted.model.partition("sha256=")[2][:16])
    assert list(converted.versions) == ["onnxruntime"]


@pytest.mark.slow
def test_a_file_is_packed(small: Path, tmp_path: Path) -> None:
    """A bundle holds a user's file as it is, its count, and what its outputs are compared with."""
    backends = ("onnxruntime",)
    packed = api.pack([str(small)], tmp_path / "bundle.zip", backends=backends, inputs=("1x3x8x8",), say=lambda _: None)
    found = bundles.read(tmp_path / "bundle.zip")
    bundles.verify(found)
    assert found.models == packed.models == canonical([str(small)])
    (one,) = found.manifest.packed
    assert found.manifest.member(one.artefact).sha256.startswith(one.model.partition("sha256=")[2][:16])


def test_long_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no bundle could hold is refused when it is made."""
    module = "m" * 140
    (tmp_path / f"{module}.py").write_text("from torch.nn import ReLU\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="has more than 150 letters after the colon"):
        canonical([f"python:{module}:ReLU"], ["1x2"])


def test_the_list_of_models_tells_of_users_models() -> None:
    """`edgebench list models` says how to give a model of one's own."""
    command = [sys.executable, "-m", "edgebench", "list", "models"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for way in ("path/to/model.onnx", "path/to/model.tflite", "python:package.module:factory", "--weights", "--input"):
        assert way in done.stdout
