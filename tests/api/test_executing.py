import re
from pathlib import Path

import pytest

from edgebench import api, plugins
from edgebench.analysis.executed import Executed
from edgebench.api import executing
from edgebench.api.executing import Wanted
from edgebench.errors import UsageError

PAGE = Path(__file__).parents[2] / "docs" / "executed.md"
"""Its table of counts in fp32 is what counts are held to, and says in which versions."""


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "x86"}, "is not emulated"),
        ({"backends": ("null",)}, "loads no model"),
        ({"precision": "int4"}, "has no precision int4"),
        ({"backends": ("executorch",)}, "executorch does not run on an emulated board: it asks for antlr4"),
        ({"device": "nosuch"}, "Unknown device"),
        ({"backends": ("nosuch",)}, "Unknown backend"),
        ({"packages": ("flask==1.0",)}, "--wheel flask==1.0 names no version of numpy, onnxruntime, psutil"),
        ({"packages": ("onnxruntime",)}, "--wheel onnxruntime names no version"),
    ],
)
def test_what_cannot_be_counted_is_refused_before_anything_is_fetched(changes: dict[str, object], words: str) -> None:
    """A board whose core QEMU lacks, a backend without a model and an unknown precision are told at once."""
    usual: dict[str, object] = {"model": "lenet5", "device": "rpi4", "backends": ("onnxruntime",)}
    with pytest.raises(UsageError, match=words):
        api.executed(Wanted(**{**usual, **changes}), quiet)  # type: ignore[arg-type]


def test_another_version_than_asked_for_is_refused() -> None:
    """Where the version asked for has no wheel, pip's other answer is no answer."""
    found = [Path("numpy-2.4.6-cp313-cp313-manylinux_2_27_aarch64.whl"), Path("ai_edge_litert-2.3.0-cp313-x.whl")]
    executing._refuse_others(found, ["numpy==2.4.6"])
    with pytest.raises(UsageError, match=r"ai-edge-litert==2\.0\.1 has no wheel .* 2\.3\.0 is one that has"):
        executing._refuse_others(found, ["ai-edge-litert==2.0.1"])


def published(model: str, backend: str) -> int:
    """Return the instructions that the page says one inference takes."""
    row = re.compile(rf"\| `{re.escape(model)}` \| {backend} \| ([\d,]+) \|")
    (found,) = filter(None, map(row.match, PAGE.read_text(encoding="utf-8").splitlines()))
    return int(found[1].replace(",", ""))


def versions() -> dict[str, str]:
    """Return the runtimes' versions that the page was counted with."""
    (line,) = re.findall(r"^Counted with (.+), in fp32, ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(one.split() for one in line.split(", "))


def as_published(model: str, backend: str, *, by_layer: bool = False, repeats: int = 0) -> Executed:
    """Count a network on a Raspberry Pi 4 in the version of a runtime that the page was counted with."""
    package = f"{plugins.load('backends', backend).DISTRIBUTION}=={versions()[backend]}"
    wanted = Wanted(
        model=model, device="rpi4", backends=(backend,), packages=(package,), by_layer=by_layer, repeats=repeats
    )
    done = api.executed(wanted, quiet)
    assert done.lost == {}
    (found,) = done.found
    assert found.runtime_version == versions()[backend]
    return found


@pytest.fixture(scope="module")
def lenet() -> Executed:
    """Count LeNet-5 in onnxruntime on a Raspberry Pi 4, twice, and by kind of layer."""
    return as_published("lenet5", "onnxruntime", by_layer=True, repeats=1)


@pytest.mark.slow
def test_a_small_network_is_counted_on_an_emulated_board(lenet: Executed) -> None:
    """Outputs are the host's; the runtime is the one asked for; a 32-bit vector has no more than 4 lanes."""
    assert lenet.parity_max_abs_diff <= 1e-3 * lenet.parity_scale
    assert (lenet.cpu, lenet.mult_adds) == ("cortex-a72", 416_520)
    assert lenet.tally.narrow_fused_lanes == 0
    assert 1 <= lenet.lanes_per_mult_add < 1.3
    assert lenet.tally.fused_vector_lanes <= 4 * lenet.tally.of("fma_vector")
    assert lenet.tally.dot_lanes == 0


@pytest.mark.slow
def test_a_second_inference_executes_the_same(lenet: Executed) -> None:
    """A call once warm takes what the next one takes, to within 1 % for the smallest network."""
    (again,) = lenet.again
    assert abs(again / lenet.tally.total - 1) < 0.01


@pytest.mark.slow
def test_layers_hold_the_multiplications(lenet: Executed) -> None:
    """By kind of layer mult-adds sum up to those counted, and all fused vectors are in layers."""
    assert lenet.kinds is not None
    assert sum(one.mult_adds or 0 for one in lenet.kinds) == lenet.mult_adds
    inside = sum(one.tally.of("fma_vector") for one in lenet.kinds if one.layers)
    assert inside == lenet.tally.of("fma_vector")


@pytest.mark.slow
def test_counts_are_compared_as_files(lenet: Executed, tmp_path: Path) -> None:
    """A count that is written and compared with itself is the same."""
    from edgebench.board.wire import encode

    path = tmp_path / "a.json"
    path.write_bytes(encode([lenet]))
    (found,) = api.compare_executed(path, path)
    assert found.same


@pytest.mark.slow
def test_counts_are_the_published_ones(lenet: Executed) -> None:
    """onnxruntime, whose inferences differ by some hundred instructions, executes what the page says within 1 %."""
    assert lenet.tally.total == pytest.approx(published("lenet5", "onnxruntime"), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "backend"), [("lenet5", "ncnn"), ("lenet5", "mnn"), ("lenet5", "litert"), ("mobilenet_v1", "ncnn")]
)
def test_another_process_executes_the_same(model: str, backend: str) -> None:
    """What is called deterministic is: two processes execute the same, word for word, and what the page says."""
    first, second = (as_published(model, backend) for _ in range(2))
    assert first == second
    assert first.tally.total == pytest.approx(published(model, backend), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["ncnn", "mnn"])
def test_winograd_saves_multiplications_where_it_can(backend: str) -> None:
    """A dense 3x3 layer of stride 1 takes less than half as many as on paper, and its outputs are right."""
    model = "layer:standard,size=28,in=64,out=64,kernel=3"
    (found,) = api.executed(Wanted(model=model, device="rpi4", backends=(backend,)), quiet).found
    assert found.mult_adds == 28 * 28 * 64 * 64 * 9
    assert found.parity_max_abs_diff <= 1e-3 * found.parity_scale
    assert found.lanes_per_mult_add < 0.5


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a 1 x 1 convolution of 64 into 64 channels on 8 x 8 places in int8, between float input and output."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.random.default_rng(0).integers(-127, 128, (64, 64, 1, 1)).astype(np.int8)
    stored = {
        "scale": np.float32(0.05),
        "weight_scale": np.float32(0.01),
        "zero": np.uint8(128),
        "weight_zero": np.int8(0),
        "w": weights,
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["xq"]),
        helper.make_node(
            "QLinearConv", ["xq", "scale", "zero", "w", "weight_scale", "weight_zero", "scale", "zero"], ["yq"]
        ),
        helper.make_node("DequantizeLinear", ["yq", "scale", "zero"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "int8",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64, 8, 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()],
    )
    path = tmp_path_factory.mktemp("int8") / "int8.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("device", "uses_dot_products"), [("rpi4", False), ("rpi5", True)])
def test_int8_finds_the_dot_products_of_a_core_that_has_them(device: str, uses_dot_products: bool, int8: Path) -> None:
    """A Cortex-A76 has dot products and onnxruntime's int8 uses them; a Cortex-A72 multiplies integer vectors."""
    wanted = Wanted(model=str(int8), device=device, backends=("onnxruntime",))
    (found,) = api.executed(wanted, quiet).found
    assert found.mult_adds == 64 * 64 * 8 * 8
    used = (found.tally.dot_lanes, found.tally.integer_lanes)
    assert used[not uses_dot_products] >= found.mult_adds
    assert used[uses_dot_products] < 0.1 * found.mult_adds


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnxruntime", "litert"])
@pytest.mark.parametrize(("device", "uses_dot_products"), [("rpi4", False), ("rpi5", True)])
def test_a_network_in_int8_finds_them_too(device: str, uses_dot_products: bool, backend: str) -> None:
    """MobileNetV1 as each runtime's own quantiser writes it: hardly a multiplication is left to floats."""
    model = "mobilenet_v1:width=0.25,resolution=96"
    wanted = Wanted(model=model, device=device, backends=(backend,), precision="int8")
    (found,) = api.executed(wanted, quiet).found
    assert (found.tally.dot_lanes > 0.8 * found.mult_adds) == uses_dot_products
    assert (found.tally.dot_lanes == 0) != uses_dot_products
    assert found.tally.dot_lanes + found.tally.integer_lanes >= found.mult_adds
    assert found.tally.fused_lanes < 0.05 * found.mult_adds
