import subprocess
import sys
from pathlib import Path

import pytest

from edgebench import plugins
from edgebench.errors import UsageError

IN_TREE: dict[plugins.Kind, tuple[str, ...]] = {
    "architectures": ("layer", "lenet5", "mobilenet_v1", "squeezenet", "vgg"),
    "backends": ("null", "onnxruntime", "openvino", "torch"),
    "formats": ("onnx", "pt2"),
    "sensors": ("cpufreq", "ina3221", "rapl", "thermal"),
}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which another package has registered two formats: a module, and a function by mistake."""
    (tmp_path / "their_format.py").write_text('SUFFIX = ".theirs"\nDISTRIBUTIONS = ()\n\ndef convert(): ...\n')
    metadata = tmp_path / "theirs-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[edgebench.formats]\ntheirs = their_format\nmistaken = their_format:convert\nonnx = their_format\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_format", raising=False)
    return tmp_path


@pytest.mark.parametrize("kind", IN_TREE)
def test_plugins_in_this_tree_are_found_by_file_name(kind: plugins.Kind) -> None:
    """Each module whose name does not begin with an underscore is a plugin."""
    assert set(IN_TREE[kind]) <= set(plugins.names(kind))
    assert not [name for name in plugins.names(kind) if name.startswith("_")]


@pytest.mark.usefixtures("elsewhere")
def test_plugins_of_other_packages_are_found_by_entry_point() -> None:
    """An entry point joins the names in alphabetical order, and its module is what is loaded."""
    names = plugins.names("formats")
    assert {"mistaken", "onnx", "pt2", "theirs"} <= set(names)
    assert list(names) == sorted(set(names))
    assert vars(plugins.load("formats", "theirs"))["SUFFIX"] == ".theirs"


@pytest.mark.usefixtures("elsewhere")
def test_another_package_does_not_replace_ours() -> None:
    """A name that this tree has means this tree's module."""
    assert plugins.load("formats", "onnx").__name__ == "edgebench.formats.onnx"


@pytest.mark.usefixtures("elsewhere")
def test_an_entry_point_that_is_no_module_is_refused() -> None:
    """What is registered is a module; anything else is named for what it is."""
    with pytest.raises(UsageError, match=r"'mistaken' \(their_format:convert\) is a function: expected a module"):
        plugins.load("formats", "mistaken")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    """A name that nobody has registered is one sentence with all that are."""
    with pytest.raises(UsageError, match=r"Unknown format 'gguf': known are .*onnx, .*pt2"):
        plugins.load("formats", "gguf")


def test_names_are_told_without_importing_one() -> None:
    """Listing plugins imports neither a plugin nor a runtime."""
    code = (
        "import sys; from edgebench import plugins; [plugins.names(kind) for kind in plugins._PACKAGES]; "
        "print(*sorted(name for name in sys.modules if name.startswith(('edgebench.', 'torch', 'onnx', 'openvino'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not [name for name in loaded if name.split(".")[0] != "edgebench"]
    assert not [name for name in loaded if name.rpartition(".")[2] in sum(IN_TREE.values(), ())]
