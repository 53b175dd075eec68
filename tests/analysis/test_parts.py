from dataclasses import replace

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.cost import LayerCost
from edgebench.analysis.parts import joined, part
from edgebench.board.wire import ByLayer, LayerTimes

MOBILENET = analysis.count(architectures.parse("mobilenet_v1:width=0.25,resolution=64")).layers
NETWORKS = ("mobilenet_v1", "squeezenet:version=1.0", "resnet:depth=18", "inception_v3", "alexnet", "shufflenet_v2")


def told(*layers: LayerTimes, source: str = "runtime") -> ByLayer:
    """Return what a board told."""
    return ByLayer(session="s1", trial="t", source=source, whole_ns=(9,), layers=layers)  # type: ignore[arg-type]


def times(layer: LayerCost, name: str = "node", **sizes: object) -> LayerTimes:
    """Return the times of a layer under a name, with its sizes as a runtime tells them."""
    weight = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel)
    own = {"weight": weight, "in_channels": layer.in_channels, "positions": layer.out_h * layer.out_w}
    return LayerTimes(name=name, operation="Conv", wall_ns=(1,), **(own | sizes))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", NETWORKS)
def test_a_layer_by_itself_costs_what_it_does_in_its_network(model: str) -> None:
    """A part has the mult-adds, weights and output of its layer, and its name is canonical."""
    for layer in analysis.count(architectures.parse(model)).layers:
        name = part(layer)
        assert name is not None
        assert architectures.name(architectures.parse(name)) == name
        (alone,) = analysis.count(architectures.parse(name)).layers
        figures = ("kind", "mult_adds", "params", "kernel", "stride", "groups", "out_h", "out_w")
        assert [getattr(alone, one) for one in figures] == [getattr(layer, one) for one in figures]


def test_a_product_of_activations_is_no_part() -> None:
    """A product without weights of its own, or of several rows, is not a model that can be timed."""
    layer = next(layer for layer in MOBILENET if layer.kind == "fc")
    assert part(replace(layer, kind="matmul")) is None
    assert part(replace(layer, out_h=7)) is None


def test_a_name_finds_its_layer() -> None:
    """An operation under a layer's own name is that layer, wherever it stands."""
    last, first = MOBILENET[-1], MOBILENET[0]
    found = list(joined(told(times(last, last.name, weight=()), times(first, first.name, weight=())), MOBILENET))
    assert [one.layer for one in found] == [last, first]


def test_sizes_find_layers_in_the_order_of_execution() -> None:
    """Without names the first layer of the sizes that is left is taken, so that equal ones come in their order."""
    found = list(joined(told(*(times(layer) for layer in MOBILENET)), MOBILENET))
    assert [one.layer for one in found] == list(MOBILENET)


def test_filled_up_channels_are_seen_through() -> None:
    """A runtime that fills 8 channels up to 16 computes the layer of 8."""
    layer = MOBILENET[0]
    assert layer.out_channels == 8
    (one,) = joined(told(times(layer, weight=(16, 3, 3, 3))), MOBILENET)
    assert one.layer == layer


def test_an_operation_that_is_no_layer_stays_by_itself() -> None:
    """What has neither a layer's name nor sizes is told without one."""
    (one,) = joined(told(LayerTimes(name="reorder", operation="ReorderOutput", wall_ns=(1,))), MOBILENET)
    assert one.layer is None


def test_layers_that_were_timed_alone_stand_for_all_of_their_kind() -> None:
    """Each layer of the network takes the times of the part that it is; a part that could not be made is left out."""
    names = {part(layer) for layer in MOBILENET} - {part(MOBILENET[0]), None}
    alone = [LayerTimes(name=str(name), operation="", wall_ns=(1,)) for name in sorted(map(str, names))]
    found = list(joined(told(*alone, source="isolated"), MOBILENET))
    assert [one.layer for one in found] == list(MOBILENET[1:])
