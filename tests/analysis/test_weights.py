from typing import Any

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.weights import Kept, WeightBytes, kept, weight_bytes
from tests.analysis.ops import CONV, graph, op

NORM: dict[str, Any] = {"params": 4, "bias_params": 4}


@pytest.mark.parametrize("biases", [0, 4])
def test_a_batch_norm_is_folded_into_its_layer(biases: int) -> None:
    """Behind a layer, scales go into its weights and shifts into its biases, whether it had biases or not."""
    network = graph(op("input"), op("conv", "input", bias_params=biases, **CONV), op("batch_norm", "conv", **NORM))
    assert kept(network)[1:] == (Kept(weights=16, biases=4), Kept())


def test_a_batch_norm_that_cannot_be_folded_is_kept() -> None:
    """Behind anything else, or behind a layer that another operation reads too, it keeps its scales and shifts."""
    pooled = graph(op("input"), op("max_pool", "input"), op("batch_norm", "max_pool", **NORM))
    assert kept(pooled)[2] == Kept(biases=8)
    forked = graph(
        op("input"), op("conv", "input", **CONV), op("batch_norm", "conv", **NORM), op("add", "conv", "batch_norm")
    )
    assert kept(forked)[1:3] == (Kept(weights=16), Kept(biases=8))


def test_constants_are_kept_too() -> None:
    """A constant that the network computes with is kept like its biases."""
    assert kept(graph(op("input"), op("constant"), op("add", "input", "constant")))[1] == Kept(biases=16)


@pytest.mark.parametrize(("element_bytes", "expected"), [(4, 4 * 16 + 4 * 4), (2, 2 * 16 + 2 * 4), (1, 16 + 4 * 4)])
def test_weights_have_the_size_of_their_file(element_bytes: int, expected: int) -> None:
    """A layer takes what its file gives a weight; biases of 8-bit weights have 32 bits."""
    network = graph(op("input"), op("conv", "input", bias_params=4, param_bytes=element_bytes, **CONV))
    assert kept(network)[1].size_bytes == expected


def test_mobilenet_v1_at_each_precision() -> None:
    """MobileNetV1 keeps 4,209,088 weights and 1000 + 10,944 biases: four, two, or one and four bytes each."""
    memory = analysis.count(architectures.parse("mobilenet_v1")).memory
    assert memory is not None
    weights, biases = 4_209_088, 1000 + 10_944
    assert memory.weight_bytes == WeightBytes(
        fp32=4 * (weights + biases), fp16=2 * (weights + biases), int8=weights + 4 * biases
    )
    assert memory.moved_weight_bytes == memory.weight_bytes.fp32


def test_nothing_kept_takes_nothing() -> None:
    """A network without weights takes no bytes."""
    assert weight_bytes(()) == WeightBytes(fp32=0, fp16=0, int8=0)
