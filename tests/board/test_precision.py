"""Precision that is lowered behind our back is found: each runtime's own default, and files that hold less."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
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


def halved() -> Any:
    """Return weights that are stored in fp16."""
    return numpy_helper.from_array(np.ones((3, 4), "float16"), "w")


@pytest.mark.parametrize(
    ("names", "kernels"),
    [
        (["Conv", "Relu", "FusedGemm"], {"fp32"}),
        (["QuantizeLinear", "QLinearConv", "QGemm", "Softmax"], {"int8"}),
        (["QLinearConv", "Conv"], {"fp32", "int8"}),
        (["Relu"], set()),
    ],
)
def test_kernels_tell_the_precision(names: list[str], kernels: set[str]) -> None:
    """Convolutions and matrix products count, in whole numbers or in real ones; others say nothing."""
    nodes = [helper.make_node(name, ["x"], ["y"]) for name in names]
    assert _onnx_kernels.kernels(onnx_files.model(nodes, [], []).SerializeToString()) == kernels


def test_kernels_compute_in_the_type_of_their_weights() -> None:
    """A product with weights of fp16 is one of fp16, beside others of fp32."""
    nodes = [helper.make_node("MatMul", ["x", name], [name + "y"]) for name in ("w", "v")]
    model = onnx_files.model(nodes, [], [], [halved(), onnx_files.weights("v", 3, 4)])
    assert _onnx_kernels.kernels(model.SerializeToString()) == {"fp16", "fp32"}


CAST = helper.make_node("Cast", ["w"], ["whole"], to=TensorProto.FLOAT)
CONSTANT = helper.make_node("Constant", [], ["w"], value=halved())
BRANCH = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "then", [], [], [halved()])
IF = helper.make_node("If", ["c"], ["y"], then_branch=BRANCH, else_branch=BRANCH)
DEQUANTISE = helper.make_node("DequantizeLinear", ["w", "s"], ["y"])


@pytest.mark.parametrize(
    ("model", "held"),
    [
        (onnx_files.small(), set()),
        (onnx_files.model([CAST], [], [], [halved()]), {"fp16"}),
        (onnx_files.model([CONSTANT, CAST], [], []), {"fp16"}),
        (onnx_files.model([IF], [], []), {"fp16"}),
        (onnx_files.model([], [], [], [helper.make_tensor("b", TensorProto.BFLOAT16, [1], [1.0])]), {"bf16"}),
        (onnx_files.model([DEQUANTISE], [], [], [onnx_files.weights("w", 2, kind="int8")]), {"int8"}),
        (onnx_files.model([DEQUANTISE], [], [], [halved()]), {"fp16", "int8"}),
        (
            onnx_files.model([helper.make_node("Gather", ["w", "i"], ["y"])], [], [], [onnx_files.whole("i", [1])]),
            set(),
        ),
        (
            onnx_files.model(
                [helper.make_node("mine", ["x"], ["y"], domain="own")],
                [],
                [],
                functions=[helper.make_function("own", "mine", ["x"], ["y"], [CONSTANT, CAST], [])],
            ),
            {"fp16"},
        ),
    ],
)
def test_what_a_file_holds_is_told_without_onnx(model: Any, held: set[str]) -> None:
    """Halves are found wherever a file stores values, in branches and functions too, and int8 where it quantises."""
    assert _onnx_kernels.held(model.SerializeToString()) == held


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


def of_users(backend: str, folder: Path, model: Any, how: str = LOAD) -> str:
    """Return the precision that a backend finds in a user's file, which is run as it is; fp32 is asked for."""
    from edgebench import architectures

    origin = formats.source(architectures.name(formats.adopt(onnx_files.written(folder, model), {})))
    return found(backend, formats.convert(origin, "onnx").path, origin.inputs, how=how)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_users_halved_weights_are_found(backend: str, tmp_path: Path) -> None:
    """A .onnx file whose weights are stored in fp16 and cast is no fp32."""
    nodes = [CAST, helper.make_node("MatMul", ["x", "whole"], ["y"])]
    model = onnx_files.model(nodes, [onnx_files.value("x", 2, 3)], [onnx_files.value("y", 2, 4)], [halved()])
    assert of_users(backend, tmp_path, model) == "fp16+fp32"


@pytest.mark.slow
def test_a_users_file_all_in_halves_is_found(tmp_path: Path) -> None:
    """Inputs, weights and outputs of fp16 are found; onnxruntime casts them to fp32 where it has no such kernels."""
    kind = TensorProto.FLOAT16
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    inputs, outputs = [onnx_files.value("x", 2, 3, kind=kind)], [onnx_files.value("y", 2, 4, kind=kind)]
    told = of_users("onnxruntime", tmp_path, onnx_files.model(nodes, inputs, outputs, [halved()]))
    assert told == "fp16+fp32" if platform.machine() == "x86_64" else told in {"fp16", "fp16+fp32"}


def quantised(kernel: Sequence[Any], *others: Any) -> Any:
    """Return a network of a quantised convolution with what stands around it."""
    return onnx_files.model(
        [
            onnx_files.node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
            *kernel,
            onnx_files.node("DequantizeLinear", ["yq", "s", "z"], ["r"]),
            *others,
        ],
        [onnx_files.value("x", 1, 3, 8, 8)],
        [onnx_files.value("y" if others else "r", 1, 4, 6, 6)],
        [
            onnx_files.weights("w", 4, 3, 3, 3, kind="int8"),
            onnx_files.weights("k", 4, 4, 1, 1),
            numpy_helper.from_array(np.array(0.1, "float32"), "s"),
            numpy_helper.from_array(np.array(128, "uint8"), "z"),
            numpy_helper.from_array(np.array(0, "int8"), "zw"),
        ],
    )


QLINEAR = (onnx_files.node("QLinearConv", ["xq", "s", "z", "w", "s", "zw", "s", "z"], ["yq"]),)
QDQ = (
    onnx_files.node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
    onnx_files.node("DequantizeLinear", ["w", "s", "zw"], ["wd"]),
    onnx_files.node("Conv", ["xd", "wd"], ["c"]),
    onnx_files.node("QuantizeLinear", ["c", "s", "z"], ["yq"]),
)
REAL = onnx_files.node("Conv", ["r", "k"], ["y"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "precision"),
    [(quantised(QLINEAR), "int8"), (quantised(QDQ), "int8"), (quantised(QDQ, REAL), "fp32+int8")],
    ids=["qlinear", "qdq", "in part"],
)
def test_a_users_quantised_file_is_found(model: Any, precision: str, tmp_path: Path) -> None:
    """A .onnx file that was quantised by its maker is no fp32, whatever precision was asked for."""
    assert of_users("onnxruntime", tmp_path, model) == precision


@pytest.mark.slow
def test_a_users_fp32_file_is_loaded_once(tmp_path: Path) -> None:
    """Kernels are looked at, which takes a second session, only where a file holds less than fp32."""
    once = f"backend._optimised = None; {LOAD}"
    assert of_users("onnxruntime", tmp_path, onnx_files.small(), once) == "fp32"


@pytest.mark.slow
def test_whole_numbers_at_the_ends_of_a_file_are_no_precision(tmp_path: Path) -> None:
    """Places that a file looks up are whole numbers, and its products are of fp32."""
    nodes = [onnx_files.node("Gather", ["t", "i"], ["g"]), onnx_files.node("MatMul", ["g", "v"], ["y"])]
    inputs, outputs = [onnx_files.value("i", 5, kind=TensorProto.INT64)], [onnx_files.value("y", 5, 4)]
    stored = [onnx_files.weights("t", 9, 3), onnx_files.weights("v", 3, 4)]
    assert of_users("onnxruntime", tmp_path, onnx_files.model(nodes, inputs, outputs, stored)) == "fp32"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "form"), [("onnxruntime", "onnx_int8"), ("openvino", "onnx_nncf"), ("litert", "tflite_int8")]
)
def test_int8_is_found_in_kernels(backend: str, form: str, network: Networks) -> None:
    """Convolutions and products of a quantised network run in whole numbers; its outputs lie near the reference."""
    made = network("mobilenet", form)
    assert found(backend, made.file, made.inputs, "int8") == "int8"
