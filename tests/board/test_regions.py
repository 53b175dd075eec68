from typing import Any

import pytest

from edgebench.board import regions
from edgebench.board.marks import Marks
from edgebench.board.regions import Layer, mnn, ncnn, onnxruntime


def test_marks_do_nothing_where_nobody_listens() -> None:
    """On a real board a mark is a system call without effect, in any order and number."""
    marks = Marks()
    for mark in (marks.close, marks.split, marks.open, marks.open, marks.close):
        mark()


def test_a_backend_that_lets_nobody_in_has_no_layers() -> None:
    """Only backends with a module of their own tell their layers apart."""
    assert regions.names() == ("mnn", "ncnn", "onnxruntime")
    assert [name for name in ("litert", "torch", *regions.names()) if regions.clocked(name)] == ["onnxruntime"]


def event(name: str, ts: int, operation: str, given: list[list[int]], made: list[int]) -> dict[str, Any]:
    """Make an event as onnxruntime's profile holds it."""
    arguments = {
        "op_name": operation,
        "input_type_shape": [{"float": shape} for shape in given],
        "output_type_shape": [{"float": made}],
    }
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": ts, "dur": 1, "args": arguments}


CONV = ("c", "FusedConv", [[1, 3, 8, 8], [32, 3, 3, 3], [32]], [1, 32, 4, 4])
GEMM = ("g", "Gemm", [[1, 512], [10, 512], [10]], [1, 10])


def run(start: int) -> list[dict[str, Any]]:
    """Make the events of one run, its own among them."""
    model = {"cat": "Session", "name": "model_run", "ts": start, "dur": 9, "args": {}}
    return [model, *(event(node[0], start + place, *node[1:]) for place, node in enumerate((CONV, GEMM), 1))]


def test_nodes_of_the_last_run_are_taken() -> None:
    """A profile holds all runs; the nodes of the last come in order, with their sizes."""
    assert onnxruntime.layers([*run(100), *run(0)], runs=2) == (
        Layer(name="c", operation="FusedConv", part=0, weight=(32, 3, 3, 3), in_channels=3, positions=16),
        Layer(name="g", operation="Gemm", part=1, weight=(10, 512), in_channels=512, positions=1),
    )


@pytest.mark.parametrize(
    ("given", "made"),
    [
        # As 1.31.1 writes them: the weights are packed and gone, and their scales (32,) come fourth.
        ([[1, 16, 16, 32], [], [], [64], [64], [], [], [64]], [1, 16, 16, 64]),
        # Channels last, with weights: what NCHW calls channels are rows.
        ([[1, 16, 16, 32], [], [], [64, 32, 1, 1], [64], [], [], [64]], [1, 16, 16, 64]),
    ],
)
def test_sizes_that_a_profile_does_not_tell_are_not_guessed(given: list[list[int]], made: list[int]) -> None:
    """A convolution of int8 keeps its name alone: no other number is taken for its weights."""
    (layer,) = onnxruntime.layers([event("q", 1, "QLinearConv", given, made)], runs=1)
    assert layer == Layer(name="q", operation="QLinearConv", part=0)


@pytest.mark.parametrize("runs", [2, 3])
def test_runs_that_differ_are_refused(runs: int) -> None:
    """A profile whose nodes are no multiple of the runs cannot be divided among them."""
    with pytest.raises(ValueError, match=f"for {runs} runs"):
        onnxruntime.layers([*run(0), *run(10)][:-1] if runs == 2 else [], runs=runs)


PARAM = """7767517
4 4
Input                in0    0 1 in0
ConvolutionDepthWise dw     1 1 in0 1 0=32 1=3 11=3 3=2 4=1 5=1 6=288 7=32
Split                split  1 2 1 2 3
InnerProduct         fc     1 1 2 out0 0=10 1=1 2=5120
"""


def test_a_network_of_ncnn_is_read() -> None:
    """Kernels, groups and channels of ncnn's layers follow from the sizes in their lines."""
    rows = [row for row in ncnn.parse(PARAM) if row.operation != "Input"]
    assert [ncnn.layer(row, place, 49) for place, row in enumerate(rows)] == [
        Layer(
            name="dw",
            operation="ConvolutionDepthWise",
            part=1,
            less=2,
            weight=(32, 1, 3, 3),
            in_channels=32,
            positions=49,
        ),
        Layer(name="split", operation="Split", part=4, less=5),
        Layer(name="fc", operation="InnerProduct", part=7, less=8, weight=(10, 512), in_channels=512, positions=49),
    ]


@pytest.mark.parametrize(
    ("operation", "million", "weight"),
    [
        ("Convolution", 32 * 16 * 3 * 25 / 1e6, (32, 16, 0, 0)),
        ("Convolution", 32 * 16 * 9 * 25 / 1e6, (32, 16, 3, 3)),
        ("ConvolutionDepthwise", 32 * 25 * 25 / 1e6, (32, 1, 5, 5)),
        ("Pooling", 0.1, ()),
    ],
)
def test_a_kernel_of_mnn_follows_from_its_mult_adds(operation: str, million: float, weight: tuple[int, ...]) -> None:
    """A kernel that is not square, such as 1 x 3, is left open rather than guessed."""
    found = mnn.layer("a", operation, part=3, in_channels=16, made=(1, 32, 5, 5), million_mult_adds=million)
    assert found.weight == (() if 0 in weight else weight)
