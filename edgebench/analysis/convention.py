"""How others count: the conventions behind printed figures, by name, and a network's figures under them.

Ours counts the mult-adds of all convolutions and fully connected layers, and their weights alone. A convention is said
as words that can be combined, such as `without-classifier` and `two-per-mult-add`; each changes one thing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from edgebench.analysis.cost import Cost, LayerCost
from edgebench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """What of a network is counted. As it stands it is ours."""

    classifier: bool = True  # the fully connected layers after the last convolution
    first_layer: bool = True
    biases: bool = False
    batch_norm_vectors: int = 0  # numbers a channel: 2 scale and shift, 4 with the moving mean and variance
    bias_adds: bool = False  # an add of a bias counts like a mult-add: one connection
    batch_norm_operations: bool = False  # a multiply and an add for each value that a batch norm gives
    operations_per_mult_add: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a paper would print of a network under a convention, exact."""

    operations: int  # mult-adds, or twice as many
    params: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a convention: what it changes, and who counts so."""

    changes: Mapping[str, Any]
    meaning: str
    users: str


WORDS: Mapping[str, Word] = {
    "weights-only": Word(
        changes={"biases": False, "batch_norm_vectors": 0},
        meaning="parameters are weights",
        users="edgebench; the MobileNetV1 paper; tf-slim's table of MobileNetV2",
    ),
    "with-biases": Word(
        changes={"biases": True, "batch_norm_vectors": 0},
        meaning="parameters are weights and biases",
        users="the papers of networks without batch norm: AlexNet, VGG, SqueezeNet",
    ),
    "with-batch-norm": Word(
        changes={"biases": True, "batch_norm_vectors": 2},
        meaning="parameters are weights, biases, scales and shifts: all that is trained",
        users="torchvision, timm; the ResNet, DenseNet and EfficientNet families",
    ),
    "tf-slim": Word(
        changes={"biases": True, "batch_norm_vectors": 3},
        meaning="parameters are weights, biases and three numbers a channel of a batch norm",
        users="tf-slim's table of MobileNetV1",
    ),
    "keras": Word(
        changes={"biases": True, "batch_norm_vectors": 4},
        meaning="parameters are weights, biases and all four numbers a channel of a batch norm",
        users="Keras' total of a model; the size of a state dictionary",
    ),
    "without-classifier": Word(
        changes={"classifier": False},
        meaning="no fully connected layer after the last convolution",
        users="VGG-16's 15.3 G; MobileNetV1's Table 12 and the bodies of detectors",
    ),
    "without-first-layer": Word(
        changes={"first_layer": False},
        meaning="no first layer",
        users="tf-slim's table of MobileNetV1 at width 0.75",
    ),
    "with-bias-adds": Word(
        changes={"bias_adds": True},
        meaning="the add of a bias counts like a mult-add",
        users="the connections of the LeNet-5 paper",
    ),
    "with-batch-norm-operations": Word(
        changes={"batch_norm_operations": True},
        meaning="a batch norm counts two operations for each value that it gives",
        users="timm's tables, counted by fvcore",
    ),
    "two-per-mult-add": Word(
        changes={"operations_per_mult_add": 2},
        meaning="a multiply and an add are two operations",
        users="SqueezeNet's README, PaddleClas",
    ),
}


def parse(words: Iterable[str]) -> Convention:
    """Return the convention that these words make; raise UsageError for an unknown word, or two that contradict.

    >>> parse(["with-biases", "without-classifier"]).classifier
    False
    """
    changes: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    for word in words:
        if word not in WORDS:
            raise UsageError(f"The convention is {word!r}: expected {', '.join(WORDS)}.")
        for name, value in WORDS[word].changes.items():
            if changes.setdefault(name, value) != value:
                raise UsageError(f"The conventions {said_by[name]} and {word} contradict each other: give one of them.")
            said_by[name] = word
    return Convention(**changes)


def words(convention: Convention) -> tuple[str, ...]:
    """Return the words that make a convention, none for ours.

    >>> words(Convention(biases=True, operations_per_mult_add=2))
    ('with-biases', 'two-per-mult-add')
    """
    changed = {field.name for field in fields(convention) if getattr(convention, field.name) != field.default}
    return tuple(
        name
        for name, word in WORDS.items()
        if changed & word.changes.keys()
        and all(getattr(convention, field) == value for field, value in word.changes.items())
    )


def figures(network: Cost, convention: Convention) -> Figures:
    """Return what a paper that counts so would print; raise UsageError when there is no classifier to leave out."""
    layers = counted_layers(network, convention)
    return Figures(
        operations=convention.operations_per_mult_add * sum(_mult_adds(layer, convention) for layer in layers),
        params=sum(_params(layer, convention) for layer in layers),
    )


def counted_layers(network: Cost, convention: Convention) -> tuple[LayerCost, ...]:
    """Return the layers that a convention counts."""
    layers = network.layers if convention.first_layer else network.layers[1:]
    if convention.classifier:
        return layers
    body = next((end for end in range(len(layers), 0, -1) if layers[end - 1].kind != "fc"), 0)
    if body == len(layers):
        raise UsageError("The network does not end in a fully connected layer: there is no classifier to leave out.")
    return layers[:body]


def _mult_adds(layer: LayerCost, convention: Convention) -> int:
    added = layer.bias_params if convention.bias_adds else 0
    added += layer.bn_params if convention.batch_norm_operations else 0
    if added == 0:
        return layer.mult_adds
    # A weight works once a position, and so do a bias, a scale and a shift; a layer that is used again has its
    # parameters elsewhere. DenseNet's last batch norm, the classifier's, so works at one of its 49 positions.
    return layer.mult_adds + layer.mult_adds // layer.params * added


def _params(layer: LayerCost, convention: Convention) -> int:
    biases = layer.bias_params if convention.biases else 0
    return layer.params + biases + layer.bn_params // 2 * convention.batch_norm_vectors  # bn_params: two a channel
