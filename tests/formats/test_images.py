import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench import architectures, formats
from edgebench.architectures._images import DIGITS, IMAGENET, preprocessing, refuse_untold
from edgebench.errors import UsageError
from edgebench.formats._images import ready

LENET = "lenet5:weights=0123456789abcdef"


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def written(path: Path, **arrays: Any) -> Path:
    """Write an .npz file."""
    np.savez(path, **arrays)
    return path


def digits(path: Path, images: int = 12) -> Path:
    """Write ready inputs of LeNet-5, each all of its own number."""
    inputs = np.arange(images, dtype=np.float32)[:, None, None, None] + np.zeros((1, 1, 32, 32), np.float32)
    return written(path, inputs=inputs, labels=np.arange(images) % 10)


# --- the split -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [4, 100, 512, 5000])
def test_no_image_both_calibrates_and_is_answered(images: int) -> None:
    """Each image is one of the two, always the same, and 128 or a quarter calibrate."""
    chosen = formats.split(images)
    assert sorted((*chosen.calibrating, *chosen.answered)) == list(range(images))
    assert len(chosen.calibrating) == min(128, images // 4)
    assert chosen == formats.split(images)


def test_the_parts_hold_the_answered_images_in_order(tmp_path: Path) -> None:
    """What calibrates and what is answered lie in files of their own, in the order of the split."""
    dataset = formats.read_dataset(digits(tmp_path / "data.npz", 200))
    made = formats.prepared(LENET, dataset)
    chosen = formats.split(200)
    parts = [np.load(part)["x"] for part in made.parts]
    assert [len(part) for part in parts] == [64, 64, 22]
    assert np.concatenate(parts)[:, 0, 0, 0].astype(int).tolist() == list(chosen.answered)
    assert np.load(made.calibration)["x"][:, 0, 0, 0].astype(int).tolist() == list(chosen.calibrating)


def test_other_images_have_another_key(tmp_path: Path) -> None:
    """The key follows the content of all images, not their path, and the shape that a model takes."""
    first = formats.read_dataset(digits(tmp_path / "a.npz"))
    same = formats.read_dataset(digits(tmp_path / "b.npz"))
    other = formats.read_dataset(digits(tmp_path / "c.npz", 13))
    assert formats.prepared_key(LENET, first) == formats.prepared_key(LENET, same)
    assert formats.prepared_key(LENET, first) != formats.prepared_key(LENET, other)


# --- what is given ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"inputs": np.zeros((8, 1, 32, 32))}, "holds inputs: expected `labels`"),
        ({"labels": np.zeros(8, int)}, "holds labels: expected `labels`"),
        ({"inputs": np.zeros((8, 1)), "labels": np.zeros(7, int)}, "holds 8 inputs and 7 labels: expected one"),
        ({"images": np.zeros((8, 2, 2), np.uint8), "labels": np.zeros(9, int)}, "holds 8 images and 9 labels"),
        ({"images": np.zeros((0, 2, 2), np.uint8), "labels": np.zeros(0, int)}, "holds 0 images: expected 4 at least"),
        ({"images": np.zeros((8, 2, 2)), "labels": np.zeros(8, int)}, "are float64: expected uint8"),
        ({"inputs": np.array(["x"] * 8), "labels": np.zeros(8, int)}, "are <U1: expected real numbers"),
        ({"inputs": np.zeros((8, 1)), "labels": np.zeros(8)}, "expected `labels`"),
        ({"inputs": np.zeros((8, 1)), "labels": -np.ones(8, int)}, "a class from 0 on"),
        ({"inputs": np.zeros((3, 1)), "labels": np.zeros(3, int)}, "holds 3 images: expected 4 at least"),
        ({"inputs": np.array([None] * 8), "labels": np.zeros(8, int)}, "no .npz of plain arrays|Object arrays"),
    ],
)
def test_arrays_that_are_no_images_are_one_sentence(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    """What an .npz lacks, or holds and should not, is said with what was expected; nothing is unpickled."""
    with pytest.raises(UsageError, match=reason):
        formats.read_dataset(written(tmp_path / "data.npz", **arrays))


@pytest.mark.parametrize(
    "shape", [(3, 28, 28), (28, 28, 1), (28,), (28, 28, 4), (28, 28, 3, 1), (), (0, 28), (28, 0, 3)]
)
def test_images_of_another_shape_are_one_sentence(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Channels first, one or four channels, lines and empty images are named with what was expected, none is bent."""
    path = written(tmp_path / "data.npz", images=np.zeros((8, *shape), np.uint8), labels=np.zeros(8, int))
    found = "x".join(map(str, (8, *shape)))
    reason = f"data.npz have the shape {found}: expected n x height x width if they are grey, n x height x width x 3 if"
    with pytest.raises(UsageError, match=re.escape(reason)):
        formats.read_dataset(path)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
def test_grey_and_coloured_images_of_arrays_become_inputs(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Images of both shapes are made ready for a model of one channel."""
    path = written(tmp_path / "data.npz", images=np.zeros((8, *shape), np.uint8), labels=np.zeros(8, int))
    made = formats.prepared(LENET, formats.read_dataset(path))
    assert [np.load(part)["x"].shape for part in made.parts] == [(6, 1, 32, 32)]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip at all"])
def test_a_broken_npz_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    """An empty or truncated file is refused by its name."""
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"data\.npz cannot be read as an \.npz of plain arrays: "):
        formats.read_dataset(tmp_path / "data.npz")


def test_what_is_no_data_is_refused(tmp_path: Path) -> None:
    """A path that is neither, and a folder without images, say what is expected."""
    with pytest.raises(UsageError, match="is no data: expected a folder"):
        formats.read_dataset(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="holds no images: expected a folder a class"):
        formats.read_dataset(tmp_path)


def test_folders_are_classes(tmp_path: Path) -> None:
    """Named folders are classes in alphabetical order, numbered ones places of outputs; other files are left out."""
    for name in ("named/dog", "named/cat", "numbered/3", "numbered/10"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(2):
            (tmp_path / name / f"{number}.png").write_bytes(name.encode())
        (tmp_path / name / "notes.txt").touch()
    named = formats.read_dataset(tmp_path / "named")
    assert (named.labels, named.classes) == ((0, 0, 1, 1), 2)
    numbered = formats.read_dataset(tmp_path / "numbered")
    assert (sorted(numbered.labels), numbered.classes) == ([3, 3, 10, 10], None)
    assert named.sha256 != numbered.sha256


def test_inputs_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Ready inputs have the shape that the model takes."""
    dataset = formats.read_dataset(written(tmp_path / "a.npz", inputs=np.zeros((8, 3, 4, 4)), labels=np.zeros(8, int)))
    with pytest.raises(
        UsageError, match=re.escape("have the shape 3x4x4: lenet5:weights=0123456789abcdef takes 1x32x32")
    ):
        formats.prepared(LENET, dataset)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("lenet5", "The weights of lenet5 are drawn"),
        ("lenet5:original,weights=0123456789abcdef", "The smallest output of lenet5:original"),
    ],
)
def test_answers_that_mean_nothing_are_refused(model: str, reason: str) -> None:
    """Drawn weights answer by chance, and an output that is small for the right class is no score."""
    with pytest.raises(UsageError, match=reason):
        refuse_untold(architectures.parse(model))


# --- how images become inputs ----------------------------------------------------------------------------------------


def test_preprocessing_belongs_to_the_model() -> None:
    """Coloured inputs are ImageNet's, grey ones digits'; of a user's own function nobody knows it."""
    assert preprocessing(architectures.parse("resnet")) == IMAGENET
    assert preprocessing(architectures.parse("lenet5")) == DIGITS
    users = architectures.parse("onnx:file=my_net,sha256=1a0a24599fb9ee38")
    with pytest.raises(UsageError, match=r"is not known: give --data an \.npz whose `inputs` are ready"):
        preprocessing(users)


def test_a_digit_is_put_in_the_middle_of_black() -> None:
    """An image of 28x28 becomes one of 32x32 with two black rows around it, as LeNet-5's paper says."""
    image = np.full((28, 28), 255, np.uint8)
    found = ready(image, DIGITS, (1, 32, 32))
    white, black = (np.float32((value - 0.1307) / 0.3081) for value in (1, 0))
    assert found.shape == (1, 32, 32)
    assert found.dtype == np.float32
    assert np.allclose(found[0, 2:30, 2:30], white)
    assert np.allclose(found[0, :2], black)
    assert np.allclose(found[0, :, 30:], black)


def test_an_image_of_the_inputs_size_is_only_scaled() -> None:
    """(x / 255 - mean) / std, channel by channel, channels first; a grey image fills all three."""
    image = np.zeros((4, 4, 3), np.uint8)
    image[..., 1] = 255
    found = ready(image, IMAGENET, (3, 4, 4))
    assert np.allclose(found[:, 0, 0], [-0.485 / 0.229, (1 - 0.456) / 0.224, -0.406 / 0.225])
    grey = ready(image[..., 1], IMAGENET, (3, 4, 4))
    assert np.allclose(grey[:, 0, 0], [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_a_large_image_is_resized_and_cropped() -> None:
    """The shorter side becomes the input's / 0.875, and the middle stays: of 64x32 with a white middle all is white."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    image = np.zeros((64, 32, 3), np.uint8)
    image[8:56] = 255
    found = ready(image, IMAGENET, (3, 28, 28))
    assert found.shape == (3, 28, 28)
    assert np.allclose(found[0], (1 - 0.485) / 0.229)


def test_an_image_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    """A file with an image's name and other content is named, with the reason."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    for name in ("0", "1"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "data" / name / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match=r"\.png cannot be read as an image: "):
        formats.prepared(LENET, formats.read_dataset(tmp_path / "data"))
