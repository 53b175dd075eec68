"""How an image becomes the input of a classifier: what belongs to a network's weights as much as its layers do.

A folder of its own: a change here makes no network another one, so none has to be built or converted again.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgebench import architectures
from edgebench.architectures import Model
from edgebench.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What is done to pixels of 0 to 1: (pixel - mean) / std channel by channel, after fitting the image to the input.

    `cropped` is the share of the shorter side, once resized, that the square in the middle keeps. `padded`: an image
    that is no larger than the input is put in its middle on black instead. `source` says whose weights want that.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    cropped: float = 1.0
    padded: bool = False
    source: str


IMAGENET = Preprocessing(
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    cropped=0.875,  # 224 of 256, 299 of 342
    source="torchvision.transforms.ImageClassification, its weights of ImageNet",
)
DIGITS = Preprocessing(
    mean=(0.1307,), std=(0.3081,), padded=True, source="mean and deviation of MNIST; LeCun et al. 1998, II-B: 28 in 32"
)
_BY_CHANNELS = {1: DIGITS, 3: IMAGENET}


def preprocessing(model: Model) -> Preprocessing:
    """Return what a network's inputs are made by: its module's `PREPROCESSING`, else that of its number of channels.

    Raise UsageError for a model of which nobody knows it.

    >>> preprocessing(architectures.parse("mobilenet_v1")).mean
    (0.485, 0.456, 0.406)
    """
    name = architectures.name(model)
    if architectures.is_users(model):
        raise UsageError(
            f"How images become inputs of {name} is not known: give --data an .npz whose `inputs` are ready for it, "
            "with their `labels`."
        )
    own: Preprocessing | None = getattr(architectures.load(model.architecture), "PREPROCESSING", None)
    if own is not None:
        return own
    shapes = [shape for shape in architectures.input_shapes(model).values() if len(shape) == 4]
    if len(shapes) != 1 or shapes[0][1] not in _BY_CHANNELS:
        raise UsageError(f"{name} takes no grey or coloured image: --data is for classifiers of images.")
    return _BY_CHANNELS[shapes[0][1]]


def refuse_untold(model: Model) -> None:
    """Raise UsageError for a model whose outputs do not tell a class by the largest score, or have drawn weights."""
    name = architectures.name(model)
    if model.architecture == "lenet5" and model.parameters.kind == "original":
        raise UsageError(f"The smallest output of {name} tells the class: --data takes the largest for it.")
    if model.weights is None and not architectures.is_users(model):
        raise UsageError(
            f"The weights of {name} are drawn, so its answers are chance: give trained ones with --weights FILE, "
            "or leave --data out."
        )
