"""Environments of converters: what they lie on, and what is said when they cannot be made."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgebench import formats, plugins
from edgebench.formats import ConversionFailed, _environment
from edgebench.formats._cache import whole


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new, empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> str:
    """Pin a package that no index has."""
    monkeypatch.setattr(_environment, "pins", lambda name: {name: "1.0"})
    return "edgebench-no-such-converter"


def test_every_converter_is_pinned() -> None:
    """Each package that a format wants in an environment has a file with its version and those of what it asks for."""
    modules = [plugins.load("formats", name) for name in plugins.names("formats")]
    converters = {module.CONVERTER for module in modules if hasattr(module, "CONVERTER")}
    assert converters
    for converter in converters:
        assert converter in _environment.pins(converter)
        assert not {"torch", "numpy"} & _environment.pins(converter).keys()


def test_what_is_here_needs_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the pinned version is installed already, this very Python converts."""
    monkeypatch.setattr(_environment, "pins", lambda _: {"numpy": __import__("numpy").__version__})
    assert not _environment.missing("numpy")
    assert _environment.interpreter("numpy") == sys.executable
    assert _environment.interpreter(None) == sys.executable


def test_another_version_needs_one(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """A converter in another version than the pinned one counts as missing."""
    monkeypatch.setattr(_environment, "pins", lambda _: {"numpy": "1.0"})
    assert _environment.missing("numpy")
    assert not empty.exists()


def test_a_converter_that_cannot_be_installed_is_one_sentence(
    pinned: str, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an index the reason says what is missing and what to do, as a loss, and no half environment stays."""
    monkeypatch.setattr(_environment, "_install", lambda *_: _environment.reason("(from versions: none)"))
    with pytest.raises(ConversionFailed, match=rf"{pinned}==1\.0, is not installed here .*no index could be") as failed:
        _environment.interpreter(pinned)
    assert (failed.value.stage, failed.value.lost) == ("convert", True)
    assert "\n" not in str(failed.value)
    assert list((empty / "edgebench" / "environments").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("empty")
def test_pip_without_an_index_is_told_as_such(pinned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's own words for an index that does not answer are understood."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConversionFailed, match="no index could be reached"):
        _environment.interpreter(pinned)


@pytest.mark.slow
def test_an_environment_lies_on_top_of_ours(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed here is seen there, after what is installed there."""
    monkeypatch.setattr(_environment, "_install", lambda *_: None)
    folder = empty / "edgebench" / "environments" / "some"
    with whole(folder) as draft:
        _environment._make(draft, "pnnx")
    program = "import numpy, sys; print(sys.prefix); print(numpy.__file__); print(*sys.path, sep='\\n')"
    said = subprocess.run(
        [folder / "bin" / "python", "-c", program], check=True, capture_output=True, text=True, env={}
    ).stdout.splitlines()
    assert said[0] == str(folder)
    assert said[1] == __import__("numpy").__file__
    places = [place for place in said[2:] if place.endswith("site-packages")]
    assert places[0].startswith(str(folder))
    assert len(places) > 1


def test_artefacts_of_other_converters_are_others(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """What an older pin made is not taken for the newer one's; formats of our own environment keep their plain name."""
    folder = empty / "edgebench" / "artefacts"
    from edgebench.formats import _convert

    first = _convert._folder(folder, "ncnn", None)
    monkeypatch.setattr(_environment, "pins", lambda name: {name: "1"})
    assert _convert._folder(folder, "ncnn", None) != first
    assert _convert._folder(folder, "onnx", None) == folder / "onnx"


def test_a_file_becomes_what_is_converted_from_it() -> None:
    """A .onnx file is taken as it is, and by formats that come from it; a .tflite file by its own alone."""
    assert [name for name in plugins.names("formats") if formats.accepts(name, "onnx")] == [
        "mnn",
        "ncnn",
        "onnx",
        "onnx_int8",
        "onnx_nncf",
    ]
    assert not formats.accepts("pt2", "onnx")
