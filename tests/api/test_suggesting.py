"""What is said of a model that is not known."""

from pathlib import Path

import pytest

from edgebench.api._models import canonical
from edgebench.api._suggesting import meant
from edgebench.errors import UsageError


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("resnet50", ("resnet:depth=50",)),
        ("vgg-16", ("vgg:depth=16",)),
        ("squeezenet1.1", ("squeezenet:version=1.1",)),
        ("mobilenet_v2_1.4", ("mobilenet_v2:width=1.4",)),
        ("mobilenet_v1_0.25_128", ("mobilenet_v1",)),
        ("mobilnet_v1", ("mobilenet_v1",)),
        ("MobileNet", ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3")),
        ("inceptionv2", ("inception_v2",)),
        ("yolov5", ()),
        ("", ()),
    ],
)
def test_a_model_is_found_by_how_others_spell_it(name: str, models: tuple[str, ...]) -> None:
    """Case and dashes do not count, a number after a name is the parameter that takes it, and a typo is near one."""
    assert meant(name) == models


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "resnet50",
            "Unknown architecture 'resnet50': did you mean resnet:depth=50? `edgebench list models` ",
        ),
        ("yolov5", "Unknown architecture 'yolov5': known are alexnet, "),
        ("seeds", "seeds is a suite, of mobilenet_v1, "),
        ("my.pt", "my.pt is a file of PyTorch, which does not say what the network is: export the network as .onnx, "),
        ("net.pth", "net.pth is a file of PyTorch"),
        ("notes.md", "notes.md is no kind of model that is known: expected a .onnx or .tflite file"),
        ("python:foo", "'python:foo' names no function: expected python:package.module:factory."),
    ],
)
def test_a_model_that_is_none_is_one_sentence(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed is told from what it may have been meant to be: a suite, a file, a function, another name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pth").touch()
    (tmp_path / "notes.md").touch()
    with pytest.raises(UsageError) as refused:
        canonical([text])
    assert str(refused.value).startswith(sentence)
