import hashlib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from edgebench import architectures, formats, plugins
from edgebench.board.backends import package_version
from edgebench.errors import UsageError
from tests.formats import onnx_files, tflite_files
from tests.formats.onnx_files import model, node, value, weights, written


def adopted(path: Path, **shapes: tuple[int, ...]) -> str:
    """Return the canonical name of a user's file."""
    return architectures.name(formats.adopt(path, shapes))


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    """The name holds the file's stem and the first digits of its SHA-256, and stays when the file moves."""
    path = written(tmp_path, onnx_files.small(), "My net (final).onnx")
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"onnx:file=My_net_final_,sha256={digits}"
    assert adopted(path) == name
    (tmp_path / "sub").mkdir()
    assert adopted(path.rename(tmp_path / "sub" / "My net (final).onnx")) == name
    assert architectures.name(architectures.parse(name)) == name


def test_another_content_is_another_name(tmp_path: Path) -> None:
    """One changed weight makes another model, with files of its own."""
    changed = onnx_files.small()
    changed.graph.initializer[0].raw_data = changed.graph.initializer[0].raw_data[:-1] + b"?"
    first, second = adopted(written(tmp_path, onnx_files.small())), adopted(written(tmp_path, changed))
    assert first != second
    assert formats.source(first).folder != formats.source(second).folder


def test_a_file_that_left_the_cache_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canonical name whose file was cleared away says what to give again."""
    name = adopted(written(tmp_path, onnx_files.small()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="is not in the cache: give its path again"):
        formats.file_graph(architectures.parse(name))


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_an_open_first_axis_is_the_batch(tmp_path: Path) -> None:
    """Of a file whose first axis alone is open one input a call is measured, or as many as the batch says."""
    found = architectures.parse(adopted(written(tmp_path, onnx_files.small("n"))))
    assert found.parameters.input == "1x3x8x8"
    assert formats.input_shapes(found) == {"x": (1, 3, 8, 8)}
    assert formats.input_shapes(found, batch=4) == {"x": (4, 3, 8, 8)}


def test_a_side_of_minus_one_is_open(tmp_path: Path) -> None:
    """PaddlePaddle's exporter writes -1 for an open side, which the file's format has other means for."""
    one = model([node("Relu", ["x"], ["y"])], [value("x", -1, 3, -1, 8)], [value("y", -1, 3, -1, 8)])
    name = adopted(written(tmp_path, one), x=(1, 3, 5, 8))
    assert name.endswith(",input=1x3x5x8")


def test_fixed_shapes_have_no_batch(tmp_path: Path) -> None:
    """A file with fixed shapes carries none in its name and takes no batch."""
    found = architectures.parse(adopted(written(tmp_path, onnx_files.small())))
    assert found.parameters.input == ""
    with pytest.raises(UsageError, match="fixed shapes in its file, so its batch cannot be 2"):
        formats.input_shapes(found, batch=2)


def test_open_axes_get_the_shapes_given(tmp_path: Path) -> None:
    """Shapes by name and in order set open axes; they are part of the name, for they change what is measured."""
    one = model(
        [node("Relu", ["image"], ["r"]), node("Relu", ["ids"], ["s"])],
        [value("image", "n", 3, "h", "w"), value("ids", 1, "t")],
        [value("r", "n", 3, "h", "w"), value("s", 1, "t")],
    )
    path = written(tmp_path, one)
    name = adopted(path, image=(2, 3, 5, 6), ids=(1, 7))
    assert name.endswith(",input=2x3x5x6+1x7")
    assert adopted(path, **{"0": (2, 3, 5, 6), "1": (1, 7)}) == name
    assert formats.input_shapes(architectures.parse(name)) == {"image": (2, 3, 5, 6), "ids": (1, 7)}
    with pytest.raises(
        UsageError, match=r"'image' is of shape \?x3x\?x\?: give one, such as --input image=224x3x224x224"
    ):
        adopted(path)
    with pytest.raises(UsageError, match=r"is of shape 1x\? in the file, which 2x7 does not fit"):
        adopted(path, image=(2, 3, 5, 6), ids=(2, 7))
    with pytest.raises(UsageError, match="has no input 'mask' to give a shape: its inputs are image, ids"):
        adopted(path, mask=(1, 3))


# --- weights elsewhere -----------------------------------------------------------------------------------------------


def test_weights_elsewhere_come_along(tmp_path: Path) -> None:
    """A model with external data becomes one file in the cache, whose hash names it, and gives the same outputs."""
    name = adopted(onnx_files.outside(tmp_path))
    (tmp_path / "weights.bin").unlink()
    origin = formats.source(name)
    artefact = formats.convert(origin, "onnx")
    assert artefact.sha256.startswith(architectures.parse(name).parameters.sha256)
    inside = formats.source(adopted(written(tmp_path, onnx_files.small(), "inside.onnx")))
    with np.load(origin.reference) as one, np.load(inside.reference) as other:
        assert np.array_equal(one["y0"], other["y0"])


# --- running ---------------------------------------------------------------------------------------------------------


def test_a_file_is_run_as_it_is(tmp_path: Path) -> None:
    """The artefact is the user's file, byte for byte; its reference is told by package and version."""
    path = written(tmp_path, onnx_files.small())
    artefact = formats.convert(formats.source(adopted(path)), "onnx")
    assert artefact.path.read_bytes() == path.read_bytes()
    assert list(artefact.versions) == ["onnxruntime"]
    with pytest.raises(formats.ConversionFailed, match="a user's onnx file is run as it is"):
        formats.convert(formats.source(adopted(path)), "pt2")


def test_the_reference_is_right(tmp_path: Path) -> None:
    """What onnxruntime gives without optimisation is what ONNX's own evaluator gives."""
    from onnx.reference import ReferenceEvaluator

    path = written(tmp_path, onnx_files.small())
    origin = formats.source(adopted(path))
    with np.load(origin.inputs) as inputs, np.load(origin.reference) as reference:
        (expected,) = ReferenceEvaluator(str(path)).run(None, {"x": inputs["x"]})
        assert np.allclose(reference["y0"], expected, rtol=1e-5, atol=1e-5)


def test_inputs_follow_type_and_seed(tmp_path: Path) -> None:
    """Real inputs are normal, whole ones 0 or 1, bytes of the whole range; the seed decides them all."""
    kinds = {"f": TensorProto.FLOAT, "h": TensorProto.FLOAT16, "i": TensorProto.INT64, "u": TensorProto.UINT8}
    one = model(
        [node("Identity", [name], [f"{name}_out"]) for name in kinds],
        [value(name, 1, 4096, kind=kind) for name, kind in kinds.items()],
        [value(f"{name}_out", 1, 4096, kind=kind) for name, kind in kinds.items()],
    )
    name = adopted(written(tmp_path, one))
    with np.load(formats.source(name).inputs) as found, np.load(formats.source(name, seed=1).inputs) as other:
        assert {key: str(found[key].dtype) for key in found} == {
            "f": "float32",
            "h": "float16",
            "i": "int64",
            "u": "uint8",
        }
        assert abs(float(found["f"].mean())) < 0.1
        assert abs(float(found["f"].std()) - 1) < 0.1
        assert set(np.unique(found["i"])) == {0, 1}
        assert (found["u"].min(), found["u"].max()) == (0, 255)
        assert not any(np.array_equal(found[key], other[key]) for key in kinds)


def test_a_tflite_file_has_a_name_and_inputs(tmp_path: Path) -> None:
    """A .tflite file is named by its content, its inputs by name and place; nothing is converted from it."""
    name = adopted(tflite_files.written(tmp_path, tflite_files.small()))
    assert name.startswith("tflite:file=net,sha256=")
    assert formats.input_shapes(architectures.parse(name)) == {"x#0": (1, 8, 8, 3)}
    assert [form for form in plugins.names("formats") if formats.accepts(form, "tflite")] == ["tflite", "tflite_int8"]


@pytest.mark.skipif(package_version("ai-edge-litert") is not None, reason="LiteRT is here, and runs it")
def test_a_tflite_file_needs_litert(tmp_path: Path) -> None:
    """Without LiteRT the source of a .tflite file says what to install."""
    with pytest.raises(formats.ConversionFailed, match=r"Nothing here runs a \.tflite file: .*\[litert\]"):
        formats.source(adopted(tflite_files.written(tmp_path, tflite_files.small())))


@pytest.mark.slow
@pytest.mark.skipif(package_version("ai-edge-litert") is None, reason="LiteRT is not installed")
def test_a_tflite_file_is_run_as_it_is(tmp_path: Path) -> None:
    """The artefact is the user's file, byte for byte; its reference is LiteRT's."""
    path = tflite_files.written(tmp_path, tflite_files.small(biased=True))
    origin = formats.source(adopted(path))
    artefact = formats.convert(origin, "tflite")
    assert artefact.path.read_bytes() == path.read_bytes()
    assert list(artefact.versions) == ["ai-edge-litert"]
    with np.load(origin.reference) as reference:
        assert np.isfinite(reference["y0"]).all()


# --- what is in the file ---------------------------------------------------------------------------------------------


def test_constants_are_stored_values(tmp_path: Path) -> None:
    """Weights in Constant nodes are weights; the nodes are no operations."""
    one = onnx_files.small()
    tensor = next(stored for stored in one.graph.initializer if stored.name == "w")
    one.graph.initializer.remove(tensor)
    one.graph.node.insert(0, node("Constant", [], ["w"], value=tensor))
    graph = formats.file_graph(architectures.parse(adopted(written(tmp_path, one))))
    assert [operation.operator for operation in graph.operations][:2] == ["Conv", "Relu"]
    assert (graph.tensor("w").stored, graph.tensor("w").shape) == (True, (4, 3, 3, 3))


def test_functions_are_put_in_their_place(tmp_path: Path) -> None:
    """A model's own functions are resolved to the operations that they stand for."""
    from onnx import helper

    twice = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [node("Relu", ["a"], ["t"]), node("Relu", ["t"], ["b"])],
        [helper.make_opsetid("", 18)],
    )
    one = model(
        [node("Twice", ["x"], ["y"], domain="own")],
        [value("x", 1, 3)],
        [value("y", 1, 3)],
        others=["own"],
        functions=[twice],
    )
    graph = formats.file_graph(architectures.parse(adopted(written(tmp_path, one))))
    assert [operation.operator for operation in graph.operations] == ["Relu", "Relu"]


def test_shapes_in_the_file_are_not_believed(tmp_path: Path) -> None:
    """What a file says of the shapes between its nodes is ignored: they are inferred."""
    one = onnx_files.small()
    one.graph.value_info.append(value("c", 1, 4, 2, 2))
    one.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 77
    graph = formats.file_graph(architectures.parse(adopted(written(tmp_path, one))))
    assert (graph.tensor("c").shape, graph.tensor("y").shape) == ((1, 4, 8, 8), (1, 10))


def test_large_weights_are_not_copied_to_infer_shapes(tmp_path: Path) -> None:
    """A weight of more than a thousand numbers keeps its shape and takes part in inference without its values."""
    one = model([node("MatMul", ["x", "w"], ["y"])], [value("x", 1, 64)], [value("y", 1, 64)], [weights("w", 64, 64)])
    graph = formats.file_graph(architectures.parse(adopted(written(tmp_path, one))))
    assert graph.inputs == ("x",)
    assert graph.tensor("y").shape == (1, 64)
    assert graph.tensor("w").shape == (64, 64)
