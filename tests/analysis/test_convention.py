from pathlib import Path

import pytest

from edgebench import analysis, architectures
from edgebench.analysis.convention import WORDS, Convention, Figures, figures, parse, words
from edgebench.analysis.cost import Cost, LayerCost
from edgebench.errors import UsageError

PRINTED = [  # model, words, operations and parameters as printed, source
    ("mobilenet_v1", ["weights-only"], "569M", "4.2M", "MobileNetV1 paper, Table 4"),
    ("mobilenet_v1", ["without-classifier"], "568M", "3.2M", "MobileNetV1 paper, Table 12"),
    ("mobilenet_v1", ["tf-slim"], "569M", "4.24M", "tf-slim, mobilenet_v1.md"),
    ("mobilenet_v1:width=0.75", ["tf-slim", "without-first-layer"], "317M", "2.59M", "tf-slim, mobilenet_v1.md"),
    ("vgg:depth=16", ["with-batch-norm"], "15.47G", "138357544", "torchvision"),
    ("squeezenet:version=1.0", ["with-batch-norm"], "0.82G", "1248424", "torchvision; SqueezeNet paper, Table 1"),
    (
        "squeezenet:version=1.0,resolution=227,conv10_padding=1",
        ["with-biases", "two-per-mult-add"],
        "1.72G",
        "1.25M",
        "README; MobileNetV1 paper, Table 9",
    ),
]
UNITS = {"M": 1e6, "G": 1e9}


def count(spec: str) -> Cost:
    """Count a specification."""
    return analysis.count(architectures.parse(spec))


@pytest.mark.parametrize(("spec", "convention", "operations", "params", "source"), PRINTED)
def test_printed_figures_come_out(spec: str, convention: list[str], operations: str, params: str, source: str) -> None:
    """A printed figure is reproduced to its last digit under the convention of who printed it."""
    found = figures(count(spec), parse(convention))
    assert (printed_like(operations, found.operations), printed_like(params, found.params)) == (operations, params)


def printed_like(example: str, value: int) -> str:
    """Return a value with the unit and the digits of an example."""
    unit = example[-1] if example[-1] in UNITS else ""
    digits = len(example.removesuffix(unit).partition(".")[2])
    return f"{value / UNITS.get(unit, 1):.{digits}f}{unit}"


def test_our_convention_is_the_default() -> None:
    """Without a word the figures are the cost's own: mult-adds and weights."""
    cost = count("mobilenet_v1")
    assert figures(cost, parse([])) == Figures(operations=cost.mult_adds, params=cost.params)
    assert parse([]) == parse(["weights-only"]) == Convention()


def test_keras_counts_four_numbers_a_batch_norm() -> None:
    """MobileNetV1 with moving means and variances has the 4,253,864 parameters that Keras prints."""
    assert figures(count("mobilenet_v1"), parse(["keras"])).params == 4_253_864


def test_words_combine() -> None:
    """Each word changes one thing, in any order."""
    combined = parse(["two-per-mult-add", "without-classifier", "with-biases"])
    assert combined == parse(["with-biases", "without-classifier", "two-per-mult-add"])
    without = parse(["without-classifier"])
    cost = count("vgg")
    assert figures(cost, combined).operations == 2 * figures(cost, without).operations


@pytest.mark.parametrize("word", WORDS)
def test_a_convention_says_its_words(word: str) -> None:
    """Every convention but ours is named by the words that make it."""
    assert words(parse([word])) == (() if word == "weights-only" else (word,))


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_documented(word: str) -> None:
    """docs/counting.md has a row for each word."""
    assert f"\n| `{word}` |" in (Path(__file__).parents[2] / "docs" / "counting.md").read_text(encoding="utf-8")


def test_several_words_come_back() -> None:
    """A convention of several words is named by all of them."""
    combined = ("keras", "without-classifier", "two-per-mult-add")
    assert words(parse(combined)) == combined


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["macs"], "The convention is 'macs': expected weights-only, with-biases"),
        (["keras", "with-biases"], "The conventions keras and with-biases contradict each other"),
    ],
)
def test_words_that_make_no_convention_are_refused(said: list[str], message: str) -> None:
    """An unknown word is refused, and so are two that contradict each other."""
    with pytest.raises(UsageError, match=message):
        parse(said)


def test_a_classifier_is_what_follows_the_last_convolution() -> None:
    """All fully connected layers at the end are left out, those between convolutions stay."""
    vgg = count("vgg")
    assert figures(vgg, parse(["without-classifier"])).operations == vgg.mult_adds - (
        512 * 7 * 7 * 4096 + 4096 * 4096 + 4096 * 1000
    )
    excited = Cost(layers=(layer("conv_3x3", 7), layer("fc", 5), layer("conv_1x1", 3), layer("fc", 2)))
    assert figures(excited, parse(["without-classifier"])).operations == 7 + 5 + 3


def test_without_a_classifier_there_is_none_to_leave_out() -> None:
    """SqueezeNet ends in a convolution: leaving out its classifier is refused, not ignored."""
    with pytest.raises(UsageError, match="no classifier to leave out"):
        figures(count("squeezenet"), parse(["without-classifier"]))


def test_bias_adds_count_at_every_position() -> None:
    """LeNet-5's first layer has 28x28 positions, 6 maps, 25 weights and a bias each: 122,304 connections."""
    first = count("lenet5").layers[0]
    assert figures(Cost(layers=(first,)), parse(["with-bias-adds"])).operations == 28 * 28 * 6 * (25 + 1) == 122_304


def layer(kind: str, mult_adds: int) -> LayerCost:
    """Make a layer of a kind with this cost."""
    return LayerCost(
        name=kind,
        kind=kind,
        in_channels=1,
        out_channels=1,
        kernel=(1, 1),
        stride=(1, 1),
        groups=1,
        out_h=1,
        out_w=1,
        mult_adds=mult_adds,
        params=1,
        bias_params=0,
        bn_params=0,
    )
