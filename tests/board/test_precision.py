"""Precision that is lowered behind our back is found: each runtime's own default, and files that hold less."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebench import formats
from edgebench.board.backends import _onnx_kernels
from tests.formats import onnx_files
from tests.needing import installed

Networks = Callable[[str, str], Any]

# One runtime a process, as in a worker: two beside each other share libraries of threads.
PROGRAM = """
import json, sys
from pathlib import Path
from edgebench.board import loading
from edgebench.board.backends import Settings, load_backend
name, artefact, inputs, precision = sys.argv[1:]
backend = load_backend(name)
settings = Settings(threads=1, precision=precision, options={})
backend.import_runtime(settings)
HOW
loaded.set_inputs(loading.arrays(inputs))
loaded.call()
sys.stdout.flush()
print(json.dumps({"found": loaded.found().precision}))
"""
LOAD = "loaded = backend.load(Path(artefact), settings)"


def found(backend: str, artefact: Path, inputs: Path, precision: str = "fp32", how: str = LOAD) -> str:
    """Return the precision that a backend finds in a file, loaded in a process of its own."""
    installed(backend)
    command = [sys.executable, "-c", PROGRAM.replace("HOW", how), backend, str(artefact), str(inputs), precision]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout.strip().splitlines()[-1])["found"])


# --- reading .onnx files without onnx --------------------------------------------------------------------------------


def test_operations_are_those_that_onnx_reads() -> None:
    """Names of operations come out in the file's order."""
    model = onnx_files.small()
    assert list(_onnx_kernels.operations(model.SerializeToString())) == [node.op_type for node in model.graph.node]


@pytest.mark.parametrize(
    ("names", "precision"),
    [
        (["Conv", "Relu", "FusedGemm"], "fp32"),
        (["QuantizeLinear", "QLinearConv", "QGemm", "Softmax"], "int8"),
        (["QLinearConv", "Conv"], "fp32+int8"),
        (["Relu"], "unknown"),
    ],
)
def test_kernels_tell_the_precision(names: list[str], precision: str) -> None:
    """Convolutions and matrix products count, in whole numbers or in real ones; others say nothing."""
    graph = helper.make_graph([helper.make_node(name, ["x"], ["y"]) for name in names], "g", [], [])
    assert _onnx_kernels.precision(helper.make_model(graph).SerializeToString()) == precision


@pytest.mark.parametrize("text", [b"\x3a\xff", b"\x3a\x05a", b"\x3b", b"\xff" * 20])
def test_bytes_that_are_no_model_are_refused(text: bytes) -> None:
    """What is cut off, or of no known kind, is an error."""
    with pytest.raises(ValueError, match="no protocol buffer"):
        list(_onnx_kernels.operations(text))


# --- each runtime's way of lowering ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_ncnns_default_is_found(network: Networks) -> None:
    """ncnn's default options keep activations in fp16, on x86 the weights of some layers; bf16 is found as well."""
    made = network("mobilenet", "ncnn")
    default = "import ncnn; loaded = backend.opened(ncnn.Net(), Path(artefact))"
    assert found("ncnn", made.file, made.inputs, how=default) in {"fp16", "fp16+fp32"}
    assert found("ncnn", made.file, made.inputs, "fp16") in {"fp16", "fp16+fp32"}
    assert found("ncnn", made.file, made.inputs, "bf16") == "bf16"
    assert found("ncnn", made.file, made.inputs) == "fp32"


@pytest.mark.slow
def test_ncnns_halved_weights_are_found(network: Networks, tmp_path: Path) -> None:
    """A file whose weights pnnx stored in fp16, as it does by default, is not taken for fp32."""
    import zipfile

    made = network("mobilenet", "ncnn")
    with zipfile.ZipFile(made.file) as stored:
        parts = {name: stored.read(name) for name in stored.namelist()}
    (tmp_path / "net.onnx").symlink_to(network("mobilenet", "onnx").file)
    from edgebench.formats import _environment

    prefix = "import importlib.util, subprocess, sys; from edgebench.formats import ncnn; "
    command = [_environment.interpreter("pnnx"), "-c", prefix + "subprocess.run([ncnn._program(), *sys.argv[1:]])"]
    shape = "inputshape=[1,3,128,128]f32"
    subprocess.run([*command, "net.onnx", shape], cwd=tmp_path, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "halved.zip", "w") as halved:
        halved.writestr("interface.json", parts["interface.json"])
        halved.write(tmp_path / "net.ncnn.param", "model.param")
        halved.write(tmp_path / "net.ncnn.bin", "model.bin")
    assert found("ncnn", tmp_path / "halved.zip", made.inputs) == "fp16+fp32"


HINTLESS = """
import openvino
core = openvino.Core()
able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
loaded = backend.Request(core.compile_model(artefact, "CPU"), backend._COMPUTING, halved=False)
if "BF16" not in able:
    print(json.dumps({"found": "no bf16 here"}))
    sys.exit()
"""


@pytest.mark.slow
def test_openvinos_default_is_found(network: Networks) -> None:
    """Without a precision hint OpenVINO computes in bf16 where the processor has it, and that is seen."""
    made = network("mobilenet", "onnx")
    default = found("openvino", made.file, made.inputs, how=HINTLESS)
    if default == "no bf16 here":
        pytest.skip("this processor has no bf16")
    assert default == "bf16"
    assert found("openvino", made.file, made.inputs, "bf16") == "bf16"
    assert found("openvino", made.file, made.inputs) == "fp32"


SAVED = """
import openvino
openvino.save_model(openvino.Core().read_model(artefact), "saved.xml", compress_to_fp16=True)
loaded = backend.load(Path("saved.xml"), settings)
"""


@pytest.mark.slow
def test_a_file_saved_in_halves_is_found(network: Networks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's own files hold weights in fp16 by default; it computes in fp32 with what they were rounded to."""
    made = network("mobilenet", "onnx")
    monkeypatch.chdir(tmp_path)
    assert found("openvino", made.file, made.inputs, how=SAVED) == "fp16+fp32"


@pytest.mark.slow
def test_a_users_halved_weights_are_found(tmp_path: Path) -> None:
    """A .onnx file whose weights are stored in fp16 and cast is no fp32 to OpenVINO."""
    weights = numpy_helper.from_array(__import__("numpy").ones((3, 4), "float16"), "w")
    nodes = [
        helper.make_node("Cast", ["w"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "whole"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
        [weights],
    )
    path = tmp_path / "halved.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    from edgebench import architectures

    origin = formats.source(architectures.name(formats.adopt(path, {})))
    assert found("openvino", formats.convert(origin, "onnx").path, origin.inputs) == "fp16+fp32"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "form"), [("onnxruntime", "onnx_int8"), ("openvino", "onnx_nncf"), ("litert", "tflite_int8")]
)
def test_int8_is_found_in_kernels(backend: str, form: str, network: Networks) -> None:
    """Convolutions and products of a quantised network run in whole numbers; its outputs lie near the reference."""
    made = network("mobilenet", form)
    assert found(backend, made.file, made.inputs, "int8") == "int8"
